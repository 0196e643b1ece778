/* image.h - images on this host: from a reference to layers and a configuration (contract, pure of
 * libuv).
 *
 * Idea:    one content-addressed OCI layout shared by all projects; unpacked layers beside it, by
 * diff id. Owner:   a store handle belongs to who opened it; infos live in the caller's arena.
 * Threads: every call may run on a worker thread; calls on one store from several threads or
 * processes are safe (file locks inside). Calls block (disk); never call them on the loop, except
 * wc_image_resolve, which reads three small files. Source:  OCI Image Format Specification 1.0:
 * image-layout, manifest, config, layer.
 */
#ifndef WCOMPOSE_IMAGE_H
#define WCOMPOSE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"
#include "wcompose/model.h"

struct wc_arena;
struct wc_build;
struct wc_image_store;

/* What a container needs to know of its image. Strings are arena-owned. */
struct wc_image_info {
    const char *reference;   /* as asked for, normalised: "docker.io/library/nginx:latest" or
                                "nginx:1.22" as tagged */
    const char *digest;      /* manifest digest, "sha256:…" */
    const char *list_digest; /* of the list of manifests that it was chosen from: what a registry's
                                tag points at; NULL = there was none */
    const char *id; /* config digest, "sha256:…": what `docker images` shows as the image id */
    const char
        *stored; /* its name in the store's index.json, as `oci:DIR:NAME` takes it, or NULL */
    const char *os, *architecture, *variant, *os_version; /* may be NULL but os and architecture */
    struct wc_strv env;                                   /* KEY=VALUE */
    struct wc_strv entrypoint, cmd;
    const char *user, *working_dir, *stop_signal; /* NULL = not set */
    struct wc_strv volumes;                       /* paths declared as volumes */
    struct wc_strv exposed_ports;                 /* "80/tcp" */
    struct wc_kvs labels;
    struct wc_healthcheck health; /* .set false when the image has none */
    struct wc_strv
        layers; /* unpacked layer directories, absolute, lowest first; n == 0 only with no layers */
    int64_t size_bytes;  /* of all unpacked layers, WC_UNSET when not known */
    const char *created; /* RFC 3339 or NULL */
    const char *pulled;  /* when its registry was asked last, RFC 3339; NULL = never */
    const char *broken;  /* of wc_image_list: why it can't be read; then only reference, digest and
                            id  are known. Else NULL */
};

/* Opens (and makes, mode 0700, when missing) the store in directory `dir`. Returns 0 or WC_ERR_IO,
 * WC_ERR_PERM. */
int wc_image_store_open(const char *dir, struct wc_image_store **out, struct wc_err *err);
void wc_image_store_close(struct wc_image_store *store);

/* Progress of a long call; `done` of `total` bytes (total 0 = unknown). Runs on the calling thread.
 */
typedef void wc_image_progress_fn(void *data, const char *what, uint64_t done, uint64_t total);

/* Loads every image of `source` (an OCI layout directory "oci:DIR", "oci-archive:FILE",
 * "docker-archive:FILE", or a plain path whose kind is found by looking) and unpacks its layers.
 * `name` is its name instead of those that the archive gives it (which then may hold one image
 * only), or NULL. References are appended to `loaded` (arena-owned). Nothing is left behind on
 * failure. Returns 0, WC_ERR_NOENT, WC_ERR_SPEC (a corrupt or hostile archive), WC_ERR_IO (disk
 * full …), WC_ERR_LIMIT.
 */
struct wc_image_load_options {
    const char *source, *name;
    wc_image_progress_fn *progress; /* may be NULL */
    void *progress_data;
};
int wc_image_load(struct wc_image_store *store, const struct wc_image_load_options *options,
                  struct wc_arena *arena, struct wc_strv *loaded, struct wc_err *err);

/* Finds an image by name[:tag][@digest], by "sha256:…" or by a unique prefix (6+ hex digits) of an
 * id, and makes sure its layers are unpacked. Docker's shorthand holds: "nginx" is
 * "docker.io/library/nginx:latest". Returns 0, WC_ERR_NOENT (the message says how to get it),
 * WC_ERR_SPEC (malformed reference or broken store).
 */
int wc_image_resolve(struct wc_image_store *store, const char *reference, struct wc_arena *arena,
                     struct wc_image_info *out, struct wc_err *err);

/* The same for a platform ("linux/arm64", as `platform:` says it; NULL: this machine's). A name may
 * be there for several; where it isn't there for this one, what it is there for is returned all the
 * same, and wc_image_is_for (pull.h) tells. WC_ERR_SPEC also for what is no platform. */
int wc_image_resolve_for(struct wc_image_store *store, const char *reference, const char *platform,
                         struct wc_arena *arena, struct wc_image_info *out, struct wc_err *err);

/* The part of a normal-form reference that people type: "nginx:1.22" of
 * "docker.io/library/nginx:1.22". Points into `reference`. */
const char *wc_image_short_reference(const char *reference);

/* Calls `visit` for every image, sorted by reference, untagged ones last (their reference is their
 * id); `info` is valid during the call only.
 * A non-zero answer of visit stops and is returned. */
typedef int wc_image_visit_fn(void *data, const struct wc_image_info *info);
int wc_image_list(struct wc_image_store *store, wc_image_visit_fn *visit, void *data,
                  struct wc_err *err);

/* Says what is in use: `layers` that containers run from (directories, absolute or by name alone),
 * and `references` of images that will be wanted. Runs on the calling thread while the store is
 * locked: it must not resolve, load or remove images.
 */
struct wc_image_uses {
    void (*list)(void *data, struct wc_strv *layers, struct wc_strv *references);
    void *data;
};

/* Removes a reference, and what no other image needs: blobs and layers. What is in use (may be
 * NULL) makes it refuse with WC_ERR_CONFLICT, unless `force` only unties the name. It is asked
 * again when all is out of the way and nobody can begin to use it any more; what came into use
 * meanwhile is put back, and that is WC_ERR_CONFLICT too.
 */
int wc_image_remove(struct wc_image_store *store, const char *reference,
                    const struct wc_image_uses *uses, bool force, struct wc_err *err);

/* Builds an image from Debian packages by a recipe: a file's path, or the name of one in the recipe
 * directories (docs/recipes.md). The tag is the recipe's unless `name` is given. Downloads through
 * apt, needs no root beyond the store's. Not made again when the recipe and the package versions
 * are those of the image that is there, unless `force`. Returns 0, WC_ERR_NOENT (no such recipe),
 * WC_ERR_SPEC (recipe error; err->at has the place), WC_ERR_UNAVAILABLE (apt can't get a package).
 */
struct wc_image_make_options {
    const char *recipe, *name;
    const char *const *recipe_dirs; /* NULL-terminated */
    bool force;
    wc_image_progress_fn *progress;
    void *progress_data;
};
int wc_image_make(struct wc_image_store *store, const struct wc_image_make_options *options,
                  struct wc_arena *arena, const char **reference, bool *made, struct wc_err *err);

/* Builds an image by a Dockerfile and names it (build.tags too), by buildah or docker. What FROM
 * names is taken from this store where it is here. Nothing is started when what the build depends
 * on (files of the context, arguments, base images of this store …) is as it was and the image is
 * still there; pull, no_cache, secrets, ssh and contexts that are addresses always build. An open
 * argument takes its value from the environment.
 *
 * Sets *built when a builder was started. Returns 0, WC_ERR_UNAVAILABLE (no builder, or it failed:
 * its last line; or isolation hyperv), WC_ERR_NOENT (no context or Dockerfile), WC_ERR_IO …
 * Nothing of it is left in the store on failure but the builder's cache.
 */
struct wc_image_build_options {
    const struct wc_build *build; /* context set */
    const char *name;             /* of the image */
    const char *platform;         /* "linux/arm64"; NULL: the builder's */
    bool no_cache, pull;
    void (*line)(void *data, const char *line); /* each that the builder prints; never NULL */
    void *line_data;
};
int wc_image_build(struct wc_image_store *store, const struct wc_image_build_options *options,
                   struct wc_arena *arena, bool *built, struct wc_err *err);

#endif
