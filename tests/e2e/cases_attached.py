"""The foreground: log prefixes, Ctrl-C, exit codes; logs, events, exec."""
import fcntl
import json
import os
import pty
import select
import signal
import termios
import time

TICK = """
    services:
      tick:
        image: bb:1
        command: [sh, -c, "trap 'echo bye; exit 0' TERM; echo first; echo second >&2; while :; do sleep 60 & wait $$!; done"]
        stop_grace_period: 5s
"""


def read_until(process, text, seconds=60):
    """Reads a process's output until `text` is in it; returns all of it."""
    out, end = "", time.monotonic() + seconds
    descriptor = process.stdout.fileno()
    while text not in out:
        assert time.monotonic() < end, f"waited for {text!r}, got:\n{out}"
        if select.select([descriptor], [], [], 0.1)[0]:
            data = os.read(descriptor, 65536)
            assert data, f"ended before {text!r}:\n{out}"
            out += data.decode(errors="replace")
    return out


def case_ctrl_c_stops_gracefully(t):
    t.load_image()
    t.compose(TICK)
    before = t.things()
    process = t.start("up")
    out = read_until(process, "second")
    assert any(line.startswith("tick") and line.rstrip().endswith("first") for line in out.splitlines()), out
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()
    assert process.wait(timeout=60) == 130, rest
    assert "bye" in rest, rest
    assert t.row("tick")["State"] == "exited"
    t.wc("down")
    t.nothing_left(before)


def case_second_ctrl_c_kills(t):
    t.load_image()
    t.compose("services: {deaf: {image: 'bb:1', command: [sh, -c, 'echo up; exec sleep 1000'], "
              "stop_grace_period: 300s}}\n")
    process = t.start("up")
    read_until(process, "up\n")
    process.send_signal(signal.SIGINT)
    read_until(process, "Ctrl-C again kills it")  # two signals that wait are one
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.wait(timeout=60) == 130
    assert t.row("deaf")["ExitCode"] == 137
    t.wc("down")


def case_up_ends_when_all_have_ended(t):
    t.load_image()
    t.compose("services: {job: {image: 'bb:1', command: [echo, hello]}}\n")
    result = t.wc("up")
    assert "hello" in result.out + result.err
    t.wc("down")


def case_exit_code_from(t):
    t.load_image()
    t.compose("""
        services:
          tests: {image: "bb:1", command: [sh, -c, "sleep 0.3; exit 42"]}
          db: {image: "bb:1", stop_grace_period: 1s}
    """)
    t.wc("up", "--exit-code-from", "tests", code=42)
    t.wc("up", "--abort-on-container-exit", code=42)
    assert not any(row["State"] == "running" for row in t.ps())
    t.wc("down")


def case_logs(t):
    t.load_image()
    t.compose("""
        services:
          a: {image: "bb:1", command: [sh, -c, "for i in 1 2 3 4 5; do echo a$$i; done; echo err >&2"]}
          b: {image: "bb:1", command: [sh, -c, "echo only; printf unfinished"]}
    """)
    t.wc("up", "-d")
    t.until(lambda: all(row["State"] == "exited" for row in t.ps()), "their end")
    assert t.wc("logs", "--no-log-prefix", "--tail", "2", "a").out.splitlines() == ["a5", "err"]
    everything = t.wc("logs").out
    assert everything.count("\n") >= 8 and "unfinished" in everything, everything
    stamped = t.wc("logs", "--timestamps", "--no-log-prefix", "b").out.splitlines()[0]
    assert stamped.split()[0].startswith("20") and stamped.endswith(" only"), stamped
    assert t.wc("logs", "--since", "1h", "--no-log-prefix", "--tail", "1", "a").out == "err\n"
    assert t.wc("logs", "--until", "1h", "a").out == ""
    t.wc("logs", "--tail", "some", code=64)
    t.wc("down")


def case_logs_follow(t):
    t.load_image()
    t.compose("""
        services:
          tick:
            image: bb:1
            command: [sh, -c, "trap 'exit 0' TERM; i=0; while :; do echo tick $$i; i=$$((i+1)); sleep 0.1; done"]
            stop_grace_period: 2s
    """)
    t.wc("up", "-d")
    process = t.start("logs", "-f", "--tail", "1", "tick")
    read_until(process, "tick 12")
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.wait(timeout=60) in (0, 130)
    t.wc("down")


def case_log_rotation(t):
    t.load_image()
    t.compose("""
        services:
          loud:
            image: bb:1
            command: [sh, -c, "i=0; while [ $$i -lt 2000 ]; do echo $$i 0123456789012345678901234567890; i=$$((i+1)); done"]
            logging: {driver: json-file, options: {max-size: 20k, max-file: "3"}}
    """)
    t.wc("up", "-d")
    t.until(lambda: t.row("loud")["State"] == "exited", "its end")
    sizes = []
    for here, _, names in os.walk(os.path.join(t.root, "lib")):
        sizes += [os.path.getsize(os.path.join(here, n)) for n in names if n.startswith("log.json")]
    assert 1 < len(sizes) <= 3 and max(sizes) < 24 * 1024, sizes
    lines = t.wc("logs", "--no-log-prefix").out.splitlines()
    numbers = [int(line.split()[0]) for line in lines]
    assert numbers[-1] == 1999 and numbers == list(range(numbers[0], 2000)), numbers[:5]
    t.wc("down")


def case_events(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s}}\n")
    t.wc("up", "-d")
    process = t.start("events", "--json")
    # it follows from some moment on: news are made until the first one comes
    t.until(lambda: t.wc("kill", "-s", "CONT", "web") and select.select([process.stdout], [], [], 0)[0], "an event")
    t.wc("stop")
    out = read_until(process, "exited")
    process.send_signal(signal.SIGINT)
    if not out.endswith("\n"):
        out += process.stdout.readline()
    events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert all(event["v"] == 1 for event in events)
    assert any(event.get("service") == "web" and event["action"] == "exited" for event in events), events
    t.wc("down")


def case_exec_codes_and_streams(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s}}\n")
    t.wc("up", "-d")
    assert t.run_inside("web", "sh", "-c", "exit 37", code=37)
    assert t.run_inside("web", "cat", stdin="through\n").out == "through\n"
    result = t.run_inside("web", "sh", "-c", "echo out; echo err >&2")
    assert (result.out, result.err) == ("out\n", "err\n"), result
    t.run_inside("web", "/no/such/program", code=127)
    t.run_inside("web", "/etc/passwd", code=126)
    t.run_inside("web", "sh", "-c", "kill -9 $$", code=137)
    got = t.wc("exec", "-T", "-e", "A=1", "-e", "B=two words", "-u", "app", "-w", "/tmp", "web", "sh", "-c",
               "echo $A:$B:$(id -u):$(pwd)").out
    assert got == "1:two words:1000:/tmp\n", got
    homes = [t.wc("exec", "-T", *user, "web", "sh", "-c", "echo $HOME").out.strip()
             for user in ([], ["-u", "app"], ["-u", "4242"], ["-u", "app", "-e", "HOME=/x"])]
    assert homes == ["/root", "/home/app", "/", "/x"], homes
    t.wc("exec", "-T", "wev", "true", code=66)
    t.wc("stop")
    stopped = t.wc("exec", "-T", "web", "true", code=None)
    assert stopped.code != 0 and "web" in stopped.err, stopped
    t.wc("down")


def case_exec_with_a_terminal(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s}}\n")
    t.wc("up", "-d")
    master, slave = pty.openpty()
    process = t.start("exec", "web", "sh", "-c", "test -t 0 && test -t 1 && echo is a tty; stty size; exit 5",
                      stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    out, end = "", time.monotonic() + 60
    while "is a tty" not in out or process.poll() is None:
        assert time.monotonic() < end, out
        try:
            if select.select([master], [], [], 0.1)[0]:
                out += os.read(master, 4096).decode()
        except OSError:
            break
    assert process.wait(timeout=60) == 5 and "is a tty" in out, out
    os.close(master)
    t.wc("down")


def case_progress_on_a_terminal(t):
    """A terminal gets redrawn rows with colour; NO_COLOR takes the colour only; --progress plain neither."""
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s}}\n")
    shown = on_terminal(t, "up", "-d")
    assert "\033[?2026h" in shown and "\033[32m" in shown and "1/1" in shown, repr(shown)
    t.wc("down")
    bare = on_terminal(t, "up", "-d", NO_COLOR="1")
    assert "\033[?2026h" in bare and "\033[32m" not in bare, repr(bare)
    t.wc("down")
    plain = on_terminal(t, "--progress", "plain", "--ansi", "never", "up", "-d")
    assert "\033" not in plain and "web" in plain, repr(plain)
    t.wc("down")


def on_terminal(t, *arguments, **variables):
    """What a command writes to its terminal until it ends with 0."""
    master, slave = pty.openpty()
    process = t.start(*arguments, stdin=slave, stdout=slave, stderr=slave,
                      env=dict(t.environment, TERM="xterm-256color", **variables))
    os.close(slave)
    out, end = "", time.monotonic() + 60
    while time.monotonic() < end:
        try:
            data = os.read(master, 65536) if select.select([master], [], [], 0.1)[0] else b""
        except OSError:  # the other side was closed
            break
        out += data.decode(errors="replace")
    os.close(master)
    assert process.wait(timeout=60) == 0, out
    return out


def case_ctrl_c_on_a_terminal(t):
    """The key, not the signal: the terminal sends SIGINT to the foreground group."""
    t.load_image()
    t.compose(TICK)
    master, slave = pty.openpty()
    process = t.start("up", stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                      preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    out, sent, end = "", False, time.monotonic() + 60
    while time.monotonic() < end:
        try:
            data = os.read(master, 65536) if select.select([master], [], [], 0.1)[0] else b""
        except OSError:
            break
        out += data.decode(errors="replace")
        if "second" in out and not sent:
            os.write(master, b"\x03")
            sent = True
    os.close(master)
    assert process.wait(timeout=60) == 130 and "bye" in out, out
    t.wc("down")


def case_exec_is_confined(t):
    """What exec runs is in the instance's namespaces and cgroup, with its capabilities and its filter."""
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s, mem_limit: 64m, cap_drop: [ALL]}}\n")
    t.wc("up", "-d")
    pid = t.pid("web")
    process = t.start("exec", "-T", "web", "sleep", "60")
    inner = t.until(lambda: [p for p in filter(str.isdigit, os.listdir("/proc")) if inside(p, "sleep 60")],
                    "the process of exec")[0]
    assert read_groups(inner) == read_groups(pid)
    for kind in ("pid", "mnt", "net", "ipc", "uts"):
        assert os.readlink(f"/proc/{inner}/ns/{kind}") == os.readlink(f"/proc/{pid}/ns/{kind}"), kind
    status = t.status(inner)
    assert int(status["CapEff"], 16) == 0 and status["Seccomp"] == "2", status
    process.kill()
    t.wc("down")


def inside(pid, command):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
            words = f.read().replace("\0", " ").strip()
        return words == command
    except OSError:
        return False


def read_groups(pid):
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as f:
        return sorted(f.read().splitlines())
