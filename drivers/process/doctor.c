/* doctor.c - what containers need of this host. */
#include "drivers/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/net/rules.h"
#include "drivers/process/cgroup.h"
#include "drivers/process/oci_runtime.h"

static void add(struct wc_doctor *doctor, enum wc_doctor_state state, const char *what,
                const char *found, const char *fix)
{
    wc_doctor_add(doctor, &(struct wc_doctor_row){ .level = WC_ISOLATION_PROCESS,
                                                   .state = state,
                                                   .what = what,
                                                   .found = found,
                                                   .fix = fix });
}

static void look_at_user(struct wc_doctor *doctor)
{
    if (geteuid() == 0)
        add(doctor, WC_DOCTOR_GOOD, "user", "root", NULL);
    else
        add(doctor, WC_DOCTOR_MISSING, "user", "not root: mounts, networks and groups need it",
            "sudo wcompose …");
}

static void look_at_runtime(struct wc_doctor *doctor)
{
    struct wc_oci_runtime runtime = { 0 };
    struct wc_err err = { 0 };
    char version[128];
    if (wc_oci_runtime_find(NULL, doctor->arena, &runtime, &err) != 0) {
        add(doctor, WC_DOCTOR_MISSING, "OCI runtime", "neither crun nor runc is installed",
            "apt-get install crun");
        return;
    }
    wc_oci_runtime_version(runtime.path, version, sizeof version);
    add(doctor, WC_DOCTOR_GOOD, "OCI runtime",
        version[0] != '\0' ? wc_arena_strdup(doctor->arena, version) : runtime.path, NULL);
}

/* Namespaces by their files, pidfds and the filter by asking: a kernel without them is named. */
static void look_at_kernel(struct wc_doctor *doctor)
{
    static const char *const namespaces[] = { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" };
    WC_CLEANUP_BUF struct wc_buf absent = WC_BUF_INIT;
    struct utsname host;
    for (size_t i = 0; i < WC_COUNT(namespaces); i++)
        if (!wc_fs_exists(wc_arena_printf(doctor->arena, "/proc/self/ns/%s", namespaces[i])))
            wc_buf_printf(&absent, " %s namespaces,", namespaces[i]);
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (pidfd < 0)
        wc_buf_adds(&absent, " pidfds (Linux 5.3),");
    else
        close(pidfd);
    if (!wc_fs_exists("/proc/sys/kernel/seccomp/actions_avail"))
        wc_buf_adds(&absent, " seccomp filters,");
    if (absent.len > 0) {
        absent.data[absent.len - 1] = '\0';
        add(doctor, WC_DOCTOR_MISSING, "kernel",
            wc_arena_printf(doctor->arena, "it lacks%s", absent.data),
            "boot a kernel of the distribution");
    } else if (uname(&host) == 0) {
        add(doctor, WC_DOCTOR_GOOD, "kernel", wc_arena_strdup(doctor->arena, host.release), NULL);
    }
}

static void look_at_overlay(struct wc_doctor *doctor)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    bool there = wc_fs_read("/proc/filesystems", 65536, &text, NULL) == 0 &&
                 strstr(text.data, "\toverlay\n") != NULL;
    add(doctor, there ? WC_DOCTOR_GOOD : WC_DOCTOR_POOR, "overlay file system",
        there ? "there" : "not loaded: it is at the first mount, where there is a module",
        there ? NULL : "modprobe overlay");
}

static void look_at_cgroups(struct wc_doctor *doctor)
{
    static const char *const controllers[] = { "cpu", "memory", "pids" };
    WC_CLEANUP_BUF struct wc_buf absent = WC_BUF_INIT;
    struct wc_cgroup_host host = { 0 };
    struct wc_err err = { 0 };
    if (wc_cgroup_detect(doctor->arena, &host, &err) != 0) {
        add(doctor, WC_DOCTOR_MISSING, "control groups", wc_arena_strdup(doctor->arena, err.msg),
            "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
        return;
    }
    for (size_t i = 0; i < WC_COUNT(controllers); i++)
        if (wc_cgroup_dir(&host, controllers[i], "/", doctor->arena) == NULL)
            wc_buf_printf(&absent, " %s", controllers[i]);
    const char *mode = wc_cgroup_mode_name(host.mode);
    if (absent.len > 0)
        add(doctor, WC_DOCTOR_POOR, "control groups",
            wc_arena_printf(doctor->arena, "%s, without%s: no limits of these", mode, absent.data),
            NULL);
    else
        add(doctor, WC_DOCTOR_GOOD, "control groups", mode, NULL);
}

static void look_at_filter(struct wc_doctor *doctor)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    void *library = wc_nft_hold();
    if (library == NULL)
        add(doctor, WC_DOCTOR_MISSING, "packet filter", "libnftables is not installed",
            "apt-get install libnftables1");
    else if (fd < 0)
        add(doctor, WC_DOCTOR_MISSING, "packet filter", "this kernel has no nftables",
            "modprobe nf_tables");
    else
        add(doctor, WC_DOCTOR_GOOD, "packet filter", "nftables", NULL);
    wc_nft_release(library);
    if (fd >= 0)
        close(fd);
}

void wc_doctor_process(struct wc_doctor *doctor)
{
    look_at_user(doctor);
    look_at_kernel(doctor);
    look_at_overlay(doctor);
    look_at_cgroups(doctor);
    look_at_filter(doctor);
    look_at_runtime(doctor);
}
