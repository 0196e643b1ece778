/* test_gitops_modules.c - sub-modules: where they may come from, what of them is taken, what isn't.
 */
// TIMEOUT: 300
#include "gitops_box.h"

#include "orchestrator/gitops/checkout.h"

#define LISTING "submodule.a.path\nlib\0submodule.a.url\n../lib.git\0"

static void urls_are_found(void **state)
{
    (void)state;
    static const char two[] = LISTING "submodule.b.path\nlib\0submodule.b.url\nx";
    static const char dots[] = "submodule.a.b.path\nlib\0submodule.a.b.url\nu1\0"
                               "submodule.a.b.url\nu2\0submodule.a.url\nu3";
    static const char none[] = "submodule.path\nlib\0submodule.x.path\nlib\0submodule.y.url\nu";
    const char *why = NULL;
    assert_string_equal(wc_module_url(LISTING, sizeof LISTING, "lib", &why), "../lib.git");
    assert_null(wc_module_url(LISTING, sizeof LISTING, "lib/x", &why));
    assert_non_null(strstr(why, "none at that path"));
    assert_null(wc_module_url(two, sizeof two, "lib", &why));
    assert_non_null(strstr(why, "two"));
    assert_string_equal(wc_module_url(dots, sizeof dots, "lib", &why), "u2");
    assert_null(wc_module_url(none, sizeof none, "lib", &why));
    assert_non_null(strstr(why, "no url"));
    assert_null(wc_module_url("", 0, "lib", &why));
    assert_null(wc_module_url("submodule.a.path\nlib", 20, "lib", &why)); /* not ended */
}

static void relative_urls_are_resolved(void **state)
{
    (void)state;
    static const struct {
        const char *base, *url, *out;
    } cases[] = {
        { "https://h:8/a/b.git", "../c.git", "https://h:8/a/c.git" },
        { "https://h/a/b.git/", "../../c.git", "https://h/c.git" },
        { "https://h/b.git", "../../c.git", NULL },
        { "https://h/b.git", "..", ".." }, /* git takes that for no relative one either */
        { "https://h/a/b.git", "./c", "https://h/a/b.git/c" },
        { "ssh://git@h/a/b.git", "../x/../c.git", "ssh://git@h/a/c.git" },
        { "git@h:a/b.git", "../c.git", "git@h:a/c.git" },
        { "git@h:b.git", "../c.git", "git@h:c.git" },
        { "git@h:b.git", "../../c.git", NULL },
        { "git@h:/b.git", "../c.git", "git@h:/c.git" },
        { "/srv/git/b.git", "../c.git", "/srv/git/c.git" },
        { "file:///srv/b.git", "../c.git", "file:///srv/c.git" },
        { "/b.git", "../", NULL },
        { "https://h/b.git", "https://other/c", "https://other/c" },
        { "https://h/b.git", "ext::sh", "ext::sh" },
    };
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(cases); i++) {
        const char *out = wc_module_resolve(cases[i].base, cases[i].url, &arena);
        if (!wc_streq0(out, cases[i].out))
            fail_msg("%s + %s: %s", cases[i].base, cases[i].url, out != NULL ? out : "none");
    }
    wc_arena_deinit(&arena);
}

static void places_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *source, *url, *resolved;
        bool may;
    } cases[] = {
        { "https://h/b", "https://o/c", "https://o/c", true },
        { "https://h/b", "/srv/c", "/srv/c", false },
        { "git@h:b", "file:///srv/c", "file:///srv/c", false },
        { "/srv/git/b", "/srv/git/c", "/srv/git/c", false },
        { "/srv/git/b", "../c", "/srv/git/c", true },
        { "/srv/git/b/", "../c", "/srv/git/c", true },
        { "file:///srv/git/b", "../c", "file:///srv/git/c", true },
        { "/srv/git/b", "../../c", "/srv/c", false },
        { "/srv/git/b", "../../gits/c", "/srv/gits/c", false },
        { "/srv/git/../b", "../c", "/srv/git/../c", false }, /* the admin's: where is beside? */
        { "/srv/git/b", "./..c", "/srv/git/b/..c", true },
        { "/srv/git/b", "../c", "/srv/git/c/..", false },
        { "/srv/git/b", "https://h/c", "https://h/c", true },
    };
    for (size_t i = 0; i < WC_COUNT(cases); i++) {
        const char *why = NULL;
        if (wc_module_may(cases[i].source, cases[i].url, cases[i].resolved, &why) != cases[i].may)
            fail_msg("%s: %s", cases[i].source, cases[i].url);
        assert_true(cases[i].may || why != NULL);
    }
}

/* A repository NAME.git beside the source, with one file, and a clone NAME to work in. */
static void make_beside(const char *name)
{
    script("git config --global protocol.file.allow always; git init -q --bare -b main %s.git;"
           "git init -q -b main %s; cd %s; git remote add origin ../%s.git; echo %s >file;"
           "git add .; git commit -qm one; git push -qu origin main",
           name, name, name, name, name);
}

static void open_modules(void)
{
    open_box();
    make_beside("lib");
    make_beside("deep");
    script("cd lib; git submodule --quiet add ../deep.git in/deep; git commit -qm deep;"
           "git push -q; cd ../work; git submodule --quiet add ../lib.git deploy/lib;"
           "git commit -qm lib; git push -q");
    box.source.submodules = true;
}

static const char *get(void)
{
    const char *dir = NULL;
    ok(fetch(NULL));
    ok(verify(NULL, false));
    ok(checkout(&dir));
    return dir;
}

static void come_along(void **state)
{
    (void)state;
    open_modules();
    box.source.submodules = false;
    const char *without = get();
    assert_false(has_file(without, "deploy/lib/file"));
    box.source.submodules = true;
    const char *dir = get();
    assert_string_not_equal(dir, without);
    assert_file(dir, "deploy/lib/file", "lib\n");
    assert_file(dir, "deploy/lib/in/deep/file", "deep\n");
    assert_file(dir, "run.sh", "#!/bin/sh\n");
    assert_false(has_file(dir, "deploy/lib/.git"));
    box.source.path = "deploy";
    dir = get();
    assert_file(dir, "lib/in/deep/file", "deep\n");
    script("cd lib; echo newer >file; git commit -qam newer; git push -q; cd ../work/deploy/lib;"
           "git pull -q; cd ../..; git commit -qam 'newer lib'; git push -q");
    dir = get();
    assert_file(dir, "lib/file", "newer\n");
    script(
        "for r in lib deep; do rm -rf $r.git/objects; mkdir $r.git/objects; done"); /* what is here
                                                                                       isn't fetched
                                                                                       again */
    script("cd work; echo x >deploy/y; git add .; git commit -qm y; git push -q");
    dir = get();
    assert_file(dir, "lib/file", "newer\n");
    const char *ids[] = { box.revision.tree };
    const struct wc_strv keep = { .items = ids, .n = 1 };
    ok(wc_app_source_tidy(&box.source, &box.place, &keep, &box.err));
    assert_true(wc_fs_exists(dir));
    assert_false(wc_fs_exists(without));
    close_box();
}

static void set_url(const char *url)
{
    script("cd work; git config -f .gitmodules submodule.deploy/lib.url '%s'; git add .gitmodules;"
           "git commit -qm url; git push -q",
           url);
    ok(fetch(NULL));
}

/* What an author can write into .gitmodules. */
static void hostile_modules(void **state)
{
    (void)state;
    const char *dir = NULL;
    open_modules();
    static const struct {
        const char *url;
        int code;
        const char *words;
    } bad[] = {
        { "/etc", WC_ERR_PERM, "named relative to it" },
        { "file:///etc", WC_ERR_PERM, "named relative to it" },
        { "../../lib.git", WC_ERR_PERM, "beside the source" },
        { "../../../../../../../x", WC_ERR_PERM, "leads nowhere" },
        { "http://127.0.0.1/x", WC_ERR_PERM, "use https or ssh" },
        { "git@127.0.0.1:x", WC_ERR_PERM, "known_hosts" },
        { "ext::sh -c touch% x", WC_ERR_PERM, "a blank or a control character" },
        { "ext::sh", WC_ERR_PERM, "it is none of" },
        { "lib", WC_ERR_PERM, "it is none of" },
        { "ssh://-oProxyCommand=x/y", WC_ERR_PERM, "it needs a host" },
        { "ssh://a@-oProxyCommand=x/y", WC_ERR_PERM, "it needs a host" },
        { "a@-oProxyCommand:y", WC_ERR_PERM, "it is none of" },
        { "a@h:--upload-pack=x", WC_ERR_PERM, "it is none of" },
        { "https://a:b@h/y", WC_ERR_PERM, "belongs in token_file" },
        { "git://h/y", WC_ERR_PERM, "use https or ssh" },
        { "file://../y", WC_ERR_PERM, "needs an absolute path" },
        { "x\x1b[2J:y", WC_ERR_PERM, "a control character" },
        { "../none.git", WC_ERR_UNAVAILABLE, "none.git" },
        { "../deep.git", WC_ERR_UNAVAILABLE, "sub-module deploy/lib" }, /* hasn't that commit */
    };
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        set_url(bad[i].url);
        refused(checkout(&dir), bad[i].code, bad[i].words);
    }
    script("cd work; git config -f .gitmodules -- submodule.deploy/lib.url '-oProxyCommand=x:y';"
           "git add .gitmodules; git commit -qm url; git push -q");
    refused(fetch(NULL), WC_ERR_SPEC, "gitmodulesUrl"); /* git knows of that one itself */
    script("cd work; git rm -q --cached .gitmodules; rm .gitmodules; git commit -qm none;"
           "git push -q");
    ok(fetch(NULL));
    refused(checkout(&dir), WC_ERR_PERM, "no .gitmodules");
    script("test ! -e lib/gitops/shop/trees || test -z \"$(ls lib/gitops/shop/trees)\"");
    close_box();
}

/* What is wrong with a sub-module in the tree itself: planted, as `git add` makes no such thing. */
static void hostile_gitlinks(void **state)
{
    (void)state;
    static const struct {
        const char *tree; /* lines for `git mktree`, with the objects' ids in variables */
        int code;
        const char *words;
    } rows[] = {
        /* what it names is no commit: a tree, a file, a tag that leads to one */
        { "160000 commit $tree\\tm", WC_ERR_UNAVAILABLE, "sub-module m: " },
        { "160000 commit $blob\\tm", WC_ERR_UNAVAILABLE, "sub-module m: " },
        { "160000 commit $tag\\tm", WC_ERR_PERM, "another commit came" },
        /* one that nothing leads to any more, and one that nobody has */
        { "160000 commit $lost\\tm", WC_ERR_UNAVAILABLE, "sub-module m: " },
        { "160000 commit 0123456789012345678901234567890123456789\\tm", WC_ERR_UNAVAILABLE,
          "sub-module m: " },
        { "160000 commit $tip\\tnone", WC_ERR_PERM, "none at that path" },
        /* names that lead elsewhere, or into a terminal */
        { "160000 commit $tip\\t..", 0, "hasDotdot" },
        { "160000 commit $tip\\t.", 0, "hasDot" },
        { "160000 commit $tip\\t.git", 0, "hasDotgit" },
        { "160000 commit $tip\\t.GIT", 0, "hasDotgit" },
        { "160000 commit $tip\\tgit~1", 0, "hasDotgit" },
        { "160000 commit $tip\\ta\\033[2Jb", WC_ERR_PERM, "can't be made" },
        { "160000 commit $tip\\ta\\nb", WC_ERR_PERM, "can't be made" },
        { "120000 blob $here\\tm\\001160000 commit $tip\\tm", 0, "duplicate" },
    };
    const char *dir = NULL;
    open_box();
    make_beside("lib");
    script("cd lib; git tag -am t t; git push -q --tags; git checkout -q --orphan lost;"
           "git commit -qm lost; git push -q origin lost; git push -q origin :lost;"
           "git --git-dir=../lib.git prune --expire=now; cd ../work;"
           "git config -f .gitmodules submodule.m.path m; git config -f .gitmodules submodule.m.url"
           " ../lib.git; git add .; git commit -qm m; git push -q");
    box.source.submodules = true;
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        script("cd work; blob=$(git -C ../lib rev-parse main:file); here=$(git rev-parse :run.sh); "
               "tree=$(git -C ../lib rev-parse main:);"
               "tag=$(git -C ../lib rev-parse t); tip=$(git -C ../lib rev-parse main);"
               "lost=$(git -C ../lib rev-parse lost); { printf \"100644 blob $(git rev-parse"
               " :.gitmodules)\\t.gitmodules\\001\"; printf \"%s\\001\"; } | tr '\\001' '\\000' "
               "|git mktree -z --missing >../planted;"
               "git push -q -f origin $(git commit-tree -m x $(cat ../planted)):refs/heads/main",
               rows[i].tree);
        int rc = fetch(NULL);
        if (rows[i].code == 0) { /* git's own check, as it comes */
            refused(rc, WC_ERR_SPEC, rows[i].words);
            continue;
        }
        ok(rc);
        refused(checkout(&dir), rows[i].code, rows[i].words);
        assert_null(strchr(box.err.msg, '\x1b'));
        assert_null(strchr(box.err.msg, '\n'));
    }
    assert_false(has_file(box.root, "lib/gitops/shop/b"));
    close_box();
}

static void modules_are_bounded(void **state)
{
    (void)state;
    const char *dir = NULL;
    open_modules();
    script("cd lib; head -c 3000000 /dev/zero >zeros; git add .; git commit -qm big; git push -q;"
           "cd ../work/deploy/lib; git pull -q; cd ../..; git commit -qam big; git push -q");
    box.source.max_bytes = 1 << 20;
    ok(fetch(NULL));
    refused(checkout(&dir), WC_ERR_LIMIT, "size_limit");
    box.source.max_bytes = 0;
    script("cd work; for i in $(seq %d); do git config -f .gitmodules submodule.$i.path m/$i;"
           "git config -f .gitmodules submodule.$i.url ../deep.git;"
           "git update-index --add --cacheinfo 160000,$(git -C ../deep rev-parse HEAD),m/$i; done;"
           "git add .gitmodules; git commit -qm many; git push -q",
           WC_MODULES_MAX);
    ok(fetch(NULL));
    refused(checkout(&dir), WC_ERR_LIMIT, "more than 32");
    close_box();

    open_modules(); /* one that is in itself, each time an older commit: a chain */
    script("cd deep; for i in 1 2 3 4 5; do c=$(git rev-parse HEAD);"
           "printf '[submodule \"me\"]\\n\\tpath = me\\n\\turl = ../deep.git\\n' >.gitmodules;"
           "git add .gitmodules; git update-index --add --cacheinfo 160000,$c,me;"
           "git commit -qm $i; done; git push -q; cd ../work;"
           "git config -f .gitmodules submodule.d.path d;"
           "git config -f .gitmodules submodule.d.url ../deep.git;"
           "git update-index --add --cacheinfo 160000,$(git -C ../deep rev-parse HEAD),d;"
           "git add .gitmodules; git commit -qm deep; git push -q");
    ok(fetch(NULL));
    refused(checkout(&dir), WC_ERR_LIMIT, "deeper than 4");
    close_box();
}

WC_MAIN(WC_CASE(urls_are_found), WC_CASE(relative_urls_are_resolved), WC_CASE(places_are_checked),
        WC_CASE(come_along), WC_CASE(hostile_modules), WC_CASE(hostile_gitlinks),
        WC_CASE(modules_are_bounded))
