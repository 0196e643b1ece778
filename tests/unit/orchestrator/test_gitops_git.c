/* test_gitops_git.c - a git repository as a source: what is found, what is fetched, what is
 * refused.
 */
// TIMEOUT: 300
#include "gitops_box.h"

/* Fetches and checks out what is there now. */
static const char *get(void)
{
    const char *dir = NULL;
    ok(fetch(NULL));
    ok(verify(NULL, false));
    ok(checkout(&dir));
    return dir;
}

static void fetches_a_commit(void **state)
{
    (void)state;
    open_box();
    const char *dir = get();
    assert_string_equal(box.revision.id, author_id("main"));
    assert_string_equal(box.revision.tree, author_id("main^{tree}"));
    assert_string_equal(box.revision.author, "Ann <ann@example.org>");
    assert_string_equal(box.revision.subject, "first: a commit");
    assert_string_equal(box.revision.ref, "main");
    assert_memory_equal(box.revision.name, "main@", 5);
    assert_null(box.revision.signer);
    assert_true(box.revision.time_ms > 1600000000000);
    assert_file(dir, "deploy/conf/a.txt", "one\n");
    struct stat st;
    assert_int_equal(stat(wc_arena_printf(&box.arena, "%s/run.sh", dir), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
    assert_int_equal(st.st_uid, geteuid());
    const char *again = NULL;
    ok(checkout(&again));
    assert_string_equal(again, dir);
    close_box();
}

/* A look that sees nothing new leads to no transfer: the remote may be gone by then. */
static void transfers_nothing_twice(void **state)
{
    (void)state;
    open_box();
    get();
    char id[65];
    memcpy(id, box.revision.id, sizeof id);
    ok(look());
    assert_string_equal(box.revision.mark, id);
    script("rm -rf remote.git/objects; mkdir remote.git/objects");
    const struct wc_source_trail trail = { .last_id = id };
    ok(wc_app_source_fetch(&box.source, &box.place, &trail, &box.revision, &box.err));
    ok(verify(id, false));
    close_box();
}

static void later_fetches_bring_what_is_between(void **state)
{
    (void)state;
    open_box();
    get();
    const char *first = author_id("main");
    script("cd work; for i in 1 2 3 4 5; do echo $i >deploy/conf/a.txt; git commit -qam $i; done;"
           "git push -q");
    ok(fetch(first));
    ok(verify(first, false));
    assert_string_equal(box.revision.id, author_id("main"));
    const char *dir = NULL;
    ok(checkout(&dir));
    assert_file(dir, "deploy/conf/a.txt", "5\n");
    close_box();
}

/* A rewritten and a rewound history are refused, unless that is allowed; the good one is accepted
 * although the repository was lost meanwhile. */
static void follows_no_rewritten_history(void **state)
{
    (void)state;
    open_box();
    const char *first = author_id("main");
    script("cd work; echo 2 >a; git add a; git commit -qm two; git push -q");
    const char *second = author_id("main");
    ok(fetch(NULL));
    ok(fetch(second));
    ok(verify(second, false));
    script("cd work; git reset -q --hard HEAD^; git push -qf origin main");
    ok(fetch(second));
    assert_string_equal(box.revision.id, first);
    refused(verify(second, false), WC_ERR_PERM, "does not follow");
    ok(verify(second, true));
    script("cd work; echo 3 >a; git add a; git commit -q --amend -m other; git push -qf");
    ok(fetch(second));
    refused(verify(second, false), WC_ERR_PERM, "does not follow");
    script("cd work; git checkout -q --orphan x; git commit -qm alone; git push -qf origin x:main");
    ok(fetch(second));
    refused(verify(second, false), WC_ERR_PERM, "does not follow");
    script("cd work; git checkout -q --detach %s; echo 4 >a; git commit -qam four;"
           "git push -qf origin HEAD:main; rm -rf ../lib/gitops/shop/git",
           second);
    ok(fetch(second));
    ok(verify(second, false));
    refused(verify("0123456789012345678901234567890123456789", false), WC_ERR_PERM, "does not");
    close_box();
}

/* Commits that were each fetched alone are here without what is between them: git takes the cut for
 * a beginning, and a good descendant for a stranger. */
static void a_cut_history_is_deepened(void **state)
{
    (void)state;
    open_box();
    const char *first = author_id("main"), *shallow = "lib/gitops/shop/git/repo.git/shallow";
    ok(fetch(NULL));
    script("cd work; for i in $(seq 60); do echo $i >a; git add a; git commit -qm $i; done;"
           "git push -q");
    ok(fetch(NULL)); /* the first was rejected, say, and is good now */
    script("test $(wc -l <%s) = 2", shallow);
    ok(fetch(first));
    ok(verify(first, false));
    assert_string_equal(box.revision.id, author_id("main"));
    close_box();

    open_box(); /* what is new follows a commit that is cut itself */
    first = author_id("main");
    ok(fetch(NULL));
    script("cd work; for i in 1 2 3; do echo $i >a; git add a; git commit -qm $i; done;"
           "git push -q");
    ok(fetch(NULL));
    script("cd work; echo new >a; git commit -qam new; git push -q");
    ok(fetch(first));
    ok(verify(first, false));
    close_box();
}

static void a_cut_history_proves_nothing(void **state)
{
    (void)state;
    open_box();
    script("cd work; for i in 1 2 3; do echo $i >a; git add a; git commit -qm $i; done;"
           "git push -q");
    const char *last = author_id("main");
    ok(fetch(NULL));
    script("cd work; git reset -q --hard HEAD~2; git push -qf origin main");
    ok(fetch(NULL)); /* rewound, and both are here */
    ok(fetch(last));
    refused(verify(last, false), WC_ERR_PERM, "does not follow");
    script("cd work; for i in $(seq 60); do echo side $i >a; git commit -qam $i; done;"
           "git push -qf origin main");
    ok(fetch(NULL)); /* a branch of its own from before */
    ok(fetch(last));
    refused(verify(last, false), WC_ERR_PERM, "does not follow");
    close_box();
}

static void takes_the_sub_path(void **state)
{
    (void)state;
    open_box();
    box.source.path = "deploy";
    const char *dir = get();
    assert_file(dir, "conf/a.txt", "one\n");
    assert_false(has_file(dir, "run.sh"));
    assert_string_equal(box.revision.tree, author_id("main:deploy"));
    box.source.path = "deploy/none";
    refused(fetch(NULL), WC_ERR_NOENT, "no directory 'deploy/none'");
    box.source.path = "run.sh";
    refused(fetch(NULL), WC_ERR_NOENT, "no directory 'run.sh'");
    box.source.path = "../x";
    refused(fetch(NULL), WC_ERR_USAGE, "path");
    close_box();
}

static void pins(void **state)
{
    (void)state;
    open_box();
    script("cd work; git tag v1.0.0; echo 2 >b; git add b; git commit -qm two;"
           "git tag -a -m 'the tag' v1.10.0; git tag v1.9.0; git tag 2.0.0-rc.1;"
           "git push -q origin main --tags");
    const char *first = author_id("v1.0.0"), *second = author_id("main");
    box.source.pin_kind = WC_PIN_TAG;
    box.source.pin = "v1.0.0";
    get();
    assert_string_equal(box.revision.id, first);
    box.source.pin_kind = WC_PIN_SEMVER;
    box.source.pin = "^1";
    get();
    assert_string_equal(box.revision.ref, "v1.10.0");
    assert_string_equal(box.revision.id, second);
    assert_string_equal(box.revision.mark, author_id("v1.10.0"));
    box.source.pin = ">=3";
    refused(look(), WC_ERR_NOENT, "no tag in the range '>=3'");
    box.source.pin_kind = WC_PIN_COMMIT;
    box.source.pin = first;
    get();
    assert_string_equal(box.revision.id, first);
    box.source.pin = "0123456789012345678901234567890123456789";
    refused(fetch(NULL), WC_ERR_NOENT, "no commit");
    box.source.pin_kind = WC_PIN_BRANCH;
    box.source.pin = "none";
    refused(look(), WC_ERR_NOENT, "no branch 'none'");
    close_box();
}

/* What a hostile author can put into a tree. */
static void links_stay_inside(void **state)
{
    (void)state;
    const char *dir = NULL;
    static const char *const bad[] = { "ln -s /etc/passwd x", "ln -s ../x x",
                                       "ln -s ../../../../etc deploy/x",
                                       "ln -s . d; ln -s d/../../x x", "ln -s deploy/../../x x" };
    open_box();
    script("cd work; ln -s conf/a.txt deploy/b.txt; ln -s ../run.sh deploy/r; git add .;"
           "git commit -qm links; git push -q");
    dir = get();
    assert_file(dir, "deploy/b.txt", "one\n");
    assert_file(dir, "deploy/r", "#!/bin/sh\n");
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        script("cd work; rm -f x d deploy/x; %s; git add -A; git commit -qm bad; git push -q",
               bad[i]);
        ok(fetch(NULL));
        refused(checkout(&dir), WC_ERR_PERM, "leads out of the source");
    }
    close_box();
}

/* None of what git does by itself, or by what a repository says, is done. */
static void nothing_is_run_or_filtered(void **state)
{
    (void)state;
    open_box();
    script("git init -q -b main other; cd other; git commit -q --allow-empty -m x; cd ../work;"
           "git -c protocol.file.allow=always submodule --quiet add ../other sub;"
           "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:0\\nsize 1\\n' >big;"
           "printf '*.txt filter=evil text eol=crlf export-subst\\nbig filter=lfs\\n'"
           " >.gitattributes;"
           "printf '[filter \"evil\"]\\n\\tsmudge = touch %s/smudged\\n' >.gitconfig;"
           "git add .; git commit -qm tricks; git push -q;"
           "cd ../remote.git; for h in post-checkout post-merge reference-transaction pre-auto-gc"
           " post-update; do printf '#!/bin/sh\\ntouch %s/hooked\\n' >hooks/$h; chmod +x hooks/$h;"
           " done; git config uploadpack.packObjectsHook 'touch %s/packed; exec'",
           box.root, box.root, box.root);
    const char *dir = get();
    assert_file(dir, "deploy/conf/a.txt", "one\n");
    assert_file(dir, "big", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    struct stat st;
    assert_int_equal(stat(wc_arena_printf(&box.arena, "%s/sub", dir), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_false(has_file(dir, "sub/.git"));
    assert_false(has_file(box.root, "smudged"));
    assert_false(has_file(box.root, "hooked"));
    assert_false(has_file(box.root, "packed"));
    close_box();
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    const char *dir = NULL;
    open_box();
    box.source.max_bytes = 1 << 20;
    script("cd work; head -c 3000000 /dev/urandom >noise; git add .; git commit -qm noise;"
           "git push -q");
    refused(fetch(NULL), WC_ERR_LIMIT, "size_limit");
    script("cd work; git rm -q --cached noise; rm noise; head -c 3000000 /dev/zero >zeros;"
           "git add .; git commit -q --amend -m zeros; git push -qf");
    ok(fetch(NULL)); /* three kilobytes on the way */
    refused(checkout(&dir), WC_ERR_LIMIT, "size_limit");
    box.source.max_bytes = 0;
    box.source.max_files = 2;
    refused(checkout(&dir), WC_ERR_LIMIT, "max_files");
    box.source.max_files = 0;
    ok(checkout(&dir));
    close_box();
}

/* What is refused for its size leaves nothing, however often it is tried. */
/* Memory that grew with a file would be the host's, and the author's to choose. */
static void large_files_cost_no_memory(void **state)
{
    (void)state;
    const char *dir = NULL;
    struct stat st;
    open_box();
    script("cd work; head -c %d /dev/zero >big; chmod +x big; printf '%%4095s' x >held;"
           "printf '%%4096s' x >streamed; : >empty; git add .; git commit -qm big; git push -q",
           BIG_MIB << 20);
    box.source.lfs = true; /* which looks at what files begin with */
    ok(fetch(NULL));
    size_t before_kib = forget_peak();
    ok(checkout(&dir));
    assert_cheap(before_kib);
    script("for f in big held streamed empty; do cmp work/$f %s/$f; done", dir);
    assert_int_equal(stat(wc_arena_printf(&box.arena, "%s/big", dir), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(stat(wc_arena_printf(&box.arena, "%s/streamed", dir), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    box.source = (struct wc_app_source){ .kind = WC_APP_SOURCE_DIRECTORY, .url = in_box("work") };
    before_kib = forget_peak();
    ok(fetch(NULL));
    assert_cheap(before_kib);
    close_box();
}

static void push_tree(const char *make)
{
    script("cd work; here=$(git rev-parse :run.sh); { %s; } | tr '\\001' '\\000' |"
           "git mktree -z >../planted;"
           "git push -q -f origin $(git commit-tree -m x $(cat ../planted)):refs/heads/main",
           make);
}

/* Trees that nobody makes by accident. What comes of them is said in printable words. */
static void hostile_trees(void **state)
{
    (void)state;
    static const struct {
        const char *make;
        int code;
        const char *words;
    } rows[] = {
        { "printf \"100644 blob $here\\ta\\033[2Jb\\001\"", WC_ERR_PERM, "a?[2Jb" },
        { "printf \"100644 blob $here\\ta\\nb\\001\"", WC_ERR_PERM, "a?b" },
        { "printf \"100644 blob $here\\ta\\177\\001\"", WC_ERR_PERM, "a?" },
        { "big=$(printf '%5000s' x | git hash-object -w --stdin);"
          "printf \"120000 blob $big\\tl\\001\"",
          WC_ERR_PERM, "the link l is broken" },
        { "big=$(printf 'a/../../x' | git hash-object -w --stdin);"
          "printf \"120000 blob $big\\tl\\001\"",
          WC_ERR_PERM, "leads out" },
        { "t=$(printf \"100644 blob $here\\tf\\001\" | tr '\\001' '\\000' | git mktree -z);"
          "for i in $(seq 70); do t=$(printf \"040000 tree $t\\td\\n\" | git mktree); done;"
          "printf \"040000 tree $t\\td\\001\"",
          WC_ERR_LIMIT, "deeper than 64" },
        /* a hundred of a hundred of a hundred of a hundred */
        { "t=$(for i in $(seq 100); do printf \"100644 blob $here\\tf$i\\n\"; done | git mktree);"
          "for k in 1 2 3; do t=$(for i in $(seq 100); do printf \"040000 tree $t\\td$i\\n\"; done "
          "|"
          " git mktree); done; printf \"040000 tree $t\\td\\001\"",
          WC_ERR_LIMIT, "more files in it than can be listed" },
    };
    const char *dir = NULL;
    open_box();
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        push_tree(rows[i].make);
        ok(fetch(NULL));
        refused(checkout(&dir), rows[i].code, rows[i].words);
        for (const char *at = box.err.msg; *at != '\0'; at++)
            assert_in_range((unsigned char)*at, ' ', '~');
        script("test -z \"$(ls -A lib/gitops/shop/trees)\"");
    }
    push_tree("printf \"100644 blob $here\\tREADME\\001100644 blob $here\\treadme\\001\"");
    ok(fetch(NULL));
    ok(checkout(&dir)); /* two files, where the file system has case */
    assert_true(has_file(dir, "README") && has_file(dir, "readme"));
    close_box();
}

/* What an author writes of himself and of the commit reaches a terminal as one printable line. */
static void texts_for_people_are_printable(void **state)
{
    (void)state;
    open_box();
    script("cd work; e=$(printf '\\033]0;x\\007'); c=$(printf '\\302\\233'); git -c "
           "user.name=\"A$e$c\""
           " -c user.email=\"a$e@b\" commit -q --allow-empty --cleanup=verbatim"
           " --author=\"A$e$c <a$e@b>\" -m \"s$e$c$(printf '\\342\\200\\256')t\"; git push -q");
    ok(fetch(NULL));
    assert_string_equal(box.revision.subject, "s?]0;x???t");
    for (const char *at = box.revision.author; *at != '\0'; at++)
        assert_in_range((unsigned char)*at, ' ', '~');
    assert_null(strpbrk(box.revision.name, "\x1b\n"));
    close_box();
}

/* A checkout that ends in the middle of a file leaves nothing under a name, and no descriptor. */
static void what_stops_within_a_file_leaves_nothing(void **state)
{
    (void)state;
    const char *dir = NULL;
    open_box();
    script("cd work; head -c 3000000 /dev/urandom >big; git add .; git commit -qm big;"
           "git push -q");
    ok(fetch(NULL));
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(next);
    /* the pack loses its end: git gives what it can of the blob, and gives up */
    script("for p in lib/gitops/shop/git/repo.git/objects/pack/*.pack; do chmod u+w $p;"
           "truncate -s -1500000 $p; done");
    int rc = checkout(&dir);
    assert_true(rc == WC_ERR_UNAVAILABLE || rc == WC_ERR_PERM || rc == WC_ERR_NOENT);
    script("test -z \"$(ls -A lib/gitops/shop/trees)\"");
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(after);
    assert_int_equal(next, after);
    close_box();
}

static void what_is_too_large_leaves_nothing(void **state)
{
    (void)state;
    open_box();
    const char *first = author_id("main");
    get();
    box.source.max_bytes = 1 << 20;
    script("cd work; head -c 3000000 /dev/urandom >noise; git add .; git commit -qm noise;"
           "git push -q");
    for (int i = 0; i < 3; i++)
        refused(fetch(first), WC_ERR_LIMIT, "size_limit");
    script("test $(du -sk lib | cut -f1) -lt 400; test -z \"$(find lib -name 'tmp_*')\"");
    script("cd work; git reset -q --hard %s; echo 2 >deploy/conf/a.txt; git commit -qam two;"
           "git push -qf",
           first);
    ok(fetch(first));
    ok(verify(first, false));
    close_box();
}

/* A git that was killed leaves locks, which would keep all later ones out. */
static void locks_of_the_dead_are_removed(void **state)
{
    (void)state;
    open_box();
    get();
    const char *first = author_id("main");
    script("cd lib/gitops/shop/git/repo.git; for n in shallow.lock packed-refs.lock config.lock"
           " gc.pid refs/wcompose/new.lock refs/wcompose/applied.lock objects/pack/tmp_pack_aB3"
           " objects/pack/tmp_idx_aB3 objects/pack/pack-aB3.keep; do echo x >$n; done; ln -s "
           "../../../../../work/run.sh"
           " away.lock; mkdir refs/wcompose/tmp_x");
    script("cd work; echo 2 >deploy/conf/a.txt; git commit -qam two; git push -q");
    ok(fetch(first));
    ok(verify(first, false));
    script("test -z \"$(find lib -type f -name '*.lock' -o -name 'tmp_pack*' -o -name gc.pid"
           " -o -name '*.keep')\";"
           "test -s work/run.sh");
    close_box();
}

/* A repository that grows within the cap with each commit: what was before isn't kept for ever,
 * and a descendant is told all the same. */
static void history_before_the_last_is_let_go(void **state)
{
    (void)state;
    open_box();
    get();
    box.source.max_bytes = 2 << 20;
    const char *last = author_id("main");
    for (int i = 0; i < 5; i++) {
        script("cd work; head -c 1500000 /dev/urandom >noise; git add .; git commit -qm %d;"
               "git push -q",
               i);
        ok(fetch(last));
        ok(verify(last, false));
        last = author_id("main");
    }
    script("test $(du -sk lib | cut -f1) -lt 5000; cd work; git reset -q --hard HEAD^;"
           "git push -qf");
    refused(fetch(last), WC_ERR_LIMIT, "size_limit"); /* all of it comes, as far as it may */
    close_box();
}

/* A repository of somebody else's could tell git what to run. */
static void repositories_of_others_are_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        WC_SKIP("giving a repository to somebody else takes root");
    open_box();
    script("chown -R daemon remote.git");
    refused(look(), WC_ERR_PERM, "somebody else");
    box.source.url = in_box("none.git");
    refused(look(), WC_ERR_NOENT, "none.git");
    box.source.url = in_box("id");
    put("id", "x");
    refused(look(), WC_ERR_NOENT, "no git repository");
    close_box();
}

/* The remote has moved on between look and fetch. */
static void a_moved_branch_is_told(void **state)
{
    (void)state;
    open_box();
    get();
    script("cd work; echo 2 >b; git add b; git commit -qm two; git push -q");
    ok(look());
    script("cd work; echo 3 >b; git commit -qa --amend -m three; git push -qf");
    const struct wc_source_trail trail = { 0 };
    refused(wc_app_source_fetch(&box.source, &box.place, &trail, &box.revision, &box.err),
            WC_ERR_CONFLICT, "moved on");
    close_box();
}

static void old_checkouts_are_removed(void **state)
{
    (void)state;
    open_box();
    const char *old = get();
    script("cd work; echo 2 >b; git add b; git commit -qm two; git push -q");
    const char *new = get();
    const char *ids[] = { box.revision.tree };
    const struct wc_strv keep = { .items = ids, .n = 1 };
    assert_string_not_equal(old, new);
    ok(wc_app_source_tidy(&box.source, &box.place, &keep, &box.err));
    assert_false(wc_fs_exists(old));
    assert_true(wc_fs_exists(new));
    script("cd work; echo 3 >b; git commit -qam three; git push -q");
    ok(fetch(author_id("HEAD^")));
    script("cd lib/gitops/shop/git/repo.git; export GIT_CONFIG_COUNT=1 GIT_CONFIG_VALUE_0='*'"
           "  GIT_CONFIG_KEY_0=safe.directory; for i in $(seq 45); do" /* so many make it tidy up */
           "  echo $i | git hash-object -w --stdin | git pack-objects -q objects/pack/pack;"
           "done >/dev/null");
    script("test $(ls lib/gitops/shop/git/repo.git/objects/pack/*.pack | wc -l) -gt 40");
    ok(wc_app_source_tidy(&box.source, &box.place, &keep, &box.err));
    script("test $(ls lib/gitops/shop/git/repo.git/objects/pack/*.pack | wc -l) -le 2");
    ok(verify(author_id("HEAD^"), false));
    close_box();
}

/* An ordinary user has no namespaces: Landlock alone holds. */
static void works_for_an_ordinary_user(void **state)
{
    (void)state;
    if (geteuid() != 0)
        WC_SKIP("the other cases are run by an ordinary user already");
    open_box();
    script("mkdir lib; chown -R nobody . ; chmod 755 .");
    pid_t pid = fork();
    if (pid == 0) {
        const char *dir = NULL;
        bool fine = setregid(65534, 65534) == 0 && setreuid(65534, 65534) == 0 &&
                    fetch(NULL) == 0 && verify(NULL, false) == 0 && checkout(&dir) == 0 &&
                    has_file(dir, "deploy/conf/a.txt");
        if (!fine)
            fprintf(stderr, "%s\n", box.err.msg);
        _exit(fine ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close_box();
}

static void urls_and_pins_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *url, *field;
    } urls[] = {
        { "ext::sh -c touch% /tmp/x", "url" },
        { "ext::sh", "url" },
        { "-uploadpack=touch", "url" },
        { "ssh://-oProxyCommand=touch/x", "url" },
        { "ssh://host", "url" },
        { "-oProxyCommand=x@host:y", "url" },
        { "git@-oProxyCommand=x:y", "url" },
        { "git@host:-x", "url" },
        { "http://example.org/x.git", "url" },
        { "git://example.org/x.git", "url" },
        { "https://user:secret@example.org/x.git", "url" },
        { "https://exa mple.org/x.git", "url" },
        { "https://example.org/x.git\n", "url" },
        { "relative/path", "url" },
        { "file://relative", "url" },
        { "", "url" },
        { "ssh://git@example.org/x.git", "known_hosts" },
        { "git@example.org:x.git", "known_hosts" },
        { "https://example.org:8443/x.git", NULL },
        { "https://[2001:db8::1]:8443/x.git", NULL },
        { "/srv/x.git", NULL },
        { "file:///srv/x.git", NULL },
    };
    for (size_t i = 0; i < WC_COUNT(urls); i++) {
        const struct wc_app_source source = { .url = urls[i].url, .pin = "main" };
        const char *field = NULL;
        struct wc_err err = { 0 };
        int rc = wc_app_source_check(&source, &field, &err);
        if ((rc == 0) != (urls[i].field == NULL) || !wc_streq0(field, urls[i].field))
            fail_msg("%s: %d %s", urls[i].url, rc, field);
    }
    const struct {
        struct wc_app_source source;
        const char *field;
    } others[] = {
        { { .url = "/x" }, "pin" },
        { { .url = "/x", .pin = "--upload-pack=x" }, "pin" },
        { { .url = "/x", .pin = "a..b" }, "pin" },
        { { .url = "/x", .pin = "ma*n" }, "pin" },
        { { .url = "/x", .pin = "x.lock" }, "pin" },
        { { .url = "/x", .pin_kind = WC_PIN_COMMIT, .pin = "main" }, "pin" },
        { { .url = "/x", .pin_kind = WC_PIN_SEMVER, .pin = "latest" }, "pin" },
        { { .url = "/x", .pin = "m", .path = "a/../b" }, "path" },
        { { .url = "/x", .pin = "m", .path = ".git" }, "path" },
        { { .url = "/x", .pin = "m", .path = "/abs" }, "path" },
        { { .url = "/x", .pin = "m", .verify = WC_VERIFY_COMMIT }, "verify" },
        { { .url = "/x", .pin = "m", .verify = WC_VERIFY_TAG, .signers = "/s" }, "verify" },
        { { .url = "/x", .pin = "m", .signers = "relative" }, "signers" },
        { { .url = "/x", .pin = "m", .ssh_key = "/a\"\nProxyCommand x" }, "ssh_key" },
        { { .kind = WC_APP_SOURCE_ARCHIVE, .url = "http://h/x.tar" }, "url" },
        { { .kind = WC_APP_SOURCE_ARCHIVE, .url = "https://h/x.tar", .sha256 = "12" }, "sha256" },
        { { .kind = WC_APP_SOURCE_DIRECTORY, .url = "x" }, "url" },
    };
    for (size_t i = 0; i < WC_COUNT(others); i++) {
        const char *field = NULL;
        struct wc_err err = { 0 };
        assert_int_equal(wc_app_source_check(&others[i].source, &field, &err), WC_ERR_USAGE);
        assert_string_equal(field, others[i].field);
    }
}

WC_MAIN(WC_CASE(fetches_a_commit), WC_CASE(transfers_nothing_twice),
        WC_CASE(later_fetches_bring_what_is_between), WC_CASE(follows_no_rewritten_history),
        WC_CASE(a_cut_history_is_deepened), WC_CASE(a_cut_history_proves_nothing),
        WC_CASE(takes_the_sub_path), WC_CASE(pins), WC_CASE(links_stay_inside),
        WC_CASE(nothing_is_run_or_filtered), WC_CASE(sizes_are_bounded), WC_CASE(hostile_trees),
        WC_CASE(texts_for_people_are_printable), WC_CASE(large_files_cost_no_memory),
        WC_CASE(what_stops_within_a_file_leaves_nothing), WC_CASE(what_is_too_large_leaves_nothing),
        WC_CASE(locks_of_the_dead_are_removed), WC_CASE(history_before_the_last_is_let_go),
        WC_CASE(repositories_of_others_are_refused), WC_CASE(a_moved_branch_is_told),
        WC_CASE(old_checkouts_are_removed), WC_CASE(works_for_an_ordinary_user),
        WC_CASE(urls_and_pins_are_checked))
