/* store.h - the image store on disk, and how it is changed (images).
 *
 *   <dir>/oci-layout, index.json   an OCI image layout; names are annotations in index.json
 *   <dir>/blobs/sha256/<hex>       manifests, configurations, packed layers
 *   <dir>/layers/<16 hex>/         unpacked layer, by the start of its diff id (overlay options are
 *                                  one page long, so names are short)
 *   <dir>/diffs/<16 hex>           its whole diff id and size: a layer without it doesn't count
 *   <dir>/tmp/<number>/            where a change collects its files (work.h)
 *   <dir>/lock                     held while the index is read, changed and replaced
 *   <dir>/users.lock               held shared by every change, whole by who collects garbage
 *   <dir>/make.lock, make/         of who makes an image, until it is written
 *
 * Idea:    readers take no lock: blobs and layers never change, index.json is replaced as a whole.
 *          A change (txn) collects finished files in a directory of its own, beside other changes
 *          of other processes, for as long as it takes; then it syncs once, takes the lock,
 * renames, and replaces the index. What a crash leaves behind, the next one to open the store
 *          sweeps. Garbage is only collected while no change is on its way, because it may count on
 *          a blob that no name needs.
 * Owner:   the handle belongs to who opened it; a txn to the function that began it.
 * Threads: handles may be shared; a txn has one thread. Blocks: on disk, and on the lock.
 * Errors:  WC_ERR_IO, WC_ERR_PERM, WC_ERR_SPEC (broken store), WC_ERR_NOENT.
 * Source:  OCI Image Format Specification 1.0, image-layout.
 */
#ifndef IMAGES_STORE_H
#define IMAGES_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/map.h"
#include "wcompose/image.h"

struct wc_buf;

struct wc_image_store {
    char *dir; /* absolute */
    int fd;
};

/* One entry of index.json. Digests are "sha256:<64 hex>". */
struct wc_index_entry {
    const char *reference;   /* normal form, NULL = untagged */
    const char *digest;      /* of the manifest */
    int64_t size;            /* of the manifest, bytes */
    const char *media_type;  /* of the manifest */
    const char *id;          /* digest of the configuration */
    const char *platform;    /* "linux/arm64", as wc_platform_usual; NULL: not known */
    const char *stored;      /* the name it was read by; see wc_txn_tag. NULL = untagged */
    const char *list_digest; /* of the multi-platform list it was chosen from, or NULL */
    const char *recipe;      /* fingerprint of the recipe it was made by, or NULL */
    const char *pulled;      /* when its registry was asked last, RFC 3339, or NULL */
};
struct wc_index {
    struct wc_index_entry *items;
    size_t n, cap;
};

int wc_store_read_index(const struct wc_image_store *store, struct wc_arena *arena,
                        struct wc_index *out, struct wc_err *err);

/* Most bytes of index.json, and of a blob that is JSON. What is written holds to it as well, or one
 * image could make the store unreadable. */
enum { WC_STORE_JSON_MAX = 16 << 20 };

/* Appends the blob's content to `out`, having checked it against its digest. For JSON: at most
 * WC_STORE_JSON_MAX. */
int wc_store_read_blob(const struct wc_image_store *store, const char *digest, struct wc_buf *out,
                       struct wc_err *err);

/* Length of a layer directory's name. */
enum { WC_LAYER_NAME = 16 };

/* Size of the unpacked layer with that diff id ("sha256:…"), -1 when it isn't there. */
int64_t wc_store_layer_bytes(const struct wc_image_store *store, const char *diff_id);

/* A change of the store. */
struct wc_txn_rename;
struct wc_image_txn {
    struct wc_image_store *store;
    wc_image_progress_fn *progress; /* may be NULL */
    void *progress_data;
    const char *work; /* our directory, relative to the store */
    int work_fd, users_fd;
    int lock_fd; /* -1 until wc_txn_lock */
    unsigned next_temp;
    struct wc_arena arena;            /* all strings below */
    struct wc_map blobs;              /* hex -> temporary path of a verified blob */
    struct wc_map layers;             /* directory in layers/ -> whole diff id of what is staged */
    struct wc_txn_rename *renames;    /* newest first */
    struct wc_index index;            /* before wc_txn_lock as it was at the beginning */
    struct wc_index tags;             /* what was tagged before wc_txn_lock */
    bool collect;                     /* remove what the new index doesn't need … */
    const struct wc_strv *keep;       /* … but these absolute layer directories; may be NULL */
    const struct wc_image_uses *uses; /* asked again after that; may be NULL … */
    struct wc_index before;           /* … with what to go back to */
    uint64_t freed_bytes;             /* by collecting; also after the commit … */
    bool deferred;                    /* … which may have left it to the next one */
};

/* Begins a change; others may go on beside it. progress may be NULL. On success the caller ends it
 * with wc_txn_commit or wc_txn_abort. */
int wc_txn_begin(struct wc_image_store *store, wc_image_progress_fn *progress, void *progress_data,
                 struct wc_image_txn *txn, struct wc_err *err);

/* Takes the lock, reads the index anew and tags again what was tagged. From here to the end nobody
 * else changes it. For who decides by what the index says; wc_txn_commit does it for the others. */
int wc_txn_lock(struct wc_image_txn *txn, struct wc_err *err);

/* Makes all of it true, or nothing of it. Both end the txn. */
int wc_txn_commit(struct wc_image_txn *txn, struct wc_err *err);
void wc_txn_abort(struct wc_image_txn *txn);

/* A new name in its directory, relative to the store: "tmp/1a2b/7". */
const char *wc_txn_temp(struct wc_image_txn *txn);

/* A file in tmp/ that is hashed while it is written. */
struct wc_sink {
    int fd;
    const char *temp;
    struct wc_sha256 *hash;
    uint64_t size;
    char hex[WC_SHA256_HEX + 1]; /* set by wc_sink_close */
};
int wc_sink_open(struct wc_image_txn *txn, struct wc_sink *sink, struct wc_err *err);
int wc_sink_write(struct wc_sink *sink, const void *bytes, size_t len, struct wc_err *err);
int wc_sink_close(struct wc_sink *sink, struct wc_err *err); /* also after a failed write */

/* True when the blob is in the store or staged in this txn. */
bool wc_txn_has_blob(const struct wc_image_txn *txn, const char *hex);

/* Stages a closed sink, or bytes, as a blob. */
void wc_txn_stage(struct wc_image_txn *txn, const struct wc_sink *sink);
int wc_txn_stage_bytes(struct wc_image_txn *txn, const void *bytes, size_t len, const char **digest,
                       struct wc_err *err);

/* Opens a staged or stored blob for reading. */
int wc_txn_open_blob(const struct wc_image_txn *txn, const char *digest, int *fd,
                     struct wc_err *err);

/* Appends a staged or stored blob (JSON, at most 16 MiB) to `out`. */
int wc_txn_read_blob(const struct wc_image_txn *txn, const char *digest, struct wc_buf *out,
                     struct wc_err *err);

/* Stages the directory `temp` as the unpacked layer `diff_id` with so many bytes of content. */
int wc_txn_stage_layer(struct wc_image_txn *txn, const char *temp, const char *diff_id,
                       uint64_t bytes, struct wc_err *err);

/* True when that layer is unpacked, in the store or staged. WC_ERR_CONFLICT when it can't be told
 * from another one. (unpack.h unpacks.) */
int wc_txn_has_layer(struct wc_image_txn *txn, const char *diff_id, bool *has, struct wc_err *err);

/* Replaces index.json by txn->index, on disk when it returns. */
int wc_txn_put_index(struct wc_image_txn *txn, struct wc_err *err);

/* Adds an entry to the index; one with the same reference and platform loses it, and stays without
 * a name (who runs it, or named it by its digest, counts on it) until somebody prunes. A platform
 * that isn't given is the configuration's, which is staged or stored. Strings are copied.
 * In index.json the one that runs here has the reference for a name, others of the same reference
 * have REFERENCE+PLATFORM, so that tools which know layouts find either. */
void wc_txn_tag(struct wc_image_txn *txn, const struct wc_index_entry *entry);

/* Takes a name from all that has it; after wc_txn_lock. */
void wc_txn_untag(struct wc_image_txn *txn, const char *reference);

/* Called by wc_txn_commit when txn->collect is set and no other change is on its way, after the
 * index is written: moves blobs and layers that nothing in the index needs into tmp/, which is then
 * emptied. */
int wc_store_collect(struct wc_image_txn *txn, struct wc_err *err);

#endif
