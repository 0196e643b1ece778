/* guest_stream.c - the bytes of programs and connections, and their ends.
 *
 * Nothing is read that the host would not take: what a program writes beyond that waits in its
 * pipe, and then the program does. Output is read straight into the queue. ENDED is said when the
 * process is reaped and its pipes are empty; who still holds a pipe then is not waited for, as on
 * process level. A terminal is waited for: its last bytes may be on their way, and its end comes.
 */
#include "drivers/hyperv/guest/guest.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { OUTPUT = 32 << 10, ANSWERS = 64 << 10, END_OF_FILE = 4 };

/* INPUT not yet written, and the end-of-file character of a terminal. */
static char typed[WC_VM_STREAMS][WC_VM_WINDOW + 1];

void wc_guest_stream_init(struct wc_guest_stream *stream, enum wc_guest_kind kind)
{
    *stream = (struct wc_guest_stream){ .kind = kind,
                                        .out = -1,
                                        .err = -1,
                                        .in = -1,
                                        .may_send = WC_VM_WINDOW,
                                        .may_come = WC_VM_WINDOW };
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int *end_of(struct wc_guest_stream *stream, int which)
{
    return which == 1 ? &stream->out : &stream->err;
}

/* A connection's end is the stream's. */
static void at_end(struct wc_guest_stream *stream, int which, int sys)
{
    shut(end_of(stream, which));
    if (stream->kind != WC_GUEST_SOCKET)
        return;
    shut(&stream->in);
    stream->over = true;
    stream->end.code = (uint8_t)sys;
}

/* Reads once. Returns what read(2) said; 0 and -1 with EAGAIN excepted, the end is taken note of.
 */
static ssize_t read_once(struct wc_guest *guest, uint16_t number, int which)
{
    static uint8_t dropped[OUTPUT];
    struct wc_guest_stream *stream = &guest->streams[number];
    int fd = *end_of(stream, which);
    size_t most = stream->may_send < OUTPUT ? stream->may_send : OUTPUT;
    uint8_t *place = dropped;
    if (stream->closed)
        most = OUTPUT;
    else if (wc_vm_fits(&guest->writer, ANSWERS + OUTPUT) && most > 0)
        place = wc_vm_reserve(&guest->writer, 1 + most) + 1;
    else
        return 0;
    ssize_t k = read(fd, place, most);
    if (k > 0 && !stream->closed) {
        place[-1] = (uint8_t)which;
        wc_vm_commit(&guest->writer, WC_VM_OUTPUT, number, 1 + (size_t)k);
        stream->may_send -= (uint32_t)k;
    }
    if (k == 0)
        at_end(stream, which, 0);
    else if (k < 0 && errno != EAGAIN && errno != EINTR)
        at_end(stream, which, stream->tty ? 0 : errno); /* a terminal's end is EIO */
    return k;
}

void wc_guest_pump(struct wc_guest *guest, uint16_t number, int which)
{
    if (*end_of(&guest->streams[number], which) >= 0)
        read_once(guest, number, which);
}

int wc_guest_input(struct wc_guest *guest, uint16_t number, const uint8_t *data, size_t len)
{
    struct wc_guest_stream *stream = &guest->streams[number];
    if (stream->kind == WC_GUEST_FREE) /* ended while it was on its way */
        return 0;
    if (len > stream->may_come || stream->input_over)
        return wc_fault("channel: more input than may come", NULL, 0);
    stream->may_come -= (uint32_t)len;
    char *buf = typed[number];
    if (stream->typed_at + stream->typed + len > WC_VM_WINDOW) {
        memmove(buf, buf + stream->typed_at, stream->typed);
        stream->typed_at = 0;
    }
    memcpy(buf + stream->typed_at + stream->typed, data, len);
    stream->typed += len;
    if (!stream->connecting)
        wc_guest_feed(guest, number);
    return 0;
}

static void say_taken(struct wc_guest *guest, uint16_t number, size_t len)
{
    uint32_t taken = (uint32_t)len;
    guest->streams[number].may_come += taken;
    wc_guest_say(guest, WC_VM_TAKEN, number, &taken, sizeof taken);
}

/* Nobody reads it any more. */
static void drop_input(struct wc_guest *guest, uint16_t number)
{
    struct wc_guest_stream *stream = &guest->streams[number];
    shut(&stream->in);
    if (stream->typed > 0 && !stream->input_over)
        say_taken(guest, number, stream->typed);
    stream->typed = stream->typed_at = 0;
}

static void end_input(struct wc_guest_stream *stream)
{
    if (stream->tty || stream->in < 0)
        return;
    if (stream->kind == WC_GUEST_SOCKET)
        shutdown(stream->in, SHUT_WR);
    shut(&stream->in);
}

void wc_guest_feed(struct wc_guest *guest, uint16_t number)
{
    struct wc_guest_stream *stream = &guest->streams[number];
    while (stream->typed > 0 && stream->in >= 0) {
        ssize_t k = write(stream->in, typed[number] + stream->typed_at, stream->typed);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0 && errno == EAGAIN)
            return;
        if (k < 0)
            break;
        stream->typed -= (size_t)k;
        stream->typed_at = stream->typed == 0 ? 0 : stream->typed_at + (size_t)k;
        if (!stream->input_over)
            say_taken(guest, number, (size_t)k);
    }
    if (stream->typed > 0)
        drop_input(guest, number);
    else if (stream->input_over)
        end_input(stream);
}

/* INPUT_END is INPUT that is the last of it. */
void wc_guest_input_end(struct wc_guest *guest, uint16_t number)
{
    struct wc_guest_stream *stream = &guest->streams[number];
    if (stream->kind == WC_GUEST_FREE || stream->input_over)
        return;
    stream->input_over = true;
    if (stream->tty && stream->in >= 0)
        typed[number][stream->typed_at + stream->typed++] = END_OF_FILE;
    if (!stream->connecting)
        wc_guest_feed(guest, number);
}

/* False while it still may have something to say. */
static bool is_empty(struct wc_guest *guest, uint16_t number, int which)
{
    struct wc_guest_stream *stream = &guest->streams[number];
    int *fd = end_of(stream, which);
    ssize_t k = 1;
    while (*fd >= 0 && k > 0)
        k = read_once(guest, number, which);
    if (*fd >= 0 && k < 0 && errno == EAGAIN && !stream->tty)
        shut(fd);
    return *fd < 0;
}

void wc_guest_settle(struct wc_guest *guest, uint16_t number)
{
    struct wc_guest_stream *stream = &guest->streams[number];
    if (stream->kind == WC_GUEST_FREE || !stream->over)
        return;
    if (number == 0 && guest->failed) { /* FAILED was its last word */
        shut(&stream->in);
        shut(&stream->out);
        shut(&stream->err);
        stream->kind = WC_GUEST_FREE;
        return;
    }
    bool out = is_empty(guest, number, 1), err = is_empty(guest, number, 2);
    if (!out || !err || !wc_vm_fits(&guest->writer, ANSWERS / 4))
        return;
    struct {
        struct wc_vm_ended end;
        char why[sizeof stream->why];
    } last = { .end = stream->end };
    size_t len = strlen(stream->why);
    memcpy(last.why, stream->why, len);
    shut(&stream->in);
    wc_guest_say(guest, WC_VM_ENDED, number, &last, sizeof last.end + len);
    stream->kind = WC_GUEST_FREE;
}

void wc_guest_reaped(struct wc_guest *guest, pid_t pid, int status)
{
    for (uint16_t i = 0; i < WC_VM_STREAMS; i++) {
        struct wc_guest_stream *stream = &guest->streams[i];
        if (stream->kind == WC_GUEST_FREE || stream->pid != pid)
            continue;
        int signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        stream->over = true;
        stream->end.signal = (uint8_t)signal_number;
        stream->end.code =
            (uint8_t)(signal_number != 0 ? 128 + signal_number : WEXITSTATUS(status));
        if (stream->kind == WC_GUEST_LOOK)
            stream->end.signal = 0;
        else
            stream->end.oom = wc_guest_oom_kills() > stream->oom_before;
        if (i == 0)
            wc_guest_report(guest); /* it may never have run, or have been quick */
        stream->pid = 0;
    }
}

size_t wc_guest_busy(const struct wc_guest *guest)
{
    size_t n = 0;
    for (size_t i = 0; i < WC_VM_STREAMS; i++)
        n += guest->streams[i].kind != WC_GUEST_FREE;
    return n;
}

/* wcompose-join passes signals on; KILL would only end itself, and ALRM is its word for it. */
void wc_guest_signal(struct wc_guest *guest, uint16_t number, int signal_number)
{
    const struct wc_guest_stream *stream = &guest->streams[number];
    if (stream->kind == WC_GUEST_FREE || stream->pid <= 0 || signal_number < 1 ||
        signal_number > 64)
        return;
    if (stream->kind == WC_GUEST_PROGRAM && signal_number == SIGKILL)
        signal_number = SIGALRM;
    kill(stream->pid, signal_number);
}

void wc_guest_size(struct wc_guest *guest, uint16_t number, unsigned rows, unsigned columns)
{
    const struct wc_guest_stream *stream = &guest->streams[number];
    struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
    if (stream->kind == WC_GUEST_FREE || !stream->tty || stream->out < 0)
        return;
    ioctl(stream->out, TIOCSWINSZ, &size);
    if (stream->kind == WC_GUEST_PROGRAM)
        wc_guest_signal(guest, number, SIGWINCH); /* its terminal is behind join's */
}
