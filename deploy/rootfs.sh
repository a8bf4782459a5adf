#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deploy/rootfs.sh DIRECTORY PROGRAM: makes DIRECTORY the root file system of an image in which
# PROGRAM is /usr/bin/sallyport. Besides it there are the shared libraries that it is linked with;
# no shell, no other program, no user but those the kernel knows by number.
set -eu

if [ $# -ne 2 ]; then
	echo "usage: deploy/rootfs.sh DIRECTORY PROGRAM" >&2
	exit 2
fi
root=$1 program=$2

mkdir -p "$root/usr/bin"
cp "$program" "$root/usr/bin/sallyport"
chmod 755 "$root/usr/bin/sallyport"

# Lines of ldd: "NAME => PATH (ADDRESS)", "PATH (ADDRESS)" for the loader, and the kernel's vdso.
# Kept under the names by which the loader looks for them, whatever these are links to.
libraries=$(ldd "$program" 2>/dev/null) || libraries= # linked statically
case $libraries in
*'not found'*) echo "deploy/rootfs.sh: $program lacks a library: $libraries" >&2; exit 1 ;;
esac
echo "$libraries" | sed -n 's/^[^/]*\(\/[^ ]*\) (0x[0-9a-f]*)$/\1/p' | while read -r library; do
	mkdir -p "$root$(dirname "$library")"
	cp -L "$library" "$root$library"
	chmod 755 "$root$library"
done
