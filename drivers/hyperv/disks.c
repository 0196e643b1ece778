/* disks.c - the two disks of a machine.
 *
 * The image's: an erofs made once of the image's merged layers, read-only, shared by all machines
 * of the image and, in the host's page cache, by their reads. The writable one: a sparse ext4, made
 * with the instance, gone with it. Both are made under another name and renamed when whole, so that
 * what is there is good, whoever was killed.
 */
#include "drivers/hyperv/machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/paths.h"
#include "base/run.h"
#include "base/str.h"
#include "drivers/process/record.h"
#include "wcompose/image.h"

enum { LIST_MAX = 1 << 20 };

static const char mkfs_image[] = WC_VM_MKFS_IMAGE;
static const char mkfs_scratch[] = WC_VM_MKFS_SCRATCH;

static const char *layers_of(const struct wc_machine *machine)
{
    WC_CLEANUP_BUF struct wc_buf names = WC_BUF_INIT;
    const struct wc_strv *layers = &machine->in->request->inst->image->layers;
    for (size_t i = 0; i < layers->n; i++)
        wc_buf_printf(&names, "%s\n", layers->items[i]);
    return wc_arena_strndup(machine->arena, names.data, names.len);
}

/* What the root is made of decides the name. */
static const char *image_path(const struct wc_machine *machine)
{
    char hex[WC_SHA256_HEX + 1];
    const char *names = layers_of(machine);
    wc_sha256_hex(names, strlen(names), hex);
    return wc_arena_printf(machine->arena, "%s/vm/images/%s.erofs",
                           machine->in->request->paths->lib, hex);
}

/* Disks whose layers are gone from the store, when another one is made: each has a list of its
 * layers beside it. Machines that run from one keep it by their mount. */
static void sweep(const struct wc_machine *machine, const char *dir)
{
    static const char end[] = ".layers";
    struct wc_arena *arena = machine->arena;
    DIR *all = opendir(dir);
    const struct dirent *entry;
    while (all != NULL && (entry = readdir(all)) != NULL) {
        WC_CLEANUP_BUF struct wc_buf list = WC_BUF_INIT;
        size_t len = strlen(entry->d_name);
        const char *path = wc_arena_printf(arena, "%s/%s", dir, entry->d_name);
        if (len <= strlen(end) || !wc_streq(entry->d_name + len - strlen(end), end) ||
            wc_fs_read(path, LIST_MAX, &list, NULL) != 0)
            continue;
        bool whole = true;
        for (char *line = list.data; *line != '\0';) {
            char *next = line + strcspn(line, "\n");
            bool more = *next == '\n';
            *next = '\0';
            whole = whole && wc_fs_exists(line);
            line = next + more;
        }
        if (whole)
            continue;
        (void)unlink(wc_arena_strndup(arena, path, strlen(path) - strlen(end)));
        (void)unlink(path);
    }
    if (all != NULL)
        closedir(all);
}

/* One makes it, others wait for that: the lock is the directory's, so nothing of it is left. */
static int make_image(const struct wc_machine *machine, const char *path, struct wc_err *err)
{
    const char *dir =
        wc_arena_printf(machine->arena, "%s/vm/images", machine->in->request->paths->lib);
    const char *fresh = wc_arena_printf(machine->arena, "%s.new", path);
    int rc = wc_fs_mkdirs(dir, 0700, err);
    if (rc != 0)
        return rc;
    WC_CLEANUP_FD int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", dir);
    if (access(path, R_OK) == 0)
        return 0;
    sweep(machine, dir);
    (void)unlink(fresh);
    const char *layers = layers_of(machine);
    rc = wc_write_plain(wc_arena_printf(machine->arena, "%s.layers", path), layers, strlen(layers),
                        0600, err);
    if (rc != 0)
        return rc;
    const char *root =
        wc_arena_printf(machine->arena, "/proc/%d/fd/%d/", (int)getpid(), machine->in->root_fd);
    const char *const argv[] = { mkfs_image, "--quiet", fresh, root, NULL };
    rc = wc_run(argv, NULL, NULL, err);
    if (rc == 0 && (chmod(fresh, 0444) != 0 || rename(fresh, path) != 0))
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    if (rc != 0)
        (void)unlink(fresh);
    return rc == 0 ? 0 : wc_err_wrap(err, rc, "the image's disk");
}

static int make_scratch(const struct wc_machine *machine, const char *path, struct wc_err *err)
{
    const char *fresh = wc_arena_printf(machine->arena, "%s.new", path);
    const char *const argv[] = { mkfs_scratch,
                                 "-q",
                                 "-F",
                                 "-t",
                                 "ext4",
                                 "-m",
                                 "0",
                                 "-J",
                                 "size=8",
                                 "-E",
                                 "lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0",
                                 fresh,
                                 NULL };
    WC_CLEANUP_FD int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || ftruncate(fd, machine->size.disk_bytes) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", fresh);
    int rc = wc_run(argv, NULL, NULL, err);
    if (rc == 0 && (fchown(fd, machine->uid, machine->uid) != 0 || rename(fresh, path) != 0))
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    if (rc != 0)
        (void)unlink(fresh);
    return rc == 0 ? 0 : wc_err_wrap(err, rc, "the writable disk");
}

int wc_vm_disks(struct wc_machine *machine, struct wc_err *err)
{
    machine->image = image_path(machine);
    machine->scratch = wc_arena_printf(machine->arena, "%s/scratch", machine->in->request->lib_dir);
    int rc = access(machine->image, R_OK) == 0 ? 0 : make_image(machine, machine->image, err);
    if (rc == 0 && access(machine->scratch, F_OK) != 0)
        rc = make_scratch(machine, machine->scratch, err);
    return rc;
}
