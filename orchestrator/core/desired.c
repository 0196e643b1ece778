/* desired.c - ids, names and hashes of instances. */
#include "orchestrator/core/desired.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "wcompose/image.h"

enum { HALF = WC_SHA256_HEX / 2, ID_DIGITS = 8 };

void wc_desired_hash(const char *spec_hash, const char *image_id, char hash[65])
{
    char spec[WC_SHA256_HEX + 1], image[WC_SHA256_HEX + 1];
    if (image_id == NULL)
        image_id = "";
    wc_sha256_hex(spec_hash, strlen(spec_hash), spec);
    wc_sha256_hex(image_id, strlen(image_id), image);
    memcpy(hash, spec, HALF);
    memcpy(hash + HALF, image, HALF);
    hash[WC_SHA256_HEX] = '\0';
}

const char *wc_desired_name(const struct wc_project *project, const struct wc_service *service,
                            unsigned index, struct wc_arena *arena)
{
    if (service->container_name != NULL)
        return service->container_name;
    return wc_arena_printf(arena, "%s-%s-%u", project->name, service->name, index);
}

const char *wc_desired_id(const struct wc_project *project, const struct wc_service *service,
                          unsigned index, const char hash[65], struct wc_arena *arena)
{
    char both[WC_SHA256_HEX + 1]; /* the halves of a hash share digits; its own hash doesn't */
    wc_sha256_hex(hash, WC_SHA256_HEX, both);
    return wc_arena_printf(arena, "%s-%s-%u.%.*s", project->name, service->name, index, ID_DIGITS,
                           both);
}

void wc_desired_fill(const struct wc_project *project, const struct wc_service *service,
                     unsigned index, const struct wc_image_info *image, struct wc_arena *arena,
                     struct wc_instance *out)
{
    *out = (struct wc_instance){
        .project = project->name,
        .service = service->name,
        .index = index,
        .spec = service,
        .model = project,
        .image = image,
        .level = WC_ISOLATION_PROCESS,
        .name = wc_desired_name(project, service, index, arena),
    };
    wc_desired_hash(service->spec_hash, image != NULL ? image->id : NULL, out->hash);
    memcpy(out->inplace, service->inplace_hash, sizeof out->inplace);
    out->id = wc_desired_id(project, service, index, out->hash, arena);
}
