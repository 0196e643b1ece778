/* guest_host.c - what the host says, frame by frame. Lengths are checked already (guest_frame.c).
 *
 * A frame for a stream that is not in use is passed over: the host sent it before it heard of the
 * end. A frame out of order is a fault of the host, and ends the machine with a reason.
 */
#include "drivers/hyperv/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drivers/keeper/common_net.h"

enum { OFF_PATIENCE_MS = 2000 };

void wc_guest_say(struct wc_guest *guest, uint8_t type, uint16_t stream, const void *data,
                  size_t len)
{
    uint8_t *place = wc_vm_reserve(&guest->writer, len);
    if (place == NULL)
        return; /* only words of ours can come to that: answers have their room */
    memcpy(place, data, len);
    wc_vm_commit(&guest->writer, type, stream, len);
}

void wc_guest_say_text(struct wc_guest *guest, uint8_t type, const char *text)
{
    char line[WC_VM_TEXT_MAX];
    size_t len = 0;
    for (; text[len] != '\0' && len < sizeof line; len++)
        line[len] = (char)(text[len] >= ' ' && text[len] < 127 ? text[len] : '?');
    wc_guest_say(guest, type, 0, line, len);
}

/* The service can't be had, and neither can anything else. */
static void fail(struct wc_guest *guest)
{
    if (!guest->failed)
        wc_guest_say_text(guest, WC_VM_FAILED, wc_fault_text());
    guest->failed = true;
}

static int take_file(struct wc_guest *guest, const struct wc_vm_frame *frame)
{
    static size_t sizes[WC_VM_FILES_MAX], together;
    char path[32];
    struct wc_text text = WC_TEXT(path);
    sizes[frame->stream] += frame->len;
    together += frame->len;
    if (sizes[frame->stream] > WC_VM_FILE_MAX || together > WC_VM_FILES_BYTES)
        return wc_fault("channel: more files than can be taken", NULL, 0);
    wc_text_put(&text, WC_GUEST_FILES "/");
    wc_text_num(&text, frame->stream);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || wc_file_write_all(fd, (const char *)frame->data, frame->len) != 0) {
        wc_fault("write", path, errno);
        fail(guest);
    }
    if (fd >= 0)
        close(fd);
    return 0;
}

static void take_links(struct wc_guest *guest, const struct wc_vm_frame *frame)
{
    int fd = wc_rtnetlink_open();
    if (fd < 0 || wc_rtnetlink_replay(fd, "links", (const char *)frame->data, frame->len) != 0)
        fail(guest);
    if (fd >= 0)
        close(fd);
}

static void take_clock(const struct wc_vm_frame *frame)
{
    int64_t ns;
    memcpy(&ns, frame->data, sizeof ns);
    const struct timespec now = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    if (ns > 0)
        clock_settime(CLOCK_REALTIME, &now);
}

static int begin(struct wc_guest *guest)
{
    guest->begun = true;
    if (!guest->failed && wc_guest_begin(guest) != 0)
        fail(guest);
    return 0;
}

static int set_up(struct wc_guest *guest, const struct wc_vm_frame *frame)
{
    if (guest->begun)
        return wc_fault("channel: a setting after BEGIN", NULL, 0);
    switch (frame->type) {
    case WC_VM_CONF:
        return wc_guest_conf_add(frame->data, frame->len);
    case WC_VM_FILE:
        return take_file(guest, frame);
    case WC_VM_LINKS:
        take_links(guest, frame);
        return 0;
    default:
        return begin(guest);
    }
}

static void take_more(struct wc_guest *guest, const struct wc_vm_frame *frame)
{
    struct wc_guest_stream *stream = &guest->streams[frame->stream];
    uint32_t more;
    memcpy(&more, frame->data, sizeof more);
    uint32_t room = UINT32_MAX - stream->may_send;
    stream->may_send += more < room ? more : room;
}

static void give_up(struct wc_guest *guest, uint16_t number)
{
    struct wc_guest_stream *stream = &guest->streams[number];
    if (stream->kind == WC_GUEST_FREE || stream->closed)
        return;
    stream->closed = true;
    wc_guest_signal(guest, number, SIGKILL);
    if (stream->kind == WC_GUEST_SOCKET)
        stream->over = true;
}

static void off(struct wc_guest *guest)
{
    if (guest->off_at != 0)
        return;
    guest->off_at = wc_guest_now_ms() + OFF_PATIENCE_MS;
    for (uint16_t i = 0; i < WC_VM_STREAMS; i++)
        if (guest->streams[i].kind == WC_GUEST_SOCKET)
            guest->streams[i].over = true;
        else
            wc_guest_signal(guest, i, SIGKILL);
}

static int on_stream(struct wc_guest *guest, const struct wc_vm_frame *frame)
{
    uint32_t number;
    uint16_t size[2];
    switch (frame->type) {
    case WC_VM_SIGNAL:
        memcpy(&number, frame->data, sizeof number);
        wc_guest_signal(guest, frame->stream, number <= 64 ? (int)number : 0);
        return 0;
    case WC_VM_INPUT:
        return wc_guest_input(guest, frame->stream, frame->data, frame->len);
    case WC_VM_INPUT_END:
        wc_guest_input_end(guest, frame->stream);
        return 0;
    case WC_VM_SIZE:
        memcpy(size, frame->data, sizeof size);
        wc_guest_size(guest, frame->stream, size[0], size[1]);
        return 0;
    case WC_VM_MORE:
        take_more(guest, frame);
        return 0;
    case WC_VM_CLOSE:
        give_up(guest, frame->stream);
        return 0;
    default:
        break;
    }
    if (guest->streams[frame->stream].kind != WC_GUEST_FREE || frame->stream == 0)
        return wc_fault("channel: a stream that is in use", NULL, 0);
    if (frame->type == WC_VM_STATS) {
        wc_guest_figures(guest, frame->stream);
        return 0;
    }
    return frame->type == WC_VM_RUN       ? wc_guest_run(guest, frame)
           : frame->type == WC_VM_CONNECT ? wc_guest_connect(guest, frame)
                                          : wc_guest_look(guest, frame);
}

int wc_guest_frame(struct wc_guest *guest, const struct wc_vm_frame *frame)
{
    switch (frame->type) {
    case WC_VM_CONF:
    case WC_VM_FILE:
    case WC_VM_LINKS:
    case WC_VM_BEGIN:
        return set_up(guest, frame);
    case WC_VM_ENTROPY:
        if (!guest->place.test)
            wc_guest_entropy(frame->data, frame->len);
        return 0;
    case WC_VM_CLOCK:
        if (!guest->place.test)
            take_clock(frame);
        return 0;
    case WC_VM_PING:
        wc_guest_say(guest, WC_VM_PONG, 0, frame->data, frame->len);
        return 0;
    case WC_VM_POWER_OFF:
        off(guest);
        return 0;
    default:
        return on_stream(guest, frame);
    }
}
