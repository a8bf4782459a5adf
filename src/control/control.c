/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/control.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"

#define BACKLOG 32

static bool address(const char *path, struct sockaddr_un *out, struct err *e)
{
	size_t n = strlen(path);

	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n == 0 || n >= sizeof(out->sun_path))
		return err_set(e, ERR_INVALID,
			       "the path of a control socket is %zu bytes long: expected 1 to %zu",
			       n, sizeof(out->sun_path) - 1);
	memcpy(out->sun_path, path, n);
	return true;
}

/* Where too many wait to be accepted already, and when what is sent is not read, it ends with
 * EAGAIN after the time. */
static bool dial(const struct sockaddr_un *sa, int timeout_ms, int *out_fd)
{
	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval wait = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0 ||
	    connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) != 0)
		return false;
	*out_fd = fd;
	fd = -1;
	return true;
}

/* What a process that has ended left at the path. */
static bool remove_stale(const char *path, const struct sockaddr_un *sa, struct err *e)
{
	_cleanup_(fd_closep) int fd = -1;
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT || err_sys(e, errno, "%s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_INVALID, "%s is there and is no socket", path);
	if (dial(sa, 1, &fd) || errno == EAGAIN)
		return err_set(e, ERR_SYSTEM,
			       "%s is in use: another sallyport listens there: end that one, or "
			       "choose another socket",
			       path);
	if (errno != ECONNREFUSED)
		return err_sys(e, errno, "%s", path);
	return unlink(path) == 0 || errno == ENOENT || err_sys(e, errno, "removing %s", path);
}

bool control_listen(const char *path, int *out_fd, struct err *e)
{
	_cleanup_(fd_closep) int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa;
	mode_t before;
	bool bound;

	if (!address(path, &sa, e) || !remove_stale(path, &sa, e))
		return false;
	/* The mode has to be right from the first moment: there is no other one to race with. */
	before = umask(0117);
	bound = fd >= 0 && bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0;
	(void)umask(before);
	if (!bound || listen(fd, BACKLOG) != 0)
		return err_sys(e, errno, "the control socket %s%s", path,
			       errno == ENOENT ? " (its directory has to be there)" : "");
	*out_fd = fd;
	fd = -1;
	return true;
}

bool control_peer_of(int fd, struct control_peer *out, struct err *e)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return err_sys(e, errno, "who is at the other end");
	*out = (struct control_peer){ cred.pid, cred.uid, cred.gid };
	return true;
}

bool control_parse(struct span line, json_t **out, struct err *e)
{
	json_error_t where;
	json_t *o = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &where);

	if (!o)
		return err_set(e, ERR_INVALID, "the request is no JSON: %s at byte %d", where.text,
			       where.position);
	if (!json_is_object(o) || !json_is_string(json_object_get(o, "action"))) {
		json_decref(o);
		return err_set(e, ERR_INVALID,
			       "expected an object with an action, like {\"action\":\"status\"}");
	}
	*out = o;
	return true;
}

/* False: there is no room for it, and nothing is written. */
static bool write_line(json_t *take_o, struct buf *out)
{
	char *text = json_dumps(take_o, JSON_COMPACT | JSON_ENSURE_ASCII);
	bool fits = !text || strlen(text) < out->max - out->n;

	if (fits)
		buf_fmt(out, "%s\n",
			text ? text : "{\"status\":\"error\",\"message\":\"no memory\"}");
	free(text);
	json_decref(take_o);
	return fits;
}

void control_ok(json_t *take_fields, struct buf *out)
{
	json_t *o = json_object();
	struct err e;

	json_object_set_new(o, "status", json_string("ok"));
	if (take_fields)
		(void)json_object_update(o, take_fields);
	json_decref(take_fields);
	if (write_line(o, out))
		return;
	(void)err_set(&e, ERR_LIMIT, "the reply is longer than %zu bytes", out->max);
	control_error(&e, out);
}

void control_error(const struct err *why, struct buf *out)
{
	json_t *o = json_object(), *text = json_string(why->msg);
	char shown[sizeof(why->msg) * 4];

	/* A message may quote bytes that are no UTF-8. */
	if (!text)
		text = json_string(span_show(span_of(why->msg), shown, sizeof(shown)));
	json_object_set_new(o, "status", json_string("error"));
	json_object_set_new(o, "message", text);
	(void)write_line(o, out);
}

/* To a peer that may have gone: no signal. */
static bool write_request(int fd, struct span s, struct err *e)
{
	while (s.n) {
		ssize_t n = RETRY_EINTR(send(fd, s.p, s.n, MSG_NOSIGNAL));

		if (n < 0)
			return err_sys(e, errno, "writing the request");
		s = span_from(s, (size_t)n);
	}
	return true;
}

/* Up to the end of a line, or of the time. */
static bool read_line(int fd, int timeout_ms, struct buf *out, struct err *e)
{
	uint64_t until = clock_ms() + (uint64_t)timeout_ms, now;

	while ((now = clock_ms()) < until) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char chunk[4096];
		ssize_t n;

		if (poll(&p, 1, (int)(until - now)) != 1)
			continue;
		n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n == 0)
			return err_set(e, ERR_SYSTEM, "it closed the connection unasked");
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return err_sys(e, errno, "reading the reply");
		if (n > 0)
			buf_add(out, chunk, (size_t)n);
		if (!buf_ok(out))
			return err_set(e, ERR_LIMIT, "the reply is too long");
		if (span_find(buf_view(out), '\n') >= 0)
			return true;
	}
	return err_set(e, ERR_SYSTEM, "no reply within %d ms", timeout_ms);
}

/* The reply's meaning: the object, or the error in it. */
static bool read_reply(struct span line, json_t **out, struct err *e)
{
	json_error_t where;
	json_t *o = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &where);
	const char *status = json_string_value(json_object_get(o, "status"));
	const char *message = json_string_value(json_object_get(o, "message"));

	if (status && span_eq(span_of(status), SPAN_LIT("ok"))) {
		*out = o;
		return true;
	}
	(void)err_set(e, ERR_INVALID, "%s", message ? message : "the reply cannot be read");
	json_decref(o);
	return false;
}

bool control_call(const char *path, json_t *take_request, int timeout_ms, json_t **reply,
		  bool *reachable, struct err *e)
{
	_cleanup_(buf_done) struct buf line;
	_cleanup_(fd_closep) int fd = -1;
	struct sockaddr_un sa;

	*reachable = false;
	buf_init(&line, LIMIT_CONTROL_BYTES);
	if (!write_line(take_request, &line))
		return err_set(e, ERR_LIMIT, "the request is longer than %u bytes",
			       LIMIT_CONTROL_BYTES);
	if (!address(path, &sa, e))
		return false;
	if (!dial(&sa, timeout_ms, &fd))
		return err_sys(e, errno, "%s", path);
	*reachable = true;
	if (!write_request(fd, buf_view(&line), e))
		return err_wrap(e, "%s", path);
	buf_clear(&line);
	if (!read_line(fd, timeout_ms, &line, e))
		return err_wrap(e, "%s", path);
	return read_reply(buf_view(&line), reply, e);
}
