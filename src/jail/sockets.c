/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jail/sockets.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"

/* Directories that are still to be looked at, and those that were. */
struct walk {
	char **dirs; /* owned */
	size_t n, cap;
	size_t next;
	size_t entries; /* seen in all */
};

static void add(struct sockets *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->paths[i], path) == 0)
			return;
	if (s->n < LIMIT_UNIX_SOCKETS)
		vec_push(s->paths, s->n, s->cap, xstrdup(path));
}

static bool is_socket(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Looks through one directory; its own directories are put on the list when `deeper`. */
static void look(struct sockets *s, struct walk *w, const char *dir, bool deeper)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *en;

	if (!d) {
		fd_closep(&fd);
		return;
	}
	while (w->entries < LIMIT_SOCKET_WALK && (en = readdir(d))) {
		char path[PATH_MAX];

		w->entries++;
		if (strcmp(en->d_name, ".") == 0 || strcmp(en->d_name, "..") == 0 ||
		    snprintf(path, sizeof(path), "%s/%s", dir, en->d_name) >= (int)sizeof(path))
			continue;
		if (en->d_type == DT_SOCK || (en->d_type == DT_UNKNOWN && is_socket(path)))
			add(s, path);
		else if (deeper && en->d_type == DT_DIR)
			vec_push(w->dirs, w->n, w->cap, xstrdup(path));
	}
	(void)closedir(d);
}

/* Level by level, so that what is near is seen before the bound is reached. */
static void walk_below(struct sockets *s, const char *root, int levels)
{
	struct walk w = { 0 };
	char real[PATH_MAX];
	size_t level_end;

	if (!root || !realpath(root, real) || strcmp(real, "/") == 0)
		return;
	vec_push(w.dirs, w.n, w.cap, xstrdup(real));
	for (; levels > 0; levels--)
		for (level_end = w.n; w.next < level_end; w.next++)
			look(s, &w, w.dirs[w.next], levels > 1);
	for (size_t i = 0; i < w.n; i++)
		free(w.dirs[i]);
	free(w.dirs);
}

/* A path that a socket was bound to, and its neighbours: it may have been renamed or linked. */
static void look_around(struct sockets *s, const char *bound, char *last_dir)
{
	struct walk w = { 0 };
	char dir[PATH_MAX], real[PATH_MAX];
	const char *slash = strrchr(bound, '/');

	(void)snprintf(dir, sizeof(dir), "%.*s", slash == bound ? 1 : (int)(slash - bound), bound);
	if (!realpath(dir, real) || strcmp(real, last_dir) == 0)
		return;
	(void)snprintf(last_dir, PATH_MAX, "%s", real);
	look(s, &w, real, false);
}

void sockets_find(struct sockets *s, char *proc_net_unix)
{
	char last_dir[PATH_MAX] = "";
	char *line;

	while ((line = strsep(&proc_net_unix, "\n"))) {
		/* "Num RefCount Protocol Flags Type St Inode Path" */
		const char *path = strstr(line, " /");
		char real[PATH_MAX];

		if (!path)
			continue;
		if (realpath(path + 1, real) && is_socket(real))
			add(s, real);
		look_around(s, path + 1, last_dir);
	}
	/* ~/.docker/run/docker.sock; /tmp/ssh-XXXX/agent.1, /tmp/tmux-1000/default */
	walk_below(s, getenv("HOME"), 3);
	walk_below(s, getenv("TMPDIR"), 2);
	walk_below(s, "/tmp", 2);
	walk_below(s, "/var/tmp", 2);
}

void sockets_done(struct sockets *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->paths[i]);
	free(s->paths);
	*s = (struct sockets){ 0 };
}
