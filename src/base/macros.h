/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The few attributes and helpers that every room uses. Nothing here hides control flow. */
#ifndef SALLYPORT_BASE_MACROS_H
#define SALLYPORT_BASE_MACROS_H

#include <errno.h>
#include <stdlib.h>
#include <sys/param.h> /* MIN, MAX */

#define _cleanup_(fn)	   __attribute__((cleanup(fn)))
#define _must_use_	   __attribute__((warn_unused_result))
#define _printf_(fmt, arg) __attribute__((format(printf, fmt, arg)))
#define _noreturn_	   __attribute__((noreturn))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Moves a pointer out of the variable that would free it, which is left NULL. */
#define steal(pp)                             \
	__extension__({                       \
		__typeof__(*(pp)) *p_ = (pp); \
		__typeof__(*(pp)) v_ = *p_;   \
		*p_ = NULL;                   \
		v_;                           \
	})

/* Repeats a system call that a signal interrupted. */
#define RETRY_EINTR(call)                             \
	__extension__({                               \
		__typeof__(call) r_;                  \
		do {                                  \
			r_ = (call);                  \
		} while (r_ == -1 && errno == EINTR); \
		r_;                                   \
	})

/* _cleanup_(freep): free() what the variable points to. */
static inline void freep(void *pp)
{
	free(*(void **)pp);
}

#endif
