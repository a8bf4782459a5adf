# SPDX-License-Identifier: GPL-2.0-or-later
"""The number that nftables gives to each committed transaction of a network namespace."""

import socket
import struct

from . import syscalls

NETLINK_NETFILTER, NFT_MSG_GETGEN, NFT_MSG_NEWGEN = 12, 16, 15
NFNL_SUBSYS_NFTABLES = 10
NLM_F_REQUEST = 1


class Generation:
    def __init__(self, path):
        self.socket = syscalls.socket_in(path, socket.AF_NETLINK, socket.SOCK_RAW,
                                         NETLINK_NETFILTER)
        self.socket.settimeout(3)

    def __call__(self):
        kind = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN
        self.socket.send(struct.pack("=IHHIIBBH", 20, kind, NLM_F_REQUEST, 1, 0, 0, 0, 0))
        reply = self.socket.recv(4096)
        # A netlink header, a netfilter header, and the first attribute: NFTA_GEN_ID.
        return struct.unpack_from("!I", reply, 24)[0]
