/* reconcile_events.c - wcompose reconcile events: changes of conditions as they happen, out of the
 * records: whoever makes the passes, an agent or cron, they are told of.
 *
 * A record is replaced by a rename, which inotify tells; what was missed meanwhile is in it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/reconcile.h"
#include "cli/table.h"
#include "cli/time_option.h"

/* An app whose record is watched. */
struct followed {
    const char *name, *dir;
    uint64_t seq; /* of the last event that was printed, or is older than what is wanted */
};

struct follow {
    struct wc_cli_reconcile *r;
    struct followed *apps; /* n */
    size_t n;
    int64_t since_ms, until_ms; /* WC_UNSET = not given */
    int inotify_fd, signal_fd;
};

/* One event that is to be printed, of the app apps[app]. Its own order holds though the clock was
 * set back: `at_ms` is no earlier than that of the one before. */
struct line {
    size_t app;
    int64_t at_ms;
    struct wc_gitops_event event;
};

static int by_time(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    if (x->app != y->app)
        return x->app < y->app ? -1 : 1;
    return x->event.seq < y->event.seq ? -1 : 1;
}

static void print(const struct wc_cli *cli, const char *app, const struct wc_gitops_event *event)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    const struct wc_gitops_condition *now = &event->now;
    char at[32];
    if (cli->json) {
        wc_gitops_event_json(app, event, &out);
    } else {
        wc_time_rfc3339(now->since_ms, at, sizeof at);
        wc_buf_printf(&out, "%s %s %s %s %s", at, app, wc_gitops_condition_name(event->type),
                      wc_gitops_truth_name(now->status), now->reason);
        if (event->revision != NULL) {
            wc_buf_addc(&out, ' ');
            wc_text_add_safe(&out, event->revision, strlen(event->revision));
        }
        if (now->message[0] != '\0') {
            wc_buf_adds(&out, ": ");
            wc_text_add_safe(&out, now->message, strlen(now->message));
        }
    }
    puts(out.data);
}

static bool is_wanted(const struct follow *f, int64_t at_ms, bool is_first)
{
    if (is_first && (f->since_ms == WC_UNSET || at_ms < f->since_ms))
        return false;
    return f->until_ms == WC_UNSET || at_ms <= f->until_ms;
}

/* Prints what the record of an app has beyond what was printed, in [since, until]. */
static int print_news(struct follow *f, bool is_first)
{
    struct wc_arena arena;
    struct wc_err err = { 0 };
    size_t n = 0;
    int rc = 0;
    wc_arena_init(&arena);
    struct line *lines = WC_NEW_ARRAY(&arena, struct line, f->n * WC_GITOPS_EVENTS + 1);
    for (size_t i = 0; i < f->n && rc == 0; i++) {
        struct wc_gitops_record record;
        struct followed *app = &f->apps[i];
        rc = wc_gitops_record_read(app->dir, &arena, &record, &err);
        size_t have = rc == 0 ? record.events.n : 0;
        uint64_t last = have > 0 ? record.events.items[have - 1].seq : 0;
        if (last < app->seq)
            app->seq = 0; /* it was forgotten, and begins anew */
        int64_t latest_ms = 0;
        for (size_t k = 0; k < have; k++) {
            const struct wc_gitops_event *event = &record.events.items[k];
            int64_t at_ms = event->now.since_ms;
            latest_ms = at_ms > latest_ms ? at_ms : latest_ms;
            if (event->seq > app->seq && is_wanted(f, at_ms, is_first))
                lines[n++] = (struct line){ i, latest_ms, *event };
        }
        app->seq = last;
    }
    qsort(lines, n, sizeof *lines, by_time);
    for (size_t i = 0; i < n; i++)
        print(f->r->cli, f->apps[lines[i].app].name, &lines[i].event);
    fflush(stdout);
    wc_arena_deinit(&arena);
    return rc == 0 ? 0 : wc_cli_fail(f->r->cli, &err);
}

/* Apps that no pass was made for yet have no directory: it is watched for in the one above. */
static void watch_apps(const struct follow *f)
{
    for (size_t i = 0; i < f->n; i++)
        (void)inotify_add_watch(f->inotify_fd, f->apps[i].dir, IN_MOVED_TO | IN_ONLYDIR);
}

static int watch(struct follow *f)
{
    struct wc_err err = { 0 };
    const char *top = wc_arena_printf(f->r->cli->arena, "%s/gitops", f->r->paths.lib);
    f->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int rc = f->inotify_fd < 0 ? wc_err_set(&err, WC_ERR_IO, errno, "watch") : 0;
    if (rc == 0)
        rc = wc_fs_mkdirs(top, 0700, &err);
    if (rc == 0 && inotify_add_watch(f->inotify_fd, top, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
        rc = wc_err_set(&err, WC_ERR_IO, errno, "watch %s", top);
    watch_apps(f);
    return rc == 0 ? 0 : wc_cli_fail(f->r->cli, &err);
}

/* What they say is read anew from all records: it is asked for by people, of some dozens. */
static void swallow(int fd)
{
    char bytes[4096];
    while (read(fd, bytes, sizeof bytes) > 0) {
    }
}

static int left_ms(const struct follow *f)
{
    if (f->until_ms == WC_UNSET)
        return -1;
    int64_t left = f->until_ms - wc_cli_wall_ms();
    return left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static int follow(struct follow *f)
{
    struct pollfd news[] = { { .fd = f->inotify_fd, .events = POLLIN },
                             { .fd = f->signal_fd, .events = POLLIN } };
    for (;;) {
        int n = poll(news, 2, left_ms(f));
        struct signalfd_siginfo caught;
        if (news[1].revents != 0 && read(f->signal_fd, &caught, sizeof caught) == sizeof caught)
            return caught.ssi_signo == SIGTERM ? WC_EXIT_TERMINATED : WC_EXIT_INTERRUPTED;
        if (n < 0 && errno != EINTR)
            return WC_EXIT_FAILED;
        swallow(f->inotify_fd);
        watch_apps(f);
        int status = print_news(f, false);
        if (status != 0 || (n == 0 && left_ms(f) == 0))
            return status;
    }
}

int wc_reconcile_events(struct wc_cli_reconcile *r)
{
    struct follow f = { .r = r, .inotify_fd = -1 };
    const struct wc_agent_app *const *apps = wc_reconcile_apps(r, 1, &f.n);
    int status = apps == NULL ? WC_EXIT_NOENT : wc_cli_time(r->cli, "since", &f.since_ms);
    if (status == 0)
        status = wc_cli_time(r->cli, "until", &f.until_ms);
    if (status == 0 && f.until_ms != WC_UNSET && f.since_ms > f.until_ms)
        status = wc_cli_usage(r->cli, "--since is later than --until");
    if (status != 0)
        return status;
    bool is_past = f.until_ms != WC_UNSET && f.until_ms <= wc_cli_wall_ms();
    if (is_past && f.since_ms == WC_UNSET)
        f.since_ms = 0; /* all that is remembered */
    f.apps = WC_NEW_ARRAY(r->cli->arena, struct followed, f.n + 1);
    for (size_t i = 0; i < f.n; i++)
        f.apps[i] = (struct followed){ apps[i]->name,
                                       wc_gitops_dir(&r->paths, r->cli->arena, apps[i]->name), 0 };
    f.signal_fd = wc_reconcile_signals();
    if (!is_past)
        status = watch(&f);
    if (status == 0)
        status = print_news(&f, true);
    if (status == 0 && !is_past)
        status = follow(&f);
    close(f.signal_fd);
    if (f.inotify_fd >= 0)
        close(f.inotify_fd);
    return status;
}
