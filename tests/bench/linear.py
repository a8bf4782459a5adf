# SPDX-License-Identifier: GPL-2.0-or-later
"""
The same rules three times: as Dockside's two files, as a policy, and as the text for iptables-restore and
ipset that a program writes which has one line for each rule.
"""

import json

BRIDGE = "brbench"
SANDBOX_NET, SANDBOX, GATEWAY = "10.77.1.0/24", "10.77.1.2", "10.77.1.1"


def pair(i):
    """The address and port of rule i: no two are the same up to 10,000."""
    return f"203.0.113.{1 + i % 250}", 10000 + i // 250


def members(s, n):
    """The addresses of set s."""
    return [f"10.77.{s * 8 + i // 250}.{1 + i % 250}" for i in range(n)]


class Dockside:
    """networks x rules, and sets of addresses that the first networks have a rule for."""

    def __init__(self, networks, rules, sets, addresses):
        self.networks = [f"bench-{i:02}" for i in range(networks)]
        self.rules, self.sets, self.addresses = rules, sets, addresses

    def network_config(self):
        return json.dumps({"networks": [{"name": name, "subnet": f"10.77.{100 + i}.0/24"}
                                        for i, name in enumerate(self.networks)]})

    def firewall_config(self, moved=0):
        """moved: how far the port of one rule is from where it was."""
        def egress(i):
            rules = [{"proto": "tcp", "ports": [port], "to": "ip", "ip": address}
                     for address, port in map(pair, range(self.rules))]
            if i == 0:
                rules[0]["ports"] = [20000 + moved]
            if i < self.sets:
                rules.append({"proto": "tcp", "ports": [443], "to": "ipset", "ipset": f"set-{i}"})
            return [*rules, {"action": "drop", "to": "all"}]
        return json.dumps({
            "ipsets": {f"set-{s}": {"hostnames": members(s, self.addresses), "max_entries": 4096}
                       for s in range(self.sets)},
            "networks": {name: {"egress": egress(i)} for i, name in enumerate(self.networks)}})

    def ipset_text(self):
        lines = []
        for s in range(self.sets):
            lines.append(f"create bench-{s} hash:ip -exist")
            lines += [f"add bench-{s} {address} -exist" for address in members(s, self.addresses)]
        return "\n".join(lines) + "\n"

    def iptables_text(self):
        heads, rules = ["*filter", ":BENCH - [0:0]"], ["-A FORWARD -j BENCH"]
        for i, name in enumerate(self.networks):
            heads.append(f":{name} - [0:0]")
            rules.append(f"-A BENCH -i {name} ! -o {name} -j {name}")
            rules += chain(name, self.rules)
            if i < self.sets:
                rules.append(f"-A {name} -m conntrack --ctstate NEW -p tcp -m set --match-set bench-{i} "
                             "dst -m multiport --dports 443 -j RETURN")
            rules += end(name)
        return "\n".join([*heads, *rules, "COMMIT", ""])


def chain(name, n):
    """One line a rule."""
    return [f"-A {name} -m conntrack --ctstate NEW -p tcp -d {address} -m multiport --dports {port} "
            "-j RETURN" for address, port in map(pair, range(n))]


def end(name):
    return [f"-A {name} -m conntrack --ctstate NEW -p tcp -j REJECT --reject-with tcp-reset",
            f"-A {name} -m conntrack --ctstate NEW -j DROP"]


def chain_text(n, address, port):
    """A chain of n rules for the sandbox, the last of which allows what is measured."""
    last = (f"-A BENCH -m conntrack --ctstate NEW -p tcp -d {address} -m multiport --dports {port} "
            "-j RETURN")
    return "\n".join(["*filter", ":BENCH - [0:0]", f"-A FORWARD -i {BRIDGE} ! -o {BRIDGE} -j BENCH",
                      *chain("BENCH", n - 1), last, *end("BENCH"), "COMMIT", ""])


def policy(n, address, port):
    """The same as a policy."""
    rules = [f'      - allow: ["{a}:{p}"]' for a, p in [*map(pair, range(n - 1)), (address, port)]]
    return "\n".join(["version: 1", "policies:", "  bench:", "    rules:", *rules, "subjects:",
                      "  - network: bench", f"    bridge: {BRIDGE}", f"    subnet: {SANDBOX_NET}",
                      "    policy: bench", "    create: no", ""])


def names_policy(networks, names):
    """Each network has as many names of its own."""
    lines = ["version: 1", "policies:"]
    for i in range(networks):
        lines += [f"  p{i}:", "    rules:"]
        lines += [f"      - allow: [n{i}-{j}.bench.example]" for j in range(names)]
    lines.append("subjects:")
    for i in range(networks):
        lines += [f"  - network: bench-{i:02}", f"    policy: p{i}", "    create: no"]
    return "\n".join([*lines, ""])
