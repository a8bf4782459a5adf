# SPDX-License-Identifier: GPL-2.0-or-later
"""A certificate authority for one test run, and one certificate for every site."""

import os
import subprocess


def _openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, timeout=20)


def make(directory, names):
    """Writes ca.pem, site.key and site.pem."""
    def path(name):
        return os.path.join(directory, name)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl("req", "-x509", *curve, "-days", "2", "-subj", "/CN=sallyport test CA",
             "-keyout", path("ca.key"), "-out", path("ca.pem"))
    _openssl("req", *curve, "-subj", "/CN=test site",
             "-keyout", path("site.key"), "-out", path("site.csr"))
    with open(path("site.ext"), "w") as f:
        f.write("subjectAltName=" + ",".join("DNS:" + n for n in names) + "\n")
    _openssl("x509", "-req", "-in", path("site.csr"), "-CA", path("ca.pem"),
             "-CAkey", path("ca.key"), "-CAcreateserial", "-days", "2",
             "-extfile", path("site.ext"), "-out", path("site.pem"))
    os.chmod(path("ca.pem"), 0o644)
