/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/limits.h"
#include "gate/http_guard.h"
#include "gate_help.h"

#define GET(path)	   "GET " path " HTTP/1.1\r\nHost: good.test\r\n\r\n"
#define EVIL		   "GET /e HTTP/1.1\r\nHost: evil.test\r\n\r\n"
#define POST(fields, body) "POST /p HTTP/1.1\r\nHost: good.test\r\n" fields "\r\n" body
#define UPGRADE(to)                                                     \
	"GET /u HTTP/1.1\r\nHost: good.test\r\nConnection: Upgrade\r\n" \
	"Upgrade: " to "\r\n\r\n"
#define SWITCH	 "HTTP/1.1 101 Switching Protocols\r\n"
#define OK	 "HTTP/1.1 200 OK\r\n"
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define HINTS	 "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
#define FRAMES	 "\x81\x85HTTP \r\n\r\nHost: evil.test\r\n\r\n"

/* What a client sends, and what the server answers meanwhile. */
struct row {
	const char *name;
	const char *client;
	const char *server;
	const char *passes; /* what the server gets; NULL: all of it */
	const char *why;    /* what refuses the rest; NULL: nothing does */
};

static const struct row rows[] = {
	{ "nothing", "", "", NULL, NULL },
	{ "one", GET("/"), OK, NULL, NULL },
	{ "several", GET("/a") GET("/b") GET("/c"), OK, NULL, NULL },
	{ "with the port", "GET / HTTP/1.1\r\nHost: good.test:80\r\n\r\n" GET("/"), "", NULL,
	  NULL },
	{ "case and dot", "GET / HTTP/1.1\r\nhOsT: GOOD.Test.\r\n\r\n" GET("/"), "", NULL, NULL },
	{ "absolute target", "GET http://good.test/ HTTP/1.1\r\nHost: good.test\r\n\r\n", "", NULL,
	  NULL },
	{ "asterisk", "OPTIONS * HTTP/1.1\r\nHost: good.test\r\n\r\n" GET("/"), "", NULL, NULL },
	{ "HTTP/1.0", "GET / HTTP/1.0\r\nHost: good.test\r\n\r\n", "", NULL, NULL },

	/* Another host. */
	{ "the first", EVIL, "", "", "another host" },
	{ "the second", GET("/") EVIL, OK, GET("/"), "another host" },
	{ "the third", GET("/a") GET("/b") EVIL GET("/c"), OK, GET("/a") GET("/b"),
	  "another host" },
	{ "a name below", GET("/") "GET / HTTP/1.1\r\nHost: a.good.test\r\n\r\n", "", GET("/"),
	  "another host" },
	{ "a name above", "GET / HTTP/1.1\r\nHost: test\r\n\r\n", "", "", "another host" },
	{ "an address", GET("/") "GET / HTTP/1.1\r\nHost: 203.0.113.1\r\n\r\n", "", GET("/"),
	  "another host" },
	{ "another port", GET("/") "GET / HTTP/1.1\r\nHost: good.test:8080\r\n\r\n", "", GET("/"),
	  "another host" },
	{ "no host", GET("/") "GET / HTTP/1.0\r\n\r\n", "", GET("/"), "another host" },
	{ "absolute target", GET("/") "GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
	  "", GET("/"), "another host" },
	{ "Host unlike the target",
	  GET("/") "GET http://good.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n", "", GET("/"), "" },
	{ "two Hosts", GET("/") "GET / HTTP/1.1\r\nHost: good.test\r\nHost: evil.test\r\n\r\n", "",
	  GET("/"), "" },
	{ "CONNECT", GET("/") "CONNECT good.test:80 HTTP/1.1\r\nHost: good.test\r\n\r\n", "",
	  GET("/"), "CONNECT" },
	{ "no HTTP", GET("/") "SSH-2.0-x\r\n\r\n", "", GET("/"), "" },
	{ "HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", "", "" },
	{ "bare line feeds", GET("/") "GET / HTTP/1.1\nHost: good.test\n\n", "", GET("/"), "" },
	{ "an empty line between", GET("/") "\r\n" GET("/"), "", GET("/"), "" },

	/* Bodies: what is in them is no request, and what is behind them is. */
	{ "length", POST("Content-Length: 5\r\n", "hello") GET("/"), "", NULL, NULL },
	{ "length 0", POST("Content-Length: 0\r\n", "") GET("/"), "", NULL, NULL },
	{ "a request in a body", POST("Content-Length: 36\r\n", EVIL) GET("/"), "", NULL, NULL },
	{ "behind a body", POST("Content-Length: 5\r\n", "hello") EVIL, "",
	  POST("Content-Length: 5\r\n", "hello"), "another host" },
	{ "a body cut short by its length", POST("Content-Length: 3\r\n", "heyGET ") EVIL, "",
	  POST("Content-Length: 3\r\n", "hey"), "" },
	{ "not yet whole", POST("Content-Length: 50\r\n", "hello"), "", NULL, NULL },
	{ "GET with a body", "GET / HTTP/1.1\r\nHost: good.test\r\nContent-Length: 36\r\n\r\n" EVIL,
	  "", NULL, NULL },
	{ "chunked", POST("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n") GET("/"), "",
	  NULL, NULL },
	{ "chunks",
	  POST("Transfer-Encoding: chunked\r\n", "24\r\n" EVIL "\r\nA\r\n0123456789\r\n0\r\n\r\n")
		  GET("/"),
	  "", NULL, NULL },
	{ "trailers",
	  POST("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n") GET("/"), "",
	  NULL, NULL },
	{ "behind chunks", POST("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n") EVIL, "",
	  POST("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"), "another host" },
	{ "chunked and length",
	  POST("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"), "", "", "" },
	{ "a bad chunk size", POST("Transfer-Encoding: chunked\r\n", "x\r\n" EVIL), "",
	  POST("Transfer-Encoding: chunked\r\n", ""), "malformed" },
	{ "a chunk of another length", POST("Transfer-Encoding: chunked\r\n", "1\r\nxy\r\n" EVIL),
	  "", POST("Transfer-Encoding: chunked\r\n", ""), "malformed" },
	{ "chunk extension", POST("Transfer-Encoding: chunked\r\n", "1;a=b\r\nx\r\n" EVIL), "",
	  POST("Transfer-Encoding: chunked\r\n", ""), "malformed" },

	/* The server takes the upgrade up: what follows is not HTTP. */
	{ "WebSocket", UPGRADE("websocket") FRAMES, SWITCH "\r\n", NULL, NULL },
	{ "WebSocket in capitals", UPGRADE("WebSocket") FRAMES, SWITCH, NULL, NULL },
	{ "behind interim answers", UPGRADE("websocket") FRAMES, CONTINUE HINTS SWITCH, NULL,
	  NULL },
	{ "with a body",
	  POST("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n", "hi") FRAMES,
	  SWITCH, NULL, NULL },

	/* It does not: what follows is the next request. */
	{ "not taken up", UPGRADE("websocket") GET("/"), OK, NULL, NULL },
	{ "not taken up, another host", UPGRADE("websocket") EVIL, OK, UPGRADE("websocket"),
	  "another host" },
	{ "102 is not 101", UPGRADE("websocket") EVIL, "HTTP/1.1 102 Processing\r\n\r\n" OK,
	  UPGRADE("websocket"), "another host" },
	{ "101 behind the answer", UPGRADE("websocket") EVIL, OK "\r\n" SWITCH,
	  UPGRADE("websocket"), "another host" },
	{ "a server without HTTP", UPGRADE("websocket") FRAMES, "SSH-2.0-x\r\n",
	  UPGRADE("websocket"), "not HTTP" },
	{ "no answer yet", UPGRADE("websocket") FRAMES, "HTTP/1.1 10", UPGRADE("websocket"), NULL },
	{ "a body not taken up",
	  POST("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 36\r\n", EVIL)
		  GET("/"),
	  OK, NULL, NULL },

	/* Protocols that name hosts themselves are never taken up. */
	{ "HTTP/2 not taken up", UPGRADE("h2c") GET("/"), OK, NULL, NULL },
	{ "HTTP/2", UPGRADE("h2c") "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0", SWITCH, UPGRADE("h2c"),
	  "" },
	{ "TLS", UPGRADE("TLS/1.2") "\x16\x03\x01\x02", SWITCH, UPGRADE("TLS/1.2"), "" },
	{ "a choice", UPGRADE("websocket, h2c") FRAMES, SWITCH, UPGRADE("websocket, h2c"), "" },
	{ "HTTP/2 with a body",
	  POST("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 5\r\n",
	       "hello") GET("/"),
	  OK, NULL, NULL },
	/* Connection has to list it. */
	{ "no upgrade", "GET / HTTP/1.1\r\nHost: good.test\r\nUpgrade: websocket\r\n\r\n" EVIL,
	  SWITCH, "GET / HTTP/1.1\r\nHost: good.test\r\nUpgrade: websocket\r\n\r\n",
	  "another host" },

	/* Behind other requests the bytes of a body could pass for the answer. */
	{ "a later upgrade", GET("/") UPGRADE("websocket") FRAMES, SWITCH,
	  GET("/") UPGRADE("websocket"), "" },
	{ "a later upgrade not taken up", GET("/") UPGRADE("websocket") GET("/"), OK OK, NULL,
	  NULL },
	{ "the second upgrade", UPGRADE("websocket") UPGRADE("websocket") EVIL, OK "\r\n" SWITCH,
	  UPGRADE("websocket") UPGRADE("websocket"), "another host" },
};

/* A connection: client bytes in pieces of `step`, the server's likewise whenever it is waited for. */
struct outcome {
	struct buf up, down; /* what passed */
	char why[128];	     /* "": nothing was refused */
};

/* Whether the pump goes on. */
static bool give(struct pump *p, struct span *rest, size_t step)
{
	struct span piece = span_first(*rest, step);

	*rest = span_from(*rest, step);
	if (p->filter)
		return p->filter(p->filter_ctx, piece, &p->pending);
	buf_span(&p->pending, piece);
	return true;
}

static void take(struct pump *p, struct buf *passed)
{
	t_ok(buf_ok(&p->pending));
	buf_span(passed, buf_view(&p->pending));
	buf_clear(&p->pending);
}

static void converse(struct span client, struct span server, size_t first, size_t step,
		     struct outcome *out)
{
	struct pipes pipes = { 0 };
	struct pump up, down;
	struct name good = name_of("good.test");
	struct http_guard *g;
	bool alive = true;

	*out = (struct outcome){ 0 };
	buf_init(&out->up, 1 << 20);
	buf_init(&out->down, 1 << 20);
	pump_init(&up, -1, -1, &pipes);
	pump_init(&down, -1, -1, &pipes);
	g = http_guard_new(&good, &up, &down);
	t_ok(!http_guard_why(g));
	while (alive && ((client.n && !up.paused) || (server.n && down.filter))) {
		if (client.n && !up.paused) {
			alive = give(&up, &client, first);
			first = step;
		} else {
			alive = give(&down, &server, step);
		}
		take(&down, &out->down);
		take(&up, &out->up);
	}
	t_eq_int(alive, !http_guard_why(g));
	if (!alive)
		(void)snprintf(out->why, sizeof(out->why), "%s", http_guard_why(g));
	http_guard_free(g);
	pump_done(&up);
	pump_done(&down);
}

static void check(const struct row *row, const struct outcome *o)
{
	struct span client = span_of(row->client), passed = buf_view(&o->up);
	const char *passes = row->passes ? row->passes : row->client;

	if (row->why && (!o->why[0] || !strstr(o->why, row->why)))
		t_fail("refused because \"%s\", expected \"%s\"", o->why, row->why);
	if (!row->why && o->why[0])
		t_fail("refused because \"%s\"", o->why);
	/* Of a body that turns out to be malformed a part may have passed. */
	if (strcmp(o->why, "the body of a request is malformed") == 0) {
		t_ok(span_starts(passed, span_of(passes)) && span_starts(client, passed));
		t_ok(!span_ends(passed, SPAN_LIT(EVIL)));
		passed = span_first(passed, strlen(passes));
	}
	t_eq_span(passed, passes);
	/* The server's bytes pass as they come. */
	t_ok(span_starts(span_of(row->server), buf_view(&o->down)));
}

static void run(const struct row *row, size_t first, size_t step)
{
	struct outcome o;

	converse(span_of(row->client), span_of(row->server), first, step, &o);
	check(row, &o);
	buf_done(&o.up);
	buf_done(&o.down);
}

T(at_once)
{
	T_EACH(row, rows)
	run(row, SIZE_MAX, SIZE_MAX);
}

T(in_pieces)
{
	T_EACH(row, rows)
	{
		size_t n = MAX(strlen(row->client), strlen(row->server));

		for (size_t step = 1; step <= n; step++)
			run(row, step, step);
	}
}

T(cut_at_every_byte)
{
	T_EACH(row, rows)
	for (size_t first = 1; first <= strlen(row->client); first++)
		run(row, first, SIZE_MAX);
}

/* A refusal is for good. */
T(refused_for_good)
{
	struct pipes pipes = { 0 };
	struct pump up, down;
	struct name good = name_of("good.test");
	struct http_guard *g;

	pump_init(&up, -1, -1, &pipes);
	pump_init(&down, -1, -1, &pipes);
	g = http_guard_new(&good, &up, &down);
	t_ok(!up.filter(up.filter_ctx, SPAN_LIT(EVIL), &up.pending));
	t_eq_str(http_guard_why(g), "a later request names another host");
	t_eq_int(up.pending.n, 0);
	http_guard_free(g);
	t_ok(!http_guard_why(NULL));
	http_guard_free(NULL);
	pump_done(&up);
	pump_done(&down);
}

/* A head of n bytes in all. */
static void put_head(struct buf *out, size_t n)
{
	size_t end = out->n + n;

	buf_str(out, "GET / HTTP/1.1\r\nHost: good.test\r\nX: ");
	while (out->n < end - 4)
		buf_char(out, 'x');
	buf_str(out, "\r\n\r\n");
}

static const struct {
	const char *name;
	size_t head;
	bool passes;
} sizes[] = {
	{ "small", 100, true },
	{ "a chunk", 16384, true },
	{ "the longest", LIMIT_HTTP_HEAD, true },
	{ "too long", LIMIT_HTTP_HEAD + 1, false },
	{ "much too long", 4 * LIMIT_HTTP_HEAD, false },
};

T(sizes)
{
	T_EACH(row, sizes)
	{
		struct buf client;
		struct outcome o;

		buf_init(&client, 1 << 20);
		put_head(&client, row->head);
		put_head(&client, row->head);
		converse(buf_view(&client), SPAN_LIT(""), 16384, 16384, &o);
		t_eq_int(o.why[0] == '\0', row->passes);
		t_eq_int(o.up.n, row->passes ? 2 * row->head : 0);
		buf_done(&client);
		buf_done(&o.up);
		buf_done(&o.down);
	}
}

/* A body of any size passes while it comes. */
T(large_body)
{
	struct buf client;
	struct outcome o;

	buf_init(&client, 1 << 20);
	buf_fmt(&client, POST("Content-Length: 600000\r\n", ""));
	for (int i = 0; i < 600000; i++)
		buf_char(&client, (char)i);
	buf_str(&client, EVIL);
	converse(buf_view(&client), SPAN_LIT(""), 16384, 16384, &o);
	t_eq_str(o.why, "a later request names another host");
	t_eq_int(o.up.n, client.n - strlen(EVIL));
	t_eq_mem(o.up.p, client.p, o.up.n);
	buf_done(&client);
	buf_done(&o.up);
	buf_done(&o.down);
}

T_MAIN(T_TEST(at_once), T_TEST(in_pieces), T_TEST(cut_at_every_byte), T_TEST(refused_for_good),
       T_TEST(sizes), T_TEST(large_body))
