/* cmd_schema.c - wcompose schema: the JSON Schema of Compose files. */
#include <stdio.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "wcompose/support.h"

int wc_cmd_schema(struct wc_cli *cli)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    (void)cli;
    wc_spec_schema(&out);
    fwrite(out.data, 1, out.len, stdout);
    return WC_EXIT_OK;
}
