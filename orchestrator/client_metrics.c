/* client_metrics.c - the supervisor's numbers: one question, one answer. */
#include "orchestrator/client_priv.h"

#include <string.h>

#include "base/arena.h"
#include "base/json.h"

static int read_answer(const char *line, size_t len, struct wc_arena *arena, const char **text,
                       struct wc_err *err)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    int rc = wc_json_parse(line, len, &root, err);
    if (rc != 0)
        return rc;
    int code = (int)wc_json_i64(wc_json_get(root, "code"), 0);
    if (code != 0) /* one of an older version knows no such verb */
        return wc_err_set(err, code, 0, "%s", wc_json_str(wc_json_get(root, "error"), "refused"));
    const char *answer = wc_json_str(wc_json_get(root, "text"), NULL);
    if (answer == NULL)
        return wc_err_set(err, WC_ERR_SPEC, 0, "the supervisor's answer has no text");
    *text = wc_arena_strdup(arena, answer);
    return 0;
}

static int ask(struct wc_client *client, struct wc_arena *arena, const char **text,
               struct wc_err *err)
{
    static const char request[] = "{\"v\":1,\"id\":1,\"verb\":\"metrics\"}\n";
    size_t len;
    const char *line;
    int rc = wc_client_ask(client, request, &line, &len, err);
    return line == NULL ? rc : read_answer(line, len, arena, text, err);
}

int wc_client_metrics(const struct wc_paths *paths, const char *project, struct wc_arena *arena,
                      const char **text, struct wc_err *err)
{
    struct wc_client *client;
    int rc = wc_client_open(paths, project, false, &client, err);
    if (rc != 0)
        return rc;
    rc = ask(client, arena, text, err);
    wc_client_close(client);
    return rc;
}
