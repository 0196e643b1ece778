/* layer_path.c - the one place that decides what a stored name means; it looks at no file. */
#include "images/writer.h"

#include <string.h>

#include "base/str.h"

static bool in_usr(const char *name, size_t len)
{
    static const char *const merged[] = { "bin", "sbin", "lib", "lib64", "lib32", "libx32" };
    for (size_t i = 0; i < WC_COUNT(merged); i++)
        if (strlen(merged[i]) == len && memcmp(merged[i], name, len) == 0)
            return true;
    return false;
}

int wc_layer_path(bool merge_usr, unsigned max_depth, const char *path, char clean[WC_LAYER_PATH],
                  struct wc_err *err)
{
    size_t out = 0;
    unsigned depth = 0;
    for (const char *p = path; *p != '\0';) {
        size_t len = strcspn(p, "/");
        const char *next = p + len + (p[len] == '/');
        if (len == 0 || (len == 1 && p[0] == '.')) {
            p = next;
            continue;
        }
        if (len == 2 && p[0] == '.' && p[1] == '.')
            return wc_err_set(err, WC_ERR_SPEC, 0, "refused entry '%.120s': it climbs with '..'",
                              path);
        if (depth == 0 && merge_usr && in_usr(p, len)) {
            memcpy(clean, "usr", 3);
            out = 3;
        }
        if (++depth > max_depth)
            return wc_err_set(err, WC_ERR_LIMIT, 0, "entry deeper than %u directories: %.80s…",
                              max_depth, path);
        if (len > 255 || out + len + 2 > WC_LAYER_PATH)
            return wc_err_set(err, WC_ERR_LIMIT, 0, "entry's name is too long: %.80s…", path);
        if (out > 0)
            clean[out++] = '/';
        memcpy(clean + out, p, len);
        out += len;
        p = next;
    }
    clean[out] = '\0';
    return 0;
}
