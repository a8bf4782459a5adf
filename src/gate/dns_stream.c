/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions by TCP: messages behind two bytes of length, answered in whatever order (RFC 7766). */
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cursor.h"
#include "gate/dns_internal.h"

struct dns_stream {
	LIST_ENTRY(dns_stream) link;
	struct dns *dns;
	uint32_t ifindex;
	struct watch *watch;
	struct timer *idle;
	struct buf in, out;
	size_t n_jobs;
	bool eof;
	bool reading; /* inside read_messages(): it closes what has to be closed */
	bool broken;
};

static void want(struct dns_stream *s)
{
	bool more = !s->eof && s->n_jobs < LIMIT_DNS_STREAM_JOBS;

	watch_for(s->watch, (more ? UV_READABLE : 0) | (s->out.n ? UV_WRITABLE : 0));
}

void dns_stream_close(struct dns_stream *s)
{
	struct dns *d = s->dns;
	struct dns_job *job = LIST_FIRST(&d->jobs);

	while (job) {
		struct dns_job *next = LIST_NEXT(job, link);

		if (job->stream == s) {
			job->stream = NULL;
			dns_job_end(job);
		}
		job = next;
	}
	LIST_REMOVE(s, link);
	d->n_streams--;
	watch_close(s->watch);
	timer_close(s->idle);
	buf_done(&s->in);
	buf_done(&s->out);
	free(s);
}

/* Nothing is left to be said, or nothing can be. */
static bool finished(const struct dns_stream *s)
{
	return s->broken || (s->eof && s->n_jobs == 0 && s->out.n == 0);
}

static void settle(struct dns_stream *s)
{
	if (finished(s))
		dns_stream_close(s);
	else
		want(s);
}

static void flush(struct dns_stream *s)
{
	ssize_t n;

	if (!s->out.n)
		return;
	n = send(watch_fd(s->watch), s->out.p, s->out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		buf_drop(&s->out, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		s->broken = true;
}

void dns_stream_send(struct dns_stream *s, struct span msg)
{
	buf_u16(&s->out, (uint16_t)msg.n);
	buf_span(&s->out, msg);
	if (!buf_ok(&s->out))
		s->broken = true; /* it asks and does not read */
	else
		flush(s);
}

/* Answers the whole messages that are there. */
static void read_messages(struct dns_stream *s)
{
	s->reading = true;
	while (!s->broken && s->n_jobs < LIMIT_DNS_STREAM_JOBS) {
		struct cursor c = cursor(s->in.p, s->in.n);
		uint16_t len = cur_u16(&c);
		struct span msg = cur_take(&c, len);
		struct dns_job *job;

		if (!cur_ok(&c))
			break;
		job = dns_job_new(s->dns, s->ifindex);
		if (!job) {
			s->broken = true;
			break;
		}
		job->stream = s;
		s->n_jobs++;
		dns_question(job, msg);
		buf_drop(&s->in, (size_t)len + 2);
	}
	s->reading = false;
}

void dns_stream_job_ended(struct dns_stream *s)
{
	s->n_jobs--;
	if (s->reading)
		return;
	read_messages(s); /* what waited for its turn */
	settle(s);
}

static void on_ready(void *ctx, int events)
{
	struct dns_stream *s = ctx;
	char chunk[4096];
	ssize_t n;

	timer_restart(s->idle, LIMIT_DNS_STREAM_MS);
	if (events & UV_WRITABLE)
		flush(s);
	if (events & UV_READABLE) {
		n = recv(watch_fd(s->watch), chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n > 0)
			buf_add(&s->in, chunk, (size_t)n);
		else if (n == 0)
			s->eof = true;
		else if (errno != EAGAIN && errno != EINTR)
			s->broken = true;
	}
	read_messages(s);
	settle(s);
}

static void on_idle(void *ctx)
{
	dns_stream_close(ctx);
}

bool dns_stream_local(const struct dns_stream *s, struct addr *out)
{
	union sockaddr_any sa;
	socklen_t len = sizeof(sa);

	return getsockname(watch_fd(s->watch), &sa.sa, &len) == 0 &&
	       addr_from_sockaddr(&sa, out, NULL);
}

static size_t streams_of(const struct dns *d, uint32_t ifindex)
{
	const struct dns_stream *s;
	size_t n = 0;

	LIST_FOREACH(s, &d->streams, link)
	n += s->ifindex == ifindex;
	return n;
}

void dns_accept(struct dns *d, int fd)
{
	dns_stream_new(d, 0, fd);
}

void dns_stream_new(struct dns *d, uint32_t ifindex, int fd)
{
	struct dns_stream *s;

	if (d->n_streams >= LIMIT_DNS_STREAMS || !dns_subject(d, ifindex) ||
	    streams_of(d, ifindex) >= dns_share(d, LIMIT_DNS_STREAMS)) {
		(void)close(fd);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->dns = d;
	s->ifindex = ifindex;
	s->watch = watch_new(&d->gate->loop, fd, on_ready, s);
	if (!s->watch) {
		free(s);
		return;
	}
	s->idle = timer_new(&d->gate->loop, LIMIT_DNS_STREAM_MS, 0, on_idle, s);
	buf_init(&s->in, LIMIT_DNS_MESSAGE + 2 + 4096);
	buf_init(&s->out, LIMIT_DNS_STREAM_JOBS * (LIMIT_DNS_MESSAGE + 2));
	LIST_INSERT_HEAD(&d->streams, s, link);
	d->n_streams++;
	watch_for(s->watch, UV_READABLE);
}
