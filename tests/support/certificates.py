"""Certificates that are good, and certificates that are wrong in one way each, for TLS servers."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

__all__ = ["Authority"]

DAY = datetime.timedelta(days=1)


class Authority:
    """A root that a test may trust, and server contexts with what it issued (or did not)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.other = trustme.CA()
        self.cafile = self.pem("ca.pem", self.ca.cert_pem)

    def pem(self, name: str, *blobs: trustme.Blob) -> str:
        """Write blobs to a file of the folder and return its path."""
        path = self.folder / name
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return str(path)

    def good(self, *names: str) -> ssl.SSLContext:
        """Serve a certificate for these names, localhost without any."""
        return serving(self.ca.issue_cert(*(names or ("localhost",))))

    def expired(self) -> ssl.SSLContext:
        return serving(self.ca.issue_cert("localhost", not_after=now() - DAY))

    def not_yet_valid(self) -> ssl.SSLContext:
        return serving(self.ca.issue_cert("localhost", not_before=now() + DAY))

    def wrong_host(self) -> ssl.SSLContext:
        return self.good("other.test")

    def self_signed(self) -> ssl.SSLContext:
        """Serve a certificate that signed itself; it is in self-signed.pem too."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._built("self-signed.pem", key, key.public_key(), key)

    def weak(self) -> ssl.SSLContext:
        """Serve a certificate of the root's for a key of 1024 bits."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        root = serialization.load_pem_private_key(self.ca.private_key_pem.bytes(), None)
        assert isinstance(root, ec.EllipticCurvePrivateKey)
        return self._built("weak.pem", key, key.public_key(), root)

    def with_root_in_chain(self) -> ssl.SSLContext:
        leaf = self.ca.issue_cert("localhost")
        return loaded(
            self.pem("chain.pem", leaf.private_key_pem, *leaf.cert_chain_pems, self.ca.cert_pem)
        )

    def of_intermediate(self, *, complete: bool) -> ssl.SSLContext:
        """Serve a certificate of an intermediate, which comes along only when `complete`.

        The intermediate and the root are in intermediate.pem.
        """
        middle = self.ca.create_child_ca()
        leaf = middle.issue_cert("localhost")
        self.pem("intermediate.pem", middle.cert_pem, self.ca.cert_pem)
        chain = leaf.cert_chain_pems if complete else leaf.cert_chain_pems[:1]
        return loaded(self.pem("leaf.pem", leaf.private_key_pem, *chain))

    def asking(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        """Serve over this version of TLS, and require a certificate of the root's from clients."""
        context = self.good()
        context.minimum_version = context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.cafile)
        return context

    def _built(
        self,
        name: str,
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
        public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
        signer: ec.EllipticCurvePrivateKey,
    ) -> ssl.SSLContext:
        """Build what trustme does not issue."""
        own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        root = x509.load_pem_x509_certificate(self.ca.cert_pem.bytes())
        issuer = own if key is signer else root.subject
        certificate = (
            x509.CertificateBuilder()
            .subject_name(own)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now() - DAY)
            .not_valid_after(now() + DAY)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
            .sign(signer, hashes.SHA256())
        )
        path = self.folder / name
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return loaded(str(path))


def serving(leaf: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


def loaded(path: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # a server may be as weak as it likes
    context.load_cert_chain(path)
    return context


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
