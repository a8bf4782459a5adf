/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libcurl, which is loaded when the engine is first to be asked, and not with the program: it and
 * the libraries behind it would make every start of `sallyport run` several times as long, and
 * every process of the daemon 5 MiB larger. Only docker/http.c calls it.
 */
#ifndef SALLYPORT_DOCKER_CURL_H
#define SALLYPORT_DOCKER_CURL_H

#include <curl/curl.h>

#include "base/err.h"

/* The functions of <curl/curl.h> that are used, under their names there. The two that set options
 * are not checked by the compiler as the macros of that header would. */
struct curl_calls {
	CURLcode (*global_init)(long flags);
	const char *(*easy_strerror)(CURLcode code);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *easy);
	CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
	struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
	void (*slist_free_all)(struct curl_slist *list);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *multi);
	CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
	CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_socket_action)(CURLM *multi, curl_socket_t fd, int events, int *running);
	CURLMsg *(*multi_info_read)(CURLM *multi, int *left);
	CURLMcode (*multi_assign)(CURLM *multi, curl_socket_t fd, void *of_socket);
};

/* Loads it once in the life of the process. */
bool curl_load(struct err *e) _must_use_;

/* NULL before curl_load(). */
const struct curl_calls *curl_lib(void);

#endif
