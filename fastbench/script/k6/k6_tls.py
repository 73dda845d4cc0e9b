"""What options of a script of k6 say of TLS: versions, cipher suites, certificates of the client.

1. What this machine's OpenSSL cannot do is refused by name at load. Of several suites those that
   it is without are left out, which is told: no server would have chosen them here.
2. As in Go, `tlsCipherSuites` limits TLS up to 1.2; the suites of 1.3 cannot be chosen.
3. A certificate with `domains` is for these. A host that none is for is shown the first one, as in
   k6, whose TLS does not look at `domains`.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Tls
from fastbench.script import remarks

_VERSIONS = {"tls1.0": 0x0301, "tls1.1": 0x0302, "tls1.2": 0x0303, "tls1.3": 0x0304}
_TLS12, _TLS13 = _VERSIONS["tls1.2"], _VERSIONS["tls1.3"]
_OF_13 = frozenset(
    ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
)
_EXCHANGES = {"RSA": "", "ECDHE_RSA": "ECDHE-RSA-", "ECDHE_ECDSA": "ECDHE-ECDSA-"}
_CIPHERS = {
    "RC4_128_SHA": "RC4-SHA",
    "3DES_EDE_CBC_SHA": "DES-CBC3-SHA",
    "AES_128_CBC_SHA": "AES128-SHA",
    "AES_256_CBC_SHA": "AES256-SHA",
    "AES_128_CBC_SHA256": "AES128-SHA256",
    "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "CHACHA20_POLY1305": "CHACHA20-POLY1305",
    "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
}
_OLD_LEVEL = "@SECLEVEL=0"  # below it OpenSSL 3 has no digests for TLS 1.0 and 1.1
_OF_AUTH = ("cert", "key", "password", "domains")

Context = tuple[bytes, bool, bytes, bytes, bytes, int, int, bytes, bytes]  # see Pool.tls_of


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of the client, in files of this process, and the names that it is for."""

    certfile: str
    keyfile: str
    password: str
    domains: tuple[str, ...]

    def is_for(self, host: str) -> bool:
        """Tell whether `domains` has this host; *.example.com has one more label."""
        _, _, parent = host.partition(".")
        return host in self.domains or (bool(parent) and f"*.{parent}" in self.domains)


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """What options say of TLS; versions are numbers as 0x0303, 0 where nothing is said."""

    oldest: int = 0
    newest: int = 0
    ciphers: str = ""
    certificates: tuple[Certificate, ...] = ()

    def context(self, tls: Tls, host: str) -> Context:
        """Return what Pool.tls_of() gives for a host; a certificate of the command line wins."""
        certificate = None if tls.certfile else self._certificate(host)
        return (
            tls.servername.encode(),
            tls.verify,
            os.fsencode(tls.cafile or ""),
            os.fsencode(tls.certfile or (certificate.certfile if certificate else "")),
            os.fsencode(tls.keyfile or (certificate.keyfile if certificate else "")),
            self.oldest,
            self.newest,
            self.ciphers.encode(),
            certificate.password.encode() if certificate else b"",
        )

    def _certificate(self, host: str) -> Certificate | None:
        found = (each for each in self.certificates if each.is_for(host.lower()))
        for_any = (each for each in self.certificates if not each.domains)
        return next(found, None) or next(for_any, None) or next(iter(self.certificates), None)


def read(given: Mapping[str, Any]) -> TlsOptions | None:
    """Return what a script's options say of TLS, None where that is nothing; raises UsageError."""
    oldest, newest = _versions(given.get("tlsVersion"))
    names = _suites(given.get("tlsCipherSuites"))
    if names and all(name in _OF_13 for name in names):
        if newest and newest < _TLS13:
            raise UsageError("tlsCipherSuites has suites of TLS 1.3 alone; tlsVersion ends below.")
        oldest = _TLS13
    ciphers = _usable([name for name in names if name not in _OF_13])
    if oldest and oldest < _TLS12:
        ciphers = [*(ciphers or ["DEFAULT"]), _OLD_LEVEL]
    certificates = _certificates(given.get("tlsAuth"))
    if not (oldest or newest or ciphers or certificates):
        return None
    return TlsOptions(oldest, newest, ":".join(ciphers), certificates)


def _versions(given: Any) -> tuple[int, int]:
    if given in (None, ""):
        return 0, 0
    pair = given if isinstance(given, Mapping) else {"min": given, "max": given}
    if unknown := pair.keys() - {"min", "max"}:
        raise UsageError(f"tlsVersion has {_shown(sorted(unknown)[0])}; it takes min and max.")
    oldest, newest = (_version(pair.get(name)) for name in ("min", "max"))
    if newest and newest < (oldest or _TLS12):
        than = "its min" if oldest else "tls1.2, the oldest that is used without a min"
        raise UsageError(f"tlsVersion has a max below {than}.")
    return oldest, newest


def _version(given: Any) -> int:
    if given in (None, ""):
        return 0
    if not isinstance(given, str) or given not in _VERSIONS:
        names = ", ".join(_VERSIONS)
        raise UsageError(f"tlsVersion has {_shown(given)}; the versions are {names}.")
    found = ssl.TLSVersion(_VERSIONS[given])
    if not getattr(ssl, f"HAS_{found.name}"):
        raise UsageError(f"tlsVersion has {given}, which this machine's OpenSSL is without.")
    return int(found)


def _suites(given: Any) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise UsageError(
            "tlsCipherSuites is a list such as ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256']."
        )
    return given


def _usable(names: list[str]) -> list[str]:
    """Return those that OpenSSL has, by its names; raises UsageError where that is none of them."""
    found = {name: _openssl_name(name) for name in names}
    missing = [name for name, there in found.items() if not there]
    if missing and len(missing) == len(found):
        raise UsageError(
            f"tlsCipherSuites has {missing[0]}, which this machine's OpenSSL is without; "
            "name another."
        )
    for name in missing:
        remarks.tell("suite_missing", f"{name} is not used: OpenSSL is without it here", "")
    return [there for there in found.values() if there]


def _openssl_name(name: str) -> str:
    """Return a suite's name as OpenSSL has it, "" where it has none; raises UsageError."""
    exchange, _, cipher = name.removeprefix("TLS_").partition("_WITH_")
    if exchange not in _EXCHANGES or cipher not in _CIPHERS or not name.startswith("TLS_"):
        raise UsageError(
            f"tlsCipherSuites has {_shown(name)}; suites have names such as "
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256."
        )
    found = _EXCHANGES[exchange] + _CIPHERS[cipher]
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(f"{found}:{_OLD_LEVEL}")
    except ssl.SSLError:
        return ""
    return found


def _certificates(given: Any) -> tuple[Certificate, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        raise UsageError("tlsAuth is a list such as [{ cert: open('c.pem'), key: open('k.pem') }].")
    return tuple(_certificate(i, each) for i, each in enumerate(given))


def _certificate(number: int, given: Mapping[str, Any]) -> Certificate:
    what = f"tlsAuth[{number}]"
    if unknown := given.keys() - set(_OF_AUTH):
        raise UsageError(
            f"{what} has {_shown(sorted(unknown)[0])}; it takes {', '.join(_OF_AUTH)}."
        )
    for name in ("cert", "key"):
        if not isinstance(given.get(name), str) or "-----BEGIN" not in given[name]:
            raise UsageError(f"{what} needs a {name}: a text of PEM, as open('{name}.pem') gives.")
    domains = given.get("domains") or []
    if not isinstance(domains, list) or not all(isinstance(each, str) for each in domains):
        raise UsageError(f"domains of {what} is a list such as ['example.com', '*.example.com'].")
    password = given.get("password")
    if password is not None and not isinstance(password, str):
        raise UsageError(f"password of {what} is a text.")
    found = Certificate(
        _file(given["cert"]),
        _file(given["key"]),
        password or "",
        tuple(each.lower() for each in domains),
    )
    _check(what, found)
    return found


def _check(what: str, certificate: Certificate) -> None:
    """Load it as OpenSSL will; raises UsageError."""
    asked: list[bool] = []

    def password() -> str:
        asked.append(True)
        return certificate.password

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_cert_chain(certificate.certfile, certificate.keyfile, password)
    except (OSError, ValueError) as error:
        if asked:
            cure = "it is another one" if certificate.password else "give its password"
            raise UsageError(f"The key of {what} is encrypted; {cure}.") from None
        reason = (getattr(error, "reason", None) or str(error)).replace("_", " ").lower()
        raise UsageError(f"{what} cannot be used: {redact.printable(reason)}.") from None


def _file(text: str) -> str:
    """Return the name of a file in memory with this text, which lives as long as the process."""
    number = os.memfd_create("tlsAuth")
    with os.fdopen(os.dup(number), "wb") as opened:
        opened.write(text.encode("utf-8", "replace"))
    return f"/proc/self/fd/{number}"


def _shown(given: object) -> str:
    return redact.printable(str(given))[:80]
