/* git_text.c - listings of references and of trees. Objects are in git_parse.c. */
#include "orchestrator/gitops/git_text.h"

#include <string.h>

#include "base/arena.h"
#include "base/semver.h"
#include "base/str.h"
#include "base/utf8.h"

enum { PART_MAX = 255, PATH_BYTES_MAX = 4000, REF_MAX = 240 };

#define TAGS "refs/tags/"

bool wc_git_is_id(const char *text, size_t len)
{
    if (len != 40 && len != 64)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!wc_ascii_isdigit(text[i]) && (text[i] < 'a' || text[i] > 'f'))
            return false;
    return true;
}

/* What may stand in no name of a reference, and what is a pattern to ls-remote. */
static bool bad_in_ref(char c)
{
    return (unsigned char)c <= ' ' || c == 127 || strchr("~^:?*[\\", c) != NULL;
}

bool wc_git_is_ref_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > REF_MAX || name[0] == '-' || name[0] == '/' || name[len - 1] == '/' ||
        name[len - 1] == '.' || wc_streq(name, "@"))
        return false;
    for (size_t i = 0; i < len; i++) {
        bool starts = i == 0 || name[i - 1] == '/';
        if (bad_in_ref(name[i]) || (starts && (name[i] == '.' || name[i] == '/')))
            return false;
    }
    if (strstr(name, "..") != NULL || strstr(name, "@{") != NULL)
        return false;
    for (const char *at = strstr(name, ".lock"); at != NULL; at = strstr(at + 1, ".lock"))
        if (at[5] == '\0' || at[5] == '/')
            return false;
    return true;
}

static bool read_ref(const char *line, size_t len, struct wc_git_ref *out)
{
    const char *tab = memchr(line, '\t', len);
    if (tab == NULL || !wc_git_is_id(line, (size_t)(tab - line)))
        return false;
    size_t id_len = (size_t)(tab - line);
    memcpy(out->id, line, id_len);
    out->id[id_len] = '\0';
    out->name = (struct wc_piece){ tab + 1, len - id_len - 1 };
    out->is_peeled = out->name.len > 3 && memcmp(out->name.at + out->name.len - 3, "^{}", 3) == 0;
    if (out->is_peeled)
        out->name.len -= 3;
    return out->name.len > 0;
}

bool wc_git_next_ref(const char **at, const char *end, struct wc_git_ref *out)
{
    while (*at < end) {
        const char *line = *at, *eol = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((eol == NULL ? end : eol) - line);
        *at = eol == NULL ? end : eol + 1;
        if (read_ref(line, len, out))
            return true;
    }
    return false;
}

static bool is_named(const struct wc_git_ref *ref, const char *name)
{
    return strlen(name) == ref->name.len && memcmp(name, ref->name.at, ref->name.len) == 0;
}

bool wc_git_find_ref(const char *text, size_t len, const char *name, char id[65], char peeled[65])
{
    struct wc_git_ref ref;
    bool found = false;
    if (peeled != NULL)
        peeled[0] = '\0';
    for (const char *at = text; wc_git_next_ref(&at, text + len, &ref);) {
        if (!is_named(&ref, name))
            continue;
        char *to = ref.is_peeled ? peeled : id;
        found = found || !ref.is_peeled;
        if (to != NULL)
            memcpy(to, ref.id, sizeof ref.id);
    }
    return found;
}

/* A tag's short name, terminated; NULL when the reference is no tag with a name that we would take.
 */
static const char *tag_name(const struct wc_git_ref *ref, char name[REF_MAX + 1])
{
    size_t skip = strlen(TAGS), len = ref->name.len;
    if (ref->is_peeled || len <= skip || len - skip > REF_MAX ||
        memcmp(ref->name.at, TAGS, skip) != 0 || memchr(ref->name.at, '\0', len) != NULL)
        return NULL;
    memcpy(name, ref->name.at + skip, len - skip);
    name[len - skip] = '\0';
    return wc_git_is_ref_name(name) ? name : NULL;
}

const char *wc_git_best_tag(const char *text, size_t len, const char *range, struct wc_arena *arena)
{
    struct wc_git_ref ref;
    struct wc_semver version, best = { 0 };
    const char *best_name = NULL;
    for (const char *at = text; wc_git_next_ref(&at, text + len, &ref);) {
        char name[REF_MAX + 1];
        if (tag_name(&ref, name) == NULL || !wc_semver_parse(name, &version) ||
            !wc_semver_in_range(&version, range))
            continue;
        int order = best_name == NULL ? 1 : wc_semver_compare(&version, &best);
        if (order < 0 || (order == 0 && strcmp(name, best_name) < 0))
            continue;
        best_name = wc_arena_strdup(arena, name);
        (void)wc_semver_parse(best_name, &best); /* borrows the text that stays */
    }
    return best_name;
}

static const char *read_mode(const char *at, const char *end, enum wc_git_entry_kind *kind)
{
    static const struct {
        const char *text;
        enum wc_git_entry_kind kind;
    } modes[] = { { "100644 blob ", WC_GIT_FILE },
                  { "100755 blob ", WC_GIT_PROGRAM },
                  { "100664 blob ", WC_GIT_FILE }, /* what git before 1.0 wrote */
                  { "120000 blob ", WC_GIT_LINK },
                  { "160000 commit ", WC_GIT_MODULE } };
    for (size_t i = 0; i < WC_COUNT(modes); i++) {
        size_t len = strlen(modes[i].text);
        if ((size_t)(end - at) > len && memcmp(at, modes[i].text, len) == 0) {
            *kind = modes[i].kind;
            return at + len;
        }
    }
    return NULL;
}

/* "   1234" or "      -". */
static const char *read_size(const char *at, const char *end, uint64_t *size)
{
    *size = 0;
    while (at < end && *at == ' ')
        at++;
    if (at < end && *at == '-')
        return at + 1;
    const char *start = at;
    while (at < end && wc_ascii_isdigit(*at) && at - start < 18)
        *size = *size * 10 + (uint64_t)(*at++ - '0');
    return at == start ? NULL : at;
}

int wc_git_next_entry(const char **at, const char *end, struct wc_git_entry *out)
{
    const char *p = *at;
    if (p == end)
        return 0;
    const char *stop = memchr(p, '\0', (size_t)(end - p));
    if (stop == NULL)
        return -1;
    p = read_mode(p, stop, &out->kind);
    const char *blank = p == NULL ? NULL : memchr(p, ' ', (size_t)(stop - p));
    if (blank == NULL || !wc_git_is_id(p, (size_t)(blank - p)))
        return -1;
    memcpy(out->id, p, (size_t)(blank - p));
    out->id[blank - p] = '\0';
    p = read_size(blank, stop, &out->size);
    if (p == NULL || *p != '\t')
        return -1;
    out->path = p + 1;
    *at = stop + 1;
    return 1;
}

/* ".git" in any case, and what file systems elsewhere take for it. */
static bool is_dot_git(const char *part, size_t len)
{
    char lower[8] = "";
    for (size_t i = 0; i < len && i < sizeof lower - 1; i++)
        lower[i] = wc_ascii_lower(part[i]);
    return (len == 4 && wc_streq(lower, ".git")) || (len == 5 && wc_streq(lower, "git~1"));
}

static bool is_part(const char *part, size_t len)
{
    if (len == 0 || len > PART_MAX || (len == 1 && part[0] == '.') ||
        (len == 2 && part[0] == '.' && part[1] == '.'))
        return false;
    return !is_dot_git(part, len);
}

bool wc_git_is_path(const char *path)
{
    size_t len = strlen(path);
    if (len == 0 || len > PATH_BYTES_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)path[i] < ' ' || path[i] == 127)
            return false;
    for (const char *part = path;; part++) {
        size_t n = strcspn(part, "/");
        if (!is_part(part, n))
            return false;
        part += n;
        if (*part == '\0')
            return true;
    }
}

const char *wc_git_printable(struct wc_arena *arena, struct wc_piece piece, size_t max)
{
    char *out = wc_arena_alloc(arena, max + 1);
    size_t n = 0;
    for (size_t i = 0; i < piece.len;) {
        unsigned code;
        size_t step = wc_utf8_next(piece.at + i, piece.len - i, &code);
        bool bad = wc_char_hidden(code) || code == 0xfffd;
        if (n + (bad ? 1 : step) > max)
            break;
        if (bad)
            out[n++] = '?';
        else
            for (size_t k = 0; k < step; k++)
                out[n++] = piece.at[i + k];
        i += step;
    }
    out[n] = '\0';
    return out;
}

bool wc_git_same_host(const char *a, const char *b)
{
    const char *host = strstr(a, "://");
    size_t len = host == NULL ? 0 : (size_t)(host + 3 - a) + strcspn(host + 3, "/");
    return len > 0 && strncmp(a, b, len) == 0 && (b[len] == '/' || b[len] == '\0');
}
