/* test_front.c - which of several incarnations names and ports lead to. */
#include "harness/wc_test.h"

#include "orchestrator/core/front.h"

/* o: the old one, n: the one that is wanted; then in any order: L leads, u up, r ready, g goes. */
static struct wc_front read(const char *text)
{
    return (struct wc_front){
        .wanted = text[0] == 'n',
        .leads = strchr(text, 'L') != NULL,
        .up = strpbrk(text, "ur") != NULL,
        .ready = strchr(text, 'r') != NULL,
        .stays = strchr(text, 'g') == NULL,
    };
}

static void who_leads(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t chosen;
        const char *why;
    } rows[] = {
        { "oLr", "n", 0, "the new one isn't there" },
        { "oLr", "nu", 0, "it isn't ready yet" },
        { "oLr", "nr", 1, "it is" },
        { "or", "nLr", 1, "and stays so" },
        { "or", "nLu", 0, "it isn't any more: back" },
        { "or", "nLrg", 0, "it is taken back" },
        { "or", "nL", 0, "it has ended" },
        { "o", "nL", 1, "neither runs" },
        { "oL", "nu", 1, "better than none" },
        { "oLu", "nu", 0, "none is ready: no need to move" },
        { "ou", "nLu", 1, "the same" },
        { "oLrg", "n", 0, "the old one goes, but there is no other" },
        { "oLrg", "nu", 1, "one that stays" },
        { "oLrg", "nrg", 0, "all of it goes" },
        { "ourg", "nLu", 1, "one that goes is no better" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct wc_front both[] = { read(rows[i].a), read(rows[i].b) },
                              turned[] = { both[1], both[0] };
        if (wc_front_choose(both, 2) != rows[i].chosen ||
            wc_front_choose(turned, 2) == rows[i].chosen)
            fail_msg("%s, %s: %s", rows[i].a, rows[i].b, rows[i].why);
    }
}

static void one_alone_leads(void **state)
{
    (void)state;
    static const char *const all[] = { "n", "nug", "or", "o" };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const struct wc_front one = read(all[i]);
        assert_int_equal(wc_front_choose(&one, 1), 0);
    }
}

/* An older one that is ready is better than one that isn't, whoever led. */
static void among_three(void **state)
{
    (void)state;
    const struct wc_front some[] = { read("org"), read("oLu"), read("nu") };
    assert_int_equal(wc_front_choose(some, 3), 1);
    const struct wc_front others[] = { read("or"), read("oLg"), read("nu") };
    assert_int_equal(wc_front_choose(others, 3), 0);
}

WC_MAIN(WC_CASE(who_leads), WC_CASE(one_alone_leads), WC_CASE(among_three))
