/* template.c - machines that have booted once, for others to go on from.
 *
 * What a machine is before it is told anything depends on few things: emulator, kernel, agent,
 * size, links, accelerator. For each set of these one machine is booted, written down as soon as
 * its agent is heard of, and kept in lib/vm/templates/KEY: the devices' state, and the memory as a
 * file. A start from it maps that memory privately, so that machines share what they don't change.
 *
 * The memory is given to machines as a memfd with all seals, since QEMU opens the file for writing
 * even where it maps it privately: of a file on disk its user would need to be one who may change
 * it, for all machines to come.
 */
#include "drivers/hyperv/machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/paths.h"
#include "base/run.h"
#include "base/str.h"
#include "drivers/hyperv/monitor/conf.h"
#include "drivers/hyperv/protocol.h"
#include "drivers/process/record.h"

enum { KEY_DIGITS = 24, CACHED = 16, KEPT = 12 };

struct wc_vm_cache {
    pthread_mutex_t mutex;
    struct {
        char key[KEY_DIGITS + 1];
        int fd;
    } entries[CACHED];
    size_t n;
};

struct wc_vm_cache *wc_vm_cache_new(void)
{
    struct wc_vm_cache *cache = wc_calloc(1, sizeof *cache);
    pthread_mutex_init(&cache->mutex, NULL);
    return cache;
}

void wc_vm_cache_free(struct wc_vm_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < cache->n; i++)
        close(cache->entries[i].fd);
    pthread_mutex_destroy(&cache->mutex);
    wc_free(cache);
}

/* Everything that what was written down depends on. */
static const char *key_of(const struct wc_machine *machine)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct stat st = { 0 };
    char hex[WC_SHA256_HEX + 1];
    (void)stat(machine->accel.qemu, &st);
    wc_buf_printf(&text, "%d\n%s\n%lld.%09ld\n%s\n%d\n%lld\n%u\n%zu\n%llu\n", WC_VM_VERSION,
                  machine->accel.qemu, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                  machine->kernel.identity, machine->kvm, (long long)machine->size.memory_bytes,
                  machine->size.cpus, machine->in->request->inst->n_nets,
                  (unsigned long long)machine->accel.tsc_khz / 1000);
    wc_sha256_hex(text.data, text.len, hex);
    return wc_arena_printf(machine->arena, "%.*s", KEY_DIGITS, hex);
}

/* ---- making one ---- */

/* A link where that goes, a copy where it doesn't. */
static int bring(const char *from, const char *to, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    enum { MOST = 256 << 20 };
    if (link(from, to) == 0)
        return 0;
    int rc = wc_fs_read(from, MOST, &bytes, err);
    return rc == 0 ? wc_write_plain(to, bytes.data, bytes.len, 0444, err) : rc;
}

/* The directory is the machine's user's while it boots, and root's ever after. */
static int boot_once(const struct wc_machine *machine, const char *dir, struct wc_err *err)
{
    struct wc_arena *arena = machine->arena;
    struct wc_machine maker = *machine;
    maker.dir = dir;
    maker.makes_template = true;
    (void)wc_fs_remove_tree(dir, NULL);
    int rc = wc_fs_mkdirs(dir, 0700, err);
    if (rc == 0)
        rc = bring(machine->kernel.image, wc_arena_printf(arena, "%s/kernel", dir), err);
    if (rc == 0)
        rc = bring(machine->kernel.initramfs, wc_arena_printf(arena, "%s/initramfs", dir), err);
    if (rc == 0 && lchown(dir, machine->uid, machine->uid) != 0)
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", dir);
    if (rc == 0)
        rc = wc_vm_conf_write(&maker, err);
    const char *const argv[] = {
        wc_arena_printf(arena, "%s/wcompose-monitor", machine->in->request->paths->bin), ".", NULL
    };
    return rc == 0 ? wc_run(argv, dir, NULL, err) : rc;
}

/* Keeps the two files, takes them over, and puts them in place. */
static int keep(const struct wc_machine *machine, const char *made, const char *dir,
                struct wc_err *err)
{
    static const char *const kept[] = { WC_MON_STATE, WC_VM_MEMORY };
    struct wc_arena *arena = machine->arena;
    const char *whole = wc_arena_printf(arena, "%s.whole", dir);
    (void)wc_fs_remove_tree(whole, NULL);
    int rc = wc_fs_mkdirs(whole, 0755, err);
    for (size_t i = 0; i < WC_COUNT(kept) && rc == 0; i++) {
        const char *to = wc_arena_printf(arena, "%s/%s", whole, kept[i]);
        if (rename(wc_arena_printf(arena, "%s/%s", made, kept[i]), to) != 0 ||
            lchown(to, 0, 0) != 0 || chmod(to, i == 0 ? 0444 : 0400) != 0)
            rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", to);
    }
    if (rc == 0 && rename(whole, dir) != 0)
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", dir);
    return rc;
}

static bool is_there(const char *dir, struct wc_arena *arena)
{
    return wc_fs_exists(wc_arena_printf(arena, "%s/" WC_VM_MEMORY, dir));
}

/* There are as many as there are kinds of machines; those of kernels and sizes that are not used
 * any more go when new ones come. Machines that started from one don't need it. */
static void sweep(const char *parent, struct wc_arena *arena)
{
    for (;;) {
        DIR *all = opendir(parent);
        const struct dirent *entry;
        const char *oldest = NULL;
        time_t age = 0;
        size_t n = 0;
        while (all != NULL && (entry = readdir(all)) != NULL) {
            const char *path = wc_arena_printf(arena, "%s/%s", parent, entry->d_name);
            struct stat st;
            if (entry->d_name[0] == '.' || stat(path, &st) != 0)
                continue;
            n++;
            if (oldest == NULL || st.st_mtime < age) {
                oldest = path;
                age = st.st_mtime;
            }
        }
        if (all != NULL)
            closedir(all);
        if (n < KEPT || wc_fs_remove_tree(oldest, NULL) != 0)
            return;
    }
}

/* One that could not be made isn't tried again before the next boot, or by another program. */
static int make(const struct wc_machine *machine, const char *key, const char *dir)
{
    const struct wc_paths *paths = machine->in->request->paths;
    struct wc_arena *arena = machine->arena;
    struct wc_err err = { 0 };
    const char *parent = wc_arena_printf(arena, "%s/vm/templates", paths->lib);
    const char *failed = wc_arena_printf(arena, "%s/vm-template.%s", paths->run, key);
    const char *made = wc_arena_printf(arena, "%s.new", dir);
    if (wc_fs_mkdirs(parent, 0755, NULL) != 0)
        return -1;
    WC_CLEANUP_FD int lock = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        return -1;
    if (is_there(dir, arena))
        return 0;
    if (wc_fs_exists(failed))
        return -1;
    sweep(parent, arena);
    int rc = boot_once(machine, made, &err);
    if (rc == 0)
        rc = keep(machine, made, dir, &err);
    (void)wc_fs_remove_tree(made, NULL);
    if (rc == 0)
        return 0;
    wc_log(WC_LOG_WARN, "hyperv", "machines start cold: no template could be made: %s", err.msg);
    (void)wc_write_plain(failed, err.msg, strlen(err.msg), 0600, NULL);
    return -1;
}

/* ---- its memory ---- */

/* What was never touched stays a hole. */
static int copy_data(int from, int to, off_t size)
{
    off_t at = 0, end = 0;
    while ((at = lseek(from, end, SEEK_DATA)) >= 0 && at < size) {
        end = lseek(from, at, SEEK_HOLE);
        if (end < 0 || lseek(to, at, SEEK_SET) < 0)
            return -1;
        while (at < end) {
            char bytes[65536];
            size_t most = end - at < (off_t)sizeof bytes ? (size_t)(end - at) : sizeof bytes;
            ssize_t k = pread(from, bytes, most, at);
            if (k <= 0 || pwrite(to, bytes, (size_t)k, at) != k)
                return -1;
            at += k;
        }
    }
    return errno == ENXIO || at >= size ? 0 : -1;
}

static int load(const char *dir, struct wc_arena *arena)
{
    const unsigned seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    struct stat st;
    WC_CLEANUP_FD int from =
        open(wc_arena_printf(arena, "%s/" WC_VM_MEMORY, dir), O_RDONLY | O_CLOEXEC);
    WC_CLEANUP_FD int to = memfd_create("wcompose-template", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (from < 0 || to < 0 || fstat(from, &st) != 0 || ftruncate(to, st.st_size) != 0 ||
        copy_data(from, to, st.st_size) != 0 || fcntl(to, F_ADD_SEALS, seals) != 0)
        return -1;
    int out = to;
    to = -1;
    return out;
}

static int memory_of(struct wc_vm_cache *cache, const char *key, const char *dir,
                     struct wc_arena *arena)
{
    int fd = -1;
    pthread_mutex_lock(&cache->mutex);
    for (size_t i = 0; i < cache->n; i++)
        if (wc_streq(cache->entries[i].key, key))
            fd = cache->entries[i].fd;
    if (fd < 0 && cache->n < CACHED && (fd = load(dir, arena)) >= 0) {
        snprintf(cache->entries[cache->n].key, sizeof cache->entries->key, "%s", key);
        cache->entries[cache->n++].fd = fd;
    }
    pthread_mutex_unlock(&cache->mutex);
    return fd;
}

void wc_vm_template_find(struct wc_machine *machine, struct wc_vm_cache *cache)
{
    const struct wc_vm_options *asked = &machine->in->request->inst->spec->vm;
    struct wc_arena *arena = machine->arena;
    machine->state_file = NULL;
    machine->memory_fd = -1;
    if (machine->n_shares > 0 || asked->use_template == WC_TRI_FALSE || cache == NULL)
        return;
    const char *key = key_of(machine);
    const char *dir =
        wc_arena_printf(arena, "%s/vm/templates/%s", machine->in->request->paths->lib, key);
    if (!is_there(dir, arena) && make(machine, key, dir) != 0)
        return;
    machine->memory_fd = memory_of(cache, key, dir, arena);
    if (machine->memory_fd >= 0)
        machine->state_file = wc_arena_printf(arena, "%s/" WC_MON_STATE, dir);
}
