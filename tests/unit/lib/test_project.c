/* test_project.c - libwcompose from the inside: files from memory, older structs, findings of a
 * load and of a plan. tools/check_library.py looks at it from the outside. */
// LINK: wc_lib wc_spec wc_core
#include "harness/wc_test.h"

#include <errno.h>
#include <string.h>

#include "wcompose/wcompose.h"

/* Two files of a project that is nowhere on disk. */
static const char *const main_file = "services:\n"
                                     "  web: {image: nginx, depends_on: [db], env_file: web.env}\n"
                                     "  db: {image: postgres, isolation: hyperv, scale: 2}\n";
static const char *const env_file = "COLOUR=blue\n";

static const char *text_of(void *data, const char *path)
{
    if (strcmp(path, "/app/compose.yaml") == 0)
        return data != NULL ? data : main_file;
    return strcmp(path, "/app/web.env") == 0 ? env_file : NULL;
}

static int read_text(void *data, const char *path, const char **bytes, size_t *len)
{
    *bytes = text_of(data, path);
    *len = *bytes == NULL ? 0 : strlen(*bytes);
    return *bytes == NULL ? ENOENT : 0;
}

static bool text_exists(void *data, const char *path)
{
    return text_of(data, path) != NULL;
}

static int load(const char *text, struct wcompose_project **out)
{
    struct wcompose_files from = { read_text, text_exists, (void *)(uintptr_t)text };
    struct wcompose_options options = { .size = sizeof options, .cwd = "/app", .from = &from };
    return wcompose_load(&options, out);
}

static void loads_from_memory(void **state)
{
    (void)state;
    struct wcompose_project *project = NULL;
    assert_int_equal(load(NULL, &project), WCOMPOSE_OK);
    assert_int_equal(wcompose_n_findings(project), 0);
    assert_null(wcompose_finding(project, 0));
    assert_string_equal(wcompose_name(project), "app");
    assert_non_null(strstr(wcompose_render(project, WCOMPOSE_YAML), "COLOUR: blue"));
    assert_non_null(strstr(wcompose_render(project, WCOMPOSE_JSON), "\"COLOUR\": \"blue\""));
    wcompose_free(project);
}

static void plans_in_waves(void **state)
{
    (void)state;
    struct wcompose_project *project = NULL;
    struct wcompose_host host = { .size = sizeof host, .hyperv = true };
    assert_int_equal(load(NULL, &project), WCOMPOSE_OK);
    assert_int_equal(wcompose_plan(project, &host), WCOMPOSE_OK);
    assert_int_equal(wcompose_n_planned(project), 2);
    const struct wcompose_planned *db = wcompose_planned(project, 0);
    assert_string_equal(db->service, "db");
    assert_string_equal(db->isolation, "hyperv");
    assert_int_equal(db->at.line, 3);
    assert_int_equal(db->replicas, 2);
    assert_int_equal(strlen(db->spec_hash), 64);
    assert_int_equal(wcompose_planned(project, 1)->wave, 2);
    assert_null(wcompose_planned(project, 2));
    wcompose_free(project);
}

static void refuses_what_a_host_cannot_give(void **state)
{
    (void)state;
    struct wcompose_project *project = NULL;
    struct wcompose_host host = { .size = sizeof host, .hyperv_why = "no KVM" };
    assert_int_equal(load(NULL, &project), WCOMPOSE_OK);
    assert_int_equal(wcompose_plan(project, &host), WCOMPOSE_REFUSED);
    assert_int_equal(wcompose_n_planned(project), 0);
    const struct wcompose_finding *finding = wcompose_finding(project, 0);
    assert_string_equal(finding->code, "E401");
    assert_non_null(strstr(finding->message, "no KVM"));
    wcompose_free(project);
}

static void findings_have_places_and_lines(void **state)
{
    (void)state;
    struct wcompose_project *project = NULL;
    size_t len;
    assert_int_equal(load("services:\n  web: {imag: nginx}\n", &project), WCOMPOSE_INVALID);
    assert_true(wcompose_n_findings(project) >= 1);
    const struct wcompose_finding *finding = wcompose_finding(project, 0);
    while (finding != NULL && strcmp(finding->code, "E100") != 0)
        finding++;
    assert_int_equal(finding->severity, WCOMPOSE_ERROR);
    assert_string_equal(finding->at.file, "compose.yaml");
    assert_int_equal(finding->at.line, 2);
    assert_int_equal(finding->at.col, 9);
    assert_non_null(strstr(finding->hint, "image"));
    const char *line = wcompose_source_line(project, finding->at.file, 2, &len);
    assert_memory_equal(line, "  web: {imag: nginx}", len);
    assert_null(wcompose_render(project, WCOMPOSE_YAML));
    assert_null(wcompose_name(project));
    assert_int_equal(wcompose_plan(project, NULL), WCOMPOSE_INVALID);
    wcompose_free(project);
}

static void no_file_is_a_finding(void **state)
{
    (void)state;
    struct wcompose_files from = { read_text, text_exists, NULL };
    struct wcompose_options options = { .size = sizeof options, .cwd = "/other", .from = &from };
    struct wcompose_project *project = NULL;
    assert_int_equal(wcompose_load(&options, &project), WCOMPOSE_MISSING);
    assert_int_equal(wcompose_n_findings(project), 1);
    wcompose_free(project);
}

static void unusable_options_touch_nothing(void **state)
{
    (void)state;
    struct wcompose_project *project = NULL;
    struct wcompose_options options = { .size = sizeof options, .cwd = "relative" };
    assert_int_equal(wcompose_load(&options, &project), WCOMPOSE_USAGE);
    options = (struct wcompose_options){ .cwd = "/app" };
    assert_int_equal(wcompose_load(&options, &project), WCOMPOSE_USAGE);
    assert_int_equal(wcompose_load(NULL, &project), WCOMPOSE_USAGE);
    assert_null(project);
    wcompose_free(NULL);
}

/* A program that was built when the struct ended after project_directory. */
static void shorter_options_are_taken(void **state)
{
    (void)state;
    struct wcompose_project *project = NULL;
    struct wcompose_options options = { .size = offsetof(struct wcompose_options, from),
                                        .cwd = "/nonexistent",
                                        .from = (const void *)1 };
    assert_int_equal(wcompose_load(&options, &project), WCOMPOSE_MISSING);
    wcompose_free(project);
}

WC_MAIN(WC_CASE(loads_from_memory), WC_CASE(plans_in_waves),
        WC_CASE(refuses_what_a_host_cannot_give), WC_CASE(findings_have_places_and_lines),
        WC_CASE(no_file_is_a_finding), WC_CASE(unusable_options_touch_nothing),
        WC_CASE(shorter_options_are_taken))
