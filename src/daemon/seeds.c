/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who was at which port, as the daemon before has left it in the kernel: nobody takes a place between the two. */
#include <string.h>

#include "base/alloc.h"
#include "daemon/enforcer.h"

/* A key is the port's name, and the rest behind it. */
static struct pins_seed *seed_of(struct enforcer *f, const uint8_t *key)
{
	for (size_t i = 0; i < f->n_seeds; i++)
		if (memcmp(f->seeds[i].port, key, LINKS_NAME_MAX) == 0)
			return &f->seeds[i];
	return NULL;
}

static void take_mac(struct enforcer *f, const uint8_t *key)
{
	struct pins_seed seed = { 0 };

	if (key[LINKS_NAME_MAX - 1] || seed_of(f, key))
		return;
	memcpy(seed.port, key, LINKS_NAME_MAX);
	memcpy(seed.mac, key + LINKS_NAME_MAX, sizeof(seed.mac));
	vec_push(f->seeds, f->n_seeds, f->cap_seeds, seed);
}

static void take_addr(struct enforcer *f, const uint8_t *key, int family)
{
	struct pins_seed *seed = seed_of(f, key);

	if (seed && seed->n_addrs < PIN_ADDRS_MAX)
		seed->addrs[seed->n_addrs++] = family == AF_INET ?
						       addr_from_v4(key + LINKS_NAME_MAX) :
						       addr_from_v6(key + LINKS_NAME_MAX);
}

/* family: AF_UNSPEC for MACs. A set that is not there has nothing. */
static void read_set(struct enforcer *f, const struct rs_table *t, const char *name, int family)
{
	_cleanup_(rs_elements_done) struct rs_elements list = { 0 };
	const struct rs_set *set = rs_set_find(t, name);
	struct err ignored;

	if (!set || !tables_elements(f->tables, RS_BRIDGE, set, &list, &ignored))
		return;
	for (size_t i = 0; i < list.n; i++)
		if (family == AF_UNSPEC)
			take_mac(f, list.items[i].key);
		else
			take_addr(f, list.items[i].key, family);
}

void seeds_read(struct enforcer *f, const struct inforce *next)
{
	const struct rs_table *t = &next->rules->tables[RS_BRIDGE];

	for (size_t i = 0; i < next->map.n_ports; i++) {
		const struct network_ports *np = &next->map.ports[i];

		read_set(f, t, np->macs, AF_UNSPEC);
		read_set(f, t, np->ip4, AF_INET);
		read_set(f, t, np->ip6, AF_INET6);
	}
}

void seeds_forget(struct enforcer *f)
{
	free(f->seeds);
	f->seeds = NULL;
	f->n_seeds = f->cap_seeds = 0;
}
