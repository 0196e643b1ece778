/* join_conf.c - what is asked on the command line and what join.conf says of the instance. */
#include "drivers/keeper/join.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "drivers/keeper/protocol.h"

#define ROW(key, kind, field)                                                                      \
    {                                                                                              \
        key, WC_RECORD_##kind, offsetof(struct wc_join, field)                                     \
    }
static const struct wc_record_row rows[] = {
    ROW("pid", NUMBER, pid),
    ROW("starttime", NUMBER, starttime),
    ROW("uid", NUMBER, uid),
    ROW("gid", NUMBER, gid),
    ROW("groups", TEXT, groups_text),
    ROW("umask", NUMBER, umask),
    ROW("cwd", TEXT, cwd),
    ROW("env", LIST, env),
    ROW("caps", TEXT, caps_text),
    ROW("nnp", FLAG, nnp),
    ROW("seccomp", TEXT, seccomp),
    ROW("apparmor", TEXT, apparmor),
    ROW("cgroup", LIST, cgroup),
    ROW("rlimit", LIST, rlimit),
};

static char data[262144];
static const char *cgroups[WC_JOIN_CGROUPS];
static const char *rlimits[32];

static void set_env(struct wc_join *join, const char *assignment, bool replace)
{
    size_t name = strcspn(assignment, "=") + 1;
    size_t i = 0;
    while (join->envp[i] != NULL && strncmp(join->envp[i], assignment, name) != 0)
        i++;
    if ((join->envp[i] == NULL && i < WC_JOIN_ENV + 3) || (join->envp[i] != NULL && replace))
        join->envp[i] = assignment;
}

const char *wc_join_env_get(const struct wc_join *join, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; join->envp[i] != NULL; i++)
        if (strncmp(join->envp[i], name, len) == 0 && join->envp[i][len] == '=')
            return join->envp[i] + len + 1;
    return NULL;
}

void wc_join_env_default(struct wc_join *join, const char *assignment)
{
    set_env(join, assignment, false);
}

/* Takes "NAME=value" strings, each with its NUL, from a descriptor the caller left open: arguments
 * can be read by everybody on the host while we run, and values may be secrets. */
static int read_env(struct wc_join *join, const char *number)
{
    static char text[WC_JOIN_ENV_BYTES + 1];
    uint64_t fd;
    if (!wc_number(number, INT32_MAX, &fd) || fd < 3)
        return wc_fault("--env-fd takes a descriptor above 2, not", number, 0);
    ssize_t len = wc_file_read_fd((int)fd, text, sizeof text);
    if (len < 0)
        return wc_fault("read --env-fd", number, errno);
    close((int)fd); /* the program must not inherit it */
    if (len > 0 && text[len - 1] != '\0')
        return wc_fault("--env-fd: the last variable is cut off", NULL, 0);
    for (const char *at = text; at < text + len; at += strlen(at) + 1) {
        if (strchr(at, '=') == NULL || at[0] == '=')
            return wc_fault("--env-fd takes NAME=value only", NULL, 0); /* not saying which */
        if (join->env.n == WC_JOIN_ENV / 2)
            return wc_fault("--env-fd: too many variables", NULL, 0);
        join->env.items[join->env.n++] = at;
    }
    return 0;
}

/* The options with a value, and where it goes. */
static int option_value(struct wc_join *join, const char *name, char *value)
{
    if (strcmp(name, "--run") == 0)
        join->run = value;
    else if (strcmp(name, "--user") == 0)
        join->user = value;
    else if (strcmp(name, "--workdir") == 0)
        join->workdir = value;
    else if (strcmp(name, "--env-fd") == 0)
        return read_env(join, value);
    else
        return wc_fault("unknown option", name, 0);
    return 0;
}

int wc_join_options(struct wc_join *join, int argc, char **argv)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        { "--tty", &join->tty },
        { "--stdin", &join->input },
        { "--detach", &join->detach },
        { "--privileged", &join->privileged },
    };
    static const char *env[WC_JOIN_ENV];
    join->env = (struct wc_list){ env, 0, WC_JOIN_ENV };
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        bool known = false;
        for (size_t f = 0; f < sizeof flags / sizeof flags[0]; f++)
            if (strcmp(argv[i], flags[f].name) == 0)
                *flags[f].flag = known = true;
        if (known)
            continue;
        if (i + 1 == argc)
            return wc_fault("unknown option, or no value of", argv[i], 0);
        if (option_value(join, argv[i], argv[i + 1]) != 0)
            return -1;
        i++;
    }
    if (join->run == NULL || i + 1 >= argc)
        return wc_fault("usage: wcompose-join --run RUN_DIRECTORY [options] -- PROGRAM …", NULL, 0);
    if (join->detach && (join->tty || join->input))
        return wc_fault("--detach goes with neither --tty nor --stdin", NULL, 0);
    join->argv = argv + i + 1;
    return 0;
}

static int parse_groups(struct wc_join *join)
{
    for (const char *at = join->groups_text; at != NULL && *at != '\0';) {
        char number[16];
        struct wc_text text = WC_TEXT(number);
        uint64_t gid;
        size_t len = strcspn(at, ",");
        wc_text_putn(&text, at, len);
        if (join->n_groups == WC_JOIN_GROUPS || !wc_number(number, UINT32_MAX - 1, &gid))
            return wc_fault("settings: bad groups", join->groups_text, 0);
        join->groups[join->n_groups++] = (gid_t)gid;
        at += len + (at[len] == ',');
    }
    return 0;
}

static int check(struct wc_join *join)
{
    if (join->pid == 0 || join->pid > INT32_MAX)
        return wc_fault("settings: missing or bad", "pid", 0);
    if (join->uid >= UINT32_MAX || join->gid >= UINT32_MAX || join->umask > 0777)
        return wc_fault("settings: out of range:", "uid, gid or umask", 0);
    if (join->caps_text != NULL && !wc_number_hex(join->caps_text, &join->caps))
        return wc_fault("settings: bad caps", join->caps_text, 0);
    if (join->workdir != NULL)
        join->cwd = join->workdir;
    if (join->cwd == NULL)
        join->cwd = "/";
    return parse_groups(join);
}

int wc_join_conf_load(struct wc_join *join)
{
    int dir = open(join->run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return wc_fault("open", join->run, errno);
    ssize_t len = wc_file_read(dir, WC_JOIN_CONF, data, sizeof data);
    int sys = errno;
    close(dir);
    if (len < 0)
        return wc_fault("read", WC_JOIN_CONF, sys);
    size_t asked = join->env.n; /* the caller's come first in the list and win */
    join->cgroup = (struct wc_list){ cgroups, 0, WC_JOIN_CGROUPS };
    join->rlimit = (struct wc_list){ rlimits, 0, sizeof rlimits / sizeof rlimits[0] };
    join->umask = 022;
    if (wc_record_decode(data, (size_t)len, rows, sizeof rows / sizeof rows[0], join) != 0)
        return -1;
    for (size_t i = asked; i < join->env.n; i++)
        set_env(join, join->env.items[i], true);
    for (size_t i = 0; i < asked; i++)
        set_env(join, join->env.items[i], true);
    return check(join);
}
