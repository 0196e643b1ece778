/* supervisor_wants.c - what the engine wants of each service, kept for a successor's engine.
 *
 * A request changes what is wanted the moment it is submitted, but nothing is done before the loop
 * sleeps: what is written down in between is on disk before anything happens in the world. (The
 * wishes of the ledger say what people asked for; these say what the engine made of it, with the
 * hash that instances were to have.)
 */
#include "orchestrator/supervisor_priv.h"

#include <string.h>

#include "base/str.h"

static const char *const words[] = {
    [WC_WANT_NOTHING] = NULL,
    [WC_WANT_CREATED] = "created",
    [WC_WANT_STOPPED] = "stopped",
    [WC_WANT_RUNNING] = "running",
};

struct noting {
    const struct wc_ledger *ledger;
    struct wc_arena arena;
    struct wc_kept_want *changes;
    size_t n, cap;
};

static void note(struct noting *noting, const struct wc_kept_want *change)
{
    struct wc_arena *arena = &noting->arena;
    noting->changes =
        wc_arena_grow(arena, noting->changes, noting->n, &noting->cap, sizeof *noting->changes);
    noting->changes[noting->n++] =
        (struct wc_kept_want){ .service = wc_arena_strdup(arena, change->service),
                               .want = change->want,
                               .hash = wc_arena_strdup(arena, change->hash),
                               .inplace = wc_arena_strdup(arena, change->inplace) };
}

static void compare(void *data, const struct wc_intent *intent)
{
    struct noting *noting = data;
    const struct wc_kept_want *kept = wc_ledger_want(noting->ledger, intent->service);
    const struct wc_kept_want now = { .service = intent->service,
                                      .want = words[intent->want],
                                      .hash = intent->hash != NULL ? intent->hash : "",
                                      .inplace = intent->inplace != NULL ? intent->inplace : "" };
    bool is_same = kept == NULL
                       ? now.want == NULL
                       : wc_streq0(kept->want, now.want) && wc_streq(kept->hash, now.hash) &&
                             wc_streq(kept->inplace, now.inplace);
    if (!is_same)
        note(noting, &now);
}

void wc_sup_note_wants(struct wc_supervisor *sup)
{
    struct noting noting = { .ledger = &sup->ledger };
    const struct wc_project *project = wc_engine_project(sup->engine);
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    struct wc_err unsaid;
    wc_arena_init(&noting.arena);
    wc_engine_intents(sup->engine, compare, &noting);
    for (size_t i = 0; project != NULL && i < sup->ledger.n_wants; i++)
        if (wc_project_service(project, sup->ledger.wants[i].service) == NULL)
            note(&noting, &(struct wc_kept_want){
                              .service = sup->ledger.wants[i].service, .hash = "", .inplace = "" });
    if (noting.n > 0) {
        wc_ledger_put_wants(&payload, noting.changes, noting.n);
        wc_sup_record(sup, WC_RECORD_WANTS, &payload);
        (void)wc_sup_commit(sup, &unsaid); /* the journal tells, and tries again */
    }
    wc_arena_deinit(&noting.arena);
}

static enum wc_want want_of(const char *word)
{
    for (size_t i = 0; i < WC_COUNT(words); i++)
        if (words[i] != NULL && wc_streq(words[i], word))
            return (enum wc_want)i;
    return WC_WANT_NOTHING;
}

size_t wc_sup_kept_intents(const struct wc_supervisor *sup, struct wc_arena *arena,
                           struct wc_intent **out)
{
    const struct wc_ledger *ledger = &sup->ledger;
    *out = WC_NEW_ARRAY(arena, struct wc_intent, ledger->n_wants + 1);
    for (size_t i = 0; i < ledger->n_wants; i++) {
        const struct wc_kept_want *kept = &ledger->wants[i];
        const struct wc_wish *wish = wc_ledger_wish(ledger, kept->service);
        enum wc_want want = want_of(kept->want);
        /* A stop of something that had no instance, or that we had no time to note. */
        if (wish != NULL && wish->stopped && want != WC_WANT_NOTHING)
            want = WC_WANT_STOPPED;
        (*out)[i] = (struct wc_intent){ kept->service,
                                        want,
                                        kept->hash,
                                        kept->inplace,
                                        wish != NULL && wish->suspended,
                                        wish != NULL && wish->paused };
    }
    return ledger->n_wants;
}
