/* ref.c - the reference grammar by hand: one left-to-right pass that cuts digest, tag and domain
 * off and checks each piece. A regular expression would be shorter and could not say what is wrong.
 */
#include "images/ref.h"

#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "wcompose/image.h"

enum { NAME_MAX_LEN = 255, TAG_MAX_LEN = 128, DIGEST_HEX = 64 };

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0' || strchr("0123456789abcdef", text[i]) == NULL)
            return false;
    return text[len] == '\0';
}

bool wc_ref_is_digest(const char *text)
{
    return wc_str_starts(text, "sha256:") && is_hex(text + 7, DIGEST_HEX);
}

/* tag: one word character, then up to 127 word characters, dots and dashes. */
bool wc_ref_is_tag(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > TAG_MAX_LEN)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (wc_ascii_isalnum(c) || c == '_' || (i > 0 && (c == '.' || c == '-')))
            continue;
        return false;
    }
    return true;
}

/* Length of a separator between the words of a path component: ".", "_", "__" or dashes. */
static size_t separator_len(const char *text)
{
    if (text[0] == '.')
        return 1;
    if (text[0] == '_')
        return text[1] == '_' ? 2 : 1;
    return strspn(text, "-");
}

/* path: components of lower-case words, joined by '/'. */
static bool is_path(const char *text)
{
    for (;;) {
        size_t word = 0;
        while (is_lower_alnum(text[word]))
            word++;
        if (word == 0)
            return false;
        text += word;
        if (*text == '\0')
            return true;
        if (*text == '/') {
            text++;
            continue;
        }
        size_t separator = separator_len(text);
        if (separator == 0)
            return false;
        text += separator;
    }
}

/* domain: dotted host names or [IPv6], with an optional port. */
static bool is_domain(const char *text)
{
    const char *port = NULL;
    if (*text == '[') {
        size_t len = strspn(text + 1, "0123456789abcdefABCDEF:.");
        if (len < 2 || text[1 + len] != ']')
            return false;
        port = text + len + 2;
    } else {
        size_t len = 0;
        while (wc_ascii_isalnum(text[len]) || text[len] == '.' || text[len] == '-')
            len++;
        if (len == 0 || text[0] == '-' || text[0] == '.' || text[len - 1] == '-' ||
            text[len - 1] == '.')
            return false;
        port = text + len;
    }
    if (*port == '\0')
        return true;
    size_t digits = strspn(port + 1, "0123456789");
    return *port == ':' && digits > 0 && digits <= 5 && port[1 + digits] == '\0';
}

/* The first component is a host when it looks like one: Docker's rule. */
static bool looks_like_domain(const char *first, size_t len)
{
    if (len == 9 && memcmp(first, "localhost", 9) == 0)
        return true;
    for (size_t i = 0; i < len; i++)
        if (first[i] == '.' || first[i] == ':' || (first[i] >= 'A' && first[i] <= 'Z'))
            return true;
    return false;
}

static int bad(const char *text, const char *why, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_SPEC, 0, "'%.100s' is not an image reference: %s", text, why);
}

static void split_domain(struct wc_arena *arena, const char *name, struct wc_ref *ref)
{
    const char *slash = strchr(name, '/');
    ref->domain = "docker.io";
    ref->path = name;
    if (slash != NULL && looks_like_domain(name, (size_t)(slash - name))) {
        ref->domain = wc_arena_strndup(arena, name, (size_t)(slash - name));
        ref->path = slash + 1;
    }
    if (wc_streq(ref->domain, "index.docker.io"))
        ref->domain = "docker.io";
    if (wc_streq(ref->domain, "docker.io") && strchr(ref->path, '/') == NULL)
        ref->path = wc_arena_printf(arena, "library/%s", ref->path);
}

int wc_ref_parse(struct wc_arena *arena, const char *text, struct wc_ref *out, struct wc_err *err)
{
    struct wc_ref ref = { 0 };
    char *name = wc_arena_strdup(arena, text);
    if (*name == '\0')
        return bad(text, "it is empty", err);
    char *at = strchr(name, '@');
    if (at != NULL) {
        *at = '\0';
        ref.digest = at + 1;
        if (!wc_ref_is_digest(ref.digest))
            return bad(text, "what follows '@' must be sha256: and 64 hex digits", err);
    }
    char *colon = strrchr(name, ':');
    if (colon != NULL && strchr(colon, '/') == NULL) {
        *colon = '\0';
        ref.tag = colon + 1;
        if (!wc_ref_is_tag(ref.tag))
            return bad(text, "the tag may hold letters, digits, '_', '.' and '-', at most 128",
                       err);
    }
    split_domain(arena, name, &ref);
    if (!is_domain(ref.domain))
        return bad(text, "the registry's host name is malformed", err);
    if (!is_path(ref.path))
        return bad(text,
                   "a name is lower-case letters and digits, with single '.', '_', '-' or '/' "
                   "between them",
                   err);
    if (strlen(ref.domain) + 1 + strlen(ref.path) > NAME_MAX_LEN)
        return bad(text, "the name is longer than 255 characters", err);
    if (ref.tag == NULL && ref.digest == NULL)
        ref.tag = "latest";
    ref.name = ref.tag == NULL ? wc_arena_printf(arena, "%s/%s", ref.domain, ref.path)
                               : wc_arena_printf(arena, "%s/%s:%s", ref.domain, ref.path, ref.tag);
    *out = ref;
    return 0;
}

const char *wc_image_short_reference(const char *reference)
{
    if (wc_str_starts(reference, "docker.io/library/"))
        return reference + strlen("docker.io/library/");
    if (wc_str_starts(reference, "docker.io/"))
        return reference + strlen("docker.io/");
    return reference;
}
