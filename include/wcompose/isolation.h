/* isolation.h - what is asked of the isolation of services: a part of the model, and the rules that
 * people lay over it (contract, plain data, pure).
 *
 * Idea:    a rule adds a demand and never takes one away, so their order means nothing; demands
 *          that can't all be kept are refused, not weighed. docs/isolation.md has them all.
 * Owner:   as the model's. Threads: values.
 */
#ifndef WCOMPOSE_ISOLATION_H
#define WCOMPOSE_ISOLATION_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"
#include "wcompose/lists.h"

/* isolation: how a service is kept apart from the host and from others; in order of strength. */
enum wc_isolation { WC_ISOLATION_DEFAULT, WC_ISOLATION_PROCESS, WC_ISOLATION_HYPERV };

/* x-wcompose.trust. */
enum wc_trust { WC_TRUST_UNSET, WC_TRUST_TRUSTED, WC_TRUST_UNTRUSTED };

/* What a rule says of trust. */
enum wc_rule_trust {
    WC_RULE_TRUST_ANY,
    WC_RULE_TRUST_UNSET,
    WC_RULE_TRUST_TRUSTED,
    WC_RULE_TRUST_UNTRUSTED
};

/* Which services a rule is about: all that is given must hold, and of several patterns one. In a
 * pattern `*` stands for any text and `?` for one character. */
struct wc_rule_match {
    enum wc_rule_trust trust;
    struct wc_strv tenants, services, projects; /* patterns */
    struct wc_strv images; /* patterns, of the name as written or in full: docker.io/library/… */
    struct wc_kvs labels;  /* each of them; the value is a pattern, "" = any */
    enum wc_tri is_privileged; /* UNSET: either */
};

/* One rule: of x-wcompose.policy, or of the host's policy file. */
struct wc_rule {
    const char *name;   /* for messages, or NULL */
    const char *reason; /* whoever wrote it tells why, or NULL */
    struct wc_rule_match match;
    enum wc_isolation require; /* HYPERV: a kernel of its own. PROCESS: no machine is made for it;
                                  if anything else demands one, it is refused */
    struct wc_loc at;          /* of the rule's `require` */
};

/* All rules of one place, as they are written. */
struct wc_policy {
    struct wc_rule *rules;
    size_t n;
};

/* What was decided for a service where its file was read; it goes with the model to who acts. */
struct wc_settled {
    enum wc_isolation level; /* DEFAULT: nothing yet */
    const char *code, *why;  /* as in struct wc_isolation_choice (plan.h) */
    struct wc_loc at;
};

/* What the file says of an image that may not be here (x-wcompose.image); NULL: nothing. */
struct wc_image_hint {
    const char *os, *os_version, *architecture;
};

struct wc_service;

/* Notes the decision, and makes spec_hash say it: a service that gets or loses a kernel of its own
 * needs a new instance, and so does one with such a kernel when x-wcompose.vm changes. Strings are
 * borrowed. Settling again forgets the settlement before. */
void wc_service_settle(struct wc_service *service, const struct wc_settled *settled);

/* True when `text` as a whole is what the pattern says. */
bool wc_pattern_matches(const char *pattern, const char *text);

#endif
