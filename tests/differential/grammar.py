"""Random Compose projects: a Case from a seed, mostly valid, sometimes with odd values.

Every attribute is one function of the generator `g`. `g.odd` is true now and then; only then are
spellings used that the reference may refuse, so that most files are accepted and compared as data.
"""

import random

from compare import CHANGES, LISTS
from yamltext import Alias, Anchor, Tag, quote, string

WORDS = ["web", "db", "a", "b", "cache", "x1", "front", "back_end", "some-name", "k.v"]
HARD = ["a b", "x: y", "# no", "$$HOME", "it's", 'say "hi"', "tab\there", "<&>", "\u00e9\u4e2d", "a=b",
        " lead", "trail ", "*star", "{x}", "[x]", "-dash", "%p", "@at", "`tick`", "a\\b", "line\nline",
        "null", "yes", "1.0", "012", "0x1F", "~", ""]
SPELLINGS = ["true", "True", "false", "yes", "no", "on", "off", "y", "n", "012", "0o12", "0x1F",
             "0b11", "1_000", "+5", "-3", "08", "09", "1e3", "1.10", "1.0", ".5", "1e21", "1e-6",
             "1234567890.5", "0.1", "100", "1:30", "22:22", "12:30:45", "!!str 1", "'1'", '"x"', "abc",
             "18446744073709551615", "9223372036854775808", "-9223372036854775808", "1.2.3", "0o8",
             "123456789012345678901234567890", "5.", "-0", "0", "-0.0", "1E5", "100000000000000000000",
             "1_0.5", "0_1", "0.30000000000000004", "3.0e-10", "!custom x", "a_1", "-.5", "+.5", "1e+2",
             "123456.789", "1000000.0", "2147483648.0", "16777216.0", "12345678.9"]


class Case:
    """One project: files by name, the arguments, the environment of the process."""

    def __init__(self):
        self.files = {}  # name -> tree
        self.texts = {}  # name -> list of lines
        self.args = []
        self.tail = ["config", "--format", "json"]
        self.env = {}
        self.depth = 4


class Gen:
    def __init__(self, seed, options):
        self.r = random.Random(seed)
        self.options = options
        self.case = Case()
        how = self.r.random()
        self.spice = 0.0 if how < 0.6 else 0.012 if how < 0.85 else 0.06
        self.targets = []
        self.refs = []
        self.n_vars = 0
        self.nets, self.vols, self.secrets, self.configs, self.services = [], [], [], [], []
        self.models = []
        self.anchored = []

    # choices ---------------------------------------------------------------------------------
    @property
    def odd(self):
        return self.r.random() < self.spice

    def chance(self, p):
        return self.r.random() < p

    def pick(self, *items):
        return self.r.choice(items)

    def some(self, items, lo=0, hi=3):
        items = list(items)
        n = min(len(items), self.r.randint(lo, hi))
        return self.r.sample(items, n)

    def list_of(self, make, lo=1, hi=3):
        return [make() for _ in range(self.r.randint(lo, hi))]

    # scalars ---------------------------------------------------------------------------------
    def var(self, text, numeric=False):
        """Text that interpolates to `text`."""
        self.n_vars += 1
        name = "V%d" % self.n_vars
        how = self.r.randrange(7)
        if "}" in text or "{" in text or "$" in text or "\n" in text:
            how = 0
        if how == 0:
            self.case.env[name] = text.replace("$$", "$")
            return "${%s}" % name
        if how == 1:
            self.case.texts.setdefault(".env", []).append("%s=%s" % (name, self.env_value(text)))
            return "$" + name
        if how == 2:
            return "${U%s:-%s}" % (name, text)
        if how == 3:
            self.case.env[name] = "1"
            return "${%s:+%s}" % (name, text)
        if how == 4:
            return "${U%s-${U%s_2:-%s}}" % (name, name, text)
        if how == 5:
            self.case.env[name] = text
            return "${%s:?needed}" % name if text else "${%s?needed}" % name
        return "${U%s-%s}" % (name, text)

    def env_value(self, text):
        if text == "" or not set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_/:ABCDEFGHIJ"):
            return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'" if "'" not in text else quote(text)
        return text

    def s(self, text):
        """A string value in some spelling, now and then by interpolation."""
        if self.chance(0.08):
            return quote(self.var(text))
        return self.pick(string(text), string(text), quote(text), quote(text, True))

    def word(self):
        if self.odd:
            return self.pick(*SPELLINGS)
        return self.s(self.pick(*WORDS))

    def text(self):
        return self.s(self.pick(*WORDS)) if self.chance(0.6) else self.s(self.pick(*HARD))

    def scalar(self):
        return self.pick(*SPELLINGS) if self.chance(0.5) else self.text()

    def boolean(self):
        if self.odd:
            return self.pick("yes", "1", '"true"', "0", "on", "''", "null", '"x"', "1.0")
        if self.chance(0.15):
            return quote(self.var(self.pick("true", "false", "y", "yes", "on", "n", "no", "off", "TRUE",
                                            "Off")))
        return self.pick("true", "false", "True", "FALSE")

    def integer(self, lo=0, hi=100):
        if self.odd:
            return self.pick("'7'", "-1", "1.5", "1.0", "1e3", "true", "abc", "null", "''", "0x10", "012",
                             "1_000", "08", "99999999999", "1e30", '" 7"', "9223372036854775807", "+5")
        text = str(self.r.randint(lo, hi))
        return quote(self.var(text)) if self.chance(0.12) else text

    def number(self):
        if self.odd:
            return self.pick("'0.5'", "-1", "1e-3", "abc", "true", "null", "0", "'1'", "1e3", "''", ".5",
                             "12345678.9", "1e21", "0.00001")
        text = self.pick("0.5", "1", "2", "1.25", "0.1", "1.50", ".5", "3.0")
        return quote(self.var(text)) if self.chance(0.12) else text

    def size(self):
        if self.odd:
            return self.pick("1e3", "-1", "0", "1024.5", "'1 gb'", "'-1'", "1t", "5p", "'1e3'", "'1.5.0'",
                             "''", "10x", "null", "true", "0x10", "1_000", "'1024.5'", "'.5k'", "' 5m'",
                             "'5 m'", "'5m '", "5mib", "'+5m'", "012", "'012'", "'1_0m'", "8388608k", "5.m")
        text = self.pick("10m", "64k", "1g", "512M", "1.5g", "1048576", "10mb", "2KiB", "5b", "7Mb", "0.5g",
                         "100", "1t", "3GB", "1.1k", "0.3m")
        if self.chance(0.1):
            return quote(self.var(text))
        return self.pick(text, quote(text))

    def duration(self):
        if self.odd:
            return self.pick("10", "'10'", "0", "'0'", "0s", "-5s", "1.5h", "1d", "2w", "1m1m", "'1 s'", "1S",
                             "''", "null", "1e3s", "us", "1us", "1ns", "10y", "+5s", "1.s", ".5s", "1h-5m",
                             "1µs", "999999h", "1d12h", "0.1ms", "1.5d", "99999999h", "1.000000001s")
        text = self.pick("10s", "1m30s", "500ms", "1h", "90s", "2h45m", "1.5s", "100us", "3600s", "60m", "1d",
                         "1ms500us", "1w", "2m0s", "0.5m")
        return self.s(text)

    # lists and maps -----------------------------------------------------------------------------
    def kv(self, bare=True, prefix="K", values=None):
        keys = self.some([prefix + str(i) for i in range(6)] + ["com.example.x", "a-b", "X_Y"], 1, 4)
        values = values or self.scalar
        if self.chance(0.5):
            out = {k: values() for k in keys}
            if bare and self.chance(0.15):
                out[keys[0]] = self.pick("null", "~", "")
            return out
        out = []
        for k in keys:
            if bare and self.chance(0.12):
                out.append(string(k))
            else:
                out.append(self.s(k + "=" + self.pick(*(WORDS + HARD + ["x=y", "1", ""]))))
        if self.odd:
            out.append(self.pick("5", "null", "K1=a", "'=x'", "''", "true", "{a: b}"))
        return out

    def strings(self, *pool, lo=1, hi=3):
        items = [self.s(x) for x in self.some(pool, lo, hi)]
        if self.odd:
            items.append(self.pick("5", "null", "true", "1.5", items[0] if items else "x"))
        return items

    def string_or_list(self, *pool):
        return self.s(self.pick(*pool)) if self.chance(0.4) else self.strings(*pool)

    def unique(self, entries):
        return {k: v for k, v in entries if v is not None}

    # services -----------------------------------------------------------------------------------
    def command(self):
        if self.chance(0.5):
            text = self.pick("run", "run -x --y=z", "sh -c 'echo hi'", 'echo "a b" c', "a\\ b c", "x   y",
                             "cmd --flag='v w'", "printf '%s' $$X", "", "echo \\\"q\\\"", "a 'b\"c' \"d'e\"",
                             "tail -f /dev/null", "a\tb", "x 'a'b\"c\"d", "a '' b", "a\\\\b", "é x", "a\nb",
                             "'a\\b'", "\"a\\b\"", "\"a\\$b\"", "a #b", "a=b c", "a*b?", "~/x", "$$(x)"
                             if self.odd else "y", "\"a\\nb\"")
            if self.odd:
                text = self.pick("a && b", "a | b", "a; b", "a > b", "(a)", "a 'b", 'a "b', "a\\", "`a b`",
                                 "a&", "#c", "x$$(a b)y", "a<b", "'a'&'b'", "a\\;b", "'a;b'")
            return self.s(text)
        if self.odd:
            return self.pick("null", "[]", "''", "5", "{a: b}", "[1, a]", "[a, null]", "true", "[true]",
                             "['']")
        return [self.text() for _ in range(self.r.randint(1, 4))]

    def port(self):
        if self.chance(0.65):
            host = self.pick("", "", "80:", "8080:", "3000-3005:", "127.0.0.1:80:", "127.0.0.1::", "0:",
                             "[::1]:80:", "0.0.0.0:53:")
            container = self.pick("80", "443", "53", "8080")
            if host in ("", "3000-3005:") and self.chance(0.3):
                container = "3000-3005"
            proto = self.pick("", "", "/tcp", "/udp", "/sctp", "/UDP")
            text = host + container + proto
            if self.odd:
                text = self.pick("::80", ":80", "80:", "70000", "0", "a:b", "80/xyz", "1.2.3.4:80",
                                 "::1:80:80", "[::1]:80", "80-70:80-70", "80-82:90", "80-82:90-91", "80/tcp/x",
                                 "80 ", " 80", "1.2.3:80:80", "host:80:80", "80-80", "22:22", "+80", "080",
                                 "080:80", "-1:80", "80:80:80", "8000-9000:80", "80/", "/tcp", "", "65535",
                                 "65536", "70000:80", "80-", "-80", "[1.2.3.4]:80:80", "[::1%eth0]:80:80",
                                 "[::ffff:1.2.3.4]:80:80", "1::2:80:90", "01.2.3.4:80:80", "8080:80-82",
                                 "8080-8082:80-82/udp", "0-2:80", "80-82:80-82:80", "256.1.1.1:80:80")
            if text.isdigit() and self.chance(0.5):
                return text
            if self.odd:
                return self.pick("80.0", "22:22", "08", "0x50", "012", "1e2", "true", "null", "[80]", "-80")
            return self.s(text)
        out = {"target": self.pick("80", "443", "8080", "'80'" if self.odd else "81")}
        if self.chance(0.7):
            out["published"] = self.pick("8080", "'8080'", "'8000-8005'", "''", "'0'", "80",
                                         "x" if self.odd else "1",
                                         "80.5" if self.odd else "2", "null" if self.odd else "3",
                                         "'8000-'" if self.odd else "4", "012" if self.odd else "5")
        if self.chance(0.4):
            out["protocol"] = self.pick("tcp", "udp", "sctp", "UDP" if self.odd else "tcp",
                                        "xyz" if self.odd else "tcp", "''")
        if self.chance(0.4):
            out["mode"] = self.pick("host", "ingress", "weird" if self.odd else "host", "''")
        if self.chance(0.3):
            out["host_ip"] = self.s(self.pick("127.0.0.1", "::1", "0.0.0.0", "", "x" if self.odd else "::"))
        if self.chance(0.2):
            out["name"] = self.s(self.pick("web", "p1", "x y"))
        if self.chance(0.2):
            out["app_protocol"] = self.s(self.pick("http", "https"))
        if self.odd:
            out.update(self.pick({"target": "70000"}, {"target": "0"}, {"target": "-1"}, {"target": "null"},
                                 {"x-a": "1"}, {"targt": "1"}, {"target": "80.5"}, {"published": "-1"},
                                 {"published": "70000"}, {"target": "1e2"}))
            if self.chance(0.3):
                del out["target"]
        return out

    def target(self):
        if self.odd:
            return self.pick("/a/../b", "/x/", "rel", "./rel", "//x", "/", "C:\\x", "/a//b", "", "/a/./b", "..",
                             "c:/x", "/é")
        if not self.targets:
            self.targets = ["/data", "/var/lib/x", "/etc/conf.d", "/t1", "/t2", "/t3", "/t4", "/a b"]
            self.r.shuffle(self.targets)
        return self.targets.pop()  # one mount on each: other files are refused

    def source(self):
        pool = ["./rel", "../up", ".", "/abs", "/abs/../x", "~/h", "./a/./b", "/abs/", "./a b", "~", "./a//b"]
        if self.odd:
            pool = ["~user/x", "C:\\data", "c:/data", "\\\\srv\\share", "a/b", "undeclared", "..", "~x", "./",
                    "./a/", "//abs", "rel\\x", ".hidden", "$$x", "C:rel", "..x", "~~"]
        return self.pick(*pool)

    def volume(self):
        form = self.r.random()
        if form < 0.55:
            source = self.source() if not self.vols or self.chance(0.6) else self.pick(*self.vols)
            options = self.pick("", "", "", ":ro", ":rw", ":z", ":Z", ":ro,z", ":rw,Z")
            if source in self.vols:
                options = self.pick("", "", ":ro", ":rw", ":nocopy", ":ro,nocopy")
            elif self.chance(0.2):
                options = ":" + self.pick("rshared", "rslave", "rprivate", "shared", "slave", "private",
                                          "ro,rshared")
            if self.odd:
                options = self.pick(":cached", ":RO", ":xyz", ":ro:z", ":", ":ro,", ":,ro", ":nocopy", ":z",
                                    ":delegated", ":ro,rw", ":consistent", ":rshared", ":volume-nocopy",
                                    ":rbind", ":noexec", ":U", ":exec", ":ro,z,Z", ":idmap")
            text = source + ":" + self.target() + options
            if self.chance(0.12):
                text = self.target()
            if self.odd:
                text = self.pick("", "a", "ab", "abc", "v:/x", "/a:/b:/c", ":/x", "/x:", "/a:/b:ro:z", "::",
                                 "a:b", "x:y", "/x:ro", "d:/data", "C:\\a:/b", "C:\\a:D:\\b", "C:\\a:D:\\b:ro",
                                 "/a::/b", "named:/x/../y", "//./pipe/x://./pipe/x", "\\\\.\\pipe\\x:/y",
                                 "./a:", ".:/x", "..:/x", "~:/x", "e:", "/", ".", "./x", "~", "C:\\x")
            return self.s(text)
        kind = self.pick("bind", "volume", "tmpfs", "bind", "volume", "image", "npipe", "cluster")
        out = {"type": kind, "target": self.s(self.target())}
        if kind == "bind":
            out["source"] = self.s(self.source())
            if self.chance(0.4):
                out["bind"] = self.unique(self.some([
                    ("create_host_path", self.boolean()),
                    ("propagation", self.pick("rprivate", "shared", "rslave", "x" if self.odd else "slave")),
                    ("selinux", self.pick("z", "Z", "x" if self.odd else "z")),
                    ("recursive", self.pick("enabled", "disabled", "writable", "readonly",
                                            "x" if self.odd else "enabled"))], 0, 3))
        if kind == "volume":
            if self.vols and self.chance(0.8):
                out["source"] = self.s(self.pick(*self.vols))
            elif self.odd:
                out["source"] = self.pick("undeclared", "./x", "''", "/abs", "null")
            if self.chance(0.4):
                out["volume"] = self.unique(self.some([
                    ("nocopy", self.boolean()), ("subpath", self.s("sub/dir")),
                    ("labels", self.kv(False))], 0, 3))
        if kind == "tmpfs" and self.chance(0.6):
            out["tmpfs"] = self.unique(self.some([
                ("size", self.size()), ("mode", self.pick("0755", "493", "0o755", "01777",
                                                          "'755'" if self.odd else "448",
                                                          "-1" if self.odd else "7"))], 0, 2))
        if kind == "image":
            out["source"] = self.s(self.pick("alpine", "repo/img:1"))
            if self.chance(0.4):
                out["image"] = {"subpath": self.s("sub")}
        if kind == "npipe":
            out["source"] = self.s("\\\\.\\pipe\\docker_engine")
        if kind == "cluster":
            out["source"] = self.s(self.pick("group:x", "cv"))
        if self.chance(0.3):
            out["read_only"] = self.boolean()
        if self.chance(0.15):
            out["consistency"] = self.pick("cached", "consistent", "delegated", "weird")
        if self.odd:
            out.update(self.pick({"type": "weird"}, {"type": "null"}, {"source": "5"}, {"x-y": "z"},
                                 {"unknown": "1"}, {"target": "''"}, {"bind": "{}"}, {"volume": "{}"},
                                 {"tmpfs": "{}"}, {"bind": "null"}, {"source": "''"}, {"image": "{}"}))
            if self.chance(0.3):
                out.pop(self.pick(*out.keys()))
        return out

    def healthcheck(self):
        out = {}
        if self.chance(0.8):
            out["test"] = self.pick(
                self.s("curl -f http://localhost || exit 1"), ["CMD", self.s("a"), self.s("b c")],
                ["CMD-SHELL", self.s("x | y")], ["NONE"], ["CMD"] if self.odd else ["CMD", "x"],
                "[a, b]" if self.odd else ["CMD", "y"], "[]" if self.odd else ["CMD", "z"],
                "''" if self.odd else self.s("true"), "null" if self.odd else self.s("false"),
                "[CMD, 5]" if self.odd else self.s("x"))
        for key in self.some(["interval", "timeout", "start_period", "start_interval"], 0, 4):
            out[key] = self.duration()
        if self.chance(0.4):
            out["retries"] = self.integer(0, 10)
        if self.chance(0.15):
            out["disable"] = self.boolean()
        return out

    def depends_on(self):
        pool = self.services[:self.at]
        if self.odd:
            pool = pool + [self.pick("missing", self.name)]
        names = self.some(pool, 1, 3)
        if not names:
            return None
        if self.chance(0.5):
            return [self.s(n) for n in names]
        out = {}
        for n in names:
            dep = {"condition": self.pick("service_started", "service_healthy",
                                          "service_completed_successfully",
                                          "weird" if self.odd else "service_started")}
            if self.chance(0.3):
                dep["restart"] = self.boolean()
            if self.chance(0.3):
                dep["required"] = self.boolean()
            if self.odd:
                dep.pop("condition")
            if self.odd:
                dep = self.pick("null", "{}", "service_started", {"x-a": "1"})
            out[n] = dep
        return out

    def networks(self):
        names = self.some(self.nets + ["default"], 1, 3)
        if self.odd:
            names = names + ["missing"]
        if self.chance(0.5):
            return [self.s(n) for n in names]
        out = {}
        for n in names:
            if self.chance(0.3):
                out[n] = self.pick("null", "", "{}")
                continue
            out[n] = self.unique(self.some([
                ("aliases", self.strings("al1", "al2", "al3")),
                ("ipv4_address", self.s(self.pick("10.1.2.3", "172.16.238.10", "x" if self.odd else "10.1.0.9"))),
                ("ipv6_address", self.s("2001:db8::10")),
                ("link_local_ips", self.strings("57.123.22.11", "57.123.22.13")),
                ("mac_address", self.s("02:42:ac:11:65:43")),
                ("driver_opts", self.driver_opts()), ("priority", self.integer()),
                ("gw_priority", self.integer()), ("interface_name", self.s("eth7"))], 1, 4))
        return out

    def env_file(self):
        name = self.pick("a.env", "b.env", "sub/c.env", "none.env" if self.odd else "a.env")
        if name != "none.env":
            self.case.texts.setdefault(name, self.dotenv())
        if self.chance(0.4):
            return self.s(self.pick(name, "./" + name))
        items = []
        for n in self.some(["a.env", "b.env", "sub/c.env"], 1, 2):
            self.case.texts.setdefault(n, self.dotenv())
            if self.chance(0.5):
                items.append(self.s(n))
            else:
                item = {"path": self.s(n)}
                if self.chance(0.4):
                    item["required"] = self.boolean()
                if self.chance(0.2):
                    item["format"] = self.pick("raw", "weird" if self.odd else "raw")
                items.append(item)
        if self.chance(0.2):
            items.append({"path": "none.env", "required": "false"})
        return items

    def dotenv(self):
        lines = []
        for i in range(self.r.randint(1, 5)):
            key = self.pick("K0", "K1", "E%d" % i, "A.b", "X-Y", "export Z%d" % i, "K2")
            value = self.pick("plain", "a b", "'single $X'", '"dq $K0"', '"a\\nb"', "x # c", "x#c", "", "${K0:-d}",
                              "'it\\'s'", "  spaced  ", '"esc \\" q"', "a\tb", "$K0-x", "${UNSET-}", "\\n", "'a' # c",
                              '"\\$X"', "a$$b", "é")
            sep = self.pick("=", "=", "=", " = ", ": ", "= ")
            lines.append(key + sep + value)
            if self.chance(0.2):
                lines.append(self.pick("", "# comment", "   ", "  # c", "BARE", "K0"))
            if self.odd:
                lines.append(self.pick("BAD LINE", "=v", "'x'=1", "A='open", 'B="open', 'C="a"b', "D=${", "1=2",
                                       "E=${X:?need}", "export", "export F", "É=1", "G='a'b=c", "\tH=1", "I[0]=x",
                                       "J=a\\", "K!=1", 'L="a\\0101b"', "M=\"a\\q\"", "N='a\\\\b'", "O=a 'b' c",
                                       "P=\"a", "Q: r", "R:s", "S==x", "T = 'x' "))
        return lines

    def reference(self, pool, default):
        names = self.some(pool, 1, 2)
        if not names:
            return None
        out = []
        for n in names:
            if self.chance(0.5):
                out.append(self.s(n))
                continue
            item = {"source": self.s(n)}
            for key, make in (("target", lambda: self.s(self.pick("x", "/etc/y", "sub/z"))),
                              ("uid", lambda: self.pick("'103'", "'0'", "5" if self.odd else "'1'")),
                              ("gid", lambda: self.pick("'103'", "'0'", "5" if self.odd else "'1'")),
                              ("mode", lambda: self.pick("0440", "'0440'", "288", "0o444", "'444'",
                                                         "abc" if self.odd else "0400"))):
                if self.chance(0.35):
                    item[key] = make()
            if self.odd:
                item.pop("source")
            out.append(item)
        if self.odd:
            out.append("missing")
        return out

    def ulimits(self):
        names = self.some(["nofile", "nproc", "core", "memlock", "stack", "weird" if self.odd else "as"], 1, 3)
        out = {}
        for n in names:
            if self.chance(0.5):
                out[n] = self.integer(1, 65535)
            else:
                out[n] = {"soft": self.integer(1, 100), "hard": self.integer(100, 1000)}
                if self.odd:
                    out[n] = self.pick({"soft": "5"}, {"hard": "5"}, {"soft": "9", "hard": "5"}, "null",
                                       {"soft": "-1", "hard": "-1"}, "-1", "'5'", "{}", "-2")
        return out

    def devices(self):
        def one():
            if self.chance(0.6):
                return self.s(self.pick("/dev/a", "/dev/a:/dev/b", "/dev/c:/dev/d:r", "/dev/e:/dev/f:rwm",
                                        "vendor.com/gpu=all", "/dev/x:/dev/y:xyz" if self.odd else "/dev/z",
                                        "/dev/a:" if self.odd else "/dev/q", "/a:/b:r:x" if self.odd else "/dev/w",
                                        "rel" if self.odd else "/dev/v", "/dev/a:rw" if self.odd else "/dev/u"))
            out = {"source": self.s("/dev/long")}
            if self.chance(0.6):
                out["target"] = self.s("/dev/t")
            if self.chance(0.4):
                out["permissions"] = self.pick("r", "rw", "rwm")
            return out
        return self.list_of(one, 1, 2)

    def extra_hosts(self):
        pairs = [("h1", "1.2.3.4"), ("h2", "::1"), ("h3", "host-gateway"), ("h4", "[::2]"), ("h.x", "10.0.0.1")]
        chosen = self.some(pairs, 1, 3)
        if self.chance(0.6):
            out = [self.s(h + self.pick("=", ":") + ip) for h, ip in chosen]
            if self.odd:
                out.append(self.pick("bad", "'x='", "'=1.2.3.4'", "''", "'a b=1.2.3.4'", "'h1=1.2.3.4'",
                                     "'h1:5.6.7.8'", "'h=notip'", "'h: 1.2.3.4'"))
            return out
        return {h: (quote(ip) if self.chance(0.6) else [quote(ip), quote("9.9.9.9")]) for h, ip in chosen}

    def logging(self):
        out = {}
        if self.chance(0.8):
            out["driver"] = self.s(self.pick("json-file", "syslog", "none"))
        if self.chance(0.6):
            out["options"] = {k: self.pick("'10m'", "3", "null" if self.odd else "x", "true" if self.odd else "y",
                                           "1.5") for k in self.some(["max-size", "max-file", "tag"], 1, 3)}
        return out

    def deploy(self):
        out = {}
        make = {
            "mode": lambda: self.pick("replicated", "global", "weird" if self.odd else "replicated"),
            "endpoint_mode": lambda: self.pick("vip", "dnsrr"),
            "replicas": lambda: self.integer(0, 5),
            "labels": lambda: self.kv(False),
            "resources": self.resources,
            "restart_policy": lambda: self.unique(self.some([
                ("condition", self.pick("any", "none", "on-failure", "weird" if self.odd else "any")),
                ("delay", self.duration()), ("max_attempts", self.integer(0, 9)),
                ("window", self.duration())], 1, 4)),
            "update_config": self.update_config,
            "rollback_config": self.update_config,
            "placement": lambda: self.unique(self.some([
                ("constraints", self.strings("node.role==manager", "node.labels.x == y")),
                ("preferences", [{"spread": self.s("node.labels.zone")}]),
                ("max_replicas_per_node", self.integer(1, 5))], 0, 3)),
        }
        for key in self.some(make, 0, 4):
            out[key] = make[key]()
        return out

    def update_config(self):
        return self.unique(self.some([
            ("parallelism", self.integer(0, 5)), ("delay", self.duration()),
            ("failure_action", self.pick("continue", "pause", "rollback")), ("monitor", self.duration()),
            ("max_failure_ratio", self.number()), ("order", self.pick("start-first", "stop-first",
                                                                     "weird" if self.odd else "stop-first"))], 1, 4))

    def resources(self):
        out = {}
        if self.chance(0.8):
            out["limits"] = self.unique(self.some([
                ("cpus", self.pick("'0.5'", "0.5", "1", "'2'", self.number())), ("memory", self.size()),
                ("pids", self.integer(1, 100))], 1, 3))
        if self.chance(0.6):
            out["reservations"] = self.unique(self.some([
                ("cpus", self.pick("'0.5'", "0.25")), ("memory", self.size()),
                ("devices", [self.device_request()]),
                ("generic_resources", [{"discrete_resource_spec": {"kind": "gpu", "value": self.integer(1, 4)}}])],
                1, 3))
        return out

    def device_request(self):
        out = {"capabilities": self.strings("gpu", "tpu")}
        if self.chance(0.5):
            out["driver"] = "nvidia"
        if self.chance(0.4):
            out["count"] = self.pick("1", "all", "'2'", "-1" if self.odd else "3", "x" if self.odd else "4")
        elif self.chance(0.4):
            out["device_ids"] = self.strings("0", "GPU-x")
        if self.chance(0.2):
            out["options"] = self.kv(False)
        return out

    def build(self):
        context = self.pick(".", "./ctx", "../x", "https://github.com/a/b.git#main", "git@github.com:a/b.git",
                            "/abs/ctx", "ctx", "github.com/a/b" if self.odd else ".",
                            "docker-image://x" if self.odd else ".", "ssh://x/y" if self.odd else ".",
                            "git://x/y" if self.odd else ".", "oci-layout://x" if self.odd else ".",
                            "http://x/y.tgz" if self.odd else ".", "service:web" if self.odd else ".",
                            "~/x")
        if self.chance(0.3):
            return self.s(context)
        make = {
            "context": lambda: self.s(context),
            "dockerfile": lambda: self.s(self.pick("Dockerfile", "sub/Dockerfile.x", "../D", "/abs/D")),
            "dockerfile_inline": lambda: quote("FROM scratch\nRUN x\n"),
            "args": lambda: self.kv(True),
            "labels": lambda: self.kv(False),
            "target": lambda: self.s("stage1"),
            "network": lambda: self.s(self.pick("host", "none", "n1")),
            "isolation": lambda: self.pick("default", "process", "hyperv"),
            "cache_from": lambda: self.strings("alpine:latest", "type=local,src=x"),
            "cache_to": lambda: self.strings("user/app:cache", "type=inline"),
            "no_cache": self.boolean, "pull": self.boolean, "privileged": self.boolean,
            "extra_hosts": self.extra_hosts,
            "platforms": lambda: self.strings("linux/amd64", "linux/arm64"),
            "tags": lambda: self.strings("t1:x", "t2"),
            "shm_size": self.size,
            "ulimits": self.ulimits,
            "additional_contexts": lambda: self.pick({"a": self.s("./p")}, {"b": "docker-image://x"}, ["c=./q"],
                                                    {"d": "https://x/y"}, {"e": "/abs"}),
            "entitlements": lambda: self.strings("network.host", "security.insecure"),
            "ssh": lambda: self.pick(["default"], ["default", "k=./x"], {"default": "null"}, {"k": "/p"}),
            "secrets": lambda: self.reference(self.secrets, "") or None,
            "provenance": lambda: self.pick("true", "mode=max", "'false'"),
            "sbom": lambda: self.pick("true", "generator=x", "'false'"),
        }
        keys = self.some(make, 1, 5)
        out = {}
        for k in keys:
            v = make[k]()
            if v is not None:
                out[k] = v
        if "dockerfile" in out and "dockerfile_inline" in out and not self.odd:
            del out["dockerfile"]
        return out

    def hooks(self):
        def one():
            out = {"command": self.command() if self.chance(0.7) else ["a", self.s("b")]}
            if self.chance(0.3):
                out["user"] = self.s("root")
            if self.chance(0.2):
                out["privileged"] = self.boolean()
            if self.chance(0.2):
                out["working_dir"] = self.s("/x")
            if self.chance(0.3):
                out["environment"] = self.kv(True)
            return out
        return self.list_of(one, 1, 2)

    def develop(self):
        def one():
            out = {"path": self.s(self.pick("./src", "x", "/abs")),
                   "action": self.pick("sync", "rebuild", "sync+restart", "restart", "sync+exec")}
            if "sync" in out["action"] or self.chance(0.3):
                out["target"] = self.s("/app")
            if out["action"] == "sync+exec":
                out["exec"] = {"command": self.pick(["a"], self.s("b c"))}
            for key in self.some(["ignore", "include"], 0, 2):
                out[key] = self.string_or_list("node_modules/", "*.go", "a b")
            if self.chance(0.2):
                out["initial_sync"] = self.boolean()
            return out
        return {"watch": self.list_of(one, 0, 2)}

    def blkio(self):
        rate = [{"path": self.s("/dev/sda"), "rate": self.pick("'12mb'", "1024", "1k", self.size())}]
        iops = [{"path": self.s("/dev/sda"), "rate": self.integer(10, 1000)}]
        return self.unique(self.some([
            ("weight", self.integer(10, 1000)),
            ("weight_device", [{"path": self.s("/dev/sda"), "weight": self.integer(10, 1000)}]),
            ("device_read_bps", rate), ("device_write_bps", rate), ("device_read_iops", iops),
            ("device_write_iops", iops)], 1, 4))

    def restart(self):
        return self.pick('"no"', "always", "on-failure", "on-failure:3", "unless-stopped", "no", "''" if self.odd
                         else "no", "weird" if self.odd else "always", "on-failure:x" if self.odd else "always",
                         "on-failure:-1" if self.odd else "always", "on-failure:" if self.odd else "no",
                         "false" if self.odd else "no", "always:3" if self.odd else "no",
                         "ALWAYS" if self.odd else "no")

    def attributes(self):
        """name -> maker, weight"""
        s, b, i = self.s, self.boolean, self.integer
        return {
            "annotations": lambda: self.kv(False),
            "attach": b,
            "blkio_config": self.blkio,
            "build": self.build,
            "cap_add": lambda: self.strings("NET_ADMIN", "ALL", "SYS_TIME"),
            "cap_drop": lambda: self.strings("ALL", "MKNOD", "CHOWN"),
            "cgroup": lambda: self.pick("host", "private", "weird" if self.odd else "host"),
            "cgroup_parent": lambda: s("m-executor"),
            "command": self.command,
            "configs": lambda: self.reference(self.configs, "/"),
            "container_name": lambda: s(self.pick("c1-%s" % self.name, "my_%s" % self.name,
                                                  "x" if self.odd else "ok.%s" % self.name,
                                                  "a b" if self.odd else "n-%s" % self.name)),
            "cpu_count": i, "cpu_percent": lambda: self.pick("50", "50.5", "0", i(0, 100)),
            "cpu_period": lambda: self.pick("50000", "'50000'" if self.odd else "100000", i()),
            "cpu_quota": lambda: self.pick("50000", "-1", "'5'" if self.odd else "7", i()),
            "cpu_rt_period": lambda: self.pick("1000", "'1000'", "'10ms'" if self.odd else "5"),
            "cpu_rt_runtime": lambda: self.pick("950", "'950'", "'10ms'" if self.odd else "6"),
            "cpu_shares": i, "cpus": self.number, "cpuset": lambda: s(self.pick("0-3", "0,1")),
            "credential_spec": lambda: self.pick({"file": s("my.json")}, {"registry": s("my-cred")},
                                                 {"config": s(self.configs[0])} if self.configs else {"file": "x"}),
            "depends_on": self.depends_on,
            "deploy": self.deploy,
            "develop": self.develop,
            "device_cgroup_rules": lambda: self.strings("c 1:3 mr", "a 7:* rmw"),
            "devices": self.devices,
            "dns": lambda: self.string_or_list("8.8.8.8", "9.9.9.9", "::1"),
            "dns_opt": lambda: self.strings("use-vc", "no-tld-query"),
            "dns_search": lambda: self.string_or_list("example.com", "dc1.example.com"),
            "domainname": lambda: s("example.com"),
            "entrypoint": self.command,
            "env_file": self.env_file,
            "environment": lambda: self.kv(True),
            "expose": lambda: [self.pick("3000", "'3000'", "'8000-8005/udp'", "80", "443/tcp",
                                         "x" if self.odd else "81", "80.5" if self.odd else "82")
                               for _ in range(self.r.randint(1, 2))],
            "external_links": lambda: self.strings("redis", "database:mysql"),
            "extra_hosts": self.extra_hosts,
            "gpus": lambda: self.pick("all", [self.device_request()]),
            "group_add": lambda: [self.pick("mail", "1000", "'5'", s("g x")) for _ in range(self.r.randint(1, 2))],
            "healthcheck": self.healthcheck,
            "hostname": lambda: s(self.pick("h1", "a.b.c")),
            "init": b,
            "ipc": lambda: self.pick("host", "shareable", "private", "none"),
            "isolation": lambda: self.pick("default", "process", "hyperv", "''", "weird" if self.odd else "''"),
            "label_file": lambda: self.label_file(),
            "labels": lambda: self.kv(False),
            "links": lambda: [s(self.services[0] + self.pick("", ":alias"))] if self.at > 0 else None,
            "logging": self.logging,
            "mac_address": lambda: s("02:42:ac:11:65:43"),
            "mem_limit": self.size, "mem_reservation": self.size, "mem_swappiness": lambda: i(0, 100),
            "memswap_limit": self.size,
            "network_mode": lambda: self.pick("host", "none", "bridge", "container:abc",
                                              s("service:" + self.services[0]) if self.at > 0 else "none"),
            "networks": self.networks,
            "oom_kill_disable": b, "oom_score_adj": lambda: i(-1000, 1000),
            "pid": lambda: self.pick("host", s("service:" + self.services[0]) if self.at > 0 else "host",
                                     "container:x"),
            "pids_limit": lambda: i(-1, 100),
            "platform": lambda: s(self.pick("linux/amd64", "linux", "linux/arm64/v8")),
            "ports": lambda: self.list_of(self.port, 1, 4),
            "post_start": self.hooks, "pre_stop": self.hooks,
            "privileged": b,
            "profiles": lambda: self.strings("dev", "prod", "debug.1"),
            "provider": lambda: {"type": s("model"), "options": {"k": self.pick("x", "1", ["a", "b"], "true")}},
            "pull_policy": lambda: self.pick("always", "never", "missing", "if_not_present", "build", "daily",
                                             "weekly", "every_12h", "weird" if self.odd else "refresh",
                                             "xalways" if self.odd else "always", "every_2d"),
            "read_only": b,
            "restart": self.restart,
            "runtime": lambda: s("runc"),
            "scale": lambda: i(0, 5),
            "secrets": lambda: self.reference(self.secrets, "/run/secrets/"),
            "security_opt": lambda: self.strings("label:user:USER", "no-new-privileges", "seccomp=./x.json",
                                                 "apparmor=unconfined"),
            "shm_size": self.size,
            "stdin_open": b,
            "stop_grace_period": self.duration,
            "stop_signal": lambda: s(self.pick("SIGTERM", "SIGUSR1", "KILL", "9", "weird" if self.odd else "INT",
                                               "SIGRTMIN+3")),
            "storage_opt": lambda: {"size": self.pick("1G", "'10'", "5" if self.odd else "2G")},
            "sysctls": lambda: self.pick({"net.core.somaxconn": self.pick("1024", "'1'")},
                                         ["net.ipv4.tcp_syncookies=0"], self.kv(False)),
            "tmpfs": lambda: self.string_or_list("/run", "/tmp:mode=755,uid=1009", "/x:size=64m"),
            "tty": b,
            "ulimits": self.ulimits,
            "use_api_socket": b,
            "user": lambda: s(self.pick("root", "1000", "1000:1000", "a:b")),
            "userns_mode": lambda: s(self.pick("host", "x")),
            "uts": lambda: self.pick("host", "host", "weird" if self.odd else "host"),
            "volumes": lambda: self.list_of(self.volume, 1, 4),
            "volumes_from": lambda: [s(self.services[0] + self.pick("", ":ro")), "container:x:rw"][
                :self.r.randint(1, 2)] if self.at > 0 else ["container:y"],
            "working_dir": lambda: s(self.pick("/code", "rel", "/a/../b")),
            "models": lambda: self.pick([s(self.models[0])], {self.models[0]: {"endpoint_var": "AI_URL"}},
                                        {self.models[0]: "null"}) if self.models else None,
            "x-foo": lambda: self.extension(2),
        }

    COMMON = ["environment", "volumes", "ports", "command", "depends_on", "networks", "healthcheck", "labels",
              "restart", "env_file", "deploy", "entrypoint"]

    def label_file(self):
        self.case.texts.setdefault("l.labels", self.dotenv())
        return self.pick("l.labels", "[l.labels]", "./l.labels")

    def extension(self, depth):
        kind = self.r.random()
        if depth == 0 or kind < 0.5:
            return self.scalar()
        if kind < 0.75:
            return [self.extension(depth - 1) for _ in range(self.r.randint(0, 3))]
        return {k: self.extension(depth - 1) for k in self.some(["a", "b", "c d", "x-y", "'1'"], 0, 3)}

    def service(self, name, partial=False):
        self.name, self.targets = name, []
        attributes = self.attributes()
        allowed = [a for a in attributes if a not in self.options.skip]
        if self.options.only:
            allowed = [a for a in allowed if a in self.options.only]
        common = [a for a in self.COMMON if a in allowed]
        keys = self.some(common, 0, 3) + self.some(allowed, 0, 4)
        out = {}
        if not partial and not self.odd:
            out["image"] = self.s(self.pick("nginx", "repo/x:1.2", "a@sha256:" + "0" * 64, "nginx:1.10",
                                            "${IMG:-busybox}"))
        for k in keys:
            if k == "network_mode" and "networks" in out and not self.odd:
                continue
            if k == "networks" and "network_mode" in out and not self.odd:
                continue
            if k in ("scale", "container_name") and ("deploy" in out or "container_name" in out
                                                     or "scale" in out) and not self.odd:
                continue
            if k == "deploy" and ("scale" in out or "container_name" in out) and not self.odd:
                continue
            value = attributes[k]()
            if value is None:
                continue
            out[k] = value
        self.fix_twins(out)
        if self.odd:
            out[self.pick("imagee", "x-y", "foo", "Image", "ports ", "restrat")] = self.scalar()
        if self.odd and out:
            out[self.pick(*out.keys())] = self.pick("null", "[]", "{}", "''", "5", "true", "[null]", "1.5",
                                                    "[[a]]", "{a: {b: c}}", "[{}]")
        return out

    def fix_twins(self, out):
        if self.odd or not isinstance(out.get("deploy"), dict):
            return
        for key in ("cpus", "mem_limit", "mem_reservation", "pids_limit"):
            if "resources" in out["deploy"]:
                out.pop(key, None)

    def merge_keys(self, services):
        """Puts an anchor on one service or a map beside it and merges it into others."""
        names = list(services)
        if not self.chance(0.25) or len(names) < 2:
            return
        base = services[names[0]]
        if not isinstance(base, dict) or "container_name" in base:
            return
        services[names[0]] = Anchor("base", base)
        for n in names[1:]:
            if isinstance(services[n], dict) and self.chance(0.6):
                merged = {"<<": self.pick(Alias("base"), [Alias("base")])}
                if self.chance(0.5):
                    merged.update(services[n])
                else:
                    merged = dict(list(services[n].items()) + list(merged.items()))
                services[n] = merged

    def network_def(self):
        if self.chance(0.2):
            return self.pick("null", "", "{}")
        if self.chance(0.15):
            out = {"external": self.pick("true", "true", "yes" if self.odd else "true",
                                         {"name": "old"} if self.odd else "true")}
            if self.chance(0.5):
                out["name"] = self.s("outside")
            return out
        out = self.unique(self.some([
            ("driver", self.s(self.pick("bridge", "overlay"))), ("driver_opts", self.driver_opts()),
            ("internal", self.boolean()), ("attachable", self.boolean()), ("enable_ipv4", self.boolean()),
            ("enable_ipv6", self.boolean()), ("labels", self.kv(False)), ("name", self.s(self.pick("nn", "my net" if self.odd else "n-2",
                                                                        "N.x"))),
            ("ipam", self.ipam()), ("x-n", self.extension(1))], 1, 4))
        return out

    def driver_opts(self):
        return {k: self.pick("x", "5", "'1'", "1.50", "true" if self.odd else "0x10", "null" if self.odd else "7",
                             "1e3") for k in self.some(["o1", "com.docker.x", "mtu"], 1, 2)}

    def ipam(self):
        out = {}
        if self.chance(0.5):
            out["driver"] = "default"
        if self.chance(0.7):
            out["config"] = [self.unique(self.some([
                ("subnet", self.s(sub)), ("gateway", self.s("10.5.0.1")), ("ip_range", self.s("10.5.0.0/25")),
                ("aux_addresses", {"h1": "10.5.0.9", "h2": "'10.5.0.10'"})], 1, 4))
                for sub in self.some(["10.5.0.0/16", "2001:db8::/64"], 1, 2)]
        if self.chance(0.2):
            out["options"] = {"foo": self.s("bar")}
        return out

    def volume_def(self):
        if self.chance(0.3):
            return self.pick("null", "", "{}")
        if self.chance(0.15):
            out = {"external": self.pick("true", "true", {"name": "old"} if self.odd else "true")}
            if self.chance(0.5):
                out["name"] = self.s("outside")
            if self.odd:
                out["driver"] = "x"
            return out
        return self.unique(self.some([
            ("driver", self.s("local")), ("driver_opts", self.driver_opts()), ("labels", self.kv(False)),
            ("name", self.s(self.pick("vn", "my vol" if self.odd else "v_2")))], 1, 3))

    def file_def(self, config):
        kind = self.pick("file", "environment", "external", "content" if config else "file")
        out = {}
        if kind == "file":
            out["file"] = self.s(self.pick("./s.txt", "s2.txt", "/abs/s", "~/s", "../s"))
        elif kind == "environment":
            self.case.env["SECRET"] = "value"
            out["environment"] = "SECRET"
        elif kind == "content":
            out["content"] = self.text()
        else:
            out["external"] = "true"
        if self.chance(0.3):
            out["name"] = self.s("given")
        if self.chance(0.2) and kind != "external":
            out["labels"] = self.kv(False)
        if self.odd:
            out.update(self.pick({"file": "./x"}, {"environment": "E"}, {"external": "true"}, {"driver": "d"},
                                 {"template_driver": "golang"}, {"driver_opts": {"a": "b"}}, {"content": "x"}))
        return out

    def model_def(self):
        out = {"model": self.s("ai/smollm2")}
        if self.chance(0.5):
            out["context_size"] = self.integer(1, 4096)
        if self.chance(0.4):
            out["runtime_flags"] = self.strings("--a", "--no-b")
        if self.chance(0.2):
            out["name"] = self.s("mn")
        return out

    # files --------------------------------------------------------------------------------------
    def main_file(self, included=None):
        """A project; with names of services, one to be included, whose resources have names of their own."""
        o, end = self.options, included[0] if included else ""
        self.nets = self.some([n + end for n in ["n1", "net-2", "N.3"]], 0, 3)
        self.vols = self.some([n + end for n in ["data", "vol_2", "V-3"]], 0, 3)
        self.secrets = self.some([n + end for n in ["s1", "s2"]], 0, 0 if "secrets" in o.skip else 2)
        self.configs = self.some([n + end for n in ["c1", "c2"]], 0, 0 if "configs" in o.skip else 2)
        self.models = self.some([n + end for n in ["m1", "m2"]], 0, 0 if "models" in o.skip else 1)
        self.services = self.some(included or ["web", "db", "cache", "Up_1", "a.b", "w-2"], 1, 3)
        services = {}
        for self.at, name in enumerate(self.services):
            services[name] = self.service(name)
        if not included and "extends" not in o.skip and self.chance(0.2):
            self.extends(services)
        self.merge_keys(services)
        root = {}
        if not included and "include" not in o.skip and self.chance(0.12):
            self.include(root)
        if self.chance(0.5):
            root["name"] = self.s(self.pick("proj", "My_Proj", "x-1", "_lead" if self.odd else "p2",
                                            "a.b c" if self.odd else "p3", "5" if self.odd else "p4"))
        if self.chance(0.1):
            root["version"] = self.pick("'3.8'", "'2'", "3.8" if self.odd else "'3'")
        root["services"] = services
        for key, names, make in (("networks", self.nets, self.network_def), ("volumes", self.vols, self.volume_def),
                                 ("secrets", self.secrets, lambda: self.file_def(False)),
                                 ("configs", self.configs, lambda: self.file_def(True)),
                                 ("models", self.models, self.model_def)):
            if names:
                root[key] = {n: make() for n in names}
        if self.chance(0.1):
            root.setdefault("networks", {})["default"] = self.network_def()
        if self.chance(0.2):
            root["x-top"] = self.extension(3)
        if self.odd:
            root[self.pick("servces", "foo", "Volumes")] = "{}"
        if self.chance(0.3):
            items = list(root.items())
            self.r.shuffle(items)
            # anchors stay in front of their aliases: only whole sections move
            root = dict(items)
        return root

    # other files --------------------------------------------------------------------------------
    def extends(self, services):
        """Some services take from one before them, or from one of another file."""
        for at, name in enumerate(services):
            service = services[name]
            if not isinstance(service, dict) or not self.chance(0.5):
                continue
            kind = self.r.random()
            if kind < 0.4 and at > 0:
                base = self.pick(*list(services)[:at])
                service["extends"] = self.pick(self.s(base), {"service": self.s(base)},
                                               {"service": self.s(base), "file": "compose.yaml"})
            elif kind < 0.9:
                file = self.pick("base.yaml", "sub/base.yaml")
                if file not in self.case.files:
                    self.case.files[file] = self.base_file()
                service["extends"] = {"file": self.s(self.pick(file, "./" + file)),
                                      "service": self.pick(*self.case.files[file]["services"])}
            if self.odd:
                service["extends"] = self.pick(name, "missing", "{file: none.yaml, service: a}", "{}", "null", "5",
                                               "{service: a, x: y}", "{file: compose.yaml}")
            self.tags(service)

    def base_file(self):
        """Services to extend. What they refer to is declared by the project."""
        at, self.at, bases = self.at, 0, {}
        for name in self.some(["b1", "b2", "b3"], 1, 3):
            bases[name] = self.service(name, self.chance(0.5))
            if len(bases) > 1 and self.chance(0.4):
                bases[name]["extends"] = self.pick(*[b for b in bases if b != name])
        self.at = at
        return {"services": bases}

    def include(self, root):
        """One or two projects of their own beside this one."""
        entries = []
        for name in self.some(["inc.yaml", "sub/inc.yaml"], 1, 2):
            kept = (self.services, self.nets, self.vols, self.secrets, self.configs, self.models)
            self.case.files[name] = self.main_file(["i%d" % len(entries), "j-%d" % len(entries)])
            if self.chance(0.3):
                self.case.texts.setdefault("sub/.env", self.dotenv())
            entry = {"path": self.pick(self.s(name), [self.s(name)])}
            if self.chance(0.3):
                entry["project_directory"] = self.s(self.pick("sub", ".", "./sub"))
            if self.chance(0.2):
                self.case.texts.setdefault("i.env", self.dotenv())
                entry["env_file"] = self.pick("i.env", "[i.env]", "./i.env")
            if self.chance(0.15):
                self.case.files["sub/also.yaml"] = self.over_file()
                entry["path"] = [self.s(name), "sub/also.yaml"]
            entries.append(self.s(name) if self.chance(0.5) else entry)
            self.services, self.nets, self.vols, self.secrets, self.configs, self.models = kept
        if self.odd:
            entries.append(self.pick("none.yaml", "{}", "null", "compose.yaml", "{path: []}", "5"))
        root["include"] = entries

    def over_file(self):
        services = {}
        for self.at, name in enumerate(self.services):
            if self.chance(0.8):
                services[name] = self.service(name, True)
                self.tags(services[name])
        root = {"services": services}
        for key, names, make in (("networks", self.nets, self.network_def), ("volumes", self.vols, self.volume_def)):
            if names and self.chance(0.3):
                root[key] = {self.pick(*names): make()}
        if self.chance(0.2):
            root["name"] = self.s("over")
        return root

    def tags(self, service):
        for k in list(service):
            if self.chance(0.06):
                service[k] = Tag(self.pick("!reset", "!override"), service[k])

    def make(self):
        c = self.case
        c.depth = self.pick(2, 3, 4, 9)
        c.env["HOME"] = "/home/u"
        for name in ("K1", "K3", "BARE"):
            if self.chance(0.3):
                c.env[name] = self.pick("fromenv", "a b", "", "x$y")
        if self.chance(0.15):
            c.texts[".env"] = self.dotenv()
        c.files["compose.yaml"] = self.main_file()
        named = []
        if self.chance(0.35):
            name = "compose.override.yaml"
            if self.chance(0.5):
                name = "over.yaml"
                named = ["compose.yaml", name]
            c.files[name] = self.over_file()
        if not named and self.chance(0.2):
            named = ["compose.yaml"]
        for n in named:
            c.args += ["-f", n]
        for p in self.some(["dev", "prod", "*"], 0, 1) if self.chance(0.4) else []:
            c.args += ["--profile", p]
        if self.chance(0.15):
            c.args += ["-p", self.pick("given", "x_1", "Bad" if self.odd else "g2")]
        if getattr(self.options, "options", False):
            c.tail = self.pick(["config", self.pick(*LISTS)], c.tail + self.some(CHANGES, 1, 2))
        return c
