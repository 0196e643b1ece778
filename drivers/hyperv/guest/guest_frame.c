/* guest_frame.c - frames out of the bytes that came, frames into the bytes that go.
 *
 * A table says what each type of the host's may weigh and whether it names a stream, so that who
 * handles a frame can't be handed one that is too short for it. Both buffers are straight and moved
 * down when their end is reached: a ring would cut payloads in two, and a move is rare.
 */
#include "drivers/hyperv/guest/frame.h"

#include <string.h>

#include "drivers/keeper/common.h"

enum { HEAD = sizeof(struct wc_vm_head), ANY = WC_VM_PAYLOAD_MAX };

static const struct rule {
    uint32_t least, most;
    uint16_t streams; /* numbers below it are fine */
} rules[] = {
    [WC_VM_CONF] = { 1, ANY, 1 },
    [WC_VM_FILE] = { 0, ANY, WC_VM_FILES_MAX },
    [WC_VM_LINKS] = { 0, ANY, 1 },
    [WC_VM_ENTROPY] = { 1, 1024, 1 },
    [WC_VM_CLOCK] = { 8, 8, 1 },
    [WC_VM_BEGIN] = { 0, 0, 1 },
    [WC_VM_SIGNAL] = { 4, 4, WC_VM_STREAMS },
    [WC_VM_RUN] = { 1, ANY, WC_VM_STREAMS },
    [WC_VM_CONNECT] = { 1, 4096, WC_VM_STREAMS },
    [WC_VM_LOOK] = { 1, 8192, WC_VM_STREAMS },
    [WC_VM_INPUT] = { 0, WC_VM_WINDOW, WC_VM_STREAMS },
    [WC_VM_INPUT_END] = { 0, 0, WC_VM_STREAMS },
    [WC_VM_SIZE] = { 4, 4, WC_VM_STREAMS },
    [WC_VM_MORE] = { 4, 4, WC_VM_STREAMS },
    [WC_VM_CLOSE] = { 0, 0, WC_VM_STREAMS },
    [WC_VM_PING] = { 8, 8, 1 },
    [WC_VM_POWER_OFF] = { 0, 0, 1 },
    [WC_VM_STATS] = { 0, 0, WC_VM_STREAMS },
};

static int check(const struct wc_vm_head *head)
{
    if (head->type == 0 || head->type >= sizeof rules / sizeof rules[0])
        return wc_fault("channel: a frame of no type that the host has", NULL, 0);
    const struct rule *rule = &rules[head->type];
    if (head->zero != 0 || head->stream >= rule->streams)
        return wc_fault("channel: a frame's head is out of range", NULL, 0);
    if (head->len < rule->least || head->len > rule->most)
        return wc_fault("channel: a frame's length is out of range", NULL, 0);
    return 0;
}

uint8_t *wc_vm_room(struct wc_vm_reader *reader, size_t *room)
{
    if (reader->at > 0 && reader->at + reader->len > sizeof reader->buf / 2) {
        memmove(reader->buf, reader->buf + reader->at, reader->len);
        reader->at = 0;
    }
    *room = sizeof reader->buf - reader->at - reader->len;
    return reader->buf + reader->at + reader->len;
}

void wc_vm_came(struct wc_vm_reader *reader, size_t len)
{
    reader->len += len;
}

int wc_vm_next(struct wc_vm_reader *reader, struct wc_vm_frame *out)
{
    struct wc_vm_head head;
    if (reader->len < HEAD)
        return 0;
    memcpy(&head, reader->buf + reader->at, HEAD);
    if (check(&head) != 0)
        return -1;
    size_t whole = HEAD + head.len;
    if (reader->len < whole)
        return 0;
    *out =
        (struct wc_vm_frame){ head.type, head.stream, head.len, reader->buf + reader->at + HEAD };
    reader->at += whole;
    reader->len -= whole;
    return 1;
}

bool wc_vm_fits(const struct wc_vm_writer *writer, size_t payload)
{
    return sizeof writer->buf - writer->len >= HEAD + payload;
}

uint8_t *wc_vm_reserve(struct wc_vm_writer *writer, size_t payload)
{
    if (!wc_vm_fits(writer, payload))
        return NULL;
    if (sizeof writer->buf - writer->at - writer->len < HEAD + payload) {
        memmove(writer->buf, writer->buf + writer->at, writer->len);
        writer->at = 0;
    }
    return writer->buf + writer->at + writer->len + HEAD;
}

void wc_vm_commit(struct wc_vm_writer *writer, uint8_t type, uint16_t stream, size_t len)
{
    struct wc_vm_head head = { .len = (uint32_t)len, .type = type, .stream = stream };
    memcpy(writer->buf + writer->at + writer->len, &head, HEAD);
    writer->len += HEAD + len;
}

void wc_vm_gone(struct wc_vm_writer *writer, size_t len)
{
    writer->len -= len;
    writer->at = writer->len == 0 ? 0 : writer->at + len;
}
