/* test_gitops_files.c - directories as sources, and files that are mounted by their content. */
// TIMEOUT: 120
#include "gitops_box.h"

static void use_directory(void)
{
    box.source = (struct wc_app_source){ .kind = WC_APP_SOURCE_DIRECTORY, .url = in_box("work") };
}

static const char *get(void)
{
    const char *dir = NULL;
    ok(fetch(NULL));
    ok(verify(NULL, false));
    ok(checkout(&dir));
    return dir;
}

static void directories(void **state)
{
    (void)state;
    open_box();
    use_directory();
    const char *first = get();
    assert_file(first, "deploy/conf/a.txt", "one\n");
    assert_false(has_file(first, ".git"));
    char id[65], mark[256];
    memcpy(id, box.revision.id, sizeof id);
    memcpy(mark, box.revision.mark, sizeof mark);
    ok(look());
    assert_string_equal(box.revision.mark, mark);
    script("touch -d 2001-01-01 work/run.sh"); /* seen, and found to be the same */
    ok(look());
    assert_string_not_equal(box.revision.mark, mark);
    assert_string_equal(get(), first);
    put("work/deploy/conf/a.txt", "two\n");
    const char *second = get();
    assert_string_not_equal(second, first);
    assert_file(second, "deploy/conf/a.txt", "two\n");
    assert_file(first, "deploy/conf/a.txt", "one\n"); /* a copy, which holds still */
    put("work/deploy/conf/a.txt", "one\n");
    assert_string_equal(get(), first);
    assert_string_equal(box.revision.id, id);
    script("chmod -x work/run.sh");
    assert_string_not_equal(get(), first);
    box.source.path = "deploy";
    assert_file(get(), "conf/a.txt", "one\n");
    close_box();
}

static void directories_of_others(void **state)
{
    (void)state;
    open_box();
    use_directory();
    script("chmod 777 work");
    refused(look(), WC_ERR_PERM, "somebody else");
    script("chmod 755 work; ln -s /etc work/deploy/x");
    refused(fetch(NULL), WC_ERR_PERM, "leads out");
    script("rm work/deploy/x; mkfifo work/deploy/x");
    refused(fetch(NULL), WC_ERR_PERM, "neither a file");
    script("rm work/deploy/x; ln -s /etc work/e");
    box.source.path = "e";
    refused(look(), WC_ERR_PERM, "e");
    box.source.path = "none";
    refused(look(), WC_ERR_NOENT, "none");
    box.source.path = NULL;
    script("rm work/e");
    box.source.max_files = 2;
    refused(look(), WC_ERR_LIMIT, "max_files");
    box.source.max_files = 0;
    box.source.max_bytes = 20;
    refused(fetch(NULL), WC_ERR_LIMIT, "size_limit");
    box.source.url = in_box("none");
    refused(look(), WC_ERR_NOENT, "none");
    close_box();
}

static void one_file(void **state)
{
    (void)state;
    open_box();
    box.source = (struct wc_app_source){ .kind = WC_APP_SOURCE_FILE, .url = in_box("stack.yml") };
    refused(look(), WC_ERR_NOENT, "stack.yml");
    put("stack.yml", "one\n");
    put("beside", "not of it\n");
    const char *first = get();
    assert_file(first, "stack.yml", "one\n");
    assert_false(has_file(first, "beside"));
    assert_memory_equal(box.revision.name, "stack.yml@", 10);
    char mark[256];
    memcpy(mark, box.revision.mark, sizeof mark);
    ok(look());
    assert_string_equal(box.revision.mark, mark);
    put("new", "two\n");
    script("mv new stack.yml"); /* as editors write it */
    ok(look());
    assert_string_not_equal(box.revision.mark, mark);
    const char *second = get();
    assert_string_not_equal(second, first);
    assert_file(second, "stack.yml", "two\n");
    assert_file(first, "stack.yml", "one\n");
    put("stack.yml", "one\n");
    assert_string_equal(get(), first);
    script("mv stack.yml real; ln -s real stack.yml"); /* what it leads to is what counts */
    assert_string_equal(get(), first);
    box.source.max_bytes = 3;
    refused(fetch(NULL), WC_ERR_LIMIT, "size_limit");
    box.source.max_bytes = 0;
    script("chmod o+w real");
    refused(look(), WC_ERR_PERM, "somebody else");
    script("rm stack.yml; mkfifo stack.yml");
    refused(look(), WC_ERR_PERM, "not a file");
    script("rm stack.yml; mkdir stack.yml");
    refused(look(), WC_ERR_PERM, "directory:");
    box.source.path = "x";
    refused(look(), WC_ERR_USAGE, "beneath a file");
    close_box();
}

static const char *keep(const char *root, const char *path)
{
    const char *out = NULL;
    ok(wc_content_keep(
        &box.source, &box.place, in_box(root),
        wc_arena_printf(&box.arena, "%s/%s%s%s", box.root, root, path[0] == '\0' ? "" : "/", path),
        &out, &box.err));
    return out;
}

static void content_has_one_path(void **state)
{
    (void)state;
    open_box();
    script(
        "mkdir -p c1/conf c2/conf; echo one >c1/conf/a.txt; cp -r c1/conf c2; ln -s a.txt "
        "c1/conf/l;"
        "ln -s a.txt c2/conf/l; ln -s conf/a.txt c1/current; echo x >c1/b.txt; echo x >c2/b.txt");
    const char *file = keep("c1", "conf/a.txt");
    assert_text(file, "one\n");
    assert_non_null(strstr(file, "/files/"));
    assert_string_equal(strrchr(file, '/'), "/a.txt");
    assert_string_equal(keep("c2", "conf/a.txt"), file);
    const char *dir = keep("c1", "conf");
    assert_string_equal(keep("c2", "conf"), dir);
    assert_file(dir, "a.txt", "one\n");
    assert_file(dir, "l", "one\n");
    assert_text(keep("c1", "current"), "one\n"); /* a link that stays inside */
    put("c2/conf/a.txt", "two\n");
    assert_string_not_equal(keep("c2", "conf/a.txt"), file);
    assert_string_not_equal(keep("c2", "conf"), dir);
    assert_text(file, "one\n");
    script("chmod +x c1/b.txt");
    assert_string_not_equal(keep("c1", "b.txt"), keep("c2", "b.txt"));
    assert_file(keep("c1", ""), "conf/a.txt", "one\n");
    close_box();
}

static void content_stays_beneath_its_root(void **state)
{
    (void)state;
    open_box();
    const char *out = NULL;
    script("mkdir -p c/d; ln -s /etc/passwd c/p; ln -s ../work c/w; mkfifo c/f; ln -s /etc c/d/e");
    static const char *const bad[] = { "c/p", "c/w/run.sh", "c/f", "work/run.sh",
                                       "c/../work/run.sh" };
    for (size_t i = 0; i < WC_COUNT(bad); i++)
        assert_int_equal(
            wc_content_keep(&box.source, &box.place, in_box("c"), in_box(bad[i]), &out, &box.err),
            WC_ERR_PERM);
    refused(wc_content_keep(&box.source, &box.place, in_box("c"), in_box("c/none"), &out, &box.err),
            WC_ERR_NOENT, "none");
    const char *dir = keep("c", "d"); /* the link goes along, and nobody here follows it */
    char target[16] = "";
    assert_int_equal(readlink(wc_arena_printf(&box.arena, "%s/e", dir), target, 15), 4);
    assert_string_equal(target, "/etc");
    close_box();
}

static void unused_content_goes(void **state)
{
    (void)state;
    open_box();
    const char *a = keep("work", "deploy/conf/a.txt"), *b = keep("work", "run.sh");
    const char *items[] = { b };
    const struct wc_strv used = { .items = items, .n = 1 };
    ok(wc_content_tidy(&box.place, &used, &box.err));
    assert_false(wc_fs_exists(a));
    assert_true(wc_fs_exists(b));
    assert_string_equal(keep("work", "deploy/conf/a.txt"), a);
    close_box();
}

WC_MAIN(WC_CASE(directories), WC_CASE(directories_of_others), WC_CASE(one_file),
        WC_CASE(content_has_one_path), WC_CASE(content_stays_beneath_its_root),
        WC_CASE(unused_content_goes))
