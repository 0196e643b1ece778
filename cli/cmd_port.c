/* cmd_port.c - wcompose port: which address and port of the host lead to a port of a service. */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/paths.h"
#include "base/str.h"
#include "cli/cli.h"
#include "wcompose/client.h"

static enum wc_proto protocol_of(const char *word)
{
    if (wc_streq0(word, "udp"))
        return WC_PROTO_UDP;
    return wc_streq0(word, "sctp") ? WC_PROTO_SCTP : WC_PROTO_TCP;
}

static void print_address(const struct wc_published *port)
{
    char text[INET_ADDRSTRLEN];
    const struct in_addr ip = { .s_addr = htonl(port->host_ip4) };
    printf("%s:%u\n", inet_ntop(AF_INET, &ip, text, sizeof text), port->host_port);
}

int wc_cmd_port(struct wc_cli *cli)
{
    const char *name, *service = cli->words[0], *word = wc_cli_text(cli, "protocol");
    const struct wc_project *project;
    struct wc_paths paths;
    struct wc_published *all;
    struct wc_err err = { 0 };
    size_t n, found = 0;
    int64_t target, index = wc_cli_int(cli, "index", 1);
    if (!wc_str_to_i64(cli->words[1], 1, 65535, &target))
        return wc_cli_usage(cli, "'%s' is no port: 1 to 65535", cli->words[1]);
    int status = wc_cli_project(cli, cli->arena, &name, &project);
    if (status == 0)
        status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    int rc = wc_client_published(&paths, name, cli->arena, &all, &n, &err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (!wc_streq(all[i].service, service) || all[i].index != index ||
            all[i].target_port != target || all[i].proto != protocol_of(word))
            continue;
        print_address(&all[i]);
        found++;
    }
    if (rc == 0 && found == 0)
        rc = wc_err_set(&err, WC_ERR_NOENT, 0, "port %d/%s of %s-%s-%d is not published",
                        (int)target, word != NULL ? word : "tcp", name, service, (int)index);
    return rc == 0 ? 0 : wc_cli_fail(cli, &err);
}
