# SPDX-License-Identifier: GPL-2.0-or-later
"""
Images for containers, without a registry: one for this machine's own clients, one of the gate.

The clients are the very programs that this machine has: a container gets /usr as it is, read only,
which takes no time.
"""

import io
import os
import shutil
import subprocess
import tarfile

from .engine import PATH
from .world import ROOT

AGENT, GATE, BOX = "sallyport-test-agent", "sallyport-test-gate", "sallyport-test-box"
FIRST = "sallyport-test-first"
CA = "/etc/ssl/certs/ca-certificates.crt"

VOLUMES = ("/usr:/usr:ro",)  # of every container of AGENT
REQUIRED = ("busybox", "curl", "wget", "git", "openssl", "python3", "node", "setpriv")
PIP = "/usr/lib/python3/dist-packages/pip"
OPENSSL = "/etc/ssl/openssl.cnf"
APPLETS = ("ping", "nslookup")  # of busybox, wherever a machine has another one
TOP_LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
ETC = {"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000::/tmp:/bin/sh\n",
       "/etc/group": "root:x:0:\nagent:x:1000:\n"}
ENVIRONMENT = {"PATH": "/applets:/usr/sbin:/usr/bin:/usr/local/bin", "HOME": "/root",
               "LANG": "C.UTF-8", "SSL_CERT_FILE": CA, "NODE_EXTRA_CA_CERTS": CA}


def which(name):
    return shutil.which(name, path=f"{PATH}:/usr/local/bin")


def missing():
    """What a container would not find below /usr."""
    return [name for name in REQUIRED
            if not os.path.realpath(which(name) or "").startswith("/usr/")]


def has(name):
    return os.path.isdir(PIP) if name == "pip" else which(name) is not None


class _Tree:
    """A tar archive to be imported."""

    def __init__(self):
        self.file = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.file, mode="w")
        for name, target in TOP_LINKS.items():
            self.link(name, target)
        self.directory("tmp", 0o1777)

    def link(self, name, target):
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(entry)

    def text(self, path, content):
        entry = tarfile.TarInfo(path.lstrip("/"))
        data = content.encode()
        entry.size, entry.mode = len(data), 0o644
        self.tar.addfile(entry, io.BytesIO(data))

    def copy(self, path):
        with open(path) as f:
            self.text(path, f.read())

    def directory(self, name, mode):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self.tar.addfile(entry)

    def content(self):
        self.tar.close()
        return self.file.getvalue()


def agent(engine):
    """The certificate authority of this run where all clients look for one; they come with VOLUMES."""
    tree = _Tree()
    tree.directory("usr", 0o755)
    tree.directory("root", 0o700)
    for path, content in ETC.items():
        tree.text(path, content)
    if os.path.exists(OPENSSL):
        tree.copy(OPENSSL)
    with open(engine.world.ca) as f:
        tree.text(CA, f.read())
    for name in APPLETS:
        tree.link(f"applets/{name}", which("busybox"))
    changes = [f"--change=ENV {name}={value}" for name, value in ENVIRONMENT.items()]
    engine.docker("import", *changes, "-", AGENT, input=tree.content())


def box(engine):
    """Nothing but busybox, under all of its names."""
    tree = _Tree()
    busybox = which("busybox")
    tree.tar.add(os.path.realpath(busybox), "usr/bin/busybox")
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    for name in applets.stdout.split():
        if name != "busybox":
            tree.link(f"usr/bin/{name}", "busybox")
    engine.docker("import", "-", BOX, input=tree.content())


def gate(engine):
    """As deploy/Containerfile makes it, of the program that is to be tested."""
    root = f"{engine.world.tmp}/gate"
    subprocess.run([f"{ROOT}/deploy/rootfs.sh", root, engine.world.program], check=True, timeout=60)
    archive = subprocess.run(["tar", "-C", root, "-c", "."], check=True, capture_output=True)
    engine.docker("import", "--change=USER 65532:65532",
                  '--change=ENTRYPOINT ["/usr/bin/sallyport"]', "-", GATE, input=archive.stdout)
    shutil.rmtree(root)


def first(engine):
    """One program without libraries that sends: nothing else is between the start and its packets."""
    root = f"{engine.world.tmp}/first"
    os.makedirs(root)
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-static", "-D_GNU_SOURCE", "-o",
                    f"{root}/first", f"{ROOT}/tests/docker/first.c"], check=True, timeout=60)
    archive = subprocess.run(["tar", "-C", root, "-c", "."], check=True, capture_output=True)
    engine.docker("import", '--change=ENTRYPOINT ["/first"]', "-", FIRST, input=archive.stdout)
    shutil.rmtree(root)
