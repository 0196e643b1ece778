/* test_guest.c - the agent of a virtual machine: the real program, in namespaces, on a socket. */
#include "unit/drivers/guest_box.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>

static struct guest guest;

/* Asks for a program beside the service; `options` are records, separated by newlines. */
static void run(unsigned stream, const char *line, const char *options)
{
    WC_CLEANUP_BUF struct wc_buf records = WC_BUF_INIT;
    wc_buf_reset(&guest.out[stream][0]);
    wc_buf_reset(&guest.out[stream][1]);
    wc_buf_printf(&records, "arg=sh%carg=-c%carg=%s%c", 0, 0, line, 0);
    for (const char *at = options; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        wc_buf_add(&records, at, len);
        wc_buf_addc(&records, '\0');
        at += len + (at[len] == '\n');
    }
    guest_send(&guest, WC_VM_RUN, stream, records.data, records.len);
}

static const char *output_of(const char *line, const char *options)
{
    run(5, line, options);
    guest_ended(&guest, 5);
    return guest_out(&guest, 5, 1);
}

static void sleeper(const char *lines)
{
    guest_open(&guest);
    guest_shell(&guest, "while :; do sleep 100; done", lines);
}

static void the_service_runs_and_ends(void **state)
{
    (void)state;
    guest_open(&guest);
    guest_shell(&guest, "echo out; echo err >&2; id -u; p=$(ps); echo \"$p\" | wc -l; cat; exit 3",
                "hostname=box");
    assert_int_equal(guest_ended(&guest, 0), 3);
    assert_int_equal(guest.data[1] | guest.data[2] | guest.data[3], 0);
    assert_string_equal(guest_out(&guest, 0, 1), "out\n0\n3\n"); /* a heading, sh and ps */
    assert_string_equal(guest_out(&guest, 0, 2), "err\n");
    guest_close(&guest);
}

/* It may be reaped by the time that its start is noticed. */
static void a_quick_one_has_run(void **state)
{
    (void)state;
    for (int i = 0; i < 25; i++) {
        guest_open(&guest);
        guest_conf(&guest, "arg=true");
        guest_begin(&guest, "");
        guest_until(&guest, WC_VM_RUNS, 0);
        assert_int_equal(guest_ended(&guest, 0), 0);
        guest_close(&guest);
    }
}

static void it_sees_a_container(void **state)
{
    (void)state;
    guest_open(&guest);
    static const char hosts[] = "127.0.0.1 me\n", secret[] = "swordfish\n";
    guest_file(&guest, 0, hosts, sizeof hosts - 1);
    guest_file(&guest, 7, secret, 5);
    guest_file(&guest, 7, secret + 5, sizeof secret - 6);
    guest_shell(
        &guest,
        "cat /etc/hosts /run/secrets/word; stat -c '%a %u %g' /run/secrets/word;"
        "echo x >> /etc/hosts && tail -1 /etc/hosts; echo x 2>&1 > /run/secrets/word;"
        "busybox hostname; umask; ulimit -n; id; pwd; readlink /proc/self/fd/0; echo $A;"
        "cat /proc/kcore | busybox wc -c; echo 2>&1 > /proc/sys/kernel/shmmni;"
        "cat /proc/sys/kernel/shmmni; ls /proc/bus; cat /proc/self/oom_score_adj;"
        "stat -c %F /dev/null /dev/ptmx; cat /var/run/secrets/word; ls -d /lib/a /x/y/z",
        "hostname=box\ndomainname=dom\nfile=0 0 0 644\nfile=7 1000 1001 440\n"
        "mount=/etc/hosts\tfile\t0\trbind,rprivate\n"
        "mount=/var/run/secrets/word\tfile\t7\trbind,ro\nmount=/x/y/z\ttmpfs\ttmpfs\tsize=1m\n"
        "mount=/lib64/a/b\ttmpfs\tx\t\n"
        "uid=1000\ngid=1001\ngroups=1002,7\numask=077\nrlimit=7 100 200\ncwd=/tmp\n"
        "env=A=b\nmask=/proc/kcore\nmask=/no/such\nmask=/proc/bus\nreadonly=/proc/sys\n"
        "sysctl=kernel.shmmni=99\noom_score_adj=77\ncaps=0");
    assert_int_equal(guest_ended(&guest, 0), 0);
    assert_string_equal(
        guest_out(&guest, 0, 1),
        "127.0.0.1 me\nswordfish\n440 1000 1001\n"
        "sh: can't create /run/secrets/word: Read-only file system\n"
        "box\n0077\n100\nuid=1000(bob) gid=1001(bobs) groups=7,1002(extra)\n/tmp\n"
        "/dev/null\nb\n0\n"
        "sh: can't create /proc/sys/kernel/shmmni: Read-only file system\n"
        "99\n77\ncharacter special file\nsymbolic link\nswordfish\n/lib/a\n/x/y/z\n");
    guest_close(&guest);
}

static void the_root_is_read_only(void **state)
{
    (void)state;
    guest_open(&guest);
    guest_shell(&guest, "touch /a; touch /x/a && echo good", "root_ro=1\nmount=/x\ttmpfs\tx\t");
    assert_int_equal(guest_ended(&guest, 0), 0);
    assert_string_equal(guest_out(&guest, 0, 1), "good\n");
    assert_string_equal(guest_out(&guest, 0, 2), "touch: /a: Read-only file system\n");
    guest_close(&guest);
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no '%s' in '%s'", part, text);
}

/* As wcompose-join sheds them: the same code does. */
static void rights(void **state)
{
    (void)state;
    const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOANO),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    for (int nnp = 0; nnp < 2; nnp++) {
        guest_open(&guest);
        guest_file(&guest, 3, filter, sizeof filter);
        guest_shell(&guest,
                    "cat /proc/self/status; busybox mkdir /q && echo made; while :; do sleep 9; "
                    "done",
                    nnp ? "caps=20\nnnp=1\nseccomp=3" : "caps=20\nseccomp=3");
        run(1, "cat /proc/self/status; busybox mkdir /q && echo made", "");
        assert_int_equal(guest_ended(&guest, 1), 1);
        for (unsigned stream = 0; stream < 2; stream++) {
            const char *text = guest_out(&guest, stream, 1);
            has(text, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000020\n"
                      "CapEff:\t0000000000000020\nCapBnd:\t0000000000000020\n"
                      "CapAmb:\t0000000000000000\n");
            has(text, nnp ? "NoNewPrivs:\t1\nSeccomp:\t2\n" : "NoNewPrivs:\t0\nSeccomp:\t2\n");
            has(text, "SigBlk:\t0000000000000000\n");
            assert_null(strstr(text, "made"));
        }
        guest_close(&guest);
    }
}

static void what_cannot_be_had(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *words;
    } rows[] = {
        { "arg=no-such", "run no-such: No such file or directory" },
        { "arg=/etc/passwd", "run /etc/passwd: Permission denied" },
        { "arg=true\ncwd=/nowhere", "working directory /nowhere: No such file or directory" },
        { "arg=true\ncolour=blue", "settings: unknown key colour" },
        { "cwd=/", "settings: no program" },
        { "arg=true\nmount=/x\tnofs\tx\t", "mount /x: No such device" },
        { "arg=true\nmount=x\ttmpfs\tx\t", "settings: bad mount x\ttmpfs\tx\t" },
        { "arg=true\nmount=/x\tfile\t5\tro", "mount /x: No such file or directory" },
        { "arg=true\nfile=5 0 0 999", "settings: bad file 5 0 0 999" },
        { "arg=true\nscratch=tape", "settings: scratch is disk or memory, not tape" },
        { "arg=true\nscratch=disk", "mount the writable layer /dev/vdb" },
        { "arg=true\nshares=1", "mount the host's shares" },
        { "arg=true\nsysctl=no.such=1", "sysctl no.such=1: No such file or directory" },
        { "arg=true\npids=5", "no cgroups in this kernel" },
        { "arg=true\nseccomp=5", "not a seccomp program: /files/5" },
        { "arg=true\numask=8", "settings: bad umask 8" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        char words[256];
        guest_open(&guest);
        guest_begin(&guest, rows[i].lines);
        snprintf(words, sizeof words, "%s", rows[i].words);
        for (char *c = words; *c != '\0'; c++)
            if (*c == '\t')
                *c = '?'; /* texts are printable */
        has(guest_until(&guest, WC_VM_FAILED, 0), words);
        guest_send(&guest, WC_VM_PING, 0, "12345678", 8); /* it still answers */
        do {
            assert_true(guest_next(&guest));
            assert_int_not_equal(guest.head.type, WC_VM_ENDED);
        } while (guest.head.type != WC_VM_PONG);
        guest_close(&guest);
    }
}

/* No more than a window without MORE; nothing is lost, and ENDED comes after the last byte. */
static void output_waits_for_the_host(void **state)
{
    (void)state;
    enum { LINES = 60000 };
    guest_open(&guest);
    guest.stingy = true;
    guest_shell(&guest, "seq 1 60000; echo over >&2", "");
    struct wc_buf *out = &guest.out[0][0];
    while (out->len < WC_VM_WINDOW)
        assert_true(guest_next(&guest));
    assert_int_equal(out->len, WC_VM_WINDOW);
    guest_send(&guest, WC_VM_PING, 0, "12345678", 8);
    guest_until(&guest, WC_VM_PONG, 0); /* nothing before it */
    assert_int_equal(out->len, WC_VM_WINDOW);
    guest_number(&guest, WC_VM_MORE, 0, 1);
    guest_until(&guest, WC_VM_OUTPUT, 0);
    assert_int_equal(out->len, WC_VM_WINDOW + 1);
    guest.stingy = false;
    guest_number(&guest, WC_VM_MORE, 0, WC_VM_WINDOW);
    assert_int_equal(guest_ended(&guest, 0), 0);
    const char *at = out->data;
    for (long i = 1; i <= LINES; i++) {
        char *end;
        assert_int_equal(strtol(at, &end, 10), i);
        at = end + 1;
    }
    assert_int_equal(at - out->data, out->len);
    assert_string_equal(guest_out(&guest, 0, 2), "over\n");
    guest_close(&guest);
}

/* A window of input, and as much again as TAKEN says. */
static void input_comes_in_windows(void **state)
{
    (void)state;
    enum { BYTES = 400000 };
    static char text[WC_VM_WINDOW];
    memset(text, 'z', sizeof text);
    guest_open(&guest);
    guest_shell(&guest, "busybox cat; busybox echo end", "input=1");
    for (size_t sent = 0, may = WC_VM_WINDOW; sent < BYTES;) {
        size_t n = may < BYTES - sent ? may : BYTES - sent;
        if (n > 0)
            guest_send(&guest, WC_VM_INPUT, 0, text, n);
        sent += n;
        may -= n;
        assert_true(guest_next(&guest));
        if (guest.head.type == WC_VM_TAKEN) {
            uint32_t taken;
            memcpy(&taken, guest.data, sizeof taken);
            may += taken;
            assert_true(may <= WC_VM_WINDOW);
        }
    }
    guest_send(&guest, WC_VM_INPUT_END, 0, NULL, 0);
    assert_int_equal(guest_ended(&guest, 0), 0);
    assert_int_equal(guest.out[0][0].len, BYTES + 4);
    guest_close(&guest);
}

static void a_terminal(void **state)
{
    (void)state;
    const uint16_t size[2] = { 30, 100 };
    guest_open(&guest);
    guest_shell(&guest, "read a; stty size; tty; test -c /dev/console && echo $a >&2; cat",
                "tty=1\ninput=1");
    guest_send(&guest, WC_VM_SIZE, 0, size, sizeof size);
    guest_send(&guest, WC_VM_INPUT, 0, "word\r", 5);
    guest_send(&guest, WC_VM_INPUT_END, 0, NULL, 0);
    assert_int_equal(guest_ended(&guest, 0), 0);
    assert_string_equal(guest_out(&guest, 0, 1), "word\r\n30 100\r\n/dev/pts/0\r\nword\r\n");
    assert_string_equal(guest_out(&guest, 0, 2), "");
    guest_close(&guest);
}

static void programs_beside_it(void **state)
{
    (void)state;
    sleeper("env=HOME=/root\nown_home=1\nenv=A=b\nhostname=box\ncwd=/tmp");
    run(1, "exit 42", "");
    assert_int_equal(guest_ended(&guest, 1), 42);
    assert_string_equal(
        output_of("pwd; busybox hostname; echo $A $B $HOME; id -u", "env=B=c\nenv=A=z"),
        "/tmp\nbox\nz c /root\n0\n");
    assert_string_equal(output_of("echo $HOME; id; pwd", "user=bob\ncwd=/etc"),
                        "/home/bob\nuid=1000(bob) gid=1001(bobs) groups=1002(extra)\n"
                        "/etc\n");
    assert_string_equal(output_of("stty size; tty; echo $TERM", "tty=1\nrows=9\ncols=50"),
                        "9 50\r\n/dev/pts/0\r\nxterm\r\n");
    static const char no_such[] = "arg=no-such\0";
    guest_send(&guest, WC_VM_RUN, 2, no_such, sizeof no_such - 1);
    assert_int_equal(guest_ended(&guest, 2), 127);
    assert_string_equal(guest_out(&guest, 2, 2),
                        "wcompose-join: run no-such: No such file or directory\n");
    guest_send(&guest, WC_VM_RUN, 2, "tty=1\0", 6);
    assert_int_equal(guest_ended(&guest, 2), 125);
    assert_string_equal(guest.data + 4, "no program");
    guest_send(&guest, WC_VM_RUN, 2, "colour=1\0", 9);
    assert_int_equal(guest_ended(&guest, 2), 125);
    guest_close(&guest);
}

static void programs_are_ended(void **state)
{
    (void)state;
    sleeper("");
    run(1, "echo up; while :; do sleep 100; done", "");
    guest_until(&guest, WC_VM_OUTPUT, 1);
    guest_number(&guest, WC_VM_SIGNAL, 1, SIGKILL);
    assert_int_equal(guest_ended(&guest, 1), 137);
    run(2, "trap 'echo got; exit 7' TERM; echo up; while :; do sleep 0.05; done", "");
    guest_until(&guest, WC_VM_OUTPUT, 2);
    guest_number(&guest, WC_VM_SIGNAL, 2, SIGTERM);
    assert_int_equal(guest_ended(&guest, 2), 7);
    assert_string_equal(guest_out(&guest, 2, 1), "up\ngot\n");
    guest.stingy = true;
    run(3, "yes", "");
    while (guest.out[3][0].len < WC_VM_WINDOW)
        assert_true(guest_next(&guest));
    guest_send(&guest, WC_VM_CLOSE, 3, NULL, 0);
    assert_int_equal(guest_ended(&guest, 3), 137); /* nobody reads, and it still ends */
    run(4, "sleep 100 & echo left", "");           /* who holds its output isn't waited for */
    assert_int_equal(guest_ended(&guest, 4), 0);
    assert_string_equal(guest_out(&guest, 4, 1), "left\n");
    guest_number(&guest, WC_VM_SIGNAL, 9, SIGTERM); /* for nobody */
    guest_number(&guest, WC_VM_SIGNAL, 0, SIGTERM); /* to a first process that has no handler */
    assert_string_equal(output_of("echo still", ""), "still\n");
    guest_number(&guest, WC_VM_SIGNAL, 0, SIGKILL);
    assert_int_equal(guest_ended(&guest, 0), 137);
    assert_int_equal(guest.data[1], SIGKILL);
    run(1, "true", "");
    assert_int_equal(guest_ended(&guest, 1), 125);
    assert_string_equal(guest.data + 4, "the service is not running");
    guest_close(&guest);
}

static void many_at_once(void **state)
{
    (void)state;
    sleeper("");
    unsigned ended = 0;
    for (unsigned i = 1; i < WC_VM_STREAMS; i++)
        run(i, "seq 1 3000; echo $$ >&2", "");
    while (ended < WC_VM_STREAMS - 1) {
        assert_true(guest_next(&guest));
        ended += guest.head.type == WC_VM_ENDED && guest.data[0] == 0;
    }
    for (unsigned i = 1; i < WC_VM_STREAMS; i++)
        assert_int_equal(guest.out[i][0].len, 9 + 90 * 2 + 900 * 3 + 2001 * 4 + 3000);
    guest_close(&guest);
}

static void connections(void **state)
{
    (void)state;
    guest_open(&guest);
    guest_shell(&guest,
                "busybox httpd -p 127.0.0.1:8081 -h /etc; echo up; while :; do sleep 9; done", "");
    guest_until(&guest, WC_VM_OUTPUT, 0);
    guest_send(&guest, WC_VM_CONNECT, 1, "port=8081", 10);
    guest_until(&guest, WC_VM_RUNS, 1);
    static const char get[] = "GET /group HTTP/1.0\r\n\r\n";
    guest_send(&guest, WC_VM_INPUT, 1, get, sizeof get - 1);
    assert_int_equal(guest_ended(&guest, 1), 0);
    has(guest_out(&guest, 1, 1), "\nextra:x:1002:alice,bob\n");
    guest_send(&guest, WC_VM_CONNECT, 2, "port=99", 8);
    assert_int_equal(guest_ended(&guest, 2), ECONNREFUSED);
    guest_send(&guest, WC_VM_CONNECT, 2, "unix=/tmp/no", 13);
    assert_int_equal(guest_ended(&guest, 2), ENOENT);
    guest_close(&guest);
}

static int look(const char *record)
{
    guest_send(&guest, WC_VM_LOOK, 1, record, strlen(record) + 1);
    return guest_ended(&guest, 1);
}

static void looks(void **state)
{
    (void)state;
    sleeper("mount=/x\ttmpfs\tx\t");
    assert_int_equal(look("path=/etc/passwd"), 0);
    assert_int_equal(look("path=/etc/no"), ENOENT);
    assert_int_equal(look("path=/etc/passwd/x"), ENOTDIR);
    assert_int_equal(look("path=/own"), ENOENT);
    output_of("ln -s /../../x/y /x/link; touch /x/y", "");
    assert_int_equal(look("path=/x/link"), 0);
    assert_int_equal(look("path=/../../../x/y"), 0);
    guest_close(&guest);
}

/* The box has no disks of a machine, and its memory is the host's. */
static void figures(void **state)
{
    struct wc_vm_figures said;
    (void)state;
    sleeper("");
    guest_send(&guest, WC_VM_STATS, 1, NULL, 0);
    memcpy(&said, guest_until(&guest, WC_VM_FIGURES, 1), sizeof said);
    assert_int_equal(guest.head.len, sizeof said);
    assert_int_equal(guest_ended(&guest, 1), 0);
    assert_true(said.machine_bytes > said.available_bytes && said.available_bytes > 0);
    assert_true(said.machine_bytes != WC_VM_UNKNOWN);
    assert_int_equal(said.rx_bytes, 0); /* lo doesn't count */
    assert_int_equal(said.tx_bytes, 0);
    guest_send(&guest, WC_VM_STATS, 1, NULL, 0); /* the number is free again */
    guest_until(&guest, WC_VM_FIGURES, 1);
    assert_int_equal(guest_ended(&guest, 1), 0);
    guest_close(&guest);
}

/* The socket is the agent's; the service would reach it at /run/wcompose/notify. */
static void notices(void **state)
{
    (void)state;
    static const char word[] = "READY=1\nSTATUS=fine";
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    sleeper("notify=1");
    assert_int_equal(look("path=/run/wcompose/notify"), 0);
    snprintf(name.sun_path, sizeof name.sun_path, "/proc/%d/root/notify/notify", (int)guest.pid);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(sendto(fd, word, sizeof word - 1, 0, (void *)&name, sizeof name),
                     sizeof word - 1);
    assert_string_equal(guest_until(&guest, WC_VM_NOTIFY, 0), word);
    close(fd);
    guest_close(&guest);
}

/* A link that is there in any network namespace: lo, with one more address. */
static void links(void **state)
{
    (void)state;
    struct {
        struct nlmsghdr_ {
            uint32_t len;
            uint16_t type, flags;
            uint32_t seq, pid;
            uint8_t family, prefix, address_flags, scope;
            uint32_t index;
            uint16_t attr_len, attr_type;
            uint32_t address;
        } add;
    } message = { { sizeof message, 20, 1 | 4 | 0x600, 1, 0, AF_INET, 8, 0, 0, 1, 8, 2,
                    htonl(0x7f090909) } };
    guest_open(&guest);
    guest_send(&guest, WC_VM_LINKS, 0, &message, sizeof message);
    guest_shell(&guest, "ip addr show lo", "");
    assert_int_equal(guest_ended(&guest, 0), 0);
    has(guest_out(&guest, 0, 1), "inet 127.9.9.9/8");
    has(guest_out(&guest, 0, 1), ",UP");
    guest_close(&guest);
    guest_open(&guest);
    message.add.index = 99;
    guest_send(&guest, WC_VM_LINKS, 0, &message, sizeof message);
    has(guest_until(&guest, WC_VM_FAILED, 0), "network: links message 1 (type 20)");
    guest_close(&guest);
}

/* What a host must not say: a reason, then the end. */
static void broken_frames(void **state)
{
    (void)state;
    static const struct {
        struct wc_vm_head head;
        const char *words;
    } rows[] = {
        { { 0, 0, 0, 0 }, "of no type" },
        { { 0, WC_VM_STATS + 1, 0, 0 }, "of no type" },
        { { 0, WC_VM_HELLO, 0, 0 }, "of no type" },
        { { 0, WC_VM_BEGIN, 1, 0 }, "head is out of range" },
        { { 4, WC_VM_SIGNAL, 0, WC_VM_STREAMS }, "head is out of range" },
        { { 1, WC_VM_BEGIN, 0, 0 }, "length is out of range" },
        { { 7, WC_VM_CLOCK, 0, 0 }, "length is out of range" },
        { { 65537, WC_VM_CONF, 0, 0 }, "length is out of range" },
        { { 0xffffffff, WC_VM_CONF, 0, 0 }, "length is out of range" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        guest_open(&guest);
        assert_int_equal(write(guest.sock, &rows[i].head, 8), 8);
        has(guest_until(&guest, WC_VM_SAYS, 0), rows[i].words);
        assert_int_equal(guest_gone(&guest), 1);
        guest_close(&guest);
    }
    sleeper("");
    guest_send(&guest, WC_VM_CONF, 0, "a=b", 4);
    has(guest_until(&guest, WC_VM_SAYS, 0), "a setting after BEGIN");
    assert_int_equal(guest_gone(&guest), 1);
    guest_close(&guest);
    sleeper("");
    run(0, "true", "");
    has(guest_until(&guest, WC_VM_SAYS, 0), "a stream that is in use");
    assert_int_equal(guest_gone(&guest), 1);
    guest_close(&guest);
}

static void the_host_is_gone(void **state)
{
    (void)state;
    int status;
    sleeper("");
    run(1, "while :; do sleep 100; done", "");
    guest_until(&guest, WC_VM_RUNS, 1);
    shutdown(guest.sock, SHUT_RDWR);
    assert_int_equal(waitpid(guest.pid, &status, 0), guest.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    guest.pid = 0;
    guest_close(&guest);
}

static void power_off(void **state)
{
    (void)state;
    guest_open(&guest); /* before anything runs */
    guest_close(&guest);
    guest_open(&guest);
    guest_shell(&guest, "trap '' TERM; echo up; while :; do sleep 100; done", "");
    run(1, "cat", "input=1");
    guest_until(&guest, WC_VM_RUNS, 1);
    guest_send(&guest, WC_VM_POWER_OFF, 0, NULL, 0);
    assert_int_equal(guest_ended(&guest, 0), 137); /* whoever was there is told of */
    assert_int_equal(guest_gone(&guest), 0);
    guest_close(&guest);
}

WC_MAIN(WC_CASE(the_service_runs_and_ends), WC_CASE(a_quick_one_has_run),
        WC_CASE(it_sees_a_container), WC_CASE(the_root_is_read_only), WC_CASE(rights),
        WC_CASE(what_cannot_be_had), WC_CASE(output_waits_for_the_host),
        WC_CASE(input_comes_in_windows), WC_CASE(a_terminal), WC_CASE(programs_beside_it),
        WC_CASE(programs_are_ended), WC_CASE(many_at_once), WC_CASE(connections), WC_CASE(looks),
        WC_CASE(figures), WC_CASE(notices), WC_CASE(links), WC_CASE(broken_frames),
        WC_CASE(the_host_is_gone), WC_CASE(power_off))
