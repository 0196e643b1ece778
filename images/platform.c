/* platform.c - a rank for each entry of an index; the highest wins, the first of equals. */
#include "images/platform.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

/* Above every variant's rank: the architecture that was wanted comes before a related one. */
enum { RANK_SAME = 1000, RANK_NONE = 0 };

static const struct {
    const char *said, *meant, *variant;
} spellings[] = {
    { "x86_64", "amd64", NULL }, { "x86-64", "amd64", NULL },    { "aarch64", "arm64", NULL },
    { "armhf", "arm", "v7" },    { "armel", "arm", "v6" },       { "i386", "386", NULL },
    { "i686", "386", NULL },     { "ppc64el", "ppc64le", NULL },
};

/* What a processor runs besides its own. */
static const char *const related[][2] = { { "amd64", "386" }, { "arm64", "arm" } };

static const char *const systems[] = { "linux", "windows", "darwin", "freebsd" };

void wc_platform_host(struct wc_platform *out)
{
    *out = (struct wc_platform){ .os = "linux", .architecture = wc_host_architecture() };
}

static bool is_word(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (!wc_ascii_isalnum(*p) && strchr("_-.", *p) == NULL)
            return false;
    return *text != '\0' && strlen(text) <= 40;
}

static bool is_system(const char *text)
{
    for (size_t i = 0; i < WC_COUNT(systems); i++)
        if (wc_streq(systems[i], text))
            return true;
    return false;
}

static void set_architecture(struct wc_platform *p, const char *text)
{
    p->architecture = text;
    for (size_t i = 0; i < WC_COUNT(spellings); i++) {
        if (!wc_streq(spellings[i].said, text))
            continue;
        p->architecture = spellings[i].meant;
        p->variant = spellings[i].variant;
    }
}

int wc_platform_parse(struct wc_arena *arena, const char *text, struct wc_platform *out,
                      struct wc_err *err)
{
    struct wc_platform p;
    const char *parts[3];
    size_t n = 0;
    bool good = true;
    wc_platform_host(&p);
    p.asked = true;
    for (const char *at = text; good; n++) {
        size_t len = strcspn(at, "/");
        char *part = wc_arena_strndup(arena, at, len);
        for (char *c = part; *c != '\0'; c++)
            *c = wc_ascii_lower(*c);
        good = n < WC_COUNT(parts) && is_word(part);
        if (good)
            parts[n] = part;
        if (at[len] == '\0') {
            n++;
            break;
        }
        at += len + 1;
    }
    if (!good)
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "'%.80s' is not a platform: os/architecture[/variant], as in "
                          "linux/arm64/v8",
                          text);
    if (n == 1 && !is_system(parts[0])) {
        set_architecture(&p, parts[0]);
    } else {
        p.os = parts[0];
        if (n > 1)
            set_architecture(&p, parts[1]);
    }
    if (n > 2)
        p.variant = parts[2];
    *out = p;
    return 0;
}

int wc_platform_wanted(struct wc_arena *arena, const char *text, struct wc_platform *out,
                       struct wc_err *err)
{
    wc_platform_host(out);
    return text == NULL || *text == '\0' ? 0 : wc_platform_parse(arena, text, out, err);
}

const char *wc_platform_text(struct wc_arena *arena, const struct wc_platform *p)
{
    return wc_arena_printf(arena, "%s/%s%s%s", p->os, p->architecture,
                           p->variant != NULL ? "/" : "", p->variant != NULL ? p->variant : "");
}

/* The number of a variant; 0 when it has none that we know of. What says none is the usual one. */
static int variant_number(const char *architecture, const char *variant)
{
    if (variant == NULL || *variant == '\0')
        return wc_streq(architecture, "arm")     ? 7
               : wc_streq(architecture, "arm64") ? 8
               : wc_streq(architecture, "amd64") ? 1
                                                 : 0;
    const char *digits = *variant == 'v' ? variant + 1 : variant;
    int64_t number = 0;
    return wc_str_to_i64(digits, 1, 99, &number) ? (int)number : 0;
}

/* A processor runs what was made for lesser ones of its kind. */
static int rank_variant(const char *architecture, const char *wanted, const char *variant)
{
    int have = variant_number(architecture, wanted);
    int need = variant_number(architecture, variant);
    if (need == 0)
        return wanted == NULL || wc_streq0(wanted, variant) || variant == NULL ? 1 : RANK_NONE;
    return need <= have ? need + 1 : RANK_NONE;
}

const char *wc_platform_usual(struct wc_arena *arena, const struct wc_platform *p)
{
    int number = variant_number(p->architecture, p->variant);
    const char *variant =
        wc_streq(p->architecture, "arm") && number > 0 ? wc_arena_printf(arena, "v%d", number)
        : number == variant_number(p->architecture, NULL) && number > 0 ? NULL
                                                                        : p->variant;
    if (variant != NULL && *variant == '\0')
        variant = NULL;
    return wc_platform_text(
        arena,
        &(struct wc_platform){ .os = p->os, .architecture = p->architecture, .variant = variant });
}

static int rank(const struct wc_platform *wanted, const char *os, const char *architecture,
                const char *variant)
{
    if (!wc_streq(os, wanted->os))
        return RANK_NONE;
    if (wc_streq(architecture, wanted->architecture)) {
        int of_variant = rank_variant(architecture, wanted->variant, variant);
        return of_variant == RANK_NONE ? RANK_NONE : RANK_SAME + of_variant;
    }
    for (size_t i = 0; i < WC_COUNT(related) && !wanted->asked; i++)
        if (wc_streq(related[i][0], wanted->architecture) && wc_streq(related[i][1], architecture))
            return rank_variant(architecture, NULL, variant);
    return RANK_NONE;
}

bool wc_platform_fits(const struct wc_platform *wanted, const char *os, const char *architecture,
                      const char *variant)
{
    return rank(wanted, os, architecture, variant) != RANK_NONE;
}

int wc_platform_rank(struct wc_arena *arena, const struct wc_platform *wanted, const char *text)
{
    struct wc_platform p;
    struct wc_err none = { 0 };
    if (wc_platform_parse(arena, text, &p, &none) != 0)
        return RANK_NONE;
    return rank(wanted, p.os, p.architecture, p.variant);
}

/* A Windows container runs where the build is the same: "10.0.17763" of "10.0.17763.5458". */
static bool fits_version(const struct wc_platform *wanted, const char *version)
{
    size_t len = 0;
    if (wanted->os_version == NULL || version == NULL)
        return true;
    for (int dots = 0; wanted->os_version[len] != '\0'; len++) {
        dots += wanted->os_version[len] == '.';
        if (dots == 3)
            break;
    }
    return strncmp(version, wanted->os_version, len) == 0 &&
           (version[len] == '\0' || version[len] == '.');
}

static bool fits_features(const struct wc_platform *wanted, const struct wc_json *features)
{
    const struct wc_json *f = wc_json_first(features);
    for (; f != NULL; f = wc_json_next(f))
        if (!wc_strv_has(&wanted->os_features, wc_json_str(f, "")))
            return false;
    return true;
}

struct entry {
    const char *os, *architecture, *variant, *version;
    const struct wc_json *features;
};

static struct entry read_entry(const struct wc_json *from, const struct wc_platform *wanted)
{
    const struct wc_json *p = wc_json_get(from, "platform");
    return (struct entry){
        .os = wc_json_str(wc_json_get(p, "os"), wanted->os),
        .architecture = wc_json_str(wc_json_get(p, "architecture"), wanted->architecture),
        .variant = wc_json_str(wc_json_get(p, "variant"), NULL),
        .version = wc_json_str(wc_json_get(p, "os.version"), NULL),
        .features = wc_json_get(p, "os.features"),
    };
}

static void note(struct wc_buf *seen, const struct entry *e)
{
    enum { SEEN_MAX = 110 };
    if (seen->len > SEEN_MAX)
        return;
    wc_buf_printf(seen, "%s%.20s/%.20s", seen->len == 0 ? "" : ", ", e->os, e->architecture);
    if (e->variant != NULL)
        wc_buf_printf(seen, "/%.10s", e->variant);
    if (seen->len > SEEN_MAX)
        wc_buf_adds(seen, " …");
}

static int none_fits(struct wc_arena *arena, const struct wc_platform *wanted,
                     const struct wc_buf *seen, struct wc_err *err)
{
    const char *text = wc_platform_text(arena, wanted);
    if (seen->len == 0)
        return wc_err_set(err, WC_ERR_NOENT, 0, "the image's index holds no image");
    return wc_err_set(err, WC_ERR_NOENT, 0, "the image isn't made for %s%s; there is: %s", text,
                      wanted->asked ? "" : ", which this machine is", seen->data);
}

int wc_platform_pick(struct wc_arena *arena, const struct wc_json *index,
                     const struct wc_platform *wanted, struct wc_desc *out, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf seen = WC_BUF_INIT;
    const struct wc_json *best = NULL, *only = NULL;
    int best_rank = RANK_NONE;
    size_t n = 0;
    const struct wc_json *m = wc_json_first(wc_json_get(index, "manifests"));
    for (; m != NULL; m = wc_json_next(m)) {
        struct entry e = read_entry(m, wanted);
        if (wc_streq(e.os, "unknown"))
            continue; /* an attestation, no image */
        n++;
        only = m;
        note(&seen, &e);
        int of_this = rank(wanted, e.os, e.architecture, e.variant);
        if (of_this <= best_rank || !fits_version(wanted, e.version) ||
            !fits_features(wanted, e.features))
            continue;
        best = m;
        best_rank = of_this;
    }
    if (best == NULL && n == 1 && !wanted->asked)
        best = only;
    return best != NULL ? wc_desc_read(arena, best, out, err)
                        : none_fits(arena, wanted, &seen, err);
}
