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

FUZZ_SECONDS=${FUZZ_SECONDS:-5} # for each target
passed=0 failed=0 skipped=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM

finish() {
	echo
	tail=
	[ "$skipped" -eq 0 ] || tail=", $skipped skipped"
	echo "$passed passed, $failed failed$tail"
	[ "$failed" -eq 0 ]
	exit
}

# suite NAME SECONDS COMMAND...: the command's last line counts its cases. A command that does not
# say, fails without a failed case, or takes longer than it may is a failure itself.
suite() {
	name=$1 limit=$2 start=$(date +%s)
	shift 2
	timeout -k 10 "$limit" "$@" >"$out" 2>&1 </dev/null
	status=$?
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$out" | tail -n 1)
	# shellcheck disable=SC2046 # the numbers of the line, as words
	set -- $(echo "$line" | tr -cd '0-9 ')
	p=${1:-0} f=${2:-0} s=${3:-0}
	if [ "$f" -eq 0 ] && { [ -z "$line" ] || [ "$status" -ne 0 ]; }; then
		f=1
		[ "$status" -ne 124 ] || echo "stopped after $limit s" >>"$out"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-24s %5d passed %3d failed %3d skipped %4d s\n' \
		"$name" "$p" "$f" "$s" $(($(date +%s) - start))
	if [ "$f" -gt 0 ]; then
		grep -v '^ok ' "$out" | sed 's/^/    /'
	elif [ "$s" -gt 0 ]; then
		grep -i '^ *skip' "$out" | sed 's/^/    /'
	fi
}

# build NAME DIRECTORY OPTION...: warnings are errors here. Without a program nothing can go on.
build() {
	name=$1 dir=$2 start=$(date +%s)
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
build asan build/asan -Db_sanitize=address,undefined || finish

for kind in plain asan; do
	SALLYPORT=$PWD/build/$kind/sallyport
	export SALLYPORT
	suite "unit ($kind)" 300 tools/meson_suite.py "build/$kind" unit
	suite "fuzz replay ($kind)" 300 tools/meson_suite.py "build/$kind" fuzz
	suite "kernel ($kind)" 300 tools/meson_suite.py "build/$kind" kernel
	suite "golden ($kind)" 300 tests/golden/run
done

SALLYPORT=$PWD/build/plain/sallyport
suite functional 420 tests/functional/run
suite escape 420 tests/escape/run
suite network 420 tests/network/run
suite "docker engine" 420 tests/docker/run
suite "engine client" 420 tests/engine/run
suite "fuzz ($FUZZ_SECONDS s each)" 900 tools/fuzz.sh "$FUZZ_SECONDS"
finish
