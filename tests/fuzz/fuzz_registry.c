/* fuzz_registry.c - what a registry or a file about registries may say: an index or a manifest and
 * a configuration, WWW-Authenticate, pages of tags and what leads to the next, registries.conf,
 * config.json, a reference, a platform, a URL. The first byte says as what the rest is read. What
 * was taken must be within its limits. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "images/challenge.h"
#include "images/credentials.h"
#include "images/host.h"
#include "images/platform.h"
#include "images/registries.h"
#include "images/tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "wrong: %s\n", what);
    abort();
}

static void read_manifest(struct wc_arena *arena, const char *text, size_t len)
{
    struct wc_json *root = NULL;
    struct wc_err err = { 0 };
    struct wc_manifest m;
    struct wc_desc desc;
    struct wc_strv ids;
    struct wc_platform here;
    struct wc_image_info info = { 0 };
    if (wc_json_parse(text, len, &root, &err) != 0)
        return;
    wc_platform_host(&here);
    if (wc_manifest_read(arena, root, &m, &err) == 0)
        for (size_t i = 0; i < m.n_layers; i++)
            check(wc_ref_is_digest(m.layers[i].digest) && m.layers[i].size >= 0, "layer");
    if (wc_platform_pick(arena, root, &here, &desc, &err) == 0)
        check(wc_ref_is_digest(desc.digest) && desc.size >= 0, "entry");
    if (wc_config_diff_ids(arena, root, &ids, &err) == 0)
        for (size_t i = 0; i < ids.n; i++)
            check(wc_ref_is_digest(ids.items[i]), "diff id");
    wc_config_read(arena, root, &info);
    wc_json_free(root);
}

static void read_registries(struct wc_arena *arena, const char *text)
{
    static const char *const references[] = { "nginx", "localhost:5000/a/b", "a.example/x/y:1" };
    struct wc_registries r = { 0 };
    struct wc_err err = { 0 };
    int rc = wc_registries_read(arena, text, "f", &r, &err);
    check((rc == 0) == (err.code == 0), "an error without a message");
    check(rc == 0 || err.at.line > 0, "an error without a place");
    for (size_t i = 0; rc == 0 && i < 3; i++) {
        struct wc_ref ref;
        struct wc_endpoints ends;
        struct wc_err none = { 0 };
        check(wc_ref_parse(arena, references[i], &ref, &none) == 0, "reference");
        if (wc_registries_endpoints(&r, arena, &ref, &ends, &none) == 0)
            check(ends.n > 0 && *ends.items[ends.n - 1].path != '\0', "endpoints");
    }
}

static void read_credentials(struct wc_arena *arena, const char *text, size_t len)
{
    struct wc_json *root = NULL;
    struct wc_err err = { 0 };
    struct wc_known known;
    if (wc_json_parse(text, len, &root, &err) != 0)
        return;
    if (wc_credentials_look(arena, root, "docker.io", "library/x", &known, &err) == 0 &&
        known.helper != NULL)
        check(strchr(known.helper, '/') == NULL, "helper");
    (void)wc_credentials_look(arena, root, "a.example:5000", "x/y", &known, &err);
    wc_json_free(root);
}

static void read_words(struct wc_arena *arena, const char *text)
{
    struct wc_ref ref;
    struct wc_platform platform;
    struct wc_challenge challenge = { 0 };
    struct wc_err err = { 0 };
    const char *host;
    bool tls;
    wc_challenge_read(arena, text, &challenge);
    check(!challenge.bearer || challenge.realm != NULL, "a token server without an address");
    if (wc_ref_parse(arena, text, &ref, &err) == 0)
        check(strpbrk(ref.path, "?#%\\ \n") == NULL && strpbrk(ref.domain, "/?#@ \n") == NULL,
              "reference");
    if (wc_platform_parse(arena, text, &platform, &err) == 0)
        check(*platform.os != '\0' && *platform.architecture != '\0', "platform");
    if (wc_host_of_url(arena, text, &host, &tls))
        check(strpbrk(host, "/?#@ \n") == NULL && *host != '\0', "host");
}

/* A header, a newline, a page. */
static void read_tags(struct wc_arena *arena, const char *text)
{
    struct wc_strv tags = { 0 };
    struct wc_err err = { 0 };
    size_t len = strcspn(text, "\n");
    const char *next = wc_tags_next(arena, wc_arena_strndup(arena, text, len));
    check(next == NULL || (wc_str_starts(next, "tags/list?") && strpbrk(next, "# \"<>\r") == NULL),
          "the next page");
    text += text[len] == '\0' ? len : len + 1;
    int rc = wc_tags_read(arena, text, strlen(text), &tags, &err);
    check((rc == 0) == (err.code == 0), "an error without a message");
    for (size_t i = 0; i < tags.n; i++) {
        struct wc_ref ref;
        struct wc_err none = { 0 };
        const char *name = wc_arena_printf(arena, "x/y:%s", tags.items[i]);
        check(wc_ref_parse(arena, name, &ref, &none) == 0 && wc_streq(ref.tag, tags.items[i]),
              "a tag that can't be asked for");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_arena arena;
    if (size == 0)
        return 0;
    wc_arena_init(&arena);
    const char *text = wc_arena_strndup(&arena, (const char *)data + 1, size - 1);
    size_t len = strlen(text);
    switch ((uint8_t)(data[0] - '0') % 5) {
    case 0:
        read_manifest(&arena, text, len);
        break;
    case 1:
        read_registries(&arena, text);
        break;
    case 2:
        read_credentials(&arena, text, len);
        break;
    case 4:
        read_tags(&arena, text);
        break;
    default:
        read_words(&arena, text);
        break;
    }
    wc_arena_deinit(&arena);
    return 0;
}
