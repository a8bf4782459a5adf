/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/vaddr.h"

#include <uthash.h>

#include "base/alloc.h"
#include "base/limits.h"

struct entry {
	UT_hash_handle hh;
	uint32_t index;
	struct name name;
};

struct vaddrs {
	struct entry *by_name;
	struct entry **by_index;
	size_t n, cap;
};

/* 198.18.0.0/15 and fd73:616c:6c79::/64. What lies below FIRST is the jail's own. */
#define POOL4	   0xc6120000U
#define POOL4_MASK 0xfffe0000U
#define FIRST	   0x100U
static const uint8_t pool6[8] = { 0xfd, 0x73, 0x61, 0x6c, 0x6c, 0x79, 0, 0 };

_Static_assert(FIRST + LIMIT_VIRTUAL_ADDRESSES <= 0x20000, "the pool is a /15");

struct vaddrs *vaddrs_new(void)
{
	return xcalloc(1, sizeof(struct vaddrs));
}

void vaddrs_free(struct vaddrs *v)
{
	struct entry *en, *next;

	if (!v)
		return;
	HASH_ITER(hh, v->by_name, en, next)
	{
		HASH_DEL(v->by_name, en);
		free(en);
	}
	free(v->by_index);
	free(v);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static struct addr address(uint32_t index, int family)
{
	uint8_t bytes[16] = { 0 };

	if (family == AF_INET) {
		put_be32(bytes, POOL4 + FIRST + index);
		return addr_from_v4(bytes);
	}
	memcpy(bytes, pool6, sizeof(pool6));
	put_be32(bytes + 12, FIRST + index);
	return addr_from_v6(bytes);
}

bool vaddr_give(struct vaddrs *v, const struct name *n, int family, struct addr *out)
{
	struct entry *en;

	HASH_FIND(hh, v->by_name, n->s, n->len, en);
	if (!en) {
		if (v->n == LIMIT_VIRTUAL_ADDRESSES)
			return false;
		en = xcalloc(1, sizeof(*en));
		name_copy(&en->name, n);
		en->index = (uint32_t)v->n;
		HASH_ADD(hh, v->by_name, name.s, en->name.len, en);
		vec_push(v->by_index, v->n, v->cap, en);
	}
	*out = address(en->index, family);
	return true;
}

bool vaddr_in_pool(const struct addr *a)
{
	if (a->family == AF_INET)
		return (be32(a->bytes) & POOL4_MASK) == POOL4;
	return memcmp(a->bytes, pool6, sizeof(pool6)) == 0;
}

const struct name *vaddr_name(const struct vaddrs *v, const struct addr *a)
{
	uint32_t index;

	if (!vaddr_in_pool(a))
		return NULL;
	index = a->family == AF_INET ? be32(a->bytes) - POOL4 : be32(a->bytes + 12);
	if (a->family == AF_INET6 && be32(a->bytes + 8) != 0)
		return NULL;
	if (index < FIRST || index - FIRST >= v->n)
		return NULL;
	return &v->by_index[index - FIRST]->name;
}
