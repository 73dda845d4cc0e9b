"""Whom TLS trusts: what is refused, in which words, and what mends it."""

from __future__ import annotations

import re
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from certificates import Authority
from commandline import at_once, invoke, measured
from running import Run, kinds
from servers import OK, Server, answering

FEW = ("-n4", "-c2")
V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def against(context: ssl.SSLContext, *flags: str, host: str = "localhost") -> tuple[Run, Server]:
    """Run against a server with this context; `host` stands in the URL."""
    listen = "::1" if host == "[::1]" else "127.0.0.1"
    with Server(answering(), tls=context, host=listen) as server:
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


def refused(run: Run, message: str, hint: str, *phases: str) -> None:
    """Nothing succeeded, and both report and document say why and what to do."""
    assert (run.code, run.summary["ok"], run.summary["ended"]) == (122, 0, "nothing_succeeded")
    assert run.document["status_codes"] == {}
    assert run.elapsed_s < 5
    rows = [row for row in run.errors if row["kind"] == "tls"]
    assert rows, run.errors
    for row in rows:
        assert row["phase"] in (phases or ("tls",))
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
    (run, server), *mended = at_once(
        partial(against, context, *words, host=wrong.host)
        for words in (flags, ["-k"], *([cure] if cure else []))
    )
    refused(run, wrong.message, wrong.hint)
    assert kinds(run) == {"tls": 2}
    assert (server.seen.requests, server.seen.failed_handshakes) == (0, 2)
    trusted(mended[0][0], verified=False)
    for cured, _ in mended[1:]:
        trusted(cured)


@pytest.mark.parametrize("version", [V1_2, V1_3])
def test_a_good_certificate_is_verified_and_the_document_says_what_was_agreed(
    version: ssl.TLSVersion, authority: Authority
) -> None:
    def greet(host: str) -> tuple[Run, Server]:
        context = authority.good(host.strip("[]"))
        context.minimum_version = context.maximum_version = version
        return against(context, "--cacert", authority.cafile, host=host)

    hosts = ("localhost", "127.0.0.1", "[::1]")
    known = {cipher["name"] for cipher in authority.good().get_ciphers()}
    for run, server in at_once(partial(greet, host) for host in hosts):
        trusted(run)
        tls = run.document["tls"]
        assert (tls["version"], tls["resumed"]) == (version.name.replace("_", "."), 0)
        assert tls["cipher"] in known
        assert f"verified, {tls['version']}, {tls['cipher']}, 2 handshakes" in run.out
        assert run.summary["bytes_in"] == server.seen.bytes_out == 4 * len(OK)


def test_the_whole_chain_of_an_intermediate_is_accepted(authority: Authority) -> None:
    context = authority.of_intermediate(complete=True)
    trusted(against(context, "--cacert", authority.cafile)[0])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_a_server_that_only_speaks_old_tls_is_refused_k_or_not(
    version: ssl.TLSVersion, authority: Authority
) -> None:
    context = authority.good()
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            context.minimum_version = context.maximum_version = version
        except ValueError:
            pytest.skip(f"this OpenSSL has no {version.name}")
    for run, server in at_once(
        partial(against, context, *flags) for flags in (("--cacert", authority.cafile), ("-k",))
    ):
        refused(run, "no common TLS version", "enable TLS 1.2 or 1.3 on the server")
        assert server.seen.failed_handshakes == 2


# Client certificates


@pytest.mark.parametrize("version", [V1_2, V1_3])
def test_a_client_certificate_is_shown_to_a_server_that_asks(
    version: ssl.TLSVersion, authority: Authority
) -> None:
    issued = authority.ca.issue_cert("client.test")
    both = authority.pem("both.pem", issued.private_key_pem, *issued.cert_chain_pems)
    key = authority.pem("client.key", issued.private_key_pem)
    certificate = authority.pem("client.pem", *issued.cert_chain_pems)
    context = authority.asking(version)
    for run, _ in at_once(
        partial(against, context, "--cacert", authority.cafile, *flags)
        for flags in (("--cert", both), ("--cert", certificate, "--key", key))
    ):
        trusted(run)


@pytest.mark.parametrize(("version", "phases"), [(V1_2, ["tls"]), (V1_3, ["send", "head"])])
def test_a_missing_or_unknown_client_certificate_is_named(
    version: ssl.TLSVersion, phases: list[str], authority: Authority
) -> None:
    issued = authority.other.issue_cert("client.test")
    unknown = authority.pem("unknown.pem", issued.private_key_pem, *issued.cert_chain_pems)
    context = authority.asking(version)
    without, wrong = at_once(
        partial(against, context, "-n10", "--cacert", authority.cafile, *flags)
        for flags in ((), ("--cert", unknown))
    )
    refused(without[0], "(requires|asks for) a client certificate", "--cert FILE", *phases)
    refused(wrong[0], "does not trust the CA of the client", "--cert FILE", *phases)
    assert (without[1].seen.requests, wrong[1].seen.requests) == (0, 0)


def test_every_refused_client_is_told_as_tls(authority: Authority) -> None:
    run, _ = against(authority.asking(V1_3), "-n30", "-c10", "--cacert", authority.cafile)
    assert kinds(run) == {"tls": 30}


# Files


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--cacert nowhere", "--cacert cannot read `nowhere`: no such file or directory."),
        ("--cacert .", "--cacert cannot read `.`: is a directory."),
        ("--cacert empty", "--cacert cannot use `empty`: it has no PEM certificate; give PEM"),
        ("--cacert key", "--cacert cannot use `key`: it has no PEM certificate; give PEM"),
        ("--cert nowhere", "--cert cannot read `nowhere`: no such file or directory."),
        ("--cert pem --key nowhere", "--key cannot read `nowhere`: no such file or directory."),
        ("--cert pem --key other", "key and certificate do not belong together; give PEM"),
        ("--cert pem", "--cert cannot use `pem`: "),
        ("--cert empty --key key", "--cert cannot use `empty` and `key`: "),
        ("--key key", "--key needs the certificate it belongs to; add --cert FILE."),
        ("--servername a/b", "`--servername a/b` is not a valid name"),
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
