# SPDX-License-Identifier: GPL-2.0-or-later
"""
Images for containers, without a registry: one of this machine's own clients, one of the gate.

The clients are the very programs that this machine has, with the libraries that ldd lists.
"""

import glob
import io
import os
import re
import shutil
import subprocess
import tarfile

from .engine import PATH
from .world import ROOT

AGENT, GATE, BOX = "sallyport-test-agent", "sallyport-test-gate", "sallyport-test-box"
FIRST = "sallyport-test-first"
CA = "/etc/ssl/certs/ca-certificates.crt"

REQUIRED = ("busybox", "curl", "wget", "git", "openssl", "python3", "node")
OPTIONAL = ("npm",)
NEEDED_BY_GIT = ("/usr/lib/git-core/git-remote-http", "/usr/lib/git-core/git-remote-https")
TREES = (
    "/usr/lib/python3/dist-packages/pip",
    "/usr/lib/node_modules/npm", "/usr/share/nodejs", "/usr/share/npm",  # upstream's; Debian's
)
FILES = ("/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf")
UNUSED = re.compile(r"/(__pycache__|test|tests|config-[^/]*|idlelib|tkinter|lib2to3|ensurepip|"
                    r"docs|man)(/|$)")
TOP_LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
ETC = {"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000::/tmp:/bin/sh\n",
       "/etc/group": "root:x:0:\nagent:x:1000:\n"}
LIBRARY = re.compile(r"^[^/]*(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)


def which(name):
    return shutil.which(name, path=f"{PATH}:/usr/local/bin")


def missing():
    return [name for name in REQUIRED if not which(name)]


def has(name):
    if name == "pip":
        return os.path.isdir(TREES[0])
    return which(name) is not None


def _libraries(files):
    """What these programs and modules are linked with."""
    found = subprocess.run(["ldd", *files], capture_output=True, text=True, timeout=60)
    return set(LIBRARY.findall(found.stdout))


def _library_of_python():
    ask = [which("python3"), "-ISc", "import os; print(os.path.dirname(os.__file__))"]
    return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()


class _Tree:
    """A tar archive of this machine's files at their own places, each once and no link."""

    def __init__(self, file):
        self.tar = tarfile.open(fileobj=file, mode="w|", dereference=True)
        self.names = set()
        for name, target in TOP_LINKS.items():
            self.link(name, target)

    def link(self, name, target):
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self.names.add(name)
        self.tar.addfile(entry)

    def _place(self, path):
        """Where /bin is usr/bin, two names may mean one file."""
        top, _, rest = path.lstrip("/").partition("/")
        return f"{TOP_LINKS.get(top, top)}/{rest}"

    def add(self, path):
        place = self._place(path)
        if place not in self.names and os.path.isfile(path):
            self.names.add(place)
            self.tar.add(path, place, recursive=False)

    def add_tree(self, top):
        for directory, _, files in os.walk(top):
            for name in files:
                path = f"{directory}/{name}"
                if not UNUSED.search(path):
                    self.add(path)

    def text(self, path, content):
        entry = tarfile.TarInfo(path.lstrip("/"))
        data = content.encode()
        entry.size, entry.mode = len(data), 0o644
        self.names.add(entry.name)
        self.tar.addfile(entry, io.BytesIO(data))

    def add_applets(self):
        """busybox under all of its names that are not taken."""
        busybox = which("busybox")
        self.add(busybox)
        applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
        for name in applets.stdout.split():
            if f"usr/bin/{name}" not in self.names:
                self.link(f"usr/bin/{name}", "busybox")

    def directory(self, name, mode):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self.tar.addfile(entry)


def _write_agent(file, ca):
    tree = _Tree(file)
    programs = [which(name) for name in REQUIRED]
    python = _library_of_python()
    modules = glob.glob(f"{python}/lib-dynload/*.so")
    for path in (*programs, *NEEDED_BY_GIT, *FILES):
        tree.add(path)
    for path in sorted(_libraries([*programs, *NEEDED_BY_GIT, *modules])):
        tree.add(path)
    for path in (python, *TREES):
        tree.add_tree(path)
    npm = which("npm")
    if npm:
        tree.link(npm.lstrip("/"), os.path.realpath(npm))
    tree.add_applets()
    for path, content in ETC.items():
        tree.text(path, content)
    with open(ca) as f:
        tree.text(CA, f.read())
    tree.directory("tmp", 0o1777)
    tree.directory("root", 0o700)
    tree.tar.close()


def agent(engine):
    """Every client, and the certificate authority of this run where all of them look for one."""
    path = f"{engine.world.tmp}/agent.tar"
    with open(path, "wb") as f:
        _write_agent(f, engine.world.ca)
    environment = {"PATH": "/usr/sbin:/usr/bin:/usr/local/bin", "HOME": "/root", "LANG": "C.UTF-8",
                   "SSL_CERT_FILE": CA, "NODE_EXTRA_CA_CERTS": CA}
    changes = [f"--change=ENV {name}={value}" for name, value in environment.items()]
    engine.docker("import", *changes, path, AGENT)
    os.unlink(path)


def box(engine):
    """Nothing but busybox: made in no time."""
    with io.BytesIO() as file:
        tree = _Tree(file)
        tree.add_applets()
        tree.directory("tmp", 0o1777)
        tree.tar.close()
        engine.docker("import", "-", BOX, input=file.getvalue())


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
