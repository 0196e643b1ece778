/* draft_build.c - what a service's build says, and the name of the image that it makes. */
#include "base/arena.h"
#include "base/str.h"
#include "spec/draft.h"

/* A build has one source of its steps, and makes an image for the platform that is run. */
static void check(struct wc_load *load, const struct wc_service *s, const struct wc_node *node)
{
    const struct wc_node *build = wc_node_get(node, "build");
    const struct wc_member *file = wc_node_member(build, "dockerfile"),
                           *text = wc_node_member(build, "dockerfile_inline");
    const struct wc_node *platforms = wc_node_get(build, "platforms");
    const struct wc_node *platform = wc_node_get(node, "platform");
    if (file != NULL && text != NULL && wc_node_text(build, "dockerfile") != NULL &&
        wc_node_text(build, "dockerfile_inline") != NULL) {
        struct wc_diag *diag = wc_report_at(
            load, WC_E_CONFLICT, text->key_at, text->key_span,
            "the build of service '%s' has both dockerfile and dockerfile_inline", s->name);
        diag->hint = "remove one of the two";
        diag->related = file->key_at;
        diag->related_span = file->key_span;
        diag->related_label = "dockerfile is here";
    }
    if (platform == NULL || platform->kind != WC_NODE_STRING || platform->text[0] == '\0' ||
        platforms == NULL || platforms->kind != WC_NODE_LIST || platforms->n == 0)
        return;
    for (size_t i = 0; i < platforms->n; i++)
        if (platforms->items[i]->kind == WC_NODE_BAD ||
            wc_streq0(platforms->items[i]->text, platform->text))
            return;
    struct wc_diag *diag =
        wc_report(load, WC_E_CONFLICT, platform,
                  "service '%s' runs on platform '%s', which isn't among its build.platforms",
                  s->name, platform->text);
    diag->hint = "add it there, or run one of them";
    diag->related = platforms->at;
    diag->related_label = "build.platforms is here";
}

/* "default" and "ID=PATH". */
static void take_keys(struct wc_load *load, struct wc_build *build, const struct wc_node *ssh)
{
    for (size_t i = 0; ssh != NULL && ssh->kind == WC_NODE_MAP && i < ssh->n; i++) {
        const struct wc_member *m = &ssh->members[i];
        wc_strv_add(load->arena, &build->ssh,
                    m->value->kind == WC_NODE_STRING
                        ? wc_arena_printf(load->arena, "%s=%s", m->key, m->value->text)
                        : m->key);
    }
}

void wc_build_settle(struct wc_load *load, struct wc_service_draft *draft,
                     const struct wc_node *node)
{
    struct wc_service *s = &draft->service;
    const struct wc_member *member = wc_node_member(node, "build");
    check(load, s, node);
    if (member == NULL || member->value->kind != WC_NODE_MAP)
        return;
    s->build.set = true;
    s->build.at = member->key_at;
    take_keys(load, &s->build, wc_node_get(member->value, "ssh"));
    if (s->image == NULL && load->project_name != NULL)
        s->image = wc_arena_printf(load->arena, "%s-%s", load->project_name, s->name);
    if (s->build.isolation == WC_ISOLATION_HYPERV) {
        struct wc_diag *diag = wc_report_not_yet(
            load, s->build.at, 1, "service '%s' wants its image built under hyperv", s->name);
        wc_hint(load, diag, "build it elsewhere and name it with image:, or leave isolation out");
    }
}
