/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/nft.h"

#include <string.h>

#include <nftables/libnftables.h>

static void ctx_freep(struct nft_ctx **ctx)
{
	if (*ctx)
		nft_ctx_free(*ctx);
}

bool nft_load(const char *text, struct err *e)
{
	_cleanup_(ctx_freep) struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	const char *said;

	if (!ctx)
		return err_set(e, ERR_SYSTEM, "libnftables: cannot start");
	if (nft_ctx_buffer_error(ctx) != 0 || nft_ctx_buffer_output(ctx) != 0)
		return err_set(e, ERR_SYSTEM, "libnftables: cannot buffer its messages");
	if (nft_run_cmd_from_buffer(ctx, text) == 0)
		return true;
	said = nft_ctx_get_error_buffer(ctx);
	return err_set(e, ERR_SYSTEM, "the kernel refused the rules: %.*s",
		       said ? (int)strcspn(said, "\n") : 0, said ? said : "");
}
