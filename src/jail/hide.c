/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jail/hide.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "compile/jail.h"

/* A path that --allow-unix names, held open from before anything was covered. */
struct kept {
	const char *path;
	int fd; /* O_PATH */
	bool is_dir;
};

struct hiding {
	const struct hide_options *o;
	struct kept *kept;
	char covered[2][PATH_MAX]; /* the directories that are empty now */
	size_t n_covered;
};

static void hiding_done(struct hiding *h)
{
	for (size_t i = 0; i < h->o->n_allow_unix && h->kept; i++)
		fd_closep(&h->kept[i].fd);
	free(h->kept);
}

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool is_covered(const struct hiding *h, const char *path)
{
	for (size_t i = 0; i < h->n_covered; i++)
		if (below(path, h->covered[i]))
			return true;
	return false;
}

static bool is_allowed(const struct hide_options *o, const char *path)
{
	for (size_t i = 0; i < o->n_allow_unix; i++)
		if (below(path, o->allow_unix[i]))
			return true;
	return false;
}

static bool hold_kept(struct hiding *h, struct err *e)
{
	h->kept = xcalloc(h->o->n_allow_unix, sizeof(h->kept[0]));
	for (size_t i = 0; i < h->o->n_allow_unix; i++)
		h->kept[i].fd = -1;
	for (size_t i = 0; i < h->o->n_allow_unix; i++) {
		struct kept *k = &h->kept[i];
		struct stat st;

		k->path = h->o->allow_unix[i];
		k->fd = open(k->path, O_PATH | O_CLOEXEC);
		if (k->fd < 0 || fstat(k->fd, &st) != 0)
			return err_sys(e, errno, "--allow-unix %s", k->path);
		k->is_dir = S_ISDIR(st.st_mode);
	}
	return true;
}

/* mkdir -p for the parents of path; directories that are there are fine. */
static void make_parents(const char *path, mode_t mode)
{
	char part[PATH_MAX];

	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		(void)mkdir(part, mode);
	}
}

/* A file with this content, not where the jail's command could write through to the host's. */
static bool make_file(const char *path, const char *text, struct err *e)
{
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	return fd_write_all(fd, span_of(text), e);
}

static bool bind_over(const char *what, const char *where, struct err *e)
{
	if (mount(what, where, NULL, MS_BIND, NULL) != 0)
		return err_sys(e, errno, "covering %s", where);
	return true;
}

/* Makes the symbolic links of the old directory anew: some systems keep their programs' paths in
 * /run (/run/current-system). */
static void copy_links(int old, const char *dir)
{
	DIR *d = fdopendir(fcntl(old, F_DUPFD_CLOEXEC, 3));
	struct dirent *en;

	while (d && (en = readdir(d))) {
		char path[PATH_MAX], target[PATH_MAX];
		ssize_t n;

		if (en->d_type != DT_LNK)
			continue;
		n = readlinkat(old, en->d_name, target, sizeof(target) - 1);
		if (n < 0 ||
		    snprintf(path, sizeof(path), "%s/%s", dir, en->d_name) >= (int)sizeof(path))
			continue;
		target[n] = '\0';
		(void)!symlink(target, path);
	}
	if (d)
		(void)closedir(d);
}

/* Puts an empty file system of the jail's own over a directory. */
static bool cover_dir(struct hiding *h, const char *dir, const char *options, struct err *e)
{
	_cleanup_(fd_closep) int old = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (mount("sallyport", dir, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0)
		return err_sys(e, errno, "covering %s", dir);
	(void)snprintf(h->covered[h->n_covered++], sizeof(h->covered[0]), "%s", dir);
	if (old >= 0)
		copy_links(old, dir);
	return true;
}

static bool cover_run(struct hiding *h, struct err *e)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char usual[64], real[PATH_MAX];
	struct stat st;

	if (stat("/run", &st) != 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_UNSUPPORTED, "a jail needs a directory /run to cover");
	if (!cover_dir(h, "/run", "mode=0755,size=64m", e))
		return false;
	(void)mkdir("/run/lock", 01777);
	(void)snprintf(usual, sizeof(usual), "/run/user/%u", geteuid());
	make_parents(usual, 0755);
	(void)mkdir(usual, 0700);
	if (!runtime || !realpath(runtime, real) || is_covered(h, real))
		return true;
	return cover_dir(h, real, "mode=0700,size=64m", e);
}

/* Brings back what --allow-unix names and a new file system covers. */
static bool restore_kept(struct hiding *h, struct err *e)
{
	for (size_t i = 0; i < h->o->n_allow_unix; i++) {
		struct kept *k = &h->kept[i];
		char self[64];

		if (!is_covered(h, k->path))
			continue;
		make_parents(k->path, 0755);
		if (k->is_dir)
			(void)mkdir(k->path, 0755);
		else if (!make_file(k->path, "", e))
			return false;
		(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", k->fd);
		if (!bind_over(self, k->path, e))
			return false;
	}
	return true;
}

/* Covers the sockets that are outside the directories that are empty now. */
static bool cover_sockets(struct hiding *h, struct err *e)
{
	for (size_t i = 0; i < h->o->sockets->n; i++) {
		const char *path = h->o->sockets->paths[i];

		if (is_covered(h, path) || is_allowed(h->o, path))
			continue;
		/* One that is gone by now is out of reach. */
		if (mount("/dev/null", path, NULL, MS_BIND, NULL) != 0 && errno != ENOENT)
			return err_sys(e, errno, "covering %s", path);
	}
	return true;
}

/*
 * Has `path` read as `text` from now on. Where it is a link into a directory that is empty now,
 * the file is made there; a machine without the file is left without.
 */
static bool replace_file(const char *path, const char *link_target, const char *source,
			 const char *text, struct err *e)
{
	struct stat st;

	if (link_target) {
		make_parents(link_target, 0755);
		return make_file(link_target, text, e);
	}
	if (stat(path, &st) != 0)
		return true;
	if (!make_file(source, text, e) || !bind_over(source, path, e))
		return false;
	(void)unlink(source);
	return true;
}

static bool replace_names(const struct hiding *h, const char *resolv, struct err *e)
{
	char host[HOST_NAME_MAX + 1] = "", hosts[HOST_NAME_MAX + 128];

	(void)gethostname(host, sizeof(host) - 1);
	(void)snprintf(hosts, sizeof(hosts),
		       "127.0.0.1 localhost %s\n::1 localhost ip6-localhost ip6-loopback\n", host);
	return replace_file("/etc/resolv.conf", *resolv && is_covered(h, resolv) ? resolv : NULL,
			    "/run/.sallyport-resolv.conf",
			    "# The gate answers, whatever server is asked.\n"
			    "nameserver " JAIL_ADDR4 "\n",
			    e) &&
	       replace_file("/etc/hosts", NULL, "/run/.sallyport-hosts", hosts, e);
}

/* Real root owns files of /proc and /sys that reconfigure the host without any capability. */
static bool kernel_settings_read_only(struct err *e)
{
	static const char *const paths[] = { "/proc/sys", "/proc/sysrq-trigger",
					     "/proc/irq", "/proc/bus",
					     "/proc/fs",  "/sys" };
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		if (mount(paths[i], paths[i], NULL, MS_BIND | MS_REC, NULL) != 0) {
			if (errno == ENOENT || errno == ENOTDIR)
				continue;
			return err_sys(e, errno, "%s", paths[i]);
		}
		if (mount_setattr(AT_FDCWD, paths[i], AT_RECURSIVE, &read_only,
				  sizeof(read_only)) != 0)
			return err_sys(e, errno, "making %s read-only", paths[i]);
	}
	return true;
}

static bool hide(struct hiding *h, struct err *e)
{
	char resolv[PATH_MAX] = "", cwd[PATH_MAX];

	if (!realpath("/etc/resolv.conf", resolv))
		resolv[0] = '\0';
	if (!getcwd(cwd, sizeof(cwd)))
		return err_sys(e, errno, "the working directory");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return err_sys(e, errno, "making the mounts private");
	if (!hold_kept(h, e) || !cover_run(h, e) || !replace_names(h, resolv, e) ||
	    !restore_kept(h, e) || !cover_sockets(h, e))
		return false;
	if (geteuid() == 0 && !kernel_settings_read_only(e))
		return false;
	if (chdir(cwd) != 0)
		return err_sys(e, errno, "the working directory %s is not within reach in the jail",
			       cwd);
	return true;
}

bool hide_host(const struct hide_options *o, struct err *e)
{
	_cleanup_(hiding_done) struct hiding h = { .o = o };

	return hide(&h, e);
}

void hide_environment(const struct hide_options *o)
{
	static const char *const addresses[] = {
		"SSH_AUTH_SOCK",
		"DBUS_SESSION_BUS_ADDRESS",
		"DBUS_SYSTEM_BUS_ADDRESS",
		"DOCKER_HOST",
		"CONTAINER_HOST",
		"GPG_AGENT_INFO",
		"WAYLAND_DISPLAY",
		"WAYLAND_SOCKET",
		"LISTEN_FDS",
		"LISTEN_PID",
		"NOTIFY_SOCKET",
	};

	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		const char *value = getenv(addresses[i]);
		const char *path = value ? strchr(value, '/') : NULL;

		if (!value || (strncmp(value, "tcp:", 4) == 0) || (strncmp(value, "ssh:", 4) == 0))
			continue;
		while (path && path[0] == '/' && path[1] == '/')
			path++;
		if (!path || !is_allowed(o, path))
			(void)unsetenv(addresses[i]);
	}
}
