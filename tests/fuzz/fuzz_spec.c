/* fuzz_spec.c - YAML bytes to the model, and back through both text forms.
 *
 * What must hold for any input: no crash, no leak, and what fuzz_load.h says.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "fuzz_load.h"
#include "wcompose/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_arena arena;
    struct wc_spec_options options = fuzz_options("/nonexistent/fuzz");
    wc_arena_init(&arena);
    options.text = (const char *)data;
    options.text_len = size;
    struct wc_project *project = fuzz_load(&arena, &options);
    if (project != NULL)
        fuzz_come_back(&arena, options, project);
    wc_arena_deinit(&arena);
    return 0;
}
