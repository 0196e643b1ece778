/* cmd_version.c - wcompose version. */
#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/cli.h"

int wc_cmd_version(struct wc_cli *cli)
{
    bool is_short = wc_cli_flag(cli, "short");
    if (cli->json) {
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        struct wc_jsonw w = WC_JSONW_INIT(&out);
        wc_jsonw_object(&w, NULL);
        wc_jsonw_i64(&w, "v", 1);
        wc_jsonw_str(&w, "version", WC_VERSION);
        wc_jsonw_end_object(&w);
        puts(out.data);
    } else {
        printf("%s%s\n", is_short ? "" : "wcompose ", WC_VERSION);
    }
    return 0;
}
