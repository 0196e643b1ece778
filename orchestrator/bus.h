/* bus.h - what happens, told to whoever opened the engine (private to orchestrator/engine* and its
 * parts).
 *
 * Idea:    one stream of events; every renderer, log and test reads the same.
 * Threads: the loop's.
 */
#ifndef ORCHESTRATOR_BUS_H
#define ORCHESTRATOR_BUS_H

struct inst;
struct request;
struct wc_engine;
struct wc_event;

/* Something happened to an instance; fmt "" = for no reason worth a word. */
void wc_eng_tell(struct inst *inst, const char *action, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Something else; number and time are filled in. */
void wc_eng_tell_other(struct wc_engine *engine, const struct wc_event *event);

/* Something happened to the project as a whole. The first one of a request is the cause of what is
 * done for it. */
void wc_eng_tell_project(struct request *request, const char *action, const char *reason);

/* The first one of a request that brings no model: "asked", with what in words. */
void wc_eng_tell_asked(struct request *request);

/* After each review: since when it stands where it does. */
void wc_eng_note_phase(struct inst *inst);

/* After each decision: keeps who an instance waits for, so that what it does once that has come has
 * its cause there. */
void wc_eng_awaits(struct inst *inst);

#endif
