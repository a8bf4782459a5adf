/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ClientHellos, to be read by those who look for the name in them. */
#ifndef SALLYPORT_TESTS_UNIT_TLS_HELLO_H
#define SALLYPORT_TESTS_UNIT_TLS_HELLO_H

#include "base/buf.h"
#include "t.h"

/* Extensions: type, length, data. */
#define GROUPS	 "\0\x0a\0\4\0\2\0\x1d"
#define VERSIONS "\0\x2b\0\3\2\3\4"
#define SNI_GOOD "\0\0\0\x0e\0\x0c\0\0\x09good.test"
#define ECH	 "\xfe\x0d\0\3\0\0\1"

/* A ClientHello with these extensions; without any when their span is empty. */
static inline void put_hello_of(uint8_t session, struct span extensions, struct buf *out)
{
	size_t start = out->n;

	buf_u32(out, 1U << 24);
	buf_u16(out, 0x0303);
	for (unsigned i = 0; i < 32; i++)
		buf_u8(out, (uint8_t)i);
	buf_u8(out, session);
	for (unsigned i = 0; i < session; i++)
		buf_u8(out, (uint8_t)i);
	buf_add(out, "\0\4\x13\x01\x13\x02\1\0", 8);
	if (extensions.n) {
		buf_u16(out, (uint16_t)extensions.n);
		buf_span(out, extensions);
	}
	buf_put_u16(out, start + 2, (uint16_t)(out->n - start - 4));
}

static inline void put_hello(struct span extensions, struct buf *out)
{
	put_hello_of(2, extensions, out);
}

static inline void put_record(struct span payload, struct buf *out)
{
	buf_u8(out, 22);
	buf_u16(out, 0x0301);
	buf_u16(out, (uint16_t)payload.n);
	buf_span(out, payload);
}

/* The hello in records of at most `piece` bytes. */
static inline struct buf hello(struct span extensions, size_t piece)
{
	_cleanup_(buf_done) struct buf whole = { 0 };
	struct buf out;

	buf_init(&whole, 1 << 20);
	buf_init(&out, 1 << 20);
	put_hello(extensions, &whole);
	for (size_t at = 0; at < whole.n; at += piece)
		put_record(span_first(span_from(buf_view(&whole), at), piece), &out);
	return out;
}

#endif
