/* table.h - one row a Compose attribute (spec, private).
 *
 * Idea:    a row says everything about a key: what it takes, where it goes in the model, how files
 * merge, whether it is carried out, whether a change needs a new instance. Checking, merging,
 * decoding, suggestions, canonical output and hashing all walk the same rows, so a further
 * attribute is one row.
 *
 * The way of a value: `canon` checks it in the file it came from and rewrites short forms to long
 * ones; merging and all later stages see long forms only; `decode` copies it into the model.
 */
#ifndef SPEC_TABLE_H
#define SPEC_TABLE_H

#include "spec/load.h"
#include "spec/node.h"

struct wc_field;
struct wc_table;

/* How a later file's value joins an earlier one's. A later null keeps the earlier value, except
 * under WHOLE. */
enum wc_merge_rule {
    WC_MERGE_REPLACE, /* scalars, and lists that are one value: the later one */
    WC_MERGE_MAP,     /* member by member, by the sub-table's rules */
    WC_MERGE_KEYS,    /* member by member; a later member replaces the earlier one whole */
    WC_MERGE_APPEND,  /* lists: one behind the other, exact repeats dropped */
    WC_MERGE_UNIQUE,  /* lists: an item with the same `ident` takes the earlier one's position */
    WC_MERGE_JOIN,    /* lists: an item with the same `ident` is merged into the earlier one */
    WC_MERGE_WHOLE,   /* replaced; null clears */
    WC_MERGE_DRIVER,  /* maps with a driver: as MAP when the drivers agree, else replaced */
};

/* What becomes of a value, by platform of the containers. */
enum wc_support {
    WC_AS_LINUX, /* the Windows level, where it is that of Linux */
    WC_CARRIED,
    WC_QUIET,   /* accepted and harmless: nothing to carry out */
    WC_WARNED,  /* W010 names it */
    WC_REFUSED, /* E300: leaving it out would change what runs or how safely */
};

/* What a change of the value does to running instances. */
enum wc_hash_class {
    WC_RECREATES, /* they are replaced */
    WC_INPLACE,   /* the driver changes them as they run (UPDATE) */
    WC_MACHINE,   /* those with a kernel of their own are replaced */
    WC_KEEPS,     /* nothing: it isn't the driver's, or not carried out, or what it says comes in by
                     the level (wc_service_settle) */
};

/* Checks a value and gives its long form; reports what is wrong and then gives a BAD node. */
typedef struct wc_node *wc_canon_fn(struct wc_load *load, const struct wc_field *field,
                                    struct wc_node *node, const struct wc_where *where);

/* Copies a long form into the model at dst. */
typedef void wc_decode_fn(struct wc_load *load, const struct wc_field *field,
                          const struct wc_node *node, void *dst);

/* A kind of value. */
struct wc_type {
    const char *expects; /* "a duration such as 1m30s" */
    unsigned kinds;      /* WC_KIND bits that canon accepts; others are E101 */
    wc_canon_fn *canon;  /* NULL: the value is its own long form */
    wc_decode_fn *decode;
    bool null_ok;       /* null is a value: it isn't refused when it is left after merging */
    const char *hint;   /* what to write instead of a wrong value, or NULL */
    const char *brief;  /* the short form by example; NULL: there is one form only */
    const char *schema; /* JSON Schema with ' for "; @ is that of field.sub, % that of field.words;
                           NULL: made by words */
};

enum { WC_NO_OFFSET = -1 };

struct wc_field {
    const char *key;
    const struct wc_type *type;
    long offset; /* in the struct of the owner; WC_NO_OFFSET: not in the model */
    enum wc_merge_rule merge;
    enum wc_support support; /* of Linux containers */
    enum wc_hash_class hash;
    enum wc_support windows;    /* of Windows containers; WC_AS_LINUX when left out */
    const struct wc_table *sub; /* members of a section, of each item, of each entry */
    const char *const *words;   /* NULL-terminated: the only values, or the only keys of a map */
    const char *(*ident)(struct wc_arena *arena, const struct wc_node *item);
    bool shows_zero;      /* canonical output keeps a value of zero, false or nothing (output.c) */
    const char *required; /* sections: these members must be there, separated by blanks */
    const char *fallback; /* what holds when the key is absent, in words; NULL: nothing */
    const char *clause;   /* of the specification; NULL: as the table says */
};

/* The rows of one kind of section, sorted by key. */
struct wc_table {
    const struct wc_field *rows;
    size_t n;
    bool no_extensions; /* x-… is an ordinary unknown key here */
    const char *name;   /* of the kind of section: "build"; unique */
    const char
        *clause; /* of the specification: file#anchor; the key is the anchor after a last # */
};

/* The six facts that every row has: key, kind (without wc_type_), offset, merge rule, support, hash
 * class (without their prefixes). */
#define ROW(key_, type_, offset_, merge_, support_, hash_)                                         \
    .key = (key_), .type = &wc_type_##type_, .offset = (offset_), .merge = WC_MERGE_##merge_,      \
    .support = WC_##support_, .hash = WC_##hash_

/* The tables that more than one file needs (fields_*.c). Offsets are into struct wc_service_draft,
 * wc_network, wc_volume. */
extern const struct wc_table wc_table_project, wc_table_service, wc_table_deploy, wc_table_network,
    wc_table_volume, wc_table_build;

/* What becomes of a row's value in containers of a platform; never WC_AS_LINUX. */
enum wc_support wc_field_support(const struct wc_field *field, enum wc_platform platform);

/* True when the value is one of the row's words (and not a map with such keys). */
bool wc_field_is_word(const struct wc_field *field);

/* True when null is a value that may be left after merging: commands, and sections that may be
 * there with nothing in them. */
bool wc_field_takes_null(const struct wc_field *field);

/* True when the sub-table is of each entry of a map with keys of the user's. */
bool wc_field_has_entries(const struct wc_field *field);

/* The row for a key, or NULL. Keys that start with x- share one row where the table allows them. */
const struct wc_field *wc_table_find(const struct wc_table *table, const char *key);

/* Checks and rewrites a map by a table. `where` names the map. */
struct wc_node *wc_canon_section(struct wc_load *load, const struct wc_table *table,
                                 struct wc_node *node, const struct wc_where *where);

/* Checks and rewrites one value by its row: kind, then the type's canon, then its words. Tags stay
 * on the result; null and !reset values pass. */
struct wc_node *wc_canon_value(struct wc_load *load, const struct wc_field *field,
                               struct wc_node *node, const struct wc_where *where);

/* Reports (E114) which of the members in `required` (separated by blanks) a map lacks. */
void wc_require(struct wc_load *load, const struct wc_node *map, const char *required,
                const struct wc_where *where);

/* The same for every map below a merged section, by the rows. */
void wc_require_all(struct wc_load *load, const struct wc_table *table, const struct wc_node *node,
                    const struct wc_where *where);

/* Decodes a long form by a table into the struct at base; reports W010 and E300.
 *   base  NULL: only reports
 */
void wc_decode_section(struct wc_load *load, const struct wc_table *table,
                       const struct wc_node *node, void *base, const struct wc_where *where);

/* Reports (E101) what is null after merging in a value that isn't decoded, where the rows below
 * `field` don't take null. */
void wc_refuse_nulls(struct wc_load *load, const struct wc_field *field,
                     const struct wc_node *value, const struct wc_where *where);

/* True for a value that is still to be expanded (no_interpolate): it can't be checked or taken
 * apart, and stays as it is written. */
bool wc_canon_is_template(const struct wc_load *load, const struct wc_node *node);

/* Reports E101 with what the field expects, and gives the BAD node. */
struct wc_node *wc_canon_refuse(struct wc_load *load, const struct wc_field *field,
                                struct wc_node *node, const struct wc_where *where);

/* Reports E102 with a message of the caller's, and gives the BAD node. */
struct wc_node *wc_canon_bad(struct wc_load *load, struct wc_node *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
