/* usage_text.c - stats as a table and as JSON. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/table.h"
#include "cli/usage_list.h"

static const char *bytes(int64_t value, struct wc_arena *arena)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (value < 0)
        return "-";
    wc_bytes_format(value, &text);
    return wc_arena_strdup(arena, text.data);
}

static const char *pair(int64_t a, int64_t b, struct wc_arena *arena)
{
    if (a < 0 && b < 0)
        return "-";
    return wc_arena_printf(arena, "%s / %s", bytes(a, arena), bytes(b, arena));
}

static const char *pct(double value, struct wc_arena *arena)
{
    return value < 0 ? "-" : wc_arena_printf(arena, "%.2f%%", value);
}

static double memory_pct(const struct wc_usage *usage)
{
    if (usage->memory_bytes < 0 || usage->memory_limit_bytes <= 0)
        return -1;
    return (double)usage->memory_bytes * 100 / (double)usage->memory_limit_bytes;
}

static const char *count(int64_t value, struct wc_arena *arena)
{
    return value < 0 ? "-" : wc_arena_printf(arena, "%lld", (long long)value);
}

/* The last two are there only where a guest has answered. */
enum { COLUMNS = 10, OF_GUESTS = 2 };

static void add_row(struct wc_table *table, const struct wc_usage_line *line,
                    struct wc_arena *arena)
{
    const struct wc_usage *u = &line->seen->usage;
    const struct wc_vm_figures_said *guest = line->seen->has_guest ? &line->seen->guest : NULL;
    const char *const cells[COLUMNS] = {
        line->fact->service,
        wc_arena_printf(arena, "%u", line->fact->index),
        pct(line->cpu_pct, arena),
        pair(u->memory_bytes, u->memory_limit_bytes, arena),
        pct(memory_pct(u), arena),
        pair(u->net_rx_bytes, u->net_tx_bytes, arena),
        pair(u->read_bytes, u->write_bytes, arena),
        count(u->pids, arena),
        guest == NULL ? NULL : pair(guest->memory_bytes, guest->memory_max_bytes, arena),
        guest == NULL ? NULL : count(guest->pids, arena),
    };
    wc_table_row(table, cells);
}

void wc_usage_format_table(const struct wc_usage_line *lines, size_t n, struct wc_arena *arena,
                           struct wc_buf *out)
{
    static const char *const headings[COLUMNS] = {
        "SERVICE", "#",         "CPU %", "MEM USAGE / LIMIT", "MEM %",
        "NET I/O", "BLOCK I/O", "PIDS",  "GUEST MEM / LIMIT", "GUEST PIDS"
    };
    bool guests = false;
    for (size_t i = 0; i < n; i++)
        guests = guests || lines[i].seen->has_guest;
    struct wc_table *table = wc_table_new(arena, headings, guests ? COLUMNS : COLUMNS - OF_GUESTS);
    for (size_t i = 0; i < n; i++)
        add_row(table, &lines[i], arena);
    wc_table_format(table, out);
}

static void number(struct wc_jsonw *w, const char *key, int64_t value)
{
    if (value < 0)
        wc_jsonw_null(w, key);
    else
        wc_jsonw_i64(w, key, value);
}

static void fraction(struct wc_jsonw *w, const char *key, double value)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (value < 0) {
        wc_jsonw_null(w, key);
        return;
    }
    wc_buf_printf(&text, "%.2f", value);
    wc_jsonw_raw(w, key, text.data);
}

/* What the guest says; null where it is none, or says nothing. */
static void guest_json(struct wc_jsonw *w, const struct wc_usage_seen *seen)
{
    const struct wc_vm_figures_said *guest = &seen->guest;
    if (!seen->has_guest) {
        wc_jsonw_null(w, "Guest");
        return;
    }
    wc_jsonw_object(w, "Guest");
    number(w, "CpuNs", guest->cpu_ns);
    number(w, "MemoryBytes", guest->memory_bytes);
    number(w, "MemoryLimitBytes", guest->memory_max_bytes);
    number(w, "MachineBytes", guest->machine_bytes);
    number(w, "AvailableBytes", guest->available_bytes);
    number(w, "NetRxBytes", guest->net_rx_bytes);
    number(w, "NetTxBytes", guest->net_tx_bytes);
    number(w, "BlockReadBytes", guest->read_bytes);
    number(w, "BlockWriteBytes", guest->write_bytes);
    number(w, "Pids", guest->pids);
    wc_jsonw_end_object(w);
}

void wc_usage_format_json(const struct wc_usage_line *line, const char *project, struct wc_buf *out)
{
    const struct wc_usage *u = &line->seen->usage;
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "ID", line->fact->id);
    wc_jsonw_str(&w, "Name", line->fact->name);
    wc_jsonw_str(&w, "Project", project);
    wc_jsonw_str(&w, "Service", line->fact->service);
    wc_jsonw_i64(&w, "Index", line->fact->index);
    fraction(&w, "CpuPct", line->cpu_pct);
    number(&w, "CpuNs", u->cpu_ns);
    number(&w, "MemoryBytes", u->memory_bytes);
    number(&w, "MemoryLimitBytes", u->memory_limit_bytes);
    fraction(&w, "MemoryPct", memory_pct(u));
    number(&w, "NetRxBytes", u->net_rx_bytes);
    number(&w, "NetTxBytes", u->net_tx_bytes);
    number(&w, "BlockReadBytes", u->read_bytes);
    number(&w, "BlockWriteBytes", u->write_bytes);
    number(&w, "Pids", u->pids);
    number(&w, "PidsLimit", u->pids_limit);
    guest_json(&w, line->seen);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}
