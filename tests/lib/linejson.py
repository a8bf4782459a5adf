# SPDX-License-Identifier: GPL-2.0-or-later
"""
A client of the control socket as Dockside's own are: connects, writes one line, reads one line.
`python3 -m lib.linejson SOCKET JSON`
"""

import json
import socket
import sys

PATIENCE_S = 20


def ask(path, request):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(PATIENCE_S)
        s.connect(path)
        s.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(s.makefile("rb").readline())


if __name__ == "__main__":
    print(json.dumps(ask(sys.argv[1], json.loads(sys.argv[2]))))
