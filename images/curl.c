/* curl.c - dlopen, once. It is never unloaded: OpenSSL's own clean-up at exit would be gone. */
#include "images/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/str.h"

#define LIBRARY "libcurl.so.4"

static struct wc_curl loaded;
static bool is_loaded;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define ROW(field, name)                                                                           \
    {                                                                                              \
        name, offsetof(struct wc_curl, field)                                                      \
    }
static const struct {
    const char *name;
    size_t offset;
} functions[] = {
    ROW(global_init, "curl_global_init"),         ROW(easy_init, "curl_easy_init"),
    ROW(easy_cleanup, "curl_easy_cleanup"),       ROW(easy_setopt, "curl_easy_setopt"),
    ROW(easy_getinfo, "curl_easy_getinfo"),       ROW(easy_pause, "curl_easy_pause"),
    ROW(easy_strerror, "curl_easy_strerror"),     ROW(slist_append, "curl_slist_append"),
    ROW(slist_free_all, "curl_slist_free_all"),   ROW(multi_init, "curl_multi_init"),
    ROW(multi_cleanup, "curl_multi_cleanup"),     ROW(multi_setopt, "curl_multi_setopt"),
    ROW(multi_add, "curl_multi_add_handle"),      ROW(multi_remove, "curl_multi_remove_handle"),
    ROW(multi_perform, "curl_multi_perform"),     ROW(multi_poll, "curl_multi_poll"),
    ROW(multi_info_read, "curl_multi_info_read"), ROW(multi_wakeup, "curl_multi_wakeup"),
};

static int load(struct wc_err *err)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    const char *missing = library == NULL ? "" : NULL;
    for (size_t i = 0; i < WC_COUNT(functions) && missing == NULL; i++) {
        void *symbol = dlsym(library, functions[i].name);
        memcpy((char *)&loaded + functions[i].offset, &symbol, sizeof symbol);
        if (symbol == NULL)
            missing = functions[i].name;
    }
    if (missing == NULL && loaded.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        return 0;
    const char *why = missing == NULL ? "it can't start" : dlerror();
    return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                      "pulling needs " LIBRARY ", which can't be used: %s; on Debian, apt install "
                      "libcurl4 brings it",
                      why != NULL ? why : missing);
}

int wc_curl_load(const struct wc_curl **out, struct wc_err *err)
{
    int rc = 0;
    pthread_mutex_lock(&lock);
    if (!is_loaded)
        rc = load(err);
    is_loaded = is_loaded || rc == 0;
    pthread_mutex_unlock(&lock);
    *out = &loaded;
    return rc;
}
