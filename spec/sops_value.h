/* sops_value.h - one encrypted value of a file of SOPS (spec, private to sops*.c). */
#ifndef SPEC_SOPS_VALUE_H
#define SPEC_SOPS_VALUE_H

#include <stdbool.h>

struct wc_arena;
struct wc_secret;

/* One "ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]": opens it with `key`; aad is where it stands.
 * type  out: a word of SOPS ("str"), in the arena
 * plain  out: appended
 * False: it has another form, or isn't what was encrypted by that key for that place. */
bool wc_sops_value(const char *text, const unsigned char *key, const char *aad,
                   struct wc_arena *arena, const char **type, struct wc_secret *plain);

/* True when it has that form. */
bool wc_sops_is_value(const char *text);

#endif
