/* main.c - a program that uses libwcompose: says what is wrong with the Compose files of a
 * directory, then how its services would start and why each runs as isolated as it does.
 *
 *     cc main.c $(pkg-config --cflags --libs wcompose) -o compose-report
 *     ./compose-report /path/to/app
 */
#include <stdio.h>
#include <stdlib.h>

#include <wcompose/wcompose.h>

extern char **environ;

static void print_finding(const struct wcompose_project *project,
                          const struct wcompose_finding *finding)
{
    size_t len;
    const char *line = wcompose_source_line(project, finding->at.file, finding->at.line, &len);
    printf("%s: %s: %s\n", finding->severity == WCOMPOSE_ERROR ? "error" : "warning", finding->code,
           finding->message);
    if (finding->at.line != 0)
        printf("  at %s:%u:%u\n", finding->at.file, finding->at.line, finding->at.col);
    if (line != NULL)
        printf("  | %.*s\n", (int)len, line);
    if (finding->hint != NULL)
        printf("  %s\n", finding->hint);
}

static void print_findings(const struct wcompose_project *project)
{
    for (size_t i = 0; i < wcompose_n_findings(project); i++)
        print_finding(project, wcompose_finding(project, i));
}

static void print_plan(const struct wcompose_project *project)
{
    printf("%s\n", wcompose_name(project));
    for (size_t i = 0; i < wcompose_n_planned(project); i++) {
        const struct wcompose_planned *planned = wcompose_planned(project, i);
        printf("%u  %s  %s, because %s\n", planned->wave, planned->service, planned->isolation,
               planned->why);
    }
}

int main(int argc, char **argv)
{
    char *cwd = realpath(argc > 1 ? argv[1] : ".", NULL);
    struct wcompose_options options = { .size = sizeof options,
                                        .cwd = cwd,
                                        .environ = (const char *const *)environ };
    struct wcompose_host host = { .size = sizeof host, .hyperv = true };
    struct wcompose_project *project = NULL;
    int status = wcompose_load(&options, &project);
    if (status == WCOMPOSE_OK)
        status = wcompose_plan(project, &host);
    if (project != NULL)
        print_findings(project);
    if (status == WCOMPOSE_OK)
        print_plan(project);
    wcompose_free(project);
    free(cwd);
    return status == WCOMPOSE_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
