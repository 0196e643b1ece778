"""cases_registry.py - pulling: from Debian's docker-registry (plain, TLS with passwords, tokens), and from a registry
that lies, cuts, stalls, redirects and floods.
"""
import base64
import glob
import json
import os
import threading
import time

import fixture
import registries
from registries import Distribution, Liar, TokenServer, send

FAST = {"WCOMPOSE_PULL_STALL": "20s", "WCOMPOSE_PULL_TRIES": "3"}  # who stalls on purpose is given up sooner


def layout(t, name="layout"):
    path = os.path.join(t.base, name)
    if not os.path.exists(path):
        fixture.oci_directory(path, "bb:1")
    return path


def images(t):
    return {row["image"]: row for row in t.wc("image", "ls", "--format", "json").rows}


def store_is_clean(t):
    """Nothing of a failed pull is in the store."""
    root = os.path.join(t.root, "lib", "images")
    left = [f for part in ("blobs/sha256", "layers", "diffs", "tmp/*") for f in glob.glob(os.path.join(root, part, "*"))]
    assert not left, f"left in the store: {left}"


def fails(t, code, words, *arguments, env=None):
    began = time.monotonic()
    result = t.wc("image", "pull", *arguments, code=code, env=dict(FAST, **(env or {})))
    assert result.code != 0, f"it succeeded:\n{result}"
    text = " ".join(result.err.split())
    for word in words if isinstance(words, (list, tuple)) else [words]:
        assert word in text, f"'{word}' isn't said:\n{result}"
    assert time.monotonic() - began < 120, "took too long to give up"
    return result


# ---- Debian's registry ----

def case_pull_and_run(t):
    """A tag that isn't there is pulled by `image pull`, runs, and costs one request the second time."""
    registry = Distribution(t, 5000)
    registry.push(layout(t), "team/bb:1")
    first = t.wc("image", "pull", "localhost:5000/team/bb:1")
    assert first.out == "localhost:5000/team/bb:1\n", first
    before = len(registry.requests())
    second = t.wc("image", "pull", "-q", "localhost:5000/team/bb:1")
    assert second.out == first.out and "up to date" not in second.err
    asked = registry.requests()[before:]
    assert asked == ["HEAD /v2/team/bb/manifests/1"], asked
    row = images(t)["localhost:5000/team/bb:1"]
    by_digest = "localhost:5000/team/bb@" + row["digest"]
    before = len(registry.requests())
    t.wc("image", "pull", by_digest)
    assert registry.requests()[before:] == [], "what has a digest is asked for though it is there"
    t.compose("""
        services:
          web: { image: "localhost:5000/team/bb:1" }
        """)
    t.wc("up", "-d")
    assert t.run_inside("web", "cat", "/seed/first").out == "from the image\n"
    t.wc("down")


def case_pull_is_what_load_makes(t):
    """The same image by a registry and by a file: the same id, the same layers, the same files."""
    registry = Distribution(t, 5000)
    registry.push(layout(t), "bb:1")
    t.wc("image", "load", "--name", "loaded:1", "oci:" + layout(t))
    loaded = images(t)["docker.io/library/loaded:1"]
    t.wc("image", "rm", "loaded:1")
    t.wc("image", "pull", "localhost:5000/bb:1")
    pulled = images(t)["localhost:5000/bb:1"]
    for key in ("id", "architecture", "layers", "size_bytes"):
        assert loaded[key] == pulled[key], (key, loaded, pulled)


def case_pull_events(t):
    """The same events as lines and as objects; nothing moves where nobody looks."""
    registry = Distribution(t, 5000)
    registry.push(layout(t), "bb:1")
    plain = t.wc("image", "pull", "localhost:5000/bb:1")
    assert "\r" not in plain.err and "\033" not in plain.err
    assert "pulling" in plain.err and "pulled" in plain.err, plain
    t.wc("image", "rm", "localhost:5000/bb:1")
    result = t.wc("--progress", "json", "image", "pull", "localhost:5000/bb:1")
    rows = [json.loads(line) for line in result.err.splitlines()]
    states = [row["state"] for row in rows if row.get("type") == "pull"]
    assert states[0] == "asking" and states[-1] == "pulled" and "fetching" in states, states
    assert rows[-1]["total_bytes"] > 0 and rows[-1]["digest"].startswith("sha256:"), rows[-1]


def case_pull_tls_and_passwords(t):
    """A registry with a certificate of its own and passwords: certs.d, config.json, auth.json, a helper; and without."""
    registries.need("htpasswd", "openssl")
    certs = os.path.join(t.base, "certs")
    registries.certificates(certs)
    passwords = os.path.join(t.base, "htpasswd")
    registries.harness.command("htpasswd", "-Bbc", passwords, "user", "s3cret-pw")
    tls = {"certificate": certs + "/server.crt", "key": certs + "/server.key"}
    registry = Distribution(t, 5443, {"tls": tls}, auth={"htpasswd": {"realm": "r", "path": passwords}})
    registry.push(layout(t), "bb:1", "--dest-creds", "user:s3cret-pw")
    name, home = "localhost:5443/bb:1", os.path.join(t.base, "home")
    os.makedirs(home + "/.docker")
    environment = {"HOME": home, "PATH": home + ":" + os.environ["PATH"], "WCOMPOSE_LOG": "debug"}

    refused = fails(t, 77, "docker login", name, env=environment)  # loopback: the certificate isn't asked about
    place = os.path.join(t.root, "etc", "certs.d", "localhost:5443")
    os.makedirs(place)

    def configure(document, path=".docker/config.json"):
        whole = os.path.join(home, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w", encoding="utf-8") as f:
            json.dump(document, f)

    coded = base64.b64encode(b"user:s3cret-pw").decode()
    wrong = base64.b64encode(b"user:s3cret-no").decode()
    configure({"auths": {"localhost:5443": {"auth": wrong}}})
    refused = fails(t, 77, "credentials", name, env=environment)
    for secret in ("s3cret", wrong, coded):
        assert secret not in refused.err, "a secret is shown"
    store_is_clean(t)
    configure({"auths": {"localhost:5443": {"auth": coded}}})
    result = t.wc("image", "pull", name, env=environment)
    assert "s3cret" not in result.err and coded not in result.err, "a secret is in the log"
    t.wc("image", "rm", name)
    configure({"credHelpers": {"localhost:5443": "case"}})
    helper = t.write("../home/docker-credential-case",
                     '#!/bin/sh\nread s\n[ "$s" = localhost:5443 ] && echo \'{"Username":"user","Secret":"s3cret-pw"}\'\n', 0o755)
    assert os.path.exists(helper)
    t.wc("image", "pull", name, env=environment)
    t.wc("image", "rm", name)
    os.unlink(home + "/.docker/config.json")
    configure({"auths": {"localhost:5443": {"auth": coded}}}, ".config/containers/auth.json")
    t.wc("image", "pull", name, env=environment)


def case_pull_certificates(t):
    """Not on the loopback: an unknown authority is refused, certs.d makes it known, a client shows its certificate."""
    registries.need("openssl")
    certs, address = os.path.join(t.base, "certs"), registries.harness.OWN_ADDRESS
    registries.certificates(certs, "registry.example", address)
    tls = {"certificate": certs + "/server.crt", "key": certs + "/server.key", "clientcas": [certs + "/ca.crt"]}
    registry = Distribution(t, 5443, {"tls": tls, "addr": "0.0.0.0:5443"})
    source = layout(t)
    registries.harness.command("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-cert-dir",
                               client_dir(t, certs), "oci:" + source, "docker://127.0.0.1:5443/bb:1")
    name = f"{address}:5443/bb:1"
    refused = fails(t, 69, name, name)  # by whatever of the handshake breaks first
    assert "getpeername" not in refused.err, refused
    place = os.path.join(t.root, "etc", "certs.d", f"{address}:5443")
    os.makedirs(place)
    copy(certs + "/ca.crt", place + "/ca.crt")
    refused = fails(t, 69, name, name)  # now it is ours that is missing
    assert "getpeername" not in refused.err, refused
    copy(certs + "/client.crt", place + "/client.cert")
    fails(t, 65, "has no key", name)
    copy(certs + "/client.key", place + "/client.key")
    t.wc("image", "pull", name)
    assert registry.requests()


def client_dir(t, certs):
    place = os.path.join(t.base, "skopeo-certs")
    os.makedirs(place, exist_ok=True)
    copy(certs + "/client.crt", place + "/client.cert")
    copy(certs + "/client.key", place + "/client.key")
    return place


def copy(source, target):
    with open(source, "rb") as f, open(target, "wb") as out:
        out.write(f.read())


def case_pull_tokens(t):
    """Anonymous tokens, tokens for a password, identity tokens; one that runs out is got anew."""
    certs = os.path.join(t.base, "certs")
    registries.certificates(certs)
    tokens = TokenServer(t, 5001, certs)
    registry = Distribution(t, 5000, **tokens.settings())
    registry.push(layout(t), "bb:1")
    tokens.asked.clear()
    name, home = "localhost:5000/bb:1", os.path.join(t.base, "home")
    os.makedirs(home + "/.docker")
    environment = {"HOME": home, "WCOMPOSE_LOG": "debug"}
    t.wc("image", "pull", name, env=environment)
    assert len(tokens.asked) == 1, tokens.asked
    assert tokens.asked[0][1]["scope"] == "repository:bb:pull", tokens.asked
    t.wc("image", "rm", name)

    tokens.users = {"user": "s3cret-pw"}
    refused = fails(t, 77, "incorrect username", name, env=environment)
    assert "s3cret" not in refused.err
    coded = base64.b64encode(b"user:s3cret-pw").decode()
    with open(home + "/.docker/config.json", "w", encoding="utf-8") as f:
        json.dump({"auths": {"http://localhost:5000": {"auth": coded}}}, f)
    result = t.wc("image", "pull", name, env=environment)
    assert "s3cret" not in result.err and coded not in result.err and "Bearer" not in result.err
    t.wc("image", "rm", name)

    with open(home + "/.docker/config.json", "w", encoding="utf-8") as f:
        json.dump({"auths": {"localhost:5000": {"identitytoken": tokens.identity}}}, f)
    tokens.asked.clear()
    result = t.wc("image", "pull", name, env=environment)
    assert tokens.asked[0][0] == "POST" and tokens.asked[0][1]["grant_type"] == "refresh_token", tokens.asked
    assert tokens.identity not in result.err


def case_pull_platforms(t):
    """Of several platforms this machine's is taken, or the one that is asked for, or the error lists them."""
    registry = Liar(t, 5000)
    here = "amd64" if os.uname().machine == "x86_64" else "arm64"
    other = "arm64" if here == "amd64" else "amd64"
    entries = []
    for arch in (other, here):
        data = fixture.layer({"arch": (arch, 0o644)})
        config = json.loads(fixture.config([registries.digest_of(data)]))
        config["architecture"] = arch
        blob = registry.add(json.dumps(config).encode(), registries.CONFIG)
        manifest = registry.add(json.dumps({"schemaVersion": 2, "mediaType": registries.MANIFEST, "config": blob,
                                            "layers": [registry.add(data, registries.LAYER)]}).encode(), registries.MANIFEST)
        entries.append(dict(manifest, platform={"os": "linux", "architecture": arch}))
    index = registry.add(json.dumps({"schemaVersion": 2, "mediaType": registries.INDEX, "manifests": entries}).encode(),
                         registries.INDEX)
    registry.tags["1"] = index["digest"]
    t.wc("image", "pull", "localhost:5000/x:1")
    assert images(t)["localhost:5000/x:1"]["architecture"] == here
    t.wc("image", "pull", "--platform", f"linux/{other}", "localhost:5000/x:1")
    rows = t.wc("image", "ls", "--format", "json").rows
    assert sorted(row["architecture"] for row in rows) == sorted([here, other]), rows
    fails(t, 66, ["linux/s390x", f"linux/{here}"], "--platform", "linux/s390x", "localhost:5000/x:1")
    fails(t, 64, "is not a platform", "--platform", "linux/", "localhost:5000/x:1")
    before = len(registry.seen)
    t.wc("image", "pull", "--platform", f"linux/{other}", "localhost:5000/x:1")
    assert [seen[0] for seen in registry.seen[before:]] == ["HEAD"], registry.seen[before:]


def case_pull_many_layers(t):
    """A hundred layers, and two images that share most of theirs: each layer is fetched once."""
    registry = Liar(t, 5000)
    base = [fixture_layer(i) for i in range(98)]
    registry.put("a", base + [fixture.layer()])
    registry.put("b", base + [fixture_layer(200)])
    t.wc("image", "pull", "localhost:5000/x:a", "localhost:5000/x:b")
    blobs = [path for _, path, _, _ in registry.seen if "/blobs/" in path]
    assert len(blobs) == len(set(blobs)) == 99 + 1 + 2, len(blobs)
    assert len(images(t)) == 2


def fixture_layer(number):
    import io
    import tarfile
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        fixture.add(tar, f"layer{number}", f"layer {number}\n".encode() * 100)
    return out.getvalue()


# ---- services ----

def case_pull_policies(t):
    """What `up` and `pull` fetch by the service's word and by the command line's; nothing is started before."""
    registry = Liar(t, 5000)
    registry.put("1", [fixture.layer()])
    t.compose("""
        services:
          web: { image: "localhost:5000/x:1" }
          old: { image: "localhost:5000/x:1", pull_policy: never, profiles: [rest] }
          absent: { image: "localhost:5000/x:none", profiles: [broken], depends_on: [web] }
        """)

    def asked(*arguments, code=0, env=None):
        before = len(registry.seen)
        t.wc(*arguments, code=code, env=dict(FAST, **(env or {})))
        return [f"{method} {path.split('/')[-2]}" for method, path, _, _ in registry.seen[before:]]

    assert t.wc("up", "-d", "--pull", "never", code=66).err.count("localhost:5000/x:1")
    failed = t.wc("--profile", "broken", "up", "-d", code=66, env=FAST)
    assert "service absent" in failed.err and t.ps() == [], failed
    assert images(t), "what could be pulled was"
    t.wc("image", "rm", "localhost:5000/x:1")
    assert "GET blobs" in asked("up", "-d"), "a missing image isn't pulled"
    assert asked("up", "-d") == [], "an image that is there is asked about"
    assert asked("up", "-d", "--pull", "always") == ["HEAD manifests"]
    assert asked("pull") == ["HEAD manifests"]
    assert asked("pull", "--policy", "missing") == []
    assert asked("--profile", "rest", "pull", "old") == []
    assert asked("--profile", "broken", "pull", "absent", code=66) == ["GET manifests"]
    assert asked("--profile", "broken", "pull", "--include-deps", "--ignore-pull-failures", "absent") != []
    t.compose("""
        services:
          web: { image: "localhost:5000/x:1", pull_policy: daily }
        """)
    assert asked("up", "-d") == []
    t.compose("""
        services:
          web: { image: "localhost:5000/x:1", pull_policy: every_1s }
        """)
    time.sleep(2.5)
    assert asked("up", "-d") == ["HEAD manifests"]
    t.compose("""
        services:
          web: { image: "localhost:5000/x:1", pull_policy: always }
        """)
    assert asked("up", "-d") == ["HEAD manifests"]
    first = t.row("web")["Pid"]
    registry.put("1", [fixture.layer({"etc/new": ("2", 0o644)})])
    assert "GET blobs" in asked("up", "-d"), "a new image behind the same tag isn't pulled"
    assert t.row("web")["Pid"] != first and t.run_inside("web", "cat", "/etc/new").out == "2"
    t.wc("down")


# ---- mirrors and settings ----

def case_pull_mirrors(t):
    """registries.conf: a mirror that has it, one that hasn't, one that lies; a blocked registry; mistakes have places."""
    good, empty, liar = Liar(t, 5000), Liar(t, 5001), Liar(t, 5002)
    data = fixture.layer()
    good.put("1", [data])
    liar.put("1", [data])
    digest = registries.digest_of(data)
    liar.blobs[digest] = data[:-1] + b"x"
    conf = os.path.join(t.root, "etc", "registries.conf")
    os.makedirs(os.path.dirname(conf))

    def configure(text):
        with open(conf, "w", encoding="utf-8") as f:
            f.write(text)

    configure('[[registry]]\nprefix = "hub.example"\nlocation = "localhost:5000"\n'
              '[[registry.mirror]]\nlocation = "localhost:5001"\n[[registry.mirror]]\nlocation = "localhost:5002"\n')
    result = t.wc("image", "pull", "hub.example/x:1", env=FAST)
    assert "hub.example/x:1" in result.out
    assert empty.seen and liar.seen and good.seen
    configure('[[registry]]\nprefix = "hub.example"\nblocked = true\n')
    fails(t, 77, "blocked", "hub.example/x:2")
    configure('[[registry]]\nprefix = "hub.example"\ninsecure = yes\n')
    fails(t, 65, "registries.conf:3:12", "hub.example/x:2")


def case_pull_insecure(t):
    """Without TLS only where somebody says so."""
    address = registries.harness.OWN_ADDRESS
    registry = Liar(t, 5000, address)
    registry.put("1", [fixture.layer()])
    fails(t, 69, address, f"{address}:5000/x:1")
    assert registry.seen == [], "the registry was asked without TLS"
    t.wc("image", "pull", "--insecure-registry", f"{address}:5000", f"{address}:5000/x:1")


# ---- a registry that misbehaves ----

def case_pull_resumes(t):
    """Transfers that are cut are gone on with where they broke, also at a server that knows no ranges."""
    registry = Liar(t, 5000)
    big = fixture.layer({f"file{i}": (os.urandom(30000).hex(), 0o644) for i in range(40)})
    registry.put("1", [big])
    cuts = []

    def cut(handler, what):
        if what != "blobs/" + registries.digest_of(big) or len(cuts) >= 2:
            return False
        first = int((handler.headers.get("Range") or "bytes=0-").split("=")[1].split("-")[0])
        part = big[first:]
        cuts.append(first)
        headers = {"Content-Range": f"bytes {first}-{len(big) - 1}/{len(big)}"} if first else {}
        send(handler, 206 if first else 200, part[:len(part) // 3], headers, length=len(part))
        handler.connection.shutdown(2)
        handler.close_connection = True
        return True

    registry.rules.append(cut)
    t.wc("image", "pull", "localhost:5000/x:1", env=FAST)
    ranges = [seen[3] for seen in registry.seen if seen[1].endswith(registries.digest_of(big))]
    assert len(ranges) == 3 and ranges[0] is None and ranges[1] and ranges[2], ranges
    t.wc("image", "rm", "localhost:5000/x:1")

    cuts.clear()

    def no_ranges(handler, what):
        if what == "blobs/" + registries.digest_of(big) and len(cuts) >= 2:
            send(handler, 200, big)
            return True
        return False

    registry.rules.append(no_ranges)
    t.wc("image", "pull", "localhost:5000/x:1", env=FAST)


def case_pull_liars(t):
    """Wrong bytes, too few, too many, a wrong manifest, a wrong configuration: said, and nothing is left."""
    registry = Liar(t, 5000)
    data = fixture.layer()
    layer = registries.digest_of(data)
    registry.put("1", [data])
    manifest = registry.tags["1"]
    good = registry.blobs[layer]
    for wrong in (good[:-1] + b"x", good[:-1000], good + b"more", b""):
        registry.blobs[layer] = wrong
        fails(t, None, ["localhost:5000/x:1"], "localhost:5000/x:1")
        store_is_clean(t)
    registry.blobs[layer] = good
    text = registry.blobs[manifest]
    registry.blobs[manifest] = text + b" "
    fails(t, 65, "other content", "localhost:5000/x:1")
    registry.blobs[manifest] = text
    config = json.loads(text)["config"]["digest"]
    known = registry.blobs[config]
    registry.blobs[config] = known.replace(b"linux", b"minix")
    fails(t, 65, "configuration", "localhost:5000/x:1")
    registry.blobs[config] = known
    registry.put("diff", [data], diff_ids=["sha256:" + "0" * 64])
    fails(t, 65, "localhost:5000/x:diff", "localhost:5000/x:diff")
    store_is_clean(t)
    t.wc("image", "pull", "localhost:5000/x:1")


def case_pull_floods(t):
    """A manifest of 100,000 layers, one of 300, an endless one, a layer of 10 TB, a foreign kind of thing, no JSON."""
    registry = Liar(t, 5000)
    data = fixture_layer(1)

    def many(count):
        def change(manifest):
            manifest["layers"] = manifest["layers"] * count
        return change

    registry.put("lots", [data], change=many(100000))
    fails(t, 65, "more than", "localhost:5000/x:lots")
    registry.put("many", [data], change=many(300))
    fails(t, 65, "300 layers", "localhost:5000/x:many")
    registry.put("huge", [data], change=lambda m: m["layers"][0].update(size=10 ** 13))
    fails(t, 65, "64 GiB", "localhost:5000/x:huge")
    registry.put("chart", [data], change=lambda m: m["config"].update(mediaType="application/vnd.cncf.helm.config.v1+json"))
    fails(t, 65, "not a container image", "localhost:5000/x:chart")
    registry.put("deep", [data])
    for _ in range(5):
        index = {"schemaVersion": 2, "mediaType": registries.INDEX, "manifests": [
            {"mediaType": registries.INDEX, "digest": registry.tags["deep"], "size": len(registry.blobs[registry.tags["deep"]])}]}
        registry.tags["deep"] = registry.add(json.dumps(index).encode(), registries.INDEX)["digest"]
    fails(t, 65, "too deep", "localhost:5000/x:deep")
    for tag, text in (("text", b"hello"), ("old", b'{"schemaVersion":1}'), ("list", b"[]"), ("empty", b"{}")):
        registry.tags[tag] = registry.add(text, registries.MANIFEST)["digest"]
        fails(t, 65, f"x:{tag}", "localhost:5000/x:" + tag)
    endless = threading.Event()

    def flood(handler, what):
        if what != "manifests/endless":
            return False
        handler.send_response(200)
        handler.end_headers()
        try:
            while not endless.is_set():
                handler.wfile.write(b" " * 65536)
        except OSError:
            pass
        handler.close_connection = True
        return True

    registry.rules.append(flood)
    fails(t, 65, "more than", "localhost:5000/x:endless")
    endless.set()
    store_is_clean(t)


def case_pull_redirects(t):
    """A redirect is followed; the credentials stay. One without an end, or to what is no web address, is refused."""
    registry, store = Liar(t, 5000), Liar(t, 5001)
    data = fixture.layer()
    registry.put("1", [data])
    store.blobs.update(registry.blobs)
    store.types.update(registry.types)
    home = os.path.join(t.base, "home")
    os.makedirs(home + "/.docker")
    with open(home + "/.docker/config.json", "w", encoding="utf-8") as f:
        json.dump({"auths": {"localhost:5000": {"auth": base64.b64encode(b"user:s3cret-pw").decode()},
                             "localhost:5001": {"auth": base64.b64encode(b"other:s3cret-2").decode()}}}, f)

    def lock(handler, _):
        if handler.headers.get("Authorization"):
            return False
        send(handler, 401, b"", {"WWW-Authenticate": 'Basic realm="r"'})
        return True

    def redirect(target):
        def rule(handler, what):
            if not what.startswith("blobs/"):
                return False
            send(handler, 307, b"", {"Location": target + "/v2/x/" + what})
            return True
        return rule

    registry.rules += [lock, redirect("http://localhost:5001")]
    t.wc("image", "pull", "localhost:5000/x:1", env={"HOME": home})
    assert any(seen[2] for seen in registry.seen), "nobody logged in"
    assert store.seen and not any(seen[2] for seen in store.seen), "the credentials went along"
    t.wc("image", "rm", "localhost:5000/x:1")
    for target, words in (("http://localhost:5000", "redirects without an end"), ("file:///etc", "no http(s) address"),
                          ("http://user:pw@localhost:5001", "no http(s) address")):
        registry.rules[1] = redirect(target)
        fails(t, 69, words, "localhost:5000/x:1", env={"HOME": home})
    store_is_clean(t)
    store.rules.append(lock)  # who is redirected to and asks who we are is not told
    registry.rules[1] = redirect("http://localhost:5001")
    fails(t, 77, "refuses", "localhost:5000/x:1", env={"HOME": home})
    assert not any(seen[2] for seen in store.seen), "the credentials went along"


def case_pull_broken_registries(t):
    """Nobody there, no such image, a server that is busy, one that stalls: how long it takes, and what is said."""
    fails(t, 69, "localhost:5000", "localhost:5000/x:1")
    registry = Liar(t, 5000)
    fails(t, 66, ["doesn't have it", "manifest unknown"], "localhost:5000/x:none")
    data = fixture.layer()
    registry.put("1", [data])
    busy = []

    def too_many(handler, what):
        if not what.startswith("manifests/") or len(busy) >= 1:
            return False
        busy.append(time.monotonic())
        send(handler, 429, b"", {"Retry-After": "1"})
        return True

    registry.rules.append(too_many)
    t.wc("image", "pull", "localhost:5000/x:1", env=FAST)
    t.wc("image", "rm", "localhost:5000/x:1")

    def stall(handler, what):
        if not what.startswith("blobs/"):
            return False
        send(handler, 200, data[:100], length=len(data))
        time.sleep(60)
        return True

    registry.rules.append(stall)
    fails(t, 69, "localhost:5000", "localhost:5000/x:1", env={"WCOMPOSE_PULL_STALL": "2s"})
    store_is_clean(t)


def case_pull_interrupted(t):
    """Ctrl-C and kill -9 in the middle: nothing of it is in the store, and the next pull is whole."""
    registry = Liar(t, 5000)
    data = fixture.layer()
    registry.put("1", [data])
    slow = threading.Event()

    def drip(handler, what):
        if slow.is_set() or what != "blobs/" + registries.digest_of(data):
            return False
        send(handler, 200, data[:200000], length=len(data))
        slow.wait(30)
        handler.close_connection = True
        return True

    registry.rules.append(drip)
    for signal, code in ((2, 130), (15, 143), (9, -9)):
        before = len(registry.seen)
        process = t.start("image", "pull", "localhost:5000/x:1")
        t.until(lambda: any("/blobs/" in seen[1] and seen[1].endswith(registries.digest_of(data))
                            for seen in registry.seen[before:]), "the layer to be asked for", 60)
        time.sleep(0.3)
        process.send_signal(signal)
        assert process.wait(60) == code, f"signal {signal}: exit {process.returncode}"
        t.wc("image", "ls")  # opens the store: what a crash left is swept
        store_is_clean(t)
    slow.set()
    t.wc("image", "pull", "localhost:5000/x:1")
