/* limits.c - the rows, and counting against them.
 *
 * The defaults are several times what the largest sensible project needs (ten thousand services
 * over one anchor of thirty keys), and small enough that what they allow at most is read in seconds
 * and half a gibibyte.
 */
#include "spec/limits.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"
#include "spec/codes.h"

struct row {
    const char *name;
    size_t offset; /* in struct wc_spec_limits */
    size_t fallback, most;
    const char *what;    /* the message: "<what> <max><unit>" */
    const char *unit;    /* behind the number */
    const char *meaning; /* for the table */
};

/* Copies that even the smallest file may make. */
enum { COPIES_ALWAYS = 100000 };

#define ROW(member) offsetof(struct wc_spec_limits, member)

static const struct row rows[WC_LIMIT_COUNT] = {
    [WC_LIMIT_FILE_BYTES] = { "file-bytes", ROW(file_bytes), 8 << 20, 1 << 30,
                              "the file is larger than", " bytes",
                              "Size of one file: Compose file, env file, label file." },
    [WC_LIMIT_TOTAL_BYTES] = { "total-bytes", ROW(total_bytes), 64 << 20, (size_t)1 << 40,
                               "all files together are larger than", " bytes",
                               "Size of all files of one load; one that is read for several "
                               "services counts each time." },
    [WC_LIMIT_FILES] = { "files", ROW(files), 50000, 10000000, "the project reads more than",
                         " files",
                         "Files read in one load: `-f`, `include`, `extends`, env and label "
                         "files." },
    [WC_LIMIT_DEPTH] = { "depth", ROW(depth), 48, 200, "nested deeper than", " levels",
                         "Levels of maps and lists in each other, aliases followed." },
    [WC_LIMIT_NODES] = { "nodes", ROW(nodes), 1000000, 100000000, "the files hold more than",
                         " values",
                         "Keys, values, lists and maps written in all files; ranges of ports "
                         "count as if each port were written." },
    [WC_LIMIT_ALIAS_NODES] = { "alias-nodes", ROW(alias_nodes), 1000000, 100000000,
                               "aliases expand to more than", " nodes",
                               "What aliases and merge keys add; long text counts one more for "
                               "each 64 bytes." },
    [WC_LIMIT_EXTENDS_NODES] = { "extends-nodes", ROW(extends_nodes), 1000000, 100000000,
                                 "'extends' copies more than", " nodes",
                                 "What `extends` adds: the values of each base, each time." },
    [WC_LIMIT_EXTENDS_CHAIN] = { "extends-chain", ROW(extends_chain), 500, 2000,
                                 "'extends' makes a chain longer than", " services",
                                 "Services of which each extends the next." },
    [WC_LIMIT_INCLUDES] = { "includes", ROW(includes), 1000, 1000000, "'include' names more than",
                            " files", "Files that `include` names, each time." },
    [WC_LIMIT_INCLUDE_DEPTH] = { "include-depth", ROW(include_depth), 50, 500,
                                 "inclusions are nested deeper than", " levels",
                                 "Files that include files that include files." },
    [WC_LIMIT_INCLUDE_NODES] = { "include-nodes", ROW(include_nodes), 100000, 100000000,
                                 "files that are included again hold more than", " values",
                                 "Values of files that were included before; the first time "
                                 "counts for `nodes`." },
    [WC_LIMIT_COPY_RATIO] = { "copy-ratio", ROW(copy_ratio), 32, 1000000, NULL, NULL,
                              "What aliases, `extends` and repeated includes, each of them, may "
                              "add for each value that is written, beyond the first 100000." },
    [WC_LIMIT_KEY_BYTES] = { "key-bytes", ROW(key_bytes), 1000, 1 << 20, "a key is longer than",
                             " bytes", "Length of a key." },
    [WC_LIMIT_VARIABLES] = { "variables", ROW(variables), 100000, 10000000,
                             "the file sets more than", " variables",
                             "Variables of one env file (all files of one service together)." },
    [WC_LIMIT_ENV_LINES] = { "env-lines", ROW(env_lines), 1000000, 100000000,
                             "env files and label files hold more than", " lines",
                             "Lines of all env and label files; one that is read for several "
                             "services counts each time, and so do the variables that an included "
                             "project takes over." },
    [WC_LIMIT_VALUE_BYTES] = { "value-bytes", ROW(value_bytes), 1 << 20, 1 << 30,
                               "expands to more than", " bytes",
                               "Length of one value after interpolation." },
    [WC_LIMIT_EXPANDED_BYTES] = { "expanded-bytes", ROW(expanded_bytes), 64 << 20, (size_t)1 << 36,
                                  "variables expand to more than", " bytes in all values together",
                                  "What interpolation makes in one load, in files and env files." },
    [WC_LIMIT_SERVICES] = { "services", ROW(services), 100000, 10000000,
                            "the project has more than", " services",
                            "Services after merging, inactive ones included." },
};

static size_t *member(struct wc_spec_limits *limits, const struct row *row)
{
    return (size_t *)(void *)((char *)limits + row->offset);
}

struct wc_budget wc_budget_make(const struct wc_spec_limits *limits)
{
    struct wc_budget budget = { 0 };
    struct wc_spec_limits given = limits != NULL ? *limits : (struct wc_spec_limits){ 0 };
    for (size_t i = 0; i < WC_LIMIT_COUNT; i++) {
        size_t wanted = *member(&given, &rows[i]);
        if (wanted == 0)
            wanted = rows[i].fallback;
        budget.max[i] = wanted < rows[i].most ? wanted : rows[i].most;
    }
    return budget;
}

static struct wc_diag *report(struct wc_budget *budget, struct wc_diags *diags, enum wc_limit limit,
                              size_t max, struct wc_loc at, unsigned span)
{
    const struct row *row = &rows[limit];
    struct wc_diag *diag = wc_diags_add(diags, WC_SEVERITY_ERROR, wc_spec_code(WC_E_LIMIT)->code,
                                        at, "%s %zu%s", row->what, max, row->unit);
    diag->span = span == 0 ? 1 : span;
    budget->over = true;
    return diag;
}

static void hint(struct wc_diags *diags, struct wc_diag *diag, enum wc_limit limit)
{
    if (diag != &diags->scratch)
        diag->hint = wc_arena_printf(diags->arena,
                                     "a limit against hostile files; if this one can be trusted, "
                                     "raise it with --limit %s=N or WCOMPOSE_LIMITS",
                                     rows[limit].name);
}

/* What is asked of a limit of which `max` is there to begin with; `raise` is the one to name. */
struct share {
    enum wc_limit limit, raise;
    size_t max, amount;
};

static bool take(struct wc_budget *budget, struct wc_diags *diags, struct share share,
                 struct wc_loc at, unsigned span)
{
    size_t *used = &budget->used[share.limit];
    if (*used <= share.max && share.amount <= share.max - *used) {
        *used += share.amount;
        return true;
    }
    *used = SIZE_MAX;
    if (!budget->reported[share.limit])
        hint(diags, report(budget, diags, share.limit, share.max, at, span), share.raise);
    budget->reported[share.limit] = true;
    return false;
}

bool wc_budget_take(struct wc_budget *budget, struct wc_diags *diags, enum wc_limit limit,
                    size_t amount, struct wc_loc at, unsigned span)
{
    struct share share = { limit, limit, budget->max[limit], amount };
    return take(budget, diags, share, at, span);
}

bool wc_budget_copy(struct wc_budget *budget, struct wc_diags *diags, enum wc_limit limit,
                    size_t nodes, struct wc_loc at, unsigned span)
{
    size_t written = budget->used[WC_LIMIT_NODES], ratio = budget->max[WC_LIMIT_COPY_RATIO];
    struct share share = { limit, limit, budget->max[limit], nodes };
    if (share.max > COPIES_ALWAYS && written < (share.max - COPIES_ALWAYS) / ratio) {
        share.max = COPIES_ALWAYS + written * ratio;
        share.raise = WC_LIMIT_COPY_RATIO;
    }
    return take(budget, diags, share, at, span);
}

bool wc_budget_check(struct wc_budget *budget, struct wc_diags *diags, enum wc_limit limit,
                     size_t amount, struct wc_loc at, unsigned span)
{
    if (amount <= budget->max[limit])
        return true;
    hint(diags, report(budget, diags, limit, budget->max[limit], at, span), limit);
    return false;
}

/* One "name=value"; 0 or WC_ERR_USAGE. */
static int parse_one(const char *name, const char *value, struct wc_spec_limits *limits,
                     struct wc_err *err)
{
    const char *names[WC_LIMIT_COUNT];
    int64_t number;
    for (size_t i = 0; i < WC_LIMIT_COUNT; i++) {
        names[i] = rows[i].name;
        if (!wc_streq(rows[i].name, name))
            continue;
        if (!wc_bytes_parse(value, &number) || number < 1 || (uint64_t)number > rows[i].most)
            return wc_err_set(err, WC_ERR_USAGE, 0, "limit %s is a number from 1 to %zu, not '%s'",
                              name, rows[i].most, value);
        *member(limits, &rows[i]) = (size_t)number;
        return 0;
    }
    const char *near = wc_str_suggest(name, names, WC_LIMIT_COUNT);
    if (near != NULL)
        return wc_err_set(err, WC_ERR_USAGE, 0, "no limit is called '%s'; did you mean '%s'?", name,
                          near);
    return wc_err_set(err, WC_ERR_USAGE, 0, "no limit is called '%s' (docs/limits.md has them)",
                      name);
}

int wc_spec_limits_parse(const char *text, struct wc_spec_limits *limits, struct wc_err *err)
{
    while (*text != '\0') {
        char name[32], value[32];
        size_t len = strcspn(text, ","), equals = strcspn(text, "=,");
        size_t value_len = equals < len ? len - equals - 1 : 0;
        if (equals >= len || equals >= sizeof name || value_len >= sizeof value)
            return wc_err_set(err, WC_ERR_USAGE, 0, "a limit is written NAME=N, not '%.*s'",
                              (int)(len > 60 ? 60 : len), text);
        memcpy(name, text, equals);
        name[equals] = '\0';
        memcpy(value, text + equals + 1, value_len);
        value[value_len] = '\0';
        int rc = parse_one(name, value, limits, err);
        if (rc != 0)
            return rc;
        text += len + (text[len] == ',');
    }
    return 0;
}

void wc_limits_markdown(struct wc_buf *out)
{
    wc_buf_adds(out, "| limit | default | at most | what it bounds |\n|---|---|---|---|\n");
    for (size_t i = 0; i < WC_LIMIT_COUNT; i++)
        wc_buf_printf(out, "| `%s` | %zu | %zu | %s |\n", rows[i].name, rows[i].fallback,
                      rows[i].most, rows[i].meaning);
}
