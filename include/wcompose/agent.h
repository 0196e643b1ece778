/* agent.h - the agent file: which apps a host keeps on what a source says, and how (contract, plain
 * data and its reader).
 *
 * Idea:    one small YAML file of the host's admin, read by the same machinery as Compose files but
 *          without variables, includes or further documents: what it says must not depend on who
 *          asks. A key that is accepted is carried out; what isn't there yet is refused.
 * Owner:   everything lives in the caller's arena.
 * Threads: any. Blocks: for the read of a file.
 * Errors:  findings go to diags, all of them, each with its place.
 */
#ifndef WCOMPOSE_AGENT_H
#define WCOMPOSE_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"
#include "wcompose/grant.h"
#include "wcompose/lists.h"

struct wc_arena;
struct wc_diags;
struct wc_spec_access;

/* Minutes of a day, and of a week that begins on Monday at 00:00. */
enum { WC_DAY_MINUTES = 24 * 60, WC_WEEK_MINUTES = 7 * WC_DAY_MINUTES };

/* A maintenance window, in the host's local time: on each of `days` (bit 0 = Monday) from `from`
 * (minutes of the day) for `length` minutes, 1..1440; it may run into the next day. */
struct wc_agent_window {
    uint8_t days;
    uint16_t from, length;
};

/* Where an app comes from. Texts are NULL when not given; exactly one of git, directory, file and
 * archive is, and with git exactly one of branch, tag, semver and commit. */
struct wc_agent_source {
    const char *git, *directory, *file, *archive;
    const char *branch, *tag, *semver, *commit;
    const char *path; /* below its root; relative, without ".." */
    const char *ssh_key, *ssh_known_hosts, *token_file, *ca_file;
    const char *verify; /* "none", "commit", "tag" or "both"; never NULL */
    const char *signers, *keyring;
    const char *sha256; /* of the archive: 64 hex digits */
    int64_t max_bytes, timeout_ms;
    bool allow_rewind, submodules, lfs;
};

/* What a restricted app may have beyond the rules (docs/gitops.md). */
struct wc_agent_grant {
    struct wc_strv ports;          /* "8080", "8080-8090" of the host */
    struct wc_grant_ports *ranges; /* the same, n_ranges */
    size_t n_ranges;
    struct wc_strv env;   /* variables of the agent's environment that files may name */
    struct wc_strv binds; /* directories of the host that may be mounted */
    struct wc_strv caps, devices, networks, volumes, sysctls;
    const char
        *isolation; /* "hyperv": of every service; "process": may be lowered; NULL: may not */
    bool build;
    struct wc_grant_limits limits;
};

/* What is done about an image whose tag moves, of a service or of all of an app. */
struct wc_agent_image_rule {
    const char *service; /* NULL: of the app */
    const char *kind;    /* "none", "digest-changes" or "semver"; never NULL */
    const char *range;   /* of versions, with semver; else NULL */
};

/* What an app's images follow beside its source. */
struct wc_agent_images {
    struct wc_agent_image_rule all;       /* of services that have no rule of their own */
    struct wc_agent_image_rule *services; /* n_services */
    size_t n_services;
    int64_t interval_ms; /* between two questions to the registries */
};

/* One app. Its project's name is its name. */
struct wc_agent_app {
    const char *name;
    struct wc_loc at;
    struct wc_agent_source source;
    struct wc_strv files, profiles, env_files; /* below the source's path */
    const char *trust;                         /* "restricted" or "trusted" */
    struct wc_agent_grant grant;
    struct wc_agent_images images;
    int64_t interval_ms; /* between two looks at the source */
    int64_t ready_ms;    /* until everything is ready, else the revision is rolled back */
    const char *drift;   /* "repair" or "report" */
    bool prune;          /* services that a revision no longer has are removed */
    bool suspend;
    struct wc_strv window_texts;
    struct wc_agent_window *windows; /* n_windows; 0 = at any time */
    size_t n_windows;
    const char *age_file;      /* identities that decrypt its SOPS files; NULL: none */
    struct wc_strv depends_on; /* apps that must be Ready before a new revision is applied */
};

/* Who is told of a condition that changed: one of url and command. */
struct wc_agent_notify {
    const char *url;         /* http://127.0.0.1…, https://… */
    const char *secret_file; /* the key of its HMAC; may be NULL */
    struct wc_strv command;  /* gets the event as JSON on its standard input */
};

/* The file. */
struct wc_agent {
    struct wc_agent_app *apps; /* n_apps, in the order of the file */
    size_t n_apps;
    struct wc_agent_notify *notify;
    size_t n_notify;
    const char *webhook_listen, *webhook_secret_file; /* both or neither */
    int64_t runners;                                  /* how many apps are worked on at a time */
    bool prune_apps; /* apps that were of this file, and no longer are, are taken down */
};

/* Reads the agent file. Returns 0 and sets *out; WC_ERR_NOENT when there is none (nothing in
 * diags); else WC_ERR_SPEC with the reasons in diags.
 *   path    absolute
 *   access  NULL: the file system, where the file must be root's or ours, and nobody else's to
 *           write
 */
int wc_agent_file_read(const char *path, const struct wc_spec_access *access,
                       struct wc_arena *arena, struct wc_diags *diags, struct wc_agent *out);

/* Returns the app of that name, or NULL. */
const struct wc_agent_app *wc_agent_app(const struct wc_agent *agent, const char *name);

/* The rule for the image of a service; never NULL. */
const struct wc_agent_image_rule *wc_agent_image_rule(const struct wc_agent_images *images,
                                                      const char *service);

/* True when a rule of the app asks registries. */
bool wc_agent_follows_images(const struct wc_agent_images *images);

/* Reads "Mon-Fri 22:00-04:00", "Sat,Sun 00:00-24:00", "03:00-05:00" (every day). False when it is
 * no window. */
bool wc_agent_window_parse(const char *text, struct wc_agent_window *out);

#endif
