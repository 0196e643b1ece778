/* config_lists.c - config --services, --images, --hash …: sorted, so that the output is the same
 * each time (docker compose prints some of them in a random order).
 */
#include "cli/config_lists.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/table.h"
#include "wcompose/spec.h"

/* Names, sorted when they are printed. */
struct names {
    struct wc_arena *arena;
    struct wc_strv list;
};

static void add_name(struct names *names, const char *name)
{
    wc_strv_add(names->arena, &names->list, name);
}

typedef void collect_fn(const struct wc_project *project, struct names *names);

static void collect_services(const struct wc_project *project, struct names *names)
{
    for (size_t i = 0; i < project->n_services; i++)
        add_name(names, project->services[i].name);
}

/* With --no-interpolate no profile is applied. */
static void collect_all_services(const struct wc_project *project, struct names *names)
{
    collect_services(project, names);
    for (size_t i = 0; i < project->disabled.n; i++)
        add_name(names, project->disabled.items[i]);
}

static void collect_volumes(const struct wc_project *project, struct names *names)
{
    for (size_t i = 0; i < project->n_volumes; i++)
        if (project->volumes[i].used)
            add_name(names, project->volumes[i].key);
}

static void collect_networks(const struct wc_project *project, struct names *names)
{
    for (size_t i = 0; i < project->n_networks; i++)
        if (project->networks[i].used)
            add_name(names, project->networks[i].key);
}

static void collect_models(const struct wc_project *project, struct names *names)
{
    wc_spec_models(project, names->arena, &names->list);
}

/* One a service; what is only built is called after project and service. */
static void collect_images(const struct wc_project *project, struct names *names)
{
    for (size_t i = 0; i < project->n_services; i++) {
        const struct wc_service *s = &project->services[i];
        bool given = s->image != NULL && s->image[0] != '\0';
        add_name(names,
                 given ? s->image : wc_arena_printf(names->arena, "%s-%s", project->name, s->name));
    }
}

static void collect_profiles(const struct wc_project *project, struct names *names)
{
    for (size_t i = 0; i < project->n_services; i++) {
        const struct wc_strv *profiles = &project->services[i].profiles;
        for (size_t k = 0; k < profiles->n; k++)
            if (!wc_strv_has(&names->list, profiles->items[k]))
                add_name(names, profiles->items[k]);
    }
}

/* The variables by which ${…} is replaced. */
static void collect_environment(const struct wc_project *project, struct names *names)
{
    for (size_t i = 0; i < project->variables.n; i++) {
        const struct wc_kv *kv = &project->variables.items[i];
        add_name(names, wc_arena_printf(names->arena, "%s=%s", kv->key,
                                        kv->value != NULL ? kv->value : ""));
    }
}

/* To a terminal without what it would obey, else byte for byte. */
static void add_line(const struct wc_cli *cli, const char *text, struct wc_buf *out)
{
    if (cli->out.tty)
        wc_text_add_safe(out, text, strlen(text));
    else
        wc_buf_adds(out, text);
    wc_buf_addc(out, '\n');
}

static int format_names(const struct wc_cli *cli, const struct wc_project *project,
                        collect_fn *collect, struct wc_buf *out)
{
    struct names names = { .arena = cli->arena };
    bool json = wc_cli_flag(cli, "json");
    struct wc_jsonw w = WC_JSONW_INIT(out);
    collect(project, &names);
    if (names.list.n > 1)
        qsort(names.list.items, names.list.n, sizeof *names.list.items, wc_str_qsort_cmp);
    if (json)
        wc_jsonw_array(&w, NULL);
    for (size_t i = 0; i < names.list.n; i++) {
        if (json)
            wc_jsonw_str(&w, NULL, names.list.items[i]);
        else
            add_line(cli, names.list.items[i], out);
    }
    if (json) {
        wc_jsonw_end_array(&w);
        wc_buf_addc(out, '\n');
    }
    return 0;
}

/* "a,b" or "*", in order of name. */
static int format_hashes(const struct wc_cli *cli, const struct wc_project *project,
                         const char *which, struct wc_buf *out)
{
    struct names names = { .arena = cli->arena };
    if (wc_streq(which, "*"))
        collect_services(project, &names);
    for (const char *at = which; !wc_streq(which, "*") && *at != '\0';) {
        size_t len = strcspn(at, ",");
        add_name(&names, wc_arena_strndup(cli->arena, at, len));
        at += at[len] == ',' ? len + 1 : len;
    }
    if (names.list.n > 1)
        qsort(names.list.items, names.list.n, sizeof *names.list.items, wc_str_qsort_cmp);
    int status = wc_cli_check_services(cli, project, names.list.items, names.list.n);
    for (size_t i = 0; status == 0 && i < names.list.n; i++) {
        const struct wc_service *service = wc_project_service(project, names.list.items[i]);
        wc_buf_printf(out, "%s %s\n", service->name, service->spec_hash);
    }
    return status;
}

/* Members have the names that docker compose gives them, which are not alike in the two forms. */
static void variables_json(const struct wc_spec_variable *found, size_t n, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    w.indent = 4;
    wc_jsonw_object(&w, NULL);
    for (size_t i = 0; i < n; i++) {
        wc_jsonw_object(&w, found[i].name);
        wc_jsonw_str(&w, "Name", found[i].name);
        wc_jsonw_str(&w, "DefaultValue", found[i].fallback);
        wc_jsonw_str(&w, "PresenceValue", found[i].alternate);
        wc_jsonw_bool(&w, "Required", found[i].required);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

static void add_quoted(struct wc_buf *out, const char *key, const char *text)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_buf_printf(out, "    %s: ", key);
    wc_jsonw_str(&w, NULL, text); /* what JSON quotes, YAML reads */
    wc_buf_addc(out, '\n');
}

static void variables_yaml(const struct wc_spec_variable *found, size_t n, struct wc_buf *out)
{
    if (n == 0)
        wc_buf_adds(out, "{}\n");
    for (size_t i = 0; i < n; i++) {
        wc_buf_printf(out, "\"%s\":\n", found[i].name);
        add_quoted(out, "name", found[i].name);
        add_quoted(out, "defaultvalue", found[i].fallback);
        add_quoted(out, "presencevalue", found[i].alternate);
        wc_buf_printf(out, "    required: %s\n", found[i].required ? "true" : "false");
    }
}

enum { COLUMNS = 4, LEAST = 20, GAP = 3 };

/* Text of a column; row 0 is the heading. */
static const char *cell(const struct wc_spec_variable *found, size_t row, size_t column)
{
    static const char *const head[COLUMNS] = { "NAME", "REQUIRED", "DEFAULT VALUE",
                                               "ALTERNATE VALUE" };
    if (row == 0)
        return head[column];
    const struct wc_spec_variable *v = &found[row - 1];
    const char *const cells[COLUMNS] = { v->name, v->required ? "true" : "false", v->fallback,
                                         v->alternate };
    return cells[column];
}

/* Columns as wide as docker compose makes them. */
static void variables_table(const struct wc_cli *cli, const struct wc_spec_variable *found,
                            size_t n, struct wc_buf *out)
{
    size_t width[COLUMNS] = { LEAST, LEAST, LEAST, 0 };
    for (size_t row = 0; row <= n; row++)
        for (size_t i = 0; i + 1 < COLUMNS; i++) {
            const char *text = cell(found, row, i);
            size_t wide = wc_text_width(text, strlen(text)) + GAP;
            width[i] = wide > width[i] ? wide : width[i];
        }
    for (size_t row = 0; row <= n; row++) {
        WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
        for (size_t i = 0; i < COLUMNS; i++) {
            const char *text = cell(found, row, i);
            size_t wide = wc_text_width(text, strlen(text));
            wc_buf_adds(&line, text);
            wc_buf_printf(&line, "%*s", (int)(width[i] > wide ? width[i] - wide : 0), "");
        }
        add_line(cli, line.data, out);
    }
}

static int format_variables(const struct wc_cli *cli, const struct wc_project *project,
                            struct wc_buf *out)
{
    struct wc_spec_variable *found;
    size_t n = wc_spec_variables(project, cli->arena, &found);
    const char *form = wc_cli_text(cli, "format");
    if (cli->json)
        variables_json(found, n, out);
    else if (form != NULL && wc_streq(form, "yaml"))
        variables_yaml(found, n, out);
    else
        variables_table(cli, found, n, out);
    return 0;
}

bool wc_config_selects(const struct wc_cli *cli)
{
    static const char *const whole[] = { "services", "volumes",   "networks",      "profiles",
                                         "models",   "variables", "no-interpolate" };
    for (size_t i = 0; i < WC_COUNT(whole); i++)
        if (wc_cli_flag(cli, whole[i]))
            return false;
    return wc_cli_text(cli, "hash") == NULL;
}

int wc_config_list(const struct wc_cli *cli, const struct wc_project *project, struct wc_buf *out)
{
    static const struct {
        const char *option;
        collect_fn *collect;
    } before[] = { { "services", collect_services },
                   { "volumes", collect_volumes },
                   { "networks", collect_networks },
                   { "models", collect_models } },
      behind[] = { { "profiles", collect_profiles }, { "images", collect_images } };
    const char *hash = wc_cli_text(cli, "hash");
    if (wc_cli_flag(cli, "services") && wc_cli_flag(cli, "no-interpolate"))
        return format_names(cli, project, collect_all_services, out);
    for (size_t i = 0; i < WC_COUNT(before); i++)
        if (wc_cli_flag(cli, before[i].option))
            return format_names(cli, project, before[i].collect, out);
    if (hash != NULL && hash[0] != '\0')
        return format_hashes(cli, project, hash, out);
    for (size_t i = 0; i < WC_COUNT(behind); i++)
        if (wc_cli_flag(cli, behind[i].option))
            return format_names(cli, project, behind[i].collect, out);
    if (wc_cli_flag(cli, "variables"))
        return format_variables(cli, project, out);
    if (wc_cli_flag(cli, "environment"))
        return format_names(cli, project, collect_environment, out);
    return WC_CONFIG_NO_LIST;
}
