/* usage.c - what a running machine uses: the host's books of its links, the guest's of itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "drivers/hyperv/ask.h"
#include "drivers/net/net.h"
#include "drivers/process/bundle.h"
#include "wcompose/vm_usage.h"

/* What doesn't fit our numbers isn't known either. */
static int64_t said(uint64_t value)
{
    return value > INT64_MAX ? WC_UNSET : (int64_t)value;
}

static void take(const struct wc_vm_figures *in, struct wc_vm_figures_said *out)
{
    *out = (struct wc_vm_figures_said){
        .cpu_ns = said(in->cpu_ns),
        .memory_bytes = said(in->memory_bytes),
        .memory_max_bytes = said(in->memory_max_bytes),
        .machine_bytes = said(in->machine_bytes),
        .available_bytes = said(in->available_bytes),
        .pids = said(in->pids),
        .read_bytes = said(in->read_bytes),
        .write_bytes = said(in->write_bytes),
        .net_rx_bytes = said(in->rx_bytes),
        .net_tx_bytes = said(in->tx_bytes),
    };
}

int wc_vm_figures_ask(const struct wc_paths *paths, const char *project, const char *id,
                      unsigned patience_ms, struct wc_vm_figures_said *out, struct wc_err *err)
{
    struct {
        struct wc_vm_head head;
        struct wc_vm_figures figures;
    } packet;
    struct wc_arena arena;
    wc_arena_init(&arena);
    WC_CLEANUP_FD int monitor =
        wc_vm_dial(wc_paths_instance_run(paths, &arena, project, id), patience_ms, err);
    wc_arena_deinit(&arena);
    if (monitor < 0)
        return monitor;
    int sys = wc_vm_ask(monitor, WC_VM_STATS, NULL, -1);
    if (sys != 0)
        return wc_err_set(err, wc_fs_code(sys), sys, "ask the machine's monitor");
    ssize_t len = recv(monitor, &packet, sizeof packet, 0);
    if (len != (ssize_t)sizeof packet || packet.head.type != WC_VM_FIGURES)
        return wc_err_set(err, WC_ERR_FAILED, len < 0 ? errno : 0, "the guest says no figures");
    take(&packet.figures, out);
    return 0;
}

int wc_vm_links_count(const struct wc_paths *paths, const char *project, const char *id,
                      int64_t *rx_bytes, int64_t *tx_bytes, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf notes = WC_BUF_INIT;
    struct wc_arena arena;
    wc_arena_init(&arena);
    const char *run_dir = wc_paths_instance_run(paths, &arena, project, id);
    int rc =
        wc_fs_read(wc_arena_printf(&arena, "%s/" WC_BUNDLE_LINKS, run_dir), 1 << 20, &notes, err);
    if (rc == 0)
        rc = wc_net_taps_count(notes.data, rx_bytes, tx_bytes, err);
    wc_arena_deinit(&arena);
    return rc;
}
