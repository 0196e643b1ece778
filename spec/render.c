/* render.c - canonical text: sorted keys, YAML that any reader of YAML 1.1 or 1.2 takes the same
 * way (what could be read as something else is quoted).
 */
#include "spec/render.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/utf8.h"
#include "spec/given_values.h"
#include "spec/types.h"
#include "wcompose/sealed.h"
#include "wcompose/spec.h"
#include "wcompose/state.h"

static int by_key(const void *a, const void *b)
{
    const struct wc_member *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

/* Members in order of key (or of appearance); the caller frees with wc_free. */
static const struct wc_member **ordered(const struct wc_node *map, unsigned how)
{
    const struct wc_member **members = wc_calloc(map->n + 1, sizeof *members);
    for (size_t i = 0; i < map->n; i++)
        members[i] = &map->members[i];
    if ((how & WC_RENDER_IN_ORDER) == 0)
        qsort(members, map->n, sizeof *members, by_key);
    return members;
}

static void double_dollars(struct wc_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '$')
            wc_buf_addc(out, '$');
        wc_buf_addc(out, *text);
    }
}

static void json_string(struct wc_jsonw *w, const char *key, const char *text, unsigned how)
{
    if ((how & WC_RENDER_DOLLARS) == 0 || strchr(text, '$') == NULL) {
        wc_jsonw_str(w, key, text);
        return;
    }
    WC_CLEANUP_BUF struct wc_buf doubled = WC_BUF_INIT;
    double_dollars(&doubled, text);
    wc_jsonw_str(w, key, doubled.data);
}

/* True when a table leaves nothing of a section. `command: null`, which JSON always has, is what
 * its absence is. */
static bool is_left_out(const struct wc_node *node, const struct wc_field *field, unsigned how)
{
    enum wc_hash_class wanted = (how & WC_RENDER_INPLACE) != 0   ? WC_INPLACE
                                : (how & WC_RENDER_MACHINE) != 0 ? WC_MACHINE
                                                                 : WC_RECREATES;
    if (field == NULL)
        return wanted != WC_RECREATES;
    if (field->hash == WC_KEEPS || node->kind == WC_NODE_NULL)
        return true;
    if (field->type != &wc_type_section || node->kind != WC_NODE_MAP)
        return field->hash != wanted;
    for (size_t i = 0; i < node->n; i++)
        if (!is_left_out(node->members[i].value, wc_table_find(field->sub, node->members[i].key),
                         how))
            return false;
    return true;
}

static void json_map(struct wc_jsonw *w, const struct wc_node *node, unsigned how,
                     const struct wc_table *table)
{
    const struct wc_member **members = ordered(node, how);
    for (size_t i = 0; i < node->n; i++) {
        const struct wc_field *field = table == NULL ? NULL : wc_table_find(table, members[i]->key);
        bool extension = field != NULL && wc_str_starts(members[i]->key, "x-");
        bool out = table != NULL && is_left_out(members[i]->value, field, how);
        if ((how & WC_RENDER_ITEM) != 0 ? extension : out)
            continue;
        bool down = field != NULL &&
                    (field->type == &wc_type_section || members[i]->value->kind == WC_NODE_LIST);
        wc_render_json(w, members[i]->key, members[i]->value, how, down ? field->sub : NULL);
    }
    wc_free(members);
}

void wc_render_json(struct wc_jsonw *w, const char *key, const struct wc_node *node, unsigned how,
                    const struct wc_table *table)
{
    switch (node->kind) {
    case WC_NODE_NULL:
    case WC_NODE_BAD:
        wc_jsonw_null(w, key);
        break;
    case WC_NODE_BOOL:
        wc_jsonw_bool(w, key, node->boolean);
        break;
    case WC_NODE_INT:
    case WC_NODE_FLOAT:
        wc_jsonw_raw(w, key, node->text);
        break;
    case WC_NODE_STRING:
        json_string(w, key, node->text, how);
        break;
    case WC_NODE_LIST:
        wc_jsonw_array(w, key);
        for (size_t i = 0; i < node->n; i++)
            wc_render_json(w, NULL, node->items[i], how | WC_RENDER_ITEM, table);
        wc_jsonw_end_array(w);
        break;
    case WC_NODE_MAP:
        wc_jsonw_object(w, key);
        json_map(w, node, how, table);
        wc_jsonw_end_object(w);
        break;
    }
}

static void json_shown(struct wc_jsonw *w, const char *key, const struct wc_node *node,
                       const struct wc_table *table, bool entries, unsigned how);

/* Members of a section in order of key, with those that JSON always has. *n: how many. The caller
 * frees with wc_free. */
static const struct wc_member **completed(const struct wc_node *map, const struct wc_table *table,
                                          size_t *n)
{
    static struct wc_node null = { .kind = WC_NODE_NULL }, empty = { .kind = WC_NODE_MAP };
    static const struct wc_member extra[] = { { .key = "command", .value = &null },
                                              { .key = "entrypoint", .value = &null },
                                              { .key = "ipam", .value = &empty },
                                              { .key = "placement", .value = &empty },
                                              { .key = "resources", .value = &empty } };
    const struct wc_table *owners[WC_COUNT(extra)] = { &wc_table_service, &wc_table_service,
                                                       &wc_table_network, &wc_table_deploy,
                                                       &wc_table_deploy };
    const struct wc_member **members = wc_calloc(map->n + WC_COUNT(extra), sizeof *members);
    for (*n = 0; *n < map->n; (*n)++)
        members[*n] = &map->members[*n];
    for (size_t i = 0; i < WC_COUNT(extra); i++)
        if (owners[i] == table && wc_node_member(map, extra[i].key) == NULL)
            members[(*n)++] = &extra[i];
    if (*n > 1)
        qsort(members, *n, sizeof *members, by_key);
    return members;
}

static void shown_members(struct wc_jsonw *w, const struct wc_node *map,
                          const struct wc_table *table, bool entries, unsigned how)
{
    size_t n;
    const struct wc_member **members = completed(map, entries ? NULL : table, &n);
    for (size_t i = 0; i < n; i++) {
        const char *key = members[i]->key;
        const struct wc_field *field = entries ? NULL : wc_table_find(table, key);
        bool extension = !entries && table != &wc_table_project && wc_str_starts(key, "x-");
        if (entries)
            json_shown(w, key, members[i]->value, table, false, how);
        else if (!extension || wc_streq(key, "x-wcompose"))
            json_shown(w, key, members[i]->value, field == NULL ? NULL : field->sub,
                       field != NULL && wc_field_has_entries(field), how);
    }
    wc_free(members);
}

/* As docker compose prints JSON: extensions stand in its YAML, but in JSON only those of the top
 * level. Ours stays, since what it says about trust must not get lost on the way. */
static void json_shown(struct wc_jsonw *w, const char *key, const struct wc_node *node,
                       const struct wc_table *table, bool entries, unsigned how)
{
    if (table == NULL || (node->kind != WC_NODE_MAP && node->kind != WC_NODE_LIST)) {
        wc_render_json(w, key, node, how, NULL);
    } else if (node->kind == WC_NODE_MAP) {
        wc_jsonw_object(w, key);
        shown_members(w, node, table, entries, how);
        wc_jsonw_end_object(w);
    } else {
        wc_jsonw_array(w, key);
        for (size_t i = 0; i < node->n; i++)
            json_shown(w, NULL, node->items[i], table, false, how);
        wc_jsonw_end_array(w);
    }
}

/* Words that some YAML reader takes for something else than a string. */
static bool is_special_word(const char *text)
{
    static const char *const words[] = { "null", "true", "false", "yes", "no",
                                         "on",   "off",  "y",     "n",   "~" };
    for (size_t i = 0; i < WC_COUNT(words); i++)
        if (wc_str_caseeq(text, words[i]))
            return true;
    return false;
}

/* True when the text can stand without quotes: begins with a letter, '/' or '_' and holds nothing
 * that YAML could take for syntax. */
static bool is_plain(const char *text)
{
    size_t len = strlen(text);
    char first = text[0];
    if (len == 0 || len > 200 || is_special_word(text))
        return false;
    if (!wc_ascii_isalnum(first) && first != '/' && first != '_' && first != '$')
        return false;
    if (wc_ascii_isdigit(first))
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!wc_ascii_isalnum(c) && strchr("_./-@$+,=() ", c) == NULL &&
            !(c == ':' && text[i + 1] != ' ' && text[i + 1] != '\0'))
            return false;
    }
    return text[len - 1] != ' ';
}

/* Hidden characters are escaped: some end lines for a YAML reader, and this goes to terminals. */
static void yaml_quoted(struct wc_buf *out, const char *text)
{
    size_t len = strlen(text);
    wc_buf_addc(out, '"');
    for (size_t i = 0; i < len;) {
        unsigned c;
        size_t n = wc_utf8_next(text + i, len - i, &c);
        if (c == '"' || c == '\\')
            wc_buf_printf(out, "\\%c", (char)c);
        else if (c == '\n')
            wc_buf_adds(out, "\\n");
        else if (c == '\t')
            wc_buf_adds(out, "\\t");
        else if (wc_char_hidden(c))
            wc_buf_printf(out, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
        else
            wc_buf_add(out, text + i, n);
        i += n;
    }
    wc_buf_addc(out, '"');
}

static void yaml_string(struct wc_buf *out, const char *text)
{
    if (is_plain(text))
        wc_buf_adds(out, text);
    else
        yaml_quoted(out, text);
}

static void yaml_scalar(struct wc_buf *out, const struct wc_node *node, unsigned how)
{
    if (node->kind == WC_NODE_NULL || node->kind == WC_NODE_BAD) {
        wc_buf_adds(out, "null");
    } else if (node->kind != WC_NODE_STRING) {
        wc_buf_adds(out, node->text);
    } else if ((how & WC_RENDER_DOLLARS) == 0 || strchr(node->text, '$') == NULL) {
        yaml_string(out, node->text);
    } else {
        WC_CLEANUP_BUF struct wc_buf doubled = WC_BUF_INIT;
        double_dollars(&doubled, node->text);
        yaml_string(out, doubled.data);
    }
}

static void yaml_block(struct wc_buf *out, const struct wc_node *node, unsigned how,
                       unsigned indent);

/* What follows "key:" or "-": on the same line for scalars and empty containers. */
static void yaml_value(struct wc_buf *out, const struct wc_node *node, unsigned how,
                       unsigned indent, bool item)
{
    bool container = node->kind == WC_NODE_LIST || node->kind == WC_NODE_MAP;
    if (container && node->n > 0) {
        if (item && node->kind == WC_NODE_MAP) {
            wc_buf_addc(out, ' '); /* the first member stands behind the dash */
        } else {
            wc_buf_addc(out, '\n');
            wc_buf_printf(out, "%*s", (int)indent, "");
        }
        yaml_block(out, node, how, indent);
        return;
    }
    wc_buf_addc(out, ' ');
    if (container)
        wc_buf_adds(out, node->kind == WC_NODE_LIST ? "[]" : "{}");
    else
        yaml_scalar(out, node, how);
    wc_buf_addc(out, '\n');
}

/* A key that may come to more than 1024 characters must be marked as one; the longest escape of a
 * byte has six. */
enum { LONG_KEY = 1024 / 6 };

static void yaml_key(struct wc_buf *out, const char *key, unsigned indent)
{
    bool is_long = strlen(key) >= LONG_KEY;
    if (is_long)
        wc_buf_adds(out, "? ");
    yaml_string(out, key);
    if (is_long)
        wc_buf_printf(out, "\n%*s", (int)indent, "");
    wc_buf_addc(out, ':');
}

/* The cursor stands at the indentation of the first entry. */
static void yaml_block(struct wc_buf *out, const struct wc_node *node, unsigned how,
                       unsigned indent)
{
    const struct wc_member **members = node->kind == WC_NODE_MAP ? ordered(node, how) : NULL;
    for (size_t i = 0; i < node->n; i++) {
        if (i > 0)
            wc_buf_printf(out, "%*s", (int)indent, "");
        if (members == NULL) {
            wc_buf_addc(out, '-');
            yaml_value(out, node->items[i], how, indent + 2, true);
            continue;
        }
        yaml_key(out, members[i]->key, indent);
        yaml_value(out, members[i]->value, how, indent + 2, false);
    }
    wc_free(members);
}

void wc_render_yaml(struct wc_buf *out, const struct wc_node *node, unsigned how)
{
    if (node->n == 0)
        wc_buf_adds(out, "{}\n");
    else
        yaml_block(out, node, how, 0);
}

void wc_spec_render(const struct wc_project *project, enum wc_render_format format,
                    struct wc_buf *out)
{
    const bool written = project->written != NULL;
    const unsigned how = written ? 0 : WC_RENDER_DOLLARS;
    const struct wc_node *tree = written ? project->written : project->tree;
    if (format == WC_RENDER_YAML) {
        wc_render_yaml(out, tree, how);
        return;
    }
    struct wc_jsonw w = WC_JSONW_INIT(out);
    w.indent = 2;
    json_shown(&w, NULL, tree, written ? NULL : &wc_table_project, false, how);
    wc_buf_addc(out, '\n');
}

static void wire_place(struct wc_jsonw *w, struct wc_loc at)
{
    wc_jsonw_str(w, NULL, at.file);
    wc_jsonw_i64(w, NULL, at.line);
    wc_jsonw_i64(w, NULL, at.col);
}

/* Where it was decided, the rules are not seen any more: the host's are in a file of their own. */
static void wire_levels(struct wc_jsonw *w, const struct wc_project *project)
{
    wc_jsonw_object(w, "levels");
    for (size_t i = 0; i < project->n_services; i++) {
        const struct wc_settled *settled = &project->services[i].settled;
        if (settled->level == WC_ISOLATION_DEFAULT)
            continue;
        wc_jsonw_array(w, project->services[i].name);
        wc_jsonw_str(w, NULL, wc_isolation_name(settled->level));
        wc_jsonw_str(w, NULL, settled->code);
        wc_jsonw_str(w, NULL, settled->why);
        wire_place(w, settled->at);
        wc_jsonw_end_array(w);
    }
    wc_jsonw_end_object(w);
}

static void wire_strings(struct wc_jsonw *w, const char *key, const struct wc_strv *list)
{
    wc_jsonw_array(w, key);
    for (size_t i = 0; i < list->n; i++)
        wc_jsonw_str(w, NULL, list->items[i]);
    wc_jsonw_end_array(w);
}

static void wire_vm(struct wc_jsonw *w, const struct wc_vm_options *vm)
{
    wire_place(w, vm->at);
    for (size_t i = 0; i < WC_VM_KEYS; i++)
        wire_place(w, vm->key_at[i]);
}

static void wire_value(void *data, const char *object, const char *value)
{
    wc_jsonw_str(data, object, value);
}

/* Files as they are, encrypted, and marks in the place of what is in them: read back by
 * wc_sealed_read. */
static void wire_sealed(struct wc_jsonw *w, const struct wc_sealed_files *sealed)
{
    wc_jsonw_object(w, "sealed");
    wire_strings(w, "identities", &sealed->identities);
    wc_jsonw_array(w, "files");
    for (size_t i = 0; i < sealed->n; i++) {
        const struct wc_sealed_file *file = &sealed->items[i];
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "path", file->path);
        wc_jsonw_strn(w, "text", file->text, file->len);
        wc_jsonw_str(w, "mark", file->mark);
        wc_jsonw_object(w, "marks");
        for (size_t k = 0; k < file->marks.n; k++)
            wc_jsonw_str(w, file->marks.items[k].key, file->marks.items[k].value);
        wc_jsonw_end_object(w);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
    wc_jsonw_end_object(w);
}

/* What the tree doesn't hold: read back by wc_loaded_read, and by wc_given_settle. */
static void wire_loaded(struct wc_jsonw *w, const struct wc_project *project)
{
    wc_jsonw_object(w, "x-loaded");
    wc_jsonw_str(w, "working_dir", project->working_dir);
    wire_strings(w, "files", &project->files);
    wire_strings(w, "profiles", &project->profiles);
    wire_strings(w, "disabled", &project->disabled);
    wc_jsonw_object(w, "places");
    for (size_t i = 0; i < project->n_services; i++) {
        const struct wc_service *s = &project->services[i];
        wc_jsonw_array(w, s->name);
        wire_place(w, s->at);
        wire_place(w, s->isolation_at);
        wire_place(w, s->trust_at);
        wire_place(w, s->tenant_at);
        if (s->vm.at.line != 0)
            wire_vm(w, &s->vm);
        wc_jsonw_end_array(w);
    }
    wc_jsonw_end_object(w);
    wire_levels(w, project);
    wc_jsonw_object(w, "given");
    wc_given_values(project, wire_value, w);
    wc_jsonw_end_object(w);
    if (project->sealed != NULL)
        wire_sealed(w, project->sealed);
    wc_jsonw_end_object(w);
}

void wc_spec_render_wire(const struct wc_project *project, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    w.long_key = LONG_KEY;
    wc_jsonw_object(&w, NULL);
    json_map(&w, project->tree, WC_RENDER_IN_ORDER, NULL);
    wire_loaded(&w, project);
    wc_jsonw_end_object(&w);
}
