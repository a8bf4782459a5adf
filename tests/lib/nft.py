# SPDX-License-Identifier: GPL-2.0-or-later
"""nft in this process, by the library that the program is made of: thousands of listings start nothing."""

import ctypes

from . import syscalls

CTX_DEFAULT, OUTPUT_STATELESS = 0, 4  # <nftables/libnftables.h>


def _library():
    lib = ctypes.CDLL("libnftables.so.1")
    lib.nft_ctx_new.restype = ctypes.c_void_p
    lib.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
    lib.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
    return lib


def run(netns, text, stateless=False):
    """
    Runs commands in the network namespace of that path; (status, output, what went wrong). Stateless:
    as `nft -s`, without counters and clocks.
    """
    lib = _library()
    with syscalls.inside_netns(netns):
        context = ctypes.c_void_p(lib.nft_ctx_new(CTX_DEFAULT))
    try:
        lib.nft_ctx_buffer_output(context)
        lib.nft_ctx_buffer_error(context)
        lib.nft_ctx_output_set_flags(context, OUTPUT_STATELESS if stateless else 0)
        with syscalls.inside_netns(netns):
            status = lib.nft_run_cmd_from_buffer(context, text.encode())
        return (status, lib.nft_ctx_get_output_buffer(context).decode(),
                lib.nft_ctx_get_error_buffer(context).decode())
    finally:
        lib.nft_ctx_free(context)
