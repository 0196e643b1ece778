/* supervisor_migrate.c - state of the versions that had three files instead of a journal.
 *
 * They are read once, when there is no journal yet, and stay until the journal that has taken their
 * place is durable: a crash in between finds either.
 */
#include "orchestrator/supervisor_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

static const char *const old_names[] = { "spec.json", "pending.json", "apply.json" };

static void remove_file(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        wc_log(WC_LOG_WARN, "supervisor", "remove %s: %s", path, strerror(errno));
}

void wc_sup_drop_old_files(struct wc_supervisor *sup)
{
    char path[4096];
    for (size_t i = 0; i < sizeof old_names / sizeof old_names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", sup->lib_dir, old_names[i]);
        remove_file(path);
    }
}

static bool read_old(const struct wc_supervisor *sup, const char *name, struct wc_buf *out)
{
    char path[4096];
    struct wc_err err;
    snprintf(path, sizeof path, "%s/%s", sup->lib_dir, name);
    int rc = wc_fs_read(path, WC_CONTROL_BODY_MAX, out, &err);
    if (rc != 0 && rc != WC_ERR_NOENT)
        wc_log(WC_LOG_WARN, "supervisor", "%s", err.msg);
    return rc == 0 && out->len > 0;
}

/* The replicas that the last apply asked for, as wishes. */
static size_t scale_wishes(const struct wc_json *key, struct wc_arena *arena, struct wc_wish **out)
{
    const struct wc_json *list = wc_json_get(key, "scale");
    size_t n = 0;
    *out = WC_NEW_ARRAY(arena, struct wc_wish, wc_json_count(list) + 1);
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at)) {
        const char *text = wc_json_str(at, ""), *equals = strrchr(text, '=');
        int64_t replicas;
        if (equals != NULL && wc_str_to_i64(equals + 1, 0, 10000, &replicas))
            (*out)[n++] = (struct wc_wish){
                .service = wc_arena_strndup(arena, text, (size_t)(equals - text)),
                .replicas = replicas,
            };
    }
    return n;
}

/* spec.json was the accepted model, pending.json the key of an apply under way, apply.json that of
 * the last one. They go when the journal that takes their place is durable. */
void wc_sup_migrate(struct wc_supervisor *sup)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf key = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *header = NULL;
    struct wc_err err;
    struct wc_arena scratch;
    struct wc_wish *scaled;
    if (!read_old(sup, old_names[0], &text))
        return;
    bool is_pending = read_old(sup, old_names[1], &key);
    if (!is_pending)
        (void)read_old(sup, old_names[2], &key);
    if (wc_json_parse(key.data, key.len, &header, &err) != 0 || memchr(key.data, '\n', key.len)) {
        wc_buf_reset(&key);
        wc_buf_adds(&key, "{}");
    }
    int64_t now_ms = wc_sup_wall_ms(sup);
    const struct wc_generation made = {
        .number = 1, .made_at_ms = now_ms, .text = text.data, .len = text.len
    };
    const struct wc_ask ask = {
        .id = 1, .verb = "apply", .at_ms = now_ms, .number = 1, .key = key.data
    };
    const struct wc_done done = { .id = 1, .at_ms = now_ms, .outcome = WC_OUTCOME_STABLE };
    wc_arena_init(&scratch);
    size_t n = scale_wishes(header, &scratch, &scaled);
    wc_ledger_put_generation(&payload, &made);
    wc_sup_record(sup, WC_RECORD_GENERATION, &payload);
    wc_buf_reset(&payload);
    wc_ledger_put_ask(&payload, &ask, scaled, n);
    wc_sup_record(sup, WC_RECORD_ASK, &payload);
    wc_arena_deinit(&scratch);
    if (!is_pending) {
        wc_buf_reset(&payload);
        wc_ledger_put_done(&payload, &done);
        wc_sup_record(sup, WC_RECORD_DONE, &payload);
    }
    sup->old_until_seq = sup->journal.last_seq;
    if (wc_sup_commit(sup, &err) != 0)
        wc_log(WC_LOG_WARN, "supervisor", "%s", err.msg);
}
