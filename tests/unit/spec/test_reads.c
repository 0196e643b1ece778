/* test_reads.c - every read of a project fails once: a clean error that names the file, each time.
 *
 * The project is in memory and has a file of every kind that a load reads, brought in by every key
 * that can: -f, include (with its .env and env_file), extends, env_file, label_file. Files of
 * secrets and configs are named and not there: a load doesn't read them. Reading number k fails,
 * for k = 1, 2, … until a load has fewer reads than k; the kinds of failure take turns. Leaks are
 * the sanitizer's to find.
 */
#include "harness/wc_test.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "wcompose/spec.h"

static const struct {
    const char *path, *text;
} files[] = {
    { "/p/compose.yaml", "name: t\n"
                         "include:\n"
                         "  - inc/one.yaml\n"
                         "  - {path: [inc/two.yaml, inc/three.yaml], env_file: inc/own.env}\n"
                         "secrets: {key: {file: key.txt}}\n"
                         "configs: {conf: {file: conf.txt}}\n"
                         "services:\n"
                         "  web:\n"
                         "    image: nginx:${TAG}\n"
                         "    env_file: [one.env, {path: sub/two.env, required: false}]\n"
                         "    label_file: one.labels\n"
                         "    secrets: [key]\n"
                         "    configs: [conf]\n"
                         "    extends: {file: base/base.yaml, service: base}\n"
                         "  db: {image: postgres, env_file: one.env}\n" },
    { "/p/compose.override.yaml", "services: {web: {env_file: [three.env]}}\n" },
    { "/p/.env", "TAG=1\n" },
    { "/p/one.env", "A=1\n" },
    { "/p/sub/two.env", "B=${A}\n" },
    { "/p/three.env", "C=1\n" },
    { "/p/one.labels", "a.b=c\n" },
    { "/p/base/base.yaml",
      "services: {base: {env_file: base.env, extends: {file: deep.yaml, service: d}}}\n" },
    { "/p/base/deep.yaml", "services: {d: {label_file: deep.labels, user: \"${TAG}\"}}\n" },
    { "/p/base/base.env", "D=1\n" },
    { "/p/base/deep.labels", "d.e=f\n" },
    { "/p/inc/one.yaml", "include: [deeper/four.yaml]\n"
                         "secrets: {inner: {file: inner.txt}}\n"
                         "services: {i1: {image: \"i:${OWN}\", env_file: i1.env}}\n" },
    { "/p/inc/.env", "OWN=1\n" },
    { "/p/inc/i1.env", "E=1\n" },
    { "/p/inc/two.yaml", "services: {i2: {image: \"i:${OTHER}\"}}\n" },
    { "/p/inc/three.yaml", "services: {i2: {label_file: i2.labels}}\n" },
    { "/p/inc/own.env", "OTHER=1\n" },
    { "/p/inc/i2.labels", "g=h\n" },
    { "/p/inc/deeper/four.yaml", "services: {i4: {image: i}}\n" },
};

struct fault {
    unsigned reads, at; /* so many reads so far; which one fails, from 1; 0: none */
    int code;
    const char *path; /* the one that failed */
};

static bool exists(void *data, const char *path)
{
    (void)data;
    for (size_t i = 0; i < WC_COUNT(files); i++)
        if (wc_streq(files[i].path, path))
            return true;
    return false;
}

static int read_some(void *data, const char *path, size_t limit, struct wc_buf *out,
                     struct wc_err *err)
{
    struct fault *fault = data;
    (void)limit;
    if (++fault->reads == fault->at) {
        fault->path = path;
        wc_buf_adds(out, "half of a fi"); /* what came before the failure must not count */
        return wc_err_set(err, fault->code, 0, "the disk is on fire");
    }
    for (size_t i = 0; i < WC_COUNT(files); i++) {
        if (!wc_streq(files[i].path, path))
            continue;
        wc_buf_adds(out, files[i].text);
        return 0;
    }
    return wc_err_set(err, WC_ERR_NOENT, 0, "no such file");
}

/* Loads with a fault; true when the fault struck. */
static bool load_once(struct fault *fault, size_t n_files)
{
    static const char *const named[] = { "compose.yaml", "compose.override.yaml" };
    struct wc_spec_access access = { read_some, exists, fault };
    struct wc_spec_options options = {
        .cwd = "/p", .access = &access, .files = named, .n_files = n_files, .only_shown = true
    };
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_project *project = NULL;
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    int rc = wc_spec_load(&options, &arena, &diags, &project);
    bool struck = fault->path != NULL;
    if (!struck) {
        for (size_t i = 0; i < diags.n; i++)
            if (!wc_streq(diags.items[i].code, "W013")) /* what isn't carried out yet */
                fail_msg("%s", diags.items[i].msg);
        assert_int_equal(rc, 0);
    } else {
        const char *name = fault->path + sizeof "/p/" - 1;
        bool told = false;
        if (rc != WC_ERR_SPEC && !(rc == WC_ERR_NOENT && fault->code == WC_ERR_NOENT))
            fail_msg("%s: code %d", fault->path, rc);
        assert_null(project);
        for (size_t i = 0; i < diags.n; i++) {
            const struct wc_diag *d = &diags.items[i];
            bool names = strstr(d->msg, name) != NULL || wc_streq0(d->at.file, name) ||
                         fault->code == WC_ERR_LIMIT; /* points at who asks for the file */
            told = told || (d->severity == WC_SEVERITY_ERROR && d->at.file != NULL && names);
        }
        if (!told)
            fail_msg("%s: nothing said", fault->path);
    }
    wc_arena_deinit(&arena);
    return struck;
}

static void each_read_fails(void **state)
{
    (void)state;
    static const int codes[] = { WC_ERR_IO, WC_ERR_PERM, WC_ERR_NOENT, WC_ERR_LIMIT };
    for (size_t n_files = 0; n_files <= 2; n_files += 2) {
        for (size_t c = 0; c < WC_COUNT(codes); c++) {
            unsigned k = 1;
            struct fault fault;
            do {
                fault = (struct fault){ .at = k++, .code = codes[c] };
            } while (load_once(&fault, n_files));
            assert_true(fault.reads >= WC_COUNT(files));
        }
    }
}

WC_MAIN(WC_CASE(each_read_fails))
