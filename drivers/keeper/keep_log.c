/* keep_log.c - from the container's FIFOs (or its terminal) to the log file, losing nothing.
 *
 * A FIFO is first copied with tee(2), then written to the log, and only then consumed. A keeper
 * that is killed between two of these steps leaves the bytes in the FIFO for its successor, which a
 * byte outside of the process tells that they may be in the log as well; all records of a batch
 * have one stamp, so it can compare them with what the FIFO begins with. An unfinished line simply
 * stays in the FIFO; epoll's edges, not its levels, tell of more. The price is two more system
 * calls a batch (of up to 32 KiB) than read and write. Reading into a private ring and consuming
 * first was rejected: it lost 2 % of lines when the reader was killed under load.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h> /* renameat */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/keeper/protocol.h"

enum { IN_BYTES = 2 * WC_KEEP_PART, PAGE = 4096 };
enum { DRAIN_STEPS = 256 }; /* 8 MiB: more than any pipe or terminal holds */
enum { OUT_BYTES = (WC_KEEP_JSON_ROOM + WC_KEEP_PART + PAGE - 1) / PAGE * PAGE };

static char in[IN_BYTES] __attribute__((aligned(4096)));
static char out[OUT_BYTES] __attribute__((aligned(4096)));

static struct {
    int dir, fd; /* the lib directory; the log, -1 = none */
    int copy[2]; /* private pipe for tee */
    size_t out_len;
    uint64_t size, max_bytes, max_files;
    bool dirty, complained;
    char *mark;
} logs = { .fd = -1 };

static char no_mark;

void wc_keep_log_mark(char *mark)
{
    logs.mark = mark;
}

/* The compiler must not move it past a system call. */
static void set_mark(char value)
{
    *(volatile char *)(logs.mark != NULL ? logs.mark : &no_mark) = value;
}

static int open_log(void)
{
    logs.fd =
        openat(logs.dir, WC_KEEPER_LOG, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    struct stat st;
    if (logs.fd < 0 || fstat(logs.fd, &st) != 0)
        return wc_fault("open", WC_KEEPER_LOG, errno);
    logs.size = (uint64_t)st.st_size;
    return 0;
}

/* A host that crashed tore it. */
static void end_torn(void)
{
    char last = '\n';
    if (logs.size > 0 && pread(logs.fd, &last, 1, (off_t)logs.size - 1) == 1 && last != '\n')
        logs.size += wc_file_write_all(logs.fd, "\n", 1) == 0;
}

int wc_keep_log_open(struct wc_keep *keep)
{
    const struct wc_keep_conf *conf = &keep->conf;
    logs.dir = keep->lib;
    logs.max_bytes = conf->log_max_bytes;
    logs.max_files = conf->log_max_files;
    if (pipe2(logs.copy, O_CLOEXEC | O_NONBLOCK) != 0)
        return wc_fault("log: pipe", NULL, errno);
    if (strcmp(conf->log, "none") == 0)
        return 0;
    int rc = open_log();
    if (rc == 0 && keep->pidfd < 0)
        end_torn();
    return rc;
}

static void rotated_name(char name[48], uint64_t number)
{
    struct wc_text text = { name, 0, 48 };
    wc_text_put(&text, WC_KEEPER_LOG);
    if (number > 0) {
        wc_text_put(&text, ".");
        wc_text_num(&text, number);
    }
}

/* log.json becomes log.json.1, that .2 and so on; the oldest is replaced. */
static void rotate(void)
{
    char from[48], to[48];
    if (logs.max_files == 1) {
        if (ftruncate(logs.fd, 0) == 0)
            logs.size = 0;
        return;
    }
    for (uint64_t i = logs.max_files - 1; i > 0; i--) {
        rotated_name(from, i - 1);
        rotated_name(to, i);
        renameat(logs.dir, from, logs.dir, to);
    }
    int old = logs.fd;
    if (open_log() == 0)
        close(old);
    else
        logs.fd = old; /* go on in the renamed file rather than lose lines */
}

/* A log that can't be written must not stop the container: the batch is lost, and that is said. */
static void flush(void)
{
    if (logs.out_len == 0)
        return;
    if (logs.max_bytes > 0 && logs.size > 0 && logs.size + logs.out_len > logs.max_bytes)
        rotate();
    if (wc_file_write_all(logs.fd, out, logs.out_len) == 0) {
        logs.size += logs.out_len;
    } else {
        int sys = errno;
        if (ftruncate(logs.fd, (off_t)logs.size) == 0 && !logs.complained) {
            wc_fault("wcompose-keeper: output lost: write", WC_KEEPER_LOG, sys);
            wc_file_write_all(2, wc_fault_text(), strlen(wc_fault_text()));
            wc_file_write_all(2, "\n", 1);
            logs.complained = true;
        }
    }
    logs.dirty = logs.dirty || logs.out_len > PAGE;
    logs.out_len = 0;
}

/* A batch is what one write puts into one file, so that a successor finds the whole of it. */
static bool is_batch_full(size_t next)
{
    return logs.out_len > 0 && (logs.out_len + 6 * next + 128 > sizeof out - 2 ||
                                (logs.max_bytes > 0 && logs.size + logs.out_len >= logs.max_bytes));
}

/* Logs the lines, and the parts of long ones, at the start of n bytes, as many as fit; with `all`
 * the rest too. Returns how many bytes are dealt with. */
static size_t batch(size_t n, const char *tag, bool all)
{
    char stamp[30];
    size_t at = 0;
    if (logs.fd < 0)
        return n;
    wc_keep_json_stamp(stamp);
    while (at < n) {
        size_t rest = n - at;
        const char *newline = memchr(in + at, '\n', rest > WC_KEEP_PART ? WC_KEEP_PART + 1 : rest);
        size_t len = rest;
        if (newline != NULL)
            len = (size_t)(newline - (in + at));
        else if (rest > WC_KEEP_PART)
            len = wc_keep_json_cut(in + at, WC_KEEP_PART);
        else if (!all)
            break;
        if (is_batch_full(len))
            break;
        logs.out_len +=
            wc_keep_json_record(out + logs.out_len, in + at, len, newline != NULL, tag, stamp);
        at += len + (newline != NULL);
    }
    flush();
    return at;
}

/* All of it or, killed, nothing: a successor can't tell how much of a batch is gone. read(2) looks
 * for signals only where a pipe is empty; splice(2) to /dev/null, a copy cheaper, does between any
 * two of its buffers. The place is in memory: it was just read into. */
static void consume(int fd, size_t n)
{
    while (n > 0) {
        ssize_t k = read(fd, in, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return; /* somebody in the container read its own output */
        n -= (size_t)k;
    }
}

static void step_fifo(struct wc_keep_stream *stream, bool all)
{
    ssize_t n = tee(stream->fd, logs.copy[1], sizeof in, SPLICE_F_NONBLOCK);
    if (n <= 0) {
        stream->ready = n < 0 && errno == EINTR;
        return;
    }
    /* Tiny unmerged writes can fill all slots of the pipe with an unfinished line. */
    struct pollfd room = { .fd = logs.copy[1], .events = POLLOUT };
    bool full = poll(&room, 1, 0) == 0;
    size_t have = 0;
    while (have < (size_t)n) {
        ssize_t k = read(logs.copy[0], in + have, (size_t)n - have);
        if (k <= 0)
            break;
        have += (size_t)k;
    }
    set_mark(stream->tag[3]); /* 'o' or 'e' */
    size_t used = batch(have, stream->tag, all);
    if (used == 0 && full)
        used = batch(have, stream->tag, true);
    consume(stream->fd, used);
    set_mark('-');
    stream->ready = used > 0;
}

static void step_terminal(struct wc_keep_stream *stream, bool all)
{
    ssize_t k = read(stream->fd, in + stream->carried, sizeof in - stream->carried);
    bool over = k == 0 || (k < 0 && errno != EINTR && errno != EAGAIN);
    stream->ready = k > 0 || (k < 0 && errno == EINTR);
    size_t n = stream->carried + (k > 0 ? (size_t)k : 0);
    size_t used = 1;
    while (n > 0 && used > 0) {
        used = batch(n, stream->tag, over || (all && k < 0));
        n -= used;
        memmove(in, in + used, n);
    }
    stream->carried = n;
    if (over) { /* EIO: no process has the terminal open; one may open it again */
        stream->ready = false;
    }
}

static void step(struct wc_keep *keep, struct wc_keep_stream *stream, bool all)
{
    if (keep->conf.tty)
        step_terminal(stream, all);
    else
        step_fifo(stream, all);
}

void wc_keep_log_step(struct wc_keep *keep, struct wc_keep_stream *stream)
{
    step(keep, stream, false);
}

/* Bounded: a writer may outlive the init (with pid: host, or where the descriptor was passed on),
 * and must not put off the exit by writing on and on. */
void wc_keep_log_drain(struct wc_keep *keep)
{
    for (size_t i = 0; i < 2; i++) {
        struct wc_keep_stream *stream = &keep->streams[i];
        stream->ready = stream->fd >= 0;
        for (unsigned left = DRAIN_STEPS; stream->ready && left > 0; left--)
            step(keep, stream, false);
        if (stream->fd >= 0)
            step(keep, stream, true); /* the unfinished line */
    }
}

/* ---- in the place of a killed keeper ---- */

/* The last bytes of the log, into `out`; *len of them. */
static bool read_tail(size_t *len)
{
    size_t most = sizeof out - 1;
    off_t from = logs.size > most ? (off_t)(logs.size - most) : 0;
    ssize_t n = pread(logs.fd, out, most, from);
    *len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* A write is cut short by SIGKILL at the end of a page. */
static void cut_torn(void)
{
    size_t len;
    if (!read_tail(&len) || out[len - 1] == '\n')
        return;
    size_t torn = 0;
    while (torn < len && out[len - 1 - torn] != '\n')
        torn++;
    if (ftruncate(logs.fd, (off_t)(logs.size - torn)) == 0)
        logs.size -= torn;
}

/* Where the record before the one that ends at `end` (with its newline) begins. */
static size_t begin_of(size_t end)
{
    size_t at = end > 0 ? end - 1 : 0;
    while (at > 0 && out[at - 1] != '\n')
        at--;
    return at;
}

/* Where the last batch begins: its records have one stamp, which is what they end with. The first
 * of them isn't known when the batch is longer than what was read. */
static bool last_batch(size_t len, size_t *from, char stamp[30])
{
    enum { STAMP = 30, END = 3 }; /* "…Z"}\n */
    if (len < STAMP + END)
        return false;
    memcpy(stamp, out + len - END - STAMP, STAMP);
    *from = len;
    while (*from >= STAMP + END && memcmp(out + *from - END - STAMP, stamp, STAMP) == 0)
        *from = begin_of(*from);
    return *from > 0 || len == logs.size;
}

/* How many bytes of the n in `in` are the records from `from` on, one by one; 0 if they differ. */
static size_t same_as(size_t n, size_t from, size_t len, const char *tag, const char stamp[30])
{
    static char one[WC_KEEP_JSON_ROOM];
    size_t at = 0;
    while (from < len) {
        const char *newline = memchr(in + at, '\n', n - at);
        if (newline == NULL || (size_t)(newline - (in + at)) > WC_KEEP_PART)
            return 0;
        size_t line = (size_t)(newline - (in + at));
        size_t size = wc_keep_json_record(one, in + at, line, true, tag, stamp);
        if (size > len - from || memcmp(one, out + from, size) != 0)
            return 0;
        at += line + 1;
        from += size;
    }
    return at;
}

static void drop_logged(const struct wc_keep_stream *stream)
{
    char stamp[30];
    size_t len, from;
    ssize_t n = tee(stream->fd, logs.copy[1], sizeof in, SPLICE_F_NONBLOCK), have = 0, k = 1;
    for (; have < n && k > 0; have += k > 0 ? k : 0)
        k = read(logs.copy[0], in + have, (size_t)(n - have));
    if (have > 0 && read_tail(&len) && last_batch(len, &from, stamp))
        consume(stream->fd, same_as((size_t)have, from, len, stream->tag, stamp));
}

void wc_keep_log_resume(struct wc_keep *keep, char moving)
{
    if (logs.fd < 0 || moving == '\0')
        return;
    cut_torn();
    drop_logged(&keep->streams[moving == 'e']);
    wc_keep_log_trim();
}

bool wc_keep_log_dirty(void)
{
    return logs.dirty;
}

void wc_keep_log_trim(void)
{
    logs.dirty = false;
    madvise(out, sizeof out, MADV_DONTNEED);
    madvise(in + PAGE, sizeof in - PAGE, MADV_DONTNEED);
}
