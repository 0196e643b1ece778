/* credentials.h - who we are to a registry: Docker's config.json and the containers' auth.json
 * (images; reading the text is pure).
 *
 * Idea:    files are looked through in order; the first that knows the registry answers. What is
 *          found goes into requests to that registry alone: never into arguments, logs or errors.
 * Owner:   strings are in the arena. Threads: any. Blocks: on files, and while a helper runs.
 * Errors:  WC_ERR_SPEC (a malformed file), WC_ERR_PERM, WC_ERR_UNAVAILABLE (a helper that fails);
 *          messages name the file or the helper, and nothing that they say.
 * Source:  docker/cli config file ("auths", "credHelpers", "credsStore"); docker-credential-helpers
 *          protocol ("get"); containers-auth.json(5).
 */
#ifndef IMAGES_CREDENTIALS_H
#define IMAGES_CREDENTIALS_H

#include <stdbool.h>

#include "wcompose/err.h"
#include "wcompose/model.h"

struct wc_arena;
struct wc_json;

struct wc_credentials {
    const char *user, *password; /* both or neither */
    const char *identity_token;  /* to get tokens with, or NULL */
    const char *registry_token;  /* a token as it is, or NULL */
};

/* What a file knows of a registry. */
struct wc_known {
    struct wc_credentials credentials;
    const char *helper; /* program to ask instead: "docker-credential-<word>"; else NULL */
    const char *server; /* what to ask it for */
    bool found;
};

/* Looks in a parsed file. Of entries for the repository's namespaces the longest counts. Returns 0
 * or WC_ERR_SPEC. domain  "docker.io", "localhost:5000" path    repository */
int wc_credentials_look(struct wc_arena *arena, const struct wc_json *file, const char *domain,
                        const char *path, struct wc_known *out, struct wc_err *err);

/* Looks in the files, those that aren't there left out, and runs a helper where one says so.
 * Nothing found is success with *out zeroed. */
int wc_credentials_find(struct wc_arena *arena, const struct wc_strv *files, const char *domain,
                        const char *path, struct wc_credentials *out, struct wc_err *err);

/* The value of an Authorization header for user and password. */
const char *wc_credentials_basic(struct wc_arena *arena, const struct wc_credentials *credentials);

#endif
