#!/bin/bash
# setup.sh - installs what is missing to build and run wcompose on Debian 12; nothing when all is there.
#
#   scripts/setup.sh            what building and running needs
#   scripts/setup.sh --tests    and what the tests need
#   scripts/setup.sh --lint     and what the preset lint and the MinGW check need (400 MB)
. "$(dirname "$0")/lib.sh"

begin=$EPOCHREALTIME
with_tests=
with_lint=
for argument in "$@"; do
    case $argument in
    --tests) with_tests=1 ;;
    --lint) with_lint=1 ;;
    *) die "unknown argument '$argument'; usage: scripts/setup.sh [--tests] [--lint]" ;;
    esac
done

missing=()

# need "why" package…: notes the packages of a group that are not installed.
need() {
    local why=$1 package absent=()
    shift
    for package in "$@"; do
        case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true) in
        installed) ;;
        *) absent+=("$package") ;;
        esac
    done
    if [ ${#absent[@]} -gt 0 ]; then
        printf '  %s: %s\n' "$why" "${absent[*]}"
        missing+=("${absent[@]}")
    fi
}

. /etc/os-release
if [ "${ID:-}" != debian ] || [ "${VERSION_ID:-}" != 12 ]; then
    printf '  note: this is %s; the package names are those of Debian 12\n' "${PRETTY_NAME:-not Debian}"
fi
command -v apt-get >/dev/null || die "apt-get is needed to install packages"

need "compile" gcc libc6-dev
need "build system" cmake ninja-build pkg-config
need "event loop" libuv1-dev
need "read Compose files" libyaml-dev
need "read and write JSON" libcjson-dev
need "unpack image layers" libarchive-dev zlib1g-dev libzstd-dev
case $(uname -m) in
x86_64 | aarch64) need "unpack gzip twice as fast" libisal-dev ;;
esac
need "hash image content" libssl-dev
need "pull images from registries" libcurl4-openssl-dev ca-certificates
need "filter packets and publish ports" libnftables-dev
need "filter system calls" libseccomp-dev
need "small static helpers (a keeper per instance)" musl-tools
need "run containers (OCI runtime)" crun
if [ "$(uname -m)" = x86_64 ]; then
    need "run virtual machines (isolation: hyperv)" qemu-system-x86 qemu-system-common
    need "file systems of virtual machines" erofs-utils e2fsprogs
fi
need "make images from Debian packages" ca-certificates dpkg apt
need "ask the demo's front end" curl
need "follow a git repository or an archive, and check signatures" git openssh-client gnupg curl tar gzip zstd
if [ -n "$with_tests" ]; then
    need "unit tests" libcmocka-dev
    need "credentials that tests are to open" systemd
    need "fuzz targets" clang libclang-rt-14-dev
    need "checks of style and size" clang-format universal-ctags python3
    need "hold the JSON Schema against a validator" python3-jsonschema python3-yaml
    need "hold unpacked images against other tools" umoci skopeo
    need "end-to-end tests look from outside" python3 iproute2 nftables util-linux busybox-static
    need "build images in end-to-end tests" buildah
    need "remotes to fetch from" openssh-server lighttpd lighttpd-mod-openssl git-lfs faketime
    need "registries to pull from" docker-registry skopeo apache2-utils openssl nghttp2-proxy
    need "make encrypted files by other code than ours" age python3-cryptography
fi

if [ -n "$with_lint" ]; then
    need "analyse while compiling" clang clang-tidy
    need "prove the pure rooms pure on another system" gcc-mingw-w64-x86-64-win32
fi

# There are package lists when at least one is on disk; a fresh image has none.
have_lists() {
    compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null
}

install_missing() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

install_with_fresh_lists() {
    as_root apt-get update
    install_missing
}

if [ ${#missing[@]} -gt 0 ]; then
    if have_lists; then
        step "install ${#missing[@]} packages" install_missing ||
            step "install again, with fresh package lists" install_with_fresh_lists
    else
        step "fetch package lists, install ${#missing[@]} packages" install_with_fresh_lists
    fi
fi
printf '  %-58s %8s\n' "everything needed is installed" "$(since "$begin")"
