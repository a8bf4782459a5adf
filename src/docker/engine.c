/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "docker/engine.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "docker/curl.h"
#include "docker/internal.h"

/* {"type":["network","container"],"event":[...]}: what parse_event() looks for. It spares the other
 * end the events of health checks. */
static const char filters[] =
	"%7B%22type%22%3A%5B%22network%22%2C%22container%22%5D%2C%22event%22%3A%5B"
	"%22create%22%2C%22connect%22%2C%22disconnect%22%2C%22destroy%22%2C%22remove%22%2C"
	"%22start%22%2C%22die%22%2C%22died%22%2C%22rename%22%5D%7D";

static void connect_now(struct engine *en);

bool engine_prepare(struct err *e)
{
	json_object_seed(0);
	return curl_load(e);
}

char *engine_path(const struct engine *en, const char *fmt, ...)
{
	struct buf path;
	va_list ap;

	buf_init(&path, 4096);
	buf_fmt(&path, "/v%s", en->version);
	va_start(ap, fmt);
	buf_vfmt(&path, fmt, ap);
	va_end(ap);
	return buf_take(&path);
}

bool engine_refused(const struct http_reply *r, struct err *e)
{
	char shown[400];

	return err_set(e, ERR_INVALID, "it answers with status %u: %s", r->status,
		       parse_message(r->body, shown, sizeof(shown)));
}

/* ---- Going and coming */

static void on_timer(uv_timer_t *timer)
{
	struct engine *en = timer->data;
	struct stat st;

	if (en->state == ENGINE_AWAY) {
		connect_now(en);
	} else if (en->state == ENGINE_HERE) {
		if (stat(en->path, &st) == 0 && st.st_dev == en->dev && st.st_ino == en->ino)
			survey_start(en);
		else
			engine_lose(en, "%s is another socket now", en->path);
	}
}

/* Told to whoever uses the client, unless that is what it was told last. */
static void tell_gone(struct engine *en, const char *why)
{
	if (en->why && strcmp(en->why, why) == 0)
		return;
	free(en->why);
	en->why = xstrdup(why);
	en->callbacks.on_gone(en->ctx, en->why);
}

void engine_lose(struct engine *en, const char *fmt, ...)
{
	char why[512];
	va_list ap;

	/* One that comes and goes at once is no better than one that is not there. */
	if (en->state == ENGINE_HERE && clock_ms() - en->here_ms >= LIMIT_ENGINE_PAUSE_MS)
		en->pause_ms = LIMIT_ENGINE_PAUSE_MIN_MS;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	survey_stop(en);
	http_cancel(en->ping);
	http_cancel(en->events);
	en->ping = en->events = NULL;
	engine_snapshot_free(en->latest);
	en->latest = NULL;
	en->state = ENGINE_AWAY;
	(void)uv_timer_start(en->timer, on_timer, en->pause_ms, 0);
	en->pause_ms = MIN(2 * en->pause_ms, LIMIT_ENGINE_PAUSE_MS);
	tell_gone(en, why);
}

void engine_found(struct engine *en, struct engine_snapshot *take_s)
{
	engine_snapshot_free(en->latest);
	en->latest = take_s;
	free(en->why);
	en->why = NULL;
	(void)uv_timer_start(en->timer, on_timer, LIMIT_ENGINE_SILENCE_MS, 0);
	en->callbacks.on_snapshot(en->ctx, en->latest);
}

/* ---- The stream of events */

static void on_bytes(void *ctx, struct span bytes)
{
	struct engine *en = ctx;
	struct span line;
	bool changed = false;

	while (lines_next(&en->lines, &bytes, &line))
		changed = changed || !line.p || (line.n > 0 && parse_event(line));
	if (changed)
		survey_start(en);
}

/* What changed before the engine listened to us, the snapshot under way may have missed. */
static void on_open(void *ctx)
{
	survey_start(ctx);
}

static void on_end(void *ctx, const struct http_reply *r, const struct err *e)
{
	struct engine *en = ctx;
	struct err refused;

	en->events = NULL;
	if (e)
		engine_lose(en, "%s", e->msg);
	else if (r->status == 200)
		engine_lose(en, "it has closed the connection");
	else if (!engine_refused(r, &refused))
		engine_lose(en, "%s", refused.msg);
}

/* since: the engine repeats what happened between the request and its beginning to listen. */
static void follow(struct engine *en)
{
	uint64_t now = clock_wall_ms();
	_cleanup_(freep) char *path = engine_path(en, "/events?since=%llu.%03u&filters=%s",
						  (unsigned long long)(now / 1000),
						  (unsigned)(now % 1000), filters);

	lines_done(&en->lines);
	lines_init(&en->lines, LIMIT_ENGINE_EVENT);
	en->events = http_start(en->http, &(struct http_request){ .method = "GET",
								  .path = path,
								  .done = on_end,
								  .open = on_open,
								  .bytes = on_bytes,
								  .ctx = en });
}

/* ---- The first question */

static void on_ping(void *ctx, const struct http_reply *r, const struct err *e)
{
	struct engine *en = ctx;
	struct err why = { 0 };

	en->ping = NULL;
	if (e)
		return engine_lose(en, "%s", e->msg);
	if (r->status != 200 && !engine_refused(r, &why))
		return engine_lose(en, "%s", why.msg);
	if (!parse_version(r->api_version, en->version, &why))
		return engine_lose(en, "%s", why.msg);
	en->podman = r->podman;
	en->state = ENGINE_HERE;
	en->here_ms = clock_ms();
	follow(en);
	survey_start(en);
}

static void connect_now(struct engine *en)
{
	struct stat st;

	if (stat(en->path, &st) != 0)
		return engine_lose(en, "%s: %s", en->path, strerrordesc_np(errno));
	en->dev = st.st_dev;
	en->ino = st.st_ino;
	en->state = ENGINE_ASKING;
	en->ping = http_start(
		en->http, &(struct http_request){
				  .method = "GET", .path = "/_ping", .done = on_ping, .ctx = en });
}

/* ---- The whole */

struct engine *engine_new(uv_loop_t *loop, const char *socket_path,
			  const struct engine_callbacks *callbacks, void *ctx)
{
	struct engine *en = xcalloc(1, sizeof(*en));

	*en = (struct engine){ .loop = loop,
			       .http = http_new(loop, socket_path),
			       .path = xstrdup(socket_path),
			       .callbacks = *callbacks,
			       .ctx = ctx,
			       .timer = xcalloc(1, sizeof(*en->timer)),
			       .pause_ms = LIMIT_ENGINE_PAUSE_MIN_MS };
	lines_init(&en->lines, LIMIT_ENGINE_EVENT);
	(void)uv_timer_init(loop, en->timer);
	en->timer->data = en;
	(void)uv_timer_start(en->timer, on_timer, 0, 0);
	return en;
}

static void free_timer(uv_handle_t *timer)
{
	free(timer);
}

static void free_names(struct engine *en)
{
	for (size_t i = 0; i < en->n_names; i++)
		free(en->names[i]);
	free(en->names);
	en->names = NULL;
	en->n_names = 0;
}

void engine_free(struct engine *en)
{
	if (!en)
		return;
	survey_stop(en);
	errands_stop(en);
	http_free(en->http);
	uv_close((uv_handle_t *)en->timer, free_timer);
	lines_done(&en->lines);
	engine_snapshot_free(en->latest);
	free_names(en);
	free(en->why);
	free(en->path);
	free(en);
}

void engine_watch(struct engine *en, const char *const *names, size_t n)
{
	free_names(en);
	en->names = n ? xcalloc(n, sizeof(*en->names)) : NULL;
	for (en->n_names = 0; en->n_names < n; en->n_names++)
		en->names[en->n_names] = xstrdup(names[en->n_names]);
	engine_look(en);
}

void engine_look(struct engine *en)
{
	if (en->state == ENGINE_HERE)
		survey_start(en);
}

const struct engine_snapshot *engine_latest(const struct engine *en)
{
	return en->latest;
}
