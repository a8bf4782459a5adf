/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _printf_(4, 0) void fill(struct err *e, enum err_kind kind, struct pos at, const char *fmt,
				va_list ap)
{
	e->kind = kind;
	e->at = at;
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
}

bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, kind, (struct pos){ 0, 0 }, fmt, ap);
	va_end(ap);
	return false;
}

bool err_set_at(struct err *e, enum err_kind kind, struct pos at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, kind, at, fmt, ap);
	va_end(ap);
	return false;
}

bool err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	enum err_kind kind = errnum == EPERM || errnum == EACCES ? ERR_DENIED : ERR_SYSTEM;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	fill(e, kind, (struct pos){ 0, 0 }, fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", strerror(errnum));
	return false;
}

bool err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[sizeof(e->msg)];
	va_list ap;
	size_t n;

	(void)snprintf(inner, sizeof(inner), "%s", e->msg);
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", inner);
	return false;
}
