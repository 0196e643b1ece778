"""remotes.py - where apps come from: a bare repository, Debian's sshd, lighttpd with git's own CGI program, and those that
misbehave. All of them on loopback inside a case's namespaces; the keys and certificates are made for the case.
"""
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading

import harness
from registries import certificates, need

WHO = {"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.org", "GIT_COMMITTER_NAME": "Ann",
       "GIT_COMMITTER_EMAIL": "ann@example.org", "GIT_CONFIG_NOSYSTEM": "1"}
SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness/git_https.py")
HTTP_BACKEND = "/usr/lib/git-core/git-http-backend"


class Remote:
    """A bare repository, and a clone that is worked in."""

    def __init__(self, t, name="shop", base=None):
        self.t, self.environment = t, {}  # and what git gets beside the case's own
        self.bare = os.path.join(base or t.base, name + ".git")
        self.work = os.path.join(t.base, name + ".work")
        self.git("init", "-q", "--bare", "-b", "main", self.bare, cwd=t.base)
        self.git("clone", "-q", self.bare, self.work, cwd=t.base)
        self.git("checkout", "-q", "-B", "main")

    def git(self, *arguments, cwd=None, stdin=None):
        environment = dict(self.t.environment, HOME=self.t.base, **WHO, **self.environment)
        done = subprocess.run(["git", *arguments], cwd=cwd or self.work, env=environment, capture_output=True,
                              text=True, check=False, input=stdin)
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout.strip()

    def commit(self, text, message, *options, name="compose.yaml"):
        """Commits one file; returns the commit."""
        path = os.path.join(self.work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, *options)
        return self.git("rev-parse", "HEAD")

    def push(self, text, message, *options, name="compose.yaml"):
        """Commits one file and pushes; returns the commit."""
        commit = self.commit(text, message, name=name)
        self.git("push", "-q", *options, "origin", "main")
        return commit

    def sign_with(self, key):
        """From now on commits are signed with this ssh key; None: not any more."""
        self.git("config", "commit.gpgsign", "false" if key is None else "true")
        if key is not None:
            self.git("config", "gpg.format", "ssh")
            self.git("config", "user.signingkey", key)

    def plant(self, kind, content):
        """Puts an object into the bare repository as it is, sound or not; returns its id."""
        return subprocess.run(["git", "--git-dir", self.bare, "hash-object", "-w", "--literally", "-t", kind, "--stdin"],
                              input=content, capture_output=True, check=True).stdout.decode().strip()


def ssh_key(t, name):
    """A key without a password; returns the path of its private half."""
    path = os.path.join(t.dir, name)
    harness.command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path)
    return path


def listening(t, port):
    def ask():
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    t.until(ask, f"somebody at port {port}", 30)


class Server:
    """A program in the foreground that serves a port."""

    def __init__(self, t, port, arguments):
        self.t, self.port, self.arguments, self.process = t, port, arguments, None

    def start(self):
        self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        self.t.children.append(self.process)
        listening(self.t, self.port)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


class Sshd(Server):
    """Debian's sshd. `key` is let in; `known_hosts` names its host key; `command` is run instead of what is asked for."""

    def __init__(self, t, port=2222, command=None):
        need("sshd", "ssh-keygen")
        self.dir = os.path.join(t.dir, f"sshd{port}")
        os.makedirs(self.dir)
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # as its service does
        self.key = ssh_key(t, f"deploy{port}")
        self.host_keys = [ssh_key(t, f"host{port}"), ssh_key(t, f"other-host{port}")]
        with open(self.key + ".pub", encoding="ascii") as f:
            before = f'command="{command}",restrict ' if command else "restrict "
            self.keys = t.write(f"sshd{port}/keys", before + f.read())
        with open(self.host_keys[0] + ".pub", encoding="ascii") as f:
            self.known_hosts = t.write(f"known_hosts{port}", f"[127.0.0.1]:{port} " + " ".join(f.read().split()[:2]) + "\n")
        super().__init__(t, port, None)
        self.be(0)

    def be(self, which):
        """Starts it with one of its two host keys. (With that SHLVL bash doesn't read ~/.bashrc, where people start things that
        take seconds.)"""
        config = self.t.write(f"sshd{self.port}/config", f"""
            Port {self.port}
            ListenAddress 127.0.0.1
            HostKey {self.host_keys[which]}
            AuthorizedKeysFile {self.keys}
            StrictModes no
            PidFile none
            UsePAM no
            PermitRootLogin yes
            AcceptEnv GIT_PROTOCOL
            SetEnv SHLVL=5
        """)
        self.arguments = ["/usr/sbin/sshd", "-D", "-e", "-f", config]
        self.start()

    def source(self, remote):
        return (f"git: 'ssh://root@127.0.0.1:{self.port}{remote.bare}', branch: main, "
                f"ssh: {{key: {self.key}, known_hosts: {self.known_hosts}}}")


class Lighttpd(Server):
    """A web server with TLS and passwords: /git/ by git's own CGI program, /files/ as they are. `ca` signs it; each request
    is a line of `log`: method, path, status, bytes of the body; through a pipe, as a file gets them seconds late."""

    def __init__(self, t, port=8443, password="t0ken-of-the-case"):
        need("lighttpd", "openssl")
        if not os.path.exists("/usr/lib/lighttpd/mod_openssl.so"):
            raise harness.Skip("lighttpd-mod-openssl is not installed (scripts/setup.sh --tests)")
        directory = os.path.join(t.dir, "lighttpd")
        certificates(directory)
        certificates(directory + ".other")
        self.ca, self.other_ca = directory + "/ca.crt", directory + ".other/ca.crt"
        self.files, self.log = os.path.join(directory, "files"), os.path.join(directory, "log")
        os.makedirs(self.files)
        self.users = t.write("lighttpd/users", f"git:{password}\n")
        self.token = t.write("token", password + "\n", mode=0o600)
        config = t.write("lighttpd/config", f"""
            server.modules = ("mod_alias", "mod_setenv", "mod_auth", "mod_authn_file", "mod_cgi", "mod_accesslog", "mod_openssl")
            server.document-root = "{directory}/files"
            server.bind = "127.0.0.1"
            server.port = {port}
            server.errorlog = "{directory}/errors"
            ssl.engine = "enable"
            ssl.pemfile = "{directory}/server.crt"
            ssl.privkey = "{directory}/server.key"
            mimetype.assign = ("" => "application/octet-stream")
            accesslog.filename = "|exec cat >>{self.log}"
            accesslog.format = "%m %U %s %b"
            accesslog.use-syslog = "disable"
            auth.backend = "plain"
            auth.backend.plain.userfile = "{self.users}"
            auth.require = ("/" => ("method" => "basic", "realm" => "case", "require" => "valid-user"))
            alias.url = ("/files" => "{self.files}")
            $HTTP["url"] =~ "^/git/" {{
                alias.url += ("/git" => "{HTTP_BACKEND}")
                cgi.assign = ("" => "")
                setenv.add-environment = ("GIT_PROJECT_ROOT" => "{t.base}", "GIT_HTTP_EXPORT_ALL" => "1")
            }}
        """)
        super().__init__(t, port, ["/usr/sbin/lighttpd", "-D", "-f", config])
        self.start()

    def source(self, remote, ca=None):
        return (f"git: 'https://127.0.0.1:{self.port}/git/{os.path.basename(remote.bare)}', branch: main, "
                f"token_file: {self.token}, ca_file: {ca or self.ca}")

    def requests(self):
        """What was asked for so far, as far as it is written: (method, path, status, bytes)."""
        with open(self.log, encoding="utf-8") as f:
            return [tuple(line.split()) for line in f]


class Https:
    """tests/harness/git_https.py over the case's directory: git and LFS at /git/, for who has the token. Whatever LFS answers
    can be told it (`be`). Each request is a line of `log`: host, method, path, Authorization."""

    def __init__(self, t):
        need("openssl")
        certificates(t.base, address="127.0.0.1,IP:127.0.0.2")
        self.t, self.dir, self.ca, self.log = t, t.base, os.path.join(t.base, "ca.crt"), os.path.join(t.base, "log")
        self.token = os.path.join(t.base, "token")
        with open(self.token, "w", encoding="ascii") as f:
            f.write("t0ken-of-the-case")
        os.chmod(self.token, 0o600)
        self.process = subprocess.Popen([sys.executable, SERVER, self.dir],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PATH": "/usr/bin:/bin"})
        t.children.append(self.process)
        self.port = int(self.process.stdout.readline())

    def url(self, remote):
        return f"https://127.0.0.1:{self.port}/git/{os.path.basename(remote.bare)}"

    def source(self, remote, more=""):
        return f"git: '{self.url(remote)}', branch: main, token_file: {self.token}, ca_file: {self.ca}, lfs: true{more}"

    def be(self, **settings):
        """How LFS misbehaves from now on; nothing: it doesn't."""
        path = os.path.join(self.dir, "lfs.json")
        with open(path + ".new", "w", encoding="utf-8") as f:
            json.dump(settings, f)
        os.rename(path + ".new", path)

    def asked(self, words):
        """How many requests had these words in them."""
        with open(self.log, encoding="utf-8") as f:
            return sum(words in line for line in f)


class Mute:
    """Takes connections and says nothing, or a byte a second."""

    def __init__(self, port, drips=False):
        gone = self.gone = threading.Event()

        class Ear(socketserver.BaseRequestHandler):
            def handle(self):
                while not gone.wait(1):
                    if drips:
                        self.request.sendall(b"S")

        class Ears(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

            def handle_error(self, *_):
                pass  # who hangs up is no error

        self.server = Ears(("127.0.0.1", port), Ear)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.gone.set()
        self.server.shutdown()
        self.server.server_close()
