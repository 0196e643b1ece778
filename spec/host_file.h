/* host_file.h - files that the host's admin writes for us: the policy, the agent file (spec,
 * private).
 *
 * Idea:    read by the same machinery as Compose files but for what such files may do (variables,
 *          includes, several documents): what they say must not depend on who asks.
 */
#ifndef SPEC_HOST_FILE_H
#define SPEC_HOST_FILE_H

#include "spec/load.h"
#include "spec/table.h"

/* Reads, parses and checks such a file by a table.
 *   noun  "the host's policy", for messages
 * Returns 0 with its one map in long form in *out (NULL: nothing but comments); WC_ERR_NOENT
 * without a word when nothing is there; or WC_ERR_SPEC, the reasons reported. */
int wc_host_file_read(struct wc_load *load, const char *path, const char *noun,
                      const struct wc_table *table, struct wc_node **out);

#endif
