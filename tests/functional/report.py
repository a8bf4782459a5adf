# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user is told: the closing report, the log of events, and the policy of an audit."""

import datetime
import json
import re

from lib import zone
from lib.case import Cases, arrives, expect, expect_eq, expect_in
from lib.commands import curl, dig, probe, python, shell, tls

CASES = Cases()

GOOD = ["--allow", "good.example"]
GOOD80 = [*GOOD, "--allow", "good.example:80"]

# (what, command, the flag that would allow it)
FLAGS = (
    ("https by name", curl("https://evil.example/"), "evil.example"),
    ("http by name", curl("http://ssh.example/"), "ssh.example"),
    ("a port of an allowed name", probe("tcp", "good.example", 22, "x"), "good.example:22"),
    ("http of a name allowed for https", curl("http://v4.example/"), "v4.example:80"),
    ("an address", probe("tcp", zone.v4(66), 5432, "x"), f"{zone.v4(66)}:5432"),
    ("an IPv6 address", probe("tcp", zone.v6(66), 5432, "x"), f"[{zone.v6(66)}]:5432"),
    ("https of an address", curl(f"https://{zone.v4(66)}/", "-k"), f"{zone.v4(66)}:443"),
    ("UDP to an address", probe("udp", zone.v4(66), 999, "x"), f"udp/{zone.v4(66)}:999"),
    ("UDP to a port of an allowed name", probe("udp", "good.example", 123, "x"),
     "udp/good.example:123"),
)


def report(result):
    """The lines of the block that tell what was denied."""
    return [line for line in result.err.splitlines() if "--allow" in line]


@CASES.case("the flag for the host's loopback is not one for a name")
def _host_flag(t):
    result = t.jail(*GOOD)(probe("tcp", "host.sallyport.internal", 5432, "x"))
    expect_in("--allow host:", result.err, "the report", result)


for what, command, flag in FLAGS:
    @CASES.case(f"the exact flag for {what}")
    def _flag(t, command=command, flag=flag):
        result = t.jail(*GOOD, "--allow", "v4.example")(command)
        flags = [w.strip("'\"") for line in report(result)
                 for w in re.findall(r"--allow[= ](\S+)", line)]
        expect(flag in flags or (flag + ":80") in flags, f"no --allow {flag}", result)


for what, command, flag in FLAGS[2:9]:
    @CASES.case(f"the flag in the report allows {what} when given")
    def _works(t, command=command, flag=flag):
        result = t.jail(*GOOD, "--allow", "v4.example", "--allow", flag)(command)
        expect(not [line for line in report(result) if flag in line], "it is still denied", result)


@CASES.case("how often")
def _count(t):
    result = t.jail(*GOOD)(shell(
        "for i in 1 2 3 4 5 6 7; do curl -s -k https://203.0.113.66/; done; true"))
    lines = [line for line in report(result) if zone.v4(66) in line]
    expect_eq(len(lines), 1, "lines for one destination", result)
    expect(re.search(rf"^\s*7 x  {zone.v4(66)}:443", result.err, re.M), "no count of 7", result)


@CASES.case("one block: a line for each destination, on stderr, at the end")
def _block(t):
    result = t.jail(*GOOD)(shell("curl -s https://evil.example/; curl -s https://v4.example; "
                                 "curl -s http://203.0.113.66:8080/; echo last words >&2; true"))
    expect_eq(result.out, "", "stdout", result)
    expect_eq(len(report(result)), 3, "lines", result)
    said, _, block = result.err.partition("last words\n")
    expect(not report(type(result)([], 0, "", said, 0)), "lines before the end", result)
    expect(len(block.strip().splitlines()) <= 1 + 2 * 3, "not a short block", result)


@CASES.case("nothing denied, nothing said")
def _silence(t):
    result = t.jail(*GOOD)(curl("https://good.example/"))
    expect_eq(result.err, "", "stderr", result)


@CASES.case("a program cannot write to the user's terminal through a name")
def _escapes(t):
    """Control bytes of denied names are not printed as they are."""
    result = t.jail(*GOOD)(dig(r"\027[31mred\010x.evil.example"))
    expect("\x1b" not in result.err, "an escape sequence got through", result)


@CASES.case("three hundred denied destinations do not flood the terminal")
def _flood(t):
    code = ("import socket\nfor i in range(300):\n  try: socket.create_connection(('203.0.113.66', "
            "1000 + i), 1)\n  except OSError: pass")
    result = t.jail(*GOOD)(python(code))
    n = len(result.err.splitlines())
    expect(0 < n <= 60, f"{n} lines", result)
    expect(re.search(r"\d+ (more|other)", result.err), "the rest is not counted", result)


# --- A refusal in the client's own protocol.
@CASES.case("http denial: a 403 that names destination, rule and flag")
def _forbidden(t):
    result = t.jail("--allow", "good.example")(["curl", "-sS", "-i", f"http://{zone.v4(66)}/"])
    expect_in("HTTP/1.1 403", result.out, "status", result)
    body = result.out.partition("\n\n")[2]
    expect_in(zone.v4(66), body, "the body", result)
    expect_in(f"--allow {zone.v4(66)}:80", body, "the body", result)


@CASES.case("http denial by a rule names the rule")
def _forbidden_rule(t):
    result = t.jail("--deny", zone.v4(66), "--allow", "any:80")(
        ["curl", "-sS", "-i", f"http://{zone.v4(66)}/"])
    body = result.out.partition("\n\n")[2]
    expect_in("command-line:1", body, "the body", result)


@CASES.case("http denial of another Host names both")
def _forbidden_host(t):
    result = t.jail(*GOOD80)(["curl", "-sS", "-i", "-H", "Host: evil.example",
                              "http://good.example/"])
    expect_in("HTTP/1.1 403", result.out, "status", result)
    expect_in("evil.example", result.out.partition("\n\n")[2], "the body", result)


@CASES.case("a body that repeats what the client sent is plain text")
def _no_script(t):
    result = t.jail(*GOOD80)(["curl", "-sS", "-i", "-H", "Host: <script>alert(1)</script>",
                            "http://good.example/"])
    expect("<script>" not in result.out or "text/plain" in result.out, "HTML", result)


@CASES.case("TLS denial: an alert")
def _alert(t):
    result = t.jail(*GOOD)(tls("good.example", "evil.example"))
    expect_in("ALERT", result.out.upper(), "what the client was told", result)


# --- The log.
FIELDS = {"time", "kind", "verdict", "subject", "policy", "rule", "layer", "proto", "dst", "port",
          "name", "reason", "pid", "comm", "count"}
LAYERS = {"dns", "proxy", "nft"}
VERDICTS = {"allow", "deny", "audit", "error"}


def events_of(t, flags, command, **options):
    result = t.jail(*flags, **options)(command)
    expect(result.events, "no event", result)
    return result.events


@CASES.case("every event has the fields of the schema")
def _schema(t):
    script = ("curl -s https://good.example/; curl -s https://evil.example/; "
              "curl -s http://203.0.113.66:99/; curl -s http://203.0.113.66/; dig good.example MX; "
              "echo x >/dev/udp/203.0.113.66/999; true")
    for event in events_of(t, GOOD, shell(script)):
        missing = FIELDS - {"comm"} - set(event)
        expect(not missing, f"missing {missing}", event)
        expect_in(event["layer"], LAYERS, "layer", event)
        expect_in(event["verdict"], VERDICTS, "verdict", event)
        expect(isinstance(event["count"], int) and event["count"] >= 1, "count", event)
        when = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
        age = datetime.datetime.now(datetime.timezone.utc) - when
        expect(abs(age.total_seconds()) < 60, f"time is {age} ago", event)


for what, command, wanted in (
    ("an allowed connection", curl("https://good.example/"),
     {"verdict": "allow", "layer": "proxy", "name": "good.example", "port": 443, "proto": "tcp",
      "rule": "command-line:1"}),
    ("a denied name", dig("evil.example"),
     {"verdict": "deny", "layer": "dns", "name": "evil.example", "rule": None}),
    ("a denied address", probe("tcp", zone.v4(66), 99, "x"),
     {"verdict": "deny", "layer": "nft", "dst": zone.v4(66), "port": 99, "proto": "tcp"}),
    ("a denied IPv6 address", probe("tcp", zone.v6(66), 99, "x"),
     {"verdict": "deny", "layer": "nft", "dst": zone.v6(66), "port": 99, "proto": "tcp"}),
    ("a denied datagram", probe("udp", zone.v4(66), 99, "x"),
     {"verdict": "deny", "layer": "nft", "dst": zone.v4(66), "port": 99, "proto": "udp"}),
    ("a denied http request to an address", curl(f"http://{zone.v4(66)}/"),
     {"verdict": "deny", "layer": "proxy", "dst": zone.v4(66), "port": 80}),
    ("a denied SNI", tls("good.example", "evil.example"),
     {"verdict": "deny", "layer": "proxy", "name": "good.example", "port": 443}),
):
    @CASES.case(f"the event of {what}")
    def _event(t, command=command, wanted=wanted):
        events = events_of(t, GOOD, command)
        expect(any(all(e.get(k) == v for k, v in wanted.items()) for e in events),
               f"no event with {wanted}", *events)


@CASES.case("a denial by a rule carries its policy and place")
def _rule(t):
    path = f"{t.world.work}/rules.yaml"
    with open(path, "w") as f:
        f.write("version: 1\npolicies:\n  agent:\n    rules:\n      - allow: [good.example]\n"
                "      - deny: [evil.example]\n")
    events = events_of(t, ["--policy", path], dig("evil.example"))
    expect(any(e["rule"] == "agent:2" and e["policy"] == "agent" for e in events), "no agent:2",
           *events)


@CASES.case("bytes that the program chose are escaped in the log")
def _log_escapes(t):
    log = f"{t.world.work}/raw.log"
    t.run(t.words([*GOOD, "--log", log], shell(r"dig +tries=1 +time=2 'a\010b\027c.evil.example'")))
    raw = open(log, "rb").read()
    expect(not re.search(rb"[\x00-\x09\x0b-\x1f\x7f-\xff]", raw), "raw bytes in the log", raw[:500])
    for line in raw.splitlines():
        json.loads(line)


@CASES.case("--log - writes to stderr")
def _log_stderr(t):
    result = t.run(t.words([*GOOD, "-q", "--log", "-"], dig("evil.example")))
    lines = [json.loads(line) for line in result.err.splitlines()]
    expect(any(e["name"] == "evil.example" for e in lines), "no event", result)


@CASES.case("--log to a place that cannot be written")
def _log_fails(t):
    result = t.run(t.words(["--log", "/nonexistent/log"], ["true"]))
    expect_in(result.status, (2, 125), "exit status", result)
    expect_in("/nonexistent/log", result.err, "the message")


@CASES.case("a flood of denials is counted, and the log stays short")
def _log_flood(t):
    code = ("import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "for i in range(20000):\n  try: s.sendto(b'x', ('203.0.113.66', 999))\n"
            "  except OSError: pass")
    events = events_of(t, GOOD, python(code))
    total = sum(e["count"] for e in events if e["port"] == 999)
    expect(total > 0, "nothing was counted", *events[:3])
    expect(len(events) <= 20000, f"{len(events)} events")


@CASES.case("the log cannot be reached from the jail unless its file can")
def _log_fd(t):
    result = t.jail(*GOOD)(shell("ls -l /proc/self/fd | grep -c events-"))
    expect_eq(result.out.strip(), "0", "descriptors of the log", result)


# --- Audit.
AUDITED = ("curl -s -m4 https://good.example/{tok} https://evil.example/ http://v4.example/; "
           "echo x | nc -N -w2 db.example 5432; curl -s -m4 http://203.0.113.66:8080/; "
           "exec 3<>/dev/udp/ntp.example/123; echo y >&3; head -c 6 <&3")


def audit(t):
    return arrives(t, t.jail("--audit"), shell(AUDITED), "site=evil.example")


def paste(t, result):
    """The policy that was printed, in a file."""
    lines = result.err.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("version:"))
    path = f"{t.world.work}/pasted.yaml"
    with open(path, "w") as f:
        f.write("\n".join(lines[start:]) + "\n")
    return path


@CASES.case("--audit lets everything pass and says what a policy would need")
def _audit(t):
    result = audit(t)
    for dest in ("good.example", "evil.example", "v4.example:80", "db.example:5432",
                 f"{zone.v4(66)}:8080", "udp/ntp.example:123"):
        expect_in(dest, result.err, "the policy", result)


@CASES.case("the policy of an audit allows the same run, and nothing is denied")
def _feed_back(t):
    path = paste(t, audit(t))
    result = arrives(t, t.jail("--policy", path), shell(AUDITED), "site=evil.example")
    denied = [e for e in result.events if e["verdict"] == "deny"]
    expect(not denied, f"denied: {denied}", result, open(path).read())
    expect("denied" not in result.err, "the closing report", result)


@CASES.case("the policy of an audit allows nothing else")
def _smallest(t):
    path = paste(t, audit(t))
    for command in (curl("https://v4.example/"), curl("https://ssh.example/"),
                    probe("tcp", zone.v4(66), 81, "x"), probe("udp", "ntp.example", 124, "x")):
        expect(t.jail("--policy", path)(command).status != 0, f"{command} worked")


@CASES.case("--audit with rules names only what they lack")
def _audit_rest(t):
    result = t.jail("--audit", *GOOD)(shell("curl -s https://good.example/; "
                                            "curl -s https://v4.example/"))
    policy = open(paste(t, result)).read()
    expect_in("v4.example", policy, "the policy", result)


@CASES.case("the events of an audit say so")
def _audit_events(t):
    events = events_of(t, ["--audit"], curl("https://evil.example/"))
    expect(any(e["verdict"] == "audit" for e in events), "no audit event", *events)
    expect(not any(e["verdict"] == "deny" for e in events), "denied in an audit", *events)


@CASES.case("--audit still keeps the host's loopback and sockets out of reach")
def _audit_limits(t):
    tok, marks = t.token(), t.marks()
    t.jail("--audit")(probe("tcp", "127.0.0.1", zone.PORT_LOOPBACK, tok))
    expect(not t.seen(marks, tok), "the host's loopback was reached")


@CASES.case("--audit of a name with a private address: the policy it prints allows the same run")
def _audit_private(t):
    command = probe("tcp", "private.example", 7007, "hello")
    policy = t.jail("--audit")(command).err
    expect_in('"private.example:7007"', policy, "the name")
    expect_in('"10.99.0.1:7007"', policy, "the range that the name leads into")
