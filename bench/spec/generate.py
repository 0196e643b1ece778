#!/usr/bin/env python3
"""Write a Compose file of N services to standard output, in one of the shapes that the bench asks for.

chain    8 keys each (image, command, environment, ports, volumes, depends_on, healthcheck, restart); each waits for the
         one before it to be healthy, so that picking the last one picks them all
flat     the same without depends_on
profiles the same as chain, each service in a profile of its own besides "all"
extends  every service extends one base
merge    every service takes its keys from one anchor by a merge key
errors   every service has one misspelt key and one bad value
"""

import argparse
import sys

BODY = """    image: docker.io/library/nginx:1.27
    command: ["nginx", "-g", "daemon off;"]
    environment:
      MODE: production
      LEVEL: info
    ports:
      - "{port}:80"
    volumes:
      - data:/var/lib/data
    healthcheck:
      test: ["CMD", "wget", "-q", "-O-", "http://127.0.0.1/"]
      interval: 10s
      timeout: 2s
      retries: 3
    restart: unless-stopped
"""

WAIT = """    depends_on:
      s{before}:
        condition: service_healthy
"""


def port(i):
    """Published ports repeat after 60,000 services; each repetition is on its own address."""
    number = str(1024 + i % 60000)
    return number if i < 60000 else f"127.0.0.{1 + i // 60000}:{number}"


def body(i):
    return BODY.replace("{port}", port(i))


def service(shape, i):
    wait = WAIT.format(before=i - 1) if i > 0 else ""
    if shape == "flat":
        return body(i)
    if shape == "profiles":
        return body(i) + f"    profiles: [all, p{i}]\n" + wait
    if shape == "extends":
        return "    extends: base\n" + f"    ports: [\"{port(i)}:80\"]\n" + wait
    if shape == "merge":
        return "    <<: *base\n" + f"    ports: [\"{port(i)}:80\"]\n" + wait
    if shape == "errors":
        return body(i) + wait + "    restrat: always\n    init: perhaps\n"
    return body(i) + wait


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("n", type=int)
    args.add_argument("--shape", default="chain", choices=["chain", "flat", "profiles", "extends", "merge", "errors"])
    opts = args.parse_args()
    out = ["name: bench\n"]
    shared = "".join(line for line in body(0).splitlines(True) if "ports:" not in line and ":80" not in line)
    if opts.shape == "merge":
        out.append("x-base: &base\n" + shared)
    out.append("services:\n")
    if opts.shape == "extends":
        out.append("  base:\n" + shared)
    for i in range(opts.n):
        out.append(f"  s{i}:\n" + service(opts.shape, i))
    out.append("volumes:\n  data: {}\n")
    sys.stdout.write("".join(out))


if __name__ == "__main__":
    main()
