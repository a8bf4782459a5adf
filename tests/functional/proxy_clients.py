# SPDX-License-Identifier: GPL-2.0-or-later
"""`sallyport proxy` with real clients: what is allowed arrives, and nothing else does."""

import json
import shutil

from lib import zone
from lib.case import Cases, Skip, eventually, expect, expect_eq, expect_in, fill, token
from lib.commands import CA, curl, python
from lib.proxy import PORT, URL, proxy, shout, variables, write

CASES = Cases()

GOOD = ["--allow", "good.example:80,443", "--connect-ports", "80,443"]
UPSTREAM = [("udp", zone.DNS4, 53)]

# What each of these does with the variables is its own idea of them.
HTTPS = {
    "curl": curl("https://good.example/{tok}"),
    "wget": ["wget", "-q", "-O-", "--tries=1", "-T5", f"--ca-certificate={CA}",
             "https://good.example/{tok}"],
    "python urllib": python("import sys, urllib.request as u; "
                            "print(u.urlopen(sys.argv[1], timeout=5).read().decode())",
                            "https://good.example/{tok}"),
    "python http.client": python(
        "import http.client as h, sys; c = h.HTTPSConnection('127.0.0.1', 8888, timeout=5); "
        "c.set_tunnel('good.example', 443); c.request('GET', '/' + sys.argv[1]); "
        "r = c.getresponse(); print(r.read().decode()); sys.exit(r.status != 200)", "{tok}"),
    "openssl s_client": ["bash", "-c",
                         "printf 'GET /%s HTTP/1.1\\r\\nHost: good.example\\r\\nConnection: close"
                         "\\r\\n\\r\\n' \"$1\" | openssl s_client -quiet -verify_quiet -proxy "
                         "127.0.0.1:8888 -connect good.example:443 -servername good.example",
                         "bash", "{tok}"],
    "socat": ["bash", "-c", "printf 'GET /%s HTTP/1.1\\r\\nHost: good.example\\r\\n\\r\\n' \"$1\" | socat -t1 - "
              "PROXY:127.0.0.1:good.example:80,proxyport=8888; true", "bash", "{tok}"],
}
HTTP = {
    "curl": curl("http://good.example/{tok}"),
    "wget": ["wget", "-q", "-O-", "--tries=1", "-T5", "http://good.example/{tok}"],
    "python urllib": python("import sys, urllib.request as u; "
                            "print(u.urlopen(sys.argv[1], timeout=5).read().decode())",
                            "http://good.example/{tok}"),
}
NODE = ["node", "-e", """
const http = require('http'), tls = require('tls'), fs = require('fs');
const [tok, host] = process.argv.slice(1);
http.request({ host: '127.0.0.1', port: 8888, method: 'CONNECT', path: host + ':443',
               headers: { host: host + ':443' } })
  .on('connect', (res, socket) => {
    if (res.statusCode !== 200) { console.log('status', res.statusCode); process.exit(1); }
    const s = tls.connect({ socket, servername: host, ca: fs.readFileSync(process.env.SSL_CERT_FILE) },
      () => s.write('GET /' + tok + ' HTTP/1.1\\r\\nHost: ' + host + '\\r\\nConnection: close\\r\\n\\r\\n'));
    s.on('data', d => process.stdout.write(d)).on('error', e => { console.log(e); process.exit(1); });
  }).on('error', e => { console.log(e.message); process.exit(1); }).end();
""", "{tok}", "good.example"]
HTTPS["node"] = NODE


def through(t, command, says="site=", env=None):
    """The command, by way of the proxy: its token arrives."""
    if not shutil.which(command[0]):
        raise Skip(f"{command[0]} is not installed")
    tok, marks = token(), t.marks()
    result = t.plain(env=env or variables())(fill(command, tok))
    expect_eq(result.status, 0, "exit status", result)
    if says:
        expect_in(says, result.out, "output", result)
    eventually(lambda: t.seen(marks, tok), f"{tok} never arrived\n{result}")
    return result


def stopped(t, command, env=None, allowed=()):
    """The same for one that is refused: nothing of it leaves, and the client is told."""
    if not shutil.which(command[0]):
        raise Skip(f"{command[0]} is not installed")
    tok, marks = token(), t.marks()
    result = t.plain(env=env or variables())(fill(command, tok))
    leaks = t.leaks(marks, allowed)
    expect(not leaks, f"packets left: {leaks}", result)
    expect(not t.seen(marks, tok), f"{tok} arrived", result)
    return result


def elsewhere(command):
    return [w.replace("good.example", "evil.example") for w in command]


for kind, clients in (("https", HTTPS), ("http", HTTP)):
    for name, command in clients.items():
        @CASES.case(f"{name}, {kind}: an allowed name")
        def _allowed(t, command=command, name=name):
            with proxy(t, *GOOD) as p:
                through(t, command, None if name == "socat" else "site=good.example")
                eventually(lambda: p.events(verdict="allow", name="good.example"),
                           "no event about it")

        @CASES.case(f"{name}, {kind}: a name that no rule allows")
        def _denied(t, command=command, name=name):
            with proxy(t, *GOOD) as p:
                result = stopped(t, elsewhere(command))
                expect(result.status != 0 or name == "socat", "the client believes it worked",
                       result)
                eventually(lambda: p.events(verdict="deny", name="evil.example"),
                           "no event about it")

for what, url in (("by name", f"socks5h://127.0.0.1:{PORT}"),
                  ("by address", f"socks5://127.0.0.1:{PORT}")):
    ALLOW = [*GOOD, "--allow", f"{zone.v4(10)}:443", "--allow", f"[{zone.v6(10)}]:443"]

    @CASES.case(f"SOCKS, {what}: an allowed name")
    def _socks(t, url=url, flags=ALLOW):
        with proxy(t, *flags):
            through(t, curl("https://good.example/{tok}"), "site=good.example",
                    variables(url, socks=True))

    @CASES.case(f"SOCKS, {what}: one that no rule allows")
    def _socks_denied(t, url=url, flags=ALLOW):
        with proxy(t, *flags):
            stopped(t, curl("https://evil.example/{tok}"), variables(url, socks=True), UPSTREAM)


@CASES.case("SOCKS: plain http")
def _socks_http(t):
    with proxy(t, *GOOD):
        through(t, curl("http://good.example/{tok}"), "site=good.example",
                variables(f"socks5h://127.0.0.1:{PORT}", socks=True))


# --- git, over https, through the proxy.
@CASES.case("git clone over https")
def _git(t):
    if not shutil.which("git"):
        raise Skip("git is not installed")
    with proxy(t, *GOOD):
        marks = t.marks()
        result = t.plain(env=variables())(["git", "-c", f"http.sslCAInfo={CA}", "ls-remote",
                                           "https://good.example/repo.git"])
        seen = t.world.internet.wait(marks[1], event="http", host="good.example")
        expect(seen and "/repo.git/info/refs" in seen[0]["path"], f"git did not arrive: {seen}",
               result)
        stopped(t, ["git", "-c", f"http.sslCAInfo={CA}", "ls-remote",
                    "https://evil.example/{tok}.git"])


@CASES.case("npm asks its registry")
def _npm(t):
    if not shutil.which("npm"):
        raise Skip("npm is not installed")
    env = {**variables(), "npm_config_registry": "http://good.example/",
           "npm_config_fetch_retries": "0", "npm_config_cache": f"{t.world.work}/npm",
           "npm_config_update_notifier": "false"}
    with proxy(t, *GOOD):
        marks = t.marks()
        result = t.plain(env=env)(["npm", "view", "left-pad"])
        expect(t.world.internet.wait(marks[1], event="http", host="good.example",
                                     path="/left-pad"), "npm did not arrive", result)
        env["npm_config_registry"] = "http://evil.example/"
        stopped(t, ["npm", "view", "{tok}"], env)


# --- What the client is told.
@CASES.case("403: what, why, and what would allow it")
def _body(t):
    with proxy(t, *GOOD, "--deny", "bad.good.example"):
        _, reply = shout(t, "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        for part in ("HTTP/1.1 403 Forbidden", "evil.example:80", "no rule allows it",
                     "--allow evil.example:80", "Connection: close"):
            expect_in(part, reply, "the answer")


@CASES.case("403: for programs, as JSON, with the rule")
def _json(t):
    with proxy(t, "--deny", "evil.example", *GOOD):
        _, reply = shout(t, "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n"
                            "Accept: text/html;q=0.1, application/json\r\n\r\n")
        head, _, body = reply.partition("\r\n\r\n")
        expect_in("Content-Type: application/json", head, "the head")
        said = json.loads(body)
        expect_eq(said["status"], 403, "status")
        expect_eq(said["destination"], "evil.example", "destination")
        expect_eq(said["rule"], "command-line:1", "rule")
        expect(said["why"].startswith("denied by command-line:1"), said["why"])


@CASES.case("502: an allowed name that cannot be reached")
def _unreachable(t):
    with proxy(t, "--allow", "refused.example:80,443"):
        _, reply = shout(t, "CONNECT refused.example:443 HTTP/1.1\r\nHost: refused.example\r\n\r\n")
        expect_in("HTTP/1.1 502", reply, "the answer")
        expect_in("Connection refused", reply, "the answer")


for what, path in (("closes", "/silence"), ("resets", "/reset")):
    @CASES.case(f"502: a server that {what} the connection without an answer")
    def _no_answer(t, path=path):
        with proxy(t, *GOOD):
            _, reply = shout(t, f"GET http://good.example{path} HTTP/1.1\r\n"
                                "Host: good.example\r\n\r\n")
            expect_in("HTTP/1.1 502", reply, "the answer")
            expect_in("without an answer", reply, "the answer")


for method, fields, how, port in (
    ("POST", "Content-Length: 0\r\n", "resets", zone.PORT_RESET),
    ("POST", "Content-Length: 0\r\n", "closes", zone.PORT_SOURCE),
    ("HEAD", "", "closes", zone.PORT_SOURCE),
):
    @CASES.case(f"502: a server that {how} the connection without an answer to {method}")
    def _no_answer_form(t, method=method, fields=fields, port=port):
        where = f"good.example:{port}"
        with proxy(t, "--allow", where) as p:
            _, reply = shout(t, f"{method} http://{where}/ HTTP/1.1\r\nHost: {where}\r\n"
                                f"Accept: application/json\r\n{fields}\r\n")
            head, _, body = reply.partition("\r\n\r\n")
            expect_in("HTTP/1.1 502", head, "the answer")
            expect_in("Content-Type: application/json", head, "the head")
            expect_eq(body == "", method == "HEAD", "no body", reply)
            expect("the gate has died" not in p.stop()[1], "the gate has died")


@CASES.case("a HEAD that is refused has no body")
def _head(t):
    with proxy(t, *GOOD):
        _, reply = shout(t, "HEAD http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        expect_in("HTTP/1.1 403", reply, "the answer")
        expect_eq(reply.partition("\r\n\r\n")[2], "", "body")


# --- Messages on their way.
@CASES.case("the server sees a path, its own Host, Via, and nothing about the client's connection")
def _rewritten(t):
    with proxy(t, *GOOD):
        _, reply = shout(t, "GET http://good.example:80/head HTTP/1.1\r\nHost: good.example\r\n"
                            "Proxy-Connection: keep-alive\r\nConnection: keep-alive, X-Secret\r\n"
                            "X-Secret: 1\r\nProxy-Authorization: Basic eDp5\r\nX-Kept: yes\r\n"
                            "TE: trailers\r\nUpgrade: h2c\r\n\r\n", timeout=1)
        seen = reply.partition("\r\n\r\n")[2]
        expect(seen.startswith("GET /head HTTP/1.1\r\n"), seen)
        for part in ("Host: good.example\r\n", "Via: 1.1 sallyport\r\n", "X-Kept: yes\r\n",
                     "Connection: close\r\n"):
            expect_in(part, seen, "what the server saw")
        for part in ("X-Secret", "Proxy-", "keep-alive", "TE:", "Upgrade"):
            expect(part not in seen, f"{part} went out", seen)


@CASES.case("requests of one connection are judged one by one, pipelined or not")
def _keep_alive(t):
    with proxy(t, *GOOD, "--allow", "www.good.example:80") as p:
        marks = t.marks()
        one = "GET http://{0}/ HTTP/1.1\r\nHost: {0}\r\n\r\n"
        end, reply = shout(t, one.format("good.example") + one.format("www.good.example") +
                           one.format("evil.example") + one.format("good.example"))
        expect_eq(reply.count("HTTP/1.1 200"), 2, "answers", reply)
        expect_eq(reply.count("HTTP/1.1 403"), 1, "refusals", reply)
        expect_eq(end, "closed", "the connection, after the refusal")
        seen = [e["host"] for e in t.world.internet.since(marks[1], event="http")]
        expect_eq(seen, ["good.example", "www.good.example"], "requests that arrived")
        expect(not t.asked(marks, name="evil.example"), "the denied name was asked for")
        expect_eq(len(p.events(verdict="deny")), 1, "denials in the log")


@CASES.case("a large upload and a large download keep every byte")
def _bulk(t):
    with proxy(t, *GOOD):
        for url in ("http://good.example", "https://good.example"):
            code = ("head -c 3000000 /dev/urandom > up; sha256sum < up | cut -d' ' -f1; "
                    f"curl -sS --max-time 20 -T up -X POST {url}/sha256; echo; "
                    f"curl -sS --max-time 20 {url}/bytes/3000000 | wc -c")
            result = t.plain(env=variables())(["bash", "-c", code])
            sent, received, size = result.out.split()
            expect_eq(received, sent, "digest", result)
            expect_eq(size, "3000000", "size", result)


@CASES.case("a chunked upload with Expect: 100-continue")
def _chunked(t):
    with proxy(t, *GOOD):
        result = t.plain(env=variables())(
            ["bash", "-c", "head -c 200000 /dev/zero | curl -sS --max-time 9 -T - -H 'Expect: "
             "100-continue' http://good.example/head"])
        expect_in("Transfer-Encoding: chunked", result.out, "what the server saw", result)
        expect_in("Expect: 100-continue", result.out, "what the server saw", result)


@CASES.case("a redirect is handed to the client, never followed")
def _redirect(t):
    with proxy(t, *GOOD):
        marks = t.marks()
        result = t.plain(env=variables())(
            ["curl", "-sS", "-i", "http://good.example/redirect/169.254.169.254"])
        expect_in("302 Found", result.out, "the answer", result)
        followed = t.plain(env=variables())(
            ["curl", "-sSL", "-i", "http://good.example/redirect/169.254.169.254"])
        expect_in("HTTP/1.1 403", followed.out, "the answer to the second request", followed)
        leaks = t.leaks(marks, UPSTREAM + [("tcp", a, 80) for a in zone.both(10)])
        expect(not leaks, f"packets left: {leaks}")


# --- How it starts and ends.
@CASES.case("a health check proves both halves")
def _health(t):
    def check(passes, denied):
        return t.plain()([t.world.program, "healthcheck", "--proxy", f"127.0.0.1:{PORT}",
                          "--passes", passes, "--denied", denied, "--timeout", "3s"])
    with proxy(t, *GOOD):
        expect_eq(check("good.example", "evil.example").status, 0, "healthy")
        for passes, denied in (("evil.example", "evil.example"), ("good.example", "good.example")):
            expect_eq(check(passes, denied).status, 1, f"{passes} passes, {denied} does not")
    expect_eq(check("good.example", "evil.example").status, 1, "without a proxy")


@CASES.case("SIGTERM: a report, and status 0")
def _report(t):
    with proxy(t, *GOOD) as p:
        stopped(t, curl("https://evil.example/{tok}"))
        status, said = p.stop()
        expect_eq(status, 0, "status", said)
        expect_in("denied 1 attempt to reach 1 destination", said, "the report")
        expect_in("to allow it: --allow evil.example", said, "the report")


@CASES.case("the gate has nothing: no capability, no file, no privilege to gain")
def _confined(t):
    with proxy(t, *GOOD, root=True) as p:
        with open(f"/proc/{p.gate()}/status") as f:
            status = dict(line.split(":\t", 1) for line in f.read().splitlines())
        for field in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            expect_eq(int(status[field], 16), 0, field)
        expect_eq(status["NoNewPrivs"], "1", "no_new_privs")
        expect_eq(status["Seccomp"], "2", "seccomp")
        expect(t.world.is_root() is False or status["Uid"].split()[1] == "65534",
               f"it is uid {status['Uid']}")


@CASES.case("audit: everything passes, and the policy it needs is printed")
def _audit(t):
    with proxy(t, "--audit", "--allow", "good.example") as p:
        through(t, curl("https://evil.example/{tok}"), "site=evil.example")
        through(t, curl("https://good.example/{tok}"), "site=good.example")
        status, said = p.stop()
        for name in ("evil.example", "good.example"):
            expect_in(f'- "{name}"', said, "the policy")


for what, flags, message in (
    ("no listener", [], "expected --listen"),
    ("a place that is none", ["--listen", "localhost:8888"], "expected ADDRESS:PORT"),
    ("a policy with an error", ["--listen", f"127.0.0.1:{PORT}", "--policy", "broken.yaml"],
     "broken.yaml:1:1"),
    ("an address that is not ours", ["--listen", "203.0.113.1:8888"], "Cannot assign"),
    ("a directory for a socket", ["--listen", f"127.0.0.1:{PORT}", "--control", "."],
     "is no socket"),
    ("--use without a policy", ["--listen", f"127.0.0.1:{PORT}", "--use", "x"], "--use"),
    ("a users file that is not there", ["--listen", f"127.0.0.1:{PORT}", "--users", "nobody"],
     "nobody"),
):
    @CASES.case(f"refuses to start: {what}")
    def _start(t, flags=flags, message=message):
        write(t, "broken.yaml", "nonsense: 1\n")
        result = t.plain()([t.world.program, "proxy", *flags])
        expect(result.status in (2, 125), f"status {result.status}", result)
        expect_in(message, result.err, "stderr", result)
