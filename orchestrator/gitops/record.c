/* record.c - record.json: everything as one file that is replaced as a whole, so that no two of its
 * facts can be of different times. */
#include "wcompose/gitops.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "orchestrator/gitops/inputs.h"

enum { VERSION = 1, SIZE_MAX_MIB = 160 };

const char *wc_gitops_dir(const struct wc_paths *paths, struct wc_arena *arena, const char *app)
{
    return wc_arena_printf(arena, "%s/gitops/%s", paths->lib, app);
}

void wc_gitops_record_add(struct wc_gitops_record *record, const struct wc_gitops_past *past,
                          struct wc_arena *arena)
{
    struct wc_gitops_past *all = WC_NEW_ARRAY(arena, struct wc_gitops_past, record->n_past + 1);
    for (size_t i = 0; i < record->n_past; i++)
        all[i] = record->past[i];
    all[record->n_past++] = *past;
    record->past = all;
}

/* Writing --------------------------------------------------------------------------------------*/

static void put_key(struct wc_jsonw *w, const char *name, const struct wc_gitops_key *key)
{
    wc_jsonw_object(w, name);
    wc_jsonw_str(w, "id", key->id);
    wc_jsonw_str(w, "inputs", key->inputs);
    if (key->images[0] != '\0')
        wc_jsonw_str(w, "images", key->images);
    wc_jsonw_end_object(w);
}

static void put_if(struct wc_jsonw *w, const char *name, const char *text)
{
    if (text != NULL)
        wc_jsonw_str(w, name, text);
}

static void put_named(struct wc_jsonw *w, const char *name, const struct wc_gitops_named *named)
{
    wc_jsonw_object(w, name);
    put_if(w, "name", named->name);
    put_if(w, "author", named->author);
    put_if(w, "subject", named->subject);
    put_if(w, "signer", named->signer);
    put_if(w, "tree", named->tree);
    wc_jsonw_end_object(w);
}

static void put_images(struct wc_jsonw *w, const char *name, const struct wc_gitops_images *images)
{
    if (images->n == 0)
        return;
    wc_jsonw_array(w, name);
    for (size_t i = 0; i < images->n; i++) {
        const struct wc_gitops_image *image = &images->items[i];
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "service", image->service);
        wc_jsonw_str(w, "written", image->written);
        wc_jsonw_str(w, "tag", image->tag);
        wc_jsonw_str(w, "digest", image->digest);
        wc_jsonw_i64(w, "since_ms", image->since_ms);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

static void put_rejected(struct wc_jsonw *w, const struct wc_gitops_memory *m)
{
    wc_jsonw_array(w, "rejected");
    for (unsigned i = 0; i < m->n_rejected; i++) {
        const struct wc_gitops_rejection *r = &m->rejected[i];
        wc_jsonw_object(w, NULL);
        put_key(w, "key", &r->key);
        wc_jsonw_str(w, "reason", r->reason);
        wc_jsonw_str(w, "why", r->why);
        wc_jsonw_i64(w, "at_ms", r->at_ms);
        wc_jsonw_bool(w, "believed", r->is_believed);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

/* In an object that is open. */
static void put_condition(struct wc_jsonw *w, enum wc_gitops_condition_type type,
                          const struct wc_gitops_condition *c)
{
    wc_jsonw_str(w, "type", wc_gitops_condition_name(type));
    wc_jsonw_str(w, "status", wc_gitops_truth_name(c->status));
    wc_jsonw_str(w, "reason", c->reason);
    wc_jsonw_str(w, "message", c->message);
    wc_jsonw_i64(w, "observedGeneration", (int64_t)c->generation);
    wc_jsonw_i64(w, "since_ms", c->since_ms);
}

static void put_conditions(struct wc_jsonw *w, const struct wc_gitops_memory *m)
{
    wc_jsonw_array(w, "conditions");
    for (int i = 0; i < WC_GITOPS_CONDITIONS; i++) {
        wc_jsonw_object(w, NULL);
        put_condition(w, (enum wc_gitops_condition_type)i, &m->conditions[i]);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

static void put_events(struct wc_jsonw *w, const struct wc_gitops_events *events)
{
    wc_jsonw_array(w, "events");
    for (size_t i = 0; i < events->n; i++) {
        wc_jsonw_object(w, NULL);
        wc_jsonw_i64(w, "seq", (int64_t)events->items[i].seq);
        put_if(w, "revision", events->items[i].revision);
        put_condition(w, events->items[i].type, &events->items[i].now);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

static void put_memory(struct wc_jsonw *w, const struct wc_gitops_memory *m)
{
    wc_jsonw_i64(w, "generation", (int64_t)m->generation);
    wc_jsonw_str(w, "mark", m->mark);
    put_key(w, "seen_key", &m->seen);
    put_key(w, "good_key", &m->good);
    put_key(w, "attempt_key", &m->attempt);
    wc_jsonw_i64(w, "tries", m->tries);
    wc_jsonw_i64(w, "unjudged_at_ms", m->unjudged_at_ms);
    wc_jsonw_i64(w, "superseded", m->superseded);
    wc_jsonw_bool(w, "restoring", m->restoring);
    wc_jsonw_bool(w, "suspended", m->is_suspended);
    wc_jsonw_i64(w, "failures", m->failures);
    wc_jsonw_i64(w, "retry_at_ms", m->retry_at_ms);
    wc_jsonw_i64(w, "looked_at_ms", m->looked_at_ms);
    wc_jsonw_i64(w, "due_at_ms", m->due_at_ms);
    wc_jsonw_i64(w, "asked_at_ms", m->asked_at_ms);
    wc_jsonw_i64(w, "ask_at_ms", m->ask_at_ms);
    wc_jsonw_i64(w, "unanswered", m->unanswered);
    wc_jsonw_str(w, "unanswered_why", m->unanswered_why);
    wc_jsonw_i64(w, "wake_at_ms", m->wake_at_ms);
    put_conditions(w, m);
    put_rejected(w, m);
}

static void put_past(struct wc_jsonw *w, const struct wc_gitops_record *record)
{
    size_t skip = record->n_past > WC_GITOPS_PAST ? record->n_past - WC_GITOPS_PAST : 0;
    wc_jsonw_array(w, "past");
    for (size_t i = skip; i < record->n_past; i++) {
        const struct wc_gitops_past *p = &record->past[i];
        wc_jsonw_object(w, NULL);
        wc_jsonw_i64(w, "at_ms", p->at_ms);
        wc_jsonw_str(w, "what", p->what);
        wc_jsonw_str(w, "revision", p->revision);
        wc_jsonw_str(w, "why", p->why);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

int wc_gitops_record_write(const char *dir, const struct wc_gitops_record *record,
                           struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&out);
    char path[4096];
    w.indent = 1;
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "version", VERSION);
    put_if(&w, "source", record->source);
    put_memory(&w, &record->memory);
    put_named(&w, "seen", &record->seen);
    put_named(&w, "attempt", &record->attempt);
    put_named(&w, "good", &record->good);
    put_images(&w, "attempt_images", &record->attempt_images);
    put_images(&w, "good_images", &record->good_images);
    put_images(&w, "answers", &record->answers);
    put_key(&w, "answers_of", &record->answers_of);
    put_past(&w, record);
    put_events(&w, &record->events);
    put_if(&w, "attempt_text", record->attempt_text);
    put_if(&w, "good_text", record->good_text);
    wc_jsonw_end_object(&w);
    wc_buf_addc(&out, '\n');
    int rc = wc_fs_mkdirs(dir, 0700, err);
    if (rc != 0)
        return rc;
    snprintf(path, sizeof path, "%s/record.json", dir);
    return wc_fs_write_atomic(path, out.data, out.len, 0600, true, err);
}

/* Reading --------------------------------------------------------------------------------------*/

static void get_text(const struct wc_json *json, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s", wc_json_str(wc_json_get(json, name), ""));
}

static struct wc_gitops_key get_key(const struct wc_json *root, const char *name)
{
    struct wc_gitops_key key = { 0 };
    const struct wc_json *json = wc_json_get(root, name);
    get_text(json, "id", key.id, sizeof key.id);
    get_text(json, "inputs", key.inputs, sizeof key.inputs);
    get_text(json, "images", key.images, sizeof key.images);
    return key;
}

static const char *get_dup(const struct wc_json *json, const char *name, struct wc_arena *arena)
{
    return wc_arena_strdup(arena, wc_json_str(wc_json_get(json, name), NULL));
}

static struct wc_gitops_named get_named(const struct wc_json *root, const char *name,
                                        struct wc_arena *arena)
{
    const struct wc_json *json = wc_json_get(root, name);
    return (struct wc_gitops_named){
        .name = get_dup(json, "name", arena),
        .author = get_dup(json, "author", arena),
        .subject = get_dup(json, "subject", arena),
        .signer = get_dup(json, "signer", arena),
        .tree = get_dup(json, "tree", arena),
    };
}

static struct wc_gitops_images get_images(const struct wc_json *root, const char *name,
                                          struct wc_arena *arena)
{
    const struct wc_json *list = wc_json_get(root, name);
    struct wc_gitops_images out = { 0 };
    out.items = WC_NEW_ARRAY(arena, struct wc_gitops_image, wc_json_count(list) + 1);
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at))
        out.items[out.n++] = (struct wc_gitops_image){
            .service = wc_arena_strdup(arena, wc_json_str(wc_json_get(at, "service"), "")),
            .written = wc_arena_strdup(arena, wc_json_str(wc_json_get(at, "written"), "")),
            .tag = wc_arena_strdup(arena, wc_json_str(wc_json_get(at, "tag"), "")),
            .digest = wc_arena_strdup(arena, wc_json_str(wc_json_get(at, "digest"), "")),
            .since_ms = wc_json_i64(wc_json_get(at, "since_ms"), 0),
        };
    return out;
}

static void get_rejected(const struct wc_json *list, struct wc_gitops_memory *m)
{
    for (const struct wc_json *at = wc_json_first(list);
         at != NULL && m->n_rejected < WC_GITOPS_REJECTED; at = wc_json_next(at)) {
        struct wc_gitops_rejection *r = &m->rejected[m->n_rejected++];
        r->key = get_key(at, "key");
        get_text(at, "reason", r->reason, sizeof r->reason);
        get_text(at, "why", r->why, sizeof r->why);
        r->at_ms = wc_json_i64(wc_json_get(at, "at_ms"), 0);
        r->is_believed = wc_json_bool(wc_json_get(at, "believed"), false);
    }
}

static void get_condition(const struct wc_json *at, struct wc_gitops_condition *c)
{
    const char *status = wc_json_str(wc_json_get(at, "status"), "");
    for (int i = WC_GITOPS_UNKNOWN; i <= WC_GITOPS_TRUE; i++)
        if (wc_streq(status, wc_gitops_truth_name((enum wc_gitops_truth)i)))
            c->status = (enum wc_gitops_truth)i;
    get_text(at, "reason", c->reason, sizeof c->reason);
    get_text(at, "message", c->message, sizeof c->message);
    c->generation = (uint64_t)wc_json_i64(wc_json_get(at, "observedGeneration"), 0);
    c->since_ms = wc_json_i64(wc_json_get(at, "since_ms"), 0);
}

static bool get_type(const struct wc_json *at, enum wc_gitops_condition_type *out)
{
    const char *type = wc_json_str(wc_json_get(at, "type"), "");
    for (int i = 0; i < WC_GITOPS_CONDITIONS; i++)
        if (wc_streq(type, wc_gitops_condition_name((enum wc_gitops_condition_type)i))) {
            *out = (enum wc_gitops_condition_type)i;
            return true;
        }
    return false;
}

static void get_conditions(const struct wc_json *list, struct wc_gitops_memory *m)
{
    enum wc_gitops_condition_type type;
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at))
        if (get_type(at, &type))
            get_condition(at, &m->conditions[type]);
}

static void get_events(const struct wc_json *list, struct wc_arena *arena,
                       struct wc_gitops_events *out)
{
    out->items = WC_NEW_ARRAY(arena, struct wc_gitops_event, wc_json_count(list) + 1);
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at)) {
        struct wc_gitops_event event = { .seq = (uint64_t)wc_json_i64(wc_json_get(at, "seq"), 0),
                                         .revision = get_dup(at, "revision", arena) };
        if (!get_type(at, &event.type))
            continue;
        get_condition(at, &event.now);
        out->items[out->n++] = event;
    }
}

static void get_memory(const struct wc_json *root, struct wc_gitops_memory *m)
{
    m->generation = (uint64_t)wc_json_i64(wc_json_get(root, "generation"), 0);
    get_text(root, "mark", m->mark, sizeof m->mark);
    m->seen = get_key(root, "seen_key");
    m->good = get_key(root, "good_key");
    m->attempt = get_key(root, "attempt_key");
    m->tries = (unsigned)wc_json_i64(wc_json_get(root, "tries"), 0);
    m->unjudged_at_ms = wc_json_i64(wc_json_get(root, "unjudged_at_ms"), 0);
    m->superseded = (unsigned)wc_json_i64(wc_json_get(root, "superseded"), 0);
    m->restoring = wc_json_bool(wc_json_get(root, "restoring"), false);
    m->is_suspended = wc_json_bool(wc_json_get(root, "suspended"), false);
    m->failures = (unsigned)wc_json_i64(wc_json_get(root, "failures"), 0);
    m->retry_at_ms = wc_json_i64(wc_json_get(root, "retry_at_ms"), 0);
    m->looked_at_ms = wc_json_i64(wc_json_get(root, "looked_at_ms"), 0);
    m->due_at_ms = wc_json_i64(wc_json_get(root, "due_at_ms"), 0);
    m->asked_at_ms = wc_json_i64(wc_json_get(root, "asked_at_ms"), 0);
    m->ask_at_ms = wc_json_i64(wc_json_get(root, "ask_at_ms"), 0);
    m->unanswered = (unsigned)wc_json_i64(wc_json_get(root, "unanswered"), 0);
    get_text(root, "unanswered_why", m->unanswered_why, sizeof m->unanswered_why);
    m->wake_at_ms = wc_json_i64(wc_json_get(root, "wake_at_ms"), 0);
    get_conditions(wc_json_get(root, "conditions"), m);
    get_rejected(wc_json_get(root, "rejected"), m);
}

static void get_past(const struct wc_json *list, struct wc_arena *arena,
                     struct wc_gitops_record *out)
{
    out->past = WC_NEW_ARRAY(arena, struct wc_gitops_past, wc_json_count(list) + 1);
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at))
        out->past[out->n_past++] = (struct wc_gitops_past){
            .at_ms = wc_json_i64(wc_json_get(at, "at_ms"), 0),
            .what = wc_arena_strdup(arena, wc_json_str(wc_json_get(at, "what"), "")),
            .revision = wc_arena_strdup(arena, wc_json_str(wc_json_get(at, "revision"), "")),
            .why = wc_arena_strdup(arena, wc_json_str(wc_json_get(at, "why"), "")),
        };
}

/* What is wrong between its parts: a good revision without its text can't be restored. */
static bool is_whole(const struct wc_gitops_record *record)
{
    const struct wc_gitops_memory *m = &record->memory;
    return (m->good.id[0] == '\0' || record->good_text != NULL) &&
           (m->attempt.id[0] == '\0' || record->attempt_text != NULL) &&
           (!m->restoring || m->good.id[0] != '\0');
}

static int parse(const struct wc_buf *text, struct wc_arena *arena, struct wc_gitops_record *out,
                 struct wc_err *err)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    if (wc_json_parse(text->data, text->len, &root, err) != 0)
        return WC_ERR_STATE;
    int64_t version = wc_json_i64(wc_json_get(root, "version"), 0);
    if (version != VERSION)
        return wc_err_set(err, WC_ERR_STATE, 0,
                          "it has version %lld, and this wcompose knows version %d",
                          (long long)version, VERSION);
    get_memory(root, &out->memory);
    out->source = get_dup(root, "source", arena);
    out->seen = get_named(root, "seen", arena);
    out->attempt = get_named(root, "attempt", arena);
    out->good = get_named(root, "good", arena);
    out->attempt_text = get_dup(root, "attempt_text", arena);
    out->good_text = get_dup(root, "good_text", arena);
    out->attempt_images = get_images(root, "attempt_images", arena);
    out->good_images = get_images(root, "good_images", arena);
    out->answers = get_images(root, "answers", arena);
    out->answers_of = get_key(root, "answers_of");
    get_past(wc_json_get(root, "past"), arena, out);
    get_events(wc_json_get(root, "events"), arena, &out->events);
    memcpy(out->noted, out->memory.conditions, sizeof out->noted);
    return is_whole(out) ? 0 : wc_err_set(err, WC_ERR_STATE, 0, "parts of it are missing");
}

int wc_gitops_record_read(const char *dir, struct wc_arena *arena, struct wc_gitops_record *out,
                          struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    char path[4096];
    struct wc_gitops_record record = { 0 };
    snprintf(path, sizeof path, "%s/record.json", dir);
    int rc = wc_fs_read(path, (size_t)SIZE_MAX_MIB << 20, &text, err);
    if (rc == WC_ERR_NOENT) {
        *out = record;
        return 0;
    }
    if (rc == 0)
        rc = parse(&text, arena, &record, err);
    if (rc == WC_ERR_STATE)
        return wc_err_wrap(err, rc, "%s", path);
    if (rc == 0)
        *out = record;
    return rc;
}
