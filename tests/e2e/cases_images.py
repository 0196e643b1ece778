"""cases_images.py - what `plan` says of images that would be pulled; wcompose.lock against a registry; filters, space, archives."""
import hashlib
import json
import os
import shutil
import subprocess
import tarfile

import fixture
import harness
import registries
from registries import Liar, index_of

HERE = "amd64" if os.uname().machine == "x86_64" else "arm64"
OTHER = "arm64" if HERE == "amd64" else "amd64"


def tree(text):
    return fixture.layer({"etc/which": (text, 0o644)})


def case_plan_says_what_is_pulled(t):
    """A missing image is no error of `plan`, nor asked about, unless somebody wants to know what its registry has."""
    registry = Liar(t, 5000)
    first = registry.put("1", [tree("one")])["digest"]
    name = "localhost:5000/x:1"
    t.compose(f"""
        services:
          web: {{ image: "{name}", healthcheck: {{test: [CMD, "true"]}} }}
          api: {{ image: "{name}", depends_on: {{web: {{condition: service_healthy}}}} }}
          made: {{ build: {{dockerfile_inline: "FROM scratch"}} }}
        """)
    out = t.wc("plan", "--detailed-exitcode", code=2).out
    assert f"would pull {name} for api, web: isn't on this host\n" in out, out
    assert f"would build {t.project}-made for made: isn't on this host\n" in out, out
    assert "3 create" in out and registry.seen == [], (out, registry.seen)
    assert t.wc("image", "ls", "-q").out == "", "the plan has pulled"
    plan = json.loads(t.wc("--json", "plan", "--remote").out)
    bring = {row["image"]: row for row in plan["bring"]}
    assert bring[name]["there"] == first and bring[name]["action"] == "pull" and "here" not in bring[name], bring
    assert bring[name]["services"] == ["api", "web"] and bring[t.project + "-made"]["action"] == "build"
    assert [seen[0] for seen in registry.seen] == ["HEAD"], registry.seen

    t.compose(f'services: {{web: {{image: "{name}"}}}}\n')
    t.wc("up", "-d")
    registry.seen.clear()
    assert "images\n" not in t.wc("plan").out and registry.seen == []
    out = t.wc("plan", "--pull", "always").out
    assert f"would ask for a newer {name} for web: --pull always\n" in out and registry.seen == [], out
    out = t.wc("plan", "--pull", "always", "--remote", "--detailed-exitcode").out
    assert f"would keep {name} for web: --pull always; the registry has the same, {first[:19]}…" in out, out
    second = registry.put("1", [tree("two")])["digest"]
    out = t.wc("plan", "--pull", "always", "--remote", "--detailed-exitcode", code=2).out
    assert f"{first[:19]}… here, {second[:19]}… there" in out and "would pull " + name in out, out
    t.compose(f'services: {{web: {{image: "{name}", pull_policy: daily}}}}\n')
    assert "images\n" not in t.wc("plan").out, "it was asked about today"
    t.wc("down")

    t.compose('services: {web: {image: "localhost:5000/x:none", pull_policy: never}}\n')
    assert "no image" in t.wc("plan", code=66).err, "what up refuses, plan refuses"
    t.compose('services: {web: {image: "localhost:5000/x:none"}}\n')
    assert "would pull" in t.wc("plan").out
    gone = t.wc("plan", "--remote", code=66)
    assert "service web" in gone.err and "compose.yaml:1:12" in gone.err, gone


def case_lock_pulls_by_digest(t):
    """The lock has the digest of the list; what is pinned is pulled by it, also when the tag has moved on."""
    registry = Liar(t, 5000)
    old = index_of(registry, "1", {HERE: tree("one"), OTHER: tree("other one")})
    name = "localhost:5000/x:1"
    t.compose(f'services: {{web: {{image: "{name}"}}}}\n')
    assert "is missing" in t.wc("up", "-d", "--locked", code=66).err
    t.wc("pull")
    t.wc("lock")
    with open(os.path.join(t.dir, "wcompose.lock"), encoding="utf-8") as f:
        assert json.load(f)["images"] == {name: old}, "the lock holds on this platform only"
    index_of(registry, "1", {HERE: tree("two"), OTHER: tree("other two")})
    t.wc("up", "-d", "--pull", "always")
    assert t.run_inside("web", "cat", "/etc/which").out == "two"
    other = t.row("web")["ID"]

    t.wc("image", "prune", "--force", "--all")
    registry.seen.clear()
    plan = t.wc("plan", "--locked").out
    assert f"would pull {name}@{old} for web: isn't on this host" in plan and registry.seen == [], plan
    t.wc("up", "-d", "--locked")
    manifests = [path for _, path, _, _ in registry.seen if "/manifests/" in path]
    assert manifests and all("/manifests/sha256:" in path for path in manifests), "the tag was asked for"
    assert manifests[0].endswith(old) and t.run_inside("web", "cat", "/etc/which").out == "one"
    assert t.row("web")["ID"] != other
    registry.seen.clear()
    assert "nothing to do" in t.wc("up", "-d", "--locked").err and registry.seen == []
    assert "images\n" not in t.wc("plan", "--locked").out

    # Pinned to what runs already: the same instance.
    t.wc("up", "-d", "--pull", "always")
    t.wc("lock", "--update")
    same = t.row("web")["ID"]
    t.wc("up", "-d", "--locked")
    assert t.row("web")["ID"] == same, "a pin of what runs makes it anew"
    t.wc("down")


def case_lock_that_cannot_be_had(t):
    """What is pinned and can't be had is said with the place in the lock; so is what isn't pinned."""
    registry = Liar(t, 5000)
    registry.put("1", [tree("one")])
    t.compose('services: {db: {image: "localhost:5000/x:1"}, web: {image: "localhost:5000/x:2"}}\n')
    t.write("wcompose.lock", """
        {
          "version": 1,
          "images": {
            "localhost:5000/x:1": "sha256:%s",
            "localhost:5000/x:2": "sha256:%s"
          }
        }
        """ % ("1" * 64, "2" * 64))
    result = t.wc("up", "-d", "--locked", code=66)
    for words in ("wcompose.lock:4:5", "wcompose.lock:5:5", "service web", "x:2@sha256:2222", "doesn't have it"):
        assert words in result.err, (words, result)
    assert t.ps() == [] and not any(seen[1].endswith("/manifests/1") for seen in registry.seen)
    result = t.wc("up", "-d", "--locked", "--pull", "never", code=66)
    assert "wcompose.lock:4:5" in result.err and "isn't fetched" in result.err, result
    t.wc("plan", "--locked")
    t.compose('services: {db: {image: "localhost:5000/x:3"}}\n')
    result = t.wc("up", "-d", "--locked", code=5)
    assert "is not in" in result.err and "wcompose lock" in result.err, result
    t.write("wcompose.lock", '{"version": 1, "images": {"localhost:5000/x:3": "latest"}}')
    assert "sha256" in t.wc("plan", "--locked", code=65).err


def case_platforms_side_by_side(t):
    """One name for two platforms is two images: each service gets its own, and never another one's."""
    registry = Liar(t, 5000)
    first = index_of(registry, "1", {HERE: tree("here"), OTHER: tree("other")})
    name = "localhost:5000/x:1"
    two = f"""
        services:
          a: {{ image: "{name}" }}
          b: {{ image: "{name}", platform: "linux/%s" }}
        """
    t.compose(two % HERE)
    assert f"would pull {name} for a, b" in t.wc("plan").out, "the same platform, said and not said"

    # What is there for another platform than is asked for doesn't count, and never runs.
    t.wc("image", "pull", "--platform", "linux/" + OTHER, name)
    t.compose(f'services: {{a: {{image: "{name}", platform: "linux/{HERE}"}}}}\n')
    result = t.wc("up", "-d", "--pull", "never", code=66)
    assert f"is here for linux/{OTHER}" in result.err and f"platform linux/{HERE}" in result.err, result
    assert t.ps() == []

    t.compose(two % OTHER)
    plan = t.wc("plan").out
    assert f"would pull {name} for a:" in plan and "for b" not in plan, plan
    t.wc("up", "-d")
    assert (t.run_inside("a", "cat", "/etc/which").out, t.run_inside("b", "cat", "/etc/which").out) == ("here", "other")
    assert platforms(t) == [(name, HERE), (name, OTHER)]
    registry.seen.clear()
    assert "nothing to do" in t.wc("up", "-d").err and registry.seen == []

    # A lock has one digest for both, and both are pulled by it.
    t.wc("lock")
    index_of(registry, "1", {HERE: tree("new here"), OTHER: tree("new other")})
    t.wc("down")
    t.wc("image", "rm", name)
    assert platforms(t) == []
    t.wc("up", "-d", "--locked")
    assert (t.run_inside("a", "cat", "/etc/which").out, t.run_inside("b", "cat", "/etc/which").out) == ("here", "other")
    assert all(path.endswith(first) for _, path, _, _ in registry.seen if "/manifests/" in path and "sha256" not in path)
    t.wc("pull")
    t.wc("up", "-d")
    assert (t.run_inside("a", "cat", "/etc/which").out, t.run_inside("b", "cat", "/etc/which").out) == ("new here", "new other")
    t.wc("down")

    # By name both; by platform one of them.
    t.wc("image", "tag", name, "shop:2")
    assert [row for row in platforms(t) if "shop" in row[0]] == [("docker.io/library/shop:2", HERE), ("docker.io/library/shop:2", OTHER)]
    for more, arch in ((), HERE), (("--platform", "linux/" + OTHER), OTHER):
        assert json.loads(t.wc("image", "inspect", *more, "shop:2").out)[0]["Architecture"] == arch
        t.wc("image", "save", *more, "-o", t.dir + "/saved.tar", "shop:2")
        with tarfile.open(t.dir + "/saved.tar") as tar:
            config = json.load(tar.extractfile("manifest.json"))[0]["Config"]
            assert json.load(tar.extractfile(config))["architecture"] == arch
        os.remove(t.dir + "/saved.tar")
    assert "is here for" in t.wc("image", "inspect", "--platform", "linux/s390x", "shop:2", code=66).err


def platforms(t):
    return sorted((row["image"], row["architecture"]) for row in t.wc("image", "ls", "--format", "json").rows
                  if not row["image"].startswith("sha256:"))


def case_image_filters(t):
    """`image ls --filter` as docker has it: dangling, reference, label, before, since."""
    made = {"old": "2020-01-01T00:00:00Z", "mid": "2021-01-01T00:00:00Z", "new": "2022-01-01T00:00:00.5Z"}
    for number, (name, created) in enumerate(made.items()):
        archive = os.path.join(t.base, "image.tar")
        fixture.docker_archive(archive, f"shop/{name}:{number}", more={"n": (name, 0o644)},
                               Labels={"org.example.stage": name, "kept": ""})
        dated(archive, created)
        t.wc("image", "load", "docker-archive:" + archive)

    def shown(*filters):
        arguments = [word for text in filters for word in ("--filter", text)]
        return {row["image"].split("/")[-1] for row in t.wc("image", "ls", "--format", "json", *arguments).rows}

    assert shown() == {"old:0", "mid:1", "new:2"}
    assert shown("reference=shop/*") == {"old:0", "mid:1", "new:2"}
    assert shown("reference=shop/m*") == {"mid:1"} == shown("reference=docker.io/shop/mid") == shown("reference=shop/mid:1")
    assert shown("reference=*") == set(), "a * goes over slashes"
    assert shown("reference=shop/old", "reference=shop/new:2") == {"old:0", "new:2"}
    assert shown("label=kept") == {"old:0", "mid:1", "new:2"} and shown("label=org.example.stage=mid") == {"mid:1"}
    assert shown("label=kept", "label=org.example.stage=new", "reference=shop/old") == set()
    assert shown("before=shop/mid:1") == {"old:0"} and shown("since=shop/mid:1") == {"new:2"}
    assert shown("since=shop/old:0", "before=shop/new:2") == {"mid:1"}
    assert shown("dangling=true") == set() and len(shown("dangling=false")) == 3
    t.wc("image", "tag", "shop/new:2", "shop/old:0")
    dangling = t.wc("image", "ls", "-q", "--filter", "dangling=true").out.split()
    assert len(dangling) == 1 and dangling[0].startswith("sha256:"), dangling
    assert "did you mean 'dangling'" in t.wc("image", "ls", "--filter", "dangeling=true", code=64).err
    assert "KEY=VALUE" in t.wc("image", "ls", "-f", "label", code=64).err
    assert "no image" in t.wc("image", "ls", "-f", "before=nobody", code=66).err


def dated(archive, created):
    """The image in a docker archive was made at another time."""
    with tarfile.open(archive) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}
    manifest = json.loads(files["manifest.json"])
    config = json.loads(files.pop(manifest[0]["Config"]))
    data = json.dumps(dict(config, created=created)).encode()
    manifest[0]["Config"] = hashlib.sha256(data).hexdigest() + ".json"
    files.update({manifest[0]["Config"]: data, "manifest.json": json.dumps(manifest).encode()})
    with tarfile.open(archive, "w") as tar:
        for name, content in files.items():
            fixture.add(tar, name, content)


def case_system_df_with_instances(t):
    """What runs is active, with what it wrote; its layers and volumes can't be reclaimed until it is gone."""
    t.load_image()
    t.load_image("idle:1", more={"only/here": ("x" * 100000, 0o644)})
    t.compose("""
        services:
          web: {image: "bb:1", command: [sh, -c, "head -c 300000 /dev/zero > /written; head -c 200000 /dev/zero > /data/f; exec idle"],
                volumes: ["data:/data"], stop_grace_period: 1s}
          job: {image: "bb:1", command: [sh, -c, "head -c 150000 /dev/zero > /written"]}
        volumes: {data: {}}
        """)

    def df():
        return {row["Type"]: row for row in t.wc("system", "df", "--format", "json").rows}

    empty = df()
    assert empty["Images"]["TotalCount"] == 2 and empty["Images"]["Active"] == 0
    assert empty["Images"]["Reclaimable"] == empty["Images"]["Size"] > 0
    assert empty["Containers"]["TotalCount"] == 0
    t.wc("up", "-d")
    t.until(lambda: t.row("job")["State"] == "exited", "the job's end")
    t.until(lambda: df()["Containers"]["Size"] >= 450000 and df()["Local Volumes"]["Size"] >= 200000, "what was written")
    now = df()
    assert now["Images"]["Active"] == 1 and 0 < now["Images"]["Reclaimable"] < now["Images"]["Size"], now
    assert (now["Containers"]["TotalCount"], now["Containers"]["Active"]) == (2, 1), now
    assert 150000 <= now["Containers"]["Reclaimable"] < 300000 <= now["Containers"]["Size"], now
    assert now["Local Volumes"] == dict(now["Local Volumes"], TotalCount=1, Active=1, Reclaimable=0)
    assert now["Local Volumes"]["Size"] >= 200000
    t.wc("down")
    gone = df()
    assert gone["Containers"]["TotalCount"] == 0 and gone["Images"]["Active"] == 0
    assert gone["Local Volumes"]["Active"] == 0 and gone["Local Volumes"]["Reclaimable"] == gone["Local Volumes"]["Size"] > 0
    t.wc("image", "prune", "--force", "--all")
    assert df()["Images"]["TotalCount"] == 0 and df()["Images"]["Size"] == 0
    t.wc("up", "-d", "--pull", "never", code=66)


def case_image_save_for_others(t):
    """What `image save` writes is read by a real dockerd, by skopeo and by podman: the same id each time."""
    registries.need("skopeo")
    t.load_image("shop/bb:1", Labels={"who": "us"})
    row = t.wc("image", "ls", "--format", "json").rows[0]
    archive = os.path.join(t.base, "saved.tar")
    t.wc("image", "save", "-o", archive, "shop/bb:1")
    for kind in ("docker-archive:%s:shop/bb:1", "oci-archive:%s"):
        raw = harness.command("skopeo", "inspect", "--config", "--raw", kind % archive).stdout
        assert "sha256:" + hashlib.sha256(raw.encode()).hexdigest() == row["id"], kind
    tried = ["skopeo"]
    if shutil.which("podman"):
        base = ["podman", "--root", t.base + "/p", "--runroot", t.base + "/r", "--storage-driver", "vfs"]
        assert "shop/bb:1" in harness.command(*base, "load", "-i", archive).stdout
        assert harness.command(*base, "images", "--no-trunc", "-q").stdout.strip() == row["id"]
        tried.append("podman")
    if shutil.which("dockerd") and shutil.which("docker"):
        docker(t, archive, row["id"])
        tried.append("docker")
    if len(tried) < 3:
        raise harness.Skip(f"only {', '.join(tried)} read it; install docker.io and podman for the others")


def docker(t, archive, image):
    """docker load by a daemon of the case's own."""
    place = os.path.join(t.base, "docker")
    os.makedirs(place)
    at = f"unix://{place}/sock"
    with open(place + "/log", "wb") as log:
        daemon = subprocess.Popen(
            ["dockerd", "--data-root", place + "/data", "--exec-root", place + "/exec", "--pidfile", place + "/pid", "--iptables=false",
             "--bridge=none", "--storage-driver=vfs", "-H", at], stdout=log, stderr=log)
    t.children.append(daemon)
    try:
        t.until(lambda: harness.command("docker", "-H", at, "version", check=False).returncode == 0, f"dockerd: {place}/log", 60)
        assert "shop/bb:1" in harness.command("docker", "-H", at, "load", "-i", archive).stdout
        seen = json.loads(harness.command("docker", "-H", at, "image", "inspect", "shop/bb:1").stdout)[0]
        assert seen["Id"] == image and seen["Config"]["Labels"] == {"who": "us"}, seen
    finally:
        daemon.terminate()
        daemon.wait(30)
