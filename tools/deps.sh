#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs the Debian packages that building, the demo, the tests and the benchmark need. Says
# nothing and needs no privilege when all are there. With --dev also what writing code needs; with
# --check what the tests need that only root can run, a Docker engine and clients to put into it; with
# --bench the proxies and firewalls that the benchmark measures ours beside. Of these services none is started
# by the installation, nor at the next boot.
set -eu

# "cmd NAME PACKAGE": a program in the path. "lib NAME PACKAGE": a library known to pkg-config.
# "header NAME PACKAGE": a library that is nothing but a header. "module NAME PACKAGE": of Python.
needs='
cmd cc gcc
cmd meson meson
cmd ninja ninja-build
cmd pkg-config pkg-config
lib yaml-0.1 libyaml-dev
lib jansson libjansson-dev
lib libidn2 libidn2-dev
lib libpsl libpsl-dev
lib libcurl libcurl4-gnutls-dev
lib libnftables libnftables-dev
lib libmnl libmnl-dev
lib libnftnl libnftnl-dev
lib libuv libuv1-dev
lib libseccomp libseccomp-dev
lib libcap-ng libcap-ng-dev
lib cmocka libcmocka-dev
header uthash.h uthash-dev
cmd python3 python3
cmd ip iproute2
cmd nft nftables
cmd curl curl
cmd dig bind9-dnsutils
cmd openssl openssl
cmd socat socat
cmd nc netcat-openbsd
cmd bwrap bubblewrap
cmd mandoc mandoc
cmd setpriv util-linux
'
dev='
cmd clang clang
cmd clang-format clang-format
cmd clang-tidy clang-tidy
cmd cppcheck cppcheck
cmd shellcheck shellcheck
'
bench='
cmd squid squid
cmd tinyproxy tinyproxy
cmd haproxy haproxy
cmd iptables iptables
cmd ipset ipset
'
engine='
cmd dockerd docker.io
cmd docker-compose docker-compose
cmd iptables iptables
cmd busybox busybox-static
cmd wget wget
cmd git git
cmd node nodejs
module pip python3-pip
'
services=

# nft and ip live where a user's path may not look.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

have() {
	case $1 in
	cmd) command -v "$2" >/dev/null 2>&1 ;;
	lib) pkg-config --exists "$2" 2>/dev/null ;;
	module) /usr/bin/python3 -c "import $2" >/dev/null 2>&1 ;;
	header) echo "#include <$2>" | cc -E - >/dev/null 2>&1 ;;
	esac
}

missing() {
	echo "$needs" | while read -r kind name package; do
		[ -z "$kind" ] || have "$kind" "$name" || printf '%s ' "$package"
	done
}

case ${1-} in
'') ;;
--dev) needs="$needs$dev" ;;
--check) [ "$(id -u)" != 0 ] || needs="$needs$engine" services=yes ;;
--bench) needs="$needs$bench" services=yes ;;
*) echo "usage: tools/deps.sh [--dev | --check | --bench]" >&2; exit 2 ;;
esac

packages=$(missing)
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "missing: $packages(Debian's names); install what this system calls them" >&2
	exit 1
fi
if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo >/dev/null; then
	sudo=sudo
else
	echo "missing packages; as root: apt-get install $packages" >&2
	exit 1
fi

# What the maintainer scripts ask before they start a service; 101 says no. One that is there stays.
policy=/usr/sbin/policy-rc.d
hush() {
	[ -n "$services" ] && [ ! -e $policy ] || return 0
	trap '$sudo rm -f $policy' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
	$sudo chmod 755 $policy
}

stay_down() {
	for package in $packages; do
		case $package in
		docker.io | squid | tinyproxy | haproxy) $sudo update-rc.d "${package%.io}" disable >/dev/null 2>&1 || true ;;
		esac
	done
}

echo "installing: $packages"
hush
# shellcheck disable=SC2086 # both are lists of words, or empty
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq update >/dev/null || true
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $packages >/dev/null
stay_down

packages=$(missing)
[ -z "$packages" ] || { echo "still missing: $packages" >&2; exit 1; }
