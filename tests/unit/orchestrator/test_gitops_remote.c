/* test_gitops_remote.c - remotes that are reached by ssh and https, good ones and bad ones: a real
 * sshd and a real https server, on loopback.
 */
// TIMEOUT: 300
#include "gitops_servers.h"

#include <errno.h>

#include "orchestrator/gitops/jail.h"

/* Nothing of ours may be running once a call has returned. */
static void assert_no_child(pid_t but)
{
    siginfo_t info = { 0 };
    (void)but;
    assert_int_equal(waitid(P_PGID, (id_t)getpgrp(), &info, WEXITED | WNOHANG | WNOWAIT), 0);
    assert_int_equal(info.si_pid, 0);
}

static void git_by_https(void **state)
{
    (void)state;
    open_box();
    struct server server = start_https();
    use(&server, "git/remote.git");
    const char *dir = get();
    assert_file(dir, "deploy/conf/a.txt", "one\n");
    const char *first = author_id("main");
    script("cd work; echo 2 >deploy/conf/a.txt; git commit -qam two; git push -q; : >../log");
    ok(look());
    ok(fetch(first));
    ok(verify(first, false));
    assert_string_equal(box.revision.id, author_id("main"));
    box.source.pin_kind = WC_PIN_COMMIT;
    box.source.pin = first;
    get();
    box.source.pin_kind = WC_PIN_BRANCH;
    box.source.pin = "main";
    box.source.ca_file = NULL;
    refused(look(), WC_ERR_UNAVAILABLE, "certificate");
    box.source.ca_file = in_box("ca.crt");
    use(&server, "git/none.git");
    assert_int_not_equal(look(), 0);
    end_server(&server);
    refused(look(), WC_ERR_UNAVAILABLE, "onnect");
    close_box();
}

/* Sub-modules come by https; the token goes to the source's own host, and to no other. */
static void sub_modules_by_https(void **state)
{
    (void)state;
    open_box();
    struct server server = start_https();
    script("umask 077; printf 'tok3n-of-the-test' >token; git init -q --bare -b main lib.git;"
           "git init -q -b main lib; cd lib; echo lib >file; git add .; git commit -qm one;"
           "git push -q ../lib.git main; cd ../work;"
           "git -c protocol.file.allow=always submodule --quiet add ../lib.git m 2>/dev/null;"
           "git commit -qm m; git push -q; : >../log");
    use(&server, "git/remote.git");
    box.source.token_file = in_box("token");
    box.source.submodules = true;
    const char *dir = get();
    assert_file(dir, "m/file", "lib\n");
    script("grep -q 'lib.git.* Basic ' log; : >log; cd work;"
           "git config -f .gitmodules submodule.m.url https://127.0.0.2:%u/git/lib.git;"
           "echo x >x; git add .; git commit -qm other; git push -q; rm -rf ../lib/gitops",
           server.port);
    ok(fetch(NULL));
    script(": >log"); /* what comes now is of the sub-module alone */
    (void)checkout(&dir);
    script("grep -q '^127.0.0.2 ' log; if grep -q 'Basic ' log; then exit 1; fi");
    script("cd work; git config -f .gitmodules submodule.m.url /etc; git add .; git commit -qm l;"
           "git push -q");
    ok(fetch(NULL));
    refused(checkout(&dir), WC_ERR_PERM, "can't be on this host");
    end_server(&server);
    close_box();
}

/* The token gets in, and is nowhere afterwards; a redirection isn't followed with it. */
static void a_token_is_kept(void **state)
{
    (void)state;
    open_box();
    struct server server = start_https();
    script("umask 077; printf 'tok3n-of-the-test' >token");
    use(&server, "git/remote.git");
    assert_int_not_equal(look(), 0);
    box.source.token_file = in_box("token");
    get();
    assert_null(strstr(box.err.msg, "tok3n"));
    script("grep -q 'Basic ' log; if grep -rq -e tok3n-of-the-test -e \"$(printf"
           " git:tok3n-of-the-test | base64)\" lib; then exit 1; fi");
    script("printf 'ann:wrong' >token2; chmod 600 token2");
    box.source.token_file = in_box("token2");
    assert_int_not_equal(look(), 0);
    assert_null(strstr(box.err.msg, "wrong"));
    box.source.token_file = in_box("token");
    script(": >log");
    use(&server, "away/remote.git");
    assert_int_not_equal(look(), 0);
    script("if grep -q '^127.0.0.2 ' log; then exit 1; fi");
    script("chmod 644 token");
    refused(look(), WC_ERR_PERM, "chmod 600");
    end_server(&server);
    close_box();
}

static void remotes_that_stall(void **state)
{
    (void)state;
    static const char *const paths[] = { "stall/x.git", "drip/x.git", "endless/x.git" };
    open_box();
    struct server server = start_https();
    box.source.timeout_ms = 4000;
    for (size_t i = 0; i < WC_COUNT(paths); i++) {
        use(&server, paths[i]);
        uint64_t start = wc_jail_now_ms();
        int rc = look();
        assert_true(rc == WC_ERR_TIMEOUT || rc == WC_ERR_UNAVAILABLE);
        assert_true(wc_jail_now_ms() - start < 20000);
        assert_no_child(server.pid);
    }
    use(&server, "stall/x.git");
    refused(look(), WC_ERR_TIMEOUT, "took too long");
    end_server(&server);
    close_box();
}

static void remotes_that_lie(void **state)
{
    (void)state;
    open_box();
    struct server server = start_https();
    use(&server, "lie/x.git");
    int rc = look();
    assert_true(rc == WC_ERR_UNAVAILABLE || rc == WC_ERR_LIMIT);
    script("rm remote.git/objects/*/*; rm -f remote.git/objects/pack/*"); /* refs without objects */
    use(&server, "git/remote.git");
    assert_int_not_equal(fetch(NULL), 0);
    end_server(&server);
    close_box();
}

static void git_by_ssh(void **state)
{
    (void)state;
    open_box();
    struct server server = start_sshd();
    const char *user = geteuid() == 0 ? "root" : getenv("USER");
    box.source.url = wc_arena_printf(&box.arena, "ssh://%s@127.0.0.1:%u%s/remote.git", user,
                                     server.port, box.root);
    box.source.ssh_key = in_box("ann");
    box.source.known_hosts = in_box("known_hosts");
    const char *dir = get();
    assert_file(dir, "deploy/conf/a.txt", "one\n");
    const char *first = author_id("main");
    script("cd work; echo 2 >deploy/conf/a.txt; git commit -qam two; git push -q");
    ok(fetch(first));
    ok(verify(first, false));
    box.source.known_hosts = in_box("others");
    refused(look(), WC_ERR_PERM, "the server has another key than");
    script(": >nobody");
    box.source.known_hosts = in_box("nobody");
    refused(look(), WC_ERR_PERM, "nobody has none for this server");
    box.source.known_hosts = in_box("known_hosts");
    box.source.ssh_key = in_box("eve");
    refused(look(), WC_ERR_PERM, "the server doesn't take the ssh key in");
    box.source.ssh_key = in_box("ann");
    script("if grep -rqF -f ann lib; then exit 1; fi; chmod 644 ann");
    refused(look(), WC_ERR_PERM, "chmod 600");
    script("chmod 600 ann");
    kill(server.pid, SIGSTOP); /* connections are accepted by the kernel, and nobody speaks */
    box.source.timeout_ms = 3000;
    refused(look(), WC_ERR_TIMEOUT, "took too long");
    kill(server.pid, SIGCONT);
    end_server(&server);
    close_box();
}

static const char *by_ssh(const struct server *server, const char *host, const char *name)
{
    const char *user = geteuid() == 0 ? "root" : getenv("USER");
    return wc_arena_printf(&box.arena, "ssh://%s@%s:%u%s/%s", user, host, server->port, box.root,
                           name);
}

/* Gives the sub-module m another address, and fetches the commit that does. */
static void move_module(const char *url)
{
    script("cd work; git config -f .gitmodules submodule.m.url '%s'; date +%%N >x; git add .;"
           "git commit -qm moved; git push -q; rm -rf ../lib/gitops/shop/modules",
           url);
    ok(fetch(NULL));
}

/* Sub-modules come by ssh, with the source's key, from whoever known_hosts knows. */
static void sub_modules_by_ssh(void **state)
{
    (void)state;
    const char *dir = NULL;
    open_box();
    struct server server = start_sshd();
    script(
        "for n in deep lib; do git init -q --bare -b main $n.git; git init -q -b main $n; cd $n;"
        "echo $n >file; if [ $n = lib ]; then git -c protocol.file.allow=always submodule --quiet"
        " add ../deep.git in 2>/dev/null; fi; git add .; git commit -qm one;"
        "git push -q ../$n.git main; cd ..; done; cd work;"
        "git -c protocol.file.allow=always submodule --quiet add ../lib.git m 2>/dev/null;"
        "git commit -qm m; git push -q");
    box.source.url = by_ssh(&server, "127.0.0.1", "remote.git");
    box.source.ssh_key = in_box("ann");
    box.source.known_hosts = in_box("known_hosts");
    box.source.submodules = true;
    dir = get(); /* both are relative: the inner one to the outer one's address */
    assert_file(dir, "m/file", "lib\n");
    assert_file(dir, "m/in/file", "deep\n");
    move_module(by_ssh(&server, "127.0.0.1", "lib.git"));
    ok(checkout(&dir));
    assert_file(dir, "m/in/file", "deep\n");

    move_module(by_ssh(&server, "127.0.0.2", "lib.git"));
    refused(checkout(&dir), WC_ERR_UNAVAILABLE, "sub-module m: Host key verification failed");
    script("sed 's/127.0.0.1/127.0.0.2/' known_hosts >both; cat known_hosts >>both");
    box.source.known_hosts = in_box("both"); /* the host's admin lets it in: no new commit needed */
    ok(checkout(&dir));
    assert_file(dir, "m/in/file", "deep\n");
    box.source.known_hosts = in_box("known_hosts");

    move_module(by_ssh(&server, "127.0.0.1", "none.git"));
    refused(checkout(&dir), WC_ERR_UNAVAILABLE, "sub-module m: git: fatal: ");
    script("mv lib.git kept.git"); /* one that says it has the commit, and hasn't */
    script("git init -q --bare -b main lib.git; echo $(git -C lib rev-parse main)"
           " >lib.git/refs/heads/main");
    move_module("../lib.git");
    refused(checkout(&dir), WC_ERR_UNAVAILABLE, "sub-module m: ");
    script("rm -r lib.git; mv kept.git lib.git");
    kill(server.pid, SIGSTOP); /* it is called, and never answers */
    box.source.timeout_ms = 3000;
    refused(checkout(&dir), WC_ERR_TIMEOUT, "sub-module m: git took too long");
    kill(server.pid, SIGCONT);
    box.source.timeout_ms = 90000;
    ok(checkout(&dir));
    script("if grep -rqF -f ann lib/gitops; then exit 1; fi");
    end_server(&server);
    close_box();
}

static void make_archive(const char *how)
{
    script("rm -rf x.tar x.tar.gz; %s", how);
}

static int fetch_archive(void)
{
    int rc = look();
    return rc != 0 ? rc : fetch(NULL);
}

static void archives(void **state)
{
    (void)state;
    open_box();
    struct server server = start_https();
    make_archive("tar -czf x.tar.gz -C work deploy run.sh");
    box.source.kind = WC_APP_SOURCE_ARCHIVE;
    use(&server, "files/x.tar.gz");
    ok(look());
    assert_memory_equal(box.revision.mark, "etag ", 5);
    assert_string_equal(box.revision.id, "");
    const char *dir = get();
    assert_file(dir, "deploy/conf/a.txt", "one\n");
    char id[65], mark[256];
    memcpy(id, box.revision.id, sizeof id);
    memcpy(mark, box.revision.mark, sizeof mark);
    ok(look());
    assert_string_equal(box.revision.mark, mark);
    make_archive("tar --mtime=@1 -czf x.tar.gz -C work run.sh deploy"); /* the same, packed anew */
    ok(fetch_archive());
    assert_string_not_equal(box.revision.mark, mark);
    assert_string_equal(box.revision.id, id);
    box.source.path = "deploy";
    assert_file(get(), "conf/a.txt", "one\n");
    box.source.path = "none";
    refused(fetch_archive(), WC_ERR_NOENT, "none");
    box.source.path = NULL;
    make_archive("tar -cf x.tar.gz -C work deploy"); /* plain, whatever it is called */
    ok(fetch_archive());
    use(&server, "files/none.tar");
    refused(look(), WC_ERR_UNAVAILABLE, "404");
    script("printf 's3cret-of-the-test' >token; chmod 600 token");
    use(&server, "files/x.tar.gz");
    refused(look(), WC_ERR_UNAVAILABLE, "401");
    box.source.token_file = in_box("token");
    get();
    script("if grep -rq s3cret-of-the-test lib; then exit 1; fi");
    end_server(&server);
    close_box();
}

static void large_archives_cost_no_memory(void **state)
{
    (void)state;
    static const char *const packers[] = { "cat", "gzip -1", "zstd -q" };
    open_box();
    struct server server = start_https();
    script("head -c %d /dev/zero >work/big", BIG_MIB << 20);
    box.source.kind = WC_APP_SOURCE_ARCHIVE;
    use(&server, "files/x.tar");
    for (size_t i = 0; i < WC_COUNT(packers); i++) {
        if (i == 2 && !has_program("zstd"))
            continue;
        script("tar -cf - -C work big deploy | %s >x.tar; rm -rf lib/gitops", packers[i]);
        size_t before_kib = forget_peak();
        const char *dir = get();
        assert_cheap(before_kib);
        script("cmp work/big %s/big", dir);
    }
    end_server(&server);
    close_box();
}

static void archives_are_believed_by_sum_and_signature(void **state)
{
    (void)state;
    open_box();
    struct server server = start_https();
    make_archive("tar -czf x.tar.gz -C work deploy");
    box.source.kind = WC_APP_SOURCE_ARCHIVE;
    use(&server, "files/x.tar.gz");
    box.source.sha256 = "0123456789012345678901234567890123456789012345678901234567890123";
    refused(fetch_archive(), WC_ERR_PERM, "SHA-256");
    script("sha256sum x.tar.gz | cut -c1-64 | tr -d '\\n' >sum");
    WC_CLEANUP_BUF struct wc_buf sum = WC_BUF_INIT;
    assert_int_equal(wc_fs_read(in_box("sum"), 64, &sum, &box.err), 0);
    box.source.sha256 = sum.data;
    get();
    box.source.sha256 = NULL;
    box.source.verify = WC_VERIFY_COMMIT;
    box.source.signers = in_box("signers");
    script("for n in ann eve; do ssh-keygen -q -t ed25519 -N '' -C $n -f $n; done;"
           "printf 'ann namespaces=\"file\" %%s\\n' \"$(cut -d' ' -f1,2 ann.pub)\" >signers");
    refused(fetch_archive(), WC_ERR_UNAVAILABLE, "404");
    script("ssh-keygen -q -Y sign -n file -f eve x.tar.gz 2>/dev/null");
    refused(fetch_archive(), WC_ERR_PERM, "not among the allowed signers");
    script("rm x.tar.gz.sig; ssh-keygen -q -Y sign -n file -f ann x.tar.gz 2>/dev/null");
    get();
    assert_memory_equal(box.revision.signer, "ann (ssh SHA256:", 16);
    script("printf 'eve %%s\\n' \"$(cut -d' ' -f1,2 eve.pub)\" >signers"); /* Ann has left */
    refused(verify(NULL, false), WC_ERR_PERM, "not among the allowed signers");
    end_server(&server);
    close_box();
}

static void hostile_archives(void **state)
{
    (void)state;
    static const struct {
        const char *how;
        int code;
    } rows[] = {
        { "ln -s /etc/passwd l; tar -cf x.tar l; rm l", WC_ERR_PERM },
        { "ln -s .. l; tar -cf x.tar l; rm l", WC_ERR_PERM },
        { "mkfifo f; tar -cf x.tar f; rm f", WC_ERR_PERM },
        { "mkdir -p .git; echo x >.git/config; tar -cf x.tar .git; rm -r .git", 0 },
        { "head -c 30000000 /dev/zero >z; tar -cf x.tar z; gzip x.tar; mv x.tar.gz x.tar; rm z",
          WC_ERR_LIMIT },
        { "truncate -s 3G z; tar -cSf x.tar z; rm z", WC_ERR_LIMIT },
        { "echo no tar at all >x.tar", WC_ERR_UNAVAILABLE },
        { "head -c 5000000 /dev/urandom >x.tar", WC_ERR_LIMIT },
    };
    open_box();
    struct server server = start_https();
    box.source.kind = WC_APP_SOURCE_ARCHIVE;
    box.source.max_bytes = 4 << 20;
    use(&server, "files/x.tar");
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        make_archive(rows[i].how);
        int rc = fetch_archive();
        if (rc != rows[i].code)
            fail_msg("%s: %d %s", rows[i].how, rc, box.err.msg);
    }
    make_archive("mkdir -p a b; echo evil >a/evil; (cd b; tar -Pcf ../x.tar ../a/evil); rm -r a b");
    refused(fetch_archive(), WC_ERR_PERM, "'..'");
    assert_false(has_file(box.root, "a/evil"));
    assert_false(has_file(box.root, "lib/gitops/shop/a"));
    box.source.timeout_ms = 5000;
    use(&server, "endless/x.tar");
    int rc = wc_app_source_fetch(&box.source, &box.place, NULL, &box.revision, &box.err);
    assert_int_equal(rc, WC_ERR_LIMIT);
    end_server(&server);
    close_box();
}

WC_MAIN(WC_CASE(git_by_https), WC_CASE(sub_modules_by_https), WC_CASE(a_token_is_kept),
        WC_CASE(remotes_that_stall), WC_CASE(remotes_that_lie), WC_CASE(git_by_ssh),
        WC_CASE(sub_modules_by_ssh), WC_CASE(archives), WC_CASE(large_archives_cost_no_memory),
        WC_CASE(archives_are_believed_by_sum_and_signature), WC_CASE(hostile_archives))
