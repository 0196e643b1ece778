#!/usr/bin/env python3
"""git_https.py - an https server on loopback for tests: git by git-http-backend, files with ETags, and answers of the worst kind.

    git_https.py DIRECTORY      serves DIRECTORY with server.crt and server.key in it; prints the port, ends with its standard input

    /git/…      repositories beneath DIRECTORY, for who has the token in DIRECTORY/token (none: for everybody)
    /files/…    files beneath DIRECTORY; the token as above
    /stall/…    takes the request and says nothing
    /drip/…     an answer of which a byte comes each second
    /endless/…  an answer without an end
    /lie/…      what git takes for an answer, up to where it isn't one
    /git/NAME/info/lfs/…   Git LFS's batch API and its objects, in DIRECTORY/NAME/lfs/objects, as git-lfs has them there
    /store/NAME/OID        the same objects for everybody who has the header that DIRECTORY/lfs.json says
    /away/…     a redirection to the same path on https://127.0.0.2, where another one listens
Every request is a line in DIRECTORY/log: host, path, and what stood in Authorization.

DIRECTORY/lfs.json makes LFS misbehave, each of these for itself:
    "answer": text      what a question is answered with          "status": 500       with this status
    "error": {…}        the error of each object                  "href": "https://…" where objects are: this, and the OID
    "header": {…}       what is to be sent with a download        "content": "wrong", "short", "long", "chunked" (and long)
    "first": {…}        as error, of the first object alone       "redirect": "https://…" where downloads are sent on to
"""
import base64
import hashlib
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time

ROOT = os.path.abspath(sys.argv[1])


def token():
    try:
        with open(os.path.join(ROOT, "token"), encoding="utf-8") as f:
            return f.read().strip()
    except FileNotFoundError:
        return None


def lfs_settings():
    try:
        with open(os.path.join(ROOT, "lfs.json"), encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def note(self):
        with open(os.path.join(ROOT, "log"), "a", encoding="utf-8") as f:
            f.write(f"{self.connection.getsockname()[0]} {self.command} {self.path} {self.headers.get('Authorization')}\n")

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def allowed(self):
        wanted = token()
        given = self.headers.get("Authorization") or ""
        if wanted is None:
            return True
        if given.startswith("Basic ") and base64.b64decode(given[6:]).decode().partition(":")[2] == wanted:
            return True
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(401, WWW_Authenticate='Basic realm="git"')
        return False

    def git(self):
        path, _, query = self.path[len("/git"):].partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        environment = {"PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": ROOT, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
                       "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_ADDR": "127.0.0.1",
                       "CONTENT_TYPE": self.headers.get("Content-Type") or "", "CONTENT_LENGTH": str(length),
                       "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "", "GIT_CONFIG_COUNT": "1",
                       "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
                       "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or ""}
        body = self.rfile.read(length)
        out = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False).stdout
        head, _, content = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        self.answer(status, content, **headers)

    def file(self):
        path = os.path.normpath(os.path.join(ROOT, self.path[len("/files/"):]))
        if not path.startswith(ROOT + "/") or not os.path.isfile(path):
            self.answer(404)
            return
        with open(path, "rb") as f:
            content = f.read()
        self.answer(200, content, ETag='"' + hashlib.sha256(content).hexdigest()[:16] + '"')

    def lfs_object(self, repository, oid):
        """Sends or takes one object."""
        settings = lfs_settings()
        path = os.path.join(ROOT, repository, "lfs/objects", oid[:2], oid[2:4], oid)
        if self.command == "PUT":
            content = self.rfile.read(int(self.headers["Content-Length"]))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(content)
            self.answer(200)
            return
        if "redirect" in settings and not self.path.startswith("/store/"):
            self.answer(302, Location=settings["redirect"] + oid)
            return
        if any(self.headers.get(name) != value for name, value in settings.get("header", {}).items()) or not os.path.isfile(path):
            self.answer(404)
            return
        with open(path, "rb") as f:
            content = f.read()
        kind = settings.get("content")
        if kind == "chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in [content] + [b"x" * 65536] * 100:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        changed = {"wrong": b"#" * len(content), "short": content[:-1], "long": content + b"#"}
        self.answer(200, changed.get(kind, content))

    def lfs_batch(self, repository):
        settings = lfs_settings()
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "status" in settings or "answer" in settings:
            self.answer(settings.get("status", 200), settings.get("answer", "").encode())
            return
        base = f"https://127.0.0.1:{self.server.server_address[1]}{self.path.rsplit('/', 1)[0]}/"
        objects = []
        for one in question["objects"]:
            answer = {"oid": one["oid"], "size": one["size"]}
            is_here = os.path.isfile(os.path.join(ROOT, repository, "lfs/objects", one["oid"][:2], one["oid"][2:4], one["oid"]))
            action = {"href": settings.get("href", base) + one["oid"], "header": settings.get("header", {}), "expires_in": 600}
            if question["operation"] == "upload":
                given = self.headers.get("Authorization")  # as servers do for who came by ssh
                upload = {"href": base + one["oid"], "header": {"Authorization": given} if given else {}}
                answer.update({} if is_here else {"actions": {"upload": upload}})
            elif "error" in settings or not is_here or ("first" in settings and not objects):
                missing = {"code": 404, "message": "Object does not exist"}
                answer["error"] = settings.get("error", settings.get("first", missing))
            else:
                answer["actions"] = {"download": action}
            objects.append(answer)
        self.answer(200, json.dumps({"transfer": "basic", "objects": objects}).encode(), Content_Type="application/vnd.git-lfs+json")

    def lfs(self):
        repository, _, rest = self.path[len("/git/"):].partition("/info/lfs/")
        if rest == "objects/batch":
            self.lfs_batch(repository)
        elif rest.startswith("objects/"):
            self.lfs_object(repository, rest[len("objects/"):])
        else:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(404, b"{}", Content_Type="application/vnd.git-lfs+json")

    def forever(self, piece, pause):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        self.send_header("Connection", "close")
        self.end_headers()
        while self.command != "HEAD":
            self.wfile.write(piece)
            time.sleep(pause)

    def do_GET(self):
        self.note()
        kind = self.path.split("/")[1]
        try:
            if kind in ("git", "files"):
                if self.allowed():
                    self.lfs() if "/info/lfs/" in self.path else self.git() if kind == "git" else self.file()
            elif kind == "store":
                self.lfs_object(*self.path.split("/")[2:4])
            elif kind == "stall":
                time.sleep(600)
            elif kind == "drip":
                self.forever(b"0", 1)
            elif kind == "endless":
                self.forever(b"0" * 65536, 0)
            elif kind == "lie":
                self.answer(200, b"001e# service=git-upload-pack\n0000fffe" + b"\x00" * 70000,
                            Content_Type="application/x-git-upload-pack-advertisement")
            elif kind == "away":
                self.answer(302, Location=f"https://127.0.0.2:{self.server.server_address[1]}/git{self.path[len('/away'):]}")
            else:
                self.answer(404)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    do_HEAD = do_GET
    do_POST = do_GET
    do_PUT = do_GET


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def serve(address, port):
    server = Server((address, port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(ROOT, "server.crt"), os.path.join(ROOT, "server.key"))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


chosen = serve("127.0.0.1", 0)
serve("127.0.0.2", chosen)
sys.stdout.write(f"{chosen}\n")  # in one piece: who reads it closes the pipe
sys.stdout.flush()
sys.stdin.read()
