/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for libFuzzer, so that corpora are ordinary tests: runs one fuzz target over the empty
 * input and over every file given, and every file of the directories given. Each name is printed
 * before its input runs; after a crash the last one is the culprit.
 *
 *	fuzz_dest_replay tests/fuzz/corpus/dest
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/fd.h"

/* Larger than the largest input that any target reads. */
#define INPUT_MAX (4U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The target gets a block of exactly `size` bytes: a read past it is an error of ASan. */
static void run(const char *name, const char *bytes, size_t size)
{
	_cleanup_(freep) uint8_t *exact = xmalloc(size);

	printf("%s\n", name);
	(void)fflush(stdout);
	memcpy(exact, bytes, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
}

static bool run_file(const char *path)
{
	_cleanup_(freep) char *bytes = NULL;
	struct err e = { 0 };
	size_t n;

	if (!fd_read_file(path, INPUT_MAX, &bytes, &n, &e)) {
		(void)fprintf(stderr, "%s\n", e.msg);
		return false;
	}
	run(path, bytes, n);
	return true;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Every file of a directory, in the order of the names. A directory that holds none is an error:
 * a corpus that was not found must not pass. */
static bool run_directory(const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, visible, alphasort);
	bool good = n > 0;

	if (!good)
		(void)fprintf(stderr, "%s: no files in it\n", path);
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *file = xasprintf("%s/%s", path, entries[i]->d_name);

		good &= run_file(file);
		free(entries[i]);
	}
	free(entries);
	return good;
}

int main(int argc, char **argv)
{
	bool good = true;

	run("(empty)", "", 0);
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			good &= run_directory(argv[i]);
		else
			good &= run_file(argv[i]);
	}
	return good ? 0 : 1;
}
