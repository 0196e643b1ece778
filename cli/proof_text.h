/* proof_text.h - an isolation decision as a proof, for people and for programs (cli, layer 5). */
#ifndef CLI_PROOF_TEXT_H
#define CLI_PROOF_TEXT_H

#include "cli/cli.h"
#include "wcompose/plan.h"

struct wc_buf;
struct wc_jsonw;

/* Appends what a service runs as and why; with the steps, a line for each thing that was looked at,
 * the deciding ones marked. */
void wc_proof_text(const struct wc_cli *cli, const char *service,
                   const struct wc_isolation_choice *choice, struct wc_buf *out);

/* Writes an object: isolation (null: it can't run), because, remarks and, when there are some,
 * steps.
 *   key  of the object, or NULL in a list
 */
void wc_proof_json(const char *key, const struct wc_isolation_choice *choice, struct wc_jsonw *w);

/* Writes code, text and place as the object "because". */
void wc_because_json(const struct wc_isolation_choice *choice, struct wc_jsonw *w);

#endif
