"""registries.py - registries for the cases that pull: Debian's docker-registry as it is, with TLS, passwords or
tokens; and one of our own that misbehaves on request. All of them on loopback inside a case's namespaces.
"""
import base64
import hashlib
import http.server
import json
import os
import shutil
import socketserver
import subprocess
import threading
import time
import urllib.parse

import fixture
import harness

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise harness.Skip(f"{program} is not installed (scripts/setup.sh --tests)")


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


# ---- Debian's ----

def certificates(directory, name="localhost", address="127.0.0.1"):
    """Makes a certificate authority (ca.crt), a server's pair (server.*) and a client's (client.*)."""
    def openssl(*arguments):
        harness.command("openssl", *arguments, cwd=directory)

    os.makedirs(directory, exist_ok=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2",
            "-subj", "/CN=case CA")
    for who, extra in (("server", f"subjectAltName=DNS:{name},IP:{address}"), ("client", "extendedKeyUsage=clientAuth")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", who + ".key", "-out", who + ".csr", "-subj", "/CN=" + who)
        with open(os.path.join(directory, who + ".ext"), "w", encoding="utf-8") as f:
            f.write(extra + "\n")
        openssl("x509", "-req", "-in", who + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", who + ".ext", "-out", who + ".crt")


class Distribution:
    """A docker-registry of its own. `settings` are added to its configuration (JSON is YAML)."""

    def __init__(self, t, port, http_settings=None, **settings):
        need("docker-registry", "skopeo")
        self.t, self.port, self.asked, self.is_secure = t, port, 0, "tls" in (http_settings or {})
        directory = os.path.join(t.base, f"registry{port}")
        os.makedirs(directory)
        whole = {"version": 0.1, "log": {"level": "error", "accesslog": {"disabled": False}},
                 "storage": {"filesystem": {"rootdirectory": os.path.join(directory, "data")}},
                 "http": dict({"addr": f"127.0.0.1:{port}"}, **(http_settings or {})), **settings}
        self.config = os.path.join(directory, "config.yml")
        with open(self.config, "w", encoding="utf-8") as f:
            json.dump(whole, f)
        self.log = os.path.join(directory, "log")
        self.start()

    def start(self):
        """Starts it, or starts it again with what it had."""
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(["docker-registry", "serve", self.config], stdout=out, stderr=out)
        self.t.children.append(self.process)
        self.t.until(lambda: listens(self.port), f"a registry on port {self.port}")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def push(self, layout, name, *options):
        """Copies an OCI layout there; `options` are skopeo's."""
        subprocess.run(["skopeo", "--insecure-policy", "copy", "--all", "--dest-tls-verify=false", *options, "oci:" + layout,
                        f"docker://127.0.0.1:{self.port}/{name}"], check=True, capture_output=True, text=True)

    def requests(self):
        """The requests so far, as "GET /v2/…". Each is written down after its answer: one of our own is waited for, and quiet."""
        if not self.is_secure:
            self.asked += 1
            mark = f"/v2/?asked={self.asked}"
            self.t.refused(f"http://127.0.0.1:{self.port}{mark}")
            self.t.until(lambda: mark in harness.read(self.log), "the registry's log")
        size = -1
        while size != os.path.getsize(self.log):
            size = os.path.getsize(self.log)
            time.sleep(0.2)
        found = []
        for line in harness.read(self.log).splitlines():
            parts = line.split('"')
            if len(parts) > 2 and parts[1].split(" ")[0] in ("GET", "HEAD") and "?asked=" not in parts[1]:
                found.append(" ".join(parts[1].split(" ")[:2]))
        return found


def listens(port, address="127.0.0.1"):
    import socket
    with socket.socket() as s:
        return s.connect_ex((address, port)) == 0


class TokenServer:
    """Gives tokens that docker-registry's `auth: token` takes (RS256, the certificate in the token)."""

    def __init__(self, t, port, certs, users=None, seconds=300):
        need("openssl")
        self.certs, self.users, self.seconds = certs, users or {}, seconds
        self.asked, self.identity = [], "an-identity-token"
        with open(os.path.join(certs, "server.crt"), encoding="ascii") as f:
            self.der = "".join(line for line in f.read().splitlines() if "-----" not in line)
        serve(t, port, self.answer)
        self.realm = f"http://127.0.0.1:{port}/token"

    def settings(self):
        return {"auth": {"token": {"realm": self.realm, "service": "the registry", "issuer": "the case",
                                   "rootcertbundle": os.path.join(self.certs, "ca.crt")}}}

    def answer(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if handler.command == "POST":
            query = dict(urllib.parse.parse_qsl(handler.rfile.read(int(handler.headers["Content-Length"])).decode()))
        who = handler.headers.get("Authorization", "")
        self.asked.append((handler.command, query, who))
        if handler.command == "POST":
            good = query.get("refresh_token") == self.identity
        elif self.users:
            user, _, password = base64.b64decode(who[6:] or "Og==").decode().partition(":")
            good = self.users.get(user) == password
        else:
            good = True
        if not good:
            send(handler, 401, b'{"details":"incorrect username or password"}')
            return
        body = json.dumps({"token": self.token(query.get("scope", "")), "expires_in": self.seconds}).encode()
        send(handler, 200, body, {"Content-Type": "application/json"})

    def token(self, scope):
        kind, name, actions = scope.split(":", 2)
        now = int(time.time())
        head = {"typ": "JWT", "alg": "RS256", "x5c": [self.der]}
        claims = {"iss": "the case", "sub": "somebody", "aud": "the registry", "exp": now + self.seconds, "nbf": now - 10,
                  "iat": now, "jti": str(now), "access": [{"type": kind, "name": name, "actions": actions.split(",")}]}

        def coded(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

        text = coded(json.dumps(head).encode()) + "." + coded(json.dumps(claims).encode())
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", os.path.join(self.certs, "server.key")],
                                input=text.encode(), check=True, capture_output=True).stdout
        return text + "." + coded(signed)


# ---- our own ----

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


def serve(t, port, answer, address="127.0.0.1"):
    """Runs `answer(handler)` for each request, in a thread of the case."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            answer(self)

        do_HEAD = do_POST = do_GET

        def log_message(self, *_):
            pass

    server = Server((address, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def send(handler, status, body=b"", headers=None, length=None):
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


class Liar:
    """A registry that serves one image per name and does what a rule says instead.

    rules   list of functions (handler, what) -> True when they answered; what is "manifests/TAG" or "blobs/DIGEST"
    seen    (method, path, Authorization, Range) of each request
    """

    def __init__(self, t, port, address="127.0.0.1"):
        self.port, self.blobs, self.tags, self.types = port, {}, {}, {}
        self.rules, self.seen = [], []
        self.server = serve(t, port, self.answer, address)

    def add(self, data, kind=None):
        digest = digest_of(data)
        self.blobs[digest] = data
        self.types[digest] = kind
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    def put(self, tag, layers, more=None, change=None, diff_ids=None):
        """An image of these layers (tar bytes); `change` gets the manifest as a dict before it is stored."""
        config = self.add(fixture.config(diff_ids or [digest_of(data) for data in layers], **(more or {})), CONFIG)
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config,
                    "layers": [self.add(data, LAYER) for data in layers]}
        if change:
            change(manifest)
        stored = self.add(json.dumps(manifest).encode(), MANIFEST)
        self.tags[tag] = stored["digest"]
        return stored

    def answer(self, handler):
        path = urllib.parse.urlsplit(handler.path).path
        self.seen.append((handler.command, path, handler.headers.get("Authorization"), handler.headers.get("Range")))
        what = "/".join(path.split("/")[-2:])
        for rule in self.rules:
            if rule(handler, what):
                return
        self.serve(handler, what)

    def serve(self, handler, what):
        kind, _, which = what.partition("/")
        digest = self.tags.get(which, which) if kind == "manifests" else which
        data = self.blobs.get(digest)
        if data is None:
            send(handler, 404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
            return
        headers = {"Content-Type": self.types[digest] or "application/octet-stream", "Docker-Content-Digest": digest}
        start = handler.headers.get("Range")
        if start and kind == "blobs":
            first = int(start.split("=")[1].split("-")[0])
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
            send(handler, 206, data[first:], headers)
            return
        send(handler, 200, data, headers)


def index_of(registry, tag, trees):
    """An image list at a Liar: architecture -> layer (tar bytes). Returns its digest."""
    entries = []
    for arch, data in trees.items():
        config = json.loads(fixture.config([digest_of(data)]))
        config["architecture"] = arch
        blob = registry.add(json.dumps(config).encode(), CONFIG)
        manifest = registry.add(json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": blob,
                                            "layers": [registry.add(data, LAYER)]}).encode(), MANIFEST)
        entries.append(dict(manifest, platform={"os": "linux", "architecture": arch}))
    index = registry.add(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode(), INDEX)
    registry.tags[tag] = index["digest"]
    return index["digest"]
