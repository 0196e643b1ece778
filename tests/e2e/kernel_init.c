/* kernel_init.c - a stand-in for the agent: loads the modules of the initramfs in the order of its
 * list, tries every device that a machine is given, says what came of it on the console, and turns
 * the machine off. Linked statically by cases_kernels.py. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *what, bool good)
{
    printf("%s %s%s%s\n", good ? "GOOD" : "BAD", what, good ? "" : ": ",
           good ? "" : strerror(errno));
    fflush(stdout);
}

static bool read_file(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, out, size - 1) : -1;
    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static void load_modules(void)
{
    char list[4096];
    read_file("/modules", list, sizeof list);
    for (char *line = list; *line != '\0';) {
        char *end = strchr(line, '\n');
        *end = '\0';
        int fd = open(line, O_RDONLY);
        say(line, fd >= 0 && syscall(SYS_finit_module, fd, "", 0) == 0);
        close(fd);
        line = end + 1;
    }
}

static void try_disks(void)
{
    char text[64];
    mkdir("/t/lower", 0755);
    mkdir("/t/disk", 0755);
    mkdir("/t/over", 0755);
    mkdir("/t/share", 0755);
    say("erofs", mount("/dev/vda", "/t/lower", "erofs", MS_RDONLY, "") == 0 &&
                     read_file("/t/lower/hello", text, sizeof text));
    say("ext4", mount("/dev/vdb", "/t/disk", "ext4", 0, "") == 0);
    mkdir("/t/disk/upper", 0755);
    mkdir("/t/disk/work", 0755);
    say("overlay", mount("overlay", "/t/over", "overlay", 0,
                         "lowerdir=/t/lower,upperdir=/t/disk/upper,workdir=/t/disk/work") == 0);
    int fd = open("/t/over/hello", O_WRONLY | O_APPEND);
    say("overlay-write", fd >= 0 && write(fd, "x", 1) == 1);
    close(fd);
    say("virtiofs", mount("share", "/t/share", "virtiofs", 0, "") == 0 &&
                        read_file("/t/share/hello", text, sizeof text));
    sync();
}

static void try_devices(void)
{
    char text[64] = "";
    int fd = open("/dev/vport0p1", O_RDWR);
    if (fd < 0)
        fd = open("/dev/vport1p1", O_RDWR);
    say("port", fd >= 0 && write(fd, "hello\n", 6) == 6);
    struct ifreq request = { .ifr_name = "eth0" };
    int sock = socket(AF_INET, SOCK_DGRAM, 0);
    bool there = ioctl(sock, SIOCGIFFLAGS, &request) == 0;
    request.ifr_flags |= IFF_UP;
    say("network", there && ioctl(sock, SIOCSIFFLAGS, &request) == 0);
    say("rng", read_file("/sys/class/misc/hw_random/rng_current", text, sizeof text) &&
                   strncmp(text, "virtio", 6) == 0);
    say("balloon", access("/sys/bus/virtio/drivers/virtio_balloon", F_OK) == 0);
    say("seccomp", access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0);
    say("cgroup2", mount("none", "/mnt", "cgroup2", 0, "") == 0 &&
                       read_file("/mnt/cgroup.controllers", text, sizeof text) &&
                       strstr(text, "memory") != NULL);
    bool tsc = read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", text,
                         sizeof text) &&
               strncmp(text, "tsc", 3) == 0;
    say("clock", tsc);
}

int main(void)
{
    char line[512];
    say("init", true);
    load_modules();
    mkdir("/t", 0755);
    say("proc", mount("none", "/proc", "proc", 0, "") == 0);
    say("sys", mount("none", "/sys", "sysfs", 0, "") == 0);
    say("dev", mount("none", "/dev", "devtmpfs", 0, "") == 0);
    say("tmpfs", mount("none", "/t", "tmpfs", 0, "") == 0);
    try_disks();
    try_devices();
    say("end", read_file("/proc/cmdline", line, sizeof line));
    if (strstr(line, "test_panic") != NULL) {
        int fd = open("/proc/sysrq-trigger", O_WRONLY);
        (void)!write(fd, "c", 1);
    }
    reboot(RB_POWER_OFF);
    return 1;
}
