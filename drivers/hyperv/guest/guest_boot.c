/* guest_boot.c - from the kernel's first exec to a channel: file systems, modules, the port.
 *
 * The agent leaves the initramfs for a tmpfs of its own, so that the service's root can be pivoted
 * to and nothing of ours stays below it. Nothing sleeps: the kernel says by uevents when the port
 * is there. Modules that were loaded are removed, since an initramfs is memory.
 */
#include "drivers/hyperv/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    PORT_PATIENCE_MS = 10000,
    NAME_PATIENCE_MS = 1000, /* then a port without a name will do, if it is the only one */
    HOST_PATIENCE_S = 60,
    UEVENT_PROTOCOL = 15,
    MODULE_COMPRESSED = 4, /* MODULE_INIT_COMPRESSED_FILE */
    ROUND_ROBIN = 2,       /* SCHED_RR */
    RESET_ON_FORK = 0x40000000,
    BUSES = 4,
    PORTS = 8,
};
#define RNDADDENTROPY_ 0x40085203UL
#define RNDRESEEDCRNG_ 0x5207

static const struct {
    const char *target, *type, *options;
    unsigned long flags;
} mounts[] = {
    { "proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
    { "sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
    { "dev", "devtmpfs", NULL, MS_NOSUID },
};
static const char *const places[] = { "root",  "image",  "scratch", "shares",
                                      "files", "notify", "run",     "cgroup" };

static void fatal(struct wc_guest *guest, const char *what, const char *name)
{
    wc_fault(what, name, errno);
    wc_guest_die(guest, wc_fault_text());
}

/* In a test the image is a directory. */
static void bind_image(struct wc_guest *guest, int image)
{
    char path[40];
    struct wc_text text = WC_TEXT(path);
    wc_text_put(&text, "/proc/self/fd/");
    wc_text_num(&text, (uint64_t)image);
    if (mount(path, WC_GUEST_IMAGE, NULL, MS_BIND, NULL) != 0)
        fatal(guest, "bind", guest->place.image);
    close(image);
}

/* A root of our own over the initramfs, which stays open. */
static void settle(struct wc_guest *guest)
{
    const struct wc_guest_place *place = &guest->place;
    guest->place.initramfs = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int image = place->test ? open(place->image, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (mkdir(place->own, 0755) != 0 && errno != EEXIST)
        fatal(guest, "make", place->own);
    if (mount("agent", place->own, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=48m") != 0 ||
        chdir(place->own) != 0)
        fatal(guest, "mount", place->own);
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++)
        if (mkdir(mounts[i].target, 0755) != 0 ||
            mount(mounts[i].type, mounts[i].target, mounts[i].type, mounts[i].flags,
                  mounts[i].options) != 0)
            fatal(guest, "mount", mounts[i].type);
    if (mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0)
        fatal(guest, "move the root", NULL);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        mkdir(places[i], 0755);
    if (place->test) {
        bind_image(guest, image);
        return;
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
}

/* What the kernel's command line has for a module, "name.key=value", as its arguments. */
static void module_arguments(const char *name, size_t name_len, struct wc_text *out)
{
    static char line[8192];
    if (line[0] == '\0' && wc_file_read(AT_FDCWD, "/proc/cmdline", line, sizeof line) < 0)
        return;
    for (const char *at = line; *at != '\0';) {
        size_t len = strcspn(at, " \n"), i = 0;
        for (; i < name_len && i < len; i++) /* the two are one letter to the kernel */
            if (at[i] != name[i] &&
                !((at[i] == '-' || at[i] == '_') && (name[i] == '-' || name[i] == '_')))
                break;
        if (i == name_len && at[i] == '.') {
            wc_text_putn(out, at + i + 1, len - i - 1);
            wc_text_put(out, " ");
        }
        at += len + (at[len] != '\0');
    }
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* Cuts the signature off, in the copy that is the initramfs. To check it costs as much as the rest
 * of loading does, and this kernel takes modules without: they come from who brought the kernel. */
static void cut_signature(int fd)
{
    static const char mark[] = "~Module signature appended~\n";
    struct {
        uint8_t head[8], len[4]; /* the kernel's struct module_signature: len is big-endian */
        char mark[sizeof mark - 1];
    } end;
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof end ||
        pread(fd, &end, sizeof end, st.st_size - (off_t)sizeof end) != (ssize_t)sizeof end ||
        memcmp(end.mark, mark, sizeof end.mark) != 0)
        return;
    off_t len = (off_t)end.len[0] << 24 | end.len[1] << 16 | end.len[2] << 8 | end.len[3];
    if (len + (off_t)sizeof end < st.st_size &&
        ftruncate(fd, st.st_size - len - (off_t)sizeof end) != 0)
        wc_fault("cut a signature", NULL, errno);
}

static bool takes_unsigned(void)
{
    char enforced[4];
    return wc_file_read(AT_FDCWD, "/sys/module/module/parameters/sig_enforce", enforced,
                        sizeof enforced) > 0 &&
           enforced[0] == 'N';
}

static int load_module(int initramfs, const char *file, bool cut)
{
    char arguments[2048];
    struct wc_text text = WC_TEXT(arguments);
    const char *slash = strrchr(file, '/'), *name = slash == NULL ? file : slash + 1;
    arguments[0] = '\0';
    module_arguments(name, strcspn(name, "."), &text);
    const char *path = file[0] == '/' ? file + 1 : file;
    int fd = cut ? openat(initramfs, path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        cut_signature(fd);
        close(fd); /* a file that is open for writing isn't loaded */
    }
    fd = openat(initramfs, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int flags = ends_with(file, ".ko") ? 0 : MODULE_COMPRESSED;
    int sys = syscall(SYS_finit_module, fd, arguments, flags) == 0 || errno == EEXIST ? 0 : errno;
    close(fd);
    if (sys == 0)
        unlinkat(initramfs, path, 0);
    return sys;
}

/* A missing module is said, and passed over: the kernel may have it built in. */
static void load_modules(struct wc_guest *guest)
{
    static char list[16384];
    bool cut = takes_unsigned();
    if (wc_file_read(guest->place.initramfs, "modules", list, sizeof list) < 0)
        return;
    for (char *at = list; *at != '\0';) {
        char *line = at;
        size_t len = strcspn(at, "\n");
        at += len + (at[len] != '\0');
        line[len] = '\0';
        if (len == 0 || line[0] == '#')
            continue;
        int sys = load_module(guest->place.initramfs, line, cut);
        if (sys != 0) {
            wc_fault("module", line, sys);
            wc_guest_to_console(guest, wc_fault_text());
            wc_guest_say_text(guest, WC_VM_SAYS, wc_fault_text());
        }
    }
}

/* "vport0p1" and so on; and of the file with its name. */
static void port_path(const char *before, unsigned bus, unsigned port, const char *after,
                      char out[64])
{
    struct wc_text text = { out, 0, 64 };
    wc_text_put(&text, before);
    wc_text_num(&text, bus);
    wc_text_put(&text, "p");
    wc_text_num(&text, port);
    wc_text_put(&text, after);
}

/* The device of our port into `path`. any: a port without a name will do, if it is the only one. */
static bool find_port(bool any, char path[64])
{
    char file[64], name[64];
    unsigned seen = 0;
    for (unsigned bus = 0; bus < BUSES; bus++)
        for (unsigned port = 0; port < PORTS; port++) {
            port_path("/sys/class/virtio-ports/vport", bus, port, "/name", file);
            ssize_t len = wc_file_read(AT_FDCWD, file, name, sizeof name);
            if (len > 0 && strcmp(name, "wcompose.agent\n") == 0) {
                port_path("/dev/vport", bus, port, "", path);
                return true;
            }
            port_path("/dev/vport", bus, port, "", file);
            if (any && len <= 0 && access(file, F_OK) == 0 && seen++ == 0)
                memcpy(path, file, sizeof file);
        }
    return any && seen == 1;
}

static int uevents_open(void)
{
    struct wc_sockaddr_nl name = { .family = AF_NETLINK, .groups = 1 };
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, UEVENT_PROTOCOL);
    if (fd >= 0)
        bind(fd, (struct sockaddr *)&name, sizeof name);
    return fd;
}

static void open_port(struct wc_guest *guest, int uevents)
{
    char path[64], event[4096];
    uint64_t begun = wc_guest_now_ms(), waited = 0;
    while (!find_port(waited >= NAME_PATIENCE_MS, path)) {
        struct pollfd poll_fd = { .fd = uevents, .events = POLLIN };
        if (waited >= PORT_PATIENCE_MS)
            wc_guest_die(guest, "there is no virtio-serial port named wcompose.agent");
        poll(&poll_fd, 1, waited < NAME_PATIENCE_MS ? NAME_PATIENCE_MS : PORT_PATIENCE_MS);
        while (recv(uevents, event, sizeof event, 0) > 0)
            ;
        waited = wc_guest_now_ms() - begun;
    }
    guest->place.channel = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (guest->place.channel < 0)
        fatal(guest, "open", path);
}

/* The service may take every processor and all memory; a ping is answered, and nothing kills us.
 * Children are born without it. */
static void take_priority(void)
{
    const int priority = 1;
    syscall(SYS_sched_setscheduler, 0, ROUND_ROBIN | RESET_ON_FORK, &priority);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        wc_file_write_all(fd, "-1000", 5);
        close(fd);
    }
    const struct rlimit files = { 1048576, 1048576 };
    setrlimit(RLIMIT_NOFILE, &files);
}

void wc_guest_boot(struct wc_guest *guest)
{
    wc_guest_catch(guest);
    settle(guest);
    if (guest->place.test)
        return;
    take_priority();
    reboot(RB_DISABLE_CAD);
    int uevents = uevents_open();
    load_modules(guest);
    if (mount("cgroup2", WC_GUEST_CGROUP, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
        guest->place.cgroup = WC_GUEST_CGROUP;
    open_port(guest, uevents);
    if (uevents >= 0)
        close(uevents);
}

/* Written while the port still blocks: the kernel then waits for the host to open its end, which it
 * has no event for. */
void wc_guest_hello(struct wc_guest *guest)
{
    struct {
        struct wc_vm_head head;
        uint32_t version;
        char release[65];
    } hello = { .version = WC_VM_VERSION };
    struct utsname name;
    uname(&name);
    size_t len = strnlen(name.release, sizeof hello.release - 1);
    memcpy(hello.release, name.release, len);
    hello.head = (struct wc_vm_head){ .len = (uint32_t)(4 + len), .type = WC_VM_HELLO };
    wc_guest_patience(HOST_PATIENCE_S);
    if (wc_file_write_all(guest->place.channel, (const char *)&hello, 12 + len) != 0)
        fatal(guest, "say hello", NULL);
    wc_guest_patience(0);
    fcntl(guest->place.channel, F_SETFL, O_RDWR | O_NONBLOCK);
}

void wc_guest_entropy(const void *bytes, size_t len)
{
    struct {
        int bits, size;
        uint8_t bytes[1024];
    } pool = { .bits = (int)(len * 8), .size = (int)len };
    memcpy(pool.bytes, bytes, len); /* at most 1024: guest_frame.c */
    int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (ioctl(fd, RNDADDENTROPY_, &pool) != 0 || ioctl(fd, RNDRESEEDCRNG_) != 0)
        wc_fault("entropy", NULL, errno);
    close(fd);
}
