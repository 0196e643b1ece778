/* mon_channel.c - bytes to and from the agent.
 *
 * To it: the boot file straight from its mapping, between the first words and everything else; then
 * frames from one buffer. From it: one frame at a time is assembled, and handed on when it is
 * whole.
 */
#include "drivers/hyperv/monitor/mon.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static char out[WC_MON_OUT];
static size_t out_from, out_len;
static struct wc_vm_head head;
static char payload[WC_VM_PAYLOAD_MAX];
static size_t got; /* of head and payload */

void wc_mon_channel_reset(void)
{
    out_from = out_len = got = 0;
}

size_t wc_mon_room(const struct wc_mon *mon)
{
    (void)mon;
    return sizeof out - out_len;
}

bool wc_mon_send(struct wc_mon *mon, enum wc_vm_type type, unsigned stream, const void *data,
                 size_t len)
{
    struct wc_vm_head h = { .len = (uint32_t)len,
                            .type = (uint8_t)type,
                            .stream = (uint16_t)stream };
    if (mon->channel < 0 || len > WC_VM_PAYLOAD_MAX || wc_mon_room(mon) < sizeof h + len)
        return false;
    if (out_from > 0) {
        memmove(out, out + out_from, out_len);
        out_from = 0;
    }
    memcpy(out + out_len, &h, sizeof h);
    if (len > 0)
        memcpy(out + out_len + sizeof h, data, len);
    out_len += sizeof h + len;
    return true;
}

/* Nobody listens yet. */
static bool is_quiet(const struct wc_mon *mon)
{
    return mon->state == WC_MON_LOADS || mon->state == WC_MON_BOOTS;
}

static bool has_boot(const struct wc_mon *mon)
{
    return !is_quiet(mon) && mon->boot_at < mon->boot_len;
}

short wc_mon_channel_events(const struct wc_mon *mon)
{
    bool writes = !is_quiet(mon) && (out_len > 0 || has_boot(mon));
    return (short)(POLLIN | (writes ? POLLOUT : 0));
}

/* Returns what was taken, 0 = it would block, -1 = the other end is gone. */
static ssize_t put(const struct wc_mon *mon, const char *data, size_t len)
{
    ssize_t k = write(mon->channel, data, len);
    if (k < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return k;
}

/* The first words, entropy and clock, were put in line at HELLO: they go before the boot file. */
void wc_mon_channel_write(struct wc_mon *mon)
{
    if (is_quiet(mon))
        return;
    if (out_len > 0) {
        ssize_t k = put(mon, out + out_from, out_len);
        if (k > 0) {
            out_from += (size_t)k;
            out_len -= (size_t)k;
        }
        return;
    }
    if (has_boot(mon)) {
        ssize_t k = put(mon, mon->boot + mon->boot_at, mon->boot_len - mon->boot_at);
        mon->boot_at += k > 0 ? (size_t)k : 0;
    }
}

static bool is_well(const struct wc_vm_head *h)
{
    return h->len <= WC_VM_PAYLOAD_MAX && h->zero == 0 && h->type >= WC_VM_HELLO &&
           h->type <= WC_VM_FIGURES && h->stream < WC_VM_STREAMS;
}

static ssize_t fetch(const struct wc_mon *mon)
{
    if (got < sizeof head)
        return read(mon->channel, (char *)&head + got, sizeof head - got);
    return read(mon->channel, payload + (got - sizeof head), head.len - (got - sizeof head));
}

/* The end of the channel says nothing: the VMM's end does. */
static void hang_up(struct wc_mon *mon)
{
    close(mon->channel);
    mon->channel = -1;
}

void wc_mon_channel_read(struct wc_mon *mon)
{
    for (int turns = 0; turns < 32 && mon->channel >= 0 && !mon->over; turns++) {
        ssize_t k = fetch(mon);
        if (k < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (k <= 0) {
            hang_up(mon);
            return;
        }
        got += (size_t)k;
        if (got == sizeof head && !is_well(&head)) {
            wc_mon_break(mon, "the agent broke the protocol: a head that no frame has");
            return;
        }
        if (got >= sizeof head && got == sizeof head + head.len) {
            got = 0;
            wc_mon_on_frame(mon, &head, payload);
        }
    }
}
