/* git.c - how git is told what it may do. Its configuration and ssh's are files of ours that it can
 * read but not change; the repository's own directory is the only one that it writes. A token goes
 * in a file in memory that the configuration includes: it is in no argument, no environment and on
 * no disk.
 */
#include "orchestrator/gitops/git.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/gitops/git_text.h"

#define REPO "repo.git"
#define CONF "conf"

enum { ARGS_MAX = 24, TOKEN_MAX = 4096, SETTINGS_MODE = 0600, MOST_OUTPUT = 16 << 20 };

/* One setting a line; what must not happen is said even where it is git's default. */
static const char SETTINGS[] = "[core]\n"
                               "\thooksPath = /dev/null\n"
                               "\tfsmonitor = false\n"
                               "\tattributesFile = /dev/null\n"
                               "\tbigFileThreshold = 1m\n"
                               "\tprotectHFS = true\n"
                               "\tprotectNTFS = true\n"
                               "[safe]\n"
                               "\tdirectory = *\n"
                               "[credential]\n"
                               "\thelper =\n"
                               "[transfer]\n"
                               "\tfsckObjects = true\n"
                               "\tbundleURI = false\n"
                               "[fetch]\n"
                               "\tfsckObjects = true\n"
                               "\tunpackLimit = 1\n"
                               "\trecurseSubmodules = false\n"
                               "\twriteCommitGraph = false\n"
                               "[fetch \"fsck\"]\n" /* old mistakes that harm nobody */
                               "\tzeroPaddedFilemode = ignore\n"
                               "\tmissingSpaceBeforeDate = ignore\n"
                               "\tbadTimezone = ignore\n"
                               "[submodule]\n"
                               "\trecurse = false\n"
                               "[gc]\n"
                               "\tauto = 0\n"
                               "[maintenance]\n"
                               "\tauto = false\n"
                               "[pack]\n"
                               "\tthreads = 1\n"
                               "[http]\n"
                               "\tfollowRedirects = false\n"
                               "\tsslVerify = true\n"
                               "\tlowSpeedLimit = 100\n"
                               "\tlowSpeedTime = 30\n"
                               "[protocol]\n"
                               "\tallow = never\n"
                               "\tversion = 2\n";

static const char SSH_SETTINGS[] = "Host *\n"
                                   "  BatchMode yes\n"
                                   "  StrictHostKeyChecking yes\n"
                                   "  GlobalKnownHostsFile none\n"
                                   "  UpdateHostKeys no\n"
                                   "  IdentitiesOnly yes\n"
                                   "  IdentityAgent none\n"
                                   "  PreferredAuthentications publickey\n"
                                   "  ClearAllForwardings yes\n"
                                   "  ForwardAgent no\n"
                                   "  PermitLocalCommand no\n"
                                   "  ProxyCommand none\n"
                                   "  CanonicalizeHostname no\n"
                                   "  ControlMaster no\n"
                                   "  ControlPath none\n"
                                   "  EscapeChar none\n"
                                   "  RequestTTY no\n"
                                   "  ConnectTimeout 20\n"
                                   "  ServerAliveInterval 15\n";

uint64_t wc_source_deadline(const struct wc_app_source *source)
{
    unsigned most = source->timeout_ms != 0 ? source->timeout_ms : WC_APP_SOURCE_TIMEOUT_MS;
    return wc_jail_now_ms() + most;
}

size_t wc_source_max_bytes(const struct wc_app_source *source)
{
    return source->max_bytes != 0 ? source->max_bytes : WC_APP_SOURCE_MAX_BYTES;
}

int wc_source_dir(const struct wc_source_place *place, const char *name, const char **out,
                  struct wc_err *err)
{
    const char *path = wc_arena_printf(place->arena, "%s/%s", place->dir, name);
    int rc = wc_fs_mkdirs(path, 0700, err);
    if (rc == 0)
        *out = path;
    return rc;
}

int wc_source_jail(const struct wc_app_source *source, const struct wc_source_place *place,
                   const char *name, struct wc_jail *jail, struct wc_err *err)
{
    const char *dir;
    *jail = (struct wc_jail){
        .arena = place->arena,
        .dir = wc_arena_printf(place->arena, "%s/%s", place->dir, name),
        .max_file_bytes = wc_source_max_bytes(source),
        .max_out_bytes = MOST_OUTPUT,
        .deadline_at_ms = wc_source_deadline(source),
    };
    int rc = wc_source_dir(place, "", &dir, err);
    return rc == 0 ? wc_jail_open(jail, err) : rc;
}

static bool is_line(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            return false;
    return *text != '\0';
}

int wc_source_token(const struct wc_app_source *source, const char *user, struct wc_jail *jail,
                    struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    int rc = wc_fs_read_secret(source->token_file, TOKEN_MAX, &bytes, err);
    if (rc != 0)
        return rc;
    while (bytes.len > 0 && strchr("\r\n ", bytes.data[bytes.len - 1]) != NULL)
        bytes.data[--bytes.len] = '\0';
    if (strlen(bytes.data) != bytes.len || !is_line(bytes.data))
        return wc_err_set(err, WC_ERR_USAGE, 0, "%s must hold one line", source->token_file);
    jail->secret = strchr(bytes.data, ':') != NULL
                       ? wc_arena_strdup(jail->arena, bytes.data)
                       : wc_arena_printf(jail->arena, "%s:%s", user, bytes.data);
    explicit_bzero(bytes.data, bytes.len);
    return 0;
}

/* The part of a URL that a header is meant for: "https://host:port/". */
static const char *origin_of(struct wc_arena *arena, const char *url)
{
    const char *host = strstr(url, "://");
    size_t len = host == NULL ? 0 : (size_t)(host + 3 - url);
    return wc_arena_printf(arena, "%.*s%.*s/", (int)len, url, (int)strcspn(url + len, "/"),
                           url + len);
}

/* A token as settings of git's, sent to nobody but the URL's host. */
static int add_token(struct wc_git *git, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    int rc = wc_source_token(git->source, "git", &git->jail, err);
    if (rc != 0)
        return rc;
    wc_buf_printf(&text, "[http \"%s\"]\n\textraHeader = \"Authorization: Basic ",
                  origin_of(git->place->arena, git->url));
    wc_buf_add_base64(&text, git->jail.secret, strlen(git->jail.secret));
    wc_buf_adds(&text, "\"\n");
    git->jail.secret = wc_arena_strdup(git->place->arena, text.data);
    explicit_bzero(text.data, text.len);
    return 0;
}

/* Writes a file of settings where git can't, and hands it in. */
static int add_settings(struct wc_git *git, const char *name, const struct wc_buf *text,
                        struct wc_err *err)
{
    const char *dir;
    WC_CLEANUP_BUF struct wc_buf old = WC_BUF_INIT;
    int rc = wc_source_dir(git->place, CONF, &dir, err);
    if (rc != 0)
        return rc;
    const char *path = wc_arena_printf(git->place->arena, "%s/%s", dir, name);
    struct wc_err ignored = { 0 };
    if (wc_fs_read(path, (size_t)MOST_OUTPUT, &old, &ignored) != 0 || old.len != text->len ||
        memcmp(old.data, text->data, old.len) != 0) {
        wc_fs_sweep_atomic(path); /* of a pass that was killed at it */
        rc = wc_fs_write_atomic(path, text->data, text->len, SETTINGS_MODE, false, err);
    }
    return rc == 0
               ? wc_jail_add(&git->jail, (struct wc_jail_file){ .name = name, .path = path }, err)
               : rc;
}

/* A path between quotation marks; what would end them, or be replaced, was refused before. */
static void add_path(struct wc_buf *out, const char *key, const char *path)
{
    wc_buf_printf(out, "  %s \"", key);
    for (const char *at = path; *at != '\0'; at++) {
        wc_buf_addc(out, *at);
        if (*at == '%')
            wc_buf_addc(out, '%');
    }
    wc_buf_adds(out, "\"\n");
}

static int prepare_ssh(struct wc_git *git, struct wc_buf *settings, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    const struct wc_app_source *source = git->source;
    int rc = wc_jail_add(
        &git->jail, (struct wc_jail_file){ .name = "known_hosts", .path = source->known_hosts },
        err);
    if (rc == 0 && source->ssh_key != NULL)
        rc = wc_jail_add(
            &git->jail,
            (struct wc_jail_file){ .name = "ssh_key", .path = source->ssh_key, .is_secret = true },
            err);
    if (rc != 0)
        return rc;
    wc_buf_adds(&text, SSH_SETTINGS);
    add_path(&text, "UserKnownHostsFile", wc_jail_file(&git->jail, "known_hosts"));
    if (source->ssh_key != NULL)
        add_path(&text, "IdentityFile", wc_jail_file(&git->jail, "ssh_key"));
    else
        wc_buf_adds(&text, "  IdentityFile none\n");
    rc = add_settings(git, "ssh_config", &text, err);
    wc_buf_printf(settings, "[core]\n\tsshCommand = ssh -F %s\n",
                  git->jail.is_boxed ? "/tmp/f/ssh_config" : "../" CONF "/ssh_config");
    wc_buf_adds(settings, "[protocol \"ssh\"]\n\tallow = always\n");
    return rc;
}

static int prepare_https(struct wc_git *git, struct wc_buf *settings, struct wc_err *err)
{
    const struct wc_app_source *source = git->source;
    int rc = 0;
    wc_buf_adds(settings, "[protocol \"https\"]\n\tallow = always\n");
    if (source->ca_file != NULL) {
        rc = wc_jail_add(&git->jail,
                         (struct wc_jail_file){ .name = "ca_file", .path = source->ca_file }, err);
        if (rc == 0)
            wc_buf_printf(settings, "[http]\n\tsslCAInfo = \"%s\"\n",
                          wc_jail_file(&git->jail, "ca_file"));
    }
    if (rc == 0 && source->token_file != NULL) {
        rc = add_token(git, err);
        wc_buf_adds(settings, "[include]\n\tpath = /dev/fd/3\n");
    }
    return rc;
}

/* A repository on this host must be of somebody who could tell us what to do anyway: git would run
 * what its settings say. */
static int prepare_local(struct wc_git *git, struct wc_buf *settings, struct wc_err *err)
{
    struct stat st;
    const char *path = git->url;
    if (wc_str_starts(path, "file://"))
        path += strlen("file://");
    if (stat(path, &st) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", path);
    if (!S_ISDIR(st.st_mode))
        return wc_err_set(err, WC_ERR_NOENT, 0, "%s is no git repository", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return wc_err_set(err, WC_ERR_PERM, 0,
                          "%s belongs to somebody else: use ssh or https for it", path);
    git->jail.local = path;
    git->url = wc_arena_printf(git->place->arena, "file://%s", wc_jail_local(&git->jail));
    wc_buf_adds(settings, "[protocol \"file\"]\n\tallow = always\n");
    return 0;
}

static void add_env(struct wc_git *git, const char *text)
{
    git->env[git->n_env++] = text;
}

static void make_env(struct wc_git *git)
{
    struct wc_arena *arena = git->place->arena;
    add_env(git, "PATH=/usr/bin:/bin:/usr/local/bin");
    add_env(git, "LC_ALL=C");
    add_env(git, wc_arena_printf(arena, "HOME=%s", wc_jail_dir(&git->jail)));
    add_env(git, wc_arena_printf(arena, "TMPDIR=%s", wc_jail_dir(&git->jail)));
    add_env(git,
            wc_arena_printf(arena, "GIT_CONFIG_GLOBAL=%s", wc_jail_file(&git->jail, "gitconfig")));
    add_env(git, "GIT_CONFIG_NOSYSTEM=1");
    add_env(git, "GIT_ATTR_NOSYSTEM=1");
    add_env(git, "GIT_TERMINAL_PROMPT=0");
    add_env(git, "GIT_ASKPASS=/bin/false");
    add_env(git, "SSH_ASKPASS_REQUIRE=never");
    add_env(git, "GIT_NO_LAZY_FETCH=1");
    add_env(git, "GIT_OPTIONAL_LOCKS=0");
    git->env[git->n_env] = NULL;
}

int wc_git_open(struct wc_git *git, const struct wc_app_source *source,
                const struct wc_source_place *place, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf settings = WC_BUF_INIT;
    *git = (struct wc_git){ .source = source, .place = place, .url = source->url };
    int rc = wc_app_source_check(source, NULL, err);
    if (rc == 0)
        rc = wc_source_jail(source, place, "git", &git->jail, err);
    if (rc != 0)
        return rc;
    wc_buf_adds(&settings, SETTINGS);
    if (source->url[0] == '/' || wc_str_starts(source->url, "file://"))
        rc = prepare_local(git, &settings, err);
    else if (wc_str_starts(source->url, "https://"))
        rc = prepare_https(git, &settings, err);
    else
        rc = prepare_ssh(git, &settings, err);
    if (rc == 0)
        rc = add_settings(git, "gitconfig", &settings, err);
    if (rc == 0)
        make_env(git);
    return rc;
}

void wc_git_close(struct wc_git *git)
{
    wc_jail_close(&git->jail);
}

/* Lines of which one says what went wrong, best first. */
static const struct {
    const char *text;
    int code;
} TELLING[] = {
    { "No space left on device", WC_ERR_IO },
    { "Host key verification failed", WC_ERR_PERM },
    { "Permission denied", WC_ERR_PERM },
    { "couldn't find remote ref", WC_ERR_NOENT },
    { "not our ref", WC_ERR_NOENT },
    { "unadvertised object", WC_ERR_NOENT },
    { "does not appear to be a git repository", WC_ERR_NOENT },
    { "contains '..'", WC_ERR_PERM }, /* tar */
    { "fatal: ", WC_ERR_UNAVAILABLE },
    { "error: ", WC_ERR_UNAVAILABLE },
};

/* Finds the line of `tail` that holds `text`. */
static bool line_with(const char *tail, const char *text, struct wc_piece *line)
{
    const char *at = strstr(tail, text), *start = at;
    if (at == NULL)
        return false;
    while (start > tail && start[-1] != '\n')
        start--;
    *line = (struct wc_piece){ start, strcspn(start, "\r\n") };
    return true;
}

static int say(const char *program, struct wc_piece line, int code, struct wc_err *err)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    const char *said = wc_git_printable(&arena, line, 180);
    code =
        wc_err_set(err, code, 0, "%s: %s", program, *said != '\0' ? said : "failed without a word");
    wc_arena_deinit(&arena);
    return code;
}

int wc_source_explain(const char *program, const char *tail, struct wc_err *err)
{
    struct wc_piece line = { tail, strcspn(tail, "\r\n") };
    int code = WC_ERR_UNAVAILABLE;
    for (size_t i = 0; i < WC_COUNT(TELLING); i++)
        if (line_with(tail, TELLING[i].text, &line)) {
            code = TELLING[i].code;
            break;
        }
    return say(program, line, code, err);
}

static int run(const struct wc_git *git, const char *const *args, struct wc_jail_call call,
               struct wc_jail_answer *answer, struct wc_err *err)
{
    const char *argv[ARGS_MAX + 4] = { "git", "--git-dir=" REPO };
    size_t n = 2;
    for (size_t i = 0; args[i] != NULL; i++) {
        if (n == ARGS_MAX + 2)
            return wc_err_set(err, WC_ERR_BUG, 0, "too many arguments for git");
        argv[n++] = args[i];
    }
    argv[n] = NULL;
    call.argv = argv;
    call.env = git->env;
    return wc_jail_run(&git->jail, &call, answer, err);
}

/* What ssh says ends with the least that it knows, and names files of the jail. */
static int explain_ssh(const struct wc_app_source *source, const char *tail, struct wc_err *err)
{
    static const char failed[] = "Host key verification failed";
    if (strstr(tail, "IDENTIFICATION HAS CHANGED") != NULL)
        return wc_err_set(err, WC_ERR_PERM, 0,
                          "%s: the server has another key than %s says; if that is meant, put the "
                          "new one there",
                          failed, source->known_hosts);
    if (strstr(tail, failed) != NULL)
        return wc_err_set(err, WC_ERR_PERM, 0,
                          "%s: %s has none for this server; ssh-keyscan shows it, its admin knows "
                          "whether it is the right one",
                          failed, source->known_hosts);
    if (strstr(tail, "Permission denied (") == NULL)
        return 0;
    return wc_err_set(err, WC_ERR_PERM, 0, "the server doesn't take the ssh key in %s",
                      source->ssh_key);
}

/* What git says when it may not ask for a password would send people looking for a terminal, and
 * of the cap it knows only that a file got too large. */
static int explain(const struct wc_git *git, const char *tail, struct wc_err *err)
{
    struct wc_piece object;
    if (strstr(tail, "File too large") != NULL)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "there is more in it than size_limit allows");
    if (git->source->known_hosts != NULL && git->source->ssh_key != NULL) {
        int rc = explain_ssh(git->source, tail, err);
        if (rc != 0)
            return rc;
    }
    /* which object, and what is wrong with it, is said before the end */
    if (strstr(tail, "fsck error in pack") != NULL && line_with(tail, "error: object ", &object))
        return say("git", object, WC_ERR_SPEC, err);
    if (strstr(tail, "could not read Username") == NULL &&
        strstr(tail, "Authentication failed") == NULL)
        return wc_source_explain("git", tail, err);
    if (git->source->token_file == NULL)
        return wc_err_set(err, WC_ERR_PERM, 0,
                          "the server asks who we are, or has no such repository for everybody: "
                          "token_file names a file with a token");
    return wc_err_set(err, WC_ERR_PERM, 0, "the server doesn't take the token in %s",
                      git->source->token_file);
}

static struct wc_jail_call with_input(const struct wc_buf *input)
{
    return (struct wc_jail_call){ .input = input == NULL ? NULL : input->data,
                                  .input_len = input == NULL ? 0 : input->len };
}

int wc_git_run(const struct wc_git *git, const char *const *args, const struct wc_buf *input,
               struct wc_buf *out, struct wc_err *err)
{
    struct wc_jail_answer answer = { .out = WC_BUF_INIT };
    int rc = run(git, args, with_input(input), &answer, err);
    if (rc == 0 && answer.status != 0)
        rc = explain(git, answer.tail, err);
    if (rc == 0 && out != NULL)
        wc_buf_add(out, answer.out.data, answer.out.len);
    wc_buf_deinit(&answer.out);
    return rc;
}

int wc_git_run_to(const struct wc_git *git, const char *const *args, const struct wc_buf *input,
                  wc_jail_take_fn *take, void *take_data, struct wc_err *err)
{
    struct wc_jail_answer answer = { .out = WC_BUF_INIT };
    struct wc_jail_call call = with_input(input);
    call.take = take;
    call.take_data = take_data;
    int rc = run(git, args, call, &answer, err);
    if (rc == 0 && answer.status != 0)
        rc = explain(git, answer.tail, err);
    wc_buf_deinit(&answer.out);
    return rc;
}

int wc_git_ask(const struct wc_git *git, const char *const *args, struct wc_buf *out, int *status,
               struct wc_err *err)
{
    struct wc_jail_answer answer = { .out = WC_BUF_INIT };
    int rc = run(git, args, with_input(NULL), &answer, err);
    if (rc == 0 && out != NULL)
        wc_buf_add(out, answer.out.data, answer.out.len);
    if (rc == 0)
        *status = answer.status;
    wc_buf_deinit(&answer.out);
    return rc;
}
