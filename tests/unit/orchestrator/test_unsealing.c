/* test_unsealing.c - encrypted files that take long to be opened: the supervisor goes on meanwhile,
 * nothing is made without what is in them, and nothing that was asked is lost or done in a wrong
 * order.
 *
 * What opens them waits until the case lets it go, so that "meanwhile" is no matter of luck.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_spec wc_core
#include "supervisor_memory.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "wcompose/sealed.h"

/* ---- what opens ---- */

static struct {
    int go;      /* an eventfd: each one of it lets one opening go on */
    sem_t begun; /* one for each that waits */
    atomic_uint n, n_cancelled;
} slow;

static void slow_run(struct wc_unsealing *unsealing, int cancel_fd)
{
    struct pollfd fds[2] = { { .fd = slow.go, .events = POLLIN },
                             { .fd = cancel_fd, .events = POLLIN } };
    uint64_t one;
    atomic_fetch_add(&slow.n, 1);
    sem_post(&slow.begun);
    while (poll(fds, 2, -1) < 0)
        continue;
    if (fds[1].revents != 0)
        atomic_fetch_add(&slow.n_cancelled, 1);
    else
        assert_int_equal(read(slow.go, &one, sizeof one), sizeof one);
    wc_unsealing_ops.run(unsealing, cancel_fd);
}

static void let_go(unsigned n)
{
    uint64_t more = n;
    assert_int_equal(write(slow.go, &more, sizeof more), sizeof more);
}

/* ---- a host with encrypted files ---- */

struct scene {
    struct host host;
    struct wc_unsealing_ops ops;
    char key[80];
};

static const char KEY[] =
    "AGE-SECRET-KEY-14EZG4JRVF68YMMRY2U5HPRH5RPE6U7WXMLUYALMNXCYCJJRLPRJS2WX5PN\n";

/* db has nothing of them, web and job one file each. */
static void load_scene(struct scene *scene, const char *image)
{
    struct host *host = &scene->host;
    struct wc_err err = { 0 };
    const char *path = wc_arena_printf(&host->arena, "%s/compose.yaml", host->root);
    const char *text =
        wc_arena_printf(&host->arena,
                        "name: shop\nservices:\n  db: { image: db }\n"
                        "  web: { image: %s, restart: always, env_file: [%s/app.env] }\n"
                        "  job: { image: job, secrets: [blob] }\n"
                        "secrets: { blob: { file: %s/blob } }\n",
                        image, WC_SOURCE_DIR "/tests/sops", WC_SOURCE_DIR "/tests/sops");
    assert_int_equal(wc_fs_write_atomic(path, text, strlen(text), 0600, false, &err), 0);
    struct wc_diags diags;
    struct wc_project *project;
    const char *keys[] = { scene->key };
    wc_diags_init(&diags, &host->arena);
    const struct wc_spec_options options = {
        .files = &path, .n_files = 1, .cwd = host->root, .age_files = keys, .n_age_files = 1
    };
    if (wc_spec_load(&options, &host->arena, &diags, &project) != 0)
        fail_msg("%s", diags.items[0].msg);
    wc_buf_reset(&host->wire);
    wc_spec_render_wire(project, &host->wire);
}

static void scene_init(struct scene *scene)
{
    struct wc_err err = { 0 };
    *scene = (struct scene){ .ops = wc_unsealing_ops };
    host_init(&scene->host);
    scene->ops.run = slow_run;
    scene->host.unsealing = &scene->ops;
    snprintf(scene->key, sizeof scene->key, "%s/key.txt", scene->host.root);
    assert_int_equal(wc_fs_write_atomic(scene->key, KEY, sizeof KEY - 1, 0600, false, &err), 0);
    slow.go = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
    assert_true(slow.go >= 0);
    sem_init(&slow.begun, 0, 0);
    slow.n = slow.n_cancelled = 0;
    load_scene(scene, "web");
}

static void scene_deinit(struct scene *scene)
{
    host_deinit(&scene->host);
    sem_destroy(&slow.begun);
    close(slow.go);
}

/* Sends an apply and doesn't wait for it. */
static uint64_t send_apply(struct host *host, struct wc_client *client)
{
    struct wc_err err = { 0 };
    struct wc_call call = { .verb = WC_CALL_APPLY,
                            .spec = host->wire.data,
                            .spec_len = host->wire.len,
                            .wait = WC_WAIT_READY,
                            .timeout_ms = WC_UNSET };
    uint64_t id;
    assert_int_equal(wc_client_send(client, &call, &id, &err), 0);
    return id;
}

static struct reply wait_reply(struct wc_client *client, uint64_t id)
{
    struct wc_err err = { 0 };
    struct reply reply = { 0 };
    struct wc_client_waiting waiting = {
        .id = id, .interrupt_fd = -1, .answer = on_answer, .data = &reply
    };
    assert_int_equal(wc_client_wait(client, &waiting, &err), 0);
    return reply;
}

static const struct wc_ps_row *row_of(const struct wc_ps *ps, const char *service)
{
    for (size_t i = 0; i < ps->n; i++)
        if (wc_streq(ps->rows[i].fact.service, service))
            return &ps->rows[i];
    fail_msg("no row of %s", service);
    return NULL;
}

/* Of a service, or of all, as the supervisor sees them: the simulated world is its thread's. */
static size_t count_running(struct host *host, const char *service)
{
    struct wc_ps ps = list(host);
    size_t n = 0;
    for (size_t i = 0; i < ps.n; i++)
        n += ps.rows[i].fact.life == WC_LIFE_RUNNING &&
             (service == NULL || wc_streq(ps.rows[i].fact.service, service));
    return n;
}

/* Asks until it is seen to run; the test's time limit ends it otherwise. */
static void wait_running(struct host *host, const char *service)
{
    while (count_running(host, service) == 0)
        usleep(1000);
}

/* ---- cases ---- */

static void the_rest_goes_on(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct host *host = &scene.host;
    start(host);
    struct wc_client *client = open_client(host);
    uint64_t id = send_apply(host, client);
    sem_wait(&slow.begun); /* from here on a thread hangs in it */
    wait_running(host, "db");
    struct wc_ps ps = list(host);
    assert_int_equal(row_of(&ps, "web")->fact.life, WC_LIFE_ABSENT);
    assert_int_equal(row_of(&ps, "web")->phase, WC_PHASE_WAIT_HOST);
    assert_string_equal(row_of(&ps, "web")->waiting, "its encrypted files to be opened");
    const char *const db[] = { "db" };
    struct wc_client *other = open_client(host);
    struct wc_call restart = { .verb = WC_CALL_RESTART, .services = db, .n_services = 1 };
    struct reply reply = ask_on(other, &restart);
    assert_string_equal(reply.error, "");
    struct wc_call stop = { .verb = WC_CALL_STOP, .services = db, .n_services = 1 };
    reply = ask_on(other, &stop);
    assert_string_equal(reply.error, "");
    assert_int_equal(reply.changed, 1);
    wc_client_close(other);
    assert_int_equal(slow.n, 1); /* one thread, whatever waits */
    let_go(2);
    reply = wait_reply(client, id);
    assert_int_equal(reply.code, WC_ERR_CANCELLED); /* db was taken from it */
    wc_client_close(client);
    wait_done(host);
    for (int i = 0;
         i < 5000 && (count_running(host, "web") == 0 || count_running(host, "job") == 0); i++)
        assert_int_equal(ask(host, WC_CALL_PING).code, 0);
    assert_int_equal(count_running(host, "web"), 1);
    assert_int_equal(count_running(host, "job"), 1);
    assert_int_equal(count_running(host, "db"), 0); /* as asked last */
    assert_int_equal(slow.n, 2);
    end(host);
    scene_deinit(&scene);
}

/* Who has his file goes up while the next one's still takes its time. */
static void one_file_after_another(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct host *host = &scene.host;
    start(host);
    struct wc_client *client = open_client(host);
    uint64_t id = send_apply(host, client);
    sem_wait(&slow.begun);
    let_go(1);
    sem_wait(&slow.begun); /* the second one hangs */
    size_t up = 0;
    for (int i = 0; i < 5000 && up == 0; i++) {
        assert_int_equal(ask(host, WC_CALL_PING).code, 0);
        up = count_running(host, "web") + count_running(host, "job");
    }
    assert_int_equal(up, 1);
    let_go(1);
    assert_int_equal(wait_reply(client, id).code, 0);
    wc_client_close(client);
    assert_int_equal(count_running(host, NULL), 3);
    end(host);
    scene_deinit(&scene);
}

static void down_meanwhile(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct host *host = &scene.host;
    start(host);
    struct wc_client *client = open_client(host);
    uint64_t id = send_apply(host, client);
    sem_wait(&slow.begun);
    struct reply down = ask(host, WC_CALL_DOWN); /* answered while it hangs */
    assert_int_equal(down.code, 0);
    assert_int_equal(slow.n_cancelled, 0);
    assert_int_equal(wait_reply(client, id).code, WC_ERR_CANCELLED);
    let_go(2);
    wc_client_close(client);
    join(host); /* nothing is left to do: the opened values came too late, and nobody uses them */
    assert_int_equal(count_running(host, NULL), 0);
    assert_false(wc_fs_exists(lib_file(host, "journal")));
    scene_deinit(&scene);
}

static void a_second_apply_meanwhile(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct host *host = &scene.host;
    start(host);
    struct wc_client *first = open_client(host), *second = open_client(host);
    uint64_t id = send_apply(host, first);
    sem_wait(&slow.begun);
    load_scene(&scene, "web2");
    uint64_t later = send_apply(host, second);
    struct wc_call ping = { .verb = WC_CALL_PING };
    assert_int_equal(ask_on(second, &ping).code, 0); /* it was read */
    assert_int_equal(wait_reply(first, id).code, WC_ERR_CANCELLED);
    let_go(4);
    assert_int_equal(wait_reply(second, later).code, 0);
    struct wc_history history = read_history(host);
    assert_int_equal(history.n, 2);
    assert_int_equal(history.rows[0].outcome, WC_OUTCOME_SUPERSEDED);
    assert_int_equal(history.rows[1].outcome, WC_OUTCOME_STABLE);
    assert_string_equal(wc_sim_find(host->world, "web", WC_LIFE_RUNNING)->image, "web2");
    assert_int_equal(count_running(host, "web"), 1);
    wc_client_close(first);
    wc_client_close(second);
    end(host);
    scene_deinit(&scene);
}

/* A supervisor that ends doesn't wait for it, and its successor goes on. */
static void a_successor_goes_on(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct host *host = &scene.host;
    start(host);
    struct wc_client *client = open_client(host);
    send_apply(host, client);
    sem_wait(&slow.begun);
    assert_int_equal(count_asks(host), 1); /* on disk: a kill would change nothing */
    end(host);
    assert_int_equal(slow.n_cancelled, 1);
    wc_client_close(client);
    start(host);
    sem_wait(&slow.begun); /* in the next one's thread, and it serves: */
    wait_running(host, "db");
    let_go(2);
    wait_done(host);
    assert_int_equal(count_running(host, NULL), 3);
    struct wc_history history = read_history(host);
    assert_int_equal(history.n, 1);
    assert_int_equal(history.rows[0].outcome, WC_OUTCOME_STABLE);
    end(host);

    /* what runs is looked after without a key, and nothing is opened for it */
    assert_int_equal(unlink(scene.key), 0);
    unsigned before = slow.n;
    start(host);
    assert_int_equal(ask(host, WC_CALL_PING).code, 0);
    assert_int_equal(count_running(host, NULL), 3);
    assert_int_equal(slow.n, before);
    end(host);
    scene_deinit(&scene);
}

/* A key that comes back: who failed for it comes up by his own policy, with no new apply. */
static void tried_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct host *host = &scene.host;
    struct wc_err err = { 0 };
    assert_int_equal(unlink(scene.key), 0);
    let_go(1000);
    start(host);
    struct reply up = ask(host, WC_CALL_APPLY);
    assert_int_equal(up.code, WC_ERR_STATE);
    assert_non_null(strstr(up.error, "isn't open"));
    assert_int_equal(count_running(host, "db"), 1);
    assert_int_equal(count_running(host, "web"), 0);
    assert_int_equal(wc_fs_write_atomic(scene.key, KEY, sizeof KEY - 1, 0600, false, &err), 0);
    for (int i = 0; i < 5000 && count_running(host, "web") == 0; i++)
        assert_int_equal(ask(host, WC_CALL_PING).code, 0);
    assert_int_equal(count_running(host, "web"), 1);
    end(host);
    scene_deinit(&scene);
}

WC_MAIN(WC_CASE(the_rest_goes_on), WC_CASE(one_file_after_another), WC_CASE(down_meanwhile),
        WC_CASE(a_second_apply_meanwhile), WC_CASE(a_successor_goes_on), WC_CASE(tried_again))
