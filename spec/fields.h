/* fields.h - what the tables share (spec, private).
 *
 * Idea:    a table is a file's worth of rows; those that another table points to are declared here,
 * under the name of the kind of section.
 */
#ifndef SPEC_FIELDS_H
#define SPEC_FIELDS_H

#include <stddef.h>

#include "spec/draft.h"
#include "spec/special.h"
#include "spec/table.h"
#include "spec/types.h"

#define NONE WC_NO_OFFSET

/* Zero is a value of its own, and shown (output.c). */
#define SHOWS_ZERO .shows_zero = true

/* The level of Windows containers, where it isn't that of Linux. */
#define WINDOWS(level) .windows = WC_##level

/* A table of rows: its name, and its clause of the specification (see struct wc_table). */
#define TABLE(rows, name, clause)                                                                  \
    {                                                                                              \
        rows, sizeof(rows) / sizeof((rows)[0]), false, name, clause                                \
    }

/* One where x-… is an unknown key. */
#define CLOSED_TABLE(rows, name, clause)                                                           \
    {                                                                                              \
        rows, sizeof(rows) / sizeof((rows)[0]), true, name, clause                                 \
    }

/* fields_network.c, fields_storage.c */
extern const struct wc_table wc_table_service_network, wc_table_port, wc_table_mount,
    wc_table_device, wc_table_reference, wc_table_config, wc_table_secret, wc_table_external;

/* fields_policy.c */
extern const struct wc_table wc_table_rule, wc_table_host_policy;

/* fields_agent.c */
extern const struct wc_table wc_table_agent, wc_table_agent_app, wc_table_agent_notify;

/* fields_vm.c */
extern const struct wc_table wc_table_vm;

/* fields_resources.c */
extern const struct wc_table wc_table_blkio, wc_table_request, wc_table_generic, wc_table_ulimit,
    wc_table_credential;
extern const char *const wc_ulimit_names[]; /* NULL at the end */

/* fields_build.c */
extern const struct wc_table wc_table_develop, wc_table_hook, wc_table_pre_start, wc_table_provider,
    wc_table_service_model, wc_table_model;

#endif
