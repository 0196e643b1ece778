/* test_ledger.c - what is remembered: records in, value out, and the same value from its own
 * telling. */
#include "harness/wc_test.h"

#include "base/str.h"
#include "orchestrator/ledger.h"
#include "wcompose/model.h"

static bool generation(struct wc_ledger *ledger, uint64_t number, const char *text)
{
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    const struct wc_generation made = { .number = number,
                                        .made_at_ms = 1000 + (int64_t)number,
                                        .source = "compose.yaml",
                                        .text = text,
                                        .len = strlen(text) };
    wc_ledger_put_generation(&payload, &made);
    return wc_ledger_apply(ledger, WC_RECORD_GENERATION, payload.data, payload.len);
}

static bool ask(struct wc_ledger *ledger, const struct wc_ask *ask, const struct wc_wish *changes,
                size_t n)
{
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    wc_ledger_put_ask(&payload, ask, changes, n);
    return wc_ledger_apply(ledger, WC_RECORD_ASK, payload.data, payload.len);
}

static bool apply(struct wc_ledger *ledger, uint64_t number)
{
    const struct wc_ask made = { .id = ledger->last_id + 1,
                                 .verb = "apply",
                                 .at_ms = 5000,
                                 .number = number,
                                 .before = ledger->in_force,
                                 .key = "{\"wait\":\"ready\"}" };
    return ask(ledger, &made, NULL, 0);
}

static bool done(struct wc_ledger *ledger, uint64_t id, enum wc_outcome outcome)
{
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    const struct wc_done made = { .id = id,
                                  .at_ms = 9000,
                                  .outcome = outcome,
                                  .reason = outcome == WC_OUTCOME_FAILED ? "web died" : NULL };
    wc_ledger_put_done(&payload, &made);
    return wc_ledger_apply(ledger, WC_RECORD_DONE, payload.data, payload.len);
}

static void retell(void *data, enum wc_record type, const struct wc_buf *payload)
{
    assert_true(wc_ledger_apply(data, type, payload->data, payload->len));
}

static void write_down(void *data, enum wc_record type, const struct wc_buf *payload)
{
    struct wc_buf *out = data;
    wc_buf_printf(out, "%d:", (int)type);
    wc_buf_add(out, payload->data, payload->len);
}

/* Tells it to an empty one, which must tell the same; then closes both. */
static void check_telling(struct wc_ledger *ledger)
{
    struct wc_ledger other = { 0 };
    WC_CLEANUP_BUF struct wc_buf first = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf second = WC_BUF_INIT;
    wc_ledger_tell(ledger, retell, &other);
    wc_ledger_tell(ledger, write_down, &first);
    wc_ledger_tell(&other, write_down, &second);
    assert_string_equal(first.data, second.data);
    assert_int_equal(ledger->in_force, other.in_force);
    wc_ledger_deinit(&other);
    wc_ledger_deinit(ledger);
}

static void an_apply_from_beginning_to_end(void **state)
{
    (void)state;
    struct wc_ledger ledger = { 0 };
    assert_null(wc_ledger_accepted(&ledger));
    assert_true(generation(&ledger, 1, "{one}"));
    assert_null(wc_ledger_accepted(&ledger)); /* not before somebody asked for it */
    assert_true(apply(&ledger, 1));
    assert_string_equal(wc_ledger_accepted(&ledger)->text, "{one}");
    assert_int_equal(wc_ledger_accepted(&ledger)->outcome, WC_OUTCOME_APPLYING);
    assert_string_equal(wc_ledger_ask(&ledger, 1)->key, "{\"wait\":\"ready\"}");
    assert_true(done(&ledger, 1, WC_OUTCOME_STABLE));
    assert_null(wc_ledger_ask(&ledger, 1));
    assert_int_equal(wc_ledger_accepted(&ledger)->outcome, WC_OUTCOME_STABLE);
    assert_int_equal(wc_ledger_accepted(&ledger)->stable_at_ms, 9000);
    assert_false(done(&ledger, 1, WC_OUTCOME_STABLE)); /* ends once */
    check_telling(&ledger);
}

static void what_was_rejected_is_not_in_force(void **state)
{
    (void)state;
    struct wc_ledger ledger = { 0 };
    generation(&ledger, 1, "{one}");
    apply(&ledger, 1);
    done(&ledger, 1, WC_OUTCOME_STABLE);
    generation(&ledger, 2, "{two}");
    apply(&ledger, 2);
    done(&ledger, 2, WC_OUTCOME_REJECTED);
    assert_int_equal(ledger.in_force, 1);
    assert_int_equal(wc_ledger_generation(&ledger, 2)->outcome, WC_OUTCOME_REJECTED);
    generation(&ledger, 3, "{three}");
    apply(&ledger, 3);
    done(&ledger, 3, WC_OUTCOME_FAILED); /* not all came up: it is in force all the same */
    assert_int_equal(ledger.in_force, 3);
    assert_string_equal(wc_ledger_accepted(&ledger)->reason, "web died");
    assert_int_equal(wc_ledger_last_stable(&ledger)->number, 1);
    check_telling(&ledger);
}

static void a_first_one_that_was_rejected_leaves_none(void **state)
{
    (void)state;
    struct wc_ledger ledger = { 0 };
    generation(&ledger, 1, "{one}");
    apply(&ledger, 1);
    done(&ledger, 1, WC_OUTCOME_REJECTED);
    assert_int_equal(ledger.in_force, 0);
    assert_null(wc_ledger_last_stable(&ledger));
    check_telling(&ledger);
}

static void a_rollback_marks_what_it_leaves(void **state)
{
    (void)state;
    struct wc_ledger ledger = { 0 };
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    for (uint64_t n = 1; n <= 2; n++) {
        generation(&ledger, n, n == 1 ? "{one}" : "{two}");
        apply(&ledger, n);
        done(&ledger, n, WC_OUTCOME_STABLE);
    }
    const struct wc_generation back = {
        .number = 3, .made_at_ms = 1, .restores = 1, .text = "{one}", .len = 5
    };
    wc_ledger_put_generation(&payload, &back);
    assert_true(wc_ledger_apply(&ledger, WC_RECORD_GENERATION, payload.data, payload.len));
    apply(&ledger, 3);
    assert_int_equal(wc_ledger_generation(&ledger, 2)->outcome, WC_OUTCOME_STABLE);
    done(&ledger, 3, WC_OUTCOME_STABLE);
    assert_int_equal(wc_ledger_generation(&ledger, 2)->outcome, WC_OUTCOME_ROLLED_BACK);
    assert_int_equal(wc_ledger_last_stable(&ledger)->number, 2); /* and back again */
    check_telling(&ledger);
}

static void wishes_follow_the_asks(void **state)
{
    (void)state;
    struct wc_ledger ledger = { 0 };
    const struct wc_ask stop = { .id = 1, .verb = "stop", .at_ms = 1, .key = "{}" };
    const struct wc_ask start = { .id = 2, .verb = "start", .at_ms = 2, .key = "{}" };
    const struct wc_wish down[] = { { .service = "web", .stopped = true, .replicas = 3 },
                                    { .service = "db", .stopped = true, .replicas = WC_UNSET } };
    const struct wc_wish up[] = { { .service = "web", .replicas = 3 },
                                  { .service = "db", .replicas = WC_UNSET } };
    assert_true(ask(&ledger, &stop, down, 2));
    assert_int_equal(ledger.n_wishes, 2);
    assert_string_equal(ledger.wishes[0].service, "db");
    assert_true(wc_ledger_wish(&ledger, "web")->stopped);
    done(&ledger, 1, WC_OUTCOME_STABLE);
    assert_true(wc_ledger_wish(&ledger, "web")->stopped); /* that outlives the request */
    assert_true(ask(&ledger, &start, up, 2));
    assert_null(wc_ledger_wish(&ledger, "db"));
    assert_false(wc_ledger_wish(&ledger, "web")->stopped);
    assert_int_equal(wc_ledger_wish(&ledger, "web")->replicas, 3);
    check_telling(&ledger);
}

static void wants_are_changes(void **state)
{
    (void)state;
    struct wc_ledger ledger = { 0 };
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    const struct wc_kept_want first[] = { { "web", "running", "abc", "xyz" },
                                          { "db", "stopped", "", "" } };
    const struct wc_kept_want second[] = { { "web", NULL, "", "" }, { "db", "running", "d", "e" } };
    wc_ledger_put_wants(&payload, first, 2);
    assert_true(wc_ledger_apply(&ledger, WC_RECORD_WANTS, payload.data, payload.len));
    assert_string_equal(wc_ledger_want(&ledger, "web")->hash, "abc");
    assert_string_equal(wc_ledger_want(&ledger, "web")->inplace, "xyz");
    assert_string_equal(wc_ledger_want(&ledger, "db")->inplace, "");
    assert_string_equal(ledger.wants[0].service, "db");
    wc_buf_reset(&payload);
    wc_ledger_put_wants(&payload, second, 2);
    assert_true(wc_ledger_apply(&ledger, WC_RECORD_WANTS, payload.data, payload.len));
    assert_null(wc_ledger_want(&ledger, "web"));
    assert_string_equal(wc_ledger_want(&ledger, "db")->want, "running");
    assert_string_equal(wc_ledger_want(&ledger, "db")->inplace, "e");
    assert_int_equal(ledger.n_wants, 1);
    check_telling(&ledger);
}

static void the_last_ten_and_those_that_matter(void **state)
{
    (void)state;
    struct wc_ledger ledger = { 0 };
    char text[32];
    for (uint64_t n = 1; n <= 40; n++) {
        snprintf(text, sizeof text, "{%d}", (int)n);
        assert_true(generation(&ledger, n, text));
        assert_true(apply(&ledger, n));
        done(&ledger, n, n == 5 ? WC_OUTCOME_STABLE : WC_OUTCOME_FAILED);
    }
    assert_int_equal(ledger.n_generations, WC_LEDGER_GENERATIONS);
    assert_int_equal(ledger.generations[0].number, 5); /* the way back */
    assert_int_equal(ledger.generations[1].number, 32);
    assert_int_equal(wc_ledger_last_stable(&ledger)->number, 5);
    check_telling(&ledger);
}

/* Applies that overlap: what is under way keeps what it refers to, also through a whole file. */
static void what_is_under_way_is_kept(void **state)
{
    (void)state;
    struct wc_ledger ledger = { 0 };
    char text[32];
    for (uint64_t n = 1; n <= 15; n++) {
        snprintf(text, sizeof text, "{%d}", (int)n);
        generation(&ledger, n, text);
        apply(&ledger, n);
    }
    done(&ledger, 15, WC_OUTCOME_STABLE);
    assert_int_equal(ledger.n_asks, 14);
    assert_int_equal(ledger.n_generations, 15);
    assert_int_equal(ledger.in_force, 15);
    struct wc_ledger other = { 0 };
    wc_ledger_tell(&ledger, retell, &other);
    assert_int_equal(other.in_force, 15); /* an older one that isn't done doesn't come before it */
    assert_int_equal(wc_ledger_accepted(&other)->outcome, WC_OUTCOME_STABLE);
    assert_int_equal(other.n_generations, 15);
    wc_ledger_deinit(&other);
    check_telling(&ledger);
}

static void what_is_not_understood_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        unsigned type;
        const char *text;
    } bad[] = {
        { 1, "" },
        { 1, "{}\n" },
        { 1, "{\"force\":1,\"wishes\":[7]}\n" },
        { 2, "{\"n\":1,\"at\":1,\"outcome\":\"stable\"}" },
        { 2, "{\"n\":1,\"at\":1,\"outcome\":\"stable\"}\n" },
        { 2, "{\"n\":0,\"at\":1,\"outcome\":\"stable\"}\n{}" },
        { 2, "{\"n\":1,\"at\":1,\"outcome\":\"glorious\"}\n{}" },
        { 2, "not json\n{}" },
        { 3, "{\"id\":1,\"verb\":\"stop\"}\n{}" },
        { 3, "{\"id\":1}\n{}\n" },
        { 3, "{\"id\":1,\"verb\":\"apply\",\"n\":9}\n{}\n" },
        { 4, "{\"id\":1,\"outcome\":\"stable\"}\n" },
        { 5, "{}\n" },
        { 5, "{\"wants\":[{}]}\n" },
        { 6, "{}\n" },
    };
    struct wc_ledger ledger = { 0 };
    for (size_t i = 0; i < WC_COUNT(bad); i++)
        if (wc_ledger_apply(&ledger, bad[i].type, bad[i].text, strlen(bad[i].text)))
            fail_msg("%s", bad[i].text);
    assert_int_equal(ledger.n_generations + ledger.n_asks + ledger.n_wishes, 0);
    assert_int_equal(ledger.in_force + ledger.last_id + ledger.last_number, 0);
    wc_ledger_deinit(&ledger);
}

WC_MAIN(WC_CASE(an_apply_from_beginning_to_end), WC_CASE(what_was_rejected_is_not_in_force),
        WC_CASE(a_first_one_that_was_rejected_leaves_none),
        WC_CASE(a_rollback_marks_what_it_leaves), WC_CASE(wishes_follow_the_asks),
        WC_CASE(wants_are_changes), WC_CASE(the_last_ten_and_those_that_matter),
        WC_CASE(what_is_under_way_is_kept), WC_CASE(what_is_not_understood_changes_nothing))
