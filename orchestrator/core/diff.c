/* diff.c - the two halves of an instance hash (desired.h) compared one by one. */
#include "orchestrator/core/diff.h"

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"
#include "wcompose/image.h"

enum { HALF = 32 };

bool wc_diff_stale(const struct wc_instance *wanted, const struct wc_fact *seen)
{
    return strcmp(wanted->hash, seen->hash) != 0;
}

const char *wc_diff_why(const struct wc_instance *wanted, const struct wc_fact *seen,
                        struct wc_arena *arena)
{
    if (!wc_diff_stale(wanted, seen))
        return NULL;
    bool spec = strncmp(wanted->hash, seen->hash, HALF) != 0;
    bool level = wanted->level != seen->level && wanted->level != WC_ISOLATION_DEFAULT &&
                 seen->level != WC_ISOLATION_DEFAULT;
    if (level) /* whatever else has changed: this is what people must know */
        return wc_arena_printf(arena, "isolation changed: %s -> %s", wc_isolation_name(seen->level),
                               wc_isolation_name(wanted->level));
    bool image = strlen(seen->hash) < HALF || strcmp(wanted->hash + HALF, seen->hash + HALF) != 0;
    const char *now = wanted->image != NULL ? wanted->image->reference : NULL;
    if (now == NULL && wanted->spec != NULL)
        now = wanted->spec->image;
    if (!image)
        return "configuration changed";
    if (now != NULL && seen->image != NULL && !wc_streq(now, seen->image))
        return wc_arena_printf(arena, "image changed: %s -> %s", seen->image, now);
    return spec ? "image changed, configuration changed" : "image changed";
}

/* ---- in place ---- */

bool wc_diff_outdated(const struct wc_instance *wanted, const struct wc_fact *seen)
{
    return wanted->inplace[0] != '\0' && strcmp(wanted->inplace, seen->inplace) != 0;
}

enum unit { UNIT_BYTES, UNIT_CPUS, UNIT_COUNT };
enum { UNLIMITED = -2 }; /* of swap, which no number of it is */

static void put_value(struct wc_buf *out, enum unit unit, int64_t value)
{
    if (value == UNLIMITED)
        wc_buf_adds(out, "unlimited");
    else if (value <= 0)
        wc_buf_adds(out, "none");
    else if (unit == UNIT_BYTES)
        wc_bytes_format(value, out);
    else if (unit == UNIT_CPUS)
        wc_buf_printf(out, "%g", (double)value / 1e9);
    else
        wc_buf_printf(out, "%lld", (long long)value);
}

static void put_name(struct wc_buf *out, const char *name)
{
    wc_buf_printf(out, "%s%s", out->len > 0 ? ", " : "", name);
}

static bool same_labels(const struct wc_kvs *a, const struct wc_kvs *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!wc_streq(a->items[i].key, b->items[i].key) ||
            !wc_streq0(a->items[i].value, b->items[i].value))
            return false;
    return true;
}

static bool same_list(const struct wc_io_list *a, const struct wc_io_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!wc_streq(a->items[i].path, b->items[i].path) || a->items[i].value != b->items[i].value)
            return false;
    return true;
}

static bool same_io(const struct wc_io_limits *a, const struct wc_io_limits *b)
{
    bool same = a->weight == b->weight && same_list(&a->weights, &b->weights);
    for (size_t i = 0; i < WC_IO_RATES; i++)
        same = same && same_list(&a->rates[i], &b->rates[i]);
    return same;
}

static int64_t swap_of(const struct wc_service *s)
{
    return s->memswap_unlimited ? UNLIMITED : s->memswap_limit_bytes;
}

const char *wc_diff_inplace(const struct wc_service *old, const struct wc_service *now,
                            struct wc_arena *arena)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (old == NULL)
        return "limits or labels";
    const struct {
        const char *name;
        enum unit unit;
        int64_t before, after;
    } rows[] = {
        { "mem_limit", UNIT_BYTES, old->mem_limit_bytes, now->mem_limit_bytes },
        { "memswap_limit", UNIT_BYTES, swap_of(old), swap_of(now) },
        { "mem_reservation", UNIT_BYTES, old->mem_reservation_bytes, now->mem_reservation_bytes },
        { "cpus", UNIT_CPUS, old->nano_cpus, now->nano_cpus },
        { "cpu_quota", UNIT_COUNT, old->cpu_quota_us, now->cpu_quota_us },
        { "cpu_period", UNIT_COUNT, old->cpu_period_us, now->cpu_period_us },
        { "cpu_shares", UNIT_COUNT, old->cpu_shares, now->cpu_shares },
        { "pids_limit", UNIT_COUNT, old->pids_limit, now->pids_limit },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        if (rows[i].before == rows[i].after)
            continue;
        put_name(&out, rows[i].name);
        wc_buf_addc(&out, ' ');
        put_value(&out, rows[i].unit, rows[i].before);
        wc_buf_adds(&out, " -> ");
        put_value(&out, rows[i].unit, rows[i].after);
    }
    if (!wc_streq0(old->cpuset, now->cpuset)) {
        put_name(&out, "cpuset ");
        wc_buf_printf(&out, "%s -> %s", old->cpuset != NULL ? old->cpuset : "none",
                      now->cpuset != NULL ? now->cpuset : "none");
    }
    if (!same_io(&old->io, &now->io))
        put_name(&out, "blkio_config");
    if (!same_labels(&old->labels, &now->labels))
        put_name(&out, "labels");
    return out.len > 0 ? wc_arena_strdup(arena, out.data) : "limits or labels";
}
