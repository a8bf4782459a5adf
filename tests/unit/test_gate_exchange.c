/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request and its answer: what the server gets, what the client gets, and what goes on. */
#include "exchange_help.h"

/* The client sends `body` behind the head; the server answers; the client sends `later`. */
struct row {
	const char *name;
	const char *head, *body;
	const char *server;
	bool closes; /* the server, then */
	const char *later;

	unsigned bad;	    /* the status of what went wrong */
	const char *sent;   /* what the server gets; NULL: all of body and later */
	const char *answer; /* what the client gets; if something went wrong, at most */
	const char *next;
	bool over, keeps;
};

static const struct row rows[] = {
	{ "length", GET, "", OK(L5) "hello", .answer = GIVEN(L5) "hello", .over = true,
	  .keeps = true },
	{ "length 0", GET, "", OK("Content-Length: 0\r\n"),
	  .answer = GIVEN("Content-Length: 0\r\n"), .over = true, .keeps = true },
	{ "chunked", GET, "", OK(CHUNKED) "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
	  .answer = GIVEN(CHUNKED) "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", .over = true,
	  .keeps = true },
	{ "until it closes", GET, "", OK("") "hello", true, .answer = LAST("") "hello",
	  .over = true },
	{ "until it closes, nothing", GET, "", OK(""), true, .answer = LAST(""), .over = true },
	{ "until it closes, and it does not", GET, "", OK("") "hello", .answer = LAST("") "hello" },
	{ "not yet whole", GET, "", OK(L5) "hell", .answer = GIVEN(L5) "hell", .keeps = true },
	{ "no head yet", GET, "", "HTTP/1.1 200 OK\r\nX: y\r\n", .answer = "", .keeps = true },
	{ "fields about the connection", GET, "",
	  OK("Connection: close, X-Private\r\nX-Private: 1\r\nKeep-Alive: max=5\r\nX: y\r\n" L5) "hello",
	  true, .answer = GIVEN("X: y\r\n" L5) "hello", .over = true, .keeps = true },
	{ "bare line feeds", GET, "", "HTTP/1.0 200\nX: y\nContent-Length: 2\n\nhi",
	  .answer = "HTTP/1.1 200 \r\nX: y\r\nContent-Length: 2\r\nVia: 1.0 sallyport\r\n\r\nhi",
	  .over = true, .keeps = true },
	/* Without this field the client would find no end, or another one. */
	{ "Connection lists the length", GET, "",
	  OK("Connection: close, Content-Length\r\n" L5) "hello", .bad = 502, .answer = "",
	  .keeps = true },
	{ "Connection lists the coding", GET, "",
	  OK(CHUNKED "Connection: transfer-encoding\r\n") "0\r\n\r\n", .bad = 502, .answer = "",
	  .keeps = true },

	/* Answers that have no body, whatever they say. */
	{ "HEAD", REQUEST("HEAD", "1", ""), "", OK(L5), .answer = GIVEN(L5), .over = true,
	  .keeps = true },
	{ "HEAD, chunked", REQUEST("HEAD", "1", ""), "", OK(CHUNKED), .answer = GIVEN(CHUNKED),
	  .over = true, .keeps = true },
	{ "HEAD, no length", REQUEST("HEAD", "1", ""), "", OK(""), .answer = GIVEN(""),
	  .over = true, .keeps = true },
	{ "HEAD with a body all the same", REQUEST("HEAD", "1", ""), "", OK(L5) "hello",
	  .answer = GIVEN(L5), .over = true, .keeps = true },
	{ "204", GET, "", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
	  .answer = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nVia: 1.1 sallyport\r\n\r\n",
	  .over = true, .keeps = true },
	{ "204 with a length", GET, "", "HTTP/1.1 204 No Content\r\n" L5 "\r\n", .bad = 502,
	  .answer = "", .keeps = true },
	{ "304", GET, "", "HTTP/1.1 304 Not Modified\r\n" CHUNKED "\r\n",
	  .answer = "HTTP/1.1 304 Not Modified\r\n" CHUNKED "Via: 1.1 sallyport\r\n\r\n",
	  .over = true, .keeps = true },

	/* Interim answers. */
	{ "100 and then the answer", POST_5, "hello", INTERIM("100 Continue") OK(L5) "hello",
	  .answer = INTERIM_TO("100 Continue") GIVEN(L5) "hello", .over = true, .keeps = true },
	{ "several", GET, "", INTERIM("103 Early Hints") INTERIM("102 Processing") OK(L5) "hello",
	  .answer = INTERIM_TO("103 Early Hints") INTERIM_TO("102 Processing") GIVEN(L5) "hello",
	  .over = true, .keeps = true },
	{ "an interim one and no more", GET, "", INTERIM("100 Continue"), true, .bad = 502,
	  .answer = INTERIM_TO("100 Continue"), .keeps = true },
	{ "the length of an interim one", GET, "", "HTTP/1.1 103 X\r\n" L5 "\r\n" OK(L5) "hello",
	  .bad = 502, .answer = "", .keeps = true },
	{ "an interim one to HTTP/1.0", REQUEST("GET", "0", ""), "",
	  INTERIM("100 Continue") OK(L5) "hello", .answer = LAST(L5) "hello", .over = true },

	/* Bodies of requests, and what is behind them. */
	{ "request by length", POST_5, "hello", OK(L5) "hello", .answer = GIVEN(L5) "hello",
	  .over = true, .keeps = true },
	{ "chunked request", POST(CHUNKED), "5\r\nhello\r\n0\r\n\r\n", OK(L5) "hello",
	  .answer = GIVEN(L5) "hello", .over = true, .keeps = true },
	{ "the next request", GET, GET, OK(L5) "hello", .sent = "", .answer = GIVEN(L5) "hello",
	  .next = GET, .over = true, .keeps = true },
	{ "the next behind a body", POST_5, "hello" GET, OK(L5) "hello", .sent = "hello",
	  .answer = GIVEN(L5) "hello", .next = GET, .over = true, .keeps = true },
	{ "the next behind chunks", POST(CHUNKED), "1\r\nx\r\n0\r\n\r\n" GET, OK(L5) "hello",
	  .sent = "1\r\nx\r\n0\r\n\r\n", .answer = GIVEN(L5) "hello", .next = GET, .over = true,
	  .keeps = true },
	{ "a request in a body", POST("Content-Length: 7\r\n"), "GET / H", OK(L5) "hello",
	  .answer = GIVEN(L5) "hello", .over = true, .keeps = true },
	{ "the next comes behind the answer", GET, "", OK(L5) "hello", .later = GET, .sent = "",
	  .answer = GIVEN(L5) "hello", .next = GET, .over = true, .keeps = true },

	/* The client asks that nothing follows. */
	{ "close", REQUEST("GET", "1", "Connection: close\r\n"), "", OK(L5) "hello",
	  .answer = LAST(L5) "hello", .over = true },
	{ "HTTP/1.0", REQUEST("GET", "0", ""), "", OK(L5) "hello", .answer = LAST(L5) "hello",
	  .over = true },
	{ "HTTP/1.0 that would keep it", REQUEST("GET", "0", "Connection: keep-alive\r\n"), "",
	  OK(L5) "hello", .answer = LAST(L5) "hello", .over = true },

	/* An answer while the request is on its way: its end is not where the next one begins. */
	{ "early answer", POST("Content-Length: 10\r\n"), "hello", OK(L5) "hello", false, "world",
	  .answer = LAST(L5) "hello", .over = true },
	{ "early answer and no more", POST("Content-Length: 10\r\n"), "hello", OK(L5) "hello",
	  .answer = LAST(L5) "hello", .over = true },
	{ "early refusal of chunks", POST(CHUNKED), "5\r\nhel",
	  "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n",
	  .answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nVia: 1.1 sallyport\r\n"
		    "Connection: close\r\n\r\n",
	  .over = true },

	/* What a server says unasked is for nobody. */
	{ "bytes behind", GET, "", OK(L5) "helloHTTP/1.1 200 OK\r\n\r\n",
	  .answer = GIVEN(L5) "hello", .over = true, .keeps = true },
	{ "an answer behind", GET, "", OK(L5) "hello" OK(L5) "evil!", .later = GET, .sent = "",
	  .answer = GIVEN(L5) "hello", .next = GET, .over = true, .keeps = true },
	{ "an answer behind chunks", GET, "", OK(CHUNKED) "0\r\n\r\n" OK(L5) "evil!",
	  .answer = GIVEN(CHUNKED) "0\r\n\r\n", .over = true, .keeps = true },
	{ "an answer behind 304", GET, "", "HTTP/1.1 304 X\r\n\r\n" OK(L5) "evil!",
	  .answer = "HTTP/1.1 304 X\r\nVia: 1.1 sallyport\r\n\r\n", .over = true, .keeps = true },

	/* WebSocket. */
	{ "101", REQUEST("GET", "1", WEBSOCKET), "", SWITCH WEBSOCKET "\r\n\x81\x01x", false,
	  "\x82\x01y",
	  .answer = SWITCH WEBSOCKET "Via: 1.1 sallyport\r\n"
				     "\r\n\x81\x01x",
	  .keeps = true },
	{ "frames that waited for 101", REQUEST("GET", "1", WEBSOCKET), "\x81\x01z",
	  SWITCH WEBSOCKET "\r\n", true, "\x82\x01y",
	  .answer = SWITCH WEBSOCKET "Via: 1.1 sallyport\r\n"
				     "\r\n",
	  .keeps = true },
	{ "101 behind 103", REQUEST("GET", "1", WEBSOCKET), "",
	  INTERIM("103 X") SWITCH WEBSOCKET "\r\nHTTP/1.1 200 OK\r\n",
	  .answer = INTERIM_TO("103 X") SWITCH WEBSOCKET "Via: 1.1 sallyport\r\n"
							 "\r\nHTTP/1.1 200 OK\r\n",
	  .keeps = true },
	{ "WebSocket not taken up", REQUEST("GET", "1", WEBSOCKET), GET, OK(L5) "hello", .sent = "",
	  .answer = GIVEN(L5) "hello", .next = GET, .over = true, .keeps = true },
	{ "101 unasked", GET, "", SWITCH WEBSOCKET "\r\nxyz", .bad = 502, .answer = "",
	  .keeps = true },
	{ "101 to another protocol", REQUEST("GET", "1", "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
	  "", SWITCH "\r\n", .bad = 502, .answer = "", .keeps = true },
	{ "101 to HTTP/1.0", REQUEST("GET", "0", WEBSOCKET), "", SWITCH "\r\n", .bad = 502,
	  .answer = "" },
	{ "101 within the request", POST(L5 WEBSOCKET), "hell", SWITCH "\r\n", .bad = 502,
	  .answer = "", .keeps = true },
	{ "101 behind the request", POST(L5 WEBSOCKET), "hello", SWITCH WEBSOCKET "\r\nxyz", false,
	  "abc",
	  .answer = SWITCH WEBSOCKET "Via: 1.1 sallyport\r\n"
				     "\r\nxyz",
	  .keeps = true },

	/* No answer, or not all of it. */
	{ "no answer", GET, "", "", true, .bad = 502, .answer = "", .keeps = true },
	{ "half a head", GET, "", "HTTP/1.1 200 OK\r\nX:", true, .bad = 502, .answer = "",
	  .keeps = true },
	{ "cut within its length", GET, "", OK(L5) "hell", true, .bad = 502,
	  .answer = GIVEN(L5) "hell", .keeps = true },
	{ "cut within chunks", GET, "", OK(CHUNKED) "5\r\nhello\r\n", true, .bad = 502,
	  .answer = GIVEN(CHUNKED) "5\r\nhello\r\n", .keeps = true },
	{ "cut before the end of trailers", GET, "", OK(CHUNKED) "0\r\n", true, .bad = 502,
	  .answer = GIVEN(CHUNKED) "0\r\n", .keeps = true },

	/* Malformed answers. */
	{ "no HTTP", GET, "", "SSH-2.0-x\r\n", .bad = 502, .answer = "", .keeps = true },
	{ "HTTP/2", GET, "", "HTTP/2 200 OK\r\n\r\n", .bad = 502, .answer = "", .keeps = true },
	{ "no status", GET, "", "HTTP/1.1 OK\r\n\r\n", .bad = 502, .answer = "", .keeps = true },
	{ "an empty line before it", GET, "", "\r\n" OK(L5) "hello", .bad = 502, .answer = "",
	  .keeps = true },
	{ "two lengths", GET, "", OK(L5 L5) "hello", .bad = 502, .answer = "", .keeps = true },
	{ "length and chunks", GET, "", OK(L5 CHUNKED) "0\r\n\r\n", .bad = 502, .answer = "",
	  .keeps = true },
	{ "no plain digits", GET, "", OK("Content-Length: +5\r\n") "hello", .bad = 502,
	  .answer = "", .keeps = true },
	{ "another coding", GET, "", OK("Transfer-Encoding: gzip, chunked\r\n"), .bad = 502,
	  .answer = "", .keeps = true },
	{ "a folded line", GET, "", OK("X: a\r\n b\r\n"), .bad = 502, .answer = "", .keeps = true },
	{ "a malformed interim one", GET, "", "HTTP/1.1 100\r\nX\r\n\r\n" OK(L5), .bad = 502,
	  .answer = "", .keeps = true },
	{ "malformed behind an interim one", GET, "", INTERIM("100 Continue") "HTTP/3 200\r\n",
	  .bad = 502, .answer = INTERIM_TO("100 Continue"), .keeps = true },
	{ "a malformed chunk", GET, "", OK(CHUNKED) "x\r\n", .bad = 502, .answer = GIVEN(CHUNKED),
	  .keeps = true },
	{ "a chunk of another length", GET, "", OK(CHUNKED) "1\r\nxy\r\n", .bad = 502,
	  .answer = GIVEN(CHUNKED) "1\r\nx", .keeps = true },
	{ "chunks to HTTP/1.0", REQUEST("GET", "0", ""), "", OK(CHUNKED) "0\r\n\r\n", .bad = 502,
	  .answer = "" },
	{ "chunks from HTTP/1.0", GET, "", "HTTP/1.0 200 OK\r\n" CHUNKED "\r\n0\r\n\r\n",
	  .bad = 502, .answer = "", .keeps = true },

	/* Malformed requests. */
	{ "a malformed chunk of the request", POST(CHUNKED), "1\r\nx\r\nz\r\n", "", .bad = 400,
	  .sent = "1\r\nx\r\n", .answer = "", .keeps = true },
	{ "a chunk extension", POST(CHUNKED), "1;a=b\r\nx\r\n", "", .bad = 400, .sent = "1",
	  .answer = "", .keeps = true },
	{ "malformed behind the answer", POST(CHUNKED), "1\r\nx\r\n", OK(L5) "hello", false,
	  "z\r\n", .bad = 400, .sent = "1\r\nx\r\n", .answer = LAST(L5) "hello", .over = true },
};

struct outcome {
	struct buf sent, answer, next;
	unsigned bad;
	bool over, keeps;
};

static void outcome_done(struct outcome *o)
{
	buf_done(&o->sent);
	buf_done(&o->answer);
	buf_done(&o->next);
}

/* The bytes in pieces of `step`, for as long as the pump would read them; returns the rest. What a
 * filter that says no has appended is never sent. */
static struct span say(struct talk *t, struct pump *p, struct span bytes, size_t step,
		       struct buf *passed)
{
	while (t->alive && bytes.n && !p->paused) {
		t->alive = pump_offer(p, span_first(bytes, step));
		bytes = span_from(bytes, step);
		if (t->alive)
			buf_span(passed, buf_view(&p->pending));
		buf_clear(&p->pending);
	}
	return bytes;
}

/* A filter of one direction may leave bytes for the other. */
static void flush(struct talk *t, struct outcome *o)
{
	buf_span(&o->sent, buf_view(&t->up.pending));
	buf_clear(&t->up.pending);
}

static void converse(const struct row *row, size_t step, struct outcome *o)
{
	struct talk t = { .alive = true };
	struct http_head h;
	struct http_bad bad;
	struct buf client;
	struct span rest;

	*o = (struct outcome){ 0 };
	buf_init(&o->sent, 1 << 20);
	buf_init(&o->answer, 1 << 20);
	buf_init(&o->next, 1 << 20);
	pump_init(&t.up, -1, -1, &t.pipes);
	pump_init(&t.down, -1, -1, &t.pipes);
	t_eq_int(http_head_read(span_of(row->head), 0, &h, &bad), strlen(row->head));
	t.x = exchange_new(&h, &t.up, &t.down);
	t_ok(!exchange_over(t.x) && !exchange_bad(t.x) && !exchange_answered(t.x));

	buf_init(&client, 1024);
	rest = say(&t, &t.up, span_of(row->body), step, &o->sent);
	(void)say(&t, &t.down, span_of(row->server), step, &o->answer);
	flush(&t, o);
	if (t.alive && row->closes)
		t.alive = exchange_ended(t.x);
	buf_span(&client, rest);
	buf_str(&client, row->later ? row->later : "");
	rest = say(&t, &t.up, buf_view(&client), step, &o->sent);
	t_eq_int(t.alive, !exchange_bad(t.x));
	o->bad = exchange_bad(t.x) ? exchange_bad(t.x)->status : 0;
	o->over = exchange_over(t.x);
	o->keeps = exchange_keeps(t.x);
	/* What is next has been read or is still to be read. */
	if (t.up.filter)
		buf_span(&o->next, exchange_next(t.x));
	buf_span(&o->next, t.alive ? rest : SPAN_LIT(""));
	buf_done(&client);
	exchange_free(t.x);
	pump_done(&t.up);
	pump_done(&t.down);
}

static void check(const struct row *row, const struct outcome *o)
{
	char all[1024];

	(void)snprintf(all, sizeof(all), "%s%s", row->body, row->later ? row->later : "");
	t_eq_int(o->bad, row->bad);
	/* Of a malformed body more or less may have passed. */
	if (o->bad == 400)
		t_ok(span_starts(span_of(row->sent), buf_view(&o->sent)));
	else
		t_eq_span(buf_view(&o->sent), row->sent ? row->sent : all);
	if (o->bad)
		t_ok(span_starts(span_of(row->answer), buf_view(&o->answer)));
	else
		t_eq_span(buf_view(&o->answer), row->answer);
	t_eq_span(buf_view(&o->next), row->next ? row->next : "");
	t_eq_int(o->over, row->over);
	t_eq_int(o->keeps, row->keeps);
}

static void run(const struct row *row, size_t step)
{
	struct outcome o;

	converse(row, step, &o);
	check(row, &o);
	outcome_done(&o);
}

T(at_once)
{
	T_EACH(row, rows)
	run(row, SIZE_MAX);
}

T(in_pieces)
{
	T_EACH(row, rows)
	for (size_t step = 1; step <= MAX(strlen(row->server), strlen(row->body)); step++)
		run(row, step);
}

/* No exchange: nothing goes wrong with it, and nothing ends. */
T(none)
{
	exchange_free(NULL);
	t_ok(!exchange_stop_sending(NULL));
	t_ok(exchange_ended(NULL));
	t_ok(!exchange_bad(NULL));
	t_ok(!exchange_answered(NULL));
	t_ok(!exchange_over(NULL));
	t_ok(!exchange_keeps(NULL));
	t_eq_int(exchange_next(NULL).n, 0);
}

static const struct {
	const char *name;
	size_t head;
	bool passes;
} sizes[] = {
	{ "small", 100, true },
	{ "a read", 16384, true },
	{ "the longest", LIMIT_HTTP_HEAD, true },
	{ "too long", LIMIT_HTTP_HEAD + 1, false },
	{ "much too long", 3 * LIMIT_HTTP_HEAD, false },
};

/* A head of n bytes in all, of an answer with two bytes. */
static void put_head(struct buf *out, size_t n)
{
	buf_str(out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ");
	while (out->n < n - 4)
		buf_char(out, 'x');
	buf_str(out, "\r\n\r\n");
}

T(sizes)
{
	T_EACH(row, sizes)
	{
		struct buf server;
		struct row r = { .name = row->name, .head = GET, .body = "" };
		struct outcome o;

		buf_init(&server, 1 << 20);
		put_head(&server, row->head);
		buf_str(&server, "hi");
		r.server = buf_cstr(&server);
		converse(&r, 16384, &o);
		t_eq_int(o.bad, row->passes ? 0 : 502);
		t_eq_int(o.over, row->passes);
		t_eq_int(o.answer.n, row->passes ? server.n + strlen("Via: 1.1 sallyport\r\n") : 0);
		outcome_done(&o);
		buf_done(&server);
	}
}

/* Once the answer has begun, there is no room for another one. */
T(answered)
{
	struct talk t = { .alive = true };
	struct buf out;
	struct http_head h;
	struct http_bad bad;

	buf_init(&out, 4096);
	pump_init(&t.up, -1, -1, &t.pipes);
	pump_init(&t.down, -1, -1, &t.pipes);
	t_eq_int(http_head_read(SPAN_LIT(GET), 0, &h, &bad), strlen(GET));
	t.x = exchange_new(&h, &t.up, &t.down);
	(void)say(&t, &t.down, SPAN_LIT("HTTP/1.1 200 OK\r\n" L5), 1, &out);
	t_ok(!exchange_answered(t.x));
	(void)say(&t, &t.down, SPAN_LIT("\r\n"), 1, &out);
	t_ok(exchange_answered(t.x) && !exchange_over(t.x));
	exchange_free(t.x);
	pump_done(&t.up);
	pump_done(&t.down);
	buf_done(&out);
}

T_MAIN(T_TEST(at_once), T_TEST(in_pieces), T_TEST(none), T_TEST(sizes), T_TEST(answered))
