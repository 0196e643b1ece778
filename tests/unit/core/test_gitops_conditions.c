/* test_gitops_conditions.c - what is said of an app at the end of a pass, condition by condition.
 */
#include "harness/wc_test.h"

#include "base/str.h"
#include "orchestrator/core/gitops.h"

/* What a pass came to, as little of it as a row needs. */
struct situation {
    const char *what; /* for messages */
    const char *good, *attempt, *seen;
    bool restoring, by_command, by_file;
    bool looked, failed, ended, loaded, compared, drifted, not_ready;
    const char *waits_for;
    int64_t window_at_ms;
    unsigned unanswered;
    bool asks, asked;     /* registries are asked; were, and their answer is remembered */
    const char *rejected; /* id */
    bool is_believed;
};

/* "True Reason", "False Reason", or "" = not touched. */
struct said {
    const char *ready, *reconciling, *stalled, *verified, *suspended;
};

static struct wc_gitops_key key(const char *id)
{
    struct wc_gitops_key out = { .inputs = "i" };
    snprintf(out.id, sizeof out.id, "%s", id != NULL ? id : "");
    return out;
}

static struct wc_gitops_memory memory_of(const struct situation *s)
{
    struct wc_gitops_memory m = { .good = key(s->good),
                                  .attempt = key(s->attempt),
                                  .seen = key(s->seen),
                                  .generation = 4,
                                  .restoring = s->restoring,
                                  .is_suspended = s->by_command,
                                  .unanswered = s->unanswered,
                                  .unanswered_why = "r.example: away" };
    if (s->asks || s->asked)
        snprintf(m.seen.images, sizeof m.seen.images, "x");
    if (s->rejected != NULL)
        m.rejected[m.n_rejected++] = (struct wc_gitops_rejection){
            .key = key(s->rejected), .reason = "Bad", .why = "why", .is_believed = s->is_believed
        };
    return m;
}

static void check(const struct situation *s, const char *name,
                  const struct wc_gitops_condition *found, const char *wanted)
{
    char text[96] = "";
    if (found->status != WC_GITOPS_UNKNOWN)
        snprintf(text, sizeof text, "%s %s", found->status == WC_GITOPS_TRUE ? "True" : "False",
                 found->reason);
    if (!wc_streq(text, wanted))
        fail_msg("%s: %s is '%s', not '%s'", s->what, name, text, wanted);
    if (text[0] != '\0')
        assert_int_equal(found->generation, 4);
}

static void conclude(const struct situation *s, const struct said *wanted)
{
    struct wc_gitops_memory m = memory_of(s);
    const struct wc_gitops_in in = { .app = "shop",
                                     .inputs = "i",
                                     .now_ms = 1000,
                                     .ask_ms = s->asks ? 60000 : 0,
                                     .suspend = s->by_file,
                                     .waits_for = s->waits_for,
                                     .window_at_ms = s->window_at_ms };
    const struct wc_gitops_pass pass = { .looked = s->looked,
                                         .failed = s->failed,
                                         .ended = s->ended,
                                         .loaded = s->loaded,
                                         .compared = s->compared,
                                         .drifted = s->drifted,
                                         .not_ready = s->not_ready,
                                         .candidate = m.seen,
                                         .reason = "LookFailed",
                                         .why = "away",
                                         .unready_why = "db" };
    wc_gitops_conclude(&in, &m, &pass);
    check(s, "Ready", &m.conditions[WC_GITOPS_READY], wanted->ready);
    check(s, "Reconciling", &m.conditions[WC_GITOPS_RECONCILING], wanted->reconciling);
    check(s, "Stalled", &m.conditions[WC_GITOPS_STALLED], wanted->stalled);
    check(s, "SourceVerified", &m.conditions[WC_GITOPS_SOURCE_VERIFIED], wanted->verified);
    check(s, "Suspended", &m.conditions[WC_GITOPS_SUSPENDED], wanted->suspended);
}

static const struct {
    struct situation is;
    struct said said;
} rows[] = {
    { { .what = "a new app whose source is away", .failed = true },
      { "False NothingApplied", "True LookFailed", "False No", "", "False No" } },
    { { .what = "all is well", .good = "1", .seen = "1", .looked = true, .compared = true },
      { "True Applied", "False UpToDate", "False No", "True Applied", "False No" } },
    { { .what = "nothing was looked at", .good = "1", .seen = "1", .compared = true },
      { "True Applied", "", "False No", "True Applied", "False No" } },
    { { .what = "not compared", .good = "1", .seen = "1", .looked = true },
      { "", "False UpToDate", "False No", "True Applied", "False No" } },
    { { .what = "broken off", .good = "1", .seen = "1", .compared = true, .ended = true },
      { "", "", "False No", "True Applied", "False No" } },
    { { .what = "drift that is reported",
        .good = "1",
        .seen = "1",
        .looked = true,
        .compared = true,
        .drifted = true,
        .not_ready = true },
      { "False Drifted", "False UpToDate", "False No", "True Applied", "False No" } },
    { { .what = "not all of it is ready",
        .good = "1",
        .seen = "1",
        .looked = true,
        .compared = true,
        .not_ready = true },
      { "False NotReady", "False UpToDate", "False No", "True Applied", "False No" } },
    { { .what = "an attempt that was left", .good = "1", .attempt = "2", .seen = "2" },
      { "False Applying", "True Applying", "False No", "", "False No" } },
    { { .what = "a rollback that was left", .good = "1", .restoring = true, .seen = "1" },
      { "False Applying", "True Applying", "False No", "True Applied", "False No" } },
    { { .what = "a window is waited for",
        .good = "1",
        .seen = "2",
        .looked = true,
        .loaded = true,
        .compared = true,
        .window_at_ms = 9 },
      { "True Applied", "True WaitsForWindow", "False No", "", "False No" } },
    { { .what = "an app is waited for, whatever the windows",
        .good = "1",
        .seen = "2",
        .looked = true,
        .loaded = true,
        .compared = true,
        .waits_for = "db",
        .window_at_ms = 9 },
      { "True Applied", "True WaitsForApp", "False No", "", "False No" } },
    { { .what = "the good one waits for nobody",
        .good = "1",
        .seen = "1",
        .looked = true,
        .loaded = true,
        .compared = true,
        .waits_for = "db" },
      { "True Applied", "False UpToDate", "False No", "True Applied", "False No" } },
    { { .what = "one that wasn't loaded waits for nobody",
        .good = "1",
        .seen = "2",
        .looked = true,
        .compared = true,
        .waits_for = "db" },
      { "True Applied", "False UpToDate", "False No", "", "False No" } },
    { { .what = "a rejected one waits for nobody",
        .good = "1",
        .seen = "2",
        .looked = true,
        .loaded = true,
        .compared = true,
        .waits_for = "db",
        .rejected = "2",
        .is_believed = true },
      { "True Applied", "False UpToDate", "True Bad", "True Before", "False No" } },
    { { .what = "one that isn't believed",
        .good = "1",
        .seen = "2",
        .looked = true,
        .compared = true,
        .rejected = "2" },
      { "True Applied", "False UpToDate", "True Bad", "False Bad", "False No" } },
    { { .what = "registries are away",
        .good = "1",
        .seen = "2",
        .looked = true,
        .compared = true,
        .asks = true,
        .unanswered = 1 },
      { "True Applied", "True RegistryFailed", "False No", "", "False No" } },
    { { .what = "registries that nobody asks any more",
        .good = "1",
        .seen = "1",
        .looked = true,
        .compared = true,
        .unanswered = 1 },
      { "True Applied", "False UpToDate", "False No", "True Applied", "False No" } },
    { { .what = "registries whose answer is still remembered",
        .good = "1",
        .seen = "2",
        .looked = true,
        .compared = true,
        .asked = true,
        .unanswered = 1 },
      { "True Applied", "False UpToDate", "False No", "", "False No" } },
    { { .what = "suspended by command", .good = "1", .seen = "2", .by_command = true },
      { "", "", "", "", "True ByCommand" } },
    { { .what = "suspended by the file", .seen = "2", .looked = true, .by_file = true },
      { "", "", "", "", "True ByFile" } },
};

static void what_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        conclude(&rows[i].is, &rows[i].said);
}

/* A look that worked ends the row of failures, and the pause that they made. */
static void failures_end(void **state)
{
    (void)state;
    struct wc_gitops_memory m = { .failures = 3, .retry_at_ms = 99 };
    const struct wc_gitops_in in = { .app = "shop", .inputs = "i", .now_ms = 5 };
    const struct wc_gitops_pass away = { .looked = true, .failed = true },
                                well = { .looked = true };
    wc_gitops_conclude(&in, &m, &away);
    assert_int_equal(m.failures, 3);
    assert_int_equal(m.retry_at_ms, 99);
    wc_gitops_conclude(&in, &m, &well);
    assert_int_equal(m.failures, 0);
    assert_int_equal(m.retry_at_ms, 0);
}

/* What was found out about a candidate is said once; of another one it isn't known. */
static void verified_is_of_a_candidate(void **state)
{
    (void)state;
    const struct situation s = { .good = "1", .seen = "2", .rejected = "2" };
    struct wc_gitops_memory m = memory_of(&s);
    struct wc_gitops_condition *c = &m.conditions[WC_GITOPS_SOURCE_VERIFIED];
    const struct wc_gitops_in in = { .app = "shop", .inputs = "i", .now_ms = 5 };
    const struct wc_gitops_pass pass = { .looked = true };
    *c = (struct wc_gitops_condition){ WC_GITOPS_TRUE, "Signed", "ann", 4, 1 };
    wc_gitops_conclude(&in, &m, &pass);
    assert_string_equal(c->reason, "Signed");
    assert_int_equal(c->since_ms, 1);
    m.generation++;
    wc_gitops_conclude(&in, &m, &pass);
    assert_int_equal(c->status, WC_GITOPS_FALSE);
    assert_string_equal(c->reason, "Bad");
    assert_int_equal(c->since_ms, 5);
}

/* Another reason is news, though the status is the same. */
static void a_reason_is_news(void **state)
{
    (void)state;
    const struct situation s = { .good = "1", .seen = "1" };
    struct wc_gitops_memory m = memory_of(&s);
    struct wc_gitops_condition *c = &m.conditions[WC_GITOPS_READY];
    struct wc_gitops_in in = { .app = "shop", .inputs = "i", .now_ms = 5 };
    struct wc_gitops_pass pass = { .compared = true, .drifted = true };
    wc_gitops_conclude(&in, &m, &pass);
    in.now_ms = 6;
    wc_gitops_conclude(&in, &m, &pass);
    assert_int_equal(c->since_ms, 5);
    pass.drifted = false;
    pass.not_ready = true;
    wc_gitops_conclude(&in, &m, &pass);
    assert_int_equal(c->since_ms, 6);
}

WC_MAIN(WC_CASE(what_is_said), WC_CASE(failures_end), WC_CASE(verified_is_of_a_candidate),
        WC_CASE(a_reason_is_news))
