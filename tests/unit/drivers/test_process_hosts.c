/* test_process_hosts.c - the process driver on a host with other cgroup hierarchies than this one.
 */
#include "process_fixture.h"

#include <sched.h>
#include <sys/mount.h>

#include "drivers/process/cgroup.h"

static struct fixture f;

/* A host without a v2 tree, which has nothing to detach. */
static void v1_alone(void **state)
{
    (void)state;
    static const char unified[] = "/sys/fs/cgroup/unified";
    struct wc_cgroup_host host;
    if (geteuid() != 0 || access(unified, F_OK) != 0)
        WC_SKIP("needs root and a v2 tree beside v1");
    assert_int_equal(unshare(CLONE_NEWNS), 0);
    assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    (void)umount2(unified, MNT_DETACH);
    assert_int_equal(mount("tmpfs", unified, "tmpfs", 0, NULL), 0); /* what runtimes leave there */
    fixture_begin(&f);
    assert_int_equal(wc_cgroup_detect(&f.arena, &host, NULL), 0);
    assert_int_equal(host.mode, WC_CGROUP_V1);
    struct wc_instance *i = fixture_instance(&f, fixture_service(&f, "v1"), "echo here");
    fixture_must(&f, WC_VERB_CREATE, i);
    fixture_must(&f, WC_VERB_START, i);
    assert_int_equal(fixture_await(&f, i, WC_LIFE_EXITED)->exit_code, 0);
    assert_non_null(strstr(fixture_log(&f, i), "here"));
    fixture_end(&f); /* looks for groups that are left */
}

WC_MAIN(WC_CASE(v1_alone))
