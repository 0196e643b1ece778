/* test_gitops_lfs.c - content that isn't in git: had from a directory, by https, and by way of ssh;
 * and what authors and servers may try. What is pure of it is in test_gitops_lfs_text.c.
 */
// TIMEOUT: 300
#include "gitops_servers.h"

#include "orchestrator/gitops/jail.h"
#include "orchestrator/gitops/lfs.h"

#define V "version https://git-lfs.github.com/spec/v1\n"
#define A "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
#define B "5d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"

/* Commits a pointer to what a shell command prints, and lays the content beside the repository. */
static void add(const char *name, const char *print)
{
    script("cd work; mkdir -p $(dirname %s); %s >../big; o=$(sha256sum ../big | cut -c1-64);"
           "d=../remote.git/lfs/objects/$(echo $o | cut -c1-2)/$(echo $o | cut -c3-4);"
           "mkdir -p $d; cp ../big $d/$o;"
           "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%%s\\nsize %%s\\n' $o"
           " $(stat -c %%s ../big) >%s; git add .; git commit -qm lfs; git push -q",
           name, print, name);
    script("cp big expected");
}

static void assert_content(const char *dir, const char *name)
{
    script("cmp expected '%s/%s'", dir, name);
}

static void none_is_left(void)
{
    script("test -z \"$(ls -A lib/gitops/shop/trees 2>/dev/null)\";"
           "test ! -e lib/gitops/shop/lfs/.new");
}

static void from_a_directory(void **state)
{
    (void)state;
    open_box();
    add("deploy/data.bin", "head -c 3000000 /dev/urandom");
    const char *without = get();
    assert_true(has_file(without, "deploy/data.bin"));
    box.source.lfs = true;
    const char *dir = get();
    assert_string_not_equal(dir, without); /* pointers aren't taken for content */
    assert_content(dir, "deploy/data.bin");
    script("rm -rf remote.git/lfs; cd work; echo x >y; git add .; git commit -qm y; git push -q");
    dir = get(); /* what is here isn't asked for again */
    assert_content(dir, "deploy/data.bin");
    add("run.sh", "echo '#!/bin/sh'"); /* a program stays one */
    add("empty", "true");
    add("again/and/again", "echo '#!/bin/sh'");
    dir = get();
    script("test -x '%s/run.sh'; test ! -s '%s/empty'; cmp '%s/run.sh' '%s/again/and/again'", dir,
           dir, dir, dir);
    script("test $(ls -A lib/gitops/shop/lfs | wc -l) = 2");
    box.source.path = "deploy";
    dir = get();
    assert_true(has_file(dir, "data.bin"));
    script("test $(ls -A lib/gitops/shop/lfs | wc -l) = 1"); /* what isn't used goes */
    const char *ids[] = { box.revision.tree };
    const struct wc_strv keep = { .items = ids, .n = 1 };
    ok(wc_app_source_tidy(&box.source, &box.place, &keep, &box.err));
    assert_true(wc_fs_exists(dir));
    assert_false(wc_fs_exists(without));
    close_box();
}

/* A work tree with its .git has them in there. */
static void from_a_work_tree(void **state)
{
    (void)state;
    open_box();
    add("data", "seq 1000");
    script("mkdir -p work/.git/lfs; mv remote.git/lfs/objects work/.git/lfs/");
    box.source.url = in_box("work");
    box.source.lfs = true;
    assert_content(get(), "data");
    close_box();
}

static void sub_modules_have_some(void **state)
{
    (void)state;
    open_box();
    script("git init -q --bare -b main lib.git; git init -q -b main m; cd m;"
           "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%%s\\nsize 4\\n'"
           " $(echo lib | sha256sum | cut -c1-64) >file; git add .; git commit -qm one;"
           "git push -q ../lib.git main; o=$(echo lib | sha256sum | cut -c1-64);"
           "d=../lib.git/lfs/objects/$(echo $o | cut -c1-2)/$(echo $o | cut -c3-4); mkdir -p $d;"
           "echo lib >$d/$o; cd ../work; git -c protocol.file.allow=always submodule --quiet"
           " add ../lib.git m 2>/dev/null; git commit -qm m; git push -q");
    add("data", "seq 10");
    box.source.lfs = box.source.submodules = true;
    const char *dir = get();
    assert_file(dir, "m/file", "lib\n");
    assert_content(dir, "data");
    script("case '%s' in *+modules+lfs) ;; *) exit 1 ;; esac", dir);
    close_box();
}

/* What an author can commit. */
static void hostile_pointers(void **state)
{
    (void)state;
    const char *dir = NULL;
    open_box();
    box.source.lfs = true;
    static const struct {
        const char *rest;
        int code;
        const char *words;
    } bad[] = {
        { "ext-0-x sha256:" B "\\noid sha256:" A "\\nsize 1\\n", WC_ERR_PERM, "extensions" },
        { "oid sha256:../../../../etc/passwd\\nsize 1\\n", WC_ERR_PERM, "canonical" },
        { "oid sha256:" A "\\nsize 0\\n", WC_ERR_PERM, "no bytes" },
        { "oid sha256:" A "\\nsize 999999999999999999\\n", WC_ERR_LIMIT, "size_limit" },
        { "oid sha256:" A "\\nsize 9\\n", WC_ERR_UNAVAILABLE, "doesn't have it (yet?)" },
    };
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        script("cd work; printf '" V "%s' >p; git add .; git commit -qm p; git push -q",
               bad[i].rest);
        ok(fetch(NULL));
        refused(checkout(&dir), bad[i].code, bad[i].words);
        none_is_left();
    }
    script("cd work; git rm -q p; git commit -qm p; git push -q");
    add("big", "head -c 900000 /dev/zero");
    add("big2", "head -c 900001 /dev/zero");
    box.source.max_bytes = 1 << 20;
    ok(fetch(NULL));
    refused(checkout(&dir), WC_ERR_LIMIT, "with its files of LFS");
    script("test -z \"$(ls -A lib/gitops/shop/lfs 2>/dev/null)\""); /* nothing was transferred */
    box.source.max_bytes = 0;
    box.source.max_files = 6;
    refused(checkout(&dir), WC_ERR_LIMIT, "max_files");
    box.source.max_files = 0;
    ok(checkout(&dir));
    script("cd work; sed s/900000/900009/ <big >big3; git add .; git commit -qm 3; git push -q");
    ok(fetch(NULL));
    refused(checkout(&dir), WC_ERR_PERM, "which has 900000");
    script("rm -r lib/gitops/shop/lfs");
    refused(checkout(&dir), WC_ERR_PERM, "another size");
    close_box();
}

/* What is beside a local repository may be anything. */
static void hostile_directories(void **state)
{
    (void)state;
    const char *dir = NULL;
    open_box();
    box.source.lfs = true;
    add("data", "seq 1000");
    ok(fetch(NULL));
    static const struct {
        const char *how;
        int code;
        const char *words;
    } bad[] = {
        { "echo other >$f", WC_ERR_UNAVAILABLE, "data: less comes" },
        { "seq 1001 2000 >$f", WC_ERR_UNAVAILABLE, "isn't what the commit says" },
        { "rm $f; ln -s /etc/passwd $f", WC_ERR_UNAVAILABLE, "data: " },
        { "rm $f; mkfifo $f", WC_ERR_TIMEOUT, "took too long" },
        { "rm $f; mkdir $f", WC_ERR_UNAVAILABLE, "cat: " },
    };
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        script("f=$(find remote.git/lfs -name '????*' ! -name objects); %s", bad[i].how);
        box.source.timeout_ms = bad[i].code == WC_ERR_TIMEOUT ? 3000 : 60000;
        refused(checkout(&dir), bad[i].code, bad[i].words);
        none_is_left();
    }
    script("f=$(find remote.git/lfs -name '????*' ! -name objects); rmdir $f;"
           "{ cat expected; head -c 9000000 /dev/zero; } >$f");
    box.source.timeout_ms = 60000;
    ok(checkout(&dir)); /* what comes behind it is nobody's */
    assert_content(dir, "data");
    close_box();
}

static void misbehave(const char *json)
{
    put("lfs.json.new", json);
    script("mv lfs.json.new lfs.json");
}

static void by_https(void **state)
{
    (void)state;
    open_box();
    struct server server = start_https();
    script("umask 077; printf 'tok3n-of-the-test' >token");
    add("deploy/data.bin", "head -c 3000000 /dev/urandom");
    use(&server, "git/remote.git");
    box.source.token_file = in_box("token");
    box.source.lfs = true;
    script(": >log");
    const char *dir = get();
    assert_content(dir, "deploy/data.bin");
    script("test $(grep -c 'POST /git/remote.git/info/lfs/objects/batch Basic' log) = 1;"
           "test $(grep -c 'GET /git/remote.git/info/lfs/objects/.* Basic' log) = 1; : >log;"
           "rm -rf '%s'",
           dir);
    dir = get(); /* it is here already */
    assert_content(dir, "deploy/data.bin");
    script("if grep -q lfs log; then exit 1; fi; if grep -rq -e tok3n-of-the-test"
           " -e $(printf git:tok3n-of-the-test | base64) lib; then exit 1; fi");
    for (int i = 0; i < 3; i++)
        add(wc_arena_printf(&box.arena, "many/%d", i),
            wc_arena_printf(&box.arena, "seq %d", i + 5));
    put("many.py",
        "import hashlib, os\n"
        "for i in range(1, 231):\n"
        "    text = b'%d\\n' % i\n"
        "    oid = hashlib.sha256(text).hexdigest()\n"
        "    place = f'../remote.git/lfs/objects/{oid[:2]}/{oid[2:4]}'\n"
        "    os.makedirs(place, exist_ok=True)\n"
        "    open(f'{place}/{oid}', 'wb').write(text)\n"
        "    open(f'many/x{i}', 'w').write('version https://git-lfs.github.com/spec/v1\\n'"
        " f'oid sha256:{oid}\\nsize {len(text)}\\n')\n");
    script("cd work; python3 ../many.py; git add .; git commit -qm many; git push -q; : >../log");
    dir = get();
    script("for i in $(seq 230); do test $(cat '%s'/many/x$i) = $i; done; cmp expected '%s'/many/2;"
           "test $(grep -c 'POST .*/batch' log) = 3",
           dir, dir);
    end_server(&server);
    add("last", "echo last");
    refused(fetch(NULL), WC_ERR_UNAVAILABLE, "onnect");
    close_box();
}

/* The token is the source's server's; another host gets what that server gives for it. */
static void others_get_no_token(void **state)
{
    (void)state;
    const char *dir = NULL;
    open_box();
    struct server server = start_https();
    script("umask 077; printf 'tok3n-of-the-test' >token");
    add("data", "seq 100");
    use(&server, "git/remote.git");
    box.source.token_file = in_box("token");
    box.source.lfs = true;
    ok(fetch(NULL));
    misbehave(wc_arena_printf(&box.arena,
                              "{\"href\": \"https://127.0.0.2:%u/store/remote.git/\","
                              " \"header\": {\"X-Key\": \"k\\\"1\"}}",
                              server.port));
    script(": >log");
    ok(checkout(&dir));
    assert_content(dir, "data");
    script("grep -q '^127.0.0.2 GET /store/.* None' log;"
           "if grep '^127.0.0.2 ' log | grep -q Basic; then exit 1; fi; rm -r '%s'"
           " lib/gitops/shop/lfs; : >log",
           dir);
    misbehave(wc_arena_printf(
        &box.arena, "{\"redirect\": \"https://127.0.0.2:%u/store/remote.git/\"}", server.port));
    ok(checkout(&dir));
    assert_content(dir, "data");
    script("grep -q '^127.0.0.1 GET /git/.* Basic' log; grep -q '^127.0.0.2 GET /store/.* None'"
           " log; rm -r '%s' lib/gitops/shop/lfs",
           dir);
    misbehave("{\"redirect\": \"http://127.0.0.1:1/\"}");
    refused(checkout(&dir), WC_ERR_UNAVAILABLE, "LFS: data: curl: ");
    misbehave("{\"redirect\": \"file:///etc/passwd\"}");
    refused(checkout(&dir), WC_ERR_UNAVAILABLE, "LFS: data: curl: ");
    end_server(&server);
    close_box();
}

/* Whatever a server does, the commit is as good as before: it is asked again. */
static void servers_that_misbehave(void **state)
{
    (void)state;
    const char *dir = NULL;
    static const struct {
        const char *json;
        int code;
        const char *words;
    } bad[] = {
        { "{\"status\": 500}", WC_ERR_UNAVAILABLE, "status 500" },
        { "{\"status\": 403}", WC_ERR_UNAVAILABLE, "who we are" },
        { "{\"status\": 302, \"answer\": \"\"}", WC_ERR_UNAVAILABLE, "none of LFS" },
        { "{\"answer\": \"<html>\"}", WC_ERR_UNAVAILABLE, "none of LFS" },
        { "{\"answer\": \"{\\\"objects\\\": []}\"}", WC_ERR_UNAVAILABLE, "lacks it" },
        { "{\"error\": {\"code\": 509, \"message\": \"too \\u001b[1m often\"}}", WC_ERR_UNAVAILABLE,
          "509: too ?[1m often" },
        { "{\"first\": {\"code\": 404}}", WC_ERR_UNAVAILABLE, "(yet?)" },
        { "{\"href\": \"http://127.0.0.1/\"}", WC_ERR_UNAVAILABLE, "none of https" },
        { "{\"content\": \"wrong\"}", WC_ERR_UNAVAILABLE, "isn't what the commit says" },
        { "{\"content\": \"short\"}", WC_ERR_UNAVAILABLE, "less comes" },
        { "{\"content\": \"long\"}", WC_ERR_UNAVAILABLE, "would send more" },
    };
    open_box();
    struct server server = start_https();
    for (int i = 0; i < 4; i++)
        add(wc_arena_printf(&box.arena, "data%d", i), wc_arena_printf(&box.arena, "seq %d", i + 9));
    use(&server, "git/remote.git");
    box.source.lfs = true;
    ok(fetch(NULL));
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        misbehave(bad[i].json);
        refused(checkout(&dir), bad[i].code, bad[i].words);
        none_is_left();
    }
    script(
        "test $(ls -A lib/gitops/shop/lfs | wc -l) = 3; rm -r lib/gitops/shop/lfs"); /* `first` */
    misbehave("{\"content\": \"chunked\"}");
    ok(checkout(&dir)); /* cut off, each time */
    assert_content(dir, "data3");
    script("rm -rf lfs.json '%s' lib/gitops/shop/lfs; d=$(find remote.git/lfs -type f | head -1);"
           "echo changed >$d",
           dir);
    refused(checkout(&dir), WC_ERR_UNAVAILABLE, "data"); /* the others are kept */
    script("test $(ls -A lib/gitops/shop/lfs | wc -l) -ge 1");
    script("rm lib/gitops/shop/lfs/*; mkdir -p lib/gitops/shop/lfs; echo half"
           " >lib/gitops/shop/lfs/.new"); /* of a pass that was killed */
    refused(checkout(&dir), WC_ERR_UNAVAILABLE, "LFS: data");
    none_is_left();
    box.source.timeout_ms = 3000;
    misbehave(
        wc_arena_printf(&box.arena, "{\"href\": \"https://127.0.0.1:%u/drip/\"}", server.port));
    refused(checkout(&dir), WC_ERR_TIMEOUT, "took too long");
    none_is_left();
    end_server(&server);
    close_box();
}

/* A server of git by ssh says where LFS is. */
static void by_way_of_ssh(void **state)
{
    (void)state;
    const char *dir = NULL;
    open_box();
    struct server https = start_https(), sshd = start_sshd();
    const char *user = geteuid() == 0 ? "root" : getenv("USER");
    script("umask 077; printf 'tok3n-of-the-test' >token; umask 022;"
           "printf '#!/bin/sh\\necho \"$SSH_ORIGINAL_COMMAND\" >>%s/asked\\n"
           "case $SSH_ORIGINAL_COMMAND in git-lfs*) . %s/login ;;\\n"
           "*) exec sh -c \"$SSH_ORIGINAL_COMMAND\" ;; esac\\n' >forced; chmod 755 forced;"
           "printf 'command=\"%s/forced\",restrict %%s\\n' \"$(cat ann.pub)\" >keys",
           box.root, box.root, box.root);
    const char *basic = "Basic Z2l0OnRvazNuLW9mLXRoZS10ZXN0"; /* git:tok3n-of-the-test */
    put("login",
        wc_arena_printf(&box.arena,
                        "echo '{\"href\": \"https://127.0.0.1:%u/git/remote.git/info/lfs\","
                        " \"header\": {\"Authorization\": \"%s\"}, \"expires_in\": 60}'\n",
                        https.port, basic));
    add("data", "seq 100");
    box.source.url = wc_arena_printf(&box.arena, "ssh://%s@127.0.0.1:%u%s/remote.git", user,
                                     sshd.port, box.root);
    box.source.ssh_key = in_box("ann");
    box.source.known_hosts = in_box("known_hosts");
    box.source.lfs = true;
    dir = get();
    assert_content(dir, "data");
    script("grep -qFx \"git-lfs-authenticate '%s/remote.git' download\" asked", box.root);
    script("if grep -q git-lfs-transfer asked; then exit 1; fi"); /* nor is it asked for first */
    script("if grep -rq -e tok3n -e Z2l0OnRvazNu lib; then exit 1; fi");
    add("more", "seq 101");
    ok(fetch(NULL));
    static const struct {
        const char *login, *words;
    } bad[] = {
        { "exit 127\n", "has no git-lfs-authenticate" },
        { "exit 127\n", "git-lfs-transfer isn't known here" }, /* if that is what it has */
        { "echo 'no such repository' >&2; exit 1\n", "no such repository" },
        { "echo '{\"href\": \"http://127.0.0.1/x\"}'\n", "none of https" },
        { "echo nonsense\n", "none of LFS" },
        { "yes '{'\n", "ssh said more" },
    };
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        put("login", bad[i].login);
        refused(checkout(&dir), WC_ERR_UNAVAILABLE, bad[i].words);
    }
    end_server(&https);
    end_server(&sshd);
    close_box();
}

/* git-lfs itself pushes, and what it pushed is had. */
static void of_the_real_client(void **state)
{
    (void)state;
    open_box();
    need("git-lfs");
    struct server server = start_https();
    script(
        "umask 077; printf 'tok3n-of-the-test' >token; cd work; git lfs install --local >/dev/null;"
        "git lfs track '*.bin' >/dev/null; head -c 2000000 /dev/urandom >data.bin;"
        "cp data.bin ../expected; git add .; git commit -qm lfs;"
        "export GIT_SSL_CAINFO=%s/ca.crt; git config credential.helper"
        " '!f() { echo username=git; echo password=tok3n-of-the-test; }; f';"
        "git config lfs.url https://127.0.0.1:%u/git/remote.git/info/lfs;"
        "git lfs push origin main >/dev/null; git push -q --no-verify;"
        "test $(find ../remote.git/lfs -type f | wc -l) = 1",
        box.root, server.port);
    use(&server, "git/remote.git");
    box.source.token_file = in_box("token");
    box.source.lfs = true;
    assert_content(get(), "data.bin");
    end_server(&server);
    close_box();
}

WC_MAIN(WC_CASE(from_a_directory), WC_CASE(from_a_work_tree), WC_CASE(sub_modules_have_some),
        WC_CASE(hostile_pointers), WC_CASE(hostile_directories), WC_CASE(by_https),
        WC_CASE(others_get_no_token), WC_CASE(servers_that_misbehave), WC_CASE(by_way_of_ssh),
        WC_CASE(of_the_real_client))
