"""Servers with digest authentication: Apache, lighttpd, and one of ours that checks every answer.

    with digest_server(keeper := Keeper()) as server:
        ...
    keeper.counts               # {nonce: [1, 2, 3, …]}: nc as it came, of answers that were right

The real ones know one user, and count what they served as those of `real_servers` do.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from case import answer
from real_servers import BODY, Kinds, Recipe, need, write
from servers import OK, Peer, Server

__all__ = ["DIGEST_KINDS", "PASSWORD", "USER", "Keeper", "digest_server"]

USER, PASSWORD, REALM = "alice", 's3cret: it\'s "mine"', 'the "shop"'
_FIELD = re.compile(rb"\r\nAuthorization: Digest ([^\r\n]*)", re.IGNORECASE)
_PART = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))')


@dataclass(slots=True)
class Keeper:
    """What is asked for, and what came; a nonce is good for `uses` requests, 0 for all.

    `forget` makes the server say 401 to nonces that it gave before.
    """

    algorithm: str = "MD5"
    qop: str = "auth"
    uses: int = 0
    userhash: bool = False
    counts: dict[str, list[int]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    right: int = 0
    came: list[bytes] = field(default_factory=list)

    def challenge(self) -> bytes:
        nonce = secrets.token_urlsafe(24)
        self.counts[nonce] = []
        quoted = REALM.replace('"', '\\"')
        text = f'Digest realm="{quoted}", nonce="{nonce}", opaque="o/p="'
        text += f", algorithm={self.algorithm}"
        text += f', qop="{self.qop}"' if self.qop else ""
        text += ", userhash=true" if self.userhash else ""
        fields = (f"WWW-Authenticate: {text}", 'WWW-Authenticate: Basic realm="b"')
        return answer("Content-Length: 0", *fields, start="HTTP/1.1 401 Unauthorized")

    def fault(self, request: bytes) -> str:
        """Return what is wrong with a request, "" if its answer is right."""
        found = _FIELD.search(request)
        if found is None:
            return "nothing"
        said = {
            name: re.sub(r"\\(.)", r"\1", quoted) or token
            for name, quoted, token in _PART.findall(found[1].decode())
        }
        method, target, *_ = request.split(b"\r\n", 1)[0].decode().split(" ")
        if said["nonce"] not in self.counts:
            return "nonce"
        if said["uri"] != target or said["realm"] != REALM or said["opaque"] != "o/p=":
            return "echo"
        user = self.hashed(USER, REALM) if self.userhash else USER
        if said["username"] != user or said["algorithm"] != self.algorithm:
            return "user"
        body = request.partition(b"\r\n\r\n")[2]
        if said["response"] != self.response(said, method, target, body):
            return "response"
        counts = self.counts[said["nonce"]]
        counts.append(int(said.get("nc", "0"), 16))
        return "uses" if self.uses and len(counts) > self.uses else ""

    def response(self, said: Mapping[str, str], method: str, target: str, body: bytes) -> str:
        first = self.hashed(USER, REALM, PASSWORD)
        if self.algorithm.endswith("-sess"):
            first = self.hashed(first, said["nonce"], said["cnonce"])
        whole = (hashlib.new(self.hash_name, body).hexdigest(),) if self.qop == "auth-int" else ()
        second = self.hashed(method, target, *whole)
        if not self.qop:
            assert "nc" not in said and "qop" not in said
            return self.hashed(first, said["nonce"], second)
        assert said["qop"] == self.qop and re.fullmatch("[0-9a-f]{8}", said["nc"])
        return self.hashed(first, said["nonce"], said["nc"], said["cnonce"], said["qop"], second)

    @property
    def hash_name(self) -> str:
        return {"MD5": "md5", "SHA-256": "sha256"}[self.algorithm.removesuffix("-sess")]

    def hashed(self, *parts: str) -> str:
        return hashlib.new(self.hash_name, ":".join(parts).encode()).hexdigest()


@contextlib.contextmanager
def digest_server(
    keeper: Keeper, reply: Callable[[Peer, bytes], bytes] | None = None
) -> Iterator[Server]:
    """Serve who authenticates; `reply` may answer otherwise once that is right."""

    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            with peer.server.lock:
                wrong = keeper.fault(request)
                keeper.refused.update([wrong] if wrong else [])
                keeper.right += not wrong
                keeper.came.append(request)
                said = keeper.challenge() if wrong else OK
            peer.send(said if wrong or reply is None else reply(peer, request))

    with Server(script) as server:
        yield server


def users(folder: Path) -> Path:
    digest = hashlib.md5(f"{USER}:shop:{PASSWORD}".encode()).hexdigest()
    (folder / "users").write_text(f"{USER}:shop:{digest}\n")
    return folder / "users"


def apache(folder: Path, port: int, more: str = "", scheme: str = "http") -> Recipe:
    program = need("apache2", "httpd")
    modules = Path("/usr/lib/apache2/modules")
    names = ["mpm_event", "alias", "auth_digest", "authn_core", "authn_file", "authz_core"]
    names += ["authz_user", "http2", "ssl"]
    if not all((modules / f"mod_{name}.so").exists() for name in names):
        pytest.skip("Apache's modules are not where Debian has them")
    (site := folder / "site").mkdir()
    (site / "index.html").write_bytes(BODY)
    loads = "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in names)
    write(
        folder / "apache.conf",
        f"""{loads}
ServerName localhost
Listen 127.0.0.1:{port}
Protocols h2 h2c http/1.1
PidFile {folder}/pid
User #65534
Group #65534
DocumentRoot {site}
AliasMatch ".*" {site}/index.html
ErrorLog {folder}/error
CustomLog {folder}/access "\\"%r\\" %>s"
{more}
<Location />
    AuthType Digest
    AuthName "shop"
    AuthDigestProvider file
    AuthUserFile {users(folder)}
    Require valid-user
</Location>
""",
    )
    command = [program, "-D", "FOREGROUND", "-d", str(folder), "-f", str(folder / "apache.conf")]
    flags = () if scheme == "http" else ("--cacert", str(folder / "ca.pem"))
    return Recipe(command, "access", scheme=scheme, flags=flags)


def apache_https(folder: Path, port: int) -> Recipe:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    more = f"SSLEngine on\nSSLCertificateFile {folder}/server.pem"
    return apache(folder, port, more, "https")


def lighttpd(folder: Path, port: int) -> Recipe:
    program = need("lighttpd")
    (folder / "index.html").write_bytes(BODY)
    write(
        folder / "lighttpd.conf",
        f"""
        server.modules = ("mod_rewrite", "mod_accesslog", "mod_auth", "mod_authn_file")
        server.feature-flags = ("server.h2proto" => "enable", "server.h2c" => "enable")
        server.bind = "127.0.0.1"
        server.port = {port}
        server.document-root = "{folder}"
        url.rewrite-once = (".*" => "/index.html")
        accesslog.filename = "{folder}/access"
        accesslog.format = "\\"%r\\" %s"
        auth.backend = "htdigest"
        auth.backend.htdigest.userfile = "{users(folder)}"
        auth.require = ("/" => ("method" => "digest", "algorithm" => "MD5", "realm" => "shop",
            "require" => "valid-user"))
        """,
    )
    return Recipe([program, "-D", "-f", str(folder / "lighttpd.conf")], "access")


DIGEST_KINDS: Kinds = {"apache": apache, "apache https": apache_https, "lighttpd": lighttpd}
