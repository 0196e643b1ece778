/* oci_user.c - names to numbers by the image's own /etc/passwd and /etc/group.
 *
 * Idea:    the files are opened beneath the image's root with openat2(RESOLVE_IN_ROOT): a link in
 * the image can't lead to the host's files. Lines that don't parse are skipped, as libc does.
 */
#include "drivers/process/oci.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "drivers/process/image_root.h"

enum { ID_MAX_FILE = 4 << 20 };

struct account {
    const char *name, *home, *members; /* members: groups only */
    int64_t uid, gid;
    bool found;
};

/* Cuts the next ':' field off *rest. */
static char *next_field(char **rest)
{
    char *field = *rest;
    if (field == NULL)
        return NULL;
    char *colon = strchr(field, ':');
    *rest = colon != NULL ? colon + 1 : NULL;
    if (colon != NULL)
        *colon = '\0';
    return field;
}

static bool to_id(const char *text, int64_t *out)
{
    return text != NULL && wc_str_to_i64(text, 0, UINT32_MAX - 1, out);
}

/* Fills `a` from one line; false when it isn't one. */
static bool parse_passwd(char *line, struct account *a)
{
    a->name = next_field(&line);
    next_field(&line);
    if (!to_id(next_field(&line), &a->uid) || !to_id(next_field(&line), &a->gid))
        return false;
    next_field(&line);
    a->home = next_field(&line);
    return true;
}

static bool parse_group(char *line, struct account *a)
{
    a->name = next_field(&line);
    next_field(&line);
    if (!to_id(next_field(&line), &a->gid))
        return false;
    a->members = next_field(&line);
    return true;
}

/* Reads a whole file of the image into the arena; "" when it isn't there. */
static char *slurp(int root_fd, const char *path, struct wc_arena *arena)
{
    WC_CLEANUP_FD int fd = wc_image_root_open(root_fd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return wc_arena_strdup(arena, "");
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    for (;;) {
        wc_buf_reserve(&buf, 4096);
        ssize_t got = read(fd, buf.data + buf.len, 4096);
        if (got <= 0 || buf.len > ID_MAX_FILE)
            break;
        buf.len += (size_t)got;
        buf.data[buf.len] = '\0';
    }
    return wc_arena_strdup(arena, buf.data);
}

typedef bool parse_fn(char *line, struct account *a);

/* Finds the first line whose name is `name`, or whose number is `id` when id >= 0. */
static struct account find(const char *text, parse_fn *parse, const char *name, int64_t id,
                           struct wc_arena *arena)
{
    char *rest = wc_arena_strdup(arena, text);
    while (rest != NULL && *rest != '\0') {
        char *line = rest, *end = strchr(line, '\n');
        rest = end != NULL ? end + 1 : NULL;
        if (end != NULL)
            *end = '\0';
        struct account a = { .uid = -1, .gid = -1 };
        if (line[0] == '#' || !parse(line, &a))
            continue;
        int64_t own = parse == parse_passwd ? a.uid : a.gid;
        if ((name != NULL && wc_streq(a.name, name)) || (id >= 0 && own == id)) {
            a.found = true;
            return a;
        }
    }
    return (struct account){ .uid = -1, .gid = -1 };
}

static void add_group(struct wc_oci_user *user, struct wc_arena *arena, size_t *cap, int64_t gid)
{
    for (size_t i = 0; i < user->n_groups; i++)
        if (user->groups[i] == (uint32_t)gid)
            return;
    user->groups = wc_arena_grow(arena, user->groups, user->n_groups, cap, sizeof *user->groups);
    user->groups[user->n_groups++] = (uint32_t)gid;
}

static bool has_member(const char *members, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = members; at != NULL && *at != '\0';) {
        size_t word = strcspn(at, ",");
        if (word == len && strncmp(at, name, len) == 0)
            return true;
        at += word + (at[word] == ',');
    }
    return false;
}

static void add_memberships(struct wc_oci_user *user, struct wc_arena *arena, size_t *cap,
                            const char *groups, const char *name)
{
    char *rest = wc_arena_strdup(arena, groups);
    while (rest != NULL && *rest != '\0') {
        char *line = rest, *end = strchr(line, '\n');
        rest = end != NULL ? end + 1 : NULL;
        if (end != NULL)
            *end = '\0';
        struct account a = { .gid = -1 };
        if (line[0] != '#' && parse_group(line, &a) && has_member(a.members, name))
            add_group(user, arena, cap, a.gid);
    }
}

/* A group by name or number. */
static int group_number(const char *text, const char *groups, struct wc_arena *arena, int64_t *gid,
                        struct wc_err *err)
{
    if (to_id(text, gid))
        return 0;
    struct account found = find(groups, parse_group, text, -1, arena);
    if (!found.found)
        return wc_err_set(err, WC_ERR_NOENT, 0, "no group '%s' in the image's /etc/group", text);
    *gid = found.gid;
    return 0;
}

int wc_oci_user_resolve(int root_fd, const char *text, const struct wc_strv *group_add,
                        struct wc_arena *arena, struct wc_oci_user *out, struct wc_err *err)
{
    const char *passwd = slurp(root_fd, "etc/passwd", arena);
    const char *groups = slurp(root_fd, "etc/group", arena);
    char *name = wc_arena_strdup(arena, text != NULL ? text : "");
    char *group = strchr(name, ':');
    if (group != NULL)
        *group++ = '\0';
    int64_t uid = name[0] == '\0' ? 0 : -1;
    bool numeric = uid == 0 || to_id(name, &uid);
    struct account a = find(passwd, parse_passwd, name, numeric ? uid : -1, arena);
    if (!a.found && !numeric)
        return wc_err_set(err, WC_ERR_NOENT, 0, "no user '%s' in the image's /etc/passwd", name);
    int64_t gid = a.found ? a.gid : 0;
    struct wc_oci_user user = { .uid = (uint32_t)(a.found ? a.uid : uid) };
    user.home = a.found && a.home != NULL && a.home[0] != '\0' ? a.home : "/";
    if (group != NULL && group[0] != '\0') {
        int rc = group_number(group, groups, arena, &gid, err);
        if (rc != 0)
            return rc;
    }
    user.gid = (uint32_t)gid;
    size_t cap = 0;
    add_group(&user, arena, &cap, gid);
    if ((group == NULL || group[0] == '\0') && a.found)
        add_memberships(&user, arena, &cap, groups, a.name);
    for (size_t i = 0; group_add != NULL && i < group_add->n; i++) {
        int rc = group_number(group_add->items[i], groups, arena, &gid, err);
        if (rc != 0)
            return wc_err_wrap(err, rc, "group_add");
        add_group(&user, arena, &cap, gid);
    }
    *out = user;
    return 0;
}
