/* fuzz_monitor.c - whatever bytes a guest, a VMM, or a client of vm/sock sends to the monitor of a
 * virtual machine.
 *
 * The input is a play: one byte says who speaks (agent, client, QMP, console, reader), one how much
 * of what follows is said. The agent's part may be raw bytes, or a frame whose head is made well,
 * so that the fuzzer gets past it. After every line the monitor has its turn; at the end the books
 * must be right. The monitor's own files are compiled in, so that their statics can be reset.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/hyperv/monitor/mon.h"
#include "drivers/keeper/common.c"

/* NOLINTBEGIN(bugprone-suspicious-include): see above; names that two files have get one each */
#define line console_line
#define line_len console_line_len
#define on_line console_on_line
#define panic console_panic
#include "drivers/hyperv/monitor/mon_console.c"
#undef line
#undef line_len
#undef on_line
#undef panic
#define line qmp_line
#include "drivers/hyperv/monitor/mon_qmp.c"
#undef line
#define take qmp_take
#define answer client_answer
#define packet client_packet
#include "drivers/hyperv/monitor/mon_client.c"
#undef packet
#define out channel_out
#define head channel_head
#include "drivers/hyperv/monitor/mon_channel.c"
#undef out
#undef head
#include "drivers/hyperv/monitor/mon_guest.c"
#include "drivers/hyperv/monitor/mon_end.c"
#include "drivers/hyperv/monitor/mon_starve.c"
#include "drivers/hyperv/monitor/mon_template.c"
#define turn stream_turn
#include "drivers/hyperv/monitor/mon_stream.c"
#undef turn
/* NOLINTEND(bugprone-suspicious-include) */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { AGENT_RAW, AGENT, CLIENT_NEW, CLIENT, CLIENT_GONE, QMP, CONSOLE, READER, SPEAKERS };
enum { CLIENTS = 4 };

static struct wc_mon mon;

/* No machine is started: the next one is of no use either. */
int wc_mon_spawn_vmm(struct wc_mon *the_mon, struct wc_list *argv)
{
    (void)the_mon, (void)argv;
    return -1;
}

struct play {
    int agent, qmp, console, read_out;
    int clients[CLIENTS];
    const uint8_t *data;
    size_t left;
};

static void pair_of(int *ours, int *theirs, int type)
{
    int ends[2];
    if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        abort();
    *ours = ends[0];
    *theirs = ends[1];
}

static void begin_play(struct play *play)
{
    static char boot[64];
    int pipe_ends[2];
    console_line_len = line_len = got = out_from = out_len = 0;
    too_long = greeted = false;
    console_panic[0] = '\0';
    memset(&mon, 0, offsetof(struct wc_mon, streams));
    for (unsigned n = 0; n < WC_VM_STREAMS; n++) /* without megabytes of rings */
        memset(&mon.streams[n], 0, offsetof(struct wc_mon_stream, ring));
    step = 0;
    pair_of(&mon.channel, &play->agent, SOCK_STREAM);
    pair_of(&mon.qmp, &play->qmp, SOCK_STREAM);
    pair_of(&mon.console, &play->console, SOCK_STREAM);
    if (pipe2(pipe_ends, O_NONBLOCK | O_CLOEXEC) != 0 ||
        fcntl(pipe_ends[1], F_SETPIPE_SZ, 4096) < 0)
        abort();
    play->read_out = pipe_ends[0];
    mon.signals = mon.programs = mon.listener = mon.state_fd = -1;
    mon.word = open("/dev/null", O_WRONLY | O_CLOEXEC);
    mon.boot = boot;
    mon.boot_len = sizeof boot;
    mon.conf.boot_ms = mon.conf.beat_ms = mon.conf.patience_ms = 60000;
    int err = open("/dev/null", O_WRONLY | O_CLOEXEC);
    wc_mon_stream_open(&mon, 0, -1, pipe_ends[1], err, -1)->begun = true;
    mon.deadline_ms = wc_mon_now_ms() + 60000;
    for (size_t i = 0; i < CLIENTS; i++)
        play->clients[i] = -1;
}

static void end_play(struct play *play)
{
    int *const fds[] = { &play->agent, &play->qmp, &play->console, &play->read_out,
                         &mon.channel, &mon.qmp,   &mon.console,   &mon.word };
    for (unsigned n = 0; n < WC_VM_STREAMS; n++) {
        if (!mon.streams[n].used)
            continue;
        mon.streams[n].client =
            mon.streams[n].client >= 0 ? (close(mon.streams[n].client), -1) : -1;
        let_go(&mon, n);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        if (play->clients[i] >= 0)
            close(play->clients[i]);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (*fds[i] >= 0)
            close(*fds[i]);
}

static uint8_t next_byte(struct play *play)
{
    if (play->left == 0)
        return 0;
    play->left--;
    return *play->data++;
}

static size_t next_part(struct play *play, size_t most, const uint8_t **at)
{
    size_t len = next_byte(play);
    len = len == 255 ? most : len;
    len = len < play->left ? len : play->left;
    len = len < most ? len : most;
    *at = play->data;
    play->data += len;
    play->left -= len;
    return len;
}

/* What was counted, for every stream, is never more than there is. */
static void check_books(void)
{
    for (unsigned n = 0; n < WC_VM_STREAMS; n++) {
        const struct wc_mon_stream *s = &mon.streams[n];
        if (!s->used)
            continue;
        assert((size_t)s->allowed + s->owed + s->ring[0].len + s->ring[1].len <= WC_VM_WINDOW);
        assert(s->sendable <= WC_VM_WINDOW);
        assert(n == 0 || s->begun || (!s->runs && !s->ended && !s->figures));
    }
    assert(out_from + out_len <= sizeof channel_out);
}

static void the_monitor(const struct play *play)
{
    static char heard[65536];
    struct pollfd fds[WC_MON_POLLED];
    (void)wc_mon_turn(&mon);
    if (!mon.over)
        assert(wc_mon_streams_poll(&mon, fds) <= (size_t)4 * WC_VM_STREAMS);
    if (mon.qmp >= 0)
        wc_mon_qmp_read(&mon);
    if (mon.console >= 0)
        wc_mon_console_read(&mon);
    if (mon.channel >= 0 && !mon.over)
        wc_mon_channel_read(&mon);
    if (mon.channel >= 0)
        wc_mon_channel_write(&mon);
    wc_mon_streams_turn(&mon);
    check_books();
    while (recv(play->agent, heard, sizeof heard, 0) > 0) {
    }
}

static void say_frame(struct play *play)
{
    const uint8_t *at;
    struct wc_vm_head h = { .type = (uint8_t)(WC_VM_HELLO + next_byte(play) % 10),
                            .stream = next_byte(play) % (CLIENTS + 1) };
    size_t len = next_part(play, 4000, &at);
    h.len = (uint32_t)len;
    (void)send(play->agent, &h, sizeof h, MSG_NOSIGNAL);
    (void)send(play->agent, at, len, MSG_NOSIGNAL);
}

static void say_packet(struct play *play, int client)
{
    static const uint8_t types[] = { WC_VM_RUN,    WC_VM_CONNECT,   WC_VM_LOOK,
                                     WC_VM_SIGNAL, WC_VM_INPUT_END, WC_VM_CLOSE,
                                     WC_VM_SIZE,   WC_VM_PING,      WC_VM_STATS };
    union {
        char space[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } c = { .space = { 0 } };
    const uint8_t *at;
    uint8_t what = next_byte(play), n = next_byte(play) % 6;
    size_t len = next_part(play, 60000, &at);
    struct wc_vm_head h = { .len = (uint32_t)len, .type = types[what % 9] };
    struct iovec iov[] = { { &h, what & 0x80 ? what % (1 + sizeof h) : sizeof h },
                           { (void *)(uintptr_t)at, len } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
    int null = open("/dev/null", O_RDWR | O_CLOEXEC),
        fds[8] = { null, null, null, null, null, null };
    if (n > 0) {
        msg.msg_control = c.space;
        msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
        c.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n * sizeof(int)),
                                    .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS };
        memcpy(CMSG_DATA(&c.align), fds, n * sizeof(int));
    }
    (void)sendmsg(client, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(null);
}

/* Takes the place of wc_mon_accept, whose listener there is none of. */
static void come(struct play *play, size_t i)
{
    int ours;
    for (unsigned n = 1; n < WC_VM_STREAMS && play->clients[i] < 0; n++)
        if (!mon.streams[n].used) {
            pair_of(&ours, &play->clients[i], SOCK_SEQPACKET);
            wc_mon_stream_open(&mon, n, -1, -1, -1, ours);
        }
}

static void speak(struct play *play)
{
    char drained[4096];
    const uint8_t *at;
    size_t len;
    uint8_t who = next_byte(play);
    int *client = &play->clients[(who >> 4) % CLIENTS];
    switch (who % SPEAKERS) {
    case AGENT_RAW:
        len = next_part(play, 4000, &at);
        (void)send(play->agent, at, len, MSG_NOSIGNAL);
        break;
    case AGENT:
        say_frame(play);
        break;
    case CLIENT_NEW:
        come(play, (who >> 4) % CLIENTS);
        break;
    case CLIENT:
        if (*client >= 0)
            say_packet(play, *client);
        break;
    case CLIENT_GONE:
        if (*client >= 0)
            close(*client);
        *client = -1;
        break;
    case QMP:
        len = next_part(play, 8000, &at);
        (void)send(play->qmp, at, len, MSG_NOSIGNAL);
        break;
    case CONSOLE:
        len = next_part(play, 8000, &at);
        (void)send(play->console, at, len, MSG_NOSIGNAL);
        break;
    default:
        (void)!read(play->read_out, drained, sizeof drained);
        break;
    }
}

/* Files are made in a directory of its own, once; most plays begin with a machine that has come up
 * or runs, or is woken from a template. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool placed;
    static const struct {
        struct wc_vm_head head;
        uint32_t value;
    } hello = { { .len = 4, .type = WC_VM_HELLO }, WC_VM_VERSION },
      runs = { { .len = 4, .type = WC_VM_RUNS }, 1 };
    struct play play = { .data = data, .left = size };
    char dir[] = "/tmp/fuzz-monitor-XXXXXX";
    if (!placed && (mkdtemp(dir) == NULL || chdir(dir) != 0))
        abort();
    placed = true;
    (void)signal(SIGPIPE, SIG_IGN);
    begin_play(&play);
    uint8_t how = next_byte(&play);
    if (how & 1)
        (void)send(play.agent, &hello, sizeof hello, MSG_NOSIGNAL);
    if (how & 1)
        the_monitor(&play);
    if (how & 2)
        (void)send(play.agent, &runs, sizeof runs, MSG_NOSIGNAL);
    mon.conf.tty = (how & 4) != 0;
    mon.conf.mode = (how & 24) == 8 ? "restore" : (how & 24) == 16 ? "save" : NULL;
    if ((how & 25) == 8)
        mon.state = WC_MON_LOADS;
    while (play.left > 0 && !mon.over) {
        the_monitor(&play);
        speak(&play);
    }
    the_monitor(&play);
    end_play(&play);
    return 0;
}
