/* backoff.c - doubling with a cap and a repeatable jitter. */
#include "orchestrator/core/backoff.h"

uint64_t wc_mix(const char *id, unsigned n)
{
    uint64_t h = 1469598103934665603ULL ^ n; /* FNV-1a, then a final mix */
    for (const unsigned char *p = (const unsigned char *)id; *p != 0; p++)
        h = (h ^ *p) * 1099511628211ULL;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    return h ^ (h >> 33);
}

_Static_assert(WC_BACKOFF_FIRST_MS << 9 < WC_BACKOFF_MAX_MS &&
                   WC_BACKOFF_FIRST_MS << 10 >= WC_BACKOFF_MAX_MS,
               "the last doubling below the cap is the ninth");

uint64_t wc_backoff_delay_ms(const char *id, unsigned failures)
{
    if (failures <= 1)
        return 0;
    uint64_t base = WC_BACKOFF_MAX_MS;
    if (failures < 12) /* 100 ms << 10 is past the cap */
        base = (uint64_t)WC_BACKOFF_FIRST_MS << (failures - 2);
    uint64_t spread = base / 5; /* 20 % wide, 10 % to either side */
    return base - base / 10 + wc_mix(id, failures) % (spread + 1);
}

bool wc_backoff_ran_well(uint64_t ran_ms, uint64_t delay_ms)
{
    return ran_ms >= WC_BACKOFF_WELL_MS && ran_ms >= 10 * delay_ms;
}

uint64_t wc_backoff_pace_ms(struct wc_restart_pace pace, const char *id, unsigned failures)
{
    if (pace.delay_ms == 0)
        return wc_backoff_delay_ms(id, failures);
    return failures > 0 ? pace.delay_ms : 0;
}

bool wc_backoff_is_well(struct wc_restart_pace pace, uint64_t ran_ms, uint64_t delay_ms)
{
    return pace.window_ms != 0 ? ran_ms >= pace.window_ms : wc_backoff_ran_well(ran_ms, delay_ms);
}
