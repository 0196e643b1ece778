/* driver.h - what a back end must do: one table of functions, one op at a time (contract; uses
 * libuv).
 *
 * Idea:    the engine decides, a driver acts and reports. Ops are asynchronous requests in the
 * caller's storage; facts come back through the sink, whether an op caused them or the world did.
 * `list` is truth, facts are news. Owner:   an op and all it points to belong to the caller until
 * its `done` ran; the driver belongs to the registry. Threads: the loop's, for every call and every
 * callback. A driver may use the thread pool inside; nothing blocks. Rules:   (checked by
 * tests/contract/, the same cases for every driver)
 *          1. done runs exactly once per op, on the loop, never before the call that started it
 * returned.
 *          2. Every verb is idempotent: create of what is created, start of what runs, stop of what
 * is stopped, remove of what is absent all succeed and change nothing.
 *          3. remove refuses a running instance with WC_ERR_CONFLICT.
 *          4. An exit is reported once, after its record is on disk.
 *          5. After close's callback there is no handle of the driver on the loop and no callback
 * to come; ops under way are finished first, with WC_ERR_CANCELLED where they did not take effect.
 * Instances live on.
 *          6. A driver never touches what it did not make.
 */
#ifndef WCOMPOSE_DRIVER_H
#define WCOMPOSE_DRIVER_H

#include <uv.h>

#include "wcompose/err.h"
#include "wcompose/state.h"

struct wc_driver;
struct wc_op;
struct wc_image_store;
struct wc_net_request;
struct wc_paths;

/* What may be asked of a driver. */
enum wc_verb {
    WC_VERB_LIST,   /* report a fact for every instance of `project` */
    WC_VERB_CREATE, /* make everything up to the process, which waits */
    WC_VERB_START,  /* CREATED or EXITED -> RUNNING */
    WC_VERB_STOP,   /* send `signal` to the first process; does not wait for the exit. marks
                       stopped_by_user if `by_user` */
    WC_VERB_KILL,   /* SIGKILL to all of it, or another `signal` to its first process; as STOP */
    WC_VERB_REMOVE, /* CREATED, EXITED or BROKEN -> ABSENT: writable layer, logs and anonymous
                       volumes go */
    WC_VERB_UPDATE, /* give it the limits and labels that `instance` has, without a restart, and
                       note its inplace_hash last. EXITED: they hold from its next start.
                       WC_ERR_CONFLICT: only a new instance can have them (a memory limit below
                       what is in use); some of it may be changed by then. WC_ERR_NOENT: absent */
    WC_VERB_MEND,   /* RUNNING, PAUSED: put back what somebody else changed of it (wc_fact.drift_*),
                       and let it go on, or with `paused` stand still. Anything else: nothing to
                       do. WC_ERR_UNAVAILABLE: nothing can stand still here */
    WC_VERB_EXEC,   /* run argv inside and report its exit code; or look for `check` there without
                       running anything: 0 it is well, 1 it is not, a status: could not look */
    WC_VERB_NET_UP, /* make or adjust the project's networks and publish its ports, in one
                       transaction */
    WC_VERB_NET_LOOK, /* compare them with `net`, changing nothing: exit_code 0 they are so, 1 they
                         aren't, and output says what differs, meant -> found */
    WC_VERB_NET_DOWN, /* remove them */
    WC_VERB_VOLUME_REMOVE, /* remove the named volume `id` with its data; absent is success */
};

typedef void wc_op_done_fn(struct wc_op *op);

/* Why an op is done, as far as numbers tell it apart; events have the reason in words. */
enum wc_op_reason {
    WC_REASON_MODEL,     /* the file asks for it, and nobody just now */
    WC_REASON_ASKED,     /* a request that is under way */
    WC_REASON_POLICY,    /* a restart policy, after an end that nobody asked for */
    WC_REASON_UNHEALTHY, /* its health check, or a hook of its start, failed */
    WC_REASON_ROLLOUT,   /* a rollout or rollback that changes its service */
    WC_REASON_DRIFT,     /* somebody else changed or removed it */
};
enum { WC_OP_REASONS = WC_REASON_DRIFT + 1 };

/* One request. Set the inputs that the verb uses, then call wc_driver_submit. Zero the rest. */
struct wc_op {
    enum wc_verb verb;
    const char *project;                /* LIST, NET_* */
    const struct wc_instance *instance; /* CREATE, START, UPDATE: the desired one, borrowed */
    const char
        *id; /* STOP, KILL, REMOVE, MEND, EXEC: instance id; VOLUME_REMOVE: its name on the host */
    int signal;   /* STOP, KILL */
    bool by_user; /* STOP, KILL: a person asked; keeps unless-stopped down */
    bool sick;    /* STOP, KILL: its health check failed: however it ends, that is a failure */
    bool paused;  /* MEND: it is to stand still */
    bool leaving; /* STOP, KILL: REMOVE is to follow; how it ended need not outlast a power cut */
    const char *const *argv;      /* EXEC: NULL-terminated */
    const struct wc_hook *hook;   /* EXEC: instead of argv, with its user, directory, environment */
    const char *once;             /* EXEC: a name: it is begun at most once in a run of the
                                     instance. Asked again, the answer is the same; WC_ERR_CONFLICT
                                     when it was begun, and nobody knows how it ended */
    const struct wc_check *check; /* EXEC: instead of argv; of another kind than TEST */
    uint64_t deadline_ms;         /* EXEC: loop time after which the process is killed; 0 = none */
    const struct wc_net_request *net; /* NET_* */
    wc_op_done_fn *done;
    void *data; /* the caller's, as the next three, for what it counts */
    enum wc_op_reason reason;
    enum wc_isolation level;
    uint64_t began_ms;

    int status;        /* out: 0 or negative code */
    struct wc_err err; /* out: set when status != 0 */
    int exit_code;     /* out: EXEC, NET_LOOK */
    char output[4096]; /* out: NET_LOOK; EXEC: the first bytes of stdout and stderr, NUL-terminated
                        */

    void *driver_priv;  /* the driver's while the op is under way */
    struct wc_op *next; /* the driver's while the op is under way */
};

/* Where a driver reports facts. `observe` runs on the loop; the fact is borrowed for the call. */
typedef void wc_observe_fn(void *data, const struct wc_fact *fact);
typedef void wc_net_news_fn(void *data);
struct wc_sink {
    wc_observe_fn *observe;
    wc_net_news_fn *net_news; /* something of the host's networks has changed, maybe not by us:
                                 NET_LOOK says whether it matters. May be NULL */
    void *data;
};

/* A port to open to the world, planned. Addresses in host byte order. */
struct wc_net_publish {
    uint32_t host_ip4; /* 0 = every address */
    unsigned host_port, target_port;
    enum wc_proto proto;
    uint32_t target_ip4;
    const char *service;
    struct wc_loc at;
};

/* One network as it should be on the host. */
struct wc_net_network {
    const char *name;   /* full name */
    const char *bridge; /* interface */
    uint32_t subnet4, gateway4;
    uint8_t prefix4;
    bool internal; /* no way out, no published ports */
    bool external; /* exists already; never made nor removed by us */
};

/* A name that resolves on a network. */
struct wc_net_name {
    const char *network; /* full name */
    const char *name;    /* NULL: none leads to it; it only may ask */
    uint32_t ip4;
    const char *instance; /* whose address it is: one instance sees the names of all its networks
                             through one name server; may be NULL */
};

/* Everything NET_UP needs; NET_DOWN uses project and networks. */
struct wc_net_request {
    const char *project;
    const struct wc_net_network *networks;
    size_t n_networks;
    const struct wc_net_publish *ports;
    size_t n_ports;
    const struct wc_net_name *names;
    size_t n_names;
};

/* What a driver needs to open. Borrowed until closed. */
struct wc_driver_config {
    uv_loop_t *loop;
    struct wc_sink sink;
    const char *project;           /* the one project this driver object serves */
    struct wc_image_store *images; /* may be NULL for drivers that need none */
    const struct wc_paths *paths;  /* base/paths.h */
    void *extra;                   /* driver-specific (the sim's world), or NULL */
};

/* What a host can do, found without changing anything. */
struct wc_driver_facts {
    bool usable;
    bool is_emulated; /* its instances run without the help of the processor */
    char why[256];    /* when not usable: what is missing and the command that installs it */
    char detail[256]; /* "crun 1.8.1, cgroup v1" */
};

typedef void wc_driver_probe_fn(const struct wc_paths *paths, struct wc_driver_facts *out);
typedef int wc_driver_open_fn(const struct wc_driver_config *config, struct wc_driver **out,
                              struct wc_err *err);
/* Says whether the instance could be made, as far as that can be known without doing anything: its
 * runtime is there, its options are carried out. Asked of all instances of a request before
 * anything of it is made. Blocks for no longer than a look at some files. Returns 0, or what CREATE
 * would fail with. */
typedef int wc_driver_check_fn(struct wc_driver *driver, const struct wc_instance *instance,
                               struct wc_err *err);
typedef void wc_driver_submit_fn(struct wc_driver *driver, struct wc_op *op);
typedef void wc_driver_closed_fn(void *data);
typedef void wc_driver_close_fn(struct wc_driver *driver, wc_driver_closed_fn *closed, void *data);

/* The table. All slots are required. */
struct wc_driver_ops {
    const char *name;          /* "process", "sim" */
    wc_driver_probe_fn *probe; /* milliseconds, no side effect */
    wc_driver_open_fn *open;
    wc_driver_check_fn *check;
    wc_driver_submit_fn *submit; /* see the rules above */
    wc_driver_close_fn *close;
};

/* Every driver starts with this. */
struct wc_driver {
    const struct wc_driver_ops *ops;
};

/* Starts one op. Errors come through op->done like everything else. */
static inline void wc_driver_submit(struct wc_driver *driver, struct wc_op *op)
{
    driver->ops->submit(driver, op);
}

/* See wc_driver_check_fn. */
static inline int wc_driver_check(struct wc_driver *driver, const struct wc_instance *instance,
                                  struct wc_err *err)
{
    return driver->ops->check(driver, instance, err);
}

/* The drivers of this build, NULL-terminated (drivers/registry.c: one explicit array). */
extern const struct wc_driver_ops *const wc_drivers[];

/* Returns the driver that serves an isolation level on this host, or NULL. */
const struct wc_driver_ops *wc_driver_for(enum wc_isolation level);

#endif
