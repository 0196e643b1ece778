#!/bin/sh
# The whole story in one command, offline, as root: a local bare repository, a signed commit that is followed, a
# drift that is repaired, a commit that never gets healthy and is rolled back, one that nobody signed.
#
#   examples/gitops/run.sh          (WCOMPOSE names the program; everything is in a directory of its own)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
wcompose=${WCOMPOSE:-wcompose}
for program in "$wcompose" git ssh-keygen /bin/busybox; do
    command -v "$program" >/dev/null || {
        echo "run.sh: $program is not there (WCOMPOSE=build/release/wcompose names a wcompose that isn't on the PATH)" >&2
        exit 1
    }
done
work=$(mktemp -d)
export WCOMPOSE_ROOT="$work/root" GIT_CONFIG_GLOBAL="$work/gitconfig" GIT_CONFIG_NOSYSTEM=1

finish() {
    "$wcompose" -p shop down >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT
say() { printf '\n--- %s\n' "$*"; }

# An image of the host's own busybox, in the form of `docker save`.
make_image() {
    mkdir -p "$work/image/root/bin" "$work/image/out"
    cp /bin/busybox "$work/image/root/bin/busybox"
    ln -s busybox "$work/image/root/bin/sh"
    ln -s busybox "$work/image/root/bin/sleep"
    tar -C "$work/image/root" -cf "$work/image/out/layer.tar" .
    layer=$(sha256sum "$work/image/out/layer.tar" | cut -d' ' -f1)
    printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')" "$layer" >"$work/image/out/config.json"
    printf '[{"Config":"config.json","RepoTags":["gitops-busybox:1"],"Layers":["layer.tar"]}]' \
        >"$work/image/out/manifest.json"
    tar -C "$work/image/out" -cf "$work/image.tar" .
    "$wcompose" image load "docker-archive:$work/image.tar" >/dev/null 2>&1
}

# A repository, somebody who signs, and the list of those whose signatures count: the host's, not the repository's.
make_remote() {
    ssh-keygen -q -t ed25519 -N '' -C ann@example.org -f "$work/ann"
    printf 'ann@example.org namespaces="git" %s\n' "$(cat "$work/ann.pub")" >"$work/signers"
    git config --global user.name Ann
    git config --global user.email ann@example.org
    git config --global gpg.format ssh
    git config --global user.signingkey "$work/ann.pub"
    git init -q --bare -b main "$work/shop.git"
    git clone -q "$work/shop.git" "$work/shop" 2>/dev/null
    git -C "$work/shop" checkout -q -B main
}

push() { # message, options of commit
    message=$1
    shift
    git -C "$work/shop" add -A
    git -C "$work/shop" commit -q "$@" -m "$message"
    git -C "$work/shop" push -q origin main
}

follow() { "$wcompose" reconcile --agent-file "$work/agent.yaml" --once || echo "(exit status $?)"; }
status() { "$wcompose" reconcile --agent-file "$work/agent.yaml" status; }

make_image
make_remote
cat >"$work/agent.yaml" <<YAML
apps:
  shop:
    source:
      git: $work/shop.git
      branch: main
      verify: {mode: commit, signers: $work/signers}
    timeout: 10s
YAML

say "a signed commit is followed"
cp "$here/app/compose.yaml" "$work/shop/"
push "the first one" -S
follow
status

say "somebody stops the service by hand: drift, repaired"
"$wcompose" -p shop stop web >/dev/null 2>&1
follow

say "a commit that never gets healthy: rolled back, and not tried again"
sed -i 's/"true"\]/"false"]/; s/LEVEL: "1"/LEVEL: "2"/' "$work/shop/compose.yaml"
push "a bad one" -S
follow
status
follow

say "a commit that nobody signed: not believed"
sed -i 's/"false"\]/"true"]/; s/LEVEL: "2"/LEVEL: "3"/' "$work/shop/compose.yaml"
push "unsigned" --no-gpg-sign
follow

say "the same, signed"
git -C "$work/shop" commit -q --amend --no-edit -S
git -C "$work/shop" push -q -f origin main
follow
status

say "what has been"
"$wcompose" reconcile --agent-file "$work/agent.yaml" history
