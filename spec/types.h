/* types.h - the kinds of values that rows are made of (spec, private).
 *
 * Each constant is one kind: how it is checked and rewritten, and what it is in the model.
 */
#ifndef SPEC_TYPES_H
#define SPEC_TYPES_H

#include "spec/table.h"

/* Scalars; the comment names the C type at the offset. */
extern const struct wc_type wc_type_string;     /* const char * */
extern const struct wc_type wc_type_text;       /* const char *; numbers too, as text */
extern const struct wc_type wc_type_ip4;        /* const char *; "" is none */
extern const struct wc_type wc_type_ip6;        /* the same */
extern const struct wc_type wc_type_mac;        /* the same */
extern const struct wc_type wc_type_truth_text; /* const char *; true and false too, as text */
extern const struct wc_type wc_type_word;       /* const char *, one of row.words */
extern const struct wc_type wc_type_bool;       /* bool; "yes" and kin too */
extern const struct wc_type wc_type_flag;       /* bool; no string */
extern const struct wc_type wc_type_tri;        /* enum wc_tri */
extern const struct wc_type wc_type_int;        /* int64_t */
extern const struct wc_type wc_type_whole;      /* int64_t; no string */
extern const struct wc_type wc_type_count;      /* int64_t, 0 and up */
extern const struct wc_type wc_type_number;     /* int64_t, billionths */
extern const struct wc_type wc_type_bytes;      /* int64_t */
extern const struct wc_type wc_type_size;       /* int64_t; no number */
extern const struct wc_type wc_type_bytes_m1;   /* int64_t; -1 is a value */
extern const struct wc_type wc_type_duration;   /* int64_t, milliseconds */
extern const struct wc_type wc_type_isolation;  /* enum wc_isolation */
extern const struct wc_type wc_type_trust;      /* enum wc_trust */
extern const struct wc_type wc_type_accel;      /* enum wc_vm_accel */
extern const struct wc_type wc_type_unhealthy;  /* enum wc_on_unhealthy */
extern const struct wc_type wc_type_pid;        /* const char *; null is a value */
extern const struct wc_type wc_type_any;        /* kept as it is */

/* Lists of strings: struct wc_strv. */
extern const struct wc_type wc_type_strings;        /* a list */
extern const struct wc_type wc_type_texts;          /* a list; numbers too */
extern const struct wc_type wc_type_string_or_list; /* "a" or [a] */
extern const struct wc_type wc_type_command;        /* "a b" is split */
extern const struct wc_type wc_type_test;           /* healthcheck.test */

/* Maps of strings: struct wc_kvs. */
extern const struct wc_type wc_type_kv;    /* map or list of K=V; K alone is "" */
extern const struct wc_type wc_type_env;   /* the same; K alone stays open */
extern const struct wc_type wc_type_hosts; /* extra_hosts */

/* Structures, checked by row.sub. */
extern const struct wc_type wc_type_section; /* members go into the same struct as the owner's */
extern const struct wc_type wc_type_entries; /* a map of sections; decoded elsewhere */
extern const struct wc_type wc_type_items;   /* a list of sections */
extern const struct wc_type wc_type_io_list; /* the same: struct wc_io_list */
extern const struct wc_type wc_type_hooks;   /* the same: struct wc_hook *, size_t behind it */

/* With short forms of their own (short_syntax.c). */
extern const struct wc_type wc_type_ports;      /* struct wc_port *, size_t behind it */
extern const struct wc_type wc_type_expose;     /* struct wc_strv */
extern const struct wc_type wc_type_mounts;     /* struct wc_mount *, size_t */
extern const struct wc_type wc_type_tmpfs;      /* checked here, decoded with the mounts */
extern const struct wc_type wc_type_devices;    /* struct wc_strv */
extern const struct wc_type wc_type_ulimits;    /* struct wc_ulimit *, size_t */
extern const struct wc_type wc_type_depends_on; /* struct wc_dep *, size_t */
extern const struct wc_type wc_type_networks;   /* struct wc_service_net *, size_t */
extern const struct wc_type wc_type_names;      /* a list or a map of sections; checked only */
extern const struct wc_type wc_type_env_files;  /* list of {path, required, format} */

/* What a service takes from elsewhere (references.c); checked only, external aside. */
extern const struct wc_type wc_type_configs;      /* list of {source, …} */
extern const struct wc_type wc_type_secrets;      /* the same; target is filled in */
extern const struct wc_type wc_type_build;        /* "ctx" or a section */
extern const struct wc_type wc_type_extends;      /* "service" or a section */
extern const struct wc_type wc_type_include;      /* list of paths and sections */
extern const struct wc_type wc_type_gpus;         /* "all" or a list of requests */
extern const struct wc_type wc_type_requests;     /* list of requests for devices */
extern const struct wc_type wc_type_device_count; /* "all" or a number */
extern const struct wc_type wc_type_external;     /* bool: true, false or {name} */

/* Maps with keys of the user's, and paths (options.c). */
extern const struct wc_type wc_type_options;     /* struct wc_kvs; strings and numbers */
extern const struct wc_type wc_type_log_options; /* struct wc_kvs; the same, and null */
extern const struct wc_type wc_type_choices;     /* values and lists of them; checked only */
extern const struct wc_type wc_type_ssh;         /* checked only */
extern const struct wc_type wc_type_context;     /* a string; see paths.h */
extern const struct wc_type wc_type_contexts;    /* as kv; see paths.h */
extern const struct wc_type wc_type_path;        /* a string, not empty; see paths.h */

/* What identifies an item of a list under WC_MERGE_UNIQUE. */
const char *wc_ident_text(struct wc_arena *arena, const struct wc_node *item);
const char *wc_ident_target(struct wc_arena *arena, const struct wc_node *item);
const char *wc_ident_config(struct wc_arena *arena, const struct wc_node *item);
const char *wc_ident_port(struct wc_arena *arena, const struct wc_node *item);
const char *wc_ident_tmpfs(struct wc_arena *arena, const struct wc_node *item);
const char *wc_ident_path(struct wc_arena *arena, const struct wc_node *item);
const char *wc_ident_request(struct wc_arena *arena, const struct wc_node *item);
const char *wc_ident_subnet(struct wc_arena *arena, const struct wc_node *item);

/* Splits a command string as a POSIX shell would split words (quotes, backslash), into a LIST of
 * STRING nodes. Shell operators outside quotes are refused (E113). */
struct wc_node *wc_split_command(struct wc_load *load, struct wc_node *node);

/* Reads an isolation word in any case; "" is default. */
bool wc_isolation_parse(const char *text, enum wc_isolation *out);

#endif
