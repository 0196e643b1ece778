/* secret.h - memory for keys and what was decrypted (base, layer 0).
 *
 * Idea:    a secret has pages of its own: kept out of swap where the limit on locked memory allows
 * it, left out of core dumps, and overwritten before they are given back. Growing moves it, and the
 * old place is overwritten too. What is copied out of it into ordinary memory is the copier's care.
 * Errors:  none (out of memory aborts). Threads: one at a time.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>

struct wc_secret {
    unsigned char *bytes; /* len of them and a NUL; NULL while cap is 0 */
    size_t len, cap;
};
#define WC_SECRET_INIT                                                                             \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

/* Overwrites and gives back; it is empty and usable again. */
void wc_secret_deinit(struct wc_secret *secret);
#define WC_CLEANUP_SECRET __attribute__((cleanup(wc_secret_deinit)))

/* Makes room for `more` bytes beyond len. The caller may write there and then raise len. */
void wc_secret_reserve(struct wc_secret *secret, size_t more);

/* Appends. `bytes` must not point into the secret. */
void wc_secret_add(struct wc_secret *secret, const void *bytes, size_t len);

/* Overwrites memory in a way that no compiler leaves out. */
void wc_wipe(void *bytes, size_t len);

/* For programs whose ordinary memory has secrets too (libraries don't decide that for their host):
 * no core file of this process is written, to disk or to a handler, and none but those with
 * CAP_SYS_PTRACE look into it. Holds until it executes another program, which is as any other.
 */
void wc_secret_no_core(void);

#endif
