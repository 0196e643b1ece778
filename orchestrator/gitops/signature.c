/* signature.c - the programs that know the formats do the checking; we hand them keys that come
 * from the admin only, in a directory that is new each time. A key counts as it is now: one that
 * has expired since isn't believed for what claims to be older, because whoever has it may claim
 * so.
 */
#include "orchestrator/gitops/signature.h"

#include <string.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/gitops/git.h"
#include "orchestrator/gitops/git_text.h"

enum { SIGNATURE_MAX = 64 << 10, PRINCIPALS_MAX = 8, SIGNER_MAX = 200 };

#define SSH_BEGIN "-----BEGIN SSH SIGNATURE-----"
#define PGP_BEGIN "-----BEGIN PGP SIGNATURE-----"

/* One check: the jail, the environment of its programs. */
struct check {
    const struct wc_signed *what;
    struct wc_jail jail;
    const char *env[6];
};

static int refuse(const struct check *check, const char *why, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_PERM, 0, "%s is not believed: %s", check->what->what, why);
}

static int run(struct check *check, const char *const *argv, bool with_text,
               struct wc_jail_answer *answer, struct wc_err *err)
{
    struct wc_jail_call call = { .argv = argv, .env = check->env };
    if (with_text) {
        call.input = check->what->text;
        call.input_len = check->what->text_len;
        call.input_file = check->what->text_file;
    }
    return wc_jail_run(&check->jail, &call, answer, err);
}

/* The line of ssh-keygen that names the key: "Good "git" signature for ann with ED25519 key
 * SHA256:…".
 */
static const char *key_of(struct wc_arena *arena, const struct wc_buf *out)
{
    const char *at = strstr(out->data, "SHA256:");
    return at == NULL ? "" : wc_arena_strndup(arena, at, strcspn(at, " \n"));
}

static int verify_as(struct check *check, const char *principal, bool *good, const char **signer,
                     struct wc_err *err)
{
    struct wc_arena *arena = check->jail.arena;
    struct wc_jail_answer answer = { .out = WC_BUF_INIT };
    const char *const argv[] = { "ssh-keygen",
                                 "-Y",
                                 "verify",
                                 "-f",
                                 wc_jail_file(&check->jail, "signers"),
                                 "-I",
                                 principal,
                                 "-n",
                                 check->what->name_space,
                                 "-s",
                                 wc_jail_file(&check->jail, "signature"),
                                 NULL };
    int rc = run(check, argv, true, &answer, err);
    *good = rc == 0 && answer.status == 0;
    if (*good) {
        struct wc_piece who = { principal, strlen(principal) };
        *signer = wc_arena_printf(arena, "%s (ssh %s)", wc_git_printable(arena, who, SIGNER_MAX),
                                  key_of(arena, &answer.out));
    }
    wc_buf_deinit(&answer.out);
    return rc;
}

/* Tries the names that the allowed signers have for the key. */
static int try_principals(struct check *check, struct wc_buf *names, const char **signer,
                          struct wc_err *err)
{
    bool good = false;
    char *at = names->data;
    for (int i = 0; i < PRINCIPALS_MAX && *at != '\0'; i++) {
        size_t len = strcspn(at, "\n");
        bool last = at[len] == '\0';
        at[len] = '\0';
        int rc = len == 0 ? 0 : verify_as(check, at, &good, signer, err);
        if (rc != 0 || good)
            return rc;
        at += last ? len : len + 1;
    }
    return refuse(
        check, "its ssh signature is of other content, another purpose, or no longer valid", err);
}

static int check_ssh(struct check *check, const char **signer, struct wc_err *err)
{
    struct wc_jail_answer answer = { .out = WC_BUF_INIT };
    const char *const argv[] = { "ssh-keygen",
                                 "-Y",
                                 "find-principals",
                                 "-f",
                                 wc_jail_file(&check->jail, "signers"),
                                 "-s",
                                 wc_jail_file(&check->jail, "signature"),
                                 NULL };
    int rc = run(check, argv, false, &answer, err);
    if (rc == 0 && answer.status != 0)
        rc = refuse(check, "the ssh key that signed it is not among the allowed signers", err);
    else if (rc == 0)
        rc = try_principals(check, &answer.out, signer, err);
    wc_buf_deinit(&answer.out);
    return rc;
}

/* What gpg may say of a signature that isn't good. */
static const struct {
    const char *word, *why;
} BAD[] = {
    { "BADSIG ", "its OpenPGP signature is of other content, or too weak" },
    { "NO_PUBKEY ", "the OpenPGP key that signed it is not in the keyring" },
    { "EXPKEYSIG ", "the OpenPGP key that signed it has expired" },
    { "EXPSIG ", "its OpenPGP signature has expired" },
    { "REVKEYSIG ", "the OpenPGP key that signed it has been revoked" },
    { "ERRSIG ", "its OpenPGP signature can't be checked" },
    { "NODATA ", "its OpenPGP signature can't be read" },
    { "FAILURE ", "its OpenPGP signature can't be checked" },
};

/* Where a status line begins with a word: what follows it; NULL: nowhere. Counts into *n. */
static const char *find_status(const char *text, const char *word, unsigned *n)
{
    static const char mark[] = "[GNUPG:] ";
    const char *found = NULL;
    *n = 0;
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (wc_str_starts(line, mark) && wc_str_starts(line + strlen(mark), word)) {
            found = found != NULL ? found : line + strlen(mark) + strlen(word);
            ++*n;
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return found;
}

bool wc_signature_read_gpg(const char *text, const char **who, size_t *who_len, const char **why)
{
    unsigned n, n_new, n_good, n_valid;
    for (size_t i = 0; i < WC_COUNT(BAD); i++)
        if (find_status(text, BAD[i].word, &n) != NULL) {
            *why = BAD[i].why;
            return false;
        }
    (void)find_status(text, "NEWSIG", &n_new);
    (void)find_status(text, "VALIDSIG ", &n_valid);
    const char *good = find_status(text, "GOODSIG ", &n_good);
    if (good == NULL || n_good != 1 || n_valid != 1 || n_new > 1) {
        *why = "gpg doesn't call its signature good";
        return false;
    }
    *who = good;
    *who_len = strcspn(good, "\r\n");
    return true;
}

static int import_keys(struct check *check, struct wc_err *err)
{
    struct wc_jail_answer answer = { .out = WC_BUF_INIT };
    const char *const argv[] = { "gpg",
                                 "--batch",
                                 "--no-tty",
                                 "--quiet",
                                 "--no-autostart",
                                 "--import",
                                 wc_jail_file(&check->jail, "keyring"),
                                 NULL };
    int rc = run(check, argv, false, &answer, err);
    if (rc == 0 && answer.status != 0)
        rc = wc_source_explain("gpg --import", answer.tail, err);
    wc_buf_deinit(&answer.out);
    return rc;
}

static int check_pgp(struct check *check, const char **signer, struct wc_err *err)
{
    struct wc_arena *arena = check->jail.arena;
    struct wc_jail_answer answer = { .out = WC_BUF_INIT };
    const char *why = NULL;
    struct wc_piece who = { 0 };
    const char *const argv[] = { "gpg",
                                 "--batch",
                                 "--no-tty",
                                 "--quiet",
                                 "--no-autostart",
                                 "--no-auto-key-retrieve",
                                 "--trust-model=always",
                                 "--weak-digest=SHA1",
                                 "--status-fd=1",
                                 "--verify",
                                 wc_jail_file(&check->jail, "signature"),
                                 "-",
                                 NULL };
    int rc = import_keys(check, err);
    if (rc == 0)
        rc = run(check, argv, true, &answer, err);
    if (rc == 0 && !wc_signature_read_gpg(answer.out.data, &who.at, &who.len, &why))
        rc = refuse(check, why, err);
    else if (rc == 0 && answer.status != 0)
        rc = refuse(check, "gpg fails on it", err);
    if (rc == 0) {
        size_t id_len = 0;
        while (id_len < who.len && who.at[id_len] != ' ')
            id_len++;
        size_t skip = id_len < who.len ? id_len + 1 : id_len;
        const struct wc_piece name = { who.at + skip, who.len - skip };
        *signer = wc_arena_printf(arena, "%s (OpenPGP %.*s)",
                                  wc_git_printable(arena, name, SIGNER_MAX), (int)id_len, who.at);
    }
    wc_buf_deinit(&answer.out);
    return rc;
}

static int hand_in(struct check *check, const struct wc_source_place *place, const char *name,
                   const char *keys, struct wc_err *err)
{
    const char *dir;
    int rc = wc_source_dir(place, "conf", &dir, err);
    if (rc != 0)
        return rc;
    const char *path = wc_arena_printf(place->arena, "%s/signature", dir);
    rc = wc_fs_write_atomic(path, check->what->signature, check->what->signature_len, 0600, false,
                            err);
    if (rc == 0)
        rc = wc_jail_add(&check->jail, (struct wc_jail_file){ .name = "signature", .path = path },
                         err);
    if (rc == 0)
        rc = wc_jail_add(&check->jail, (struct wc_jail_file){ .name = name, .path = keys }, err);
    return rc;
}

static bool begins(const struct wc_signed *what, const char *text)
{
    return what->signature_len > strlen(text) && memcmp(what->signature, text, strlen(text)) == 0;
}

static int check_form(struct check *check, const struct wc_app_source *source,
                      const struct wc_source_place *place, const char **signer, struct wc_err *err)
{
    const struct wc_signed *what = check->what;
    bool is_ssh = begins(what, SSH_BEGIN), is_pgp = begins(what, PGP_BEGIN);
    const char *keys = is_ssh ? source->signers : source->keyring;
    if (what->signature_len > SIGNATURE_MAX)
        return refuse(check, "its signature is too long", err);
    if (!is_ssh && !is_pgp)
        return refuse(check, "its signature is neither ssh's nor OpenPGP's", err);
    if (keys == NULL)
        return refuse(check,
                      is_ssh ? "it is signed by an ssh key, and there are no allowed signers"
                             : "it is signed by OpenPGP, and there is no keyring",
                      err);
    int rc = hand_in(check, place, is_ssh ? "signers" : "keyring", keys, err);
    if (rc != 0)
        return rc;
    return is_ssh ? check_ssh(check, signer, err) : check_pgp(check, signer, err);
}

int wc_signature_check(const struct wc_app_source *source, const struct wc_source_place *place,
                       const struct wc_signed *signed_, const char **signer, struct wc_err *err)
{
    struct check check = { .what = signed_ };
    const char *dir = wc_arena_printf(place->arena, "%s/sign", place->dir);
    int rc = wc_fs_remove_tree(dir, err);
    if (rc == 0)
        rc = wc_source_jail(source, place, "sign", &check.jail, err);
    if (rc != 0)
        return rc;
    const char *home = wc_jail_dir(&check.jail);
    check.env[0] = "PATH=/usr/bin:/bin";
    check.env[1] = "LC_ALL=C";
    check.env[2] = wc_arena_printf(place->arena, "HOME=%s", home);
    check.env[3] = wc_arena_printf(place->arena, "GNUPGHOME=%s", home);
    check.env[4] = wc_arena_printf(place->arena, "TMPDIR=%s", home);
    rc = check_form(&check, source, place, signer, err);
    wc_jail_close(&check.jail);
    struct wc_err ignored = { 0 };
    (void)wc_fs_remove_tree(dir, &ignored);
    return rc;
}
