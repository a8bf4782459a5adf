#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every test. One line a suite, in full what failed, and a last line that counts.
# Needs no privilege; as root the tests that need root run as well. Called by `make check`.
set -u
cd "$(dirname "$0")/.." || exit 1

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
export PYTHONDONTWRITEBYTECODE=1

FUZZ_SECONDS=${FUZZ_SECONDS:-1} # for each target
JOBS=${JOBS:-$(nproc)} # suites at one time
passed=0 failed=0 skipped=0
begun=0 told=0 pids=
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
# shellcheck disable=SC2086 # numbers
trap 'trap - INT TERM; kill $pids 2>/dev/null; wait; exit 130' INT TERM

# run OUT SECONDS COMMAND...: leaves what it said in OUT, and in OUT.end how it ended and its seconds.
run() {
	out=$1 limit=$2 start=$(date +%s)
	shift 2
	timeout -k 10 "$limit" "$@" >"$out" 2>&1 </dev/null &
	trap 'kill $!; exit 130' TERM
	wait $!
	status=$?
	[ "$status" -ne 124 ] || echo "stopped after $limit s" >>"$out"
	echo "$status $(($(date +%s) - start))" >"$out.tmp"
	mv "$out.tmp" "$out.end"
}

# tell OUT NAME: one line. The command's last line counts its cases. A command that does not say, fails
# without a failed case, or took longer than it may is a failure itself.
tell() {
	out=$1 name=$2
	read -r status seconds <"$out.end"
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$out" | tail -n 1)
	# shellcheck disable=SC2046 # the numbers of the line, as words
	set -- $(echo "$line" | tr -cd '0-9 ')
	p=${1:-0} f=${2:-0} s=${3:-0}
	if [ "$f" -eq 0 ] && { [ -z "$line" ] || [ "$status" -ne 0 ]; }; then
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-24s %5d passed %3d failed %3d skipped %4d s\n' "$name" "$p" "$f" "$s" "$seconds"
	if [ "$f" -gt 0 ]; then
		grep -v '^ok ' "$out" | sed 's/^/    /'
	elif [ "$s" -gt 0 ]; then
		grep -i '^ *skip' "$out" | sed 's/^/    /'
	fi
}

# Tells of those that have ended, until there are only so many left.
await() {
	while
		for end in "$tmp"/*.end; do
			[ -f "$end" ] || continue
			tell "${end%.end}" "$(cat "${end%.end}.name")"
			rm "$end"
			told=$((told + 1))
		done
		[ $((begun - told)) -gt "$1" ]
	do
		sleep 0.2
	done
}

# suite NAME SECONDS COMMAND...: beside the others, as soon as there is room.
suite() {
	await $((JOBS - 1))
	begun=$((begun + 1))
	echo "$1" >"$tmp/$begun.name"
	shift
	run "$tmp/$begun" "$@" &
	pids="$pids $!"
}

finish() {
	await 0
	echo
	tail=
	[ "$skipped" -eq 0 ] || tail=", $skipped skipped"
	echo "$passed passed, $failed failed$tail"
	[ "$failed" -eq 0 ]
	exit
}

# build NAME DIRECTORY OPTION...: warnings are errors here. Without a program nothing can go on.
build() {
	name=$1 dir=$2 out=$tmp/build start=$(date +%s)
	shift 2
	{
		[ -f "$dir/build.ninja" ] || meson setup "$dir" -Dwerror=true -Dtests=enabled "$@"
	} >"$out" 2>&1 && ninja -C "$dir" all meson-test-prereq >"$out" 2>&1 && {
		printf '%-24s %48d s\n' "build ($name)" $(($(date +%s) - start))
		return
	}
	grep -v '^\[' "$out"
	echo "build ($name): failed"
	failed=$((failed + 1))
	return 1
}

suite layers 60 tools/layers.py
suite "banned calls" 60 tools/banned.py
suite "build lists" 60 tools/listed.py
suite "ready groups" 60 tools/groups.py
suite "manual pages" 60 tools/manlint.sh

build plain build/plain || finish
build asan build/asan -Db_sanitize=address,undefined -Doptimization=1 || finish

# The longest first.
SALLYPORT=$PWD/build/plain/sallyport
export SALLYPORT
suite "docker engine" 800 tests/docker/run
suite network 800 tests/network/run
suite functional 800 tests/functional/run
suite escape 800 tests/escape/run
suite "engine client" 400 tests/engine/run
suite "options in pages" 60 tools/manoptions.py
for kind in asan plain; do
	SALLYPORT=$PWD/build/$kind/sallyport
	suite "unit ($kind)" 300 tools/meson_suite.py "build/$kind" unit
	suite "fuzz replay ($kind)" 300 tools/meson_suite.py "build/$kind" fuzz
	suite "kernel ($kind)" 300 tools/meson_suite.py "build/$kind" kernel
	suite "golden ($kind)" 300 tests/golden/run
done
suite "fuzz ($FUZZ_SECONDS s each)" 900 tools/fuzz.sh "$FUZZ_SECONDS"
finish
