/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors: closing, whole reads and writes, and passing them over a Unix socket. */
#ifndef SALLYPORT_BASE_FD_H
#define SALLYPORT_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"

/* Closes *fd unless it is negative and sets it to -1; errno is kept. For _cleanup_(fd_closep). */
void fd_closep(int *fd);

/*
 * Closes every descriptor from `from` on but the n listed. flags: 0, or CLOSE_RANGE_CLOEXEC to have
 * them closed by exec only.
 */
bool fd_close_others(int from, const int *keep, size_t n, unsigned flags, struct err *e) _must_use_;

/* Writes all of s to a blocking descriptor. */
bool fd_write_all(int fd, struct span s, struct err *e) _must_use_;

/* Whether a write would not block: poll(2) says so within the time. That it would fail counts, too. */
bool fd_takes(int fd, int timeout_ms);

/* Reads a whole file of at most max bytes. *out is allocated, NUL-terminated, the caller's. */
bool fd_read_file(const char *path, size_t max, char **out, size_t *out_n, struct err *e)
	_must_use_;

/*
 * Makes s the whole content of the file at path, or fails and leaves what was there: it is written
 * and flushed beside it, in the same directory, and then takes its place. A new file has `mode`
 * less the umask; one that is replaced hands on its mode, owner and group. Symbolic links are
 * followed; what is no regular file is refused. A signal that ends the process in between can leave
 * the other file behind.
 */
bool fd_write_file_atomic(const char *path, struct span s, mode_t mode, struct err *e) _must_use_;

/* Most descriptors that one message carries. */
#define FD_PASS_MAX 8

/* Sends one message with n descriptors (n <= FD_PASS_MAX); they stay open here. */
bool fd_send(int sock, const void *msg, size_t len, const int *fds, size_t n, struct err *e)
	_must_use_;

/*
 * Receives one message of exactly len bytes with exactly n descriptors, CLOEXEC, which are the
 * caller's. Anything else is an error and leaves none open.
 */
bool fd_receive(int sock, void *msg, size_t len, int *fds, size_t n, struct err *e) _must_use_;

/* The same with at most max descriptors; *n is how many there were. */
bool fd_receive_upto(int sock, void *msg, size_t len, int *fds, size_t max, size_t *n,
		     struct err *e) _must_use_;

#endif
