/* nft.c - one call of libnftables.
 *
 * A context per call: making one costs about 20 us, and a process that keeps none has no state to
 * go stale. The text interface writes, the JSON interface reads.
 *
 * The library is loaded by the first call: with what it needs it is six, which took half of the
 * start-up time of every command, and most commands write no rule.
 */
#include "drivers/net/rules.h"

#include <dlfcn.h>
#include <errno.h>
#include <nftables/libnftables.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"

/* What is called, each of the header's type. */
static struct {
    __typeof__(nft_ctx_new) *ctx_new;
    __typeof__(nft_ctx_free) *ctx_free;
    __typeof__(nft_ctx_buffer_output) *buffer_output;
    __typeof__(nft_ctx_buffer_error) *buffer_error;
    __typeof__(nft_ctx_get_output_buffer) *output;
    __typeof__(nft_ctx_get_error_buffer) *error;
    __typeof__(nft_ctx_output_set_flags) *set_flags;
    __typeof__(nft_run_cmd_from_buffer) *run;
} nft;
static char load_error[160]; /* why there is none; empty when there is */

static void load_library(void)
{
    static const struct {
        const char *name;
        void *slot;
    } calls[] = {
        { "nft_ctx_new", &nft.ctx_new },
        { "nft_ctx_free", &nft.ctx_free },
        { "nft_ctx_buffer_output", &nft.buffer_output },
        { "nft_ctx_buffer_error", &nft.buffer_error },
        { "nft_ctx_get_output_buffer", &nft.output },
        { "nft_ctx_get_error_buffer", &nft.error },
        { "nft_ctx_output_set_flags", &nft.set_flags },
        { "nft_run_cmd_from_buffer", &nft.run },
    };
    void *library = dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; i < WC_COUNT(calls); i++) {
        void *call = library == NULL ? NULL : dlsym(library, calls[i].name);
        if (call == NULL) {
            const char *why = dlerror();
            snprintf(load_error, sizeof load_error, "%s", why == NULL ? calls[i].name : why);
            return;
        }
        memcpy(calls[i].slot, &call, sizeof call);
    }
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

int wc_nft_run(const char *script, struct wc_buf *json, struct wc_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_library);
    if (load_error[0] != '\0')
        return wc_err_set(err, WC_ERR_NOENT, 0, "nftables: %s; install libnftables1", load_error);
    struct nft_ctx *ctx = nft.ctx_new(NFT_CTX_DEFAULT);
    if (ctx == NULL)
        return wc_err_set(err, WC_ERR_IO, errno, "nftables");
    nft.buffer_output(ctx);
    nft.buffer_error(ctx);
    if (json != NULL)
        nft.set_flags(ctx,
                      NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_NUMERIC_PROTO);
    int code = 0;
    if (nft.run(ctx, script) != 0) {
        const char *words = nft.error(ctx);
        words = strstr(words, "Error: ") != NULL ? strstr(words, "Error: ") + 7 : words;
        wc_log(WC_LOG_DEBUG, "net", "nftables refused: %s\n%s", words, script);
        code =
            wc_err_set(err, code_of(words), 0, "nftables: %.*s", (int)strcspn(words, "\n"), words);
    } else if (json != NULL) {
        wc_buf_adds(json, nft.output(ctx));
    }
    nft.ctx_free(ctx);
    return code;
}
