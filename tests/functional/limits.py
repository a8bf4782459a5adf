# SPDX-License-Identifier: GPL-2.0-or-later
"""What `limits:` of a policy keeps: rate and quota over all of a jail's connections."""

from lib.case import Cases, expect, expect_in

CASES = Cases()

FILE = """
version: 1
policies:
  slow:
    rules: [{allow: ["good.example:80,443"]}]
    limits: {rate: 8mbit}
  small:
    rules: [{allow: ["good.example:80,443"]}]
    limits: {quota: 1MB/hour}
"""


def use(t, policy):
    path = f"{t.world.work}/limits.yaml"
    with open(path, "w") as f:
        f.write(FILE)
    return t.jail("--policy", path, "--use", policy)


def download(size):
    """A shell command that prints how much arrived in how many seconds."""
    return (f"curl -sS -o /dev/null -w '%{{size_download}} %{{time_total}}\\n' "
            f"https://good.example/bytes/{size}")


def sizes(text):
    return [int(line.split()[0]) for line in text.splitlines()]


@CASES.case("rate: 2 MB at 8 Mbit/s take no less than two seconds, less the burst")
def _rate(t):
    result = use(t, "slow")(["bash", "-c", download(2_000_000)])
    size, seconds = result.out.split()
    expect(int(size) == 2_000_000, f"{size} bytes arrived", result)
    expect(float(seconds) > 1.5, f"it took {seconds} s", result)


@CASES.case("rate: two downloads share it")
def _share(t):
    one = download(1_000_000)
    result = use(t, "slow")(["bash", "-c", f"{one} & {one} & wait"])
    expect(sizes(result.out) == [1_000_000] * 2, "bytes are missing", result)
    expect(max(float(line.split()[1]) for line in result.out.splitlines()) > 1.5,
           "both were as fast as one", result)


@CASES.case("quota: a download over it ends, and the next connection is told why")
def _quota(t):
    command = f"{download(3_000_000)}; curl -sS http://good.example/"
    result = use(t, "small")(["bash", "-c", command])
    expect(900_000 <= sizes(result.out.splitlines()[0])[0] <= 1_000_000, "bytes of the first",
           result)
    expect_in("quota of the policy's limits is used up", result.out, "the second one's 403", result)
