/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans as bytes: what is read as one is written, and then read as the same. */
#include <assert.h>

#include "base/limits.h"
#include "policy/flat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes that the plan is written as; false: there is none. */
static bool rewrite(struct span bytes, struct buf *out)
{
	_cleanup_(plan_freep) struct plan *p = NULL;
	struct err e = { 0 };

	if (!plan_decode(bytes, &p, &e)) {
		assert(e.kind == ERR_INVALID && e.msg[0] && !p);
		return false;
	}
	plan_encode(p, out);
	assert(buf_ok(out));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once, twice;

	buf_init(&once, LIMIT_PLAN_FLAT);
	buf_init(&twice, LIMIT_PLAN_FLAT);
	if (rewrite(span_bytes(data, size), &once)) {
		assert(once.n <= size); /* a text ends at its first NUL */
		assert(rewrite(buf_view(&once), &twice));
		assert(span_eq(buf_view(&once), buf_view(&twice)));
	}
	buf_done(&once);
	buf_done(&twice);
	return 0;
}
