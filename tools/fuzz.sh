#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	tools/fuzz.sh SECONDS [TARGET...]
#
# Runs fuzz targets, two at a time, each for SECONDS, from its corpus on. New inputs are kept under
# build/fuzz/new, what broke a target under build/fuzz/broken: move that to tests/fuzz/regression
# together with the fix.
set -u
cd "$(dirname "$0")/.." || exit 1

seconds=${1:?usage: tools/fuzz.sh SECONDS [TARGET...]}
shift
dir=build/fuzz
log=$dir-build.log

one() {
	new=$dir/new/$1
	mkdir -p "$new" "$dir/broken"
	seeds=
	for kind in corpus regression; do
		[ ! -d "tests/fuzz/$kind/$1" ] || seeds="$seeds tests/fuzz/$kind/$1"
	done
	# shellcheck disable=SC2086 # a list of directories without blanks
	"$dir/tests/fuzz_$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix="$dir/broken/$1-" -print_final_stats=1 \
		"$new" $seeds >"$dir/$1.log" 2>&1 </dev/null
	status=$?
	if [ "$status" -eq 0 ]; then
		echo "ok   $1: $(sed -n 's/^stat::number_of_executed_units: //p' "$dir/$1.log") inputs"
	else
		echo "FAIL $1"
		tail -n 60 "$dir/$1.log"
	fi
}

if [ "${FUZZ_ONE-}" ]; then
	one "$1"
	exit
fi

if ! echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return p && n < 0; }' |
	clang -x c -fsanitize=fuzzer,address - -o /dev/null 2>/dev/null; then
	echo "skip: clang with libFuzzer is not installed (tools/deps.sh --dev)"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi

mkdir -p build
{
	[ -f $dir/build.ninja ] ||
		CC=clang meson setup $dir -Dwerror=true -Dtests=enabled -Dfuzz=true \
			-Db_lundef=false -Db_sanitize=address,undefined -Doptimization=1
} >"$log" 2>&1 && ninja -C $dir fuzzers >"$log" 2>&1
built=$?
if [ $built -ne 0 ]; then
	grep -v '^\[' "$log"
	echo "0 passed, 1 failed"
	exit 1
fi

if [ $# -eq 0 ]; then
	# shellcheck disable=SC2046 # names of targets are words
	set -- $(find $dir/tests -maxdepth 1 -name 'fuzz_*' -type f | sed 's/.*fuzz_//' | sort)
fi
results=$(printf '%s\n' "$@" | FUZZ_ONE=1 xargs -n 1 -P 2 "$0" "$seconds")
echo "$results"
failed=$(echo "$results" | grep -c '^FAIL ')
echo "$(($# - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
