/* challenge.h - what a registry says it wants to know us by: WWW-Authenticate (images, pure).
 *
 * Owner:   strings are in the caller's arena. Threads: any. Blocks: never.
 * Errors:  none: what can't be read is left out; a server that says nonsense asks for nothing.
 * Source:  RFC 9110, section 11.6.1; Docker Registry v2 token authentication.
 */
#ifndef IMAGES_CHALLENGE_H
#define IMAGES_CHALLENGE_H

#include <stdbool.h>

struct wc_arena;

struct wc_challenge {
    bool basic;                  /* user and password will do */
    bool bearer;                 /* a token from `realm` will do; realm is set */
    const char *realm;           /* URL */
    const char *service, *scope; /* NULL = not said */
    const char *error;           /* why the token that was sent didn't do, or NULL */
};

/* Adds the challenges of one header's value to *out, which starts zeroed. Of several of one kind
 * the first counts. */
void wc_challenge_read(struct wc_arena *arena, const char *value, struct wc_challenge *out);

#endif
