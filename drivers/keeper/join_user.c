/* join_user.c - who the program runs as, by the instance's own /etc/passwd and /etc/group.
 *
 * Read after entering, so every name and link is the instance's. The files are data of somebody we
 * don't trust: opened without magic links, regular or nothing, bounded, never waited for. A missing
 * file is an empty one.
 */
#include "drivers/keeper/join.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIELDS = 7, PW_NAME = 0, PW_UID = 2, PW_GID = 3, PW_HOME = 5, GR_GID = 2, GR_MEMBERS = 3 };

struct entry { /* one line; all fields are NUL-terminated pieces of `text` */
    char text[1024];
    char *fields[FIELDS];
};

static char table[262144];

static const char *load(const char *path)
{
    struct wc_open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                               .resolve = WC_RESOLVE_NO_MAGICLINKS };
    struct stat st;
    size_t len = 0;
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        ssize_t k = 1;
        while (k > 0 && len < sizeof table - 1) {
            k = read(fd, table + len, sizeof table - 1 - len);
            len += k > 0 ? (size_t)k : 0;
        }
    }
    if (fd >= 0)
        close(fd);
    table[len] = '\0';
    return table;
}

/* Takes the next line apart; lines that are too long or have too few fields are passed over. */
static bool next_entry(const char **at, struct entry *entry, size_t want)
{
    while (**at != '\0') {
        const char *line = *at;
        size_t len = strcspn(line, "\n");
        *at = line + len + (line[len] == '\n');
        if (len >= sizeof entry->text)
            continue;
        memcpy(entry->text, line, len);
        entry->text[len] = '\0';
        size_t n = 0;
        for (char *field = entry->text; field != NULL && n < FIELDS; n++) {
            entry->fields[n] = field;
            field = strchr(field, ':');
            if (field != NULL)
                *field++ = '\0';
        }
        if (n >= want)
            return true;
    }
    return false;
}

/* The passwd entry of a name, or of a uid where name is NULL. */
static bool find_user(const char *name, uint64_t uid, struct entry *entry)
{
    uint64_t number;
    const char *at = load("/etc/passwd");
    while (next_entry(&at, entry, PW_HOME + 1))
        if (wc_number(entry->fields[PW_UID], UINT32_MAX - 1, &number) &&
            (name != NULL ? strcmp(entry->fields[PW_NAME], name) == 0 : number == uid))
            return true;
    return false;
}

static int find_group(const char *name, uint64_t *gid)
{
    struct entry entry;
    if (wc_number(name, UINT32_MAX - 1, gid))
        return 0;
    const char *at = load("/etc/group");
    while (next_entry(&at, &entry, GR_GID + 1))
        if (strcmp(entry.fields[0], name) == 0 &&
            wc_number(entry.fields[GR_GID], UINT32_MAX - 1, gid))
            return 0;
    return wc_fault("no such group in the instance:", name, 0);
}

static bool is_member(const char *members, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = members; *at != '\0';) {
        size_t n = strcspn(at, ",");
        if (n == len && memcmp(at, name, n) == 0)
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}

static void collect_groups(struct wc_join *join, const char *name)
{
    struct entry entry;
    uint64_t gid;
    const char *at = load("/etc/group");
    while (join->n_groups < WC_JOIN_GROUPS && next_entry(&at, &entry, GR_MEMBERS + 1))
        if (is_member(entry.fields[GR_MEMBERS], name) &&
            wc_number(entry.fields[GR_GID], UINT32_MAX - 1, &gid))
            join->groups[join->n_groups++] = (gid_t)gid;
}

/* --user USER[:GROUP]: names or numbers; without GROUP the user's own and all it is a member of. */
static int choose_user(struct wc_join *join)
{
    static struct entry entry;
    char *colon = strchr(join->user, ':'), *user = (char *)join->user;
    if (colon != NULL)
        *colon = '\0';
    bool numeric = wc_number(user, UINT32_MAX - 1, &join->uid);
    bool known = find_user(numeric ? NULL : user, join->uid, &entry);
    if (!known && !numeric)
        return wc_fault("no such user in the instance:", user, 0);
    join->gid = 0;
    join->n_groups = 0;
    if (known && (!wc_number(entry.fields[PW_UID], UINT32_MAX - 1, &join->uid) ||
                  !wc_number(entry.fields[PW_GID], UINT32_MAX - 1, &join->gid)))
        return wc_fault("bad line in the instance's /etc/passwd for", user, 0);
    if (colon != NULL && colon[1] != '\0')
        return find_group(colon + 1, &join->gid);
    if (known)
        collect_groups(join, entry.fields[PW_NAME]);
    return 0;
}

int wc_join_user(struct wc_join *join)
{
    static struct entry entry;
    static char home[1040];
    struct wc_text text = WC_TEXT(home);
    if (join->user != NULL && choose_user(join) != 0)
        return -1;
    if (join->tty)
        wc_join_env_default(join, "TERM=xterm");
    if (wc_join_env_get(join, "HOME") != NULL)
        return 0;
    bool known = find_user(NULL, join->uid, &entry);
    wc_text_put(&text, "HOME=");
    wc_text_put(&text, known && entry.fields[PW_HOME][0] == '/' ? entry.fields[PW_HOME] : "/");
    wc_join_env_default(join, home);
    return 0;
}
