/* nft.c - one call of libnftables.
 *
 * A context per call: making one costs about 20 us, and a process that keeps none has no state to
 * go stale. The text interface writes, the JSON interface reads.
 */
#include "drivers/net/rules.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"

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
    struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
    if (ctx == NULL)
        return wc_err_set(err, WC_ERR_IO, errno, "nftables");
    nft_ctx_buffer_output(ctx);
    nft_ctx_buffer_error(ctx);
    if (json != NULL)
        nft_ctx_output_set_flags(ctx, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE |
                                          NFT_CTX_OUTPUT_NUMERIC_PROTO);
    int code = 0;
    if (nft_run_cmd_from_buffer(ctx, script) != 0) {
        const char *words = nft_ctx_get_error_buffer(ctx);
        words = strstr(words, "Error: ") != NULL ? strstr(words, "Error: ") + 7 : words;
        wc_log(WC_LOG_DEBUG, "net", "nftables refused: %s\n%s", words, script);
        code =
            wc_err_set(err, code_of(words), 0, "nftables: %.*s", (int)strcspn(words, "\n"), words);
    } else if (json != NULL) {
        wc_buf_adds(json, nft_ctx_get_output_buffer(ctx));
    }
    nft_ctx_free(ctx);
    return code;
}
