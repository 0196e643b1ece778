#!/usr/bin/env python3
"""check_library.py BUILD_DIR - libwcompose as a stranger finds it.

Installs it into an empty prefix, builds examples/library against the prefix by pkg-config (shared and static) and
by find_package, runs each on a good and on a broken project, and looks at which symbols the library shows.
"""
import os
import subprocess
import sys
import tempfile

GOOD = "services:\n  web: {image: nginx, depends_on: [db]}\n  db: {image: redis, isolation: hyperv}\n"
GOOD_SAYS = ["1  db  hyperv, because isolation: hyperv", "2  web  process, because "]
BROKEN = "services:\n  web: {imag: nginx}\n"
BROKEN_SAYS = ["error: E100: unknown key 'imag'", "at compose.yaml:2:9", "| " + "  web: {imag: nginx}", "did you mean 'image'?"]


def run(argv, **more):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def cache(build):
    """CMake's cache as a dictionary."""
    entries = {}
    with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as file:
        for line in file:
            if ":" in line and "=" in line and not line.startswith(("#", "/")):
                name, value = line.rstrip("\n").split("=", 1)
                entries[name.split(":", 1)[0]] = value
    return entries


def by_pkg_config(prefix, cc, source, out, static):
    env = dict(os.environ, PKG_CONFIG_PATH=os.path.join(prefix, "lib", "pkgconfig"))
    flags = run(["pkg-config", "--cflags", "--libs", "wcompose"] + (["--static"] if static else []), env=env).split()
    if static:
        archive = os.path.join(prefix, "lib", "libwcompose.a")
        flags = [archive if flag == "-lwcompose" else flag for flag in flags]
    run(cc + ["-std=c11", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-pedantic", source, "-o", out] + flags)


def by_cmake(prefix, cc, source, work):
    tree = os.path.join(work, "by-cmake")
    run(["cmake", "-S", os.path.dirname(source), "-B", tree, f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_C_COMPILER={cc[0]}",
         "-DCMAKE_C_FLAGS=" + " ".join(cc[1:])])
    run(["cmake", "--build", tree])
    return os.path.join(tree, "compose-report")


def try_out(program, prefix, work):
    env = dict(os.environ, LD_LIBRARY_PATH=os.path.join(prefix, "lib"))
    for name, text, status, says in (("good", GOOD, 0, GOOD_SAYS), ("broken", BROKEN, 1, BROKEN_SAYS)):
        folder = os.path.join(work, name)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "compose.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run([program, folder], env=env, capture_output=True, text=True, check=False)
        missing = [line for line in says if line not in done.stdout]
        if done.returncode != status or missing or done.stderr:
            sys.exit(f"{program} on the {name} project: status {done.returncode}, missing {missing}\n{done.stdout}{done.stderr}")


def check_symbols(library):
    shown = [line.split()[-1].split("@")[0] for line in run(["nm", "-D", "--defined-only", library]).splitlines()]
    strange = [name for name in shown if not name.startswith(("wcompose_", "WCOMPOSE_"))]
    if strange or not shown:
        sys.exit(f"{library} shows {strange or 'nothing'}")


def main():
    build = os.path.abspath(sys.argv[1])
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    source = os.path.join(top, "examples", "library", "main.c")
    facts = cache(build)
    sanitize = facts.get("WC_SANITIZE", "")
    cc = [facts["CMAKE_C_COMPILER"]] + ([f"-fsanitize={sanitize}"] if sanitize else [])
    cc += facts.get("CMAKE_C_FLAGS", "").split()
    with tempfile.TemporaryDirectory(prefix="wclib") as work:
        prefix = os.path.join(work, "prefix")
        run(["cmake", "--install", build, "--component", "library", "--prefix", prefix])
        shared, static = os.path.join(work, "shared"), os.path.join(work, "static")
        by_pkg_config(prefix, cc, source, shared, False)
        by_pkg_config(prefix, cc, source, static, True)
        for program in (shared, static, by_cmake(prefix, cc, source, work)):
            try_out(program, prefix, work)
        check_symbols(os.path.join(prefix, "lib", "libwcompose.so"))


if __name__ == "__main__":
    main()
