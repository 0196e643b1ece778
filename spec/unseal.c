/* unseal.c - opening, with what is needed for each kind.
 *
 * Keys are read when the first file is met, are in memory of their own, and gone with the opener.
 * Values stay in its arena, as any value of the model: who holds it wipes it.
 */
#include "spec/unseal.h"

#include <string.h>

#include "base/arena.h"
#include "base/creds.h"
#include "spec/creds.h"
#include "spec/sops.h"
#include "spec/sops_read.h"

void wc_opener_deinit(struct wc_opener *opener)
{
    wc_age_keys_deinit(&opener->keys);
    opener->has_keys = false;
    opener->no_keys = NULL;
}

static void read_keys(struct wc_opener *opener)
{
    opener->has_keys = true;
    for (size_t i = 0; i < opener->identities->n && opener->no_keys == NULL; i++) {
        struct wc_err err = { 0 };
        if (wc_age_keys_read(&opener->keys, opener->identities->items[i], &err) != 0)
            opener->no_keys = wc_arena_strdup(opener->arena, err.msg);
    }
}

/* Copies what came out, and makes the marks, into the arena. */
static void keep(struct wc_arena *arena, const struct wc_sops *sops, struct wc_sealed_file *file,
                 struct wc_unsealed *out)
{
    char mark[WC_SOPS_MARK + 1];
    const struct wc_secret *text = &sops->text;
    char *content = wc_arena_alloc(arena, text->len + 1);
    if (text->len > 0)
        memcpy(content, text->bytes, text->len);
    wc_sops_mark(sops, content, text->len, mark);
    file->mark = wc_arena_strdup(arena, mark);
    file->marks.n = 0;
    file->marks.items = WC_NEW_ARRAY(arena, struct wc_kv, sops->pairs.n + 1);
    for (size_t i = 0; i < sops->pairs.n; i++) {
        const struct wc_kv *pair = &sops->pairs.items[i];
        wc_sops_mark(sops, pair->value, strlen(pair->value), mark);
        file->marks.items[file->marks.n++] =
            (struct wc_kv){ pair->key, wc_arena_strdup(arena, mark) };
    }
    out->content = content;
    out->len = text->len;
    out->pairs = sops->pairs;
}

static int open_sops(struct wc_opener *opener, const char *shown, struct wc_sealed_file *file,
                     struct wc_unsealed *out, struct wc_err *err)
{
    WC_CLEANUP_SOPS struct wc_sops sops = { 0 };
    struct wc_sops_file in = { .name = shown, .text = { file->text, file->len } };
    in.store = wc_sops_store(&in.text, file->path);
    if (!opener->has_keys)
        read_keys(opener);
    if (opener->no_keys != NULL)
        return wc_err_set(err, WC_ERR_PERM, 0, "%s", opener->no_keys);
    int rc = wc_sops_open(&in, &opener->keys, opener->arena, &sops, err);
    if (rc == 0)
        keep(opener->arena, &sops, file, out);
    return rc;
}

static int open_credential(struct wc_opener *opener, struct wc_sealed_file *file,
                           struct wc_unsealed *out, struct wc_err *err)
{
    struct wc_creds creds;
    if (opener->project == NULL)
        return wc_err_set(err, WC_ERR_SPEC, 0, "the project has no name that it could be for");
    const struct wc_creds_ask ask = {
        .text = file->text,
        .len = file->len,
        .name = wc_creds_name(opener->project, file->path, opener->arena),
        .was_opened = opener->was_opened,
        .cancel_fd = opener->cancel_fd,
    };
    int rc = wc_creds_unseal(&ask, opener->arena, &creds, err);
    if (rc != 0)
        return rc;
    file->mark = creds.mark;
    file->marks = creds.marks;
    out->content = creds.content;
    out->len = creds.len;
    out->pairs = creds.pairs;
    out->has_pairs = creds.has_pairs;
    return 0;
}

int wc_unseal(struct wc_opener *opener, const char *shown, struct wc_sealed_file *file,
              struct wc_unsealed *out, struct wc_err *err)
{
    int rc = wc_creds_is(file->text, file->len) ? open_credential(opener, file, out, err)
                                                : open_sops(opener, shown, file, out, err);
    out->file = file;
    out->is_untried = false;
    out->closed = rc == 0 ? NULL : wc_arena_printf(opener->arena, "%s: %s", shown, err->msg);
    return rc;
}
