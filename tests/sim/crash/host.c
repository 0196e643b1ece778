/* host.c - the life and death of supervisors over one simulated host.
 *
 * Whatever has no place in a simulation is put aside by the linker (--wrap): the lock file, the
 * control socket, giving memory back. A client's message comes in where the socket's would.
 */
#include "sim/crash/crash.h"

#include "base/json.h"
#include "base/str.h"
#include "orchestrator/supervisor_priv.h"

enum { TURNS_MAX = 100000 };

int __wrap_wc_sup_lock(const char *run_dir, int *fd, struct wc_err *err);
void __wrap_wc_sup_unlock(const char *run_dir, int fd, bool remove);
void __wrap_wc_sup_remove_empty(struct wc_supervisor *sup);
int __wrap_wc_control_listen(struct wc_control *control, const char *dir, struct wc_err *err);
void __wrap_wc_sup_rest(void);
int __wrap_malloc_trim(size_t pad);

int __wrap_wc_sup_lock(const char *run_dir, int *fd, struct wc_err *err)
{
    (void)run_dir, (void)err;
    *fd = -1;
    return 0;
}

void __wrap_wc_sup_unlock(const char *run_dir, int fd, bool remove)
{
    (void)run_dir, (void)fd, (void)remove;
}

void __wrap_wc_sup_remove_empty(struct wc_supervisor *sup)
{
    (void)sup;
}

int __wrap_wc_control_listen(struct wc_control *control, const char *dir, struct wc_err *err)
{
    (void)control, (void)dir, (void)err;
    return 0;
}

void __wrap_wc_sup_rest(void)
{
}

int __wrap_malloc_trim(size_t pad)
{
    (void)pad;
    return 0;
}

/* ---- life ---- */

static void on_ready(void *data, int status, const struct wc_err *err)
{
    struct host *host = data;
    if (status != 0 && !host->dead)
        play_fail(&host->play, "a supervisor doesn't start: %s", err->msg);
    host->ready = true;
}

static void on_ended(void *data)
{
    ((struct host *)data)->ended = true;
}

void host_turn(struct host *host)
{
    uv_run(&host->play.loop, UV_RUN_NOWAIT);
    host->play.verdict.steps++;
}

void host_live(struct host *host, unsigned die_at)
{
    struct wc_err err = { 0 };
    const struct wc_supervisor_config config = {
        .loop = &host->play.loop,
        .project = "p",
        .paths = &host->paths,
        .process = &crash_driver,
        .driver_extra = host->play.world,
        .clock = wc_sim_clock(host->play.world),
        .disk = &host->watched,
        .first_client_ms = UINT32_MAX,
    };
    const struct wc_supervisor_listener listener = { on_ready, on_ended, host };
    if (host->play.loud)
        printf("  %8llu a supervisor\n", (unsigned long long)host->play.world->now_ms);
    host->ready = host->ended = host->dead = false;
    host->points = 0;
    host->die_at = die_at;
    crash_set_host(host);
    if (wc_supervisor_start(&config, &listener, &host->sup, &err) != 0)
        play_fail(&host->play, "a supervisor doesn't start: %s", err.msg);
    else
        host->play.engine = host->sup->engine; /* the judge asks it about rollouts */
    for (unsigned i = 0; !host->ready && !host->dead && i < TURNS_MAX; i++)
        host_turn(host);
    if (!host->ready && !host->dead)
        play_fail(&host->play, "a supervisor doesn't get ready");
}

void host_bury(struct host *host, enum wc_sim_fate fate, unsigned late_ms)
{
    wc_sim_set_fate(host->play.world, fate);
    wc_sim_set_crash(host->play.world, host->dead, late_ms);
    host->play.engine = NULL;
    wc_supervisor_end(host->sup);
    for (unsigned i = 0; !host->ended && i < TURNS_MAX; i++) {
        crash_finish_works(host);
        host_turn(host);
    }
    if (!host->ended)
        play_fail(&host->play, "a supervisor doesn't end");
    host->disk.open_fds = 0;
    host->play.verdict.crashes += host->dead;
    host->play.calm_epoch = ++host->play.epoch; /* nobody asked for anything */
}

void host_pass(struct host *host, uint64_t ms)
{
    struct play *play = &host->play;
    uint64_t end = play->world->now_ms + ms;
    unsigned idle = 0;
    for (unsigned turns = 0;
         idle < 5 && play->world->now_ms < end && !host->dead && !play->verdict.failed; turns++) {
        if (turns > TURNS_MAX)
            play_fail(play, "it spins: %u turns within %llu ms", turns, (unsigned long long)ms);
        host_turn(host);
        idle = wc_sim_pending(play->world) ? 0 : idle + 1;
    }
}

/* ---- clients ---- */

void host_ask(struct host *host, const struct step *step)
{
    static struct wc_conn conn; /* a client that has gone: what it is told reaches nobody */
    struct wc_err err = { 0 };
    WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *header = NULL;
    const struct wc_buf *wire = wc_streq(step->verb, "apply") ? model_wire(&step->model) : NULL;
    wc_buf_printf(&line, "{\"v\":1,\"id\":1,\"verb\":\"%s\",\"wait\":\"ready\"%s}", step->verb,
                  step->members);
    if (wc_json_parse(line.data, line.len, &header, &err) != 0)
        play_fail(&host->play, "%s", err.msg);
    const struct wc_control_message message = {
        .id = 1,
        .verb = step->verb,
        .header = header,
        .body = wire != NULL ? wire->data : NULL,
        .body_len = wire != NULL ? wire->len : 0,
    };
    conn.is_closing = true;
    conn.control = &host->sup->control;
    wc_sup_on_message(host->sup, &conn, &message);
}

/* ---- the host ---- */

void host_begin(struct host *host, const char *dir, const struct story *calm)
{
    struct play *play = &host->play;
    uv_loop_t loop = play->loop; /* one for all hosts */
    memset(host, 0, sizeof *host);
    play->loop = loop;
    play->story = calm;
    wc_arena_init(&play->arena);
    play->world = wc_sim_world_new(1000, 1);
    for (int verb = WC_VERB_CREATE; verb <= WC_VERB_EXEC; verb++)
        wc_sim_set_latency(play->world, (enum wc_verb)verb, 2, 2);
    host->paths = (struct wc_paths){ dir, dir, dir, dir, dir, dir };
    crash_disk(host);
    judge_begin(play);
}

void host_end(struct host *host)
{
    wc_sim_world_free(host->play.world);
    wc_arena_deinit(&host->play.arena);
    mem_deinit(&host->disk);
}
