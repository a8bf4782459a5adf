/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads nft text in a network namespace of its own and lists what the kernel made of it. */
#ifndef SALLYPORT_TESTS_UNIT_NFT_NAMESPACE_H
#define SALLYPORT_TESTS_UNIT_NFT_NAMESPACE_H

#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nftables/libnftables.h>

#include "base/buf.h"
#include "base/fd.h"
#include "kernel/nft.h"
#include "t.h"

#define NFT_TEXT_MAX (1U << 20)

static bool nft_list(struct buf *out)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	bool good = ctx && nft_ctx_buffer_output(ctx) == 0 &&
		    nft_run_cmd_from_buffer(ctx, "list ruleset") == 0;

	if (good)
		buf_str(out, nft_ctx_get_output_buffer(ctx));
	if (ctx)
		nft_ctx_free(ctx);
	return good;
}

/* Loads something into the namespace that it is called in. */
typedef bool nft_load_fn(const void *what, struct err *e);

static bool nft_load_text(const void *what, struct err *e)
{
	return nft_load(what, e);
}

/* The child's part: "+" and what the kernel lists, or "-" and what went wrong. */
static void nft_load_and_list(nft_load_fn *load, const void *what, struct buf *out)
{
	struct err e = { 0 };

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
		buf_fmt(out, "-no namespaces: %s", strerror(errno));
		return;
	}
	if (!load(what, &e)) {
		buf_fmt(out, "-%s", e.msg);
		return;
	}
	buf_char(out, '+');
	if (!nft_list(out)) {
		buf_clear(out);
		buf_str(out, "-cannot list");
	}
}

/* Runs it in a child, whose namespaces end with it. False: no child, or it died. */
static bool nft_in_namespace_by(nft_load_fn *load, const void *what, struct buf *out)
{
	_cleanup_(fd_closep) int here = -1;
	struct err e;
	int pair[2], status;
	char chunk[4096];
	ssize_t n;
	pid_t pid;

	buf_init(out, NFT_TEXT_MAX);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	here = pair[0];
	pid = fork();
	if (pid == 0) {
		nft_load_and_list(load, what, out);
		_exit(!fd_write_all(pair[1], buf_view(out), &e));
	}
	(void)close(pair[1]);
	while (pid > 0 && (n = read(here, chunk, sizeof(chunk))) > 0)
		buf_add(out, chunk, (size_t)n);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && out->n > 0;
}

static bool nft_in_namespace(const char *text, struct buf *out)
{
	return nft_in_namespace_by(nft_load_text, text, out);
}

/* Rules can be loaded and listed here, and in the words of the golden files (libnftables 1.0.6). */
static bool nft_can_compare(void)
{
	_cleanup_(buf_done) struct buf listed = { 0 };

	if (!nft_in_namespace("table inet t {\n\tchain c {\n"
			      "\t\ttcp flags & (syn | ack | rst) != syn meta mark 1 accept\n"
			      "\t}\n}\n",
			      &listed) ||
	    listed.p[0] != '+') {
		print_message("skipped: nft in a namespace of one's own: %s\n",
			      listed.n ? listed.p + 1 : "the child died");
		return false;
	}
	if (!strstr(listed.p, "\t\ttcp flags != syn / syn,rst,ack meta mark 0x00000001 accept\n")) {
		print_message("skipped: this libnftables lists rules in other words:\n%s",
			      listed.p + 1);
		return false;
	}
	return true;
}

#endif
