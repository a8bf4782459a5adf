# SPDX-License-Identifier: GPL-2.0-or-later
"""Real clients in the agent's container: what is allowed passes, nothing else arrives anywhere."""

import re

from lib import image, registry, zone
from lib.case import Case, Cases, Skip, eventually, expect, expect_eq, token
from lib.sidecar import ALLOWED, DENIED, GATE_TRAFFIC, PROXY

CASES = Cases()
SECONDS = 35
TOGETHER = "sidecar"
DENIAL = re.compile(r"\b403\b|Forbidden")  # what a client says of it
CLIENT_S = "8"

URLLIB = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=8).read().decode())
"""

HTTP_CLIENT = """
import http.client, os, ssl, sys
host, path, proxy = sys.argv[1], sys.argv[2], os.environ.get("HTTPS_PROXY", "")
there = proxy.removeprefix("http://") or host
c = http.client.HTTPSConnection(there, timeout=8, context=ssl.create_default_context())
if proxy:
    c.set_tunnel(host, 443)
c.request("GET", path)
print(c.getresponse().read().decode())
"""

NODE = """
const [host, path] = process.argv.slice(1), https = require('https'), http = require('http');
const fail = e => { console.error(String(e)); process.exit(1); };
const get = (more) => https.get({host, path, headers: {host}, timeout: 8000, ...more}, r => {
  r.on('data', d => process.stdout.write(d)); r.on('end', () => process.exit(0));
}).on('error', fail);
const proxy = process.env.HTTPS_PROXY;
if (!proxy) get({});
else http.request({...require('url').urlToHttpOptions(new URL(proxy)), method: 'CONNECT',
                   path: host + ':443', headers: {host: host + ':443'},
}).on('error', fail).on('connect', (r, socket) => {
  if (r.statusCode != 200) fail(r.statusCode);
  get({createConnection: () => require('tls').connect({socket, servername: host})});
}).end();
"""

S_CLIENT = """
[ -z "$HTTPS_PROXY" ] || through="-proxy ${HTTPS_PROXY#http://}"
printf 'GET %s HTTP/1.1\\r\\nHost: %s\\r\\nConnection: close\\r\\n\\r\\n' "$2" "$1" |
    timeout 8 openssl s_client $through -connect "$1:443" -servername "$1" -CAfile %CA% \\
        -verify_return_error -quiet -ign_eof
""".replace("%CA%", image.CA)


def url(host, tok, scheme="https"):
    return f"{scheme}://{host}/{tok}"


def _clients():
    """name: the command that asks this host for something with the token in it."""
    def registry_url(host, tok, kind):
        return f"https://{host}/files/{tok}/{kind}"

    return {
        "curl": lambda h, t: ["curl", "-sS", "-f", "-m", CLIENT_S, url(h, t)],
        "curl, plain http": lambda h, t: ["curl", "-sS", "-f", "-m", CLIENT_S, url(h, t, "http")],
        "wget": lambda h, t: ["wget", "-nv", "-O-", "-T", CLIENT_S, "-t", "1", url(h, t)],
        "git clone": lambda h, t: ["git", "clone", registry_url(h, t, "repo.git"), f"/tmp/{t}"],
        "npm install": lambda h, t: ["npm", "install", "--fetch-retries=0", "--fetch-timeout=8000",
                                     "--no-audit", "--no-fund", f"--prefix=/tmp/{t}",
                                     f"--registry={registry_url(h, t, 'npm/')}", registry.PACKAGE],
        "pip install": lambda h, t: ["python3", "-m", "pip", "-vv", "install", "--retries=0",
                                     "--timeout=3", "--disable-pip-version-check",
                                     f"--target=/tmp/{t}", "--no-cache-dir",
                                     f"--index-url={registry_url(h, t, 'simple/')}",
                                     registry.PACKAGE],
        "python urllib": lambda h, t: ["python3", "-Ic", URLLIB, url(h, t)],
        "python http.client": lambda h, t: ["python3", "-Ic", HTTP_CLIENT, h, f"/{t}"],
        "node, CONNECT": lambda h, t: ["node", "-e", NODE, h, f"/{t}"],
        "openssl s_client": lambda h, t: ["sh", "-c", S_CLIENT, "sh", h, f"/{t}"],
    }


def _ask(t, run, make, host):
    """Runs the client with a token of its own and what it would find there."""
    tok = token()
    registry.publish(t.world.tmp, tok, host)
    marks = t.marks()
    return tok, marks, run(make(host, tok))


def _seen_by_site(t, marks, tok, host):
    return [e for e in t.world.internet.since(marks[1], event="http", host=host)
            if tok in e["tokens"]]


def _arrives(t, run, make, host):
    tok, marks, result = _ask(t, run, make, host)
    expect_eq(result.status, 0, "exit status", result)
    eventually(lambda: _seen_by_site(t, marks, tok, host), f"{tok} never arrived\n{result}")
    for request in _seen_by_site(t, marks, tok, host):
        expect_eq(request["source"], zone.HOST4, "where the request came from", result)
        expect(not request["tls"] or request["sni"] == host, f"server name: {request}")
    return result


def _arrives_nowhere(t, run, make, host):
    tok, marks, result = _ask(t, run, make, host)
    leaks = t.leaks(marks, GATE_TRAFFIC)
    expect(not leaks, f"packets left: {leaks}", result)
    expect(not t.seen(marks, tok), f"{tok} arrived", result)
    expect(result.status not in (0, 126, 127), "the client believes that it worked", result)
    return marks, result


def _denied(t, make):
    marks, result = _arrives_nowhere(t, t.agent(), make, DENIED)
    expect(DENIAL.search(result.out + result.err), "the client was not told", result)
    expect_eq(t.asked(marks, name=DENIED), [], "DNS questions about a name that is denied", result)


def _needs(program, check):
    def checked(t):
        if not image.has(program):
            raise Skip(f"this machine has no {program} to put into the image")
        return check(t)
    return checked


def _add(name, make):
    program = name.split()[0] if name.split()[0] in ("npm", "pip") else "curl"

    def case(what, check, control=None):
        CASES.append(Case(f"{name}: {what}", _needs(program, check),
                          control and _needs(program, control)))

    case("an allowed name passes", lambda t: _arrives(t, t.agent(), make, ALLOWED),
         lambda t: _arrives(t, t.box(), make, ALLOWED))
    # The control of these two, too: the client works, and curl finds the denied name (below).
    case("a denied name is refused and not even looked up", lambda t: _denied(t, make))
    case("without the proxy an allowed name is out of reach",
         lambda t: _arrives_nowhere(t, t.unaware(), make, ALLOWED))


for NAME, MAKE in _clients().items():
    _add(NAME, MAKE)


def _everything_is_there(t):
    for scheme in ("https", "http"):
        for host in (ALLOWED, DENIED):
            _arrives(t, t.box(), lambda h, tok: ["curl", "-sS", "-f", url(h, tok, scheme)], host)


CASES.append(Case("where nothing is denied, both names answer", lambda t: None,
                  _everything_is_there))


def _curl(*words):
    return lambda host, tok: ["curl", "-sS", "-f", "-m", CLIENT_S, *words, url(host, tok)]


@CASES.case("by docker exec: an allowed name passes, a denied one does not")
def _(t):
    """The others enter the container's namespaces by themselves."""
    run = t.executing(t.container("agent"))
    _arrives(t, run, _curl(), ALLOWED)
    _, result = _arrives_nowhere(t, run, _curl(), DENIED)
    expect(DENIAL.search(result.err), "the client was not told", result)


@CASES.case("a port that no rule names is refused, for a name that is allowed")
def _(t):
    def make(host, tok):
        return ["curl", "-sS", "-f", "-m", CLIENT_S, f"https://{host}:8443/{tok}"]
    _, result = _arrives_nowhere(t, t.agent(), make, ALLOWED)
    expect(DENIAL.search(result.err), "the client was not told", result)


@CASES.case("one server name to the proxy, another inside TLS")
def _(t):
    def make(host, tok):
        return ["sh", "-c", S_CLIENT.replace('-servername "$1"', f"-servername {DENIED}"), "sh",
                host, f"/{tok}"]
    _arrives_nowhere(t, t.agent(), make, ALLOWED)


@CASES.case("the address of an allowed name is not the name")
def _(t):
    def make(host, tok):
        return ["curl", "-sSk", "-f", "-m", CLIENT_S, url(zone.ADDRESSES[host][0], tok)]
    _, result = _arrives_nowhere(t, t.agent(), make, ALLOWED)
    expect(DENIAL.search(result.err), "the client was not told", result)


@CASES.case("SOCKS5 on the same port follows the same list")
def _(t):
    through = PROXY.replace("http", "socks5h")
    _arrives(t, t.unaware(), _curl("--proxy", through), ALLOWED)
    _arrives_nowhere(t, t.unaware(), _curl("--proxy", through), DENIED)


@CASES.case("a denial says what was denied and what would allow it")
def _(t):
    result = t.agent()(["curl", "-sS", "-m", CLIENT_S, url(DENIED, token(), "http")])
    expect_eq(result.status, 0, "exit status", result)
    expect(f"{DENIED}:80" in result.out, "the answer does not name it", result)
