/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers a person writes. The whole span has to be the number: no sign, no blank, no leading
 * zero (which other programs read as octal). The error says what was read and the range.
 */
#ifndef SALLYPORT_BASE_NUM_H
#define SALLYPORT_BASE_NUM_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* Decimal, lo <= value <= hi. `what` names the thing in the error: "port", "prefix length". */
bool num_parse(struct span s, const char *what, uint64_t lo, uint64_t hi, uint64_t *out,
	       struct err *e) _must_use_;

/* "500ms", "30s", "15m", "2h", "7d", in milliseconds; lo and hi likewise. */
bool num_parse_duration_ms(struct span s, uint64_t lo, uint64_t hi, uint64_t *out, struct err *e)
	_must_use_;

/* "512", "10kB", "2MB", "5GB": powers of 1000; "KiB", "MiB", "GiB": powers of 1024. In bytes. */
bool num_parse_bytes(struct span s, uint64_t *out, struct err *e) _must_use_;

#endif
