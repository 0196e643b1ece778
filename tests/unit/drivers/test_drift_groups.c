/* test_drift_groups.c - limits that somebody changed and groups that somebody froze, on real groups
 * of this host, of either version. */
#include "harness/wc_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "drivers/process/baseline.h"
#include "drivers/process/freezer.h"

struct box {
    struct wc_arena arena;
    struct wc_cgroup_host host;
    char group[64], dir[64];
};

static const char *dir_of(struct box *box, const char *controller, const char *group)
{
    return wc_cgroup_dir(&box->host, controller, group, &box->arena);
}

/* Makes the group in every hierarchy that may be looked at; skips where that can't be done. */
static void box_init(struct box *box)
{
    struct wc_err err = { 0 };
    memset(box, 0, sizeof *box);
    wc_arena_init(&box->arena);
    if (geteuid() != 0 || wc_cgroup_detect(&box->arena, &box->host, &err) != 0)
        WC_SKIP("groups of this host can't be made");
    snprintf(box->group, sizeof box->group, "/wcompose-test-%d/one", (int)getpid());
    snprintf(box->dir, sizeof box->dir, "/tmp/wcompose-drift-XXXXXX");
    assert_non_null(mkdtemp(box->dir));
}

static void make_group(struct box *box, const char *controller)
{
    const char *dir = dir_of(box, controller, box->group);
    if (dir == NULL || wc_fs_mkdirs(dir, 0755, NULL) != 0)
        WC_SKIP("this host has no group of that kind");
}

static void box_end(struct box *box)
{
    struct wc_err err = { 0 };
    char *slash = strrchr(box->group, '/');
    assert_int_equal(wc_cgroup_remove(&box->host, box->group, &err), 0);
    *slash = '\0';
    assert_int_equal(wc_cgroup_remove(&box->host, box->group, &err), 0);
    assert_int_equal(wc_fs_remove_tree(box->dir, &err), 0);
    wc_arena_deinit(&box->arena);
}

static void put(const char *dir, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        fail_msg("%s: %s", path, strerror(errno));
    close(fd);
}

static const char *look(struct box *box)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_baseline_look(&box->host, box->group, box->dir, &out);
    return out.len > 0 ? wc_arena_strdup(&box->arena, out.data) : "";
}

static void limits_are_noted_told_and_restored(void **state)
{
    (void)state;
    struct box box;
    struct wc_err err = { 0 };
    box_init(&box);
    make_group(&box, "pids");
    make_group(&box, "memory");
    bool v2 = box.host.mode == WC_CGROUP_V2;
    const char *pids = dir_of(&box, "pids", box.group), *memory = dir_of(&box, "memory", box.group);
    put(pids, "pids.max", "100");
    put(memory, v2 ? "memory.max" : "memory.limit_in_bytes", "67108864");
    assert_string_equal(look(&box), ""); /* nothing was noted: what is there is what is meant */
    put(pids, "pids.max", "max");
    assert_string_equal(look(&box), "pids_limit 100 -> unlimited");
    put(memory, v2 ? "memory.max" : "memory.limit_in_bytes", "33554432");
    assert_string_equal(look(&box), "mem_limit 67108864 -> 33554432, pids_limit 100 -> unlimited");
    assert_int_equal(wc_baseline_restore(&box.host, box.group, box.dir, &err), 0);
    assert_string_equal(look(&box), "");
    put(pids, "pids.max", "7"); /* on purpose, this time */
    assert_int_equal(wc_baseline_note(&box.host, box.group, box.dir, &err), 0);
    assert_string_equal(look(&box), "");
    put(pids, "pids.max", "8");
    assert_string_equal(look(&box), "pids_limit 7 -> 8");
    assert_int_equal(wc_baseline_restore(&box.host, box.group, box.dir, &err), 0);
    assert_string_equal(look(&box), "");
    box_end(&box);
}

/* Memory and swap together shrink and grow: each in its turn would be refused by the other. */
static void limits_that_hang_together_are_restored(void **state)
{
    (void)state;
    struct box box;
    struct wc_err err = { 0 };
    box_init(&box);
    make_group(&box, "memory");
    const char *memory = dir_of(&box, "memory", box.group);
    char path[512];
    snprintf(path, sizeof path, "%s/memory.memsw.limit_in_bytes", memory);
    if (!wc_fs_exists(path))
        WC_SKIP("this host doesn't limit memory and swap together");
    put(memory, "memory.limit_in_bytes", "67108864");
    put(memory, "memory.memsw.limit_in_bytes", "134217728");
    assert_int_equal(wc_baseline_note(&box.host, box.group, box.dir, &err), 0);
    put(memory, "memory.memsw.limit_in_bytes", "1073741824");
    put(memory, "memory.limit_in_bytes", "536870912");
    assert_string_equal(look(&box), "mem_limit 67108864 -> 536870912, "
                                    "memswap_limit 134217728 -> 1073741824");
    assert_int_equal(wc_baseline_restore(&box.host, box.group, box.dir, &err), 0);
    assert_string_equal(look(&box), "");
    put(memory, "memory.limit_in_bytes", "16777216");
    put(memory, "memory.memsw.limit_in_bytes", "33554432");
    assert_int_equal(wc_baseline_restore(&box.host, box.group, box.dir, &err), 0);
    assert_string_equal(look(&box), "");
    box_end(&box);
}

static void a_group_that_is_gone_has_no_drift(void **state)
{
    (void)state;
    struct box box;
    struct wc_err err = { 0 };
    box_init(&box);
    make_group(&box, "pids");
    assert_int_equal(wc_baseline_note(&box.host, box.group, box.dir, &err), 0);
    assert_int_equal(wc_cgroup_remove(&box.host, box.group, &err), 0);
    assert_string_equal(look(&box), "");
    assert_false(wc_freezer_is_frozen(&box.host, box.group));
    assert_int_equal(wc_freezer_thaw(&box.host, box.group, &err), 0);
    assert_int_equal(wc_baseline_restore(&box.host, box.group, box.dir, &err), 0);
    box_end(&box);
}

static void freeze_and_thaw(struct box *box, const char *dir)
{
    struct wc_err err = { 0 };
    char pid_text[24], *slash = strrchr(box->group, '/');
    pid_t pid = fork();
    for (; pid == 0;)
        pause();
    snprintf(pid_text, sizeof pid_text, "%d", (int)pid);
    put(dir, "cgroup.procs", pid_text);
    assert_false(wc_freezer_is_frozen(&box->host, box->group));
    assert_int_equal(wc_freezer_freeze(&box->host, box->group, &err), 0);
    for (int i = 0; i < 2000 && !wc_freezer_is_frozen(&box->host, box->group); i++)
        usleep(10000);
    assert_true(wc_freezer_is_frozen(&box->host, box->group));
    assert_int_equal(wc_freezer_thaw(&box->host, box->group, &err), 0);
    for (int i = 0; i < 2000 && wc_freezer_is_frozen(&box->host, box->group); i++)
        usleep(10000);
    assert_false(wc_freezer_is_frozen(&box->host, box->group));
    *slash = '\0'; /* by the group above */
    assert_int_equal(wc_freezer_freeze(&box->host, box->group, &err), 0);
    *slash = '/';
    for (int i = 0; i < 2000 && !wc_freezer_is_frozen(&box->host, box->group); i++)
        usleep(10000);
    assert_true(wc_freezer_is_frozen(&box->host, box->group));
    assert_int_equal(wc_freezer_thaw(&box->host, box->group, &err), 0);
    for (int i = 0; i < 2000 && wc_freezer_is_frozen(&box->host, box->group); i++)
        usleep(10000);
    assert_false(wc_freezer_is_frozen(&box->host, box->group));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void what_is_frozen_is_seen_and_thawed(void **state)
{
    (void)state;
    struct box box;
    box_init(&box);
    const char *file = wc_freezer_event_file(&box.host, box.group, &box.arena);
    if (file == NULL)
        WC_SKIP("this host has no freezer");
    char dir[512];
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(file, '/') - file), file);
    assert_int_equal(wc_fs_mkdirs(dir, 0755, NULL), 0);
    freeze_and_thaw(&box, dir);
    box_end(&box);
}

/* On a host of v1, the v2 tree beside it does as one of v2. */
static void the_other_version_freezes_too(void **state)
{
    (void)state;
    struct box box;
    box_init(&box);
    struct wc_cgroup_tree tree = { .mount = "/sys/fs/cgroup/unified", .names = "", .v2 = true };
    if (!wc_fs_exists("/sys/fs/cgroup/unified/cgroup.procs"))
        WC_SKIP("there is no v2 tree beside the others");
    box.host = (struct wc_cgroup_host){ .mode = WC_CGROUP_V2, .trees = &tree, .n_trees = 1 };
    char dir[512];
    snprintf(dir, sizeof dir, "%s%s", tree.mount, box.group);
    assert_int_equal(wc_fs_mkdirs(dir, 0755, NULL), 0);
    freeze_and_thaw(&box, dir);
    box_end(&box);
}

WC_MAIN(WC_CASE(limits_are_noted_told_and_restored),
        WC_CASE(limits_that_hang_together_are_restored), WC_CASE(a_group_that_is_gone_has_no_drift),
        WC_CASE(what_is_frozen_is_seen_and_thawed), WC_CASE(the_other_version_freezes_too))
