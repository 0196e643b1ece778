/* hidden.h - paths of the kernel that an unprivileged instance doesn't see, or can't write (process
 * driver).
 *
 * Source: Docker's default lists, and what newer releases of it add. NULL-terminated. Threads: any.
 */
#ifndef DRIVERS_PROCESS_HIDDEN_H
#define DRIVERS_PROCESS_HIDDEN_H

extern const char *const wc_hidden_masked[];
extern const char *const wc_hidden_readonly[];

#endif
