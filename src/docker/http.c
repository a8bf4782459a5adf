/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "docker/http.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"
#include "docker/curl.h"

/* Requests that the engine works on at the same time; with the stream of events. */
#define AT_ONCE 5L

#define VERSION_MAX 32

struct http {
	uv_loop_t *loop;
	const struct curl_calls *curl;
	CURLM *multi;
	uv_timer_t *timer;
	char *path;
	struct http_call *calls; /* all that have not ended */
};

struct http_call {
	struct http *http;
	struct http_call *next, **at; /* what points to this one */
	CURL *easy;
	struct curl_slist *headers;
	http_done_fn *done;
	http_open_fn *open;
	http_bytes_fn *bytes;
	void *ctx;
	struct buf in; /* of the body, what was not handed out */
	size_t head_n; /* bytes of the heads so far */
	char version[VERSION_MAX];
	bool podman;
	bool too_long;
	bool opened;   /* to be told */
	bool finished; /* to be told; with: */
	CURLcode code;
	char why[CURL_ERROR_SIZE];
};

/* ---- What has happened is told, outside of libcurl ---- */

/* Whatever it was doing when the other end went away. */
static bool is_hang_up(CURLcode code)
{
	return code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING ||
	       code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR;
}

static void explain(struct http_call *c, struct err *e)
{
	const char *text = c->why[0] ? c->why : c->http->curl->easy_strerror(c->code);
	char shown[CURL_ERROR_SIZE];
	long errnum = 0;

	(void)c->http->curl->easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &errnum);
	if (c->too_long)
		err_set(e, ERR_LIMIT, "its answer is too long");
	else if (c->code == CURLE_COULDNT_CONNECT && errnum > 0)
		err_sys(e, (int)errnum, "%s", c->http->path);
	else if (c->code == CURLE_OPERATION_TIMEDOUT)
		err_set(e, ERR_SYSTEM, "it does not answer");
	else if (is_hang_up(c->code))
		err_set(e, ERR_SYSTEM, "it has closed the connection");
	else
		err_set(e, ERR_SYSTEM, "%s", span_show(span_of(text), shown, sizeof(shown)));
}

static void unlink_call(struct http_call *c)
{
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
}

static void dispose(struct http_call *c)
{
	const struct curl_calls *curl = c->http->curl;

	(void)curl->multi_remove_handle(c->http->multi, c->easy);
	curl->easy_cleanup(c->easy);
	curl->slist_free_all(c->headers);
	buf_done(&c->in);
	free(c);
}

void http_cancel(struct http_call *c)
{
	if (!c)
		return;
	unlink_call(c);
	dispose(c);
}

static void tell_done(struct http_call *c)
{
	struct http_reply r = { .podman = c->podman,
				.body = buf_view(&c->in),
				.api_version = span_of(c->version) };
	struct err e = { 0 };
	long status = 0;

	unlink_call(c);
	if (c->code == CURLE_OK) {
		(void)c->http->curl->easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
		r.status = (unsigned)status;
		c->done(c->ctx, &r, NULL);
	} else {
		explain(c, &e);
		c->done(c->ctx, NULL, &e);
	}
	dispose(c);
}

/* A callback may cancel this call: nothing of it is touched after. */
static void tell_one(struct http_call *c)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t n = c->in.n;

	if (c->opened) {
		c->opened = false;
		c->open(c->ctx);
	} else if (c->bytes && n > 0) {
		bytes = buf_take(&c->in);
		c->bytes(c->ctx, span_bytes(bytes, n));
	} else {
		tell_done(c);
	}
}

static bool has_news(const struct http_call *c)
{
	return c->opened || c->finished || (c->bytes && c->in.n > 0);
}

/* From the start after each, for a callback may end any of them. */
static void tell(struct http *h)
{
	struct http_call *c = h->calls;

	while (c) {
		if (has_news(c)) {
			tell_one(c);
			c = h->calls;
		} else {
			c = c->next;
		}
	}
}

static void act(struct http *h, curl_socket_t fd, int events)
{
	int running, left;
	CURLMsg *m;

	(void)h->curl->multi_socket_action(h->multi, fd, events, &running);
	while ((m = h->curl->multi_info_read(h->multi, &left))) {
		char *private = NULL;
		struct http_call *c;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)h->curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		c = (struct http_call *)(void *)private;
		c->code = m->data.result;
		c->finished = true;
	}
	tell(h);
}

/* ---- What libcurl wants to hear of ---- */

struct watched {
	uv_poll_t poll;
	struct http *http;
	curl_socket_t fd;
};

static void free_handle(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watched *w = poll->data;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(w->http, w->fd, flags);
}

static void on_timer(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static struct watched *watch(struct http *h, curl_socket_t fd)
{
	struct watched *w = xcalloc(1, sizeof(*w));

	*w = (struct watched){ .http = h, .fd = fd };
	if (uv_poll_init(h->loop, &w->poll, fd) != 0) {
		free(w);
		return NULL;
	}
	w->poll.data = w;
	(void)h->curl->multi_assign(h->multi, fd, w);
	return w;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *of_socket)
{
	struct watched *w = of_socket;
	struct http *h = ctx;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			uv_close((uv_handle_t *)&w->poll, free_handle);
		return 0;
	}
	if (!w)
		w = watch(h, fd);
	if (!w)
		return -1;
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(&w->poll, events, on_poll);
}

static int want_timer(CURLM *multi, long ms, void *ctx)
{
	struct http *h = ctx;

	(void)multi;
	if (ms < 0)
		(void)uv_timer_stop(h->timer);
	else
		(void)uv_timer_start(h->timer, on_timer, (uint64_t)ms, 0);
	return 0;
}

struct http *http_new(uv_loop_t *loop, const char *socket_path)
{
	struct http *h = xcalloc(1, sizeof(*h));

	h->curl = curl_lib();
	assert(h->curl);
	h->loop = loop;
	h->path = xstrdup(socket_path);
	h->timer = xcalloc(1, sizeof(*h->timer));
	(void)uv_timer_init(loop, h->timer);
	h->timer->data = h;
	h->multi = h->curl->multi_init();
	if (!h->multi)
		abort(); /* out of memory, which every allocation of ours ends by as well */
	(void)h->curl->multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	(void)h->curl->multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	(void)h->curl->multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	(void)h->curl->multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	(void)h->curl->multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, AT_ONCE);
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (h->calls)
		http_cancel(h->calls);
	(void)h->curl->multi_cleanup(h->multi);
	h->timer->data = h->timer;
	uv_close((uv_handle_t *)h->timer, free_handle);
	free(h->path);
	free(h);
}

/* ---- A request ---- */

/* Less than was given ends the request. */
static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http_call *c = ctx;

	buf_add(&c->in, p, size * n);
	c->too_long = !buf_ok(&c->in);
	return c->too_long ? 0 : size * n;
}

/* One line of a head, with its end; an answer can have more than one head (100 Continue). */
static size_t on_head(char *p, size_t size, size_t n, void *ctx)
{
	struct http_call *c = ctx;
	struct span line = span_bytes(p, size * n), name, value;
	ptrdiff_t colon = span_find(line, ':');
	long status = 0;

	c->head_n += line.n;
	c->too_long = c->head_n > LIMIT_ENGINE_HEAD;
	if (c->too_long)
		return 0;
	if (span_eq(line, SPAN_LIT("\r\n")) || span_eq(line, SPAN_LIT("\n"))) {
		(void)c->http->curl->easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
		c->opened = c->open && status == 200;
		return line.n;
	}
	if (colon < 0)
		return line.n;
	name = span_first(line, (size_t)colon);
	value = span_from(line, (size_t)colon + 1);
	while (value.n && (value.p[value.n - 1] == '\r' || value.p[value.n - 1] == '\n'))
		value.n--;
	value = span_trim(value);
	if (span_eq_nocase(name, SPAN_LIT("Libpod-Api-Version")))
		c->podman = true;
	if (span_eq_nocase(name, SPAN_LIT("Api-Version")) && value.n < sizeof(c->version)) {
		memcpy(c->version, value.p, value.n);
		c->version[value.n] = '\0';
	}
	return line.n;
}

static void set_long(struct http_call *c, CURLoption option, long value)
{
	(void)c->http->curl->easy_setopt(c->easy, option, value);
}

/* libcurl keeps a copy of a text. */
static void set_pointer(struct http_call *c, CURLoption option, const void *value)
{
	(void)c->http->curl->easy_setopt(c->easy, option, value);
}

static void set_target(struct http_call *c, const struct http_request *r)
{
	_cleanup_(freep) char *url = xasprintf("http://localhost%s", r->path);

	set_pointer(c, CURLOPT_UNIX_SOCKET_PATH, c->http->path);
	set_pointer(c, CURLOPT_URL, url);
	set_pointer(c, CURLOPT_PROXY, ""); /* nor the environment's */
	set_pointer(c, CURLOPT_PROTOCOLS_STR, "http");
	set_pointer(c, CURLOPT_CUSTOMREQUEST, r->method);
	set_pointer(c, CURLOPT_USERAGENT, "sallyport");
	set_long(c, CURLOPT_PATH_AS_IS, 1);
	set_long(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	set_long(c, CURLOPT_FRESH_CONNECT, 1);
	set_long(c, CURLOPT_FORBID_REUSE, 1);
	set_long(c, CURLOPT_NOSIGNAL, 1);
	set_long(c, CURLOPT_CONNECTTIMEOUT_MS, LIMIT_ENGINE_CONNECT_MS);
	if (!r->bytes)
		set_long(c, CURLOPT_TIMEOUT_MS, LIMIT_ENGINE_MS);
}

static void set_body(struct http_call *c, struct span body)
{
	const struct curl_calls *curl = c->http->curl;

	c->headers = curl->slist_append(NULL, "Content-Type: application/json");
	c->headers = curl->slist_append(c->headers, "Expect:");
	set_pointer(c, CURLOPT_HTTPHEADER, c->headers);
	set_long(c, CURLOPT_POSTFIELDSIZE, (long)body.n);
	set_pointer(c, CURLOPT_COPYPOSTFIELDS, body.p);
}

static void set_callbacks(struct http_call *c)
{
	const struct curl_calls *curl = c->http->curl;

	(void)curl->easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl->easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	(void)curl->easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_head);
	(void)curl->easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
	(void)curl->easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->why);
	(void)curl->easy_setopt(c->easy, CURLOPT_PRIVATE, c);
}

struct http_call *http_start(struct http *h, const struct http_request *r)
{
	struct http_call *c = xcalloc(1, sizeof(*c));

	*c = (struct http_call){ .http = h,
				 .next = h->calls,
				 .at = &h->calls,
				 .done = r->done,
				 .open = r->open,
				 .bytes = r->bytes,
				 .ctx = r->ctx };
	buf_init(&c->in, LIMIT_ENGINE_BYTES);
	c->easy = h->curl->easy_init();
	if (!c->easy)
		abort(); /* out of memory, as above */
	set_target(c, r);
	set_callbacks(c);
	if (r->body.n)
		set_body(c, r->body);
	if (c->next)
		c->next->at = &c->next;
	h->calls = c;
	(void)h->curl->multi_add_handle(h->multi, c->easy);
	return c;
}
