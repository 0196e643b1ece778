"""cases_images.py - what `plan` says of images that would be pulled, and wcompose.lock against a registry."""
import json
import os

import fixture
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


def case_platforms_are_never_mixed(t):
    """One name for two platforms is refused; an image for another platform than the service asks for doesn't run."""
    registry = Liar(t, 5000)
    index_of(registry, "1", {HERE: tree("here"), OTHER: tree("other")})
    name = "localhost:5000/x:1"
    two = f"""
        services:
          a: {{ image: "{name}" }}
          b: {{ image: "{name}", platform: "linux/%s" }}
        """
    t.compose(two % OTHER)
    for verb in (["plan"], ["up", "-d"], ["pull"]):
        result = t.wc(*verb, code=65)
        assert "different platforms" in result.err and "compose.yaml:3:" in result.err, result
    assert registry.seen == []
    t.compose(two % HERE)
    assert f"would pull {name} for a, b" in t.wc("plan").out, "the same platform, said and not said"
    t.wc("image", "pull", "--platform", "linux/" + OTHER, name)
    t.compose(f'services: {{a: {{image: "{name}", platform: "linux/{HERE}"}}}}\n')
    result = t.wc("up", "-d", "--pull", "never", code=66)
    assert f"is here for linux/{OTHER}" in result.err and f"platform linux/{HERE}" in result.err, result
    assert t.ps() == []
    assert "would pull" in t.wc("plan").out
    t.wc("up", "-d")
    assert t.run_inside("a", "cat", "/etc/which").out == "here"
    t.wc("down")
