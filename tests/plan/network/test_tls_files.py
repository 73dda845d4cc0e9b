"""tls_files.py: a certificate file that will not do is refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.network import tls_files
from fastbench.plan.plan import Tls


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pems")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name in ("one", "two"):
        issued = authority.issue_cert("localhost")
        issued.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
        issued.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        issued.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}.both"))
    (folder / "empty").write_bytes(b"")
    (folder / "broken").write_text("-----BEGIN CERTIFICATE-----\nzz\n-----END CERTIFICATE-----\n")
    return folder


def files(pems: Path, ca: str = "", cert: str = "", key: str = "") -> Tls:
    paths = [str(pems / name) if name else None for name in (ca, cert, key)]
    return Tls(True, paths[0], paths[1], paths[2], servername="localhost")


def test_files_that_fit_are_accepted(pems: Path) -> None:
    tls_files.check(files(pems, "ca.pem", "one.pem", "one.key"))
    tls_files.check(files(pems, "", "one.both", "one.both"))


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("nowhere",), "--cacert cannot read `.*nowhere`: no such file or directory"),
        (("",  "nowhere", "one.key"), "--cert cannot read `.*nowhere`: no such file"),
        (("",  "one.pem", "nowhere"), "--key cannot read `.*nowhere`: no such file"),
        ((".",), "--cacert cannot read `.*`: is a directory"),
        (("empty",), "--cacert cannot use `.*empty`: it has no PEM certificate"),
        (("broken",), "--cacert cannot use `.*broken`: .+; give PEM files"),
        (("",  "one.key", "one.key"), "--cert cannot use `.*one.key`: .+; give PEM files"),
        (("",  "one.pem", "two.key"), "key and certificate do not belong together"),
        (("",  "one.pem", "one.pem"), "--cert cannot use `.*one.pem`: .+; give PEM files"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused_with_the_reason(
    pems: Path, names: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        tls_files.check(files(pems, *names))


def test_an_encrypted_key_is_refused_without_asking_for_its_password(pems: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key((pems / "one.key").read_bytes(), None)
    (pems / "locked.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )
    with pytest.raises(UsageError, match="is encrypted; write a plain copy with"):
        tls_files.check(files(pems, "", "one.pem", "locked.key"))
