/* pull.c - the call, its view, and the signals that end it. */
#include "cli/pull.h"

#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/paths.h"
#include "base/str.h"
#include "cli/pull_view.h"

struct show {
    struct wc_pull_view view;
    struct wc_buf text;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void flush(struct show *show)
{
    if (show->text.len > 0)
        fwrite(show->text.data, 1, show->text.len, stderr);
    wc_buf_reset(&show->text);
}

static void on_event(void *data, const struct wc_pull_image *image)
{
    struct show *show = data;
    wc_pull_view_event(&show->view, image, now_ms());
    flush(show);
}

/* The signals that end a pull, as a descriptor; *before gets the mask to go back to. */
static int watch_signals(sigset_t *before)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, before);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int signal_of(int fd)
{
    struct signalfd_siginfo info;
    return fd >= 0 && read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

/* Every image that failed, and those that came with a warning. */
static int tell(struct wc_cli *cli, const struct wc_cli_pull *what)
{
    int status = 0;
    for (size_t i = 0; i < what->n; i++) {
        const struct wc_pull_image *image = &what->images[i];
        if (image->state != WC_PULL_FAILED) {
            if (image->note != NULL && image->state == WC_PULL_PULLED)
                wc_cli_warn(cli, "%s %s", wc_image_short_reference(image->name), image->note);
        } else if (what->ignore_failures) {
            wc_cli_warn(cli, "%s", image->err.msg);
        } else {
            int failed = wc_cli_fail(cli, &image->err);
            status = status != 0 ? status : failed;
        }
    }
    return status;
}

/* An error of the whole, not of an image. */
static bool is_told(const struct wc_cli_pull *what)
{
    for (size_t i = 0; i < what->n; i++)
        if (what->images[i].state == WC_PULL_FAILED)
            return true;
    return false;
}

int wc_cli_pull(struct wc_cli *cli, struct wc_image_store *store, struct wc_cli_pull *what)
{
    struct wc_paths paths;
    struct wc_err err = { 0 };
    struct show show = { .text = WC_BUF_INIT };
    sigset_t before;
    int status = wc_cli_paths(cli, &paths);
    if (status != 0 || what->n == 0)
        return status;
    struct wc_image_pull_config config = { .environ = cli->environ, .etc = paths.etc };
    size_t n = 0;
    const char *const *insecure =
        what->by_settings ? NULL : wc_cli_list(cli, "insecure-registry", &n);
    for (size_t i = 0; i < n; i++)
        wc_strv_add(cli->arena, &config.insecure, insecure[i]);
    wc_pull_view_init(&show.view, cli, what->images, what->n, &show.text);
    if (what->quiet)
        show.view.progress = WC_PROGRESS_QUIET;
    WC_CLEANUP_FD int signal_fd = watch_signals(&before);
    struct wc_image_pull_options options = { .config = &config,
                                             .images = what->images,
                                             .n = what->n,
                                             .ask_only = what->ask_only,
                                             .interrupt_fd = signal_fd,
                                             .event = on_event,
                                             .data = &show };
    int rc = wc_image_pull(store, &options, cli->arena, &err);
    int caught = signal_of(signal_fd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    wc_pull_view_finish(&show.view, now_ms());
    flush(&show);
    wc_buf_deinit(&show.text);
    if (caught != 0) {
        wc_cli_note(cli, "interrupted; what was not complete is gone");
        return caught == SIGTERM ? WC_EXIT_TERMINATED : WC_EXIT_INTERRUPTED;
    }
    return rc != 0 && !is_told(what) ? wc_cli_fail(cli, &err) : tell(cli, what);
}
