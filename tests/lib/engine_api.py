# SPDX-License-Identifier: GPL-2.0-or-later
"""
The engine's API, for what is not about the docker command: that costs a fifth of a second of a
processor each time, this next to nothing.
"""

import http.client
import json
import socket
import urllib.parse

from .case import Fail

PATIENCE_S = 120
FORBIDDEN, ABSENT = 403, 404


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("engine", timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(self.path)


class Api:
    """`words` are those after the `?`. Objects in them and `body` are sent as JSON."""

    def __init__(self, path):
        self.path = path

    def answer(self, method, where, body=None, **words):
        """(status, what it answers); OSError where no engine listens."""
        query = {k: v if isinstance(v, str) else json.dumps(v) for k, v in words.items()}
        connection = _Connection(self.path)
        try:
            connection.request(method, f"{where}?{urllib.parse.urlencode(query)}",
                               None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        finally:
            connection.close()
        is_json = response.headers.get_content_type() == "application/json"
        return response.status, json.loads(text) if is_json and text else text

    def __call__(self, method, where, body=None, but=(), **words):
        """What it answers; None for an error that is among `but`."""
        status, said = self.answer(method, where, body, **words)
        if status in but:
            return None
        if status >= 300:
            raise Fail(f"{method} {where}: {status} {said}")
        return said

    def is_there(self):
        try:
            return self.answer("GET", "/_ping")[0] == 200
        except (OSError, http.client.HTTPException):
            return False
