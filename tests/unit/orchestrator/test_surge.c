/* test_surge.c - start-first: the old one of a replica is there until the new one has proved
 * itself, whatever comes in between.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_core
#include "engine_box.h"

/* What was to stop, and was suspended before anything came of it, runs as one that nobody asked to
 * stop: its successor comes before it goes. */
static void a_stop_that_nothing_came_of(void **state)
{
    static const enum wc_request_kind kinds[] = { WC_REQUEST_STOP, WC_REQUEST_RESTART };
    struct box box;
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        box_begin(&box, 1);
        box_apply(&box, "web&");
        box_submit(&box, (struct wc_request){ .kind = kinds[i] }, NULL, NULL);
        box_request(&box, WC_REQUEST_SUSPEND, NULL);
        box_pass(&box, 1000);
        assert_int_equal(box_running(&box, "web"), 1);
        box_apply(&box, "web=2&");
        assert_int_equal(box.status, 0);
        assert_true(box_in_order(&box, "started", "stopping"));
        assert_null(strstr(box.events.data, "restarting"));
        assert_int_equal(box_running(&box, "web"), 1);
        assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_STOP), 1);
        box_end(&box);
    }
}

WC_MAIN(WC_CASE(a_stop_that_nothing_came_of))
