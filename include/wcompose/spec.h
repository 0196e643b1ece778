/* spec.h - from files to a model, and from a model to canonical text (contract, layer 1, pure of
 * libuv).
 *
 * Idea:    one call runs the whole pipeline in the order that users can observe (Compose
 * Specification; docs/walk.md): parse, interpolate, merge, decode, normalise, profiles, validate.
 * Owner:   everything that comes out lives in the caller's arena, `options` is borrowed for the
 * call. Threads: any; no globals. Errors:  findings about the files go to diags, all of them; the
 * return value says whether a model came out.
 */
#ifndef WCOMPOSE_SPEC_H
#define WCOMPOSE_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/diag.h"
#include "wcompose/grant.h"
#include "wcompose/model.h"

struct wc_arena;
struct wc_buf;

/* How a load gets at files. Both functions get absolute, cleaned paths ("/dev/stdin" for "-") and
 * run on the thread of the load.
 *   read    appends the whole file to `out`; 0, or WC_ERR_NOENT, WC_ERR_PERM, WC_ERR_IO,
 *           WC_ERR_LIMIT (more than `limit` bytes) with *err set
 *   exists  true when something is there
 *   data    handed back to both; the caller's
 */
struct wc_spec_access {
    int (*read)(void *data, const char *path, size_t limit, struct wc_buf *out, struct wc_err *err);
    bool (*exists)(void *data, const char *path);
    void *data;
};

/* What the containers run on: decides what becomes of an attribute (support.h). */
enum wc_platform { WC_PLATFORM_LINUX, WC_PLATFORM_WINDOWS, WC_PLATFORMS };

/* Bounds on what a load may use up; 0 = the default. Names, defaults and meanings: docs/limits.md.
 * Beyond one is error E105. */
struct wc_spec_limits {
    size_t file_bytes, total_bytes, files; /* one file, all files, how many */
    size_t depth, nodes, alias_nodes;      /* levels, values written, values that aliases add */
    size_t extends_nodes, extends_chain;   /* values that `extends` adds; services in a row */
    size_t includes, include_depth;        /* `include`: files, levels */
    size_t include_nodes;                  /* values of files that are included again */
    size_t copy_ratio;                     /* what these three add for each value written */
    size_t key_bytes, variables;           /* one key; variables of one env file */
    size_t env_lines;                      /* of all env files and label files */
    size_t value_bytes, expanded_bytes;    /* interpolation: one value, all of them */
    size_t services;
};

/* Reads "name=value,name=value" (sizes may have units: "file-bytes=20m") over *limits. Returns 0,
 * or WC_ERR_USAGE with *err saying what is wrong (and *limits partly set). */
int wc_spec_limits_parse(const char *text, struct wc_spec_limits *limits, struct wc_err *err);

/* One code that a finding can have, as `explain` prints it. All strings are constants. */
struct wc_code_info {
    const char *code;    /* "E100" */
    const char *title;   /* a few words */
    const char *meaning; /* a sentence or two: what is wrong, and how to fix it */
    const char *example; /* one line of a Compose file, or a command */
};

/* The codes in the order of docs/errors.md; NULL for i past the last. */
const struct wc_code_info *wc_spec_code_info(size_t i);

/* What the command line and the environment say about loading. All pointers borrowed, NULL = not
 * given. */
struct wc_spec_options {
    const char *const
        *files; /* -f, in order; n_files == 0: COMPOSE_FILE, else looked for upwards from cwd */
    size_t n_files;
    const char *const *env_files; /* --env-file; n == 0: .env of the project directory */
    size_t n_env_files;
    const char *const *profiles; /* --profile; n == 0: COMPOSE_PROFILES */
    size_t n_profiles;
    const char *const *services; /* only these and what they depend on; n == 0: all active ones */
    size_t n_services;
    const char *project_name;      /* -p */
    const char *project_directory; /* --project-directory */
    const char *cwd;               /* absolute; must be given */
    const char *const
        *environ;        /* NULL-terminated KEY=VALUE list (the process environment); may be NULL */
    bool no_interpolate; /* config --no-interpolate */
    bool no_path_resolution; /* config --no-path-resolution: relative paths stay relative */
    bool no_env_resolution;  /* config --no-env-resolution: env_file is not read */
    bool no_normalize;       /* config --no-normalize: no names, default network, implied values */
    bool no_consistency;     /* config --no-consistency: nothing is checked across attributes */
    bool no_deps;            /* with services: don't add their dependencies */
    bool only_shown; /* nothing is going to run (config, lint): what isn't carried out yet stays in
                        the model with a warning (W013) instead of an error (E300) */
    enum wc_platform platform; /* of the containers; Linux when not given */
    bool leaves_sealed; /* with canonical: encrypted files that it brings along aren't opened now
                           (wcompose/sealed.h, wc_unsealing) */
    bool canonical; /* the input is our own canonical text: no interpolation, no .env, no lookup */
    const char *text; /* the text itself, instead of files; without canonical it is one file called
                         compose.yaml in cwd */
    size_t text_len;
    const struct wc_spec_access *access; /* NULL: the file system */
    /* Adds to diags what a layer above finds wrong (the order of services: wc_plan_check), so that
     * one run tells all. The project may have mistakes that are reported already. May be NULL. */
    void (*check)(const struct wc_project *project, struct wc_arena *arena, struct wc_diags *diags);
    struct wc_spec_limits limits;
    bool restricted; /* the files come from elsewhere: nothing outside the project directory is read
                        but what the command line names there, `~` is not expanded, and the
                        environment is empty but for allow_env; what is refused is error E116 */
    const char *const *allow_env; /* n_allow_env names */
    size_t n_allow_env;
    const struct wc_grant *grant; /* with restricted: services have nothing of the host but this;
                                     what is refused is error E117. NULL: they aren't looked at */
    /* Gives the path that a file or directory of the project's is mounted from, read-only, instead
     * of where it lies: bind mounts, files of configs and secrets, before anything is hashed.
     *   path  absolute, cleaned
     * Returns 0 and sets *out, or leaves it NULL: it stays; else it is error E118 with err->msg.
     * May be NULL. */
    int (*relocate)(void *data, const char *path, const char **out, struct wc_err *err);
    void *relocate_data;
    const char *const *age_files; /* identity files (absolute paths) that decrypt SOPS files which
                                     env_file, secrets and configs name; each must be root's or
                                     ours, and nobody else's to read. docs/secrets.md */
    size_t n_age_files;
};

/* Loads the project. Returns 0 and sets *out when there is no error in diags; else a negative code:
 * WC_ERR_SPEC (see diags), WC_ERR_NOENT (no file found, or one that an option or a variable names
 * is missing; also in diags).
 */
int wc_spec_load(const struct wc_spec_options *options, struct wc_arena *arena,
                 struct wc_diags *diags, struct wc_project **out);

/* Reads the host's policy: a YAML file with one key, `policy`, whose rules are those of
 * x-wcompose.policy. A file that isn't there holds none.
 *   path    absolute
 *   access  NULL: the file system, where the file must be root's or ours, and nobody else's to
 * write Returns 0 and sets *out; or WC_ERR_SPEC, the reasons in diags (E402 where it can't be used
 * at all), with *out empty: then nothing may be decided.
 */
int wc_spec_host_policy(const char *path, const struct wc_spec_access *access,
                        struct wc_arena *arena, struct wc_diags *diags, struct wc_policy *out);

/* Forms of canonical text. */
enum wc_render_format { WC_RENDER_YAML, WC_RENDER_JSON };

/* Appends the canonical form of a project to `out`: keys sorted, defaults resolved, `$` doubled in
 * YAML and JSON alike (as docker compose config prints it). Loading it as an ordinary file gives an
 * equal model. The project must come from wc_spec_load, and is printed as it was loaded: a change
 * made to the model afterwards is not in the output.
 */
void wc_spec_render(const struct wc_project *project, enum wc_render_format format,
                    struct wc_buf *out);

/* Gives the image that is to be shown instead of a service's, or NULL to stop. */
typedef const char *wc_spec_pin_fn(void *data, const char *service, const char *image);

/* Replaces the images in what wc_spec_render prints; with only_images nothing else is left: an
 * override file. Returns false when `pin` stopped. */
bool wc_spec_pin_images(struct wc_project *project, struct wc_arena *arena, wc_spec_pin_fn *pin,
                        void *data, bool only_images);

/* A variable that values of the files name. Texts are "" when there is none. */
struct wc_spec_variable {
    const char *name;
    const char *fallback;  /* of ${NAME:-fallback} or ${NAME-fallback}, as it is written */
    const char *alternate; /* of ${NAME:+alternate} or ${NAME+alternate} */
    bool required;         /* ${NAME:?…} or ${NAME?…} */
};

/* Finds them in a project that was loaded with no_interpolate; *out is sorted by name and lives in
 * `arena`. Of several defaults of one name the first is given. Returns how many there are. */
size_t wc_spec_variables(const struct wc_project *project, struct wc_arena *arena,
                         struct wc_spec_variable **out);

/* Adds the names that the models in use have at their registry ("ai/smollm2"), one a model. */
void wc_spec_models(const struct wc_project *project, struct wc_arena *arena, struct wc_strv *out);

/* Finds where a value stands, by its path in the canonical form: "services.web.environment.LEVEL";
 * a name with a dot in it is put in brackets. What isn't written itself has the place of what it
 * belongs to. False when there is none: the project didn't come from files. */
bool wc_spec_place(const struct wc_project *project, const char *path, struct wc_loc *out);

/* As wc_spec_render with JSON on one line and no `$` doubling: what the supervisor is sent and
 * stores. Carries the working directory, files, profiles and the places of services as well;
 * loading it with options.canonical gives an equal model with the same spec hashes. */
void wc_spec_render_wire(const struct wc_project *project, struct wc_buf *out);

#endif
