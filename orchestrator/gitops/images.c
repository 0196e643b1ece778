/* images.c - tags of images: which are followed, what they stand for, and words for what changed.
 *
 * A service has an entry of its own, also where two have the same image: their rules may differ.
 */
#include "orchestrator/gitops/images.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/semver.h"
#include "base/str.h"
#include "wcompose/model.h"

enum { SHORT_DIGEST = 12 };

/* Names ----------------------------------------------------------------------------------------*/

/* The length of a reference without its tag: a colon behind the last slash begins that. */
static size_t bare_length(const char *reference)
{
    const char *slash = strrchr(reference, '/');
    const char *colon = strchr(slash != NULL ? slash : reference, ':');
    return colon != NULL ? (size_t)(colon - reference) : strlen(reference);
}

static const char *written_tag(const char *reference)
{
    const char *rest = reference + bare_length(reference);
    return *rest == ':' ? rest + 1 : "latest";
}

static const char *with_tag(const char *reference, const char *tag, struct wc_arena *arena)
{
    return wc_arena_printf(arena, "%.*s:%s", (int)bare_length(reference), reference, tag);
}

const char *wc_gitops_image_pinned(const struct wc_gitops_image *image, struct wc_arena *arena)
{
    return wc_arena_printf(arena, "%s@%s", with_tag(image->written, image->tag, arena),
                           image->digest);
}

static bool is_followed(const struct wc_agent_images *policy, const struct wc_service *service)
{
    static const char *const local[] = { "never", "build" };
    if (service->image == NULL || service->build.set || service->replicas == 0)
        return false;
    for (size_t i = 0; i < WC_COUNT(local); i++)
        if (wc_streq0(service->pull_policy, local[i]))
            return false;
    return strchr(service->image, '@') == NULL && !wc_str_starts(service->image, "sha256:") &&
           !wc_streq(wc_agent_image_rule(policy, service->name)->kind, "none");
}

struct wc_gitops_images wc_gitops_images_of(const struct wc_agent_images *policy,
                                            const struct wc_project *project,
                                            struct wc_arena *arena)
{
    struct wc_gitops_images out = { 0 };
    out.items = WC_NEW_ARRAY(arena, struct wc_gitops_image, project->n_services + 1);
    for (size_t i = 0; i < project->n_services; i++) {
        const struct wc_service *service = &project->services[i];
        if (is_followed(policy, service))
            out.items[out.n++] = (struct wc_gitops_image){
                .service = wc_arena_strdup(arena, service->name),
                .written = wc_arena_strdup(arena, service->image),
            };
    }
    return out;
}

/* What is known -------------------------------------------------------------------------------*/

static const struct wc_gitops_image *find(const struct wc_gitops_images *images,
                                          const struct wc_gitops_image *of)
{
    for (size_t i = 0; i < images->n; i++)
        if (wc_streq(images->items[i].service, of->service) &&
            wc_streq(images->items[i].written, of->written))
            return &images->items[i];
    return NULL;
}

bool wc_gitops_images_fill(struct wc_gitops_images *images, const struct wc_gitops_images *known)
{
    for (size_t i = 0; i < images->n; i++) {
        const struct wc_gitops_image *other = find(known, &images->items[i]);
        if (other != NULL)
            images->items[i] = *other;
    }
    return wc_gitops_images_whole(images);
}

bool wc_gitops_images_whole(const struct wc_gitops_images *images)
{
    bool is_whole = true;
    for (size_t i = 0; i < images->n; i++)
        is_whole = is_whole && images->items[i].digest != NULL;
    return is_whole;
}

/* A tag that moves on within a range to the same content changes nothing. */
void wc_gitops_images_hash(const struct wc_gitops_images *images, char hex[WC_SHA256_HEX + 1])
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (size_t i = 0; i < images->n; i++) {
        const struct wc_gitops_image *image = &images->items[i];
        wc_buf_printf(&text, "%s\n%s\n%s\n", image->service, image->written, image->digest);
    }
    wc_sha256_hex(text.len > 0 ? text.data : "", text.len, hex);
}

void wc_gitops_images_date(struct wc_gitops_images *images, const struct wc_gitops_images *before,
                           int64_t now_ms)
{
    for (size_t i = 0; i < images->n; i++) {
        const struct wc_gitops_image *other = find(before, &images->items[i]);
        bool is_same = other != NULL && wc_streq0(other->digest, images->items[i].digest);
        images->items[i].since_ms = is_same ? other->since_ms : now_ms;
    }
}

/* Asking ---------------------------------------------------------------------------------------*/

/* The highest version in the range; of equals the first by its letters, so that it doesn't depend
 * on the order in which a registry lists them. */
static const char *best_tag(const struct wc_strv *tags, const char *range)
{
    const char *best = NULL;
    struct wc_semver top = { 0 }, version;
    for (size_t i = 0; i < tags->n; i++) {
        const char *tag = tags->items[i];
        if (!wc_semver_parse(tag, &version) || !wc_semver_in_range(&version, range))
            continue;
        int order = best == NULL ? 1 : wc_semver_compare(&version, &top);
        if (order > 0 || (order == 0 && strcmp(tag, best) < 0)) {
            best = tag;
            top = version;
        }
    }
    return best;
}

/* What an answer is about: the image, and its tag as of now. */
struct question {
    struct wc_gitops_image *image;
    const char *tag; /* NULL: there is none */
};

static int choose_tag(const struct wc_gitops_run *run, struct question *q, struct wc_arena *arena,
                      struct wc_err *err)
{
    const char *written = q->image->written;
    const struct wc_agent_image_rule *rule =
        wc_agent_image_rule(&run->app->images, q->image->service);
    struct wc_strv tags = { 0 };
    if (!wc_streq(rule->kind, "semver")) {
        q->tag = written_tag(written);
        return 0;
    }
    int rc = run->ops->tags(run->ops->data, written, arena, &tags, err);
    if (rc != 0)
        return rc;
    q->tag = best_tag(&tags, rule->range);
    if (q->tag != NULL)
        return 0;
    return wc_err_set(err, WC_ERR_NOENT, 0, "none of the %zu tags of %.*s is in the range '%s'",
                      tags.n, (int)bare_length(written), written, rule->range);
}

/* Keeps the first error; true when nothing more is to be asked. */
static bool note(int rc, const char *service, const struct wc_err *what, struct wc_err *err)
{
    if (rc == WC_ERR_CANCELLED || (rc != 0 && err->code == 0)) {
        *err = *what;
        if (!wc_str_starts(err->msg, "service "))
            (void)wc_err_wrap(err, rc, "service %s", service);
    }
    return rc == WC_ERR_CANCELLED;
}

int wc_gitops_ask(const struct wc_gitops_run *run, struct wc_gitops_images *images,
                  struct wc_arena *arena, struct wc_err *err)
{
    struct question *questions = WC_NEW_ARRAY(arena, struct question, images->n + 1);
    struct wc_gitops_digest *asked = WC_NEW_ARRAY(arena, struct wc_gitops_digest, images->n + 1);
    struct wc_err first = { 0 };
    size_t n = 0;
    for (size_t i = 0; i < images->n; i++) {
        struct wc_err one = { 0 };
        struct question q = { .image = &images->items[i] };
        int rc = choose_tag(run, &q, arena, &one);
        if (note(rc, q.image->service, &one, &first))
            break;
        if (rc != 0)
            continue;
        asked[n] =
            (struct wc_gitops_digest){ .service = q.image->service,
                                       .reference = with_tag(q.image->written, q.tag, arena) };
        questions[n++] = q;
    }
    if (first.code != WC_ERR_CANCELLED && n > 0)
        run->ops->digests(run->ops->data, asked, n);
    for (size_t i = 0; i < n; i++) {
        (void)note(asked[i].err.code, questions[i].image->service, &asked[i].err, &first);
        if (asked[i].digest == NULL)
            continue;
        questions[i].image->tag = wc_arena_strdup(arena, questions[i].tag);
        questions[i].image->digest = wc_arena_strdup(arena, asked[i].digest);
    }
    if (first.code != 0)
        *err = first;
    return first.code;
}

/* Words ----------------------------------------------------------------------------------------*/

static void add_digest(struct wc_buf *out, const char *digest)
{
    wc_buf_printf(out, "%.*s", (int)(strlen("sha256:") + SHORT_DIGEST), digest);
}

static void add_change(struct wc_buf *out, const struct wc_gitops_image *from,
                       const struct wc_gitops_image *to)
{
    bool moved = from != NULL && wc_streq(from->tag, to->tag);
    wc_buf_printf(out, "%simage %s ", out->len > 0 ? ", " : "", to->service);
    if (from != NULL && !moved)
        wc_buf_printf(out, "%s -> ", from->tag);
    wc_buf_printf(out, "%s (", to->tag);
    if (moved) {
        add_digest(out, from->digest);
        wc_buf_adds(out, " -> ");
    }
    add_digest(out, to->digest);
    wc_buf_addc(out, ')');
}

const char *wc_gitops_images_change(const struct wc_gitops_images *from,
                                    const struct wc_gitops_images *to, struct wc_arena *arena)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    for (size_t i = 0; i < to->n; i++) {
        const struct wc_gitops_image *other = NULL;
        for (size_t k = 0; k < from->n && other == NULL; k++)
            if (wc_streq(from->items[k].service, to->items[i].service))
                other = &from->items[k];
        if (other == NULL || !wc_streq(other->digest, to->items[i].digest))
            add_change(&out, other, &to->items[i]);
    }
    return wc_arena_strdup(arena, out.len > 0 ? out.data : "");
}
