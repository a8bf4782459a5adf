/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests and answers through sockets: large ones, and ends that stop. */
#include <sys/socket.h>

#include "base/fd.h"
#include "base/limits.h"
#include "exchange_help.h"

#define LARGE 600000

struct sockets {
	struct talk t;
	int client, server; /* the far ends */
	int ours[2];	    /* the near ones */
};

static void sockets_open(struct sockets *s, const char *head)
{
	struct http_head h;
	struct http_bad bad;
	int a[2], b[2];

	*s = (struct sockets){ .t.alive = true };
	t_eq_int(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, a), 0);
	t_eq_int(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, b), 0);
	s->client = a[0];
	s->server = b[0];
	s->ours[0] = a[1];
	s->ours[1] = b[1];
	pump_init(&s->t.up, a[1], b[1], &s->t.pipes);
	pump_init(&s->t.down, b[1], a[1], &s->t.pipes);
	t_eq_int(http_head_read(span_of(head), 0, &h, &bad), strlen(head));
	buf_str(&s->t.up.pending, "(head)");
	s->t.x = exchange_new(&h, &s->t.up, &s->t.down);
}

static void sockets_close(struct sockets *s)
{
	exchange_free(s->t.x);
	pump_done(&s->t.up);
	pump_done(&s->t.down);
	pipes_done(&s->t.pipes);
	fd_closep(&s->client);
	fd_closep(&s->server);
	fd_closep(&s->ours[0]);
	fd_closep(&s->ours[1]);
}

/* One end says all of it, and what comes out at the other is kept, for as long as anything moves. */
static void carry(struct pump *p, int from, struct span bytes, int to, struct buf *got)
{
	bool moved = true;

	while (moved) {
		char chunk[65536];
		ssize_t in = bytes.n ? send(from, bytes.p, bytes.n, 0) : 0, out;

		if (in > 0)
			bytes = span_from(bytes, (size_t)in);
		t_ok(pump_run(p));
		out = recv(to, chunk, sizeof(chunk), 0);
		if (out > 0)
			buf_add(got, chunk, (size_t)out);
		moved = in > 0 || out > 0;
	}
}

static void put_large(struct buf *out, const char *before, const char *behind)
{
	buf_init(out, 1 << 20);
	buf_str(out, before);
	for (int i = 0; i < LARGE; i++)
		buf_char(out, (char)(i * 7));
	buf_str(out, behind);
}

T(large_bodies)
{
	struct buf body, answer, sent, given;
	struct sockets s;

	put_large(&body, "", GET);
	put_large(&answer, OK("Content-Length: 600000\r\n"), "unasked");
	buf_init(&sent, 1 << 20);
	buf_init(&given, 1 << 20);
	sockets_open(&s, POST("Content-Length: 600000\r\n"));
	carry(&s.t.up, s.client, buf_view(&body), s.server, &sent);
	t_eq_int(sent.n, strlen("(head)") + LARGE);
	t_eq_mem(sent.p + strlen("(head)"), body.p, LARGE);
	t_eq_span(exchange_next(s.t.x), GET);
	carry(&s.t.down, s.server, buf_view(&answer), s.client, &given);
	t_ok(exchange_over(s.t.x) && exchange_keeps(s.t.x) && pump_empty(&s.t.down));
	t_ok(span_starts(buf_view(&given), SPAN_LIT(GIVEN("Content-Length: 600000\r\n"))));
	t_eq_int(given.n, strlen(GIVEN("Content-Length: 600000\r\n")) + LARGE);
	t_eq_mem(given.p + given.n - LARGE, body.p, LARGE);
	sockets_close(&s);
	buf_done(&body);
	buf_done(&answer);
	buf_done(&sent);
	buf_done(&given);
}

/* Nobody can fill memory with what nobody wants yet, and the server's end is not the client's. */
T(reads_no_further)
{
	struct buf next, unasked, sent, given;
	struct sockets s;

	put_large(&next, GET, "");
	put_large(&unasked, OK(L5) "hello", "");
	buf_init(&sent, 4096);
	buf_init(&given, 4096);
	sockets_open(&s, GET);
	carry(&s.t.up, s.client, buf_view(&next), s.server, &sent);
	t_eq_span(buf_view(&sent), "(head)");
	t_ok(s.t.up.paused && !pump_wants_read(&s.t.up));
	t_ok(exchange_next(s.t.x).n <= LIMIT_HTTP_HEAD);
	t_ok(span_starts(buf_view(&next), exchange_next(s.t.x)));

	carry(&s.t.down, s.server, buf_view(&unasked), s.client, &given);
	fd_closep(&s.server);
	carry(&s.t.down, -1, SPAN_LIT(""), s.client, &given);
	t_eq_span(buf_view(&given), GIVEN(L5) "hello");
	t_ok(s.t.down.paused && !pump_wants_read(&s.t.down) && !s.t.down.eof);
	t_ok(exchange_over(s.t.x) && exchange_keeps(s.t.x));
	sockets_close(&s);
	buf_done(&next);
	buf_done(&unasked);
	buf_done(&sent);
	buf_done(&given);
}

/* A server that has seen enough answers all the same. */
T(server_stops_reading)
{
	struct buf body, given;
	struct sockets s;

	put_large(&body, "", "");
	buf_init(&given, 4096);
	sockets_open(&s, POST("Content-Length: 600000\r\n"));
	t_eq_int(shutdown(s.server, SHUT_RD), 0);
	t_ok(send(s.client, body.p, body.n, 0) > 0);
	t_ok(!pump_run(&s.t.up));
	t_ok(exchange_stop_sending(s.t.x));
	t_ok(!pump_wants_read(&s.t.up) && !pump_wants_write(&s.t.up));
	carry(&s.t.down, s.server, SPAN_LIT(OK(L5) "hello"), s.client, &given);
	t_eq_span(buf_view(&given), LAST(L5) "hello");
	t_ok(exchange_over(s.t.x) && !exchange_keeps(s.t.x) && !exchange_bad(s.t.x));
	sockets_close(&s);
	buf_done(&body);
	buf_done(&given);
}

static const struct {
	const char *name;
	const char *head, *server;
	bool ended;	 /* the answer is whole */
	unsigned status; /* if not */
	bool told;	 /* the client is told of the end, too */
} ends[] = {
	{ "no answer", GET, "", false, 502, false },
	{ "half a head", GET, "HTTP/1.1 200 OK\r\n", false, 502, false },
	{ "within its length", GET, OK(L5) "hell", false, 502, false },
	{ "until it closes", GET, OK("") "hello", true, 0, false },
	{ "WebSocket", REQUEST("GET", "1", WEBSOCKET), SWITCH WEBSOCKET "\r\n\x81\x01x", true, 0,
	  true },
};

/* It is for the caller to say what the end of the server means: for the client it may be an answer
 * of ours. */
T(server_closes)
{
	T_EACH(row, ends)
	{
		struct sockets s;
		struct buf given;
		char c;

		buf_init(&given, 4096);
		sockets_open(&s, row->head);
		carry(&s.t.down, s.server, span_of(row->server), s.client, &given);
		fd_closep(&s.server);
		carry(&s.t.down, -1, SPAN_LIT(""), s.client, &given);
		t_ok(s.t.down.eof && s.t.down.done && pump_empty(&s.t.down));
		t_eq_int(recv(s.client, &c, 1, 0), row->told ? 0 : -1);
		t_eq_int(exchange_ended(s.t.x), row->ended);
		if (!row->ended)
			t_eq_int(exchange_bad(s.t.x)->status, row->status);
		sockets_close(&s);
		buf_done(&given);
	}
}

/* What is wrong with the request is not forgiven for that. */
T(malformed_is_no_stop)
{
	struct sockets s;

	sockets_open(&s, POST(CHUNKED));
	t_eq_int(send(s.client, "x", 1, 0), 1);
	t_ok(!pump_run(&s.t.up));
	t_ok(!exchange_stop_sending(s.t.x));
	t_eq_int(exchange_bad(s.t.x)->status, 400);
	t_ok(!exchange_ended(s.t.x));
	sockets_close(&s);
}

T_MAIN(T_TEST(large_bodies), T_TEST(reads_no_further), T_TEST(server_stops_reading),
       T_TEST(server_closes), T_TEST(malformed_is_no_stop))
