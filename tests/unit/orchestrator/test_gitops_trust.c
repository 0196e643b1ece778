/* test_gitops_trust.c - who is believed: ssh and OpenPGP signatures of commits and tags, against
 * keys that ssh-keygen and gpg made.
 */
// TIMEOUT: 300
#include "gitops_box.h"

#include "orchestrator/gitops/signature.h"

/* Keys of Ann, who is trusted, and of Eve, who isn't. */
static void make_ssh_keys(void)
{
    script("for n in ann eve; do ssh-keygen -q -t ed25519 -N '' -C $n@example.org -f $n; done;"
           "printf 'ann@example.org namespaces=\"git\" %%s\\n' \"$(cut -d' ' -f1,2 ann.pub)\""
           " >signers; git config --global gpg.format ssh;"
           "git config --global user.signingKey %s/ann.pub",
           box.root);
    box.source.signers = in_box("signers");
    box.source.verify = WC_VERIFY_COMMIT;
}

static void commit(const char *how)
{
    script("cd work; date +%%N >>a; git add a; git %s; git push -qf", how);
}

static int fetch_and_verify(void)
{
    ok(fetch(NULL));
    return verify(NULL, false);
}

static void ssh_commits(void **state)
{
    (void)state;
    open_box();
    make_ssh_keys();
    refused(fetch_and_verify(), WC_ERR_PERM, "is not signed");
    commit("commit -q -S -m signed");
    ok(fetch_and_verify());
    assert_memory_equal(box.revision.signer, "ann@example.org (ssh SHA256:", 28);
    script("git config --global user.signingKey %s/eve.pub", box.root);
    commit("commit -q -S -m stranger");
    refused(fetch_and_verify(), WC_ERR_PERM, "not among the allowed signers");
    commit("commit -qm unsigned");
    refused(fetch_and_verify(), WC_ERR_PERM, "is not signed");
    close_box();
}

/* A good signature over other content: the message is changed, the header stays. */
static void changed_content(void **state)
{
    (void)state;
    open_box();
    make_ssh_keys();
    commit("commit -q -S -m signed");
    script("cd work; git cat-file commit HEAD | sed 's/^signed$/forged/' >../c;"
           "id=$(git hash-object -w -t commit ../c); git reset -q --hard $id; git push -qf");
    refused(fetch_and_verify(), WC_ERR_PERM, "of other content");
    script("cd work; git cat-file commit HEAD@{1} >../c; awk '/^gpgsig /{s=1} s&&/^[^ g]|^$/{s=0}"
           " s{print}' ../c >../s; awk -v f=../s '{print} /^committer/{while((getline l <f)>0)"
           " print l}' ../c >../d; id=$(git hash-object -w -t commit --literally ../d);"
           "git reset -q --hard $id; git push -qf");
    int rc = fetch(NULL); /* git's own check may be the one that sees it */
    if (rc == 0)
        refused(verify(NULL, false), WC_ERR_PERM, "several signatures");
    close_box();
}

/* Keys that are for something else, or not yet, or no longer. */
static void ssh_limits(void **state)
{
    (void)state;
    static const char *const options[] = { "namespaces=\"file\"", "valid-before=\"20200101\"",
                                           "valid-after=\"20990101\"" };
    open_box();
    make_ssh_keys();
    commit("commit -q -S -m signed");
    ok(fetch_and_verify());
    for (size_t i = 0; i < WC_COUNT(options); i++) {
        script("printf 'ann@example.org %s %%s\\n' \"$(cut -d' ' -f1,2 ann.pub)\" >signers",
               options[i]);
        assert_int_equal(verify(NULL, false), WC_ERR_PERM);
    }
    script("chmod 666 signers");
    refused(verify(NULL, false), WC_ERR_PERM, "not trusted");
    script("rm signers");
    refused(verify(NULL, false), WC_ERR_NOENT, "signers");
    close_box();
}

/* The repository says whom to believe: nobody asks it. */
static void the_repository_names_no_keys(void **state)
{
    (void)state;
    open_box();
    make_ssh_keys();
    script("git config --global user.signingKey %s/eve.pub; cd work; cp ../eve.pub keys;"
           "printf 'eve@example.org %%s\\n' \"$(cat ../eve.pub)\" >allowed_signers;"
           "git -C ../remote.git config gpg.ssh.allowedSignersFile %s/work/allowed_signers",
           box.root, box.root);
    commit("commit -q -S -m stranger");
    refused(fetch_and_verify(), WC_ERR_PERM, "not among the allowed signers");
    close_box();
}

static void tags(void **state)
{
    (void)state;
    open_box();
    make_ssh_keys();
    box.source.pin_kind = WC_PIN_TAG;
    box.source.pin = "v1.0.0";
    box.source.verify = WC_VERIFY_TAG;
    script("cd work; git tag v1.0.0; git push -q --tags");
    refused(fetch_and_verify(), WC_ERR_PERM, "is not signed"); /* a lightweight one */
    script("cd work; git tag -fam plain v1.0.0 >/dev/null; git push -qf --tags");
    refused(fetch_and_verify(), WC_ERR_PERM, "is not signed");
    script("cd work; git tag -fsm signed v1.0.0 >/dev/null; git push -qf --tags");
    ok(fetch_and_verify());
    assert_non_null(strstr(box.revision.signer, "ann@example.org"));
    box.source.verify = WC_VERIFY_BOTH; /* the commit isn't signed */
    refused(fetch_and_verify(), WC_ERR_PERM, "commit");
    script("cd work; git commit -q --amend -S --no-edit; git tag -fsm signed v1.0.0 >/dev/null;"
           "git push -qf --tags");
    ok(fetch_and_verify());
    box.source.verify = WC_VERIFY_TAG;
    script("cd work; git tag v2.0.0 v1.0.0; git push -q --tags"); /* the old one's new name */
    box.source.pin = "v2.0.0";
    refused(fetch_and_verify(), WC_ERR_PERM, "another name");
    box.source.pin_kind = WC_PIN_SEMVER;
    box.source.pin = ">=1";
    refused(fetch_and_verify(), WC_ERR_PERM, "another name");
    script("git config --global user.signingKey %s/eve.pub; cd work;"
           "git tag -fsm eve v2.0.0 >/dev/null; git push -qf --tags",
           box.root);
    refused(fetch_and_verify(), WC_ERR_PERM, "not among the allowed signers");
    close_box();
}

static void pgp_commits(void **state)
{
    (void)state;
    open_box();
    script("mkdir -m 700 gnupg; for n in Ann Eve Old; do gpg --batch --quiet --passphrase ''"
           " --quick-gen-key \"$n <$n@example.org>\" ed25519 sign 2>/dev/null; done;"
           "gpg --batch --export --armor Ann@example.org >keyring;"
           "git config --global user.signingKey Ann@example.org");
    box.source.keyring = in_box("keyring");
    box.source.verify = WC_VERIFY_COMMIT;
    commit("commit -q -S -m signed");
    ok(fetch_and_verify());
    assert_non_null(strstr(box.revision.signer, "Ann <Ann@example.org> (OpenPGP "));
    script("gpg --batch --export Ann@example.org >keyring"); /* binary */
    ok(fetch_and_verify());
    script("git config --global user.signingKey Eve@example.org");
    commit("commit -q -S -m stranger");
    refused(fetch_and_verify(), WC_ERR_PERM, "not in the keyring");
    script("cd work; git cat-file commit HEAD^ | sed 's/^signed$/forged/' >../c;"
           "id=$(git hash-object -w -t commit ../c); git reset -q --hard $id; git push -qf");
    refused(fetch_and_verify(), WC_ERR_PERM, "other content");
    script("git config --global user.signingKey Old@example.org");
    commit("commit -q -S -m signed");
    script("gpg --batch --export Ann@example.org Old@example.org >keyring");
    ok(fetch_and_verify());
    script(
        "fpr=$(gpg --batch --with-colons -k Old@example.org | awk -F: '/^fpr/{print $10; exit}');"
        "sed 's/^:-----BEGIN/-----BEGIN/' gnupg/openpgp-revocs.d/$fpr.rev >rev;"
        "gpg --batch --quiet --import rev 2>/dev/null;"
        "gpg --batch --export Ann@example.org Old@example.org >keyring");
    refused(fetch_and_verify(), WC_ERR_PERM, "revoked");
    script("gpgconf --kill all");
    close_box();
}

/* A signature of the other kind than there are keys for isn't passed over. */
static void no_downgrade(void **state)
{
    (void)state;
    open_box();
    make_ssh_keys();
    commit("commit -q -S -m signed");
    box.source.keyring = box.source.signers;
    box.source.signers = NULL;
    refused(fetch_and_verify(), WC_ERR_PERM, "no allowed signers");
    box.source.keyring = NULL;
    refused(fetch(NULL), WC_ERR_USAGE, "signers or a keyring");
    close_box();
}

/* What gpg says is read strictly. */
static void gpg_status_is_read(void **state)
{
    (void)state;
    static const char good[] = "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 0123 Ann <a@b>\n"
                               "[GNUPG:] VALIDSIG 0123\n";
    static const char *const bad[] = {
        "",
        "[GNUPG:] GOODSIG 0123 Ann\n",
        "[GNUPG:] VALIDSIG 0123\n",
        "x[GNUPG:] GOODSIG 0123 Ann\n[GNUPG:] VALIDSIG 0123\n",
        "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 1 A\n[GNUPG:] VALIDSIG 1\n[GNUPG:] NEWSIG\n"
        "[GNUPG:] GOODSIG 2 B\n[GNUPG:] VALIDSIG 2\n",
        "[GNUPG:] GOODSIG 1 A\n[GNUPG:] VALIDSIG 1\n[GNUPG:] ERRSIG 2\n",
        "[GNUPG:] EXPKEYSIG 1 A\n[GNUPG:] VALIDSIG 1\n",
        "[GNUPG:] GOODSIG 1 A\n[GNUPG:] VALIDSIG 1\n[GNUPG:] NO_PUBKEY 2\n",
        "[GNUPG:] GOODSIG 1 A\n[GNUPG:] VALIDSIG 1\n[GNUPG:] BADSIG 2\n",
        "[GNUPG:] GOODSIG 1 A\n[GNUPG:] VALIDSIG 1\n[GNUPG:] EXPSIG 2\n",
        "[GNUPG:] GOODSIG 1 A\n[GNUPG:] VALIDSIG 1\n[GNUPG:] EXPKEYSIG 2\n",
        "[GNUPG:] GOODSIG 1 A\n[GNUPG:] VALIDSIG 1\n[GNUPG:] REVKEYSIG 2\n",
        "[GNUPG:] GOODSIG 1 A\n[GNUPG:] VALIDSIG 1\n[GNUPG:] NODATA 2\n",
        "[GNUPG:] GOODSIG 1 A\n[GNUPG:] VALIDSIG 1\n[GNUPG:] FAILURE 2\n",
        "[GNUPG:] GOODSIG 1 A\n[GNUPG:] VALIDSIG 1\n[GNUPG:] VALIDSIG 1\n",
        "[GNUPG:] GOODSIG 1 A\n[GNUPG:] GOODSIG 1 A\n[GNUPG:] VALIDSIG 1\n",
        "[GNUPG:] NEWSIG\n[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 1 A\n[GNUPG:] VALIDSIG 1\n",
    };
    const char *who = NULL, *why = NULL;
    size_t len = 0;
    assert_true(wc_signature_read_gpg(good, &who, &len, &why));
    assert_memory_equal(who, "0123 Ann <a@b>", len);
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        why = NULL;
        assert_false(wc_signature_read_gpg(bad[i], &who, &len, &why));
        assert_non_null(why);
    }
}

WC_MAIN(WC_CASE(ssh_commits), WC_CASE(changed_content), WC_CASE(ssh_limits),
        WC_CASE(the_repository_names_no_keys), WC_CASE(tags), WC_CASE(pgp_commits),
        WC_CASE(no_downgrade), WC_CASE(gpg_status_is_read))
