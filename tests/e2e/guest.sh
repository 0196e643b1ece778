#!/bin/bash
# guest.sh - runs end-to-end cases on another host than this one: Debian 12 as it is installed, with
# systemd and control groups of version 2 only, in a virtual machine.
#
#   sudo tests/e2e/guest.sh                          the cases that need no machine of their own and no download
#   sudo tests/e2e/guest.sh up_and_down drift_links  cases by name, or a part of it
#   WORK=/var/tmp/guest sudo -E tests/e2e/guest.sh   keep the host's files there, and use them again
#
# What is tried is build/release as it was built. Needs mmdebstrap, qemu-system-x86 and a mirror of Debian's.
. "$(dirname "$0")/../../scripts/lib.sh"

release=$top/build/release
accel=${ACCEL:-tcg,thread=multi} # ACCEL=kvm where that works: a /dev/kvm that opens may not boot anything
modules="lifecycle inplace drift suspend confinement health state metrics given attached rollouts explain"

[ "$(id -u)" = 0 ] || die "root is needed"
for program in mmdebstrap qemu-system-x86_64 mke2fs; do
    command -v "$program" >/dev/null || { echo "SKIP: $program is not installed"; exit 77; }
done
[ -x "$release/wcompose" ] || die "build it first: cmake --preset release && cmake --build build/release"

work=${WORK:-$(mktemp -d /var/tmp/wcompose-guest.XXXXXX)}
mkdir -p "$work"
vm=
end() {
    local status=$?
    [ -z "$vm" ] || kill "$vm" 2>/dev/null || true
    [ "$status" != 0 ] || [ -n "${WORK:-}" ] || rm -rf --one-file-system "$work"
}
trap end EXIT

make_host() {
    mmdebstrap --variant=minbase --include=systemd,systemd-sysv,udev,dbus,linux-image-cloud-amd64,initramfs-tools \
        --include=python3,iproute2,nftables,util-linux,busybox-static,crun,curl,procps,kmod,ca-certificates,e2fsprogs \
        --include=libuv1,libyaml-0-2,libcjson1,libarchive13,libzstd1,libisal2,libssl3,libcurl4,libnftables1,libseccomp2 \
        bookworm "$work/root"
}

# What is tried, and the service that tries it.
fill_host() {
    local root=$work/root
    mkdir -p "$root/wcompose/build/release"
    cp -a "$release"/wcompose "$release"/wcompose-{keeper,join,init,dns,guest,monitor} "$root/wcompose/build/release/"
    rm -rf "$root/wcompose/tests" "$root/wcompose/examples"
    cp -a "$top/tests" "$top/examples" "$root/wcompose/"
    printf '/dev/vda / ext4 rw,noatime 0 1\n' >"$root/etc/fstab"
    printf '%s\n' tun overlay bridge veth nf_tables nft_chain_nat nft_masq br_netfilter >"$root/etc/modules"
    printf '%s\n' "$@" >"$root/wcompose/cases"
    cat >"$root/wcompose/go" <<'GO'
#!/bin/bash
exec >/dev/ttyS0 2>&1
export WCOMPOSE_E2E_SECONDS=2400
printf 'host: Linux %s, %s\n' "$(uname -r)" "$(stat -f -c %T /sys/fs/cgroup)"
mapfile -t names </wcompose/cases
python3 /wcompose/tests/e2e/run.py --jobs 1 "${names[@]}"
systemctl poweroff --force --force
GO
    chmod 755 "$root/wcompose/go"
    printf '[Service]\nExecStart=/wcompose/go\n[Unit]\nAfter=multi-user.target\n' >"$root/etc/systemd/system/cases.service"
    mkdir -p "$root/etc/systemd/system/default.target.wants"
    ln -sf ../cases.service "$root/etc/systemd/system/default.target.wants/cases.service"
    ln -sf /dev/null "$root/etc/systemd/system/serial-getty@ttyS0.service"
    rm -f "$work/disk"
    truncate -s 6G "$work/disk"
    mke2fs -q -t ext4 -d "$root" "$work/disk"
}

boot() {
    exec qemu-system-x86_64 -M q35 -accel "$accel" -cpu max -smp 2 -m 4096 -nodefaults -display none -no-reboot -nic none \
        -serial "file:$work/said" -kernel "$work"/root/vmlinuz -initrd "$work"/root/initrd.img \
        -append "console=ttyS0 root=/dev/vda rw quiet systemd.unified_cgroup_hierarchy=1" \
        -drive "file=$work/disk,if=virtio,format=raw,cache=unsafe" -device virtio-rng-pci
}

if [ $# = 0 ]; then
    cases=()
    for module in $modules; do
        mapfile -t -O "${#cases[@]}" cases < <(sed -n 's/^def case_\([a-z0-9_]*\)(.*/\1/p' "$top/tests/e2e/cases_$module.py")
    done
    set -- "${cases[@]}"
fi
[ -e "$work/root/vmlinuz" ] || step "a Debian host" make_host
step "what is tried" fill_host "$@"
: >"$work/said"
boot &
vm=$!
tail -n +1 -F --pid="$vm" "$work/said" 2>/dev/null | tr -d '\r' | grep --line-buffered -E '^ {4,}|^host: ' || true
wait "$vm" || true
vm=
tr -d '\r' <"$work/said" | grep -qE '^ +[0-9]+ passed, 0 failed, ' || die "not all passed; what the host said: $work/said"
