/* node.h - the tree of a YAML file, with the place of everything (spec, private).
 *
 * Idea:    every later stage works on this tree, so a diagnostic can always name file, line and
 * column. Nodes are never changed once another stage has seen them: a stage that changes something
 * copies the nodes on the way to it, so aliases may share subtrees.
 * Owner:   the arena of the load. Threads: one load at a time. Errors: see wc_node_parse.
 */
#ifndef SPEC_NODE_H
#define SPEC_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/text.h"
#include "wcompose/err.h"

struct wc_arena;
struct wc_budget;
struct wc_diags;
struct wc_map;

enum wc_node_kind {
    WC_NODE_NULL,
    WC_NODE_BOOL,
    WC_NODE_INT,
    WC_NODE_FLOAT,
    WC_NODE_STRING,
    WC_NODE_LIST,
    WC_NODE_MAP,
    WC_NODE_BAD, /* was reported; later stages pass over it without a word */
};

/* Bits for sets of kinds. */
#define WC_KIND(kind) (1U << (kind))

enum wc_node_tag { WC_TAG_NONE, WC_TAG_RESET, WC_TAG_OVERRIDE };

struct wc_node;

/* One entry of a map. */
struct wc_member {
    const char *key;
    struct wc_loc key_at;
    unsigned key_span;
    struct wc_node *value;
};

struct wc_node {
    enum wc_node_kind kind;
    enum wc_node_tag tag;
    struct wc_loc at;
    unsigned span;    /* columns to underline, at least 1 */
    bool quoted;      /* scalar in quotes */
    bool boolean;     /* BOOL */
    uint16_t height;  /* levels below; 0 for scalars */
    const char *text; /* scalars: as a string ("1.10" became "1.1" as docker prints it) */
    const char *raw;  /* scalars: as written */
    union {           /* a big file is a million nodes: each byte counts */
        struct {
            int64_t integer; /* INT */
            double number;   /* INT and FLOAT */
        };
        struct {
            union {
                struct wc_node **items;    /* LIST: n of them */
                struct wc_member *members; /* MAP: n, keys unique, in order of appearance */
            };
            struct wc_map *index; /* MAP with many members: key -> member number + 1 */
        };
    };
    uint32_t n, cap; /* 0 for scalars */
    size_t weight;   /* nodes in the subtree, itself included */
};

/* The documents of one file. */
struct wc_documents {
    struct wc_node **roots;
    size_t n;
    bool tagged; /* a !reset or !override is somewhere */
};

/* Parses YAML text. file  borrowed, named in places; text  borrowed, len bytes of UTF-8
 * (encoding.h); budget  what the load has left, NULL for the default limits Returns true when the
 * syntax is right. Whatever is wrong went to diags (E103..E105); documents before a syntax error
 * are in *out even so.
 */
bool wc_node_parse(struct wc_arena *arena, struct wc_diags *diags, const char *file,
                   const struct wc_text *text, struct wc_budget *budget, struct wc_documents *out);

/* Sets kind, value and text of an unquoted scalar from its `raw` (scalar.h has the grammar). */
void wc_node_resolve(struct wc_arena *arena, struct wc_node *node);

/* Makes nodes at a place (that of `like`, which may be NULL). */
struct wc_node *wc_node_new(struct wc_arena *arena, enum wc_node_kind kind,
                            const struct wc_node *like);
struct wc_node *wc_node_string(struct wc_arena *arena, const char *text,
                               const struct wc_node *like);
struct wc_node *wc_node_integer(struct wc_arena *arena, int64_t value, const struct wc_node *like);
struct wc_node *wc_node_boolean(struct wc_arena *arena, bool value, const struct wc_node *like);

/* Copies one node; lists and maps get arrays of their own that share the children. */
struct wc_node *wc_node_copy(struct wc_arena *arena, const struct wc_node *node);

/* Makes a node one that was reported: BAD, with nothing in it. */
void wc_node_spoil(struct wc_node *node);

/* Makes room for n items or members in all, so that adding them doesn't move the others. */
void wc_node_reserve(struct wc_arena *arena, struct wc_node *node, size_t n);

/* Appends to a list. */
void wc_node_add(struct wc_arena *arena, struct wc_node *list, struct wc_node *item);

/* Sets a member; an existing one gets the new value and keeps its position. */
void wc_node_put(struct wc_arena *arena, struct wc_node *map, const char *key,
                 struct wc_node *value);

/* The same, with the place of the key taken from `member` (its value is ignored). */
void wc_node_put_at(struct wc_arena *arena, struct wc_node *map, const struct wc_member *member,
                    struct wc_node *value);

/* Removes a member, keeping the order of the others. False when it is absent. */
bool wc_node_drop(struct wc_node *map, const char *key);

/* Member or value by key; NULL when absent or when `map` is NULL or no map. */
struct wc_member *wc_node_member(const struct wc_node *map, const char *key);
struct wc_node *wc_node_get(const struct wc_node *map, const char *key);

/* Text of a scalar member, or NULL when absent or not a scalar. */
const char *wc_node_text(const struct wc_node *map, const char *key);

/* True for NULL..STRING. */
bool wc_node_is_scalar(const struct wc_node *node);

/* "a list", "a number" …: what the user wrote, for messages. */
const char *wc_node_describe(const struct wc_node *node);

/* True when both hold the same data, order of map keys apart. */
bool wc_node_equal(const struct wc_node *a, const struct wc_node *b);

#endif
