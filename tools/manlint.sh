#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# mandoc finds nothing to say about the manual pages.
set -u
cd "$(dirname "$0")/../man" || exit 1

if ! command -v mandoc >/dev/null; then
	echo "skip: mandoc is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
passed=0 failed=0
for page in *.[1-8]; do
	if mandoc -Tlint -W warning "$page"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
