/* kernel_build.c - a guest kernel from the distribution's source package.
 *
 * Idea:    a chain of steps, each of which is skipped when its result is there: the package, the
 *          source tree (unpacked beside, then renamed), the objects (make knows). So what was
 *          broken off goes on where it was; once the kernel is installed all of it is removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/paths.h"
#include "base/run.h"
#include "base/str.h"
#include "drivers/hyperv/deb.h"
#include "drivers/hyperv/kernel_config.h"
#include "drivers/hyperv/kernel_make.h"

/* Lines that make writes for all of it, as counted; for the share that is shown only. */
enum { STEPS = 1300, CONFIG_MAX_BYTES = 4 << 20 };

/* A build under way. */
struct build {
    const struct wc_paths *paths;
    const struct wc_vm_kernel_source *source;
    struct wc_arena *arena;
    struct wc_err *err;
    const char *dir;    /* lib/vm/build */
    const char *tree;   /* the source */
    const char *config; /* our options, as text */
    uint64_t steps;
};

static void tell(const struct build *build, const char *what, uint64_t done, uint64_t total)
{
    if (build->source->progress != NULL)
        build->source->progress(build->source->progress_data, what, done, total);
}

/* ---- what it takes ---- */

static bool is_in_path(struct wc_arena *arena, const char *program)
{
    const char *path = getenv("PATH");
    for (const char *dir = path != NULL ? path : ""; *dir != '\0';) {
        size_t len = strcspn(dir, ":");
        if (dir[0] == '/' &&
            access(wc_arena_printf(arena, "%.*s/%s", (int)len, dir, program), X_OK) == 0)
            return true;
        dir += len + (dir[len] == ':');
    }
    return false;
}

static int check_tools(const struct build *build)
{
    static const struct {
        const char *what, *package; /* a program, or an absolute path */
    } tools[] = { { "gcc", "gcc" },       { "make", "make" },
                  { "flex", "flex" },     { "bison", "bison" },
                  { "bc", "bc" },         { "perl", "perl" },
                  { "lz4", "lz4" },       { "xz", "xz-utils" },
                  { "tar", "tar" },       { "/usr/include/gelf.h", "libelf-dev" },
                  { "dpkg-deb", "dpkg" }, { "apt-get", "apt" } };
    WC_CLEANUP_BUF struct wc_buf absent = WC_BUF_INIT;
    for (size_t i = 0; i < WC_COUNT(tools); i++) {
        bool there = tools[i].what[0] == '/' ? access(tools[i].what, R_OK) == 0
                                             : is_in_path(build->arena, tools[i].what);
        if (!there)
            wc_buf_printf(&absent, " %s", tools[i].package);
    }
    if (absent.len == 0)
        return 0;
    return wc_err_set(build->err, WC_ERR_UNAVAILABLE, 0,
                      "packages are missing: apt-get install --no-install-recommends%s",
                      absent.data);
}

/* ---- the source ---- */

static int unpack_source(struct build *build, const char *deb, const char *package)
{
    struct wc_arena *arena = build->arena;
    const char *opened = wc_arena_printf(arena, "%s/opened", build->dir);
    const char *fresh = wc_arena_printf(arena, "%s/tree.new", build->dir);
    const char *tar = wc_arena_printf(arena, "%s/usr/src/%s.tar.xz", opened, package);
    const char *const argv[] = { "tar", "-xJf", tar, "-C", fresh, "--strip-components=1", NULL };
    tell(build, "unpack the source", 0, 0);
    int rc = wc_fs_remove_tree(fresh, build->err);
    if (rc == 0)
        rc = wc_deb_unpack(deb, opened, build->err);
    if (rc == 0)
        rc = wc_fs_mkdirs(fresh, 0755, build->err);
    if (rc == 0)
        rc = wc_run(argv, NULL, NULL, build->err);
    if (rc == 0 && rename(fresh, build->tree) != 0)
        rc = wc_err_set(build->err, wc_fs_code(errno), errno, "rename to %s", build->tree);
    if (rc == 0)
        (void)unlink(deb);
    (void)wc_fs_remove_tree(opened, NULL);
    return rc;
}

static int get_source(struct build *build, struct wc_deb_work *deb, const char *package)
{
    const char *file = NULL;
    if (wc_fs_exists(build->tree))
        return 0;
    int rc = wc_deb_download(deb, package, &file, build->err);
    return rc != 0 ? rc : unpack_source(build, file, package);
}

/* ---- make ---- */

static int configure(const struct build *build)
{
    struct wc_arena *arena = build->arena;
    WC_CLEANUP_BUF struct wc_buf made = WC_BUF_INIT, absent = WC_BUF_INIT;
    const char *file = wc_arena_printf(arena, "%s/wcompose.config", build->dir);
    const char *const argv[] = { "make", "-s", wc_arena_printf(arena, "KCONFIG_ALLCONFIG=%s", file),
                                 "allnoconfig", NULL };
    int rc =
        wc_fs_write_atomic(file, build->config, strlen(build->config), 0644, false, build->err);
    if (rc == 0)
        rc = wc_run(argv, build->tree, NULL, build->err);
    if (rc == 0)
        rc = wc_fs_read(wc_arena_printf(arena, "%s/.config", build->tree), CONFIG_MAX_BYTES, &made,
                        build->err);
    if (rc != 0)
        return rc;
    wc_kernel_config_absent(made.data, &absent);
    return absent.len == 0
               ? 0
               : wc_err_set(build->err, WC_ERR_UNAVAILABLE, 0,
                            "this kernel source doesn't take the options %s", absent.data);
}

/* "  CC      mm/slub.o" */
static void on_line(void *data, const char *line)
{
    struct build *build = data;
    if (wc_str_starts(line, "  ")) {
        build->steps++;
        tell(build, "compile", build->steps < STEPS ? build->steps : STEPS - 1, STEPS);
    }
}

static unsigned processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* The same source and options give the same bytes, whoever builds where and when. */
static int compile(struct build *build)
{
    const char *const argv[] = { "make",
                                 wc_arena_printf(build->arena, "-j%u", processors()),
                                 "KBUILD_BUILD_USER=wcompose",
                                 "KBUILD_BUILD_HOST=wcompose",
                                 "KBUILD_BUILD_VERSION=1",
                                 "KBUILD_BUILD_TIMESTAMP=1970-01-01",
                                 "bzImage",
                                 NULL };
    return wc_run_lines(argv, build->tree, on_line, build, build->err);
}

/* ---- the whole ---- */

static int adopt(struct build *build, const char *origin, const char **name, bool *made)
{
    struct wc_kernel_parts parts = { .image = wc_arena_printf(
                                         build->arena, "%s/arch/x86/boot/bzImage", build->tree),
                                     .origin = origin,
                                     .force = true };
    WC_CLEANUP_FD int lock = -1;
    int rc = wc_kernels_lock(build->paths, build->arena, &lock, build->err);
    if (rc == 0)
        rc = wc_kernel_image_release(parts.image, build->arena, &parts.release, build->err);
    if (rc == 0)
        rc = wc_kernel_adopt(build->paths, &parts, build->arena, name, made, build->err);
    return rc != 0 ? rc : wc_kernel_set_in_use(build->paths, build->arena, *name, build->err);
}

/* One build at a time: *fd holds the directory. */
static int take_dir(struct build *build, int *fd)
{
    int rc = wc_fs_mkdirs(build->dir, 0755, build->err);
    if (rc != 0)
        return rc;
    *fd = open(build->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return wc_err_set(build->err, wc_fs_code(errno), errno, "open %s", build->dir);
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0)
        return wc_err_set(build->err, WC_ERR_CONFLICT, 0,
                          "another 'wcompose vm kernel build' is at work in %s", build->dir);
    return 0;
}

/* What an older source left is of no use any more. */
static int keep_only(struct build *build, const char *origin)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    const char *path = wc_arena_printf(build->arena, "%s/origin", build->dir);
    if (wc_fs_read(path, 4096, &text, NULL) == 0 && wc_streq(text.data, origin))
        return 0;
    int rc = wc_fs_remove_tree(build->tree, build->err);
    return rc != 0 ? rc : wc_fs_write_atomic(path, origin, strlen(origin), 0644, false, build->err);
}

static int run_build(struct build *build, const char **name, bool *made)
{
    struct wc_arena *arena = build->arena;
    struct wc_deb_work deb = { .arena = arena,
                               .dir = build->dir,
                               .progress = build->source->progress,
                               .progress_data = build->source->progress_data };
    const char *version, *package = NULL;
    char hex[WC_SHA256_HEX + 1];
    int rc = wc_deb_find(&deb, "linux-source", "linux-source-", &version, &package, build->err);
    if (rc != 0)
        return rc;
    wc_sha256_hex(build->config, strlen(build->config), hex);
    const char *source = wc_arena_printf(arena, "%s %s", package, version);
    const char *origin = wc_arena_printf(arena, "built from %s, options %.8s", source, hex);
    const char *same =
        build->source->force ? NULL : wc_kernel_of_origin(build->paths, arena, origin);
    if (same != NULL) {
        *name = same;
        *made = false;
        return 0;
    }
    rc = keep_only(build, source);
    if (rc == 0)
        rc = get_source(build, &deb, package);
    if (rc == 0)
        rc = configure(build);
    if (rc == 0)
        rc = compile(build);
    if (rc == 0)
        rc = adopt(build, origin, name, made);
    return rc;
}

int wc_vm_kernel_build(const struct wc_paths *paths, const struct wc_vm_kernel_source *source,
                       struct wc_arena *arena, const char **name, bool *made, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf config = WC_BUF_INIT;
    WC_CLEANUP_FD int held = -1;
    wc_kernel_config_text(&config);
    struct build build = { .paths = paths,
                           .source = source,
                           .arena = arena,
                           .err = err,
                           .dir = wc_arena_printf(arena, "%s/vm/build", paths->lib),
                           .tree = wc_arena_printf(arena, "%s/vm/build/tree", paths->lib),
                           .config = config.data };
    int rc = check_tools(&build);
    if (rc == 0)
        rc = take_dir(&build, &held);
    if (rc == 0)
        rc = run_build(&build, name, made);
    if (rc == 0)
        (void)wc_fs_remove_tree(build.dir, NULL);
    return rc;
}
