/* lfs_server.c - from where the content of LFS comes: a server by https, one that ssh tells of, or
 * the directory of a repository on this host. Many objects come through one program, one behind the
 * other in its output: their sizes are known, so that each is told from the next, and when
 * something is wrong with one, it is asked for alone, which says which it was. Addresses and
 * headers are as good as passwords; they go to curl in memory, as a token does.
 *
 * (Rejected: a file for each in the jail. The limit of the kernel would be that of the largest, and
 * all would be written twice.)
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/gitops/lfs.h"

enum { LOGIN_MAX = 64 << 10 };

/* Whom objects are got from. */
struct server {
    const struct wc_source_place *place;
    struct wc_git *git;
    struct wc_jail jail; /* of curl, or of cat */
    const char *const *env;
    bool is_local;
    const char *dir;            /* local: where its objects are, as cat is to be told */
    struct wc_lfs_target login; /* else */
};

static bool is_local(const struct wc_git *git)
{
    return git->jail.local != NULL;
}

/* curl ----------------------------------------------------------------------------------------- */

/* What an HTTP status means to who set the source up. */
static int explain_status(const struct server *s, const char *tail, struct wc_err *err)
{
    static const char words[] = "returned error: ";
    const char *at = strstr(tail, words), *token = s->git->source->token_file;
    const char *code = at == NULL ? "?" : at + sizeof words - 1;
    bool is_password = wc_str_starts(code, "401") || wc_str_starts(code, "403");
    if (is_password && s->login.n_headers == 0)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "the server asks who we are: token_file names a file with a token");
    if (is_password && token != NULL)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "the server doesn't take the token in %s",
                          token);
    return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "the server answers with status %.*s",
                      (int)strspn(code, "0123456789?"), code);
}

static int explain(const struct server *s, const struct wc_jail_answer *answer, struct wc_err *err)
{
    enum { HTTP_ERROR = 22, TIMED_OUT = 28, TOO_MUCH = 63 }; /* of curl */
    if (s->is_local)
        return strstr(answer->tail, "No such file") != NULL
                   ? wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "the repository doesn't have it (yet?)")
                   : wc_source_explain("cat", answer->tail, err);
    if (answer->status == TIMED_OUT)
        return wc_err_set(err, WC_ERR_TIMEOUT, 0, "curl took too long");
    if (answer->status == TOO_MUCH)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "the server would send more than the commit says");
    return answer->status == HTTP_ERROR ? explain_status(s, answer->tail, err)
                                        : wc_source_explain("curl", answer->tail, err);
}

static int run(const struct server *s, const struct wc_jail_call *call, struct wc_buf *out,
               struct wc_err *err)
{
    struct wc_jail_answer answer = { .out = WC_BUF_INIT };
    int rc = wc_jail_run(&s->jail, call, &answer, err);
    if (rc == 0 && answer.status != 0)
        rc = explain(s, &answer, err);
    if (rc == 0 && out != NULL)
        wc_buf_add(out, answer.out.data, answer.out.len);
    wc_buf_deinit(&answer.out);
    return rc;
}

static int run_curl(struct server *s, struct wc_buf *settings, struct wc_jail_call call,
                    struct wc_buf *out, struct wc_err *err)
{
    static const char *const argv[] = { "curl", "--disable", "--config", "/dev/fd/3", NULL };
    call.argv = argv;
    call.env = s->env;
    s->jail.secret = settings->data;
    int rc = run(s, &call, out, err);
    s->jail.secret = NULL;
    explicit_bzero(settings->data, settings->len);
    return rc;
}

/* Where to get objects --------------------------------------------------------------------------*/

static int ask_batch(struct server *s, const struct wc_lfs_batch *batch, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf settings = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf question = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf answer = WC_BUF_INIT;
    struct wc_arena *arena = s->place->arena;
    struct wc_lfs_target target = s->login;
    target.url = wc_arena_printf(arena, "%s/objects/batch", s->login.url);
    const struct wc_lfs_request request = { .target = &target,
                                            .ca_file = wc_jail_file(&s->jail, "ca_file"),
                                            .most = WC_LFS_ANSWER_MAX,
                                            .is_post = true };
    wc_lfs_write_request(&request, &settings);
    wc_lfs_write_question(batch, &question);
    const struct wc_jail_call call = { .input = question.data, .input_len = question.len };
    int rc = run_curl(s, &settings, call, &answer, err);
    const struct wc_piece text = { answer.data, answer.len };
    return rc == 0 ? wc_lfs_read_answer(&text, &s->login, batch, arena, err) : rc;
}

/* A local repository has them in a directory; whether they are there is seen when they are read. */
static void find_local(const struct server *s, const struct wc_lfs_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        const char *oid = batch->objects[i].oid;
        batch->targets[i] =
            (struct wc_lfs_target){ .url = wc_arena_printf(s->place->arena, "%s/%.2s/%.2s/%s",
                                                           s->dir, oid, oid + 2, oid) };
    }
}

/* Getting them ----------------------------------------------------------------------------------*/

static int get(struct server *s, struct wc_lfs_intake *in, const struct wc_lfs_target *from,
               struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf settings = WC_BUF_INIT;
    struct wc_jail_call call = { .take = wc_lfs_intake_take, .take_data = in, .env = s->env };
    if (s->is_local) {
        const char *argv[WC_LFS_BATCH + 3] = { "cat", "--" };
        for (size_t i = 0; i < in->n; i++)
            argv[i + 2] = from[i].url;
        call.argv = argv;
        return run(s, &call, NULL, err);
    }
    for (size_t i = 0; i < in->n; i++) {
        const struct wc_lfs_request request = { .target = &from[i],
                                                .ca_file = wc_jail_file(&s->jail, "ca_file"),
                                                .most = in->objects[i].size };
        wc_lfs_write_request(&request, &settings);
    }
    return run_curl(s, &settings, call, NULL, err);
}

/* Gets `n` in one go; *done says how many are here now, whatever this returns. */
static int get_row(struct server *s, const struct wc_lfs_batch *row, size_t *done,
                   struct wc_err *err)
{
    struct wc_lfs_intake in = { .place = s->place, .objects = row->objects, .n = row->n, .fd = -1 };
    int rc = get(s, &in, row->targets, err);
    wc_lfs_intake_end(&in);
    *done = in.done;
    if (in.done == in.n) /* what comes behind it is nobody's */
        return 0;
    return rc != 0 ? rc : wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "less comes than the commit says");
}

static size_t row_len(const struct wc_lfs_batch *batch, size_t from)
{
    size_t n = 0;
    while (from + n < batch->n && batch->targets[from + n].url != NULL)
        n++;
    return n;
}

/* Gets what can be had, then says what can't: the first of it. */
static int get_batch(struct server *s, const struct wc_lfs_batch *batch, struct wc_err *err)
{
    const struct wc_lfs_object *missing = NULL;
    const char *why = NULL;
    bool alone = false;
    for (size_t at = 0; at < batch->n;) {
        struct wc_err failed = { 0 };
        size_t done, n = row_len(batch, at);
        if (n == 0) {
            if (missing == NULL)
                missing = &batch->objects[at], why = batch->targets[at].why;
            at++;
            continue;
        }
        const struct wc_lfs_batch row = { batch->objects + at, batch->targets + at, alone ? 1 : n };
        int rc = get_row(s, &row, &done, &failed);
        at += done;
        if (rc != 0 && (row.n == 1 || rc == WC_ERR_TIMEOUT || rc == WC_ERR_IO)) {
            *err = failed;
            return wc_err_wrap(err, rc, "%s", batch->objects[at].path);
        }
        alone = rc != 0;
    }
    return missing == NULL ? 0
                           : wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "%s: %s", missing->path, why);
}

static int get_all(struct server *s, const struct wc_lfs_object *objects, size_t n,
                   struct wc_err *err)
{
    struct wc_lfs_target *targets =
        WC_NEW_ARRAY(s->place->arena, struct wc_lfs_target, WC_LFS_BATCH);
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < n; at += WC_LFS_BATCH) {
        const struct wc_lfs_batch batch = { objects + at, targets,
                                            n - at < WC_LFS_BATCH ? n - at : WC_LFS_BATCH };
        if (s->is_local)
            find_local(s, &batch);
        else
            rc = ask_batch(s, &batch, err);
        if (rc == 0)
            rc = get_batch(s, &batch, err);
    }
    return rc;
}

/* Who is asked ----------------------------------------------------------------------------------*/

static int log_in_by_ssh(struct server *s, struct wc_err *err)
{
    enum { NO_SUCH_COMMAND = 127 };
    struct wc_arena *arena = s->place->arena;
    struct wc_jail jail = s->git->jail; /* git's: it has the key and the known hosts */
    struct wc_jail_answer answer = { .out = WC_BUF_INIT };
    struct wc_lfs_ssh ssh;
    if (!wc_lfs_read_ssh(s->git->source->url, arena, &ssh))
        return wc_err_set(err, WC_ERR_USAGE, 0,
                          "the address can't be given to git-lfs-authenticate");
    const char *const argv[] = { "ssh",           "-F",        wc_jail_file(&jail, "ssh_config"),
                                 ssh.destination, ssh.command, NULL };
    const struct wc_jail_call call = { .argv = argv, .env = s->git->env };
    jail.deadline_at_ms = s->jail.deadline_at_ms;
    jail.max_out_bytes = LOGIN_MAX;
    int rc = wc_jail_run(&jail, &call, &answer, err);
    const struct wc_piece text = { answer.out.data, answer.out.len };
    if (rc == 0 && answer.status == NO_SUCH_COMMAND)
        rc = wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                        "the server has no git-lfs-authenticate, which says where to get LFS by "
                        "https; git-lfs-transfer isn't known here");
    else if (rc == 0 && answer.status != 0)
        rc = wc_source_explain("git-lfs-authenticate", answer.tail, err);
    if (rc == 0)
        rc = wc_lfs_read_login(&text, ssh.url, arena, &s->login, err);
    explicit_bzero(answer.out.data, answer.out.len);
    wc_buf_deinit(&answer.out);
    return rc;
}

static int log_in(struct server *s, struct wc_err *err)
{
    const struct wc_app_source *source = s->git->source;
    int rc = 0;
    if (!wc_str_starts(source->url, "https://"))
        return log_in_by_ssh(s, err);
    s->login.url = wc_lfs_server_url(source->url, s->place->arena);
    if (source->token_file != NULL)
        rc = wc_source_token(source, "git", &s->jail, err);
    if (rc == 0 && source->token_file != NULL)
        wc_lfs_add_token(&s->login, s->jail.secret, s->place->arena);
    s->jail.secret = NULL;
    return rc;
}

static int open_remote(struct server *s, uint64_t deadline_at_ms, struct wc_err *err)
{
    const struct wc_app_source *source = s->git->source;
    struct wc_arena *arena = s->place->arena;
    const char **env = WC_NEW_ARRAY(arena, const char *, 4);
    int rc = wc_source_jail(source, s->place, "fetch", &s->jail, err);
    s->jail.deadline_at_ms = deadline_at_ms;
    s->jail.max_out_bytes = WC_LFS_ANSWER_MAX;
    if (rc == 0 && source->ca_file != NULL)
        rc = wc_jail_add(&s->jail,
                         (struct wc_jail_file){ .name = "ca_file", .path = source->ca_file }, err);
    env[0] = "PATH=/usr/bin:/bin";
    env[1] = "LC_ALL=C";
    env[2] = wc_arena_printf(arena, "HOME=%s", wc_jail_dir(&s->jail));
    s->env = env;
    return rc == 0 ? log_in(s, err) : rc;
}

static void open_local(struct server *s, uint64_t deadline_at_ms)
{
    struct wc_arena *arena = s->place->arena;
    struct stat st;
    s->jail = s->git->jail; /* git's: it may read the repository */
    s->jail.deadline_at_ms = deadline_at_ms;
    s->env = s->git->env;
    bool is_worked_in = stat(wc_arena_printf(arena, "%s/.git", s->jail.local), &st) == 0;
    s->dir = wc_arena_printf(arena, "%s/%slfs/objects", wc_jail_local(&s->jail),
                             is_worked_in && S_ISDIR(st.st_mode) ? ".git/" : "");
}

int wc_lfs_fetch(struct wc_lfs_use *use, struct wc_git *git, const struct wc_lfs_object *objects,
                 size_t n, struct wc_err *err)
{
    struct server s = { .place = use->place, .git = git, .is_local = is_local(git) };
    int rc = wc_lfs_store_open(use->place, err);
    if (rc == 0 && s.is_local)
        open_local(&s, use->deadline_at_ms);
    else if (rc == 0)
        rc = open_remote(&s, use->deadline_at_ms, err);
    if (rc == 0)
        rc = get_all(&s, objects, n, err);
    if (!s.is_local)
        wc_jail_close(&s.jail);
    if (rc == 0)
        return 0;
    /* Whatever a server says or sends, the commit is as good as it was. */
    bool is_ours = rc == WC_ERR_TIMEOUT || rc == WC_ERR_IO || rc == WC_ERR_USAGE;
    return wc_err_wrap(err, is_ours ? rc : WC_ERR_UNAVAILABLE, "LFS");
}
