# SPDX-License-Identifier: GPL-2.0-or-later
"""More than one jail, and other users."""

import time

from lib import zone
from lib.case import Cases, arrives, expect, expect_eq, expect_in
from lib.commands import curl, probe

CASES = Cases()


@CASES.case("two jails at a time have their own policies")
def _parallel(t):
    script = "for i in 1 2 3 4 5; do curl -sS --max-time 3 https://$0.example/ || echo no $0; done"
    jails = [t.popen(t.words(["--allow", f"{mine}.example"],
                             ["bash", "-c", f"for n in {mine} {other}; do " + script.replace(
                                 "$0", "$n") + "; done"]), text=True)
             for mine, other in (("good", "v4"), ("v4", "good"))]
    outs = [jail.communicate(timeout=20)[0] for jail in jails]
    for out, mine, other in zip(outs, ("good", "v4"), ("v4", "good")):
        expect_eq(out.count(f"site={mine}.example"), 5, f"pages of {mine}", out)
        expect_eq(out.count(f"no {other}"), 5, f"denials of {other}", out)


@CASES.case("twenty jails at a time")
def _twenty(t):
    jails = [t.popen(t.words(["--allow", "good.example"], curl("https://good.example/")), text=True)
             for _ in range(20)]
    outs = [jail.communicate(timeout=30) for jail in jails]
    expect_eq(sum("site=good.example" in out for out, _ in outs), 20, "pages", outs[:2])


@CASES.case("the same again and again")
def _again(t):
    start = time.monotonic()
    for _ in range(10):
        arrives(t, t.jail("--allow", "good.example:80"), curl("http://good.example/{tok}"))
    expect(time.monotonic() - start < 10, "slow")


@CASES.case("a jail in a jail")
def _nested(t):
    """The inner one can only take away."""
    inner = [t.world.program, "run", "-q", "--allow", "any:*", "--dns", zone.DNS4, "--"]
    result = t.jail("--allow", "good.example:80")([*inner, *curl("http://evil.example/")])
    expect(result.status != 0, "evil was reached", result)


CASES.reach("as real root", ["--allow", "good.example"], curl("https://good.example/{tok}"),
            "site=",
            root=True)
CASES.reach("as real root, UDP", ["--allow", "udp/ntp.example:123"],
            probe("udp", "ntp.example", 123, "{tok}"), "echo", root=True)
CASES.deny("as real root, a denied name", ["--allow", "good.example"],
           curl("https://evil.example/{tok}"),
           root=True)
CASES.deny("as real root, a denied address", ["--allow", "good.example"],
           probe("tcp", zone.v4(66), 999, "{tok}"), root=True)


@CASES.case("from a directory that is gone: said, not run somewhere else")
def _no_directory(t):
    result = t.run(t.enter() + ["bash", "-c", "mkdir gone; cd gone; rmdir ../gone; "
                                f"{t.world.program} run -- pwd; echo status $?"])
    expect_in("status 125", result.out, "output", result)
    expect_in("directory", result.err, "the message", result)


@CASES.case("no policy: everything is denied, and that is said")
def _nothing(t):
    result = t.jail()(["true"])
    expect_eq(result.status, 0, "exit status", result)
    expect_in("denied", result.err, "what the user is told", result)


@CASES.case("sysctl and mounts of the machine are as before")
def _untouched(t):
    def state():
        return (t.run(t.enter(root=True) + ["nft", "list", "ruleset"]).out,
                t.run(t.enter(root=True) + ["ip", "rule"]).out,
                t.run(t.enter(root=True) + ["ip", "route"]).out,
                t.run(t.enter(root=True) + ["ip", "-br", "link"]).out,
                open("/proc/self/mountinfo").read())
    before = state()
    t.jail("--allow", "good.example", root=True)(["true"])
    expect_eq(state(), before, "the host's network and mounts")
