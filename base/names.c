/* names.c - words for the enumerations of the contracts, and look-ups in a project. One place, so
 * that every screen and every file says the same word.
 */
#include <stdlib.h>
#include <string.h>

#include "wcompose/event.h"
#include "wcompose/model.h"
#include "wcompose/sealed.h"
#include "wcompose/state.h"
#include "wcompose/vm_options.h"

const char *wc_life_name(enum wc_life life)
{
    switch (life) {
    case WC_LIFE_ABSENT:
        return "absent";
    case WC_LIFE_CREATED:
        return "created";
    case WC_LIFE_RUNNING:
        return "running";
    case WC_LIFE_PAUSED:
        return "paused";
    case WC_LIFE_EXITED:
        return "exited";
    case WC_LIFE_BROKEN:
        return "broken";
    }
    return "unknown";
}

const char *wc_health_name(enum wc_health health)
{
    switch (health) {
    case WC_HEALTH_NONE:
        return "none";
    case WC_HEALTH_STARTING:
        return "starting";
    case WC_HEALTH_HEALTHY:
        return "healthy";
    case WC_HEALTH_UNHEALTHY:
        return "unhealthy";
    }
    return "unknown";
}

const char *wc_phase_name(enum wc_phase phase)
{
    static const char *const names[] = {
        [WC_PHASE_SETTLED] = "settled",
        [WC_PHASE_COMPLETED] = "completed",
        [WC_PHASE_STOPPED] = "stopped",
        [WC_PHASE_FAILED] = "failed",
        [WC_PHASE_BLOCKED] = "blocked",
        [WC_PHASE_ACTING] = "acting",
        [WC_PHASE_HOOKS] = "hooks",
        [WC_PHASE_STOPPING] = "stopping",
        [WC_PHASE_WAIT_DEPS] = "wait_deps",
        [WC_PHASE_WAIT_BACKOFF] = "wait_backoff",
        [WC_PHASE_WAIT_SIBLING] = "wait_sibling",
        [WC_PHASE_WAIT_HOST] = "wait_host",
        [WC_PHASE_WAIT_DEPENDENTS] = "wait_dependents",
    };
    return (size_t)phase < sizeof names / sizeof names[0] ? names[phase] : "unknown";
}

const char *wc_isolation_name(enum wc_isolation isolation)
{
    switch (isolation) {
    case WC_ISOLATION_DEFAULT:
        return "default";
    case WC_ISOLATION_PROCESS:
        return "process";
    case WC_ISOLATION_HYPERV:
        return "hyperv";
    }
    return "unknown";
}

const char *wc_vm_key_name(enum wc_vm_key key)
{
    static const char *const names[WC_VM_KEYS] = {
        [WC_VM_ACCEL] = "accel",       [WC_VM_CPUS] = "cpus",
        [WC_VM_DISK] = "disk",         [WC_VM_HANG_TIMEOUT] = "hang_timeout",
        [WC_VM_KERNEL] = "kernel",     [WC_VM_MEMORY] = "memory",
        [WC_VM_TEMPLATE] = "template",
    };
    return (size_t)key < WC_VM_KEYS ? names[key] : "unknown";
}

const char *wc_rollout_state_name(enum wc_rollout_state state)
{
    switch (state) {
    case WC_ROLLOUT_NONE:
        return "none";
    case WC_ROLLOUT_ROLLING:
        return "rolling";
    case WC_ROLLOUT_DONE:
        return "done";
    case WC_ROLLOUT_PAUSED:
        return "paused";
    case WC_ROLLOUT_FAILED:
        return "failed";
    }
    return "unknown";
}

const char *wc_event_type_name(enum wc_event_type type)
{
    switch (type) {
    case WC_EVENT_NETWORK:
        return "network";
    case WC_EVENT_VOLUME:
        return "volume";
    case WC_EVENT_INSTANCE:
        return "instance";
    case WC_EVENT_PROJECT:
        return "project";
    case WC_EVENT_ROLLOUT:
        return "rollout";
    case WC_EVENT_LOG:
        return "log";
    }
    return "unknown";
}

/* Binary search over arrays whose first member (at the offset) is the sort key. */
static const void *find(const char *key, const void *items, size_t n, size_t size,
                        size_t key_offset)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const char *item = (const char *)items + mid * size;
        const char *name;
        memcpy(&name, item + key_offset, sizeof name);
        int order = strcmp(key, name);
        if (order == 0)
            return item;
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

const struct wc_service *wc_project_service(const struct wc_project *project, const char *name)
{
    return find(name, project->services, project->n_services, sizeof *project->services,
                offsetof(struct wc_service, name));
}

enum wc_sealed_state wc_sealed_state(const struct wc_service *service)
{
    enum wc_sealed_state state = WC_SEALED_OPEN;
    for (size_t i = 0; i <= service->n_mounts; i++) {
        const struct wc_sealed *sealed = i > 0 ? service->mounts[i - 1].sealed : service->sealed;
        if (sealed == NULL || sealed->closed == NULL)
            continue;
        if (sealed->is_untried)
            return WC_SEALED_UNTRIED;
        state = WC_SEALED_CLOSED;
    }
    return state;
}

const struct wc_network *wc_project_network(const struct wc_project *project, const char *key)
{
    return find(key, project->networks, project->n_networks, sizeof *project->networks,
                offsetof(struct wc_network, key));
}

const struct wc_volume *wc_project_volume(const struct wc_project *project, const char *key)
{
    return find(key, project->volumes, project->n_volumes, sizeof *project->volumes,
                offsetof(struct wc_volume, key));
}
