/* hook.c - one request, one answer; nothing is kept open, nothing is chunked. */
#include "orchestrator/core/hook.h"

#include <stdbool.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"

/* The head as a text of its own. */
struct head {
    char text[WC_HOOK_HEAD_MAX + 1];
    size_t len; /* with the empty line */
};

/* The value of a field in `head`, NUL-terminated in out; false when it isn't there, or twice, or
 * longer than out. */
static bool field(const char *head, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    bool found = false;
    for (const char *at = strstr(head, "\r\n"); at != NULL && at[2] != '\r';
         at = strstr(at + 2, "\r\n")) {
        const char *line = at + 2;
        size_t k = 0;
        while (k < len && wc_ascii_lower(line[k]) == name[k])
            k++;
        if (k < len || line[len] != ':')
            continue;
        const char *value = line + len + 1 + strspn(line + len + 1, " \t");
        size_t n = strcspn(value, "\r");
        while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
            n--;
        if (found || n >= size)
            return false;
        memcpy(out, value, n);
        out[n] = '\0';
        found = true;
    }
    return found;
}

/* "POST /hook/shop HTTP/1.1": the name, or a status. */
static int judge_line(const char *head, char app[WC_HOOK_NAME_MAX])
{
    static const char prefix[] = "/hook/";
    size_t end = strcspn(head, "\r");
    const char *target = memchr(head, ' ', end);
    const char *version =
        target == NULL ? NULL : memchr(target + 1, ' ', end - (size_t)(target + 1 - head));
    if (version == NULL || !wc_str_starts(version, " HTTP/1.") || version + 9 != head + end)
        return 400;
    target++;
    size_t len = (size_t)(version - target), skip = sizeof prefix - 1;
    if (len <= skip || memcmp(target, prefix, skip) != 0 || len - skip >= WC_HOOK_NAME_MAX)
        return 404;
    if (!wc_str_starts(head, "POST "))
        return 405;
    memcpy(app, target + skip, len - skip);
    app[len - skip] = '\0';
    return 202;
}

static bool is_signed(const char *head, const char *body, size_t len, const void *key,
                      size_t key_len)
{
    char given[80], wanted[WC_SHA256_HEX + 1];
    static const char scheme[] = "sha256=";
    size_t skip = sizeof scheme - 1;
    if (key_len == 0 || !field(head, "x-hub-signature-256", given, sizeof given) ||
        !wc_str_starts(given, scheme) || strlen(given) != skip + WC_SHA256_HEX)
        return false;
    wc_hmac_sha256_hex(key, key_len, body, len, wanted);
    return wc_same_secret(given + skip, wanted, WC_SHA256_HEX);
}

/* Takes the head out of what has arrived. 0: more is to come; 200: it is there. */
static int take_head(const char *bytes, size_t len, struct head *out)
{
    for (size_t i = 0; i + 4 <= len && i + 4 <= WC_HOOK_HEAD_MAX; i++) {
        if (memcmp(bytes + i, "\r\n\r\n", 4) != 0)
            continue;
        out->len = i + 4;
        memcpy(out->text, bytes, out->len);
        out->text[out->len] = '\0';
        return strlen(out->text) == out->len ? 200 : 400;
    }
    return len >= WC_HOOK_HEAD_MAX ? 431 : 0;
}

int wc_hook_judge(const char *bytes, size_t len, const void *key, size_t key_len,
                  char app[WC_HOOK_NAME_MAX])
{
    struct head head;
    char text[24];
    int64_t body;
    int status = take_head(bytes, len, &head);
    if (status != 200)
        return status;
    status = judge_line(head.text, app);
    if (status != 202)
        return status;
    if (!field(head.text, "content-length", text, sizeof text))
        return 411;
    if (!wc_str_to_i64(text, 0, INT64_MAX, &body))
        return 400;
    if (body > WC_HOOK_BODY_MAX)
        return 413;
    if (len - head.len < (size_t)body)
        return 0;
    return is_signed(head.text, bytes + head.len, (size_t)body, key, key_len) ? 202 : 401;
}
