/* hook.h - a request to the webhook: who is meant, and is it from one who may ask? (orchestrator/
 * core, pure)
 *
 * Idea:    what comes carries nothing but the wish that an app's source be looked at now; its body
 *          is hashed and thrown away.
 * Owner:   borrowed for the call. Threads: any. Errors: HTTP statuses.
 * Source:  RFC 9112; the header is GitHub's, which Gitea and Forgejo send too.
 */
#ifndef ORCHESTRATOR_CORE_HOOK_H
#define ORCHESTRATOR_CORE_HOOK_H

#include <stddef.h>

enum { WC_HOOK_HEAD_MAX = 16384, WC_HOOK_BODY_MAX = 1 << 20, WC_HOOK_NAME_MAX = 64 };

/* Judges what has arrived of "POST /hook/APP".
 *   key  key_len bytes of the secret; NULL and 0: 401 means that all of it is here, and that it is
 *        worth looking for the key
 *   app  gets the name, when 202
 * Returns 0 when more is to come; 202; 400, 401 (no or another signature), 404, 405, 411 (no
 * Content-Length), 413, 431. */
int wc_hook_judge(const char *bytes, size_t len, const void *key, size_t key_len,
                  char app[WC_HOOK_NAME_MAX]);

#endif
