/* special.h - kinds of values that one attribute alone has (spec, private). */
#ifndef SPEC_SPECIAL_H
#define SPEC_SPECIAL_H

#include "spec/table.h"

extern const struct wc_type wc_type_restart;        /* const char *, checked */
extern const struct wc_type wc_type_signal;         /* const char * */
extern const struct wc_type wc_type_pull_policy;    /* const char * */
extern const struct wc_type wc_type_container_name; /* const char * */
extern const struct wc_type wc_type_oom_score;      /* int64_t, -1000..1000 */
extern const struct wc_type wc_type_memswap;        /* int64_t; -1 decodes to INT64_MAX */
extern const struct wc_type wc_type_swappiness;     /* 0..100; a string, as docker prints it */
extern const struct wc_type wc_type_micros;         /* a number of microseconds */
extern const struct wc_type wc_type_level;          /* enum wc_isolation, not DEFAULT */
extern const struct wc_type wc_type_rule_trust;     /* enum wc_rule_trust */
extern const struct wc_type wc_type_file_mode;      /* "0440" */
extern const struct wc_type wc_type_image_policy; /* struct wc_agent_images; a kind or a section */
extern const struct wc_type wc_type_image_rules;  /* struct wc_agent_image_rule *, size_t */

#endif
