/* sealed.h - encrypted files that a project names, each opened once a load (spec, private).
 *
 * Idea:    at the first load they are found by what is in them, and one that can't be opened is an
 * error (E119). A canonical text brings them along; what can't be opened then leaves its reason in
 * the values (wcompose/sealed.h). Nothing is opened for a project that is only shown.
 */
#ifndef SPEC_SEALED_H
#define SPEC_SEALED_H

#include "spec/load.h"
#include "wcompose/model.h"
#include "wcompose/sealed.h"

struct wc_unsealed; /* unseal.h */

/* The encrypted file at `path`, or NULL when it isn't encrypted (or not there). node  what names it
 */
const struct wc_unsealed *wc_sealed_file(struct wc_load *load, const char *path,
                                         const struct wc_node *node);

/* Reports E119 when a text is encrypted that can't be used so: `what` ("a label_file"). True then.
 */
bool wc_sealed_refuse(struct wc_load *load, const struct wc_text *text, const char *path,
                      struct wc_loc at, unsigned span, const char *what);

/* True when a text is one of them, whatever can be done with it. */
bool wc_sealed_is(const struct wc_text *text, const char *path);

/* Takes what canonical text brought along. */
void wc_sealed_read(struct wc_load *load, const struct wc_node *root);

/* Gives the project what it is to bring along, and overwrites the keys. */
void wc_sealed_end(struct wc_load *load, struct wc_project *project);

/* Takes what an encrypted file sets out of what env files before it set (the value becomes NULL).
 */
void wc_sealed_hide(struct wc_load *load, const char *path, const struct wc_node *node,
                    struct wc_map *found);

/* Lays the variables of the encrypted files that a service's env_file names over what nearer
 * attributes leave: into its environment, never into its tree. */
void wc_sealed_settle(struct wc_load *load, struct wc_service *service);

#endif
