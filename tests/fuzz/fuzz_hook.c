/* fuzz_hook.c - any bytes to the webhook.
 *
 * What must hold: no crash; without a right signature nobody is let in (none is known here); what
 * is refused stays refused when more comes; a name is a text that fits.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "orchestrator/core/hook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char app[WC_HOOK_NAME_MAX];
    const char *text = (const char *)data;
    int half = wc_hook_judge(text, size / 2, "key that is not known", 21, app);
    int whole = wc_hook_judge(text, size, "key that is not known", 21, app);
    if (whole == 202)
        abort();
    if (half != 0 && half != whole)
        abort();
    return 0;
}
