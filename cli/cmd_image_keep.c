/* cmd_image_keep.c - wcompose image tag|inspect|save|prune: docker's verbs, texts and statuses. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/image_store.h"
#include "wcompose/image_keep.h"

int wc_cmd_image_tag(struct wc_cli *cli)
{
    struct wc_paths paths;
    struct wc_image_store *store;
    struct wc_err err = { 0 };
    int status = wc_cli_images(cli, &paths, &store);
    if (status != 0)
        return status;
    if (wc_image_tag(store, cli->words[0], cli->words[1], &err) != 0)
        status = wc_cli_fail(cli, &err);
    wc_image_store_close(store);
    return status; /* silent, as docker's */
}

/* ---- inspect ---- */

int wc_cmd_image_inspect(struct wc_cli *cli)
{
    struct wc_paths paths;
    struct wc_image_store *store;
    int status = wc_cli_images(cli, &paths, &store);
    if (status != 0)
        return status;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    const char *platform = wc_cli_text(cli, "platform");
    for (size_t i = 0; i < cli->n_words; i++) {
        WC_CLEANUP_BUF struct wc_buf one = WC_BUF_INIT;
        struct wc_err err = { 0 };
        if (wc_image_inspect(store, cli->words[i], platform, &one, &err) != 0) {
            status = wc_cli_fail(cli, &err); /* the others are told none the less */
            continue;
        }
        wc_buf_printf(&out, "%s\n%s", out.len > 0 ? "," : "", one.data);
    }
    printf("[%s%s]\n", out.len > 0 ? out.data : "", out.len > 0 ? "\n" : "");
    wc_image_store_close(store);
    return status;
}

/* ---- save ---- */

/* A file beside the wanted one, so that an archive is whole or isn't there. */
struct target {
    const char *path, *temp; /* NULL: stdout */
    int fd;
};

static int open_target(struct wc_cli *cli, struct target *target, struct wc_err *err)
{
    target->path = wc_cli_text(cli, "output");
    target->fd = STDOUT_FILENO;
    if (target->path == NULL || wc_streq(target->path, "-")) {
        target->path = NULL;
        return 0;
    }
    target->temp = wc_arena_printf(cli->arena, "%s.%d.new", target->path, (int)getpid());
    target->fd = open(target->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return target->fd >= 0 ? 0
                           : wc_err_set(err, wc_fs_code(errno), errno, "write %s", target->temp);
}

static int close_target(const struct target *target, int rc, struct wc_err *err)
{
    if (target->path == NULL)
        return rc;
    if (close(target->fd) != 0 && rc == 0)
        rc = wc_err_set(err, WC_ERR_IO, errno, "write %s", target->path);
    if (rc == 0 && rename(target->temp, target->path) != 0)
        rc = wc_err_set(err, wc_fs_code(errno), errno, "write %s", target->path);
    if (rc != 0)
        unlink(target->temp);
    return rc;
}

static enum wc_image_form form_of(const struct wc_cli *cli)
{
    const char *format = wc_cli_text(cli, "format");
    if (format == NULL || wc_streq(format, "both"))
        return WC_IMAGE_FORM_BOTH;
    return wc_streq(format, "oci-archive") ? WC_IMAGE_FORM_OCI : WC_IMAGE_FORM_DOCKER;
}

int wc_cmd_image_save(struct wc_cli *cli)
{
    struct wc_paths paths;
    struct wc_image_store *store;
    struct wc_err err = { 0 };
    struct target target = { 0 };
    if (wc_cli_text(cli, "output") == NULL && isatty(STDOUT_FILENO))
        return wc_cli_usage(cli, "an archive is nothing for a terminal: use -o FILE, or redirect");
    int status = wc_cli_images(cli, &paths, &store);
    if (status != 0)
        return status;
    int rc = open_target(cli, &target, &err);
    if (rc == 0) {
        const struct wc_image_save_options options = {
            .names = cli->words,
            .n = cli->n_words,
            .platform = wc_cli_text(cli, "platform"),
            .form = form_of(cli),
            .fd = target.fd,
        };
        rc = wc_image_save(store, &options, &err);
        rc = close_target(&target, rc, &err);
    }
    wc_image_store_close(store);
    return rc == 0 ? 0 : wc_cli_fail(cli, &err);
}

/* ---- prune ---- */

/* Asks on a terminal. -1 to go on, else an exit status. */
static int ask(const struct wc_cli *cli, bool all)
{
    char answer[16] = "";
    if (wc_cli_flag(cli, "force"))
        return -1;
    if (!isatty(STDIN_FILENO))
        return wc_cli_usage(cli, "nobody can be asked here: say --force to remove %s",
                            all ? "all unused images" : "images without a name");
    fprintf(stderr, "Remove %s? [y/N] ",
            all ? "all images that nothing uses" : "all images without a name");
    if (fgets(answer, sizeof answer, stdin) == NULL || (answer[0] != 'y' && answer[0] != 'Y'))
        return 0;
    return -1;
}

static void print_pruned(const struct wc_cli *cli, const struct wc_image_pruned *pruned)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (cli->json) {
        struct wc_jsonw w = WC_JSONW_INIT(&out);
        wc_jsonw_object(&w, NULL);
        wc_jsonw_i64(&w, "v", 1);
        wc_jsonw_array(&w, "untagged");
        for (size_t i = 0; i < pruned->untagged.n; i++)
            wc_jsonw_str(&w, NULL, pruned->untagged.items[i]);
        wc_jsonw_end_array(&w);
        wc_jsonw_array(&w, "deleted");
        for (size_t i = 0; i < pruned->deleted.n; i++)
            wc_jsonw_str(&w, NULL, pruned->deleted.items[i]);
        wc_jsonw_end_array(&w);
        wc_jsonw_i64(&w, "space_reclaimed", (int64_t)pruned->freed_bytes);
        wc_jsonw_end_object(&w);
        puts(out.data);
        return;
    }
    if (pruned->untagged.n + pruned->deleted.n > 0)
        puts("Deleted Images:");
    for (size_t i = 0; i < pruned->untagged.n; i++)
        printf("untagged: %s\n", wc_image_short_reference(pruned->untagged.items[i]));
    for (size_t i = 0; i < pruned->deleted.n; i++)
        printf("deleted: %s\n", pruned->deleted.items[i]);
    wc_bytes_format((int64_t)pruned->freed_bytes, &out);
    printf("%sTotal reclaimed space: %s\n", pruned->untagged.n + pruned->deleted.n > 0 ? "\n" : "",
           out.data);
}

int wc_cmd_image_prune(struct wc_cli *cli)
{
    struct wc_paths paths;
    struct wc_image_store *store;
    struct wc_cli_keeping keeping;
    struct wc_image_pruned pruned = { 0 };
    struct wc_err err = { 0 };
    bool all = wc_cli_flag(cli, "all");
    int status = ask(cli, all);
    if (status >= 0)
        return status;
    status = wc_cli_images(cli, &paths, &store);
    if (status != 0)
        return status;
    const struct wc_image_uses uses = wc_cli_image_uses(&keeping, cli, &paths);
    if (wc_image_prune(store, all, &uses, cli->arena, &pruned, &err) != 0)
        status = wc_cli_fail(cli, &err);
    else
        print_pruned(cli, &pruned);
    if (status == 0 && pruned.deferred)
        wc_cli_warn(cli, "another process is adding images: their space is given back by the next "
                         "prune");
    wc_image_store_close(store);
    return status;
}
