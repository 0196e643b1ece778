/* cmd_stats.c - wcompose stats: what the instances use, once a second or once.
 *
 * A share of a processor is a difference, so there are two readings before the first line.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/usage_list.h"

enum { EVERY_MS = 1000 };

/* One look at all of them. */
struct reading {
    struct wc_arena arena;
    struct wc_ps list;
    struct wc_usage_seen *seen; /* by row */
    int64_t at_ns;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Those that end meanwhile are left out. */
static int take(struct wc_cli *cli, const struct wc_usage_target *target, struct reading *out)
{
    wc_arena_init(&out->arena);
    int status = wc_usage_running(cli, target, &out->arena, &out->list);
    if (status != 0)
        return status;
    size_t n = 0;
    out->seen = WC_NEW_ARRAY(&out->arena, struct wc_usage_seen, out->list.n + 1);
    for (size_t i = 0; i < out->list.n; i++)
        if (wc_usage_see(target, &out->list.rows[i].fact, &out->seen[n]))
            out->list.rows[n++] = out->list.rows[i];
    out->list.n = n;
    out->at_ns = now_ns();
    return 0;
}

static const struct wc_usage *find(const struct reading *reading, const struct wc_fact *fact)
{
    for (size_t i = 0; i < reading->list.n; i++)
        if (wc_streq0(reading->list.rows[i].fact.id, fact->id) &&
            reading->list.rows[i].fact.pid == fact->pid)
            return &reading->seen[i].usage;
    return NULL;
}

static void print(struct wc_cli *cli, const struct wc_usage_target *target,
                  const struct reading *before, const struct reading *now, bool again)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_arena *arena = (struct wc_arena *)&now->arena;
    struct wc_usage_line *lines = WC_NEW_ARRAY(arena, struct wc_usage_line, now->list.n + 1);
    for (size_t i = 0; i < now->list.n; i++) {
        lines[i] = (struct wc_usage_line){ .fact = &now->list.rows[i].fact,
                                           .seen = &now->seen[i],
                                           .cpu_pct = -1 };
        const struct wc_usage *then = find(before, lines[i].fact);
        if (then != NULL)
            lines[i].cpu_pct =
                wc_usage_cpu_pct(then, &now->seen[i].usage, now->at_ns - before->at_ns);
        if (cli->json)
            wc_usage_format_json(&lines[i], target->project, &out);
    }
    if (!cli->json && cli->out.cursor)
        wc_buf_adds(&out, "\033[H\033[2J"); /* one screen, drawn anew */
    else if (!cli->json && again)
        wc_buf_addc(&out, '\n');
    if (!cli->json)
        wc_usage_format_table(lines, now->list.n, arena, &out);
    fwrite(out.data, 1, out.len, stdout);
}

static void sleep_ms(long ms)
{
    struct timespec left = { ms / 1000, ms % 1000 * 1000000 };
    while (nanosleep(&left, &left) != 0)
        continue;
}

int wc_cmd_stats(struct wc_cli *cli)
{
    struct wc_usage_target target;
    struct reading before, now;
    bool once = wc_cli_flag(cli, "no-stream"), again = false;
    int status = wc_usage_target(cli, &target);
    if (status != 0)
        return status;
    for (status = take(cli, &target, &before); status == 0 && before.list.n > 0;) {
        sleep_ms(EVERY_MS);
        status = take(cli, &target, &now);
        if (status == 0)
            print(cli, &target, &before, &now, again);
        wc_arena_deinit(&before.arena);
        before = now;
        again = true;
        if (once || fflush(stdout) != 0)
            break;
    }
    if (status == 0 && before.list.n == 0 && !again)
        wc_cli_note(cli, "nothing of %s runs", target.project);
    wc_arena_deinit(&before.arena);
    return status;
}
