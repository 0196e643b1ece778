/* fuzz_guest.c - whatever bytes come to the agent of a virtual machine over its channel.
 *
 * The first byte says in pieces of what size the rest comes. What the agent would do with a frame
 * is done as far as that needs no machine: settings are collected and decoded, mounts, options and
 * files taken apart, requests decoded; what it took from the reader is what was put in.
 */
#include "drivers/hyperv/guest/frame.h"
#include "drivers/hyperv/guest/settings.h"

#include <assert.h>
#include <stdlib.h>

#include "drivers/hyperv/guest/guest_conf.c"
#include "drivers/hyperv/guest/guest_frame.c"
#include "drivers/keeper/common.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wc_vm_reader reader;
static struct wc_vm_writer writer;

static void look_at(const struct wc_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        assert(list->items[i] != NULL && strlen(list->items[i]) < WC_VM_CONF_MAX);
}

static void take_settings(void)
{
    static struct wc_guest_conf conf;
    static struct wc_guest_mount mount;
    static struct wc_guest_flags flags;
    struct wc_guest_file file;
    if (wc_guest_conf_take(&conf) != 0)
        return;
    assert(conf.args.n > 0 && conf.args.items[conf.args.n] == NULL && conf.umask <= 0777);
    assert(conf.oom_score_adj >= -1000 && conf.oom_score_adj <= 1000);
    look_at(&conf.args);
    look_at(&conf.env);
    for (size_t i = 0; i < conf.mounts.n; i++) {
        assert(wc_guest_mount_parse(conf.mounts.items[i], &mount) == 0 && mount.target[0] == '/');
        if (wc_guest_flags_parse(mount.options, &flags) == 0)
            assert(strlen(flags.data) <= strlen(mount.options));
    }
    for (size_t i = 0; i < conf.files.n; i++)
        assert(wc_guest_file_parse(conf.files.items[i], &file) == 0 &&
               file.number < WC_VM_FILES_MAX && file.mode <= 07777);
}

static void take_request(const struct wc_vm_frame *frame)
{
    struct wc_guest_request request;
    if (wc_guest_request_parse(frame->data, frame->len, &request) != 0)
        return;
    assert(request.args.items[request.args.n] == NULL && request.port <= UINT16_MAX);
    look_at(&request.args);
    look_at(&request.env);
}

/* Every frame is answered by as many bytes; what doesn't fit is written out first. */
static void answer(const struct wc_vm_frame *frame)
{
    uint8_t *place = wc_vm_reserve(&writer, frame->len);
    if (place == NULL) {
        wc_vm_gone(&writer, writer.len - writer.len / 3);
        place = wc_vm_reserve(&writer, frame->len);
    }
    assert(place != NULL && place + frame->len <= writer.buf + sizeof writer.buf);
    memcpy(place, frame->data, frame->len);
    wc_vm_commit(&writer, WC_VM_SAYS, 0, frame->len);
    assert(writer.at + writer.len <= sizeof writer.buf);
}

static void take(const struct wc_vm_frame *frame)
{
    assert(frame->data >= reader.buf && frame->data + frame->len <= reader.buf + sizeof reader.buf);
    switch (frame->type) {
    case WC_VM_CONF:
        wc_guest_conf_add(frame->data, frame->len);
        break;
    case WC_VM_BEGIN:
        take_settings();
        conf_len = 0; /* as of a new machine: decoding takes the text apart */
        break;
    case WC_VM_RUN:
    case WC_VM_CONNECT:
    case WC_VM_LOOK:
        take_request(frame);
        break;
    default:
        break;
    }
    answer(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_vm_frame frame;
    int more = 0;
    reader.at = reader.len = writer.at = writer.len = conf_len = 0;
    size_t piece = size == 0 ? 1 : (size_t)data[0] * 16 + 1;
    for (size_t at = 1; at < size && more == 0;) {
        size_t room, n = size - at < piece ? size - at : piece;
        uint8_t *place = wc_vm_room(&reader, &room);
        assert(room > 0);
        n = n < room ? n : room;
        memcpy(place, data + at, n);
        wc_vm_came(&reader, n);
        at += n;
        while ((more = wc_vm_next(&reader, &frame)) > 0)
            take(&frame);
    }
    return 0;
}
