"""Bad input and bad hosts: a clear error, the right exit status, nothing half-made."""
import json
import os
import shutil
import socket
import subprocess
import time

import fixture
import harness

MISTAKES = [  # text, place, words of the message
    ("services:\n  web:\n    image: x\n    enviroment: [A=1]\n", "4:5", ["enviroment", "did you mean 'environment'?"]),
    ("services:\n  web:\n    image: x\n    depends_on: [databse]\n  database: {image: x}\n", "4:18",
     ["databse", "did you mean 'database'?"]),
    ("services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n", None, ["cycle", "a", "b"]),
    ("services:\n  web:\n    image: x\n   command: y\n", "4:", []),
    ("services:\n  web:\n\timage: x\n", "3:", ["tab"]),
    ("services:\n  web:\n    image: x\n    image: y\n", "4:5", ["image"]),
    ("services:\n  web:\n    image: x\n    stop_grace_period: 10sec\n", "4:24", ["10sec"]),
    ("services:\n  web:\n    image: x\n    mem_limit: 512 megs\n", "4:16", ["512 megs"]),
    ("services:\n  web:\n    image: x\n    ports: ['8080:http']\n", "4:", ["8080:http"]),
    ("services:\n  web:\n    image: [x]\n", "3:12", ["image"]),
    ("services:\n  web:\n    image: ${TAG:?set it}\n", "3:", ["TAG", "set it"]),
    ("services:\n  web:\n    image: x\n    networks: [frnt]\nnetworks: {front: {}}\n", "4:",
     ["frnt", "did you mean 'front'?"]),
    ("services:\n  web:\n    image: x\n    isolation: hyper-v\n", "4:16", ["hyper-v", "did you mean 'hyperv'?"]),
]


def case_thirteen_mistakes(t):
    """Each has file:line:col, the line, a caret, and a suggestion where there is one."""
    for number, (text, place, words) in enumerate(MISTAKES, 1):
        t.compose(text)
        result = t.wc("config", code=65)
        if place is not None:
            assert f"--> compose.yaml:{place}" in result.err, f"mistake {number}: no {place} in\n{result}"
        assert "^" in result.err and " | " in result.err, f"mistake {number}: no caret\n{result}"
        for word in words:
            assert word in result.err, f"mistake {number}: no {word!r} in\n{result}"


def case_all_mistakes_at_once(t):
    t.compose("""
        services:
          web: {image: x, enviroment: [A=1], mem_limit: lots}
          db: {image: x, depends_on: [wbe], isolation: vm}
          a: {image: x, depends_on: [b]}
          b: {image: x, depends_on: [a]}
    """)
    before = t.things()
    result = t.wc("up", "-d", code=65)
    for word in ("enviroment", "lots", "wbe", "'vm'", "a -> b -> a"):
        assert word in result.err, result
    as_json = t.wc("--json", "config", code=65)
    found = [json.loads(line) for line in as_json.err.splitlines()]
    assert len(found) == 5 and all(f["at"]["line"] > 0 for f in found), as_json
    t.nothing_left(before)


def case_unsupported_keys_are_named(t):
    """A valid key that is not carried out is refused or warned about by name, never ignored."""
    t.load_image()
    for key in ("mem_swappiness: 60", "develop: {watch: []}", "credential_spec: {file: x.json}"):
        t.compose("services:\n  web:\n    image: bb:1\n    " + key + "\n")
        result = t.wc("config", code=None)
        assert key.split(":")[0] in result.err, f"{key} went by in silence\n{result}"


def case_hyperv_is_never_lowered(t):
    t.load_image()
    t.compose("services: {a: {image: 'bb:1'}, b: {image: 'bb:1', isolation: hyperv}}\n")
    before = t.things()
    result = t.wc("up", "-d", code=4)
    assert "b" in result.err and "hyperv" in result.err and "compose.yaml:1:" in result.err, result
    t.wc("plan", code=4)
    t.nothing_left(before)


def case_missing_file_and_image(t):
    t.wc("up", "-d", code=66)
    t.wc("-f", "no-such.yaml", "config", code=66)
    t.wc("config", code=66, env={"COMPOSE_FILE": "no-such.yaml"})
    t.compose("services: {web: {image: 'no-such-image:9'}}\n")
    before = t.things()
    t.wc("--env-file", "no-such.env", "config", code=66)
    result = t.wc("up", "-d", "--pull", "never", code=66)
    assert "no-such-image:9" in result.err and "web" in result.err, result
    result = t.wc("up", "-d", code=69, env={"WCOMPOSE_PULL_TRIES": "1"})  # no registry can be reached here
    assert "no-such-image:9" in result.err and "web" in result.err and "registry-1.docker.io" in result.err, result
    assert "would pull no-such-image:9 for web" in t.wc("plan").out
    t.wc("plan", "--pull", "never", code=66)
    t.nothing_left(before)  # without a down


def case_taken_port(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', command: [/bin/serve], ports: ['127.0.0.1:8085:80'], "
              "stop_grace_period: 1s}}\n")
    before = t.things()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 8085))
        taken.listen()
        result = t.wc("up", "-d", code=None)
        assert result.code not in (0, 70) and "8085" in result.err and "web" in result.err, result
        assert "next:" in result.err and "compose.yaml:1:" in result.err, result
        assert "unchanged" not in result.err and result.err.count("service web") == 1, result
        t.nothing_left(before)  # without a down


def case_missing_runtime(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', runtime: no-such-runtime}}\n")
    before = t.things()
    result = t.wc("up", "-d", code=None)
    assert result.code not in (0, 70) and "no-such-runtime" in result.err, result
    t.nothing_left(before)  # without a down
    t.compose("services: {s: {image: 'bb:1'}, t: {image: 'bb:1', runtime: kata}}\n")
    for verb in (["up", "-d"], ["up"], ["plan"]):  # known before anything of the others is made
        result = t.wc(*verb, code=69)
        assert "service t" in result.err or "t:" in result.err, result
        assert "'kata' is not on this host; put a program" in result.err and "apt" not in result.err, result
        t.nothing_left(before)
    t.compose("services: {s: {image: 'bb:1'}, t: {image: 'bb:1', logging: {driver: fluentd}}}\n")
    result = t.wc("up", "-d", code=69)
    assert "fluentd" in result.err, result
    t.nothing_left(before)


def case_no_runtime_at_all(t):
    t.load_image()
    empty = os.path.join(t.base, "bin")
    os.makedirs(empty)
    for name in ("crun", "runc"):
        for directory in ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin", "/sbin"):
            path = os.path.join(directory, name)
            if os.path.exists(path):
                harness.command("mount", "--bind", "/dev/null", os.path.realpath(path))
    t.compose("services: {web: {image: 'bb:1'}}\n")
    before = t.things()
    result = t.wc("up", "-d", code=69)
    assert "crun" in result.err and "apt" in result.err, result
    t.nothing_left(before)  # without a down


def case_full_disk(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', volumes: ['data:/data'], stop_grace_period: 1s}}\nvolumes: {data: {}}\n")
    images = os.path.join(t.root, "lib", "images")
    small = os.path.join(t.base, "small")
    os.makedirs(small)
    harness.command("mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "small", small)
    shutil.copytree(images, os.path.join(small, "lib", "images"), symlinks=True)
    t.root = small
    t.environment["WCOMPOSE_ROOT"] = small
    before = t.things()
    filler = os.open(os.path.join(small, "filler"), os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(filler, b"\0" * 4096):
            pass
    except OSError:
        os.close(filler)
    result = t.wc("up", "-d", code=None)
    assert result.code not in (0, 70) and "space" in result.err.lower(), result
    os.unlink(os.path.join(small, "filler"))
    t.wc("down", "-v")
    t.nothing_left(before)


def case_load_on_a_full_disk(t):
    small = os.path.join(t.base, "small")
    os.makedirs(small)
    harness.command("mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "small", small)
    archive = os.path.join(t.base, "image.tar")
    fixture.docker_archive(archive)
    result = t.wc("image", "load", archive, code=1, env={"WCOMPOSE_ROOT": small})
    assert "space" in result.err.lower(), result
    images = os.path.join(small, "lib", "images")
    left = [name for d in ("blobs", "layers", "diffs", "tmp") for _, _, names in os.walk(os.path.join(images, d)) for name in names]
    assert left == [] and t.wc("image", "ls", "--json", env={"WCOMPOSE_ROOT": small}).out == "", left


def case_unreadable_bind_source(t):
    t.load_image()
    t.compose("""
        services:
          web:
            image: bb:1
            volumes: [{type: bind, source: /no/such/place, target: /x, bind: {create_host_path: false}}]
    """)
    before = t.things()
    result = t.wc("up", "-d", code=None)
    assert result.code not in (0, 70) and "/no/such/place" in result.err and "web" in result.err, result
    t.nothing_left(before)  # without a down
    assert not os.path.exists("/no/such/place")


def case_program_not_found(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', command: [/no/such/program]}}\n")
    before = t.things()
    result = t.wc("up", "-d", code=3)
    assert "web" in result.err and "/no/such/program" in result.err, result
    t.wc("down")
    t.nothing_left(before)


def case_corrupt_archives(t):
    """A cut, a changed and a hostile archive are refused and leave nothing in the store."""
    good = os.path.join(t.base, "good.tar")
    fixture.docker_archive(good)
    with open(good, "rb") as f:
        data = f.read()
    bad = {"cut": data[:len(data) // 2], "noise": b"\xff" * 4096, "empty": b"",
           "changed": data.replace(b"hello from the image", b"HELLO from the image")}
    t.wc("image", "ls")
    for name, content in bad.items():
        path = os.path.join(t.base, name + ".tar")
        with open(path, "wb") as f:
            f.write(content)
        result = t.wc("image", "load", "docker-archive:" + path, code=None)
        assert result.code == 65, f"{name}: {result}"
        assert t.wc("image", "ls", "--json").out == ""
    left = [os.path.join(here, n) for here, _, names in os.walk(os.path.join(t.root, "lib", "images"))
            for n in names if "blobs" in here or "layers" in here]
    assert left == [], left
    t.wc("image", "load", "docker-archive:/no/such/file", code=66)


def case_images(t):
    """Both layouts, tags, removing, and refusing to remove what is used."""
    t.load_image()
    directory = os.path.join(t.base, "oci")
    fixture.oci_directory(directory)
    t.wc("image", "load", "oci:" + directory)
    names = [row["image"] for row in t.wc("image", "ls", "--json").rows]
    assert any("bb:1" in n for n in names) and any("bb-oci:1" in n for n in names), names
    t.compose("services: {web: {image: 'bb-oci:1', stop_grace_period: 1s}}\n")
    archive = os.path.join(t.base, "named.tar")
    fixture.docker_archive(archive, "archive-name:7")
    for source in ("docker-archive:" + archive, "oci:" + directory):
        t.wc("image", "load", "-n", "mine:2", source)
        names = [row["image"] for row in t.wc("image", "ls", "--json").rows]
        assert any("mine:2" in n for n in names) and not any("archive-name" in n for n in names), names
        t.wc("image", "rm", "mine:2")
    t.wc("image", "load", "-n", "mine:2", "oci:" + directory, "docker-archive:" + archive, code=64)
    t.wc("up", "-d")
    used = t.wc("image", "rm", "bb-oci:1", code=None)
    assert used.code != 0, used
    t.wc("down")
    t.wc("image", "rm", "bb-oci:1")
    t.wc("image", "rm", "bb-oci:1", code=66)
    archive = os.path.join(t.base, "oci.tar")
    subprocess.run(["tar", "-C", directory, "-cf", archive, "."], check=True)
    t.wc("image", "load", "oci-archive:" + archive)
    t.wc("up", "-d")
    t.wc("down")


def case_images_replaced_under_containers(t):
    """An image's name goes to another one, and images are removed: what runs keeps its root, until it is gone."""
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s}}\n")
    t.wc("up", "-d")
    layers = os.path.join(t.root, "lib", "images", "layers")
    first = os.listdir(layers)
    t.load_image(more={"etc/second": ("2", 0o644)})
    t.load_image("other:1", more={"etc/other": ("3", 0o644)})
    t.wc("image", "rm", "other:1")
    assert len(os.listdir(layers)) == 2 and first[0] in os.listdir(layers), os.listdir(layers)
    assert t.run_inside("web", "sh", "-c", "ls /bin/busybox /etc").code == 0
    t.wc("kill")
    t.wc("start")  # it is made from the same layers again
    t.wc("down")
    assert first[0] in os.listdir(layers)  # an image without a name, as Docker keeps them
    t.wc("image", "prune", "--force")
    assert first[0] not in os.listdir(layers)


def case_image_removed_during_up(t):
    """Either the image stays and the service runs, or it goes and nothing of the service is there."""
    t.load_image()
    archive = os.path.join(t.base, "race.tar")
    t.compose("services: {web: {image: 'race:1', command: [/bin/serve], stop_grace_period: 1s}}\n")
    t.wc("up", "-d", "--pull", "never", code=66)
    before = t.things()
    for run in range(12):
        fixture.docker_archive(archive, "race:1", more={"etc/run": (str(run), 0o644)})
        t.wc("image", "load", archive)
        process = t.start("up", "-d", "--pull", "never")
        time.sleep(0.02 * run)
        removed = t.wc("image", "rm", "race:1", code=None)
        status = process.wait(timeout=60)
        assert removed.code in (0, 1), removed
        if removed.code == 0:
            assert status != 0, f"up succeeded without its image\n{process.stdout.read()}"
        elif status == 0:
            assert t.run_inside("web", "cat", "/etc/run").out == str(run)
        else:  # it looked for its layers in the moment in which they were out of the way
            assert "while it was being removed" in removed.err, (process.stdout.read(), removed)
        t.wc("down", code=None)
        t.nothing_left(before)
        t.wc("image", "rm", "race:1", code=None)


def case_image_ls_with_an_unreadable_one(t):
    t.load_image()
    t.load_image("other:1", more={"etc/other": ("3", 0o644)}, Env=["A=1"])
    row = [r for r in t.wc("image", "ls", "--json").rows if "other:1" in r["image"]][0]
    with open(os.path.join(t.root, "lib", "images", "blobs", "sha256", row["id"].split(":")[1]), "w", encoding="utf-8") as f:
        f.write("not json")
    listed = t.wc("image", "ls", code=1)
    assert "bb:1" in listed.out and "unreadable" in listed.out and "other:1 can't be read" in listed.err, listed
    assert len(t.wc("image", "ls", "-q", code=1).out.split()) == 2


def case_image_made_from_packages(t):
    made = t.wc("image", "make", "busybox", code=None, timeout=600, online=True)
    if made.code == 69:
        raise harness.Skip("apt can't fetch packages here: " + made.err.strip().splitlines()[-1])
    assert made.code == 0, made
    again = t.wc("image", "make", "busybox", online=True)
    assert "up to date" in again.err, again
    name = made.out.strip()
    t.compose(f"services: {{web: {{image: '{name}', command: [sh, -c, 'echo made'], stop_grace_period: 1s}}}}\n")
    t.wc("up")
    assert "made" in t.wc("logs").out
    t.wc("down")


def case_shop(t):
    """The example: real programs from Debian packages; what was written survives down and up."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "shop")
    shutil.copytree(source, t.dir, dirs_exist_ok=True)
    made = t.wc("image", "make", "nginx", "redis", "postgres", "./api.recipe", code=None, timeout=600, online=True)
    if made.code == 69:
        raise harness.Skip("apt can't fetch packages here: " + made.err.strip().splitlines()[-1])
    assert made.code == 0, made
    before = t.things()
    t.wc("up", "-d", "--wait")
    assert '"foghorn"' in t.get("http://127.0.0.1:8080/products")
    # once each: a visit that took too long would be counted all the same
    assert [json.loads(t.http("http://127.0.0.1:8080/visit", timeout=60)[1])["visits"] for _ in range(2)] == [1, 2]
    t.wc("down")
    t.nothing_left(before, allowed=[r"files: .*/lib/volumes/"])
    t.wc("up", "-d", "--wait")
    assert json.loads(t.http("http://127.0.0.1:8080/visit", timeout=60)[1])["visits"] == 3
    again = t.wc("up", "-d")
    assert "nothing to do" in again.err, again
    t.wc("down", "-v")
    t.nothing_left(before)


def case_plan_changes_nothing(t):
    t.load_image()
    t.compose("services: {web: {image: 'bb:1', stop_grace_period: 1s}, job: {image: 'bb:1', command: ['true']}}\n")
    before = t.things()
    plan = t.wc("plan", "--json", "--detailed-exitcode", code=2).json
    assert plan["v"] == 1 and plan["changes"] is True
    assert {s["service"]: s["action"] for s in plan["services"]}["web"] == "create", plan
    text = t.wc("plan").out
    assert "wave" in text and "process" in text and "create" in text, text
    t.nothing_left(before)
    t.wc("up", "-d")
    t.until(lambda: t.row("job")["State"] == "exited", "the job")
    t.wc("plan", "--detailed-exitcode", code=0)
    t.wc("down")


def case_plan_golden(t):
    """The plan, to the letter, as text and as JSON (tests/golden/plan)."""
    golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "plan")
    t.load_image()
    shutil.copy(os.path.join(golden, "compose.yaml"), t.dir)
    assert t.wc("plan", env={"LANG": "C"}).out == harness.read(os.path.join(golden, "plan.txt"))
    found = t.wc("plan", "--json").out.replace(t.dir + "/", "")
    assert found == harness.read(os.path.join(golden, "plan.json")), found


def case_command_line(t):
    t.compose("services: {web: {image: 'bb:1'}}\n")
    assert "did you mean 'up'?" in t.wc("upp", code=64).err
    push = t.wc("push", code=64).err
    assert "docker compose" in push and "kill" not in push, push
    assert "did you mean '--detach'?" in t.wc("up", "--detatch", code=64).err
    t.wc("up", "--force-recreate", "--no-recreate", code=64)
    assert "plan" in t.wc("--help").out
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    current = harness.command(os.path.join(top, "tools", "write_cli_docs.py"), t.binary, env=t.environment).stdout
    assert current == harness.read(os.path.join(top, "docs", "cli.md")), "docs/cli.md: tools/write_cli_docs.py makes it anew"
    assert t.wc("version", "--short").out.count(".") == 2
    assert t.wc("-f", "-", "config", "--services", stdin="services: {x: {image: y}}\n").out == "x\n"
    for shell in ("bash", "zsh", "fish"):
        script = t.write("completion." + shell, t.wc("completion", shell).out)
        if shutil.which(shell):
            harness.command(shell, "-n", script)
    words = harness.command("bash", "-c", f". {t.dir}/completion.bash; COMP_WORDS=({t.binary} up w); COMP_CWORD=2; "
                            "_wcompose; echo ${COMPREPLY[@]}", cwd=t.dir, env=t.environment).stdout
    assert words.strip() == "web", words


def case_support(t):
    """What isn't carried out yet runs nowhere, and can be looked at everywhere; the tables answer about themselves."""
    t.compose("services: {web: {image: 'bb:1', gpus: all}, app: {build: .}}\n")
    for verb in ("up", "plan"):
        assert "error[E300]: 'gpus' in services.web" in t.wc(verb, code=65).err
    assert "warning[W013]: 'gpus' in services.web" in t.wc("config").err
    shown = t.wc("config", "--json")
    assert json.loads(shown.out)["services"]["web"]["gpus"] == [{"count": -1}], shown
    t.wc("down")
    row = json.loads(t.wc("support", "--json", "services.cap_add").out)["attributes"]
    assert [(r["attribute"], r["linux"], r["windows"], r["clause"]) for r in row] == \
        [("services.*.cap_add", "carried out", "refused", "05-services.md#cap_add")], row
    assert "refused" not in t.wc("support", "--platform", "linux", "cap_add").out
    assert "did you mean 'cap_add'?" in t.wc("support", "cap_ad", code=64).err
    schema = json.loads(t.wc("schema").out)
    assert schema["$defs"]["service"]["additionalProperties"] is False
    assert "x-wcompose" in schema["properties"]


def case_closed_output_is_an_error(t):
    t.compose("services: {web: {image: 'bb:1'}}\n")
    with open("/dev/full", "w", encoding="utf-8") as full:
        process = t.start("config", stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert process.returncode != 0 and "space" in err.lower(), err
