/* settings.h - what the host says of the service and of programs beside it. Pure.
 *
 * Idea:    CONF and RUN are records decoded by tables; everything is checked here once, so that
 * what comes after finds values. Owner: texts point into the bytes that were decoded, which the
 * caller keeps. Threads: none. Errors: -1 with wc_fault.
 */
#ifndef DRIVERS_HYPERV_GUEST_SETTINGS_H
#define DRIVERS_HYPERV_GUEST_SETTINGS_H

#include <sys/types.h>

#include "drivers/hyperv/protocol.h"
#include "drivers/keeper/common.h"

struct wc_guest_conf {
    const char *hostname, *domainname, *scratch;
    const char *cwd, *groups, *umask_text, *caps, *oom_text;
    bool root_ro, shares, tty, input, notify, nnp, own_home, usual_devices;
    uint64_t pids, uid, gid;
    uint64_t seccomp; /* number of a file; UINT64_MAX = none (pids as well) */
    struct wc_list mounts, files, mask, readonly, sysctl, args, env, rlimit;
    /* derived */
    uint64_t umask;
    int oom_score_adj;
};
/* Adds a part of CONF. */
int wc_guest_conf_add(const uint8_t *data, size_t len);
/* All of it is there: decode and check. */
int wc_guest_conf_take(struct wc_guest_conf *out);

/* "mount" records, taken apart. */
struct wc_guest_mount {
    char target[1024], type[32], source[1024], options[1024];
};
int wc_guest_mount_parse(const char *record, struct wc_guest_mount *out);
/* What OPTIONS mean to mount(2). */
struct wc_guest_flags {
    unsigned long flags;       /* MS_…, without bind */
    unsigned long propagation; /* MS_PRIVATE … with MS_REC; 0 = none named */
    bool recursive;            /* rbind */
    bool recursive_ro;         /* rro */
    char data[1024];           /* what is the file system's own, comma list */
};
int wc_guest_flags_parse(const char *options, struct wc_guest_flags *out);

/* "file" records: "NUMBER UID GID MODE". */
struct wc_guest_file {
    uint64_t number, uid, gid, mode;
};
int wc_guest_file_parse(const char *record, struct wc_guest_file *out);

/* RUN, CONNECT and LOOK: one of each record, lists but for arg and env. */
struct wc_guest_request {
    const char *user, *cwd, *unix_path, *path;
    bool tty, input, privileged;
    uint64_t rows, cols, port;
    struct wc_list args, env;
};
/* `data` is copied first. The lists end with a NULL. */
int wc_guest_request_parse(const uint8_t *data, size_t len, struct wc_guest_request *out);

#endif
