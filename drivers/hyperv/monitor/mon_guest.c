/* mon_guest.c - what the agent's frames mean, and when they may come: a table.
 *
 * The guest is hostile: a frame of the wrong size, at the wrong time, or for a stream that nobody
 * opened ends the machine.
 */
#include "drivers/hyperv/monitor/mon.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

typedef void frame_fn(struct wc_mon *mon, unsigned n, const char *data, size_t len);

/* Printable ASCII of a guest's text. */
static void copy_text(char out[WC_VM_TEXT_MAX + 1], const char *data, size_t len)
{
    size_t n = len < WC_VM_TEXT_MAX ? len : WC_VM_TEXT_MAX;
    for (size_t i = 0; i < n; i++)
        out[i] = data[i] >= ' ' && data[i] <= '~' ? data[i] : ' ';
    out[n] = '\0';
}

static void on_hello(struct wc_mon *mon, unsigned n, const char *data, size_t len)
{
    uint32_t version;
    (void)n, (void)len;
    memcpy(&version, data, sizeof version);
    if (version != WC_VM_VERSION) {
        wc_mon_break(mon, "the agent speaks another version of the protocol");
        return;
    }
    wc_mon_time(mon, "agent");
    if (mon->conf.mode != NULL && mon->conf.mode[0] == 's')
        wc_mon_template_save(mon);
    else
        wc_mon_tell_agent(mon);
}

void wc_mon_tell_agent(struct wc_mon *mon)
{
    char seed[64];
    struct timespec now;
    if (getrandom(seed, sizeof seed, 0) == (ssize_t)sizeof seed)
        (void)wc_mon_send(mon, WC_VM_ENTROPY, 0, seed, sizeof seed);
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    (void)wc_mon_send(mon, WC_VM_CLOCK, 0, &ns, sizeof ns);
    mon->state = WC_MON_TOLD;
}

static void tell_size(struct wc_mon *mon)
{
    struct winsize size;
    if (!mon->conf.tty || ioctl(0, TIOCGWINSZ, &size) != 0)
        return;
    const uint16_t rows_columns[2] = { size.ws_row, size.ws_col };
    (void)wc_mon_send(mon, WC_VM_SIZE, 0, rows_columns, sizeof rows_columns);
}

static void on_runs(struct wc_mon *mon, unsigned n, const char *data, size_t len)
{
    (void)data, (void)len;
    mon->streams[n].runs = true;
    if (n > 0) {
        wc_mon_client_tell(mon, n, WC_VM_RUNS);
        return;
    }
    wc_mon_time(mon, "runs");
    mon->state = WC_MON_RUNS;
    mon->deadline_ms = 0;
    mon->answered_ms = mon->vmm_answered_ms = mon->beat_ms = wc_mon_now_ms();
    tell_size(mon);
    wc_mon_word(mon, "started", NULL);
}

static void on_failed(struct wc_mon *mon, unsigned n, const char *data, size_t len)
{
    char text[WC_VM_TEXT_MAX + 1];
    (void)n;
    copy_text(text, data, len);
    wc_mon_break(mon, text);
}

static void on_output(struct wc_mon *mon, unsigned n, const char *data, size_t len)
{
    unsigned which = (unsigned char)data[0];
    if (which < 1 || which > 2 ||
        !wc_mon_stream_take(&mon->streams[n], which - 1, data + 1, len - 1))
        wc_mon_break(mon, "the agent broke the protocol: more output than it may send");
}

static void tell_signal(struct wc_mon *mon, unsigned signal)
{
    char number[8];
    struct wc_text text = WC_TEXT(number);
    wc_text_num(&text, signal);
    wc_mon_word(mon, "signal", number);
}

static void on_ended(struct wc_mon *mon, unsigned n, const char *data, size_t len)
{
    struct wc_mon_stream *stream = &mon->streams[n];
    memcpy(&stream->end, data, sizeof stream->end);
    copy_text(stream->why, data + sizeof stream->end, len - sizeof stream->end);
    stream->ended = true;
    if (n > 0)
        return;
    mon->status = stream->end.code;
    if (stream->end.signal != 0)
        tell_signal(mon, stream->end.signal);
    if (stream->end.oom != 0)
        wc_mon_word(mon, "oom", NULL);
    if (stream->why[0] != '\0')
        wc_mon_word(mon, "cause", stream->why);
    wc_mon_power_off(mon);
}

static void on_taken(struct wc_mon *mon, unsigned n, const char *data, size_t len)
{
    uint32_t bytes;
    (void)len;
    memcpy(&bytes, data, sizeof bytes);
    struct wc_mon_stream *stream = &mon->streams[n];
    if (bytes > WC_VM_WINDOW - stream->sendable)
        wc_mon_break(mon, "the agent broke the protocol: more input taken than was sent");
    else
        stream->sendable += bytes;
}

static void on_pong(struct wc_mon *mon, unsigned n, const char *data, size_t len)
{
    (void)n, (void)data, (void)len;
    if (mon->woken_ms != 0)
        wc_mon_time(mon, "agent");
    mon->answered_ms = wc_mon_now_ms();
    mon->woken_ms = 0;
}

static void on_notify(struct wc_mon *mon, unsigned n, const char *data, size_t len)
{
    static const struct sockaddr_un keeper = { .sun_family = AF_UNIX,
                                               .sun_path = WC_MON_NOTIFY "/notify" };
    (void)n;
    if (!mon->conf.notify)
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        (void)sendto(fd, data, len, MSG_NOSIGNAL, (const struct sockaddr *)&keeper, sizeof keeper);
        close(fd);
    }
}

/* They end up in a file of the host's. */
static void on_says(struct wc_mon *mon, unsigned n, const char *data, size_t len)
{
    char text[WC_VM_TEXT_MAX + 1];
    (void)n;
    if (mon->said >= WC_MON_SAYS)
        return;
    mon->said += len + sizeof text / 8; /* an empty line is one, too */
    copy_text(text, data, len);
    wc_mon_word(mon, "says", text);
}

/* Of a guest's own making: numbers for whoever asked, nothing is done by them. */
static void on_figures(struct wc_mon *mon, unsigned n, const char *data, size_t len)
{
    mon->streams[n].figures = false;
    wc_mon_client_figures(mon, n, data, len);
}

#define IN(state) (1U << (state))
static const struct {
    frame_fn *fn;
    size_t min, max;
    unsigned states; /* in which it may come */
    bool of_stream;  /* of one that was asked for, and has not ended */
} frames[] = {
    [WC_VM_HELLO - WC_VM_HELLO] = { on_hello, 4, 260, IN(WC_MON_BOOTS), false },
    [WC_VM_RUNS -
        WC_VM_HELLO] = { on_runs, 4, 4, IN(WC_MON_TOLD) | IN(WC_MON_RUNS) | IN(WC_MON_ENDS), true },
    [WC_VM_FAILED - WC_VM_HELLO] = { on_failed, 0, WC_VM_TEXT_MAX, IN(WC_MON_TOLD), false },
    [WC_VM_OUTPUT - WC_VM_HELLO] = { on_output, 1, WC_VM_PAYLOAD_MAX,
                                     IN(WC_MON_TOLD) | IN(WC_MON_RUNS) | IN(WC_MON_ENDS), true },
    [WC_VM_ENDED - WC_VM_HELLO] = { on_ended, sizeof(struct wc_vm_ended),
                                    sizeof(struct wc_vm_ended) + WC_VM_TEXT_MAX,
                                    IN(WC_MON_TOLD) | IN(WC_MON_RUNS) | IN(WC_MON_ENDS), true },
    [WC_VM_TAKEN - WC_VM_HELLO] = { on_taken, 4, 4,
                                    IN(WC_MON_TOLD) | IN(WC_MON_RUNS) | IN(WC_MON_ENDS), true },
    [WC_VM_PONG - WC_VM_HELLO] = { on_pong, 8, 8,
                                   IN(WC_MON_TOLD) | IN(WC_MON_RUNS) | IN(WC_MON_ENDS), false },
    [WC_VM_NOTIFY - WC_VM_HELLO] = { on_notify, 0, 4096,
                                     IN(WC_MON_TOLD) | IN(WC_MON_RUNS) | IN(WC_MON_ENDS), false },
    [WC_VM_SAYS -
        WC_VM_HELLO] = { on_says, 0, WC_VM_TEXT_MAX,
                         IN(WC_MON_BOOTS) | IN(WC_MON_TOLD) | IN(WC_MON_RUNS) | IN(WC_MON_ENDS),
                         false },
    [WC_VM_FIGURES - WC_VM_HELLO] = { on_figures, sizeof(struct wc_vm_figures),
                                      sizeof(struct wc_vm_figures),
                                      IN(WC_MON_RUNS) | IN(WC_MON_ENDS), true },
};

void wc_mon_on_frame(struct wc_mon *mon, const struct wc_vm_head *head, const char *data)
{
    unsigned row = (unsigned)head->type - WC_VM_HELLO, n = head->stream;
    const struct wc_mon_stream *stream = &mon->streams[n];
    bool well = head->len >= frames[row].min && head->len <= frames[row].max &&
                (frames[row].states & IN(mon->state)) != 0 &&
                (!frames[row].of_stream || (stream->begun && !stream->ended));
    if (well && head->type == WC_VM_RUNS)
        well = !stream->runs && (n == 0) == (mon->state == WC_MON_TOLD);
    if (well && head->type == WC_VM_FIGURES)
        well = stream->figures;
    if (well && head->type == WC_VM_PONG && mon->state == WC_MON_TOLD)
        well = mon->woken_ms != 0; /* only a machine that was woken was asked so early */
    if (!well) {
        wc_mon_break(mon, "the agent broke the protocol: a frame that may not come now");
        return;
    }
    frames[row].fn(mon, n, data, head->len);
}
