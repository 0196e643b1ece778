"""cases_transfers.py - how images come over the line: HTTP/2, proxies, tokens that run out, a disk that is full; and what a
terminal shows of it.
"""
import fcntl
import json
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import termios
import threading
import time

import fixture
import harness
import pty
import registries
from registries import Distribution, Liar, send

FAST = {"WCOMPOSE_PULL_STALL": "20s", "WCOMPOSE_PULL_TRIES": "3"}



def small(number, size):
    import io
    import tarfile
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        fixture.add(tar, f"layer{number}", os.urandom(size))
    return out.getvalue()


def in_store(t):
    """Blobs, layers and what a change collects."""
    root = os.path.join(t.root, "lib", "images")
    found = []
    for part in ("blobs/sha256", "layers", "diffs", "tmp"):
        place = os.path.join(root, part)
        found += [os.path.join(place, name) for name in (os.listdir(place) if os.path.isdir(place) else [])]
    return found


# ---- HTTP/2 ----

def case_pull_http2(t):
    """A server that offers HTTP/2 is spoken to by it: all layers over the connection that the manifest came by."""
    registries.need("nghttpx", "openssl")
    certs = os.path.join(t.base, "certs")
    registries.certificates(certs)
    registry = Liar(t, 5000)
    registry.put("1", [small(i, 300000) for i in range(1, 9)])
    log = os.path.join(t.base, "nghttpx.log")
    out = open(os.path.join(t.base, "nghttpx.out"), "wb")
    t.children.append(subprocess.Popen(
        ["nghttpx", "--conf=/dev/null", "--no-ocsp", "--workers=1", "-f127.0.0.1,5443", "-b127.0.0.1,5000",
         f"--accesslog-file={log}", "--accesslog-format=$remote_port $alpn $request", certs + "/server.key",
         certs + "/server.crt"], stdout=out, stderr=out))
    t.until(lambda: registries.listens(5443), "nghttpx")
    result = t.wc("image", "pull", "localhost:5443/x:1", env=dict(FAST, WCOMPOSE_LOG="debug"))
    assert result.err.count("by HTTP/2") == 10, result
    lines = t.until(lambda: (lambda rows: rows if len(rows) == 10 else None)(harness.read(log).splitlines()), "the log")
    assert all(line.split()[1] == "h2" for line in lines), lines
    assert len({line.split()[0] for line in lines}) == 1, f"more than one connection: {lines}"


# ---- proxies ----

class Proxy:
    """CONNECT, and GET of whole addresses; `seen` has the first lines."""

    def __init__(self, port):
        self.seen = []
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                return
            head += data
        first, _, rest = head.partition(b"\r\n")
        self.seen.append(first.decode())
        method, target, _ = first.decode().split(" ")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            server = socket.create_connection((host, int(port)))
            client.sendall(b"HTTP/1.1 200 Established\r\n\r\n")
        else:
            host, path = re.fullmatch(r"http://([^/]+)(/.*)", target).groups()
            name, _, port = host.partition(":")
            server = socket.create_connection((name, int(port or 80)))
            server.sendall(f"{method} {path} HTTP/1.1\r\nConnection: close\r\n".encode() + rest)
        threading.Thread(target=self.copy, args=(server, client), daemon=True).start()
        self.copy(client, server)

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def case_pull_proxies(t):
    """https_proxy by CONNECT, http_proxy by whole addresses, in small letters and capitals; no_proxy; never for the loopback."""
    registries.need("openssl")
    address, certs = harness.OWN_ADDRESS, os.path.join(t.base, "certs")
    registries.certificates(certs, "registry.example", address)
    tls = {"certificate": certs + "/server.crt", "key": certs + "/server.key"}
    secure = Distribution(t, 5443, {"tls": tls, "addr": "0.0.0.0:5443"})
    layout = os.path.join(t.base, "layout")
    fixture.oci_directory(layout, "bb:1")
    secure.push(layout, "bb:1")
    plain = Liar(t, 5000, "0.0.0.0")
    plain.put("1", [small(1, 100000)])
    place = os.path.join(t.root, "etc", "certs.d", f"{address}:5443")
    os.makedirs(place)
    shutil.copy(certs + "/ca.crt", place + "/ca.crt")
    proxy, at = Proxy(3128), "http://127.0.0.1:3128"

    def seen(reference, **environment):
        proxy.seen.clear()
        t.wc("image", "pull", "--insecure-registry", f"{address}:5000", reference, env=dict(FAST, **environment))
        t.wc("image", "rm", reference)
        return {line.split(" ")[0] for line in proxy.seen}

    for name in ("https_proxy", "HTTPS_PROXY"):
        assert seen(f"{address}:5443/bb:1", **{name: at}) == {"CONNECT"}, proxy.seen
        assert seen(f"{address}:5443/bb:1", **{name: at, "no_proxy": address}) == set(), proxy.seen
    for name in ("http_proxy", "HTTP_PROXY"):
        assert "GET" in seen(f"{address}:5000/x:1", **{name: at}), proxy.seen
        assert seen(f"{address}:5000/x:1", **{name: at, "NO_PROXY": address}) == set(), proxy.seen
    assert seen(f"{address}:5000/x:1", HTTP_PROXY=at, REQUEST_METHOD="GET") == set(), "anybody's header is a proxy"
    assert seen("localhost:5000/x:1", http_proxy=at, https_proxy=at) == set(), "the loopback by a proxy"
    dead = t.wc("image", "pull", f"{address}:5443/bb:1", code=69, env=dict(FAST, https_proxy="http://127.0.0.1:3129"))
    assert f"{address}:5443" in dead.err, dead


# ---- tokens ----

def case_pull_token_runs_out(t):
    """Tokens that are good for two seconds, and layers that take longer: each is got anew, also in the middle of a layer."""
    registry = Liar(t, 5000)
    layers = [small(i, 400000) for i in range(1, 5)]
    registry.put("1", layers)
    given, cut = {}, []

    def tokens(handler):
        token = f"token{len(given)}"
        given[token] = time.monotonic()
        send(handler, 200, json.dumps({"token": token, "expires_in": 2}).encode())

    registries.serve(t, 5001, tokens)

    def guard(handler, what):
        token = (handler.headers.get("Authorization") or "").removeprefix("Bearer ")
        if time.monotonic() - given.get(token, -10.0) < 2.0:
            return False
        send(handler, 401, b"", {"WWW-Authenticate": 'Bearer realm="http://127.0.0.1:5001/t",service="r",scope="repository:x:pull",'
                                                     'error="invalid_token"'})
        return True

    def slow(handler, what):
        if not what.startswith("blobs/"):
            return False
        data = registry.blobs[what[6:]]
        first = int((handler.headers.get("Range") or "bytes=0-").split("=")[1].split("-")[0])
        time.sleep(1.4)
        if first == 0 and what == "blobs/" + registries.digest_of(layers[2]) and not cut:
            cut.append(what)
            send(handler, 200, data[:100000], length=len(data))
            time.sleep(2.2)  # by the time it goes on, the token is over
            handler.connection.shutdown(2)
            handler.close_connection = True
            return True
        headers = {"Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"} if first else {}
        send(handler, 206 if first else 200, data[first:], headers)
        return True

    registry.rules += [guard, slow]
    t.wc("image", "pull", "localhost:5000/x:1", env=dict(FAST, WCOMPOSE_PULL_PARALLEL="1"))
    assert len(given) >= 3 and cut, given
    ranges = [seen[3] for seen in registry.seen if seen[1].endswith(registries.digest_of(layers[2])) and seen[3]]
    assert ranges, "the layer that broke began anew"
    assert t.wc("image", "ls", "-q").out.strip()


# ---- the disk ----

def case_pull_disk_full(t):
    """No room in the middle of a pull: said, 1, and all of its space is given back; what fits is still pulled."""
    registry = Liar(t, 5000)
    registry.put("big", [small(i, 3000000) for i in range(1, 5)])
    registry.put("small", [small(9, 200000)])
    place = os.path.join(t.root, "lib", "images")
    os.makedirs(place, mode=0o700)
    harness.command("mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "full", place)
    try:
        t.wc("image", "ls")
        before = shutil.disk_usage(place).used
        for _ in range(2):
            result = t.wc("image", "pull", "localhost:5000/x:big", code=1, env=FAST)
            assert "No space left on device" in result.err and "localhost:5000/x:big" in result.err, result
            t.wc("image", "ls")
            assert in_store(t) == [], in_store(t)
            assert shutil.disk_usage(place).used <= before + 65536, "space isn't given back"
        t.compose('services: {web: {image: "localhost:5000/x:big"}}\n')
        result = t.wc("up", "-d", code=1, env=FAST)
        assert "service web" in result.err and t.ps() == [], result
        t.wc("image", "pull", "localhost:5000/x:small", env=FAST)
        assert "x:small" in t.wc("image", "ls").out
    finally:
        harness.command("umount", place)


# ---- what is seen ----

class Screen:
    """What a terminal shows of bytes: lines, as far as pulls use them."""

    def __init__(self):
        self.lines, self.row, self.col, self.most = [""], 0, 0, 0

    def put(self, text):
        for part in re.findall(r"\033\[[?\d;]*[A-Za-z]|\r|\n|[^\033\r\n]+", text):
            line = self.lines[self.row]
            if part == "\r":
                self.col = 0
            elif part == "\n":
                self.row, self.col = self.row + 1, 0
                while len(self.lines) <= self.row:
                    self.lines.append("")
            elif part.startswith("\033["):
                self.control(part[2:-1], part[-1])
            else:
                self.lines[self.row] = line[:self.col].ljust(self.col) + part + line[self.col + len(part):]
                self.col += len(part)
        self.most = max(self.most, len([line for line in self.lines if line.strip()]))

    def control(self, number, what):
        if what == "A":
            self.row = max(0, self.row - int(number or 1))
        elif what == "K":
            self.lines[self.row] = self.lines[self.row][:self.col]
        elif what == "J":
            self.lines[self.row] = self.lines[self.row][:self.col]
            del self.lines[self.row + 1:]
        else:
            assert what in "mhl", f"an escape that nobody knows: {number}{what}"


def on_terminal(t, *arguments):
    """The bytes that a command writes to a terminal of 80 columns, as they come, until it ends."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = t.start(*arguments, stdin=slave, stdout=slave, stderr=slave,
                      env=dict(t.environment, TERM="xterm-256color", **FAST))
    os.close(slave)
    chunks, end = [], time.monotonic() + 60
    while time.monotonic() < end:
        try:
            data = os.read(master, 65536) if select.select([master], [], [], 0.1)[0] else b""
        except OSError:
            break
        if data:
            chunks.append(data)
    os.close(master)
    return process.wait(timeout=10), b"".join(chunks).decode()


def case_pull_progress_on_a_terminal(t):
    """One line an image that moves, bar, bytes and speed; one line each is what stays; nothing moves elsewhere; JSON."""
    registry = Liar(t, 5000)
    registry.put("1", [small(i, 600000) for i in range(1, 4)])
    registry.put("2", [small(i, 600000) for i in range(4, 7)])

    def drip(handler, what):
        if not what.startswith("blobs/") or len(registry.blobs[what[6:]]) < 500000:
            return False
        data = registry.blobs[what[6:]]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        for at in range(0, len(data), 60000):
            handler.wfile.write(data[at:at + 60000])
            time.sleep(0.12)
        return True

    registry.rules.append(drip)
    names = ["localhost:5000/x:1", "localhost:5000/x:2"]
    code, shown = on_terminal(t, "image", "pull", *names)
    assert code == 0, shown
    screen = Screen()
    screen.put(shown)
    rest = [line.rstrip() for line in screen.lines if line.strip()]
    pulled = [line for line in rest if " pulled " in line]
    assert len(pulled) == 2 and len(rest) == 4, rest  # and the names on standard output
    assert all(re.search(r"x:\d\s+pulled\s+1\.7 MiB in \d", line) for line in pulled), pulled
    assert re.search(r"of 1\.7 MiB", shown) and re.search(r"MiB/s|KiB/s", shown) and " left" in shown, repr(shown[-3000:])
    assert "\033[?2026h" in shown and shown.count("\033[?2026h") == shown.count("\033[?2026l")
    assert shown.count("\033[?2026h") >= 5, "nothing moved"
    assert screen.most <= 4, "more than a line for an image"
    for name in names:
        t.wc("image", "rm", name)

    plain = t.wc("image", "pull", *names, env=FAST)
    assert plain.err.count("\n") == 4 and "\r" not in plain.err, plain
    for name in names:
        t.wc("image", "rm", name)
    events = [json.loads(line) for line in t.wc("--progress", "json", "image", "pull", *names, env=FAST).err.splitlines()]
    for name in names:
        own = [event for event in events if event["image"] == name]
        assert own[-1]["state"] == "pulled" and own[-1]["bytes"] == own[-1]["total_bytes"] > 1800000, own
        assert [event["bytes"] for event in own] == sorted(event["bytes"] for event in own), own
    assert t.wc("image", "pull", "-q", *names, env=FAST).err == ""
