/* model.h - the project: what the Compose files say, typed, merged, resolved (contract, pure).
 *
 * Idea:    plain data, no behaviour. All is set: defaults are filled in, paths absolute, names
 *          normalised; only services of active profiles (and those selected) remain.
 * Owner:   one arena owns all of it; borrowed by everybody else. Threads: read-only once loaded.
 * Source:  Compose Specification; the clause is named at each member where it isn't plain.
 * Unset values: see lists.h.
 */
#ifndef WCOMPOSE_MODEL_H
#define WCOMPOSE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/build.h"
#include "wcompose/err.h"
#include "wcompose/health.h"
#include "wcompose/io_limits.h"
#include "wcompose/isolation.h"
#include "wcompose/lists.h"
#include "wcompose/update.h"
#include "wcompose/vm_options.h"

/* depends_on, condition: service_started, service_healthy, service_completed_successfully. */
enum wc_dep_condition { WC_DEP_STARTED, WC_DEP_HEALTHY, WC_DEP_COMPLETED };
/* One entry of depends_on. */
struct wc_dep {
    const char *service;
    enum wc_dep_condition condition;
    bool restart;  /* restart: true */
    bool required; /* required: true, the default */
    struct wc_loc at;
};

/* Transport of a port. */
enum wc_proto { WC_PROTO_TCP, WC_PROTO_UDP, WC_PROTO_SCTP };

/* One published port; ranges are already expanded. */
struct wc_port {
    const char *host_ip; /* NULL: all addresses */
    unsigned published,
        published_end; /* 0: any free port; end > published: any free one of the range */
    unsigned target;   /* 1..65535 */
    enum wc_proto proto;
    const char *mode, *name, *app_protocol; /* may be NULL */
    struct wc_loc at;
};

/* Where the content of a mount comes from. */
enum wc_mount_type {
    WC_MOUNT_BIND,
    WC_MOUNT_VOLUME,
    WC_MOUNT_TMPFS,
    WC_MOUNT_COPY, /* a file of the instance's own, made at every start */
};

/* One entry of a service's volumes, tmpfs (WC_MOUNT_TMPFS), configs and secrets (WC_MOUNT_BIND of
 * the file, or WC_MOUNT_COPY). */
struct wc_mount {
    enum wc_mount_type type;
    const char *source; /* bind: absolute host path; volume: key in volumes:, NULL = anonymous;
                           tmpfs: NULL; copy: absolute host path, or NULL: `content` */
    const char *object; /* the config or secret: "secrets.token"; NULL: it is none */
    const char *content;
    struct wc_sealed *sealed; /* the content was encrypted (sealed.h); NULL: it wasn't */
    int64_t uid, gid, mode;   /* copy */
    const char *target;       /* absolute path in the container */
    bool read_only;
    bool create_host_path;     /* bind: make a missing source directory */
    const char *propagation;   /* bind: rprivate, shared, … or NULL */
    bool nocopy;               /* volume: don't fill an empty volume from the image */
    const char *subpath;       /* volume: below its root, or NULL */
    int64_t tmpfs_size_bytes;  /* WC_UNSET: half of memory */
    int64_t tmpfs_mode;        /* WC_UNSET: 01777 */
    const char *tmpfs_options; /* further options of the short form ("noexec,uid=5"), or NULL */
    struct wc_loc at;
};

/* A service's membership of a network. */
struct wc_service_net {
    const char *network; /* key in networks: */
    struct wc_strv aliases;
    const char *ipv4_address, *ipv6_address, *mac_address; /* NULL: planned by us */
    int64_t priority;
    struct wc_loc at;
};

/* One entry of ulimits; restart (or deploy.restart_policy, which wins); logging. */
struct wc_ulimit {
    const char *name;   /* nofile, nproc, … without RLIMIT_ */
    int64_t soft, hard; /* -1: unlimited */
};
enum wc_restart {
    WC_RESTART_NO,
    WC_RESTART_ALWAYS,
    WC_RESTART_ON_FAILURE,
    WC_RESTART_UNLESS_STOPPED
};
struct wc_logging {
    const char *driver; /* NULL: json-file */
    struct wc_kvs options;
};

/* network_mode. */
enum wc_network_mode {
    WC_NETMODE_NETWORKS, /* as `networks` says */
    WC_NETMODE_NONE,
    WC_NETMODE_HOST,
    WC_NETMODE_SERVICE, /* shares the namespace of network_mode_service */
};

struct wc_node; /* a tree of the spec room; opaque elsewhere */
/* One entry of services. */
struct wc_service {
    const char *name;
    struct wc_loc at; /* its key under services: */

    const char *image;                  /* with `build` and no name of its own: PROJECT-SERVICE */
    struct wc_build build;              /* build.set: how it is made */
    struct wc_strv command, entrypoint; /* .set with n == 0: explicitly none; !set: the image's */
    struct wc_kvs environment;          /* env_file and environment merged; value NULL = remove */
    struct wc_sealed *sealed;           /* what of it was encrypted (sealed.h); NULL: nothing */
    const char *working_dir, *user, *hostname, *domainname;
    struct wc_strv group_add;
    const char *container_name;
    struct wc_port *ports;
    size_t n_ports;
    struct wc_strv expose;
    struct wc_mount *mounts;
    size_t n_mounts;
    enum wc_network_mode network_mode;
    const char *network_mode_service;
    struct wc_service_net
        *networks; /* network_mode NETWORKS: at least one, "default" when none is named */
    size_t n_networks;
    struct wc_strv dns, dns_search, dns_opt;
    struct wc_kvs extra_hosts; /* key host, value address; a key may repeat */
    struct wc_dep *deps;
    size_t n_deps;
    struct wc_healthcheck health;
    struct wc_hook *post_start; /* in order, run inside once it runs */
    size_t n_post_start;
    struct wc_hook *pre_stop; /* before it is stopped on request */
    size_t n_pre_stop;

    enum wc_restart restart;
    int64_t restart_max; /* on-failure:N, max_attempts; WC_UNSET = no limit */
    int64_t restart_delay_ms, restart_window_ms; /* of restart_policy; 0 = as the engine does */
    const char *stop_signal;                     /* NULL: image's, else SIGTERM */
    int64_t stop_grace_ms;                       /* default 10000 */
    enum wc_tri init, tty, stdin_open;
    bool read_only, privileged;
    struct wc_strv cap_add, cap_drop, security_opt;
    struct wc_strv devices; /* "src:dst:rwm", complete */
    struct wc_kvs sysctls, labels, annotations;
    struct wc_ulimit *ulimits;
    size_t n_ulimits;
    const char *runtime, *platform, *pull_policy, *cgroup_parent;
    const char *ipc, *pid, *uts, *userns_mode, *cgroup;
    int64_t shm_size_bytes; /* WC_UNSET: 64 MiB */

    /* resources; deploy.resources and the older keys agree (validated), one value here */
    int64_t mem_limit_bytes, mem_reservation_bytes,
        memswap_limit_bytes; /* WC_UNSET = none; swap -1 needs .memswap_unlimited */
    bool memswap_unlimited;
    int64_t nano_cpus;                   /* cpus * 1e9; WC_UNSET = none */
    int64_t cpu_shares, pids_limit;      /* WC_UNSET = none; pids 0 = unlimited */
    int64_t cpu_quota_us, cpu_period_us; /* instead of cpus; WC_UNSET = none, the usual */
    const char *cpuset;
    struct wc_io_limits io;
    int64_t oom_score_adj; /* INT64_MIN = unset */
    bool oom_kill_disable;

    int64_t replicas; /* deploy.replicas or scale; default 1 */
    struct wc_update_config update, rollback;
    struct wc_strv profiles;
    struct wc_logging logging;

    enum wc_isolation isolation;
    struct wc_loc isolation_at;    /* the value's place; zero when absent */
    const char *isolation_profile; /* the profile that says so; NULL: the service itself */
    bool isolation_filled_in;      /* the profile's for all services that ask for nothing */
    enum wc_trust trust;           /* x-wcompose.trust */
    const char *tenant;
    struct wc_loc trust_at, tenant_at; /* of the values; zero when absent */
    struct wc_image_hint image_hint;
    struct wc_settled settled;
    struct wc_vm_options vm; /* x-wcompose.vm */
    enum wc_on_unhealthy on_unhealthy;

    /* Hex SHA-256 over everything that needs a new instance when it changes (canonical form of this
     * service, of the networks and volumes it uses; not of replicas, depends_on, profiles, restart
     * policy), its level included once it is settled. And one over what a running instance can be
     * given: its limits and labels. tree_hash, vm_hash: what spec_hash is made of. */
    char spec_hash[65], inplace_hash[65], tree_hash[65], vm_hash[65];
    const struct wc_node *tree; /* its long form, for the spec room */
};

/* One entry of networks. */
struct wc_network {
    const char *key;    /* as services refer to it */
    const char *name;   /* on the host: <project>_<key>, or as given */
    const char *driver; /* NULL: bridge */
    struct wc_kvs driver_opts, labels;
    bool external, internal, attachable;
    enum wc_tri enable_ipv6;
    const char *subnet, *gateway; /* first ipam.config entry, or NULL */
    bool used;                    /* by a service that remains */
    struct wc_loc at;
};

/* One entry of volumes. */
struct wc_volume {
    const char *key, *name; /* as wc_network */
    const char *driver;     /* NULL: local */
    struct wc_kvs driver_opts, labels;
    bool external, used;
    struct wc_loc at;
};

/* All of it. */
struct wc_project {
    const char *name;            /* normalised: [a-z0-9][a-z0-9_-]* */
    const char *working_dir;     /* absolute project directory */
    struct wc_strv files;        /* absolute paths read, in order; "-" for standard input */
    struct wc_strv profiles;     /* active ones */
    struct wc_policy policy;     /* x-wcompose.policy */
    struct wc_strv tenants;      /* of all services of the files, inactive ones too; no repeats */
    enum wc_tri production;      /* x-wcompose.production, or an active profile's */
    bool may_raise;              /* x-wcompose.fallback: stronger, where `process` can't be had */
    struct wc_kvs variables;     /* what ${…} was replaced from; none in a canonical text */
    struct wc_service *services; /* sorted by name */
    size_t n_services;
    struct wc_strv disabled;     /* names of services left out by profiles, sorted */
    struct wc_network *networks; /* sorted by key */
    struct wc_volume *volumes;   /* sorted by key */
    size_t n_networks, n_volumes;
    const struct wc_sealed_files *sealed; /* encrypted ones that it uses; NULL: none */
    const struct wc_node *tree;           /* the long form of all of it, for wc_spec_render */
    const struct wc_node *written; /* with no_interpolate: what wc_spec_render prints instead */
};

/* Return the service called `name` (binary search), the network or volume with that key, or NULL.
 * Borrowed from the project. */
const struct wc_service *wc_project_service(const struct wc_project *project, const char *name);
const struct wc_network *wc_project_network(const struct wc_project *project, const char *key);
const struct wc_volume *wc_project_volume(const struct wc_project *project, const char *key);

#endif
