/* plan_hosts.c - one proof a service and host, laid out as a table; what isn't in a cell's two
 * words stands below it, once.
 */
#include "cli/plan_hosts.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/host_facts.h"
#include "cli/proof_text.h"
#include "cli/style.h"
#include "cli/table.h"
#include "wcompose/image.h"
#include "wcompose/plan.h"
#include "wcompose/state.h"

struct sheet {
    struct wc_cli *cli;
    const struct wc_project *project;
    const struct wc_host_facts *hosts;
    size_t n_hosts;
    struct wc_image_facts *images;       /* by service */
    struct wc_isolation_choice *choices; /* by service, then host */
    struct wc_strv notes;
};

static struct wc_isolation_choice *at(const struct sheet *sheet, size_t service, size_t host)
{
    return &sheet->choices[service * sheet->n_hosts + host];
}

/* ---- facts ---- */

static void take_version(struct wc_image_facts *out, const char *version)
{
    if (version != NULL)
        (void)wc_windows_version_parse(version, &out->build, &out->revision);
}

/* The store knows best; then the file's own word for it; then the platform it is asked for. */
static struct wc_image_facts image_of(struct sheet *sheet, struct wc_image_store *store,
                                      const struct wc_service *s)
{
    struct wc_arena *arena = sheet->cli->arena;
    struct wc_image_facts out = { .has_uvm = WC_TRI_UNSET };
    struct wc_image_info info;
    struct wc_err unknown = { 0 };
    if (store != NULL && s->image != NULL &&
        wc_image_resolve_for(store, s->image, s->platform, arena, &info, &unknown) == 0) {
        out.os_name = info.os;
        out.architecture = info.architecture;
        out.from = "image store";
        take_version(&out, info.os_version);
    } else if (s->image_hint.os != NULL) {
        out.os_name = s->image_hint.os;
        out.architecture = s->image_hint.architecture;
        out.from = "file (x-wcompose.image)";
        take_version(&out, s->image_hint.os_version);
    } else if (s->platform != NULL && s->platform[0] != '\0') {
        const char *slash = strchr(s->platform, '/');
        size_t len = slash != NULL ? (size_t)(slash - s->platform) : strlen(s->platform);
        out.os_name = wc_arena_strndup(arena, s->platform, len);
        out.architecture =
            slash == NULL ? NULL : wc_arena_strndup(arena, slash + 1, strcspn(slash + 1, "/"));
        out.from = "file (platform)";
    }
    out.os = wc_os_parse(out.os_name);
    return out;
}

/* Instances with a kernel of their own add up on a host: a licence may not cover all. */
static void prove_all(struct sheet *sheet)
{
    const struct wc_project *project = sheet->project;
    for (size_t h = 0; h < sheet->n_hosts; h++) {
        struct wc_host_facts host = sheet->hosts[h];
        for (size_t i = 0; i < project->n_services; i++) {
            const struct wc_service *s = &project->services[i];
            if (s->replicas > 1) /* the last of them */
                host.n_hyperv += (unsigned)s->replicas - 1;
            const struct wc_proof_in in = {
                .project = project, .service = s, .host = &host, .image = &sheet->images[i]
            };
            wc_plan_prove(&in, sheet->cli->arena, at(sheet, i, h));
            if (at(sheet, i, h)->level == WC_ISOLATION_HYPERV)
                host.n_hyperv += s->replicas > 0 ? 1 : 0;
            else if (s->replicas > 1)
                host.n_hyperv -= (unsigned)s->replicas - 1;
        }
    }
}

static int gather(struct sheet *sheet)
{
    struct wc_cli *cli = sheet->cli;
    struct wc_paths paths;
    struct wc_err unknown = { 0 };
    struct wc_image_store *store = NULL;
    size_t n = sheet->project->n_services;
    int status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    if (wc_image_store_open(paths.images, &store, &unknown) != 0)
        store = NULL; /* the file may know */
    sheet->images = WC_NEW_ARRAY(cli->arena, struct wc_image_facts, n + 1);
    sheet->choices = WC_NEW_ARRAY(cli->arena, struct wc_isolation_choice, n * sheet->n_hosts + 1);
    for (size_t i = 0; i < n; i++)
        sheet->images[i] = image_of(sheet, store, &sheet->project->services[i]);
    if (store != NULL)
        wc_image_store_close(store);
    prove_all(sheet);
    return 0;
}

static bool is_unknown(const struct wc_isolation_choice *choice)
{
    return wc_streq(choice->code, "image_unknown");
}

/* ---- text ---- */

/* " (2)": a note's number. */
static const char *note(struct sheet *sheet, const char *text)
{
    size_t i = 0;
    while (i < sheet->notes.n && !wc_streq(sheet->notes.items[i], text))
        i++;
    if (i == sheet->notes.n)
        wc_strv_add(sheet->cli->arena, &sheet->notes, text);
    return wc_arena_printf(sheet->cli->arena, " (%zu)", i + 1);
}

static const char *cell(struct sheet *sheet, const struct wc_isolation_choice *choice)
{
    const struct wc_style *style = &sheet->cli->out;
    struct wc_arena *arena = sheet->cli->arena;
    bool hyperv = choice->level == WC_ISOLATION_HYPERV;
    if (is_unknown(choice))
        return wc_arena_printf(arena, "? unknown%s",
                               note(sheet, "nothing is known of the image: load it, or say what it "
                                           "is with x-wcompose: {image: {os: windows, os_version: "
                                           "10.0.20348}}"));
    if (choice->level == WC_ISOLATION_DEFAULT)
        return wc_arena_printf(arena, "%s %s", wc_style_mark(style, WC_MARK_FAILED), choice->code);
    const char *text = wc_arena_printf(
        arena, "%s %s", wc_style_mark(style, hyperv ? WC_MARK_HYPERV : WC_MARK_PROCESS),
        wc_isolation_name(choice->level));
    if (wc_streq(choice->code, "raised") || wc_streq(choice->code, "trusted"))
        text = wc_arena_printf(arena, "%s%s", text, note(sheet, choice->why));
    for (size_t i = 0; i < choice->n_remarks; i++)
        if (!wc_streq(choice->remarks[i].code, "raised"))
            text = wc_arena_printf(arena, "%s%s", text, note(sheet, choice->remarks[i].text));
    return text;
}

static const char *image_cell(const struct sheet *sheet, const struct wc_image_facts *image)
{
    if (image->os == WC_OS_UNKNOWN)
        return "?";
    if (image->build == 0)
        return image->os_name;
    return wc_arena_printf(sheet->cli->arena, "%s %u", image->os_name, image->build);
}

static void format_text(struct sheet *sheet, struct wc_buf *out)
{
    struct wc_arena *arena = sheet->cli->arena;
    const char **cells = WC_NEW_ARRAY(arena, const char *, sheet->n_hosts + 2);
    const char **headings = WC_NEW_ARRAY(arena, const char *, sheet->n_hosts + 2);
    headings[0] = "service";
    headings[1] = "image";
    for (size_t h = 0; h < sheet->n_hosts; h++)
        headings[h + 2] = sheet->hosts[h].name;
    struct wc_table *table = wc_table_new(arena, headings, sheet->n_hosts + 2);
    for (size_t i = 0; i < sheet->project->n_services; i++) {
        cells[0] = sheet->project->services[i].name;
        cells[1] = image_cell(sheet, &sheet->images[i]);
        for (size_t h = 0; h < sheet->n_hosts; h++)
            cells[h + 2] = cell(sheet, at(sheet, i, h));
        wc_table_row(table, cells);
    }
    wc_table_format(table, out);
    for (size_t i = 0; i < sheet->notes.n; i++)
        wc_buf_printf(out, "(%zu) %s\n", i + 1, sheet->notes.items[i]);
}

/* ---- JSON ---- */

static void json_image(const struct wc_image_facts *image, struct wc_jsonw *w)
{
    wc_jsonw_object(w, "image");
    wc_jsonw_str(w, "os", image->os_name);
    if (image->build != 0)
        wc_jsonw_i64(w, "build", image->build);
    wc_jsonw_str(w, "architecture", image->architecture);
    wc_jsonw_str(w, "from", image->from);
    wc_jsonw_end_object(w);
}

static void format_json(const struct sheet *sheet, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    w.indent = 2;
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "project", sheet->project->name);
    wc_jsonw_array(&w, "services");
    for (size_t i = 0; i < sheet->project->n_services; i++) {
        wc_jsonw_object(&w, NULL);
        wc_jsonw_str(&w, "service", sheet->project->services[i].name);
        json_image(&sheet->images[i], &w);
        wc_jsonw_object(&w, "hosts");
        for (size_t h = 0; h < sheet->n_hosts; h++)
            wc_proof_json(sheet->hosts[h].name, at(sheet, i, h), &w);
        wc_jsonw_end_object(&w);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

/* Each refusal at the line that demands what can't be had. 0 or WC_EXIT_ISOLATION. */
static int report(const struct sheet *sheet)
{
    struct wc_diags diags;
    wc_diags_init(&diags, sheet->cli->arena);
    diags.sources = sheet->cli->sources;
    for (size_t i = 0; i < sheet->project->n_services; i++)
        for (size_t h = 0; h < sheet->n_hosts; h++) {
            const struct wc_service *s = &sheet->project->services[i];
            const struct wc_isolation_choice *choice = at(sheet, i, h);
            if (choice->level == WC_ISOLATION_DEFAULT && !is_unknown(choice))
                wc_diags_add(
                    &diags, WC_SEVERITY_ERROR, "E401", choice->at.line != 0 ? choice->at : s->at,
                    "service '%s' can't run on %s: %s", s->name, sheet->hosts[h].name, choice->why);
        }
    wc_diags_sort(&diags);
    if (diags.n > 0)
        wc_cli_diags(sheet->cli, &diags);
    return diags.n > 0 ? WC_EXIT_ISOLATION : WC_EXIT_OK;
}

int wc_cli_plan_hosts(struct wc_cli *cli)
{
    struct sheet sheet = { .cli = cli };
    int status = wc_cli_hosts(cli, &sheet.hosts, &sheet.n_hosts);
    struct wc_cli_load what = { .services = cli->words,
                                .n_services = cli->n_words,
                                .no_deps = wc_cli_flag(cli, "no-deps"),
                                .is_elsewhere = true };
    if (status == 0)
        status = wc_cli_load(cli, &what, cli->arena, &sheet.project);
    if (status == 0)
        status = gather(&sheet);
    if (status != 0)
        return status;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (cli->json)
        format_json(&sheet, &out);
    else
        format_text(&sheet, &out);
    fwrite(out.data, 1, out.len, stdout);
    fflush(stdout);
    return report(&sheet);
}
