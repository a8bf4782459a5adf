# SPDX-License-Identifier: GPL-2.0-or-later
"""
What git, npm and pip find on the internet: one repository and one package, as files of the web
server, below a directory that is called as the token of whoever asks.
"""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import zipfile

PACKAGE = "saltwater"
VERSION = "1.0.0"


def _git(*words, cwd):
    env = {"PATH": os.environ["PATH"], "HOME": cwd, "GIT_CONFIG_NOSYSTEM": "1",
           "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@good.example",
           "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@good.example"}
    subprocess.run(["git", *words], cwd=cwd, env=env, check=True, capture_output=True, timeout=20)


def _repository(top):
    """Bare, for the plain ("dumb") protocol, which any web server serves."""
    path = f"{top}/repo.git"
    os.makedirs(path)
    _git("init", "--bare", "--initial-branch=main", ".", cwd=path)
    with open(f"{path}/README", "w") as f:
        f.write("a repository\n")
    _git("--work-tree=.", "add", "README", cwd=path)
    _git("--work-tree=.", "commit", "-m", "first", cwd=path)
    _git("update-server-info", cwd=path)


def _tarball():
    """As npm packs one."""
    files = {"package/package.json": json.dumps({"name": PACKAGE, "version": VERSION}),
             "package/index.js": "module.exports = 1;\n"}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


def _wheel():
    info = f"{PACKAGE}-{VERSION}.dist-info"
    files = {f"{PACKAGE}.py": "VALUE = 1\n",
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {VERSION}\n",
             f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
                              "Tag: py3-none-any\n"}
    files[f"{info}/RECORD"] = "".join(f"{n},,\n" for n in [*files, f"{info}/RECORD"])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return out.getvalue()


TARBALL, WHEEL = _tarball(), _wheel()


def _npm_document(base):
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(TARBALL).digest()).decode()
    version = {"name": PACKAGE, "version": VERSION,
               "dist": {"tarball": f"{base}/npm/{PACKAGE}.tgz", "integrity": integrity}}
    return json.dumps({"name": PACKAGE, "dist-tags": {"latest": VERSION},
                       "versions": {VERSION: version}})


def _write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data.encode() if isinstance(data, str) else data)


def publish(directory, tok, host):
    """`directory` is the one that the web server was given."""
    template = f"{directory}/repository"
    if not os.path.exists(template):
        _repository(template)
    top = f"{directory}/www/{tok}"
    shutil.copytree(template, top)
    wheel = f"{PACKAGE}-{VERSION}-py3-none-any.whl"
    _write(f"{top}/npm/{PACKAGE}", _npm_document(f"https://{host}/files/{tok}"))
    _write(f"{top}/npm/{PACKAGE}.tgz", TARBALL)
    _write(f"{top}/simple/{PACKAGE}/index.html", f'<a href="{wheel}">{wheel}</a>\n')
    _write(f"{top}/simple/{PACKAGE}/{wheel}", WHEEL)
