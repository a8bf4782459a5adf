/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where Unix sockets are, outside the directories that a jail empties anyway. The kernel only tells
 * by what path a socket was bound, in one network namespace; sockets are also renamed, linked (as
 * OpenSSH does) and bound by relative paths. So three things are looked at, all bounded:
 *
 *	the paths in /proc/net/unix
 *	everything in the directories of those paths
 *	HOME to three levels, TMPDIR, /tmp and /var/tmp to two: up to LIMIT_SOCKET_WALK entries each
 */
#ifndef SALLYPORT_JAIL_SOCKETS_H
#define SALLYPORT_JAIL_SOCKETS_H

#include <stddef.h>

struct sockets {
	char **paths; /* absolute, without links; owned */
	size_t n, cap;
};

/* proc_net_unix: the text of that file, which is cut into lines. */
void sockets_find(struct sockets *s, char *proc_net_unix);
void sockets_done(struct sockets *s);

#endif
