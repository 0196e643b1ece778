/* nft.c - calls of libnftables, which is in memory only while networks change.
 *
 * The library and what it needs (gmp, jansson, libnftnl, libxtables) are 1.4 MiB of text and 90 KiB
 * of relocated data: more than everything else of an idle supervisor, and a quarter of the start-up
 * time of commands that never touch a rule. So it is loaded for a call and unloaded after it, which
 * costs some ms where networks change and nothing anywhere else. The loader counts who holds it:
 * net.c does for all calls of one change.
 * (Rejected: linking it, for that reason; a helper program or a forked child that makes the
 * transaction: a protocol, and a fork from a process with threads, for the same end.)
 *
 * A context per call: making one costs about 20 us, and a process that keeps none has no state to
 * go stale. The text interface writes, the JSON interface reads.
 */
#include "drivers/net/rules.h"

#include <dlfcn.h>
#include <errno.h>
#include <nftables/libnftables.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"

#define LIBRARY "libnftables.so.1"

/* The functions that we use, by their own types. */
struct nft {
    void *library;
    __typeof__(nft_ctx_new) *ctx_new;
    __typeof__(nft_ctx_free) *ctx_free;
    __typeof__(nft_ctx_buffer_output) *buffer_output;
    __typeof__(nft_ctx_buffer_error) *buffer_error;
    __typeof__(nft_ctx_output_set_flags) *set_flags;
    __typeof__(nft_ctx_get_output_buffer) *output;
    __typeof__(nft_ctx_get_error_buffer) *error;
    __typeof__(nft_run_cmd_from_buffer) *run;
};

/* dlsym's object pointer is a function's: POSIX has both the same size and kind, C doesn't say. */
static bool find(void *library, const char *name, void *where)
{
    void *symbol = dlsym(library, name);
    memcpy(where, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool find_all(void *library, struct nft *out)
{
    out->library = library;
    return library != NULL && find(library, "nft_ctx_new", &out->ctx_new) &&
           find(library, "nft_ctx_free", &out->ctx_free) &&
           find(library, "nft_ctx_buffer_output", &out->buffer_output) &&
           find(library, "nft_ctx_buffer_error", &out->buffer_error) &&
           find(library, "nft_ctx_output_set_flags", &out->set_flags) &&
           find(library, "nft_ctx_get_output_buffer", &out->output) &&
           find(library, "nft_ctx_get_error_buffer", &out->error) &&
           find(library, "nft_run_cmd_from_buffer", &out->run);
}

void *wc_nft_hold(void)
{
    return dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
}

void wc_nft_release(void *held)
{
    if (held != NULL)
        dlclose(held);
}

static int load(struct nft *out, struct wc_err *err)
{
    void *library = wc_nft_hold();
    if (find_all(library, out))
        return 0;
    const char *why = dlerror();
    int code = wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "the rules need " LIBRARY ", which can't be loaded: %s; on Debian, "
                          "apt install libnftables1 brings it",
                          why != NULL ? why : "no reason given");
    wc_nft_release(library);
    return code;
}

/* libnftables gives words, not numbers; the words are strerror's. */
static int code_of(const char *words)
{
    if (strstr(words, strerror(ENOENT)) != NULL)
        return WC_ERR_NOENT;
    if (strstr(words, strerror(EPERM)) != NULL || strstr(words, strerror(EACCES)) != NULL)
        return WC_ERR_PERM;
    return WC_ERR_IO;
}

static int run(const struct nft *nft, const char *script, unsigned flags, struct wc_buf *out,
               struct wc_err *err)
{
    struct nft_ctx *ctx = nft->ctx_new(NFT_CTX_DEFAULT);
    if (ctx == NULL)
        return wc_err_set(err, WC_ERR_IO, errno, "nftables");
    nft->buffer_output(ctx);
    nft->buffer_error(ctx);
    nft->set_flags(ctx, flags);
    int code = 0;
    if (nft->run(ctx, script) != 0) {
        const char *words = nft->error(ctx);
        words = strstr(words, "Error: ") != NULL ? strstr(words, "Error: ") + 7 : words;
        wc_log(WC_LOG_DEBUG, "net", "nftables refused: %s\n%s", words, script);
        code =
            wc_err_set(err, code_of(words), 0, "nftables: %.*s", (int)strcspn(words, "\n"), words);
    } else if (out != NULL) {
        wc_buf_adds(out, nft->output(ctx));
    }
    nft->ctx_free(ctx);
    return code;
}

static int load_and_run(const char *script, unsigned flags, struct wc_buf *out, struct wc_err *err)
{
    struct nft nft = { 0 };
    int code = load(&nft, err);
    if (code != 0)
        return code;
    code = run(&nft, script, flags, out, err);
    wc_nft_release(nft.library);
    return code;
}

int wc_nft_run(const char *script, struct wc_buf *json, struct wc_err *err)
{
    const unsigned flags =
        NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_NUMERIC_PROTO;
    return load_and_run(script, json != NULL ? flags : 0, json, err);
}

int wc_nft_list_fixed(struct wc_buf *out, struct wc_err *err)
{
    return load_and_run("list table inet wcompose\n", NFT_CTX_OUTPUT_TERSE, out, err);
}
