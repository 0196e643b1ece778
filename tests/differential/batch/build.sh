#!/bin/sh
# build.sh ORACLES OUT: builds main.go against the same compose-go packages of Debian that its
# docker compose (ORACLES/dc-sid of get_oracles.sh) was built with; nothing is installed. OUT is the
# program for run.py --batch. Needs apt, dpkg-deb and a Debian mirror; about 50 MB are downloaded.
set -eu
oracles=$(realpath "$1") out=$(realpath -m "$2") here=$(realpath "$(dirname "$0")")
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
lib=golang-github
packages="golang-1.26-go golang-1.26-src $lib-compose-spec-compose-go-dev
  $lib-distribution-reference-dev $lib-docker-go-connections-dev $lib-docker-go-units-dev
  $lib-go-viper-mapstructure-dev $lib-mattn-go-shellwords-dev $lib-opencontainers-go-digest-dev
  $lib-santhosh-tekuri-jsonschema-dev $lib-sirupsen-logrus-dev $lib-xhit-go-str2duration-dev
  golang-golang-x-sync-dev golang-golang-x-text-dev golang-golang-x-sys-dev golang-gopkg-yaml.v3-dev"
for p in $packages; do
    apt-get -qq -c "$oracles/apt/apt.conf" download "$p/sid"
done
for deb in *.deb; do dpkg -x "$deb" x; done
mkdir -p go/src/oracle
cp "$here/main.go" go/src/oracle/
echo "module oracle" >go/src/oracle/go.mod
export GOROOT="$work/x/usr/lib/go-1.26" GO111MODULE=off GOCACHE="$work/cache" GOFLAGS=-trimpath
export GOPATH="$work/go:$work/x/usr/share/gocode" GOTOOLCHAIN=local CGO_ENABLED=0
"$GOROOT/bin/go" build -o "$out" oracle
