"""build: images made from Dockerfiles by buildah, straight into our store, with no network."""
import os
import shutil

import fixture
import harness
from cases_images import HERE, OTHER
from registries import Liar, index_of

APP = """
    services:
      web:
        build:
          context: ./web
          target: last
          args: {COLOUR: blue, OPEN: }
          labels: {org.example.who: us}
          tags: ["also:2"]
          ulimits: {nofile: {soft: 321, hard: 654}}
          secrets: [token]
        command: ["sh", "-c", "cat /colour; exec idle"]
      tool:
        build:
          dockerfile_inline: |
            FROM base
            RUN echo made > /made
          context: ./empty
          additional_contexts: {base: "service:web"}
        command: ["sh", "-c", "cat /made /colour"]
        depends_on: [web]
    secrets: {token: {file: ./token}}
"""
DOCKERFILE = """
    FROM bb:1 AS first
    ARG COLOUR
    ARG OPEN
    RUN echo $COLOUR $OPEN > /colour && test $(ulimit -Sn) = 321 && test $(ulimit -Hn) = 654
    FROM first AS last
    COPY . /www/
    RUN --mount=type=secret,id=token test "$(cat /run/secrets/token)" = hush
    FROM first AS never
    RUN false
"""


def ready(t, text=APP):
    if shutil.which("buildah") is None:
        raise harness.Skip("buildah is not installed")
    t.load_image()
    t.compose(text)
    t.write("token", "hush")
    t.write("web/Dockerfile", DOCKERFILE)
    t.write("web/page", "one\n")
    t.write("web/junk", "not sent")
    t.write("web/.dockerignore", "junk\nDockerfile\n.dockerignore\n")
    os.makedirs(t.dir + "/empty", exist_ok=True)
    t.environment["OPEN"] = "door"


def case_build_and_up(t):
    """Stages, arguments, labels, tags, secrets, a context of another service; `up` builds what is missing."""
    ready(t)
    mounts = t.things()["mounts"]
    t.wc("up", "-d", "--wait", timeout=120)
    assert t.run_inside("web", "cat", "/colour", "/www/page").out == "blue door\none\n"
    t.run_inside("web", "ls", "/www/junk", code=1)
    assert t.run_inside("web", "ls", "/run/secrets", code=None).out == "", "a secret of the build stays in the build"
    t.until(lambda: "made\nblue door" in t.wc("logs", "--no-log-prefix", "tool").out, "the line of the tool")
    name = t.wc("config", "--images").out.split()
    assert name == [t.project + "-tool", t.project + "-web"], name
    images = t.wc("image", "ls").out
    assert "docker.io/library/also:2" in images and f"docker.io/library/{t.project}-web:latest" in images
    t.wc("down")
    assert t.things()["mounts"] == mounts, "the builder's mounts are gone"


PLAIN = """
    services:
      web:
        build: {context: ./web, args: {COLOUR: blue}}
        command: ["idle"]
"""


def case_build_only_what_changed(t):
    """The same inputs start no builder; each kind of change does; a changed image is a new instance."""
    ready(t, PLAIN)
    t.write("web/Dockerfile", "FROM bb:1\nARG COLOUR\nRUN echo $COLOUR > /colour\nCOPY page /page\n")
    assert "built " in t.wc("build", timeout=60).err
    assert "up to date" in t.wc("build").err
    t.write("web/junk", "still not sent")
    os.utime(t.dir + "/web/page", (1, 1))
    assert "up to date" in t.wc("build").err
    t.wc("up", "-d", "--wait")
    first = t.row("web")["ID"]
    t.compose(PLAIN.replace("blue", "green"))
    assert "at the next build" in t.wc("plan").out
    t.compose(PLAIN)
    t.write("web/page", "two\n")
    t.wc("up", "-d", "--wait")
    assert t.row("web")["ID"] == first, "without --build the image that is there is taken"
    t.wc("up", "-d", "--wait", "--build", timeout=60)
    assert t.row("web")["ID"] != first and t.run_inside("web", "cat", "/page").out == "two\n"
    assert "built " in t.wc("build", "--build-arg", "COLOUR=red", timeout=60).err
    assert "up to date" in t.wc("build", "--build-arg", "COLOUR=red").err
    t.wc("down")
    t.wc("image", "rm", t.project + "-web")
    assert "built " in t.wc("build", timeout=60).err, "what isn't there is not up to date"


def case_build_that_fails(t):
    """What the builder said, the place in the file, and no image; what can't be had is said before."""
    ready(t, PLAIN)
    t.write("web/Dockerfile", "FROM bb:1\nRUN echo about to fail; exit 7\n")
    done = t.wc("up", "-d", code=None, timeout=60)
    assert done.code != 0 and "about to fail" in done.err and "exit status 7" in done.err, done.err
    assert "compose.yaml:3:" in done.err and not t.ps()
    assert "about to fail" in t.wc("build", "-q", code=None, timeout=60).err
    assert t.project not in t.wc("image", "ls").out
    t.write("web/Dockerfile", "FROM bb:1\n")
    os.unlink(t.dir + "/web/Dockerfile")
    assert "Dockerfile" in t.wc("build", code=None).err
    done = t.wc("up", "-d", "--no-build", code=None)
    assert done.code != 0 and f"no image '{t.project}-web'" in done.err, done.err
    t.compose("services: {web: {build: {context: ./web, isolation: hyperv}}}\n")
    assert "no builder here has kernels of its own" in t.wc("build", code=69).err
    assert "E300" in t.wc("up", "-d", code=None).err
    path = os.environ["PATH"]
    t.environment["PATH"] = t.dir
    try:
        t.compose(PLAIN)
        t.write("web/Dockerfile", "FROM bb:1\n")
        assert "apt-get install buildah" in t.wc("build", code=None).err
    finally:
        t.environment["PATH"] = path


def case_build_for_platforms(t):
    """`build` makes every platform that it says, from bases of that platform; `up` the one that runs here."""
    if shutil.which("buildah") is None:
        raise harness.Skip("buildah is not installed")
    registry = Liar(t, 5000)
    index_of(registry, "1", {arch: fixture.layer({"etc/which": (arch, 0o644)}) for arch in (HERE, OTHER)})
    base = "localhost:5000/x:1"
    t.compose(f"""
        services:
          web:
            image: shop:1
            build:
              platforms: [linux/{OTHER}, linux/{HERE}]
              dockerfile_inline: |
                FROM {base}
                COPY page /page
          other: {{image: shop:1, platform: linux/{OTHER}, pull_policy: never}}
        """)
    t.write("page", "one")
    for arch in (HERE, OTHER):
        t.wc("image", "pull", "--platform", "linux/" + arch, base)

    def built():
        rows = t.wc("image", "ls", "--format", "json").rows
        return sorted(row["architecture"] for row in rows if row["image"].endswith("shop:1"))

    t.wc("build", "web", timeout=120)
    assert built() == sorted([HERE, OTHER])
    again = t.wc("build", "web").err
    assert again.count("up to date") == 2, again
    t.wc("up", "-d")
    assert t.run_inside("web", "cat", "/etc/which").out == HERE and t.run_inside("other", "cat", "/etc/which").out == OTHER
    t.wc("down")
    t.wc("image", "rm", "shop:1")
    t.wc("up", "-d", "web", timeout=120)
    assert built() == [HERE]
    t.wc("down")
