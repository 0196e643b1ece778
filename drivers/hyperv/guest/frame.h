/* frame.h - frames of the agent's channel: taken from bytes, put into bytes. Pure.
 *
 * Idea:    the reader owns one buffer of one whole frame at least; the writer is a queue that is
 * written out as the channel takes it. Owner: the caller's storage. Threads: none. Errors: a frame
 * that breaks the rules of protocol.h is -1 with wc_fault, for good.
 */
#ifndef DRIVERS_HYPERV_GUEST_FRAME_H
#define DRIVERS_HYPERV_GUEST_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/hyperv/protocol.h"

struct wc_vm_frame {
    uint8_t type;
    uint16_t stream;
    size_t len;
    const uint8_t *data; /* in the reader, until the next call of it */
};

struct wc_vm_reader {
    uint8_t buf[2 * (sizeof(struct wc_vm_head) + WC_VM_PAYLOAD_MAX)];
    size_t at, len; /* what is not taken yet: place, length */
};
/* Where to put new bytes, and how many fit (never 0 after wc_vm_next said 0). */
uint8_t *wc_vm_room(struct wc_vm_reader *reader, size_t *room);
void wc_vm_came(struct wc_vm_reader *reader, size_t len);
/* 1: *out is the next frame; its type, stream and length are what a host may send. 0: more bytes
 * are needed. -1: wc_fault. */
int wc_vm_next(struct wc_vm_reader *reader, struct wc_vm_frame *out);

struct wc_vm_writer {
    uint8_t buf[512 << 10];
    size_t at, len;
};
/* Room for one more frame with this payload. */
bool wc_vm_fits(const struct wc_vm_writer *writer, size_t payload);
/* The place of a payload of up to `payload` bytes, NULL if it doesn't fit; wc_vm_commit adds the
 * frame with the length that it got. */
uint8_t *wc_vm_reserve(struct wc_vm_writer *writer, size_t payload);
void wc_vm_commit(struct wc_vm_writer *writer, uint8_t type, uint16_t stream, size_t len);
/* `len` bytes at the queue's start are written. */
void wc_vm_gone(struct wc_vm_writer *writer, size_t len);

#endif
