"""TLS as it is met in the field: what is refused, in which words, and what mends it."""

from __future__ import annotations

import re
import ssl
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from case import answer
from certificates import Authority
from commandline import invoke, measured
from running import Run, kinds
from servers import OK, Peer, Script, Server, answering

FEW = ("-n4", "-c2")
V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
UNNAMED = pytest.mark.xfail(
    strict=True, reason="without --cacert OpenSSL's reasons have no words: code and cause are empty"
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def against(
    context: ssl.SSLContext, *flags: str, host: str = "localhost", script: Script | None = None
) -> tuple[Run, Server]:
    """Run against a server with this context; `host` stands in the URL."""
    listen = "::1" if host == "[::1]" else "127.0.0.1"
    with Server(script or answering(), tls=context, host=listen) as server:
        run = measured(*FEW, *flags, f"https://{host}:{server.port}/")
    return run, server


def trusted(run: Run, *, verified: bool = True) -> None:
    """All went well, and the document says whether the server was verified."""
    assert (run.code, run.summary["ok"], run.errors) == (0, 4, [])
    tls = run.document["tls"]
    assert (tls["verified"], tls["handshakes"]) == (verified, 2)
    warned = [warning["code"] for warning in run.document["warnings"]]
    assert warned == ([] if verified else ["tls_unverified"])
    assert ("not verified (-k)" in run.out) != verified


def refused(run: Run, message: str, hint: str, *, phase: str = "tls") -> None:
    """Nothing succeeded, and both report and document say why and what to do."""
    assert (run.code, run.summary["ok"], run.summary["ended"]) == (122, 0, "nothing_succeeded")
    assert run.document["status_codes"] == {}
    assert run.elapsed_s < 5
    rows = [row for row in run.errors if row["kind"] == "tls"]
    assert rows, run.errors
    for row in rows:
        assert row["phase"] == phase
        assert re.search(message, row["message"]), row
        assert re.search(hint, row["hint"]), row
    shown = " ".join(run.out.split())
    assert rows[0]["message"] in shown and rows[0]["hint"] in shown


@dataclass(frozen=True, slots=True)
class Wrong:
    """A server that is not to be trusted: how it says so, and the flags that mend it."""

    context: Callable[[Authority], ssl.SSLContext]
    flags: str
    message: str
    hint: str
    cure: str = ""
    host: str = "localhost"


# {} in flags is the folder of the certificates.
WRONG = {
    "expired": Wrong(
        Authority.expired, "--cacert {}/ca.pem", "has expired", "renew it .* with -k"
    ),
    "not yet valid": Wrong(
        Authority.not_yet_valid, "--cacert {}/ca.pem", "is not valid yet", "clocks .* with -k"
    ),
    "wrong host": Wrong(
        Authority.wrong_host,
        "--cacert {}/ca.pem",
        "is for another name",
        "--servername NAME.* with -k",
        "--cacert {}/ca.pem --servername other.test",
    ),
    "self-signed": Wrong(
        Authority.self_signed,
        "",
        "is self-signed",
        "the certificate itself with --cacert FILE.* with -k",
        "--cacert {}/self-signed.pem",
    ),
    "untrusted root": Wrong(
        Authority.good,
        "",
        "a CA that is not known here",
        "give that CA with --cacert FILE.* -k",
        "--cacert {}/ca.pem",
    ),
    "root trusted for another": Wrong(
        Authority.good,
        "--cacert {}/other-ca.pem",
        "a CA that is not known here",
        "give that CA with --cacert FILE.* -k",
        "--cacert {}/ca.pem",
    ),
    "untrusted root in the chain": Wrong(
        Authority.with_root_in_chain,
        "",
        "a CA that is not trusted here",
        "give that CA with --cacert FILE.* -k",
        "--cacert {}/ca.pem",
    ),
    "missing intermediate": Wrong(
        lambda authority: authority.of_intermediate(complete=False),
        "--cacert {}/ca.pem",
        "a CA that is not known here",
        "is an intermediate missing on the server",
        "--cacert {}/intermediate.pem",
    ),
    "name instead of address": Wrong(
        Authority.good,
        "--cacert {}/ca.pem",
        "is for another name",
        "--servername NAME.* with -k",
        "--cacert {}/ca.pem --servername localhost",
        host="127.0.0.1",
    ),
    "another address": Wrong(
        lambda authority: authority.good("127.0.0.2"),
        "--cacert {}/ca.pem",
        "is for another name",
        "--servername NAME.* with -k",
        "--cacert {}/ca.pem --servername 127.0.0.2",
        host="127.0.0.1",
    ),
    "weak key": Wrong(
        Authority.weak, "--cacert {}/ca.pem", "too weak", "longer key .* with -k"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_certificate_that_is_wrong_is_refused_and_k_or_the_cure_accepts_it(
    name: str, authority: Authority
) -> None:
    wrong = WRONG[name]
    context = wrong.context(authority)
    flags, cure = (
        [word.format(authority.folder) for word in text.split()]
        for text in (wrong.flags, wrong.cure)
    )
    run, server = against(context, *flags, host=wrong.host)
    refused(run, wrong.message, wrong.hint)
    assert kinds(run) == {"tls": 2}
    assert (server.seen.requests, server.seen.failed_handshakes) == (0, 2)
    trusted(against(context, "-k", host=wrong.host)[0], verified=False)
    if cure:
        trusted(against(context, *cure, host=wrong.host)[0])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("version", [V1_2, V1_3])
def test_a_good_certificate_is_verified_and_the_document_says_what_was_agreed(
    host: str, version: ssl.TLSVersion, authority: Authority
) -> None:
    context = authority.good(host.strip("[]"))
    context.minimum_version = context.maximum_version = version
    run, server = against(context, "--cacert", authority.cafile, host=host)
    trusted(run)
    tls = run.document["tls"]
    assert (tls["version"], tls["resumed"]) == (version.name.replace("_", "."), 0)
    assert tls["cipher"] in {cipher["name"] for cipher in context.get_ciphers()}
    assert f"verified, {tls['version']}, {tls['cipher']}, 2 handshakes" in run.out
    assert run.summary["bytes_in"] == server.seen.bytes_out == 4 * len(OK)


def test_the_whole_chain_of_an_intermediate_is_accepted(authority: Authority) -> None:
    context = authority.of_intermediate(complete=True)
    trusted(against(context, "--cacert", authority.cafile)[0])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.parametrize("verify", [True, pytest.param(False, marks=UNNAMED)])
def test_a_server_that_only_speaks_old_tls_is_refused_k_or_not(
    verify: bool, version: ssl.TLSVersion, authority: Authority
) -> None:
    context = authority.good()
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            context.minimum_version = context.maximum_version = version
        except ValueError:
            pytest.skip(f"this OpenSSL has no {version.name}")
    run, server = against(context, *(("--cacert", authority.cafile) if verify else ("-k",)))
    refused(run, "share no TLS version", "enable TLS 1.2 or 1.3 on the server")
    assert server.seen.failed_handshakes == 2


# Client certificates


@pytest.mark.parametrize("version", [V1_2, V1_3])
@pytest.mark.parametrize("together", [True, False])
def test_a_client_certificate_is_shown_to_a_server_that_asks(
    together: bool, version: ssl.TLSVersion, authority: Authority
) -> None:
    issued = authority.ca.issue_cert("client.test")
    both = authority.pem("both.pem", issued.private_key_pem, *issued.cert_chain_pems)
    key = authority.pem("client.key", issued.private_key_pem)
    certificate = authority.pem("client.pem", *issued.cert_chain_pems)
    flags = ("--cert", both) if together else ("--cert", certificate, "--key", key)
    trusted(against(authority.asking(version), "--cacert", authority.cafile, *flags)[0])


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("version", "phase", "message"),
    [
        (V1_2, "tls", "wants a client certificate"),
        (V1_3, "head", "asks for a client certificate"),
    ],
)
def test_a_missing_or_unknown_client_certificate_is_named(
    version: ssl.TLSVersion, phase: str, message: str, known: bool, authority: Authority
) -> None:
    flags = ["--cacert", authority.cafile]
    if not known:
        message = "does not trust the CA of the client certificate"
        issued = authority.other.issue_cert("client.test")
        blobs = (issued.private_key_pem, *issued.cert_chain_pems)
        flags += ["--cert", authority.pem("unknown.pem", *blobs)]
    run, server = against(authority.asking(version), "-n20", *flags)
    refused(run, message, "--cert FILE --key FILE", phase=phase)
    assert server.seen.requests == 0


@pytest.mark.xfail(
    strict=True, reason="a failed write hides the alert that says why: reset, phase send"
)
def test_every_refused_client_is_told_as_tls(authority: Authority) -> None:
    run, _ = against(authority.asking(V1_3), "-n60", "--cacert", authority.cafile)
    assert kinds(run) == {"tls": 60}


# What the server saw


@dataclass(slots=True)
class Greetings:
    """What clients said: the name asked for and the protocol agreed, connection by connection."""

    names: list[str | None]
    protocols: list[str | None]

    @classmethod
    def watching(cls, context: ssl.SSLContext) -> tuple[Greetings, Script]:
        """Note every greeting of the context; the script then answers requests."""
        seen = cls([], [])
        here = threading.local()  # a connection has its own thread

        def named(sock: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            here.sock = sock
            seen.names.append(name)

        def script(peer: Peer) -> None:
            seen.protocols.append(here.sock.selected_alpn_protocol())
            answering()(peer)

        context.sni_callback = named
        return seen, script


@pytest.mark.parametrize(
    ("host", "flags", "name"),
    [
        ("localhost", "", "localhost"),
        ("localhost", "--servername other.test", "other.test"),
        ("localhost", "--sni other.test", "other.test"),
        ("localhost", "--host virtual.test", "localhost"),
        ("LOCALHOST.", "", "LOCALHOST"),
        ("127.0.0.1", "", None),
        ("127.0.0.1", "--servername other.test", "other.test"),
        ("[::1]", "", None),
    ],
)
@pytest.mark.parametrize("offered", [["h2", "http/1.1"], ["http/1.1"]])
def test_server_name_and_protocol_are_as_the_server_sees_them(
    host: str, flags: str, name: str | None, offered: list[str], authority: Authority
) -> None:
    context = authority.good("localhost", "other.test", "127.0.0.1", "::1")
    context.set_alpn_protocols(offered)
    greetings, script = Greetings.watching(context)
    run, server = against(
        context, "--cacert", authority.cafile, *flags.split(), host=host, script=script
    )
    trusted(run)
    assert greetings == Greetings([name] * 2, ["http/1.1"] * 2)
    wanted = "virtual.test" if "--host" in flags else f"{host}:{server.port}"
    assert f"\r\nHost: {wanted}\r\n".encode() in server.seen.last


@pytest.mark.parametrize("version", [V1_2, V1_3])
def test_sessions_are_resumed(version: ssl.TLSVersion, authority: Authority) -> None:
    context = authority.good()
    context.minimum_version = context.maximum_version = version
    run, server = against(context, "-n30", "-t1", "--no-keepalive", "--cacert", authority.cafile)
    assert (run.code, run.summary["ok"], run.errors) == (0, 30, [])
    tls = run.document["tls"]
    assert 30 <= tls["handshakes"] <= server.seen.connections
    resumed = context.session_stats()["hits"]
    assert 25 <= tls["resumed"] <= resumed <= tls["handshakes"]


# Bodies and ends


def ending(response: bytes, end: Callable[[Peer], None]) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(response)
        end(peer)

    return script


UNTIL_CLOSE = answer("Content-Type: text/plain", body=b"hello")
CLOSING = answer("Connection: close", "Content-Length: 5", body=b"hello")


@pytest.mark.parametrize(
    ("response", "end", "error"),
    [
        (UNTIL_CLOSE, lambda peer: None, ""),
        (UNTIL_CLOSE, Peer.cut, "without close_notify in the middle of the body"),
        (CLOSING, lambda peer: None, ""),
        (CLOSING, Peer.cut, ""),
        (CLOSING[:-1], lambda peer: None, "the body ended before its announced length"),
        (CLOSING[:-1], Peer.cut, "without close_notify in the middle of the body"),
        (CLOSING[:20], Peer.cut, "without close_notify before the response head"),
    ],
    ids=["notified", "cut", "length", "length, cut", "short", "short, cut", "head, cut"],
)
def test_a_body_ends_with_close_notify_or_is_truncated(
    response: bytes, end: Callable[[Peer], None], error: str, authority: Authority
) -> None:
    script = ending(response, end)
    run, _ = against(authority.good(), "--cacert", authority.cafile, script=script)
    if not error:
        assert (run.code, run.summary["ok"], run.errors) == (0, 4, [])
        assert run.document["latency_ms"]["service"]["count"] == 4
    else:
        assert (run.code, kinds(run)) == (122, {"truncated": 4})
        assert error in run.errors[0]["message"]
        assert run.errors[0]["phase"] == ("body" if "body" in error else "head")
    assert run.summary["bytes_in"] == 4 * len(response)


def test_bodies_are_counted_to_the_byte(authority: Authority) -> None:
    sizes = (0, 1, 16_383, 16_384, 16_385, 100_000, 5_000_000)

    def script(peer: Peer) -> None:
        while True:
            size = int(peer.request().split(b" ", 2)[1][1:])
            peer.send(answer(f"Content-Length: {size}", body=b"b" * size))

    with Server(script, tls=authority.good()) as server:
        urls = [f"https://localhost:{server.port}/{size}" for size in sizes]
        run = measured("-n70", "-c3", "-t1", "-p2", "--cacert", authority.cafile, *urls)
    assert (run.code, run.summary["ok"], run.errors) == (0, 70, [])
    assert run.summary["bytes_in"] == server.seen.bytes_out > 10 * sum(sizes)
    assert run.summary["bytes_out"] == server.seen.bytes_in


def test_a_large_upload_arrives_to_the_byte(authority: Authority, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(range(256)) * 16_000)
    run, server = against(authority.good(), "--cacert", authority.cafile, "-D", str(upload))
    trusted(run)
    assert server.seen.last.endswith(b"\r\n\r\n" + upload.read_bytes())
    assert run.summary["bytes_out"] == server.seen.bytes_in > 4 * 4_096_000


# Ports that speak something else


def rejecting(peer: Peer) -> None:
    peer.read(1)
    peer.send(answer("Content-Length: 0", start="HTTP/1.1 400 Bad Request"))
    peer.finish()


@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        pytest.param(rejecting, "tls", "looks like a plain HTTP port", marks=UNNAMED),
        pytest.param(Peer.cut, "tls", "closed the connection during the TLS", marks=UNNAMED),
        (Peer.reset, "reset", "reset the connection during the TLS handshake"),
        (Peer.stall, "connect_timeout", "handshake did not end within the connect timeout"),
    ],
)
def test_a_port_that_speaks_no_tls_is_named(script: Script, kind: str, message: str) -> None:
    with Server(script) as server:
        url = f"https://localhost:{server.port}/"
        run = measured(*FEW, "--connect-timeout", "200ms", url)
    assert (run.code, kinds(run)) == (122, {kind: 2})
    assert message in run.errors[0]["message"]
    assert run.elapsed_s < 5


# Files


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--cacert nowhere", "--cacert cannot read `nowhere`: no such file or directory."),
        ("--cacert .", "--cacert cannot read `.`: is a directory."),
        ("--cacert empty", "--cacert cannot use `empty`: it holds no PEM certificate; give PEM"),
        ("--cacert key", "--cacert cannot use `key`: it holds no PEM certificate; give PEM"),
        ("--cert nowhere", "--cert cannot read `nowhere`: no such file or directory."),
        ("--cert pem --key nowhere", "--key cannot read `nowhere`: no such file or directory."),
        ("--cert pem --key other", "key and certificate do not belong together; give PEM"),
        ("--cert pem", "--cert cannot use `pem`: "),
        ("--cert empty --key key", "--cert cannot use `empty` and `key`: "),
        ("--key key", "--key needs the certificate it belongs to; add --cert FILE."),
        ("--servername a/b", "`--servername a/b` is no valid name"),
    ],
)
def test_a_file_that_will_not_do_is_one_sentence(
    flags: str, sentence: str, authority: Authority, tmp_path: Path
) -> None:
    one, two = (authority.ca.issue_cert("client.test") for _ in range(2))
    (tmp_path / "empty").touch()
    (tmp_path / "pem").write_bytes(one.cert_chain_pems[0].bytes())
    (tmp_path / "key").write_bytes(one.private_key_pem.bytes())
    (tmp_path / "other").write_bytes(two.private_key_pem.bytes())
    done = invoke(*flags.split(), "https://localhost:1/", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("fastbench: ") and done.stderr.count("\n") == 1
    assert sentence in done.stderr
