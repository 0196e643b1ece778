/* gitops_conditions.c - what is said of an app: five conditions, each by its own rule. A pass that
 * has not found out about one leaves it as it was. */
#include "orchestrator/core/gitops_conditions.h"

#include <stdio.h>

#include "base/str.h"
#include "base/units.h"

void wc_gitops_tell(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                    enum wc_gitops_condition_type type, enum wc_gitops_truth status,
                    const struct wc_gitops_told *told)
{
    struct wc_gitops_condition *c = &memory->conditions[type];
    const char *reason = told->reason != NULL ? told->reason : "";
    if (c->status != status || !wc_streq(c->reason, reason))
        c->since_ms = in->now_ms;
    c->status = status;
    c->generation = memory->generation;
    snprintf(c->reason, sizeof c->reason, "%s", reason);
    snprintf(c->message, sizeof c->message, "%s", told->message != NULL ? told->message : "");
}

static void say(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                enum wc_gitops_condition_type type, bool status, struct wc_gitops_told told)
{
    wc_gitops_tell(in, memory, type, status ? WC_GITOPS_TRUE : WC_GITOPS_FALSE, &told);
}

static void say_ready(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                      const struct wc_gitops_pass *pass)
{
    enum wc_gitops_condition_type type = WC_GITOPS_READY;
    if (memory->good.id[0] == '\0')
        say(in, memory, type, false,
            (struct wc_gitops_told){ "NothingApplied", "no revision has been ready yet" });
    else if (memory->restoring || memory->attempt.id[0] != '\0')
        say(in, memory, type, false,
            (struct wc_gitops_told){ "Applying", "a change is under way" });
    else if (!pass->compared || pass->ended)
        return; /* nothing new is known, or not for sure */
    else if (pass->drifted)
        say(in, memory, type, false, (struct wc_gitops_told){ "Drifted", pass->unready_why });
    else if (pass->not_ready)
        say(in, memory, type, false, (struct wc_gitops_told){ "NotReady", pass->unready_why });
    else
        say(in, memory, type, true, (struct wc_gitops_told){ "Applied", "" });
}

/* A revision that comes back isn't verified anew: what was found out about it then holds. */
static void say_verified(const struct wc_gitops_in *in, struct wc_gitops_memory *memory)
{
    enum wc_gitops_condition_type type = WC_GITOPS_SOURCE_VERIFIED;
    const struct wc_gitops_rejection *r = wc_gitops_rejected(memory, &memory->seen);
    if (memory->conditions[type].generation == memory->generation)
        return;
    if (wc_gitops_same(&memory->seen, &memory->good))
        say(in, memory, type, true, (struct wc_gitops_told){ "Applied", "" });
    else if (r != NULL && r->is_believed)
        say(in, memory, type, true, (struct wc_gitops_told){ "Before", "" });
    else if (r != NULL)
        say(in, memory, type, false, (struct wc_gitops_told){ r->reason, r->why });
}

static void say_stalled(const struct wc_gitops_in *in, struct wc_gitops_memory *memory)
{
    const struct wc_gitops_rejection *r = wc_gitops_rejected(memory, &memory->seen);
    if (r != NULL)
        say(in, memory, WC_GITOPS_STALLED, true, (struct wc_gitops_told){ r->reason, r->why });
    else
        say(in, memory, WC_GITOPS_STALLED, false, (struct wc_gitops_told){ "No", "" });
}

void wc_gitops_tell_applying(const struct wc_gitops_in *in, struct wc_gitops_memory *memory)
{
    static const struct wc_gitops_told applying = { "Applying", "" };
    static const struct wc_gitops_told newer = {
        "Superseded", "a newer revision has come before the one before it was ready"
    };
    wc_gitops_tell(in, memory, WC_GITOPS_RECONCILING, WC_GITOPS_TRUE,
                   memory->superseded > 0 ? &newer : &applying);
}

static bool is_waiting(const struct wc_gitops_memory *memory, const struct wc_gitops_pass *pass)
{
    return pass->loaded && !wc_gitops_same(&pass->candidate, &memory->good) &&
           wc_gitops_rejected(memory, &pass->candidate) == NULL;
}

static void say_window(const struct wc_gitops_in *in, struct wc_gitops_memory *memory)
{
    char at[32], text[80];
    wc_time_rfc3339(in->window_at_ms, at, sizeof at);
    snprintf(text, sizeof text, "no maintenance window is open; the next opens at %.19sZ", at);
    say(in, memory, WC_GITOPS_RECONCILING, true, (struct wc_gitops_told){ "WaitsForWindow", text });
}

static void say_reconciling(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                            const struct wc_gitops_pass *pass)
{
    enum wc_gitops_condition_type type = WC_GITOPS_RECONCILING;
    if (pass->failed)
        say(in, memory, type, true, (struct wc_gitops_told){ pass->reason, pass->why });
    else if (memory->restoring || memory->attempt.id[0] != '\0')
        wc_gitops_tell_applying(in, memory);
    else if (is_waiting(memory, pass) && in->waits_for != NULL)
        say(in, memory, type, true, (struct wc_gitops_told){ "WaitsForApp", in->waits_for });
    else if (is_waiting(memory, pass))
        say_window(in, memory);
    else if (in->ask_ms > 0 && memory->seen.images[0] != '\0' && memory->unanswered > 0)
        say(in, memory, type, true,
            (struct wc_gitops_told){ "RegistryFailed", memory->unanswered_why });
    else if (pass->looked)
        say(in, memory, type, false, (struct wc_gitops_told){ "UpToDate", "" });
}

void wc_gitops_tell_all(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                        const struct wc_gitops_pass *pass)
{
    if (pass->looked && !pass->failed) {
        memory->failures = 0;
        memory->retry_at_ms = 0;
    }
    say_verified(in, memory);
    say_stalled(in, memory);
    say_reconciling(in, memory, pass);
}

void wc_gitops_conclude(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                        const struct wc_gitops_pass *pass)
{
    bool suspended = in->suspend || memory->is_suspended;
    if (suspended)
        say(in, memory, WC_GITOPS_SUSPENDED, true,
            (struct wc_gitops_told){ in->suspend ? "ByFile" : "ByCommand", "" });
    else
        say(in, memory, WC_GITOPS_SUSPENDED, false, (struct wc_gitops_told){ "No", "" });
    if (suspended)
        return;
    say_ready(in, memory, pass);
    wc_gitops_tell_all(in, memory, pass);
}
