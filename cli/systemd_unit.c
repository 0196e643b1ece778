/* systemd_unit.c - the text of a unit.
 *
 * KillMode=process and OOMPolicy=continue are what keeps workloads alive: keepers live in the
 * unit's control group, and systemd would end them with it. Delegate= is not asked for, as
 * containers have groups of their own outside of the unit's, and nothing is made beneath it. Nor is
 * anything of the kind of ProtectSystem=: it would hand the supervisor a mount namespace, and
 * containers begin as copies of that.
 */
#include "cli/systemd_unit.h"

#include <string.h>

#include "base/buf.h"

void wc_systemd_quote(struct wc_buf *out, const char *word, bool expands)
{
    wc_buf_addc(out, '"');
    for (const unsigned char *at = (const unsigned char *)word; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            wc_buf_printf(out, "\\%c", *at);
        else if (*at == '%' || (*at == '$' && expands))
            wc_buf_printf(out, "%c%c", *at, *at);
        else if (*at < 0x20 || *at == 0x7f)
            wc_buf_printf(out, "\\x%02x", *at);
        else
            wc_buf_addc(out, (char)*at);
    }
    wc_buf_addc(out, '"');
}

bool wc_systemd_runs(const char *program)
{
    for (const unsigned char *at = (const unsigned char *)program; *at != '\0'; at++)
        if (*at < 0x20 || *at == 0x7f || strchr("\"'\\", *at) != NULL)
            return false;
    return true;
}

static void add_head(const struct wc_systemd_unit *unit, struct wc_buf *out)
{
    wc_buf_printf(
        out,
        "# wcompose-%s.service - by wcompose " WC_VERSION " generate systemd\n"
        "#\n"
        "#   wcompose generate systemd > /etc/systemd/system/wcompose-%s.service\n"
        "#   systemctl daemon-reload && systemctl enable --now wcompose-%s\n"
        "#\n"
        "# It looks after what `wcompose up -d` was told last, also after a boot. To stop or\n"
        "# restart it leaves the services running; `wcompose down` ends them.\n"
        "\n"
        "[Unit]\n"
        "Description=wcompose supervisor of %s\n"
        "Wants=network-online.target\n"
        "After=network-online.target\n"
        "RequiresMountsFor=",
        unit->project, unit->project, unit->project, unit->project);
    wc_systemd_quote(out, unit->lib, false);
    /* It is tried for ever: nobody else brings the services back. */
    wc_buf_adds(out, "\nStartLimitIntervalSec=0\n");
}

static void add_service(const struct wc_systemd_unit *unit, struct wc_buf *out)
{
    wc_buf_adds(out, "\n[Service]\n"
                     "Type=notify\n"
                     "NotifyAccess=main\n"
                     "ExecStart=");
    wc_systemd_quote(out, unit->program, false);
    wc_buf_adds(out, " supervise --stay --replace --project ");
    wc_systemd_quote(out, unit->project, true);
    wc_buf_addc(out, '\n');
    for (size_t i = 0; i < unit->n_environment; i++) {
        wc_buf_adds(out, "Environment=");
        wc_systemd_quote(out, unit->environment[i], false);
        wc_buf_addc(out, '\n');
    }
    wc_buf_adds(out,
                "Restart=always\n"
                "RestartSec=1\n"
                "TimeoutStartSec=300\n"
                "TimeoutStopSec=30\n"
                "WatchdogSec=30\n"
                "\n"
                "# Keepers, which hold the services' logs and exit codes, live in this unit's\n"
                "# control group and outlive it; containers have groups of their own.\n"
                "KillMode=process\n"
                "OOMPolicy=continue\n"
                "TasksMax=infinity\n");
}

void wc_systemd_unit_format(const struct wc_systemd_unit *unit, struct wc_buf *out)
{
    add_head(unit, out);
    add_service(unit, out);
    wc_buf_adds(out, "\n[Install]\nWantedBy=multi-user.target\n");
}

static void add_agent_head(const struct wc_systemd_unit *unit, struct wc_buf *out)
{
    wc_buf_adds(
        out,
        "# wcompose-agent.service - by wcompose " WC_VERSION " generate systemd --agent\n"
        "#\n"
        "#   wcompose generate systemd --agent > /etc/systemd/system/wcompose-agent.service\n"
        "#   systemctl daemon-reload && systemctl enable --now wcompose-agent\n"
        "#\n"
        "# git, ssh and curl run as a user of their own where there is one:\n"
        "#\n"
        "#   adduser --system --no-create-home --group wcompose-git\n"
        "#\n"
        "# It keeps the apps of the agent file on what their sources say, also after a boot. To\n"
        "# stop or restart it leaves the apps running.\n"
        "\n"
        "[Unit]\n"
        "Description=wcompose agent\n"
        "Wants=network-online.target\n"
        "After=network-online.target\n"
        "RequiresMountsFor=");
    wc_systemd_quote(out, unit->lib, false);
    wc_buf_adds(out, "\nStartLimitIntervalSec=0\n");
}

void wc_systemd_agent_format(const struct wc_systemd_unit *unit, const char *file,
                             struct wc_buf *out)
{
    add_agent_head(unit, out);
    wc_buf_adds(out, "\n[Service]\n"
                     "Type=notify\n"
                     "NotifyAccess=main\n"
                     "ExecStart=");
    wc_systemd_quote(out, unit->program, false);
    wc_buf_adds(out, " reconcile --agent-file ");
    wc_systemd_quote(out, file, true);
    wc_buf_adds(out, "\nExecReload=/bin/kill -HUP $MAINPID\n");
    for (size_t i = 0; i < unit->n_environment; i++) {
        wc_buf_adds(out, "Environment=");
        wc_systemd_quote(out, unit->environment[i], false);
        wc_buf_addc(out, '\n');
    }
    wc_buf_adds(out,
                "Restart=always\n"
                "RestartSec=1\n"
                "TimeoutStopSec=30\n"
                "WatchdogSec=30\n"
                "\n"
                "# What apps run outlives the agent: a stop ends nothing but the agent and the\n"
                "# passes that it has under way, which it asks to leave itself.\n"
                "KillMode=process\n"
                "OOMPolicy=continue\n"
                "TasksMax=infinity\n"
                "\n[Install]\nWantedBy=multi-user.target\n");
}
