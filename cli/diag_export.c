/* diag_export.c - GitHub annotations and SARIF.
 *
 * Both count columns in code points, as we do. GitHub's commands are lines on stdout, so what a
 * file holds must not be able to begin one: line ends and '%' are escaped as its runner undoes it,
 * and in properties ':' and ',' as well.
 */
#include "cli/diag_export.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/diag_render.h"
#include "cli/table.h"
#include "wcompose/spec.h"

static void github_escape(struct wc_buf *out, const char *text, bool property)
{
    WC_CLEANUP_BUF struct wc_buf safe = WC_BUF_INIT;
    wc_text_add_safe(&safe, text, strlen(text)); /* line ends become '?' already */
    for (const char *p = safe.data; *p != '\0'; p++) {
        if (*p == '%' || (property && (*p == ':' || *p == ',')))
            wc_buf_printf(out, "%%%02X", (unsigned)*p);
        else
            wc_buf_addc(out, *p);
    }
}

static void github_line(const struct wc_diag *diag, const char *cwd, struct wc_buf *out)
{
    wc_buf_printf(out, "::%s ", diag->severity == WC_SEVERITY_ERROR ? "error" : "warning");
    if (diag->at.file != NULL && !wc_streq(diag->at.file, "-")) {
        wc_buf_adds(out, "file=");
        github_escape(out, wc_path_shown(diag->at.file, cwd), true);
        if (diag->at.line > 0)
            wc_buf_printf(out, ",line=%u,endLine=%u,col=%u,endColumn=%u", diag->at.line,
                          diag->at.line, diag->at.col, diag->at.col + diag->span);
        wc_buf_addc(out, ',');
    }
    wc_buf_printf(out, "title=%s::", diag->code != NULL ? diag->code : "wcompose");
    github_escape(out, diag->msg, false);
    if (diag->hint != NULL) {
        wc_buf_adds(out, "%0Ahelp: ");
        github_escape(out, diag->hint, false);
    }
    if (diag->related.file != NULL && diag->related_label != NULL) {
        wc_buf_adds(out, "%0A");
        github_escape(out, wc_path_shown(diag->related.file, cwd), false);
        wc_buf_printf(out, ":%u:%u: ", diag->related.line, diag->related.col);
        github_escape(out, diag->related_label, false);
    }
    wc_buf_addc(out, '\n');
}

void wc_diags_format_github(const struct wc_diags *diags, const char *cwd, struct wc_buf *out)
{
    for (size_t i = 0; i < diags->n; i++)
        github_line(&diags->items[i], cwd, out);
}

/* {"text": …} under a key. */
static void sarif_text(struct wc_jsonw *w, const char *key, const char *text)
{
    wc_jsonw_object(w, key);
    wc_jsonw_str(w, "text", text);
    wc_jsonw_end_object(w);
}

static const char *level(bool is_error)
{
    return is_error ? "error" : "warning";
}

static void sarif_rules(struct wc_jsonw *w)
{
    const struct wc_code_info *info;
    wc_jsonw_array(w, "rules");
    for (size_t i = 0; (info = wc_spec_code_info(i)) != NULL; i++) {
        WC_CLEANUP_BUF struct wc_buf help = WC_BUF_INIT;
        wc_buf_printf(&help, "%s\n\nExample: %s", info->meaning, info->example);
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "id", info->code);
        sarif_text(w, "shortDescription", info->title);
        sarif_text(w, "fullDescription", info->meaning);
        sarif_text(w, "help", help.data);
        wc_jsonw_object(w, "defaultConfiguration");
        wc_jsonw_str(w, "level", level(info->code[0] == 'E'));
        wc_jsonw_end_object(w);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

/* RFC 3986: relative to the base that %SRCROOT% stands for, else a file: URI. */
static void sarif_artifact(struct wc_jsonw *w, const char *file, const char *cwd)
{
    WC_CLEANUP_BUF struct wc_buf uri = WC_BUF_INIT;
    const char *shown = wc_streq(file, "-") ? "stdin" : wc_path_shown(file, cwd);
    if (shown[0] == '/')
        wc_buf_adds(&uri, "file://");
    for (const char *p = shown; *p != '\0'; p++) {
        if (wc_ascii_isalnum(*p) || strchr("-._~/", *p) != NULL)
            wc_buf_addc(&uri, *p);
        else
            wc_buf_printf(&uri, "%%%02X", (unsigned)(unsigned char)*p);
    }
    wc_jsonw_object(w, "artifactLocation");
    wc_jsonw_str(w, "uri", uri.data);
    if (shown[0] != '/')
        wc_jsonw_str(w, "uriBaseId", "%SRCROOT%");
    wc_jsonw_end_object(w);
}

static void sarif_location(struct wc_jsonw *w, const struct wc_loc *at, unsigned span,
                           const char *label, const char *cwd)
{
    wc_jsonw_array(w, label != NULL ? "relatedLocations" : "locations");
    wc_jsonw_object(w, NULL);
    wc_jsonw_object(w, "physicalLocation");
    sarif_artifact(w, at->file, cwd);
    if (at->line > 0) {
        wc_jsonw_object(w, "region");
        wc_jsonw_i64(w, "startLine", at->line);
        wc_jsonw_i64(w, "startColumn", at->col > 0 ? at->col : 1);
        wc_jsonw_i64(w, "endColumn", (int64_t)(at->col > 0 ? at->col : 1) + span);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_object(w);
    if (label != NULL)
        sarif_text(w, "message", label);
    wc_jsonw_end_object(w);
    wc_jsonw_end_array(w);
}

static int64_t rule_index(const char *code)
{
    const struct wc_code_info *info;
    for (size_t i = 0; (info = wc_spec_code_info(i)) != NULL; i++)
        if (wc_streq(info->code, code))
            return (int64_t)i;
    return -1;
}

static void sarif_result(struct wc_jsonw *w, const struct wc_diag *diag, const char *cwd)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    int64_t rule = diag->code != NULL ? rule_index(diag->code) : -1;
    wc_buf_printf(&text, "%s%s%s", diag->msg, diag->hint != NULL ? " - help: " : "",
                  diag->hint != NULL ? diag->hint : "");
    wc_jsonw_object(w, NULL);
    if (rule >= 0) {
        wc_jsonw_str(w, "ruleId", diag->code);
        wc_jsonw_i64(w, "ruleIndex", rule);
    }
    wc_jsonw_str(w, "level", level(diag->severity == WC_SEVERITY_ERROR));
    sarif_text(w, "message", text.data);
    if (diag->at.file != NULL)
        sarif_location(w, &diag->at, diag->span, NULL, cwd);
    if (diag->related.file != NULL)
        sarif_location(w, &diag->related, diag->related_span > 0 ? diag->related_span : 1,
                       diag->related_label != NULL ? diag->related_label : "see here", cwd);
    wc_jsonw_end_object(w);
}

void wc_diags_format_sarif(const struct wc_diags *diags, const char *cwd, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_str(&w, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    wc_jsonw_str(&w, "version", "2.1.0");
    wc_jsonw_array(&w, "runs");
    wc_jsonw_object(&w, NULL);
    wc_jsonw_object(&w, "tool");
    wc_jsonw_object(&w, "driver");
    wc_jsonw_str(&w, "name", "wcompose");
    wc_jsonw_str(&w, "version", WC_VERSION);
    sarif_rules(&w);
    wc_jsonw_end_object(&w);
    wc_jsonw_end_object(&w);
    wc_jsonw_str(&w, "columnKind", "unicodeCodePoints");
    wc_jsonw_array(&w, "results");
    for (size_t i = 0; i < diags->n; i++)
        sarif_result(&w, &diags->items[i], cwd);
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}
