/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the engine's client share. */
#ifndef SALLYPORT_DOCKER_INTERNAL_H
#define SALLYPORT_DOCKER_INTERNAL_H

#include <sys/types.h>

#include "docker/engine.h"
#include "docker/http.h"
#include "docker/lines.h"
#include "docker/parse.h"

enum engine_state {
	ENGINE_AWAY,   /* until the timer ends */
	ENGINE_ASKING, /* /_ping is under way */
	ENGINE_HERE,   /* its version is known, its events are followed */
};

struct detail;

/* A snapshot that is being taken. */
struct survey {
	struct http_call *list;
	struct engine_snapshot *next; /* once the list is there */
	struct detail *details;	      /* one for each network that is watched; owned */
	size_t n_details, left;
	bool active;
	bool again; /* something changed since it began */
};

/* A network that is being made or removed. */
struct errand;

struct engine {
	uv_loop_t *loop;
	struct http *http;
	char *path;
	struct engine_callbacks callbacks;
	void *ctx;

	enum engine_state state;
	struct http_call *ping, *events;
	uv_timer_t *timer; /* away: the next attempt; here: the next snapshot without an event */
	unsigned pause_ms; /* until the attempt after the next one */
	uint64_t here_ms;  /* since when it is here */
	dev_t dev;	   /* of the socket's file when it was last asked; */
	ino_t ino;	   /* another file is another engine */
	char version[ENGINE_VERSION_MAX];
	bool podman;
	struct lines lines;
	char *why; /* as it was told; NULL while the engine is not known to be gone */

	char **names; /* watched */
	size_t n_names;
	struct survey survey;
	struct engine_snapshot *latest;
	struct errand *errands;
};

/* ---- engine.c */

/* The engine is taken to be gone, for this reason. */
void engine_lose(struct engine *en, const char *fmt, ...) _printf_(2, 3);

/* A whole snapshot was taken. */
void engine_found(struct engine *en, struct engine_snapshot *take_s);

/* The path behind the version prefix; the caller's. */
char *engine_path(const struct engine *en, const char *fmt, ...) _must_use_ _printf_(2, 3);

/* Why an answer is not what it should be: its status and the engine's own words. False. */
bool engine_refused(const struct http_reply *r, struct err *e);

/* ---- survey.c */

/* Takes a snapshot, or one more when one is under way. */
void survey_start(struct engine *en);
void survey_stop(struct engine *en);

/* ---- network.c */

void errands_stop(struct engine *en);

#endif
