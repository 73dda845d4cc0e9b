"""Whom TLS trusts where OpenSSL was built for another distribution; in mounts of its own."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from certificates import Authority
from servers import Server, answering

BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
)
# What a distribution has that keeps its authorities in one file, and nothing where OpenSSL looks.
INSIDE = """
set -e
for each in "$OWN" /etc; do mount -t tmpfs none "$each"; done
if [ "$1" ]; then mkdir -p "$(dirname "$1")" && cp "$AUTHORITY" "$1"; fi
shift
exec "$@"
"""


def inside(bundle: str, authority: Authority, url: str, **env: str) -> str:
    """Run four requests there; return what is said."""
    own = os.path.dirname(ssl.get_default_verify_paths().openssl_capath)
    found = {"OWN": own, "AUTHORITY": authority.cafile, "PATH": os.environ["PATH"], **env}
    words = ["unshare", "-m", "--propagation", "private", "sh", "-c", INSIDE, "sh", bundle]
    done = subprocess.run(
        [*words, sys.executable, "-m", "fastbench", "-n4", "-c1", "-t1", url],
        env=found,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if os.geteuid() or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare")
    words = ["unshare", "-m", "--propagation", "private", "mount", "-t", "tmpfs", "none", "/mnt"]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("needs mounts")
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("bundle", BUNDLES)
def test_the_bundle_of_the_distribution_is_trusted(authority: Authority, bundle: str) -> None:
    with Server(answering(), tls=authority.good("127.0.0.1")) as server:
        assert "4 ok" in inside(bundle, authority, server.url())


def test_without_any_nobody_is_trusted(authority: Authority) -> None:
    with Server(answering(), tls=authority.good("127.0.0.1")) as server:
        assert "NOTHING SUCCEEDED" in inside("", authority, server.url())


def test_a_file_that_the_environment_names_goes_alone(authority: Authority, tmp_path: Path) -> None:
    other = authority.pem("other.pem", authority.other.cert_pem)
    with Server(answering(), tls=authority.good("127.0.0.1")) as server:
        assert "NOTHING SUCCEEDED" in inside(
            BUNDLES[0], authority, server.url(), SSL_CERT_FILE=other
        )
        assert "4 ok" in inside("", authority, server.url(), SSL_CERT_FILE=authority.cafile)
