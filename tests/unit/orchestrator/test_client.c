/* test_client.c - finding, starting and replacing a supervisor: this program is its own wcompose,
 * whose verb `supervise` runs a supervisor over a simulated host.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_spec wc_core
#include "harness/wc_test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/sim/sim.h"
#include "orchestrator/client_priv.h"
#include "wcompose/client.h"
#include "wcompose/supervisor.h"

/* The supervisor's side -------------------------------------------------------------------------*/

/* Where state is: a file beside the program would be shared by all cases, so the project's name
 * says it. "x-4711" is below /tmp/wc-client-x-4711. */
static void paths_of(const char *project, struct wc_arena *arena, struct wc_paths *out)
{
    const char *root = wc_arena_printf(arena, "/tmp/wc-client-%s", project);
    *out = (struct wc_paths){ .etc = root, .bin = root };
    out->lib = wc_arena_printf(arena, "%s/lib", root);
    out->run = wc_arena_printf(arena, "%s/run", root);
    out->images = wc_arena_printf(arena, "%s/images", root);
    out->volumes = wc_arena_printf(arena, "%s/volumes", root);
}

static int ready_fd;

static void say_ready(const char *text)
{
    ssize_t n = write(ready_fd, text, strlen(text));
    (void)n;
    close(ready_fd);
}

static void on_ready(void *data, int status, const struct wc_err *err)
{
    (void)data, (void)err;
    say_ready(status == 0 ? "ready\n" : "error -1 not ready\n");
}

static void on_ended(void *data)
{
    (void)data;
}

static int supervise(const char *project)
{
    struct wc_arena arena;
    struct wc_paths paths;
    uv_loop_t loop;
    struct wc_err err = { 0 };
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing behind */
    if (wc_str_starts(project, "dies")) {
        fprintf(stderr, "first words\nlast words\n");
        return 3;
    }
    if (wc_str_starts(project, "refuses")) {
        say_ready("error -10 not today\n");
        return 77;
    }
    wc_arena_init(&arena);
    paths_of(project, &arena, &paths);
    uv_loop_init(&loop);
    struct wc_sim_world *world = wc_sim_world_new(1000, 1);
    struct wc_supervisor *sup;
    struct wc_supervisor_config config = { .loop = &loop,
                                           .project = project,
                                           .paths = &paths,
                                           .process = &wc_sim_ops,
                                           .driver_extra = world,
                                           .clock = wc_sim_clock(world),
                                           .first_client_ms = 5000 };
    struct wc_supervisor_listener listener = { on_ready, on_ended, NULL };
    if (wc_supervisor_start(&config, &listener, &sup, &err) != 0) {
        char line[400];
        snprintf(line, sizeof line, "error %d %s\n", err.code, err.msg);
        say_ready(line);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    wc_sim_world_free(world);
    wc_arena_deinit(&arena);
    return 0;
}

/* The client's side -----------------------------------------------------------------------------*/

struct place {
    char project[64];
    struct wc_arena arena;
    struct wc_paths paths;
};

static void place_init(struct place *place, const char *word)
{
    wc_arena_init(&place->arena);
    snprintf(place->project, sizeof place->project, "%s-%ld", word, (long)getpid());
    paths_of(place->project, &place->arena, &place->paths);
}

static void place_deinit(struct place *place)
{
    struct wc_err err = { 0 };
    while (waitpid(-1, NULL, 0) > 0)
        continue; /* supervisors are our children; all were asked to leave */
    assert_int_equal(wc_fs_remove_tree(place->paths.etc, &err), 0);
    wc_arena_deinit(&place->arena);
}

static struct wc_client *open_client(struct place *place)
{
    struct wc_err err = { 0 };
    struct wc_client *client;
    if (wc_client_open(&place->paths, place->project, true, &client, &err) != 0)
        fail_msg("%s", err.msg);
    return client;
}

static void on_answer(void *data, const struct wc_answer *answer)
{
    if (answer->done)
        *(int *)data = answer->code;
}

static void call(struct wc_client *client, enum wc_call_verb verb)
{
    struct wc_err err = { 0 };
    struct wc_call call = { .verb = verb, .timeout_ms = WC_UNSET };
    int code = -100;
    struct wc_client_waiting waiting = { .interrupt_fd = -1, .answer = on_answer, .data = &code };
    assert_int_equal(wc_client_send(client, &call, &waiting.id, &err), 0);
    if (wc_client_wait(client, &waiting, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(code, 0);
}

static void shut_down(struct place *place)
{
    struct wc_client *client = open_client(place);
    call(client, WC_CALL_SHUTDOWN);
    assert_true(wc_client_wait_gone(client, 5000));
    wc_client_close(client);
}

static void starts_and_finds(void **state)
{
    (void)state;
    struct place place;
    struct wc_err err = { 0 };
    struct wc_client *none;
    place_init(&place, "starts");
    assert_int_equal(wc_client_open(&place.paths, place.project, false, &none, &err), WC_ERR_NOENT);
    struct wc_client *first = open_client(&place);
    struct wc_client *second = open_client(&place);
    assert_int_equal(first->peer, second->peer);
    call(first, WC_CALL_PING);
    call(second, WC_CALL_PING);
    wc_client_close(first);
    wc_client_close(second);
    shut_down(&place);
    place_deinit(&place);
}

static void many_at_once_start_one(void **state)
{
    (void)state;
    enum { N = 6 };
    struct place place;
    place_init(&place, "many");
    int report[2], go[2];
    assert_int_equal(pipe(report) | pipe(go), 0);
    for (int i = 0; i < N; i++) {
        if (fork() == 0) {
            close(go[1]);
            prctl(PR_SET_PDEATHSIG, 0);
            struct wc_err err = { 0 };
            struct wc_client *client;
            pid_t peer = 0;
            if (wc_client_open(&place.paths, place.project, true, &client, &err) == 0)
                peer = client->peer;
            ssize_t n = write(report[1], &peer, sizeof peer);
            /* The supervisor goes with its parent (a signal): nobody ends before all have asked. */
            _exit(n == sizeof peer && read(go[0], &peer, 1) == 0 ? 0 : 1);
        }
    }
    pid_t first = 0;
    for (int i = 0; i < N; i++) {
        pid_t peer;
        assert_int_equal(read(report[0], &peer, sizeof peer), sizeof peer);
        assert_true(peer > 0);
        if (first == 0)
            first = peer;
        assert_int_equal(peer, first);
    }
    for (int i = 0; i < 2; i++) {
        close(report[i]);
        close(go[i]);
    }
    place_deinit(&place);
}

static void killed_one_is_replaced(void **state)
{
    (void)state;
    struct place place;
    place_init(&place, "killed");
    struct wc_client *client = open_client(&place);
    pid_t old = client->peer;
    call(client, WC_CALL_PING);
    kill(old, SIGKILL);
    struct wc_err err = { 0 };
    struct wc_call ping = { .verb = WC_CALL_PING, .timeout_ms = WC_UNSET };
    struct wc_client_waiting waiting = { .interrupt_fd = -1 };
    assert_true(wc_client_wait_gone(client, 5000));
    wc_client_close(client);
    client = open_client(&place); /* over the dead one's socket */
    assert_int_not_equal(client->peer, old);
    assert_int_equal(wc_client_send(client, &ping, &waiting.id, &err), 0);
    assert_int_equal(wc_client_wait(client, &waiting, &err), 0);
    wc_client_close(client);
    shut_down(&place);
    place_deinit(&place);
}

static void one_that_leaves_is_replaced(void **state)
{
    (void)state;
    struct place place;
    place_init(&place, "leaves");
    struct wc_client *client = open_client(&place);
    pid_t old = client->peer;
    shut_down(&place); /* our connection is cut before we said anything */
    call(client, WC_CALL_PING);
    assert_int_not_equal(client->peer, old);
    wc_client_close(client);
    shut_down(&place);
    place_deinit(&place);
}

static void supervisor_that_goes_away_is_told(void **state)
{
    (void)state;
    struct place place;
    struct wc_err err = { 0 };
    place_init(&place, "away");
    struct wc_client *client = open_client(&place);
    call(client, WC_CALL_PING);
    struct wc_call events = { .verb = WC_CALL_EVENTS, .timeout_ms = WC_UNSET };
    struct wc_client_waiting waiting = { .interrupt_fd = -1 };
    assert_int_equal(wc_client_send(client, &events, &waiting.id, &err), 0);
    kill(client->peer, SIGKILL);
    assert_int_equal(wc_client_wait(client, &waiting, &err), WC_ERR_UNAVAILABLE);
    wc_client_close(client);
    place_deinit(&place);
}

static void waits_end(void **state)
{
    (void)state;
    struct place place;
    struct wc_err err = { 0 };
    int ends[2];
    place_init(&place, "waits");
    assert_int_equal(pipe(ends), 0);
    struct wc_client *client = open_client(&place);
    call(client, WC_CALL_PING);
    struct wc_call events = { .verb = WC_CALL_EVENTS, .timeout_ms = WC_UNSET };
    struct wc_client_waiting waiting = { .interrupt_fd = ends[0], .deadline_ms = 1 };
    assert_int_equal(wc_client_send(client, &events, &waiting.id, &err), 0);
    assert_int_equal(wc_client_wait(client, &waiting, &err), WC_ERR_TIMEOUT);
    waiting.deadline_ms = 0;
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(wc_client_wait(client, &waiting, &err), WC_ERR_CANCELLED);
    close(ends[0]);
    close(ends[1]);
    wc_client_close(client);
    shut_down(&place);
    place_deinit(&place);
}

static void failed_starts_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *word, *text;
        int code;
    } rows[] = { { "dies", "last words", WC_ERR_UNAVAILABLE },
                 { "refuses", "not today", WC_ERR_PERM } };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct place place;
        struct wc_err err = { 0 };
        struct wc_client *client;
        place_init(&place, rows[i].word);
        assert_int_equal(wc_client_open(&place.paths, place.project, true, &client, &err),
                         rows[i].code);
        assert_non_null(strstr(err.msg, rows[i].text));
        place_deinit(&place);
    }
}

static const struct CMUnitTest cases[] = {
    WC_CASE(starts_and_finds),
    WC_CASE(many_at_once_start_one),
    WC_CASE(killed_one_is_replaced),
    WC_CASE(one_that_leaves_is_replaced),
    WC_CASE(waits_end),
    WC_CASE(supervisor_that_goes_away_is_told),
    WC_CASE(failed_starts_are_told),
};

/* supervise --project NAME --ready-fd N, as wc_client_spawn calls it. */
int main(int argc, char **argv)
{
    if (argc == 6 && wc_streq(argv[1], "supervise")) {
        ready_fd = argv[5][0] - '0';
        return supervise(argv[3]);
    }
    return wc_test_main(argc, argv, cases, WC_COUNT(cases));
}
