"""Tags that move, followed by an app: to a good image, to one that never gets ready, to a higher version; a registry
that goes away; images by digest."""
import os
import signal
import time
import urllib.request

import fixture
from cases_gitops import Remote, end, status
from cases_registry import FAST
from registries import DOCKER_MANIFEST, MANIFEST, Distribution, Liar, send

APP = """
    services:
      web:
        image: {image}
        command: ["/bin/idle"]
        healthcheck: {{test: ["CMD", "test", "-e", "/etc/good"], interval: 200ms, timeout: 2s, retries: 2, start_period: 0s}}
"""
DIGESTS = "    image_policy: digest-changes\n"


def push(t, registry, version, tag, good=True, name="team/bb"):
    """Puts an image under a tag; returns its digest."""
    path = os.path.join(t.base, f"layout-{version}-{good}")
    if not os.path.exists(path):
        more = {"etc/version": (version + "\n", 0o644)}
        fixture.oci_directory(path, "bb:1", dict(more, **({"etc/good": ("", 0o644)} if good else {})))
    registry.push(path, f"{name}:{tag}")
    types = {"Accept": f"{MANIFEST}, {DOCKER_MANIFEST}"}
    url = f"http://127.0.0.1:{registry.port}/v2/{name}/manifests/{tag}"
    with urllib.request.urlopen(urllib.request.Request(url, headers=types), timeout=5) as answer:
        return answer.headers["Docker-Content-Digest"]


def agent(t, remote, policy):
    return t.write("agent.yaml", f"apps:\n  shop:\n    source: {{git: {remote.bare}, branch: main}}\n"
                                 f"    interval: 5s\n    timeout: 8s\n{policy}", mode=0o600)


def once(t, code=0):
    return t.wc("reconcile", "--agent-file", "agent.yaml", "--once", code=code, timeout=120, env=FAST)


def version(t):
    return t.wc("-p", "shop", "exec", "-T", "web", "cat", "/etc/version").out.strip()


def history(t):
    return t.wc("--json", "reconcile", "--agent-file", "agent.yaml", "history").rows


def generations(t):
    return len(t.wc("-p", "shop", "history", "--format", "json").rows)


def case_image_policy_digest_changes(t):
    """A tag that moves is rolled out; to a bad image: back to the digest before, and not again until it moves."""
    registry, remote = Distribution(t, 5000), Remote(t)
    first = push(t, registry, "one", "1")
    commit = remote.push(APP.format(image="localhost:5000/team/bb:1"), "first")
    agent(t, remote, DIGESTS)
    once(t)
    now = status(t)
    assert version(t) == "one" and now["InForce"]["ID"] == commit, now
    image = now["Images"][0]
    assert image["Digest"] == first and image["Tag"] == "1" and image["Service"] == "web" and image["Since"], image
    before = generations(t)
    once(t)
    assert generations(t) == before and status(t)["Images"] == [image]
    second = push(t, registry, "two", "1")
    shown = t.wc("reconcile", "--agent-file", "agent.yaml", "diff").out
    assert first in shown and second in shown, shown
    t.wc("reconcile", "--agent-file", "agent.yaml", "--check", code=5)
    assert version(t) == "one"
    once(t)
    assert version(t) == "two" and status(t)["Images"][0]["Digest"] == second
    last = history(t)[-1]
    assert last["What"] == "applied" and f"image web 1 ({first[:19]} -> {second[:19]})" in last["Why"], last
    bad = push(t, registry, "three", "1", good=False)
    once(t, code=3)
    now = status(t)
    assert version(t) == "two" and now["Images"][0]["Digest"] == second, now
    assert now["By"]["Stalled"]["Reason"] == "Unhealthy" and now["By"]["Ready"]["Status"] == "True", now
    assert now["NewestImages"][0]["Digest"] == bad, now
    rows = history(t)
    assert [r["What"] for r in rows[-2:]] == ["rejected", "restored"] and bad[:19] in rows[-2]["Why"], rows
    text = t.wc("reconcile", "--agent-file", "agent.yaml", "status").out
    assert f"-> {second[:19]}" in text and f"-> {bad[:19]}" in text, text
    before = generations(t)
    once(t, code=3)  # it is not tried again
    assert generations(t) == before
    push(t, registry, "two", "1")  # back
    once(t)
    assert generations(t) == before and status(t)["By"]["Stalled"]["Status"] == "False"
    push(t, registry, "three", "1", good=False)  # and forth: known to be bad
    once(t, code=3)
    assert generations(t) == before and version(t) == "two"
    fourth = push(t, registry, "four", "1")
    once(t)
    assert version(t) == "four" and status(t)["Images"][0]["Digest"] == fourth
    end(t)


def case_image_policy_semver(t):
    """The highest version in the range takes the place of the tag in the file; others don't count."""
    registry, remote = Distribution(t, 5000), Remote(t)
    for name, tag in (("a", "1.4.2"), ("b", "2.0.0"), ("c", "latest"), ("d", "1.4.9-rc.1")):
        push(t, registry, name, tag)
    remote.push(APP.format(image="localhost:5000/team/bb:1.4.0"), "first")
    agent(t, remote, "    image_policy: {kind: semver, range: \"~1.4\"}\n")
    once(t)
    assert version(t) == "a" and status(t)["Images"][0]["Tag"] == "1.4.2"
    digest = push(t, registry, "e", "1.4.3")
    once(t)
    image = status(t)["Images"][0]
    assert version(t) == "e" and image["Tag"] == "1.4.3" and image["Digest"] == digest, image
    assert image["Image"] == "localhost:5000/team/bb:1.4.0", image
    assert f"image web 1.4.2 -> 1.4.3 ({digest[:19]})" in history(t)[-1]["Why"], history(t)
    push(t, registry, "f", "1.4.4", good=False)
    once(t, code=3)
    assert version(t) == "e" and status(t)["Images"][0]["Tag"] == "1.4.3"
    push(t, registry, "g", "1.4.10")
    once(t)
    assert version(t) == "g"
    agent(t, remote, "    image_policy: {kind: semver, range: \">=7\"}\n")
    once(t, code=69)
    assert "range" in status(t)["By"]["Reconciling"]["Message"] and version(t) == "g"
    end(t)


def case_image_policy_registry_away(t):
    """A registry that is away changes nothing, and status says so; commits that need nothing new from it are followed."""
    registry, remote = Distribution(t, 5000), Remote(t)
    digest = push(t, registry, "one", "1")
    remote.push(APP.format(image="localhost:5000/team/bb:1"), "first")
    agent(t, remote, DIGESTS)
    once(t)
    registry.stop()
    before = generations(t)
    once(t, code=69)
    now = status(t)
    assert now["By"]["Reconciling"]["Reason"] == "RegistryFailed" and now["By"]["Ready"]["Status"] == "True", now
    assert now["Unanswered"] == 1 and now["Failures"] == 0 and version(t) == "one" and generations(t) == before, now
    more = APP.format(image="localhost:5000/team/bb:1") + "        environment: {A: '1'}\n"
    second = remote.push(more, "second")
    once(t, code=69)
    now = status(t)
    assert now["InForce"]["ID"] == second and now["Images"][0]["Digest"] == digest, now
    registry.start()
    third = push(t, registry, "two", "1")
    once(t)
    now = status(t)
    assert version(t) == "two" and now["Images"][0]["Digest"] == third, now
    assert now["By"]["Reconciling"]["Status"] == "False" and now["Unanswered"] == 0, now
    end(t)


def case_image_policy_left_alone(t):
    """Images by digest, and services that the policy leaves out, are as the file says; turned off, tags count again."""
    registry, remote = Distribution(t, 5000), Remote(t)
    digest = push(t, registry, "one", "1")
    text = APP.format(image="localhost:5000/team/bb@" + digest)
    remote.push(text + "      side: {image: 'localhost:5000/team/bb:1', command: [/bin/idle]}\n", "first")
    agent(t, remote, "    image_policy: {kind: digest-changes, services: {side: none, wbe: none}}\n")
    assert "'wbe'" in once(t).err
    assert status(t)["Images"] == []
    before = generations(t)
    push(t, registry, "two", "1")
    asked = len(registry.requests())
    once(t)
    assert generations(t) == before and version(t) == "one" and len(registry.requests()) == asked
    agent(t, remote, "    image_policy: none\n")
    once(t)
    assert version(t) == "one"
    end(t)


def case_image_policy_pages(t):
    """Tags that come in pages, with links that lead elsewhere and in circles."""
    registry, remote = Liar(t, 5000), Remote(t)
    for number, tag in ((1, "1.0.0"), (2, "1.1.0"), (3, "1.2.0")):
        registry.put(tag, [fixture.layer({"etc/good": ("", 0o644), "etc/version": (f"{number}\n", 0o644)})])
    pages = {"": ("1.0.0", "</v2/bb/tags/list?last=x>; rel=\"next\""),
             "last=x": ("1.1.0", "<http://127.0.0.1:9/v2/other/tags/list?last=y>; rel=\"next\""),
             "last=y": ("1.2.0", None)}

    def tags(handler, what):
        if not what.startswith("tags/"):
            return False
        query = handler.path.partition("?")[2]
        tag, link = pages[query if query in pages else ""]
        send(handler, 200, ('{"name":"bb","tags":["%s","-no","7"]}' % tag).encode(), {"Link": link} if link else {})
        return True

    registry.rules.append(tags)
    remote.push(APP.format(image="localhost:5000/bb:1.0.0"), "first")
    agent(t, remote, "    image_policy: {kind: semver, range: \"1.x\"}\n")
    once(t)
    assert version(t) == "3" and status(t)["Images"][0]["Tag"] == "1.2.0"
    pages["last=y"] = ("1.2.0", "</v2/bb/tags/list?last=x>; rel=\"next\"")
    done = once(t, code=69)
    assert "without an end" in done.err and version(t) == "3", done
    end(t)


def case_image_policy_killed_anywhere(t):
    """kill -9 of a pass that rolls an image out: the next one carries on, and ends where it would have."""
    registry, remote = Distribution(t, 5000), Remote(t)
    push(t, registry, "v0", "1")
    remote.push(APP.format(image="localhost:5000/team/bb:1"), "first")
    agent(t, remote, DIGESTS)
    once(t)
    wanted = "v0"
    for turn in range(1, 7):
        is_good = turn % 3 != 0
        push(t, registry, f"v{turn}", "1", good=is_good)
        process = t.start("reconcile", "--agent-file", "agent.yaml", "--once", start_new_session=True)
        time.sleep(0.2 * turn)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        once(t, code=None)
        wanted = f"v{turn}" if is_good else wanted
        now = status(t)
        assert version(t) == wanted, f"turn {turn}: {version(t)} {now}"
        assert (now["By"]["Stalled"]["Status"] == "True") == (not is_good), now
    end(t)


def case_image_policy_agent(t):
    """The agent asks at the policy's own interval, without being told."""
    registry, remote = Distribution(t, 5000), Remote(t)
    push(t, registry, "one", "1")
    remote.push(APP.format(image="localhost:5000/team/bb:1"), "first")
    path = t.write("agent.yaml", f"""
        apps:
          shop:
            source: {{git: {remote.bare}, branch: main}}
            interval: 1h
            timeout: 8s
            image_policy: {{kind: digest-changes, interval: 5s}}
    """, mode=0o600)
    process = t.start("reconcile", "--agent-file", path)
    t.until(lambda: status(t)["By"]["Ready"]["Status"] == "True", "the first image", 60)
    digest = push(t, registry, "two", "1")
    t.until(lambda: status(t)["Images"][0]["Digest"] == digest, "the second image", 60)
    assert version(t) == "two"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    end(t)
