/* engine_text.h - sentences for people about where an instance stands (private to
 * orchestrator/engine*).
 *
 * Idea:    texts are made when they are asked for; nothing is decided by them.
 * Threads: the loop's.
 */
#ifndef ORCHESTRATOR_ENGINE_TEXT_H
#define ORCHESTRATOR_ENGINE_TEXT_H

#include <stddef.h>

struct inst;
struct wc_fact;

/* What it waits for: "db healthy", "backoff 1.6 s"; "" when it waits for nothing. */
void wc_eng_waiting_text(const struct inst *inst, char *out, size_t size);

/* Why it doesn't come up. */
void wc_eng_failure_text(const struct inst *inst, char *out, size_t size);

/* How it ended: "exited 137 (SIGKILL)". */
void wc_eng_exit_text(const struct wc_fact *fact, char *out, size_t size);

/* What would be done with a suspended one, or NULL. */
const char *wc_eng_would_text(const struct inst *inst);

#endif
