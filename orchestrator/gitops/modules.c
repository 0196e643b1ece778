/* modules.c - a sub-module is a source of its own: pinned by the commit that the tree names, in a
 * directory and a jail of its own, so that what its server could do to git ends there.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/str.h"
#include "orchestrator/gitops/checkout.h"
#include "orchestrator/gitops/git_object.h"
#include "orchestrator/gitops/git_text.h"

enum { NAME_LEN = 32 };

static const char *shown_path(const struct wc_module *module)
{
    const struct wc_piece path = { module->path, strlen(module->path) };
    return wc_git_printable(module->git->place->arena, path, 80);
}

static int refuse(const struct wc_module *module, const char *why, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_PERM, 0, "the sub-module %s can't be had: %s", shown_path(module),
                      why);
}

static int find_url(const struct wc_checkout *all, const struct wc_module *module, const char **out,
                    struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_arena *arena = all->place->arena;
    const char *const args[] = { "config",
                                 "--no-includes",
                                 "-z",
                                 "--list",
                                 wc_arena_printf(arena, "--blob=%s:.gitmodules", module->commit),
                                 NULL };
    const char *why;
    int status, rc = wc_git_ask(module->git, args, &text, &status, err);
    if (rc != 0)
        return rc;
    if (status != 0)
        return refuse(module, "there is no .gitmodules, or it can't be read", err);
    const char *url = wc_module_url(text.len > 0 ? text.data : "", text.len, module->path, &why);
    if (url == NULL)
        return refuse(module, why, err);
    const char *resolved = wc_module_resolve(module->git->source->url, url, arena);
    if (resolved == NULL)
        return refuse(module, "its url leads nowhere", err);
    if (!wc_module_may(all->source->url, url, resolved, &why))
        return refuse(module, why, err);
    *out = resolved;
    return 0;
}

static int make_source(struct wc_checkout *all, const struct wc_module *module, const char *url,
                       struct wc_module_source *out, struct wc_err *err)
{
    const struct wc_app_source *own = all->source;
    uint64_t now = wc_jail_now_ms();
    char hex[WC_SHA256_HEX + 1];
    struct wc_err why = { 0 };
    if (now >= all->deadline_at_ms)
        return wc_err_set(err, WC_ERR_TIMEOUT, 0, "the sub-modules took too long");
    out->source = (struct wc_app_source){
        .kind = WC_APP_SOURCE_GIT,
        .url = url,
        .pin_kind = WC_PIN_COMMIT,
        .pin = module->id,
        .ssh_key = own->ssh_key,
        .known_hosts = own->known_hosts,
        .token_file = wc_git_same_host(own->url, url) ? own->token_file : NULL,
        .ca_file = own->ca_file,
        .max_bytes = own->max_bytes,
        .max_files = own->max_files,
        .timeout_ms = (unsigned)(all->deadline_at_ms - now),
    };
    if (wc_app_source_check(&out->source, NULL, &why) != 0)
        return refuse(module, why.msg, err);
    wc_sha256_hex(url, strlen(url), hex);
    const char *name = wc_arena_printf(all->place->arena, "%.*s", NAME_LEN, hex);
    out->place =
        (struct wc_source_place){ .dir = wc_arena_printf(all->place->arena, "%s/modules/%s",
                                                         all->place->dir, name),
                                  .arena = all->place->arena };
    if (wc_strv_has(&all->used, name))
        return 0;
    wc_strv_add(all->place->arena, &all->used, name);
    (void)wc_git_tidy(&out->source, &out->place, &why); /* while nothing of it is in use yet */
    return 0;
}

int wc_module_fetch(struct wc_checkout *all, const struct wc_module *module,
                    struct wc_module_source *out, struct wc_err *err)
{
    const char *url = NULL;
    if (all->modules_left == 0)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "there are more than %d sub-modules",
                          WC_MODULES_MAX);
    all->modules_left--;
    *out = (struct wc_module_source){ 0 };
    int rc = find_url(all, module, &url, err);
    if (rc == 0)
        rc = make_source(all, module, url, out, err);
    if (rc != 0)
        return rc;
    rc = wc_git_look(&out->source, &out->place, &out->revision, err);
    if (rc == 0)
        rc = wc_git_fetch(&out->source, &out->place, NULL, &out->revision, err);
    if (rc != 0) { /* it may be pushed, or allowed, after the commit that names it */
        bool is_final =
            rc == WC_ERR_LIMIT || rc == WC_ERR_TIMEOUT || rc == WC_ERR_USAGE || rc == WC_ERR_SPEC;
        return wc_err_wrap(err, is_final ? rc : WC_ERR_UNAVAILABLE, "sub-module %s",
                           shown_path(module));
    }
    if (!wc_streq(out->revision.id, module->id))
        return refuse(module, "another commit came than was asked for", err);
    return 0;
}
