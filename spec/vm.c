/* vm.c - inherited by nodes rather than by values: so the canonical text of a service says all of
 * it, its hash covers it, and each place is that of the line that says it.
 */
#include "base/arena.h"
#include "base/str.h"
#include "spec/draft.h"
#include "spec/profile.h"

enum { CPUS_MAX = 255 };

/* A copy of a map, or a new one. */
static struct wc_node *own_copy(struct wc_load *load, const struct wc_node *old,
                                const struct wc_node *at)
{
    return old != NULL && old->kind == WC_NODE_MAP ? wc_node_copy(load->arena, old)
                                                   : wc_node_new(load->arena, WC_NODE_MAP, at);
}

void wc_vm_inherit(struct wc_load *load, const struct wc_node *root, struct wc_node *service)
{
    const struct wc_member *all = wc_node_member(wc_node_get(root, "x-wcompose"), "vm");
    const struct wc_node *old = wc_node_get(service, "x-wcompose");
    const struct wc_member *mine = wc_node_member(old, "vm");
    bool is_spoilt = (old != NULL && old->kind == WC_NODE_BAD) ||
                     (mine != NULL && mine->value->kind == WC_NODE_BAD);
    if (all == NULL || all->value->kind != WC_NODE_MAP || is_spoilt)
        return;
    struct wc_node *own = own_copy(load, old, all->value);
    struct wc_node *vm = own_copy(load, mine == NULL ? NULL : mine->value, all->value);
    for (size_t i = 0; i < all->value->n; i++) {
        const struct wc_member *m = &all->value->members[i];
        if (wc_node_member(vm, m->key) == NULL)
            wc_node_put_at(load->arena, vm, m, m->value);
    }
    wc_node_put_at(load->arena, own, mine != NULL ? mine : all, vm);
    wc_node_put(load->arena, service, "x-wcompose", own);
}

static bool is_number(const struct wc_node *value)
{
    return value->kind == WC_NODE_INT || value->kind == WC_NODE_STRING;
}

void wc_vm_settle(struct wc_load *load, struct wc_service_draft *draft, const struct wc_node *node)
{
    struct wc_vm_options *vm = &draft->service.vm;
    const struct wc_member *section = wc_node_member(wc_node_get(node, "x-wcompose"), "vm");
    const struct {
        int64_t value, max;
        const char *what;
    } rows[WC_VM_KEYS] = {
        [WC_VM_CPUS] = { vm->cpus, CPUS_MAX, "a number of processors from 1 to 255" },
        [WC_VM_DISK] = { vm->disk_bytes, INT64_MAX, "a size above zero" },
        [WC_VM_HANG_TIMEOUT] = { vm->hang_ms, INT64_MAX, "a time above zero" },
        [WC_VM_MEMORY] = { vm->memory_bytes, INT64_MAX, "a size above zero" },
    };
    if (section == NULL || section->value->kind != WC_NODE_MAP)
        return;
    vm->at = section->key_at;
    for (size_t i = 0; i < WC_VM_KEYS; i++) {
        const char *key = wc_vm_key_name((enum wc_vm_key)i);
        const struct wc_node *value = wc_node_get(section->value, key);
        if (value == NULL || value->kind == WC_NODE_BAD || value->kind == WC_NODE_NULL)
            continue;
        vm->key_at[i] = value->at;
        if (rows[i].what != NULL && is_number(value) && !wc_canon_is_template(load, value) &&
            (rows[i].value < 1 || rows[i].value > rows[i].max))
            wc_report(load, WC_E_VALUE, value, "x-wcompose.vm.%s is %s, not '%s'", key,
                      rows[i].what, value->raw);
    }
}
