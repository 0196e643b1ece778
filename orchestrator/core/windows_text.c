/* windows_text.c - docs/windows.md, from the rows. */
#include "base/buf.h"
#include "base/str.h"
#include "orchestrator/core/windows.h"

static const char introduction[] =
    "# Windows hosts and images\n\n"
    "Printed from the tables of `orchestrator/core/windows.c` by "
    "`WC_UPDATE=1 build/dev/test_core_isolation windows_is_documented`. They are what\n"
    "`wcompose plan --host ws2022,w11-24h2` answers from; the rules are in "
    "[isolation.md](isolation.md). None of it was tried on Windows by this project: it is taken\n"
    "from Microsoft's documentation and from the sources of moby, containerd and hcsshim.\n\n";

static void add_cell(struct wc_buf *out, unsigned host, unsigned image)
{
    bool process = wc_windows_process_fits(host, 0, image, 0);
    bool hyperv = wc_windows_hyperv_fits(host, image);
    wc_buf_adds(out, process ? " process, hyperv |" : hyperv ? " hyperv |" : " - |");
}

static void add_matrix(struct wc_buf *out)
{
    size_t n;
    const struct wc_windows_build *rows = wc_windows_builds(&n);
    wc_buf_adds(out, "## Which image runs on which host\n\n| host | build |");
    for (size_t i = 0; i < n; i++)
        if (rows[i].image != NULL)
            wc_buf_printf(out, " %s (%u) |", rows[i].image, rows[i].build);
    wc_buf_adds(out, "\n|---|---|");
    for (size_t i = 0; i < n; i++)
        wc_buf_adds(out, rows[i].image != NULL ? "---|" : "");
    for (size_t i = 0; i < n; i++) {
        if (rows[i].build < WC_WINDOWS_OLDEST_HOST)
            continue;
        wc_buf_printf(out, "\n| %s | %u |", rows[i].hosts, rows[i].build);
        for (size_t k = 0; k < n; k++)
            if (rows[k].image != NULL)
                add_cell(out, rows[i].build, rows[k].build);
    }
    wc_buf_printf(
        out,
        "\n\nAs a process: below build 20348 the same build; from there on, from the LTSC "
        "before the newest that the host has passed, up to the host's own.\nIn a "
        "machine: any that isn't newer than the host. Hosts older than %d are refused, "
        "and so are images newer than the host.\n",
        WC_WINDOWS_OLDEST_HOST);
}

static void add_editions(struct wc_buf *out)
{
    wc_buf_adds(out, "\n## Editions\n\n| word | edition | containers | default | processes | "
                     "instances with a kernel of their own |\n|---|---|---|---|---|---|\n");
    for (int i = 0; i < WC_EDITIONS; i++) {
        const struct wc_windows_edition *e = wc_windows_edition((enum wc_edition)i);
        wc_buf_printf(out, "| `%s` | %s | %s | %s | %s | ", e->word, e->title,
                      e->has_containers ? "yes" : "no", e->is_server ? "process" : "hyperv",
                      e->is_licensed_for_tests ? "for development and tests" : "yes");
        if (e->max_hyperv_licence != 0)
            wc_buf_printf(out, "%u by licence |\n", e->max_hyperv_licence);
        else
            wc_buf_adds(out, "no bound |\n");
    }
}

static void add_limits(struct wc_buf *out)
{
    size_t n;
    const struct wc_windows_limit *rows = wc_windows_limits(&n);
    wc_buf_adds(out, "\n## What the two levels take\n\n| | process | hyperv | Compose |\n"
                     "|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++)
        wc_buf_printf(out, "| %s | %s | %s | %s%s%s |\n", rows[i].feature, rows[i].process,
                      rows[i].hyperv, rows[i].attribute != NULL ? "`" : "",
                      rows[i].attribute != NULL ? rows[i].attribute : "",
                      rows[i].attribute != NULL ? "`" : "");
}

static void add_errors(struct wc_buf *out)
{
    size_t n;
    const struct wc_windows_error *rows = wc_windows_errors(&n);
    wc_buf_adds(out, "\n## Errors of the host's services\n\nBoth spellings are one error: "
                     "0x80370101 and 0xc0370101.\n\n"
                     "| code | name | meaning | what to do |\n|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++)
        wc_buf_printf(out, "| `0x%08x` | %s | %s | %s |\n", (unsigned)rows[i].code, rows[i].name,
                      rows[i].meaning, rows[i].advice);
}

static void add_hosts(struct wc_buf *out)
{
    wc_buf_adds(out, "\n## Hosts by name\n\n| `--host` | host | build |\n|---|---|---|\n");
    for (size_t i = 0; wc_host_preset_at(i) != NULL; i++) {
        const struct wc_host_facts *host = wc_host_preset_at(i);
        wc_buf_printf(out, "| `%s` | %s | ", host->name, host->title);
        if (host->build != 0)
            wc_buf_printf(out, "%u |\n", host->build);
        else
            wc_buf_adds(out, "- |\n");
    }
}

void wc_windows_markdown(struct wc_buf *out)
{
    wc_buf_adds(out, introduction);
    add_matrix(out);
    add_editions(out);
    add_limits(out);
    add_errors(out);
    add_hosts(out);
}
