/* gitops.c - the order of things: what was begun is ended first, then the source is looked at, then
 * what runs is held against the good revision.
 *
 * (Rejected: to look before an attempt is gone on with, so that a fix that was pushed meanwhile
 * comes sooner. Then what is in force would depend on whether the remote can be reached. It is
 * looked at as soon as the attempt is in force.)
 *
 * One that isn't ready gives way to a newer one for as long as the first of them may take to get
 * ready; the one that is waited for then is judged by its own time. So nobody who pushes the fix of
 * a fix waits for the first, and after twice that time something was ready or is rolled back.
 * (Rejected: a count alone. Three commits of a merge would use it up in a second.)
 */
#include "orchestrator/core/gitops.h"

#include <string.h>

#include "base/str.h"

bool wc_gitops_same_revision(const struct wc_gitops_key *a, const struct wc_gitops_key *b)
{
    return a->id[0] != '\0' && wc_streq(a->id, b->id) && wc_streq(a->inputs, b->inputs);
}

bool wc_gitops_same(const struct wc_gitops_key *a, const struct wc_gitops_key *b)
{
    return wc_gitops_same_revision(a, b) && wc_streq(a->images, b->images);
}

const struct wc_gitops_rejection *wc_gitops_rejected(const struct wc_gitops_memory *memory,
                                                     const struct wc_gitops_key *key)
{
    if (wc_gitops_same(key, &memory->good))
        return NULL;
    for (unsigned i = 0; i < memory->n_rejected; i++) {
        const struct wc_gitops_key *at = &memory->rejected[i].key;
        bool is_whole = at->images[0] == '\0' && wc_gitops_same_revision(at, key);
        if (is_whole || wc_gitops_same(at, key))
            return &memory->rejected[i];
    }
    return NULL;
}

/* The good revision under other inputs is a candidate too: it has to pass what holds now. */
static bool is_new(const struct wc_gitops_memory *memory, const struct wc_gitops_pass *pass)
{
    return pass->candidate.id[0] != '\0' && !wc_gitops_same(&pass->candidate, &memory->good) &&
           !wc_gitops_same(&pass->candidate, &memory->attempt) &&
           wc_gitops_rejected(memory, &pass->candidate) == NULL;
}

/* Registries are asked about a revision whose images are known; about another one once it has been
 * loaded, whatever the time is. */
static bool asks(const struct wc_gitops_in *in, const struct wc_gitops_memory *memory)
{
    return in->ask_ms > 0 && memory->seen.images[0] != '\0';
}

/* A clock that was set back doesn't keep us from asking for years. */
static bool is_ask_due(const struct wc_gitops_in *in, const struct wc_gitops_memory *memory,
                       const struct wc_gitops_pass *pass)
{
    return pass->forced || in->now_ms >= memory->ask_at_ms || in->now_ms < memory->asked_at_ms;
}

/* When the next pass has something to look at. */
static int64_t due_at(const struct wc_gitops_in *in, const struct wc_gitops_memory *memory,
                      bool has_failed)
{
    if (has_failed)
        return memory->retry_at_ms;
    bool sooner = asks(in, memory) && memory->ask_at_ms < memory->due_at_ms;
    return sooner ? memory->ask_at_ms : memory->due_at_ms;
}

static bool is_time(const struct wc_gitops_in *in, const struct wc_gitops_memory *memory,
                    bool has_failed)
{
    bool asks_anew = asks(in, memory) && !has_failed && in->now_ms < memory->asked_at_ms;
    bool is_set_back = asks_anew || in->now_ms < memory->looked_at_ms;
    return is_set_back || in->now_ms >= due_at(in, memory, has_failed);
}

/* To be looked at, for the first time in this pass, or again while an attempt is waited for. */
static bool is_due(const struct wc_gitops_in *in, const struct wc_gitops_memory *memory,
                   const struct wc_gitops_pass *pass)
{
    if (!pass->looked && !pass->failed)
        return in->forced || pass->told || is_time(in, memory, memory->failures > 0);
    return pass->waits && (pass->told || is_time(in, memory, pass->failed));
}

/* What is next for the newest revision; REST: nothing. */
static enum wc_gitops_act step_candidate(const struct wc_gitops_in *in,
                                         const struct wc_gitops_memory *memory,
                                         const struct wc_gitops_pass *pass)
{
    if (pass->failed || !pass->looked)
        return WC_GITOPS_REST;
    if (pass->candidate.id[0] == '\0')
        return WC_GITOPS_FETCH;
    bool is_answered = pass->candidate.images[0] != '\0';
    if (is_answered && !pass->asked && in->ask_ms > 0 && is_ask_due(in, memory, pass))
        return WC_GITOPS_ASK;
    if (memory->attempt.id[0] != '\0' && wc_gitops_same(&pass->candidate, &memory->good))
        return WC_GITOPS_RESTORE; /* people have gone back to it */
    if (!is_new(memory, pass))
        return WC_GITOPS_REST;
    if (!pass->fetched)
        return WC_GITOPS_FETCH;
    if (!pass->verified)
        return WC_GITOPS_VERIFY;
    if (!pass->loaded)
        return WC_GITOPS_LOAD;
    if (!is_answered && in->ask_ms > 0)
        return WC_GITOPS_ASK;
    if (in->waits_for != NULL || in->window_at_ms != 0)
        return WC_GITOPS_REST;
    return pass->pulled ? WC_GITOPS_APPLY : WC_GITOPS_PULL;
}

/* What is next for the good revision. */
static enum wc_gitops_act step_good(const struct wc_gitops_in *in,
                                    const struct wc_gitops_memory *memory,
                                    const struct wc_gitops_pass *pass)
{
    if (memory->good.id[0] == '\0' || (!pass->looked && !pass->failed))
        return WC_GITOPS_REST;
    if (!pass->compared)
        return WC_GITOPS_COMPARE;
    return pass->drifted && in->repair ? WC_GITOPS_REPAIR : WC_GITOPS_REST;
}

static int64_t wake_at(const struct wc_gitops_in *in, const struct wc_gitops_memory *memory,
                       const struct wc_gitops_pass *pass)
{
    bool is_over = pass->looked && !pass->failed; /* what failed before doesn't count any more */
    int64_t at_ms = due_at(in, memory, memory->failures > 0 && !is_over);
    bool waits = is_new(memory, pass) && in->waits_for == NULL && in->window_at_ms != 0;
    if (waits && in->window_at_ms < at_ms)
        at_ms = in->window_at_ms;
    return at_ms > in->now_ms ? at_ms : in->now_ms + 1;
}

static bool may_give_way(const struct wc_gitops_in *in, const struct wc_gitops_memory *memory)
{
    int64_t since_ms = in->now_ms - memory->unjudged_at_ms;
    bool is_first = memory->unjudged_at_ms == 0;
    return memory->superseded < WC_GITOPS_SUPERSEDED &&
           (is_first || (since_ms >= 0 && since_ms < in->limit_ms));
}

/* When to look up from an attempt that isn't ready; 0 = not at all. */
static int64_t look_up_at(const struct wc_gitops_in *in, const struct wc_gitops_memory *memory,
                          const struct wc_gitops_pass *pass)
{
    if (!may_give_way(in, memory))
        return 0;
    return is_due(in, memory, pass) ? in->now_ms : wake_at(in, memory, pass);
}

/* The attempt is in force. It is seen to once more before it gives way: while all was made ready
 * for the newer one, it may have got ready itself. What was begun with a newer one is ended before
 * the source is looked at again, or those who tell of news all the time would keep it out. */
static struct wc_gitops_out step_wait(const struct wc_gitops_in *in,
                                      const struct wc_gitops_memory *memory,
                                      const struct wc_gitops_pass *pass)
{
    if (!may_give_way(in, memory) || pass->has_end)
        return (struct wc_gitops_out){ WC_GITOPS_WAIT, 0 };
    enum wc_gitops_act act = step_candidate(in, memory, pass);
    if (act == WC_GITOPS_REST && is_due(in, memory, pass))
        return (struct wc_gitops_out){ WC_GITOPS_LOOK, 0 };
    if (act == WC_GITOPS_REST)
        return (struct wc_gitops_out){ WC_GITOPS_WAIT, look_up_at(in, memory, pass) };
    bool gives_way = act == WC_GITOPS_APPLY || act == WC_GITOPS_RESTORE;
    if (gives_way && !pass->glanced)
        return (struct wc_gitops_out){ WC_GITOPS_WAIT, in->now_ms };
    return (struct wc_gitops_out){ act, gives_way ? look_up_at(in, memory, pass) : 0 };
}

struct wc_gitops_out wc_gitops_step(const struct wc_gitops_in *in,
                                    const struct wc_gitops_memory *memory,
                                    const struct wc_gitops_pass *pass)
{
    if (in->suspend || memory->is_suspended)
        return (struct wc_gitops_out){ WC_GITOPS_REST, 0 };
    if (pass->ended)
        return (struct wc_gitops_out){ WC_GITOPS_REST, wake_at(in, memory, pass) };
    if (memory->restoring)
        return (struct wc_gitops_out){ WC_GITOPS_RESTORE, 0 };
    if (memory->attempt.id[0] != '\0' && pass->waits)
        return step_wait(in, memory, pass);
    if (memory->attempt.id[0] != '\0')
        return (struct wc_gitops_out){ WC_GITOPS_APPLY, look_up_at(in, memory, pass) };
    if (is_due(in, memory, pass))
        return (struct wc_gitops_out){ WC_GITOPS_LOOK, 0 };
    enum wc_gitops_act act = step_candidate(in, memory, pass);
    if (act == WC_GITOPS_APPLY)
        return (struct wc_gitops_out){ act, look_up_at(in, memory, pass) };
    if (act == WC_GITOPS_REST)
        act = step_good(in, memory, pass);
    return (struct wc_gitops_out){ act, act == WC_GITOPS_REST ? wake_at(in, memory, pass) : 0 };
}
