# SPDX-License-Identifier: GPL-2.0-or-later
"""Bulk data that both ends can make. No block is like another: none can be lost or moved."""

import functools
import hashlib
import random

BLOCK = 1 << 18


@functools.lru_cache(maxsize=1)
def _noise():
    return random.Random(7).randbytes(BLOCK)


def blocks(size):
    """`size` bytes, block by block; each block starts with its number."""
    for start in range(0, size, BLOCK):
        block = start.to_bytes(8, "big") + _noise()[8:]
        yield block[:size - start]


def sha256(size):
    digest = hashlib.sha256()
    for block in blocks(size):
        digest.update(block)
    return digest.hexdigest()
