/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "docker/curl.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* Their functions are the same; which TLS they speak does not matter here. */
static const char *const files[] = { "libcurl-gnutls.so.4", "libcurl.so.4" };

#define SYMBOL(name)                                             \
	{                                                        \
		"curl_" #name, offsetof(struct curl_calls, name) \
	}

static const struct {
	const char *name;
	size_t at;
} symbols[] = {
	SYMBOL(global_init),	     SYMBOL(easy_strerror),	  SYMBOL(easy_init),
	SYMBOL(easy_cleanup),	     SYMBOL(easy_setopt),	  SYMBOL(easy_getinfo),
	SYMBOL(slist_append),	     SYMBOL(slist_free_all),	  SYMBOL(multi_init),
	SYMBOL(multi_cleanup),	     SYMBOL(multi_setopt),	  SYMBOL(multi_add_handle),
	SYMBOL(multi_remove_handle), SYMBOL(multi_socket_action), SYMBOL(multi_info_read),
	SYMBOL(multi_assign),
};

_Static_assert(ARRAY_LEN(symbols) * sizeof(void *) == sizeof(struct curl_calls),
	       "each function has its symbol");

static struct curl_calls calls;
static bool loaded;

static bool resolve(void *library, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		void *p = dlsym(library, symbols[i].name);

		if (!p)
			return err_set(e, ERR_UNSUPPORTED, "libcurl has no %s()", symbols[i].name);
		memcpy((char *)&calls + symbols[i].at, &p, sizeof(p));
	}
	return true;
}

bool curl_load(struct err *e)
{
	void *library = NULL;

	if (loaded)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(files) && !library; i++)
		library = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return err_set(e, ERR_UNSUPPORTED,
			       "the engine cannot be asked without libcurl (Debian's package "
			       "libcurl3-gnutls)");
	if (!resolve(library, e))
		return false;
	if (calls.global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
		return err_set(e, ERR_SYSTEM, "libcurl does not start");
	loaded = true;
	return true;
}

const struct curl_calls *curl_lib(void)
{
	return loaded ? &calls : NULL;
}
