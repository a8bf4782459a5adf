# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of commands that many cases run."""

from .bubble import TMP
from .world import BIN, PYTHON

CA = f"{TMP}/ca.pem"
CURL = ["curl", "-sS", "-f", "--max-time", "5"]
DIG = ["dig", "+time=2", "+tries=1"]


def probe(*words):
    """One of the clients in probe.py."""
    return [PYTHON, "-IS", f"{BIN}/probe.pyc", *map(str, words)]


def attempt(*words):
    """One of the suite's own probes.py."""
    return [PYTHON, "-IS", f"{BIN}/probes.pyc", *map(str, words)]


def curl(url, *options):
    return [*CURL, *options, url]


def dig(*words):
    return [*DIG, *words]


def python(code, *args):
    return [PYTHON, "-ISc", code, *map(str, args)]


def tls(host, sni, request_host=None, port=443):
    """GET /{tok} over TLS with a chosen SNI ("-": none) and Host."""
    return probe("tls", host, port, sni, request_host or sni, "/{tok}", CA)


def shell(script, *args):
    return ["bash", "-c", script, "bash", *map(str, args)]
