/* paths.c - the three roots, from the environment and the effective user. */
#include "base/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/str.h"

static const char *or_home(struct wc_arena *arena, const char *variable, const char *below_home)
{
    const char *value = getenv(variable);
    if (value != NULL && value[0] == '/')
        return wc_arena_printf(arena, "%s/wcompose", value);
    const char *home = getenv("HOME");
    if (home == NULL || home[0] != '/')
        return NULL;
    return wc_arena_printf(arena, "%s/%s/wcompose", home, below_home);
}

/* Who may write a directory of ours may make us do anything: it has to be ours or root's alone.
 * What is not there yet is made by us. */
static int check_owner(const char *dir, struct wc_err *err)
{
    struct stat st;
    if (lstat(dir, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : wc_err_set(err, WC_ERR_PERM, errno, "look at %s", dir);
    bool safe_owner = st.st_uid == geteuid() || st.st_uid == 0;
    if (safe_owner && (S_ISLNK(st.st_mode) || (st.st_mode & S_IWOTH) == 0))
        return 0;
    return wc_err_set(err, WC_ERR_PERM, 0,
                      "%s is not used: %s, so others could put their files in the place of ours; "
                      "set WCOMPOSE_ROOT to a directory of your own",
                      dir, safe_owner ? "anybody may write there" : "it belongs to somebody else");
}

static int check_owners(const struct wc_paths *paths, const char *root, struct wc_err *err)
{
    const char *const dirs[] = { root, paths->lib, paths->run, paths->etc };
    int rc = 0;
    for (size_t i = 0; i < WC_COUNT(dirs) && rc == 0; i++)
        rc = dirs[i] == NULL ? 0 : check_owner(dirs[i], err);
    return rc;
}

/* Beneath /tmp anybody could be first: it is made before it is looked at. */
static const char *run_in_tmp(struct wc_arena *arena)
{
    const char *dir = wc_arena_printf(arena, "/tmp/wcompose-%u", (unsigned)geteuid());
    (void)mkdir(dir, 0700);
    return dir;
}

static int find_roots(struct wc_arena *arena, struct wc_paths *out, struct wc_err *err)
{
    const char *root = getenv("WCOMPOSE_ROOT");
    if (root != NULL && root[0] != '\0') {
        if (root[0] != '/')
            return wc_err_set(err, WC_ERR_USAGE, 0,
                              "WCOMPOSE_ROOT must be an absolute path, not '%s'", root);
        out->etc = wc_arena_printf(arena, "%s/etc", root);
        out->lib = wc_arena_printf(arena, "%s/lib", root);
        out->run = wc_arena_printf(arena, "%s/run", root);
    } else if (geteuid() == 0) {
        out->etc = "/etc/wcompose";
        out->lib = "/var/lib/wcompose";
        out->run = "/run/wcompose";
    } else {
        out->etc = or_home(arena, "XDG_CONFIG_HOME", ".config");
        out->lib = or_home(arena, "XDG_STATE_HOME", ".local/state");
        const char *run = getenv("XDG_RUNTIME_DIR");
        out->run = run != NULL && run[0] == '/' ? wc_arena_printf(arena, "%s/wcompose", run)
                                                : run_in_tmp(arena);
    }
    if (out->etc == NULL || out->lib == NULL)
        return wc_err_set(err, WC_ERR_NOENT, 0,
                          "HOME is not set, so there is no place for state; set WCOMPOSE_ROOT");
    out->images = wc_arena_printf(arena, "%s/images", out->lib);
    out->volumes = wc_arena_printf(arena, "%s/volumes", out->lib);
    return check_owners(out, root != NULL && root[0] != '\0' ? root : NULL, err);
}

static const char *with_helper(struct wc_arena *arena, const char *dir)
{
    return access(wc_arena_printf(arena, "%s/wcompose-keeper", dir), X_OK) == 0 ? dir : NULL;
}

static int find_helpers(struct wc_arena *arena, struct wc_paths *out, struct wc_err *err)
{
    const char *given = getenv("WCOMPOSE_LIBEXEC");
    if (given != NULL && given[0] == '/' && (out->bin = with_helper(arena, given)) != NULL)
        return 0;
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "cannot read /proc/self/exe; is /proc mounted?");
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    *slash = '\0';
    const char *beside = wc_arena_strdup(arena, self);
    const char *libexec = wc_arena_printf(arena, "%s/../libexec/wcompose", self);
    if ((out->bin = with_helper(arena, beside)) != NULL ||
        (out->bin = with_helper(arena, libexec)) != NULL)
        return 0;
    return wc_err_set(
        err, WC_ERR_NOENT, 0,
        "wcompose-keeper is neither in %s nor in ../libexec/wcompose; reinstall wcompose", beside);
}

int wc_paths_find(struct wc_arena *arena, struct wc_paths *out, struct wc_err *err)
{
    struct wc_paths found = { 0 };
    int rc = find_roots(arena, &found, err);
    if (rc == 0)
        rc = find_helpers(arena, &found, err);
    if (rc == 0)
        *out = found;
    return rc;
}

const char *wc_paths_policy(const struct wc_paths *paths, struct wc_arena *arena)
{
    return wc_arena_printf(arena, "%s/policy.yaml", paths->etc);
}

const char *wc_paths_project_lib(const struct wc_paths *paths, struct wc_arena *arena,
                                 const char *project)
{
    return wc_arena_printf(arena, "%s/projects/%s", paths->lib, project);
}

const char *wc_paths_project_run(const struct wc_paths *paths, struct wc_arena *arena,
                                 const char *project)
{
    return wc_arena_printf(arena, "%s/projects/%s", paths->run, project);
}

const char *wc_paths_instance_lib(const struct wc_paths *paths, struct wc_arena *arena,
                                  const char *project, const char *id)
{
    return wc_arena_printf(arena, "%s/projects/%s/instances/%s", paths->lib, project, id);
}

const char *wc_paths_instance_run(const struct wc_paths *paths, struct wc_arena *arena,
                                  const char *project, const char *id)
{
    return wc_arena_printf(arena, "%s/projects/%s/instances/%s", paths->run, project, id);
}
