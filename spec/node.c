/* node.c - libyaml's events to a tree with places.
 *
 * Events, not libyaml's document loader: the loader loses the style of scalars and lets aliases
 * grow without bound. libyaml counts lines and columns from 0 and gives two marks for most syntax
 * errors; both are kept.
 */
#include "spec/node.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "spec/codes.h"
#include "spec/limits.h"
#include "wcompose/diag.h"

/* Text this long weighs as much as a node where aliases repeat it. */
enum { TEXT_PER_NODE = 64 };

struct anchor {
    struct wc_node *node;
    struct wc_loc at;
    bool open; /* still being read: an alias to it would have no end */
};

struct builder {
    struct wc_arena *arena;
    struct wc_diags *diags;
    const char *file, *text;
    size_t len;
    yaml_parser_t parser;
    struct wc_map anchors;
    struct wc_budget *budget;
    bool tagged;          /* a !reset or !override was seen */
    bool failed;          /* a syntax error or a limit: stop */
    struct wc_loc *lines; /* where libyaml's lines begin, when it counts others than we do */
    size_t n_lines;
    struct wc_loc end;            /* behind the last character */
    size_t seen_index, seen_byte; /* a character and its byte: marks count characters */
    struct wc_node *spare;        /* the node of a key that is done with */
};

static struct wc_node *build(struct builder *b, const yaml_event_t *event, unsigned depth);

static struct wc_loc place_at(const struct builder *b, size_t line, size_t column)
{
    if (line < b->n_lines)
        return (struct wc_loc){ b->file, b->lines[line].line,
                                b->lines[line].col + (unsigned)column };
    if (line >= b->end.line) /* libyaml ends a last line that the text doesn't */
        return b->end;
    return (struct wc_loc){ b->file, (unsigned)line + 1, (unsigned)column + 1 };
}

static struct wc_loc place(const struct builder *b, const yaml_mark_t *mark)
{
    return place_at(b, mark->line, mark->column);
}

/* Byte of a mark. Marks come in order, so looking costs the text once. */
static size_t byte_of(struct builder *b, const yaml_mark_t *mark)
{
    if (mark->index < b->seen_index)
        b->seen_index = b->seen_byte = 0;
    while (b->seen_index < mark->index && b->seen_byte < b->len) {
        b->seen_byte++;
        while (b->seen_byte < b->len && ((unsigned char)b->text[b->seen_byte] & 0xC0) == 0x80)
            b->seen_byte++;
        b->seen_index++;
    }
    return b->seen_byte;
}

/* Place of a node itself: events with an anchor or a tag begin at these. */
static struct wc_loc place_behind(struct builder *b, const yaml_event_t *event, bool has_properties)
{
    if (!has_properties)
        return place(b, &event->start_mark);
    size_t from = byte_of(b, &event->start_mark), i = from;
    bool comment = false, word = false;
    for (; i < b->len; i++) {
        char c = b->text[i];
        bool gap = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (comment)
            comment = c != '\n' && c != '\r';
        else if (word)
            word = !gap && c != ',' && c != ']' && c != '}';
        else if (c == '#')
            comment = true;
        else if (c == '&' || c == '!')
            word = true;
        else if (!gap)
            break;
    }
    if (i >= b->len)
        return place(b, &event->start_mark);
    return wc_text_place_from(place(b, &event->start_mark), b->text, from, i);
}

static struct wc_diag *report(struct builder *b, enum wc_spec_code code, struct wc_loc at,
                              const char *text)
{
    return wc_diags_add(b->diags, WC_SEVERITY_ERROR, wc_spec_code(code)->code, at, "%s", text);
}

static bool has_tab_at(struct builder *b, const yaml_mark_t *mark)
{
    size_t byte = byte_of(b, mark);
    return byte < b->len && b->text[byte] == '\t';
}

static const char *hint_for(struct builder *b)
{
    const char *problem = b->parser.problem;
    if (has_tab_at(b, &b->parser.problem_mark))
        return "YAML does not allow tabs for indentation; use spaces";
    if (strstr(problem, "did not find expected key") != NULL ||
        strstr(problem, "did not find expected '-' indicator") != NULL)
        return "check the indentation: entries of one block start in the same column";
    if (strstr(problem, "mapping values are not allowed") != NULL)
        return "check the indentation, or put quotes around a value that holds ': '";
    if (strstr(problem, "could not find expected ':'") != NULL)
        return "a key needs a ':' and a space behind it";
    return NULL;
}

/* Where the text ran out: behind what is written last, not on the line that libyaml adds. */
static struct wc_loc place_of_problem(const struct builder *b)
{
    struct wc_loc at = place(b, &b->parser.problem_mark);
    size_t end = b->len;
    if (wc_text_offset(b->text, b->len, at.line, at.col) < b->len)
        return at;
    while (end > 0 && strchr(" \t\r\n", b->text[end - 1]) != NULL)
        end--;
    return wc_text_place(b->file, b->text, b->len, end);
}

static void report_syntax(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_READER_ERROR) {
        struct wc_diag *diag =
            report(b, WC_E_SYNTAX, wc_text_place(b->file, b->text, b->len, p->problem_offset), "");
        diag->msg = wc_arena_printf(b->arena, "not readable as text: %s", p->problem);
        diag->hint = "Compose files are UTF-8";
        return;
    }
    struct wc_diag *diag = report(b, WC_E_SYNTAX, place_of_problem(b), "");
    diag->msg = wc_arena_printf(b->arena, "not valid YAML: %s", p->problem);
    diag->hint = hint_for(b);
    if (p->context != NULL) {
        diag->related = place(b, &p->context_mark);
        diag->related_label = wc_arena_strdup(b->arena, p->context);
    }
}

static bool next(struct builder *b, yaml_event_t *event)
{
    if (b->failed)
        return false;
    if (yaml_parser_parse(&b->parser, event))
        return true;
    report_syntax(b);
    b->failed = true;
    return false;
}

/* Counts one value that was written; false beyond the limit. */
static bool charge(struct builder *b, struct wc_loc at)
{
    if (wc_budget_take(b->budget, b->diags, WC_LIMIT_NODES, 1, at, 1))
        return true;
    b->failed = true;
    return false;
}

/* Counts what an alias or a merge key adds, before it is added. */
static bool charge_alias(struct builder *b, struct wc_loc at, const struct wc_node *node)
{
    if (wc_budget_copy(b->budget, b->diags, WC_LIMIT_ALIAS_NODES, node->weight, at, 1))
        return true;
    b->failed = true;
    return false;
}

static bool check_depth(struct builder *b, struct wc_loc at, size_t depth)
{
    if (wc_budget_check(b->budget, b->diags, WC_LIMIT_DEPTH, depth, at, 1))
        return true;
    b->failed = true;
    return false;
}

static struct anchor *open_anchor(struct builder *b, const yaml_char_t *name, struct wc_loc at)
{
    if (name == NULL)
        return NULL;
    struct anchor *anchor = WC_NEW(b->arena, struct anchor);
    *anchor = (struct anchor){ .at = at, .open = true };
    wc_map_put(&b->anchors, wc_arena_strdup(b->arena, (const char *)name), anchor);
    return anchor;
}

static void close_anchor(struct anchor *anchor, struct wc_node *node)
{
    if (anchor == NULL)
        return;
    anchor->node = node;
    anchor->open = false;
}

static struct wc_node *build_alias(struct builder *b, const yaml_event_t *event, unsigned depth)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct wc_loc at = place(b, &event->start_mark);
    const struct anchor *anchor = wc_map_get(&b->anchors, name);
    if (anchor == NULL || anchor->open) {
        struct wc_diag *diag = report(b, WC_E_SYNTAX, at, "");
        diag->span = (unsigned)strlen(name) + 1;
        diag->msg = wc_arena_printf(b->arena,
                                    anchor == NULL ? "no anchor '&%s' before this alias"
                                                   : "alias to '&%s' inside itself",
                                    name);
        if (anchor != NULL) {
            diag->related = anchor->at;
            diag->related_label = "the anchor is here";
        }
        struct wc_node *bad = wc_node_new(b->arena, WC_NODE_BAD, NULL);
        bad->at = at;
        return bad;
    }
    bool fits =
        check_depth(b, at, depth + anchor->node->height) && charge_alias(b, at, anchor->node);
    return fits ? anchor->node : NULL;
}

static enum wc_node_tag tag_of(struct builder *b, const yaml_char_t *text)
{
    enum wc_node_tag tag = WC_TAG_NONE;
    if (text != NULL && wc_streq((const char *)text, "!reset"))
        tag = WC_TAG_RESET;
    else if (text != NULL && wc_streq((const char *)text, "!override"))
        tag = WC_TAG_OVERRIDE;
    b->tagged = b->tagged || tag != WC_TAG_NONE;
    return tag;
}

static bool is_core_tag(const char *tag)
{
    return wc_streq(tag, YAML_NULL_TAG) || wc_streq(tag, YAML_BOOL_TAG) ||
           wc_streq(tag, YAML_INT_TAG) || wc_streq(tag, YAML_FLOAT_TAG);
}

/* A node for a scalar: half of them are keys, whose nodes are needed for a moment only. */
static struct wc_node *new_scalar(struct builder *b)
{
    struct wc_node *node = b->spare;
    b->spare = NULL;
    if (node == NULL)
        return wc_node_new(b->arena, WC_NODE_STRING, NULL);
    *node = (struct wc_node){ .kind = WC_NODE_STRING, .span = 1, .weight = 1 };
    return node;
}

static struct wc_node *build_scalar(struct builder *b, const yaml_event_t *event)
{
    struct wc_node *node = new_scalar(b);
    const char *value = (const char *)event->data.scalar.value;
    const char *tag = (const char *)event->data.scalar.tag;
    node->at = place_behind(b, event, tag != NULL || event->data.scalar.anchor != NULL);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    struct wc_loc end = place(b, &event->end_mark);
    if (end.line == node->at.line && end.col > node->at.col)
        node->span = end.col - node->at.col;
    node->tag = tag_of(b, event->data.scalar.tag);
    node->text = node->raw = wc_arena_strndup(b->arena, value, event->data.scalar.length);
    node->weight += event->data.scalar.length / TEXT_PER_NODE;
    if (strlen(node->raw) != event->data.scalar.length) {
        report(b, WC_E_SYNTAX, node->at, "a NUL character can't be part of a value");
        node->kind = WC_NODE_BAD;
    } else if (tag == NULL || node->tag != WC_TAG_NONE ? !node->quoted : is_core_tag(tag)) {
        wc_node_resolve(b->arena, node);
    }
    return node;
}

static struct wc_node *build_list(struct builder *b, const yaml_event_t *start, unsigned depth)
{
    struct wc_node *list = wc_node_new(b->arena, WC_NODE_LIST, NULL);
    list->at = place_behind(b, start,
                            start->data.sequence_start.tag != NULL ||
                                start->data.sequence_start.anchor != NULL);
    list->tag = tag_of(b, start->data.sequence_start.tag);
    struct anchor *anchor =
        open_anchor(b, start->data.sequence_start.anchor, place(b, &start->start_mark));
    yaml_event_t event;
    while (next(b, &event)) {
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        struct wc_node *item = end ? NULL : build(b, &event, depth + 1);
        yaml_event_delete(&event);
        if (end)
            break;
        if (item != NULL)
            wc_node_add(b->arena, list, item);
    }
    close_anchor(anchor, list);
    return list;
}

/* The key of a member; NULL when it can't be one (reported). */
static const char *key_of(struct builder *b, const struct wc_node *key)
{
    if (key->kind == WC_NODE_BAD || !wc_budget_check(b->budget, b->diags, WC_LIMIT_KEY_BYTES,
                                                     strlen(key->text), key->at, key->span))
        return NULL;
    if (key->kind == WC_NODE_STRING)
        return key->text;
    struct wc_diag *diag = report(b, WC_E_TYPE, key->at, "");
    diag->span = key->span;
    diag->msg =
        wc_arena_printf(b->arena, "a key must be a string, this is %s", wc_node_describe(key));
    if (wc_node_is_scalar(key))
        diag->hint = wc_arena_printf(b->arena, "put it in quotes: \"%s\"", key->raw);
    return NULL;
}

static void add_member(struct builder *b, struct wc_node *map, const struct wc_node *key,
                       struct wc_node *value)
{
    const char *name = key_of(b, key);
    if (name == NULL)
        return;
    struct wc_member member = { .key = name, .key_at = key->at, .key_span = key->span };
    const struct wc_member *old = wc_node_member(map, name);
    if (old != NULL) {
        struct wc_diag *diag = report(b, WC_E_DUPLICATE, key->at, "");
        diag->span = key->span;
        diag->msg = wc_arena_printf(b->arena, "key '%s' appears twice in one map", name);
        diag->hint = "remove one of them, or put their values together";
        diag->related = old->key_at;
        diag->related_span = old->key_span;
        diag->related_label = "first defined here";
        return;
    }
    wc_node_put_at(b->arena, map, &member, value);
}

/* Adds what a "<<" brings: members that the map doesn't have. */
static void merge_in(struct builder *b, struct wc_node *map, const struct wc_node *from)
{
    if (from->kind == WC_NODE_LIST) {
        for (size_t i = 0; i < from->n && !b->failed; i++) {
            if (from->items[i]->kind == WC_NODE_LIST)
                report(b, WC_E_TYPE, from->items[i]->at, "'<<' takes a map or a list of maps");
            else
                merge_in(b, map, from->items[i]);
        }
        return;
    }
    if (from->kind != WC_NODE_MAP) {
        if (from->kind != WC_NODE_BAD)
            report(b, WC_E_TYPE, from->at, "'<<' takes a map or a list of maps")->span = from->span;
        return;
    }
    if (!charge_alias(b, map->at, from))
        return;
    for (size_t i = 0; i < from->n; i++)
        if (wc_node_member(map, from->members[i].key) == NULL)
            wc_node_put_at(b->arena, map, &from->members[i], from->members[i].value);
}

static bool is_merge_key(const struct wc_node *key)
{
    return key->kind == WC_NODE_STRING && !key->quoted && wc_streq(key->text, "<<");
}

struct merge_key {
    struct wc_node *value;
    struct wc_loc at;
};

/* Reads one value for the key in *key_event; false at the end of input. */
static bool build_member(struct builder *b, struct wc_node *map, const yaml_event_t *key_event,
                         unsigned depth, struct merge_key *merge)
{
    struct wc_node *key = build(b, key_event, depth + 1);
    yaml_event_t event;
    if (key == NULL || !next(b, &event))
        return false;
    struct wc_node *value = build(b, &event, depth + 1);
    yaml_event_delete(&event);
    if (value == NULL)
        return false;
    if (!is_merge_key(key)) {
        add_member(b, map, key, value);
    } else if (merge->value == NULL) {
        *merge = (struct merge_key){ value, key->at };
    } else {
        struct wc_diag *diag = report(b, WC_E_DUPLICATE, key->at, "'<<' appears twice in one map");
        diag->span = key->span;
        diag->hint = "use one '<<' with a list: <<: [*a, *b]";
        diag->related = merge->at;
        diag->related_label = "first defined here";
    }
    if (key_event->type == YAML_SCALAR_EVENT && key_event->data.scalar.anchor == NULL)
        b->spare = key;
    return true;
}

static struct wc_node *build_map(struct builder *b, const yaml_event_t *start, unsigned depth)
{
    struct wc_node *map = wc_node_new(b->arena, WC_NODE_MAP, NULL);
    map->at = place_behind(b, start,
                           start->data.mapping_start.tag != NULL ||
                               start->data.mapping_start.anchor != NULL);
    map->tag = tag_of(b, start->data.mapping_start.tag);
    struct anchor *anchor =
        open_anchor(b, start->data.mapping_start.anchor, place(b, &start->start_mark));
    struct merge_key merge = { 0 };
    yaml_event_t event;
    bool more = true;
    while (more && next(b, &event)) {
        if (event.type == YAML_MAPPING_END_EVENT || !build_member(b, map, &event, depth, &merge))
            more = false;
        yaml_event_delete(&event);
    }
    if (merge.value != NULL)
        merge_in(b, map, merge.value);
    if (!b->failed)
        (void)check_depth(b, map->at, map->height + (size_t)depth);
    close_anchor(anchor, map);
    return map;
}

/* Builds the node that starts with `event`; NULL when reading has to stop. */
static struct wc_node *build(struct builder *b, const yaml_event_t *event, unsigned depth)
{
    struct wc_loc at = place(b, &event->start_mark);
    if (!check_depth(b, at, depth) || !charge(b, at))
        return NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return build_alias(b, event, depth);
    if (event->type == YAML_SCALAR_EVENT) {
        struct wc_node *node = build_scalar(b, event);
        close_anchor(open_anchor(b, event->data.scalar.anchor, node->at), node);
        return node;
    }
    struct wc_node *node = event->type == YAML_SEQUENCE_START_EVENT ? build_list(b, event, depth)
                                                                    : build_map(b, event, depth);
    return b->failed ? NULL : node;
}

static void read_documents(struct builder *b, struct wc_documents *out)
{
    yaml_event_t event;
    size_t cap = 0;
    bool more = true;
    while (more && next(b, &event)) {
        more = event.type != YAML_STREAM_END_EVENT;
        bool content = event.type == YAML_SCALAR_EVENT || event.type == YAML_ALIAS_EVENT ||
                       event.type == YAML_SEQUENCE_START_EVENT ||
                       event.type == YAML_MAPPING_START_EVENT;
        struct wc_node *root = content ? build(b, &event, 0) : NULL;
        yaml_event_delete(&event);
        if (root == NULL)
            continue;
        out->roots = wc_arena_grow(b->arena, out->roots, out->n, &cap, sizeof(struct wc_node *));
        out->roots[out->n++] = root;
    }
}

bool wc_node_parse(struct wc_arena *arena, struct wc_diags *diags, const char *file,
                   const struct wc_text *text, struct wc_budget *budget, struct wc_documents *out)
{
    struct wc_budget own = wc_budget_make(NULL);
    struct builder b = { .arena = arena, .diags = diags, .file = file };
    b.text = text->bytes;
    b.len = text->len;
    b.budget = budget != NULL ? budget : &own;
    *out = (struct wc_documents){ 0 };
    wc_map_init(&b.anchors, arena);
    if (!yaml_parser_initialize(&b.parser)) {
        report(&b, WC_E_LIMIT, (struct wc_loc){ file, 1, 1 }, "out of memory in the YAML reader");
        return false;
    }
    b.end = wc_text_place(file, b.text, b.len, b.len);
    b.lines = wc_text_yaml_lines(arena, b.text, b.len, &b.n_lines);
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)b.text, b.len);
    read_documents(&b, out);
    out->tagged = b.tagged;
    yaml_parser_delete(&b.parser);
    return !b.failed;
}
