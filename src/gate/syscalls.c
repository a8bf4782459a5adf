/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/syscalls.h"

#include <sys/mman.h>

#include <seccomp.h>

static void filter_freep(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

static int allow(scmp_filter_ctx ctx, int call, struct scmp_arg_cmp only)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1, only);
}

static int add_rules(scmp_filter_ctx ctx, const struct syscalls *s)
{
	static const int memory[] = { SCMP_SYS(mmap), SCMP_SYS(mprotect) };
	int r = 0;

	for (size_t i = 0; i < s->n_calls && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, s->calls[i], 0);
	for (size_t i = 0; i < ARRAY_LEN(memory) && r == 0; i++)
		r = allow(ctx, memory[i], SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	for (size_t i = 0; i < s->n_families && r == 0; i++) {
		struct scmp_arg_cmp family = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)s->families[i]);

		r = allow(ctx, SCMP_SYS(socket), family);
		if (r == 0 && s->pairs)
			r = allow(ctx, SCMP_SYS(socketpair), family);
	}
	return r;
}

bool syscalls_only(const struct syscalls *s, struct err *e)
{
	_cleanup_(filter_freep) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r;

	if (!ctx)
		return err_set(e, ERR_SYSTEM, "seccomp: no memory");
	r = add_rules(ctx, s);
	if (r == 0)
		r = seccomp_load(ctx);
	return r == 0 || err_sys(e, -r, "seccomp");
}
