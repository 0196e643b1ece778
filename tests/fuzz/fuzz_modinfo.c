/* fuzz_modinfo.c - any bytes as a kernel module: names come out, or an error; nothing else. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "drivers/hyperv/modinfo.h"
#include "wcompose/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_arena arena;
    struct wc_strv list = { 0 };
    struct wc_err err = { 0 };
    wc_arena_init(&arena);
    if (wc_modinfo_depends(data, size, &arena, &list, &err) != 0)
        assert(err.code == WC_ERR_SPEC && list.n == 0);
    for (size_t i = 0; i < list.n; i++)
        assert(list.items[i][0] != '\0' && strchr(list.items[i], ',') == NULL);
    wc_arena_deinit(&arena);
    return 0;
}
