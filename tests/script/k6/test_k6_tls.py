"""tlsVersion, tlsCipherSuites and tlsAuth of scripts of k6, against servers that look at them."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from k6_texts import run_text
from running import Run
from servers import OK, Server, answering

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Tls
from fastbench.script import remarks
from fastbench.script.k6 import k6_tls

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

AUTHORITY = trustme.CA()
RUN_TLS = Tls(True, None, None, None, "")
GCM = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
SCRIPT = """
import http from 'k6/http';
export const options = Object.assign({ iterations: 1, insecureSkipTLSVerify: true }, OPTIONS);
export default function () {
  const r = http.get(`${__ENV.URL}/`);
  console.log(JSON.stringify([r.status, r.tls_version, r.tls_cipher_suite, r.error_code]));
}
"""


def context(*, asks: bool = False) -> ssl.SSLContext:
    """Serve a certificate for localhost; `asks`: and let in who shows one of the authority."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost").configure_cert(found)
    if asks:
        AUTHORITY.configure_trust(found)
        found.verify_mode = ssl.CERT_REQUIRED
        found.maximum_version = ssl.TLSVersion.TLSv1_2  # a refusal is one of the handshake
    return found


def run(folder: Path, options: str, serving: ssl.SSLContext, *more: str) -> tuple[Run, list[Any]]:
    """Return the run, and what its one request told."""
    with Server(answering(OK), tls=serving) as server:
        found = run_text(folder, SCRIPT.replace("OPTIONS", options), server, *more)
    line = next((each for each in found.err.splitlines() if each.startswith("[")), "[]")
    return found, json.loads(line)


def pair() -> tuple[str, str]:
    issued = AUTHORITY.issue_cert("client.test")
    chain = b"".join(each.bytes() for each in issued.cert_chain_pems)
    return chain.decode(), issued.private_key_pem.bytes().decode()


def encrypted(key: str, password: str) -> str:
    read = serialization.load_pem_private_key(key.encode(), None)
    return read.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.BestAvailableEncryption(password.encode()),
    ).decode()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{ tlsVersion: 'tls1.2' }", [200, "tls1.2"]),
        ("{ tlsVersion: { min: 'tls1.2', max: 'tls1.3' } }", [200, "tls1.3"]),
        ("{ tlsVersion: { max: 'tls1.2' } }", [200, "tls1.2"]),
        (f"{{ tlsVersion: 'tls1.2', tlsCipherSuites: ['{GCM}'] }}", [200, "tls1.2", GCM]),
    ],
)
def test_versions_and_suites_are_those_of_options(
    tmp_path: Path, options: str, told: list[object]
) -> None:
    assert run(tmp_path, options, context())[1][: len(told)] == told


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_are_spoken_when_they_are_asked_for(tmp_path: Path) -> None:
    serving = context()
    serving.minimum_version = ssl.TLSVersion.TLSv1
    serving.maximum_version = ssl.TLSVersion.TLSv1_1
    serving.set_ciphers("ALL:@SECLEVEL=0")
    assert run(tmp_path, "{ tlsVersion: { min: 'tls1.0' } }", serving)[1][:2] == [200, "tls1.1"]
    assert run(tmp_path, "{}", serving)[1][0] == 0, "1.2 is the oldest without"


def test_suites_that_no_server_has_fail_the_request(tmp_path: Path) -> None:
    serving = context()
    serving.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    options = f"{{ tlsVersion: 'tls1.2', tlsCipherSuites: ['{GCM}'] }}"
    assert run(tmp_path, options, serving)[1][0] == 0
    options = f"{{ tlsCipherSuites: ['{GCM}'] }}"
    assert run(tmp_path, options, serving)[1][:2] == [200, "tls1.3"], "1.3 has its own, as in Go"


def test_a_certificate_is_shown_also_with_an_encrypted_key(tmp_path: Path) -> None:
    cert, key = pair()
    for auth in (
        {"cert": cert, "key": key},
        {"cert": cert, "key": encrypted(key, "opensesame"), "password": "opensesame"},
        {"cert": cert, "key": key, "domains": ["elsewhere.test"]},  # as k6: it is the only one
    ):
        options = json.dumps({"tlsAuth": [auth]})
        assert run(tmp_path, options, context(asks=True))[1][0] == 200
    assert run(tmp_path, "{}", context(asks=True))[1][0] == 0


def test_a_certificate_of_the_command_line_wins(tmp_path: Path) -> None:
    stranger = trustme.CA().issue_cert("client.test")
    auth = {
        "cert": stranger.cert_chain_pems[0].bytes().decode(),
        "key": stranger.private_key_pem.bytes().decode(),
    }
    options = json.dumps({"tlsAuth": [auth]})
    assert run(tmp_path, options, context(asks=True))[1][0] == 0
    cert, key = pair()
    own = tmp_path / "own.pem"
    own.write_text(cert + key)
    assert run(tmp_path, options, context(asks=True), "--cert", str(own))[1][0] == 200


def test_the_certificate_is_that_of_the_domain_or_of_any() -> None:
    cert, key = pair()
    domains = (["a.test"], ["*.b.test"], None)
    auth = [{"cert": cert, "key": key, **({"domains": d} if d else {})} for d in domains]
    found = k6_tls.read({"tlsAuth": auth})
    assert found is not None
    one, wild, any_one = (each.certfile.encode() for each in found.certificates)
    assert found.context(RUN_TLS, "A.test")[2:4] == (b"", one)
    assert found.context(RUN_TLS, "x.b.test")[3] == wild
    assert found.context(RUN_TLS, "x.y.b.test")[3] == any_one
    assert found.context(RUN_TLS, "b.test")[3] == any_one


@pytest.mark.parametrize(
    ("options", "said"),
    {
        '{"tlsVersion": "tls1.4"}': "tlsVersion has tls1.4; the versions are tls1.0, tls1.1,",
        '{"tlsVersion": "ssl3.0"}': "tlsVersion has ssl3.0",
        '{"tlsVersion": {"min": "tls1.3", "max": "tls1.2"}}': "tlsVersion has a max below its min",
        '{"tlsVersion": {"max": "tls1.1"}}': "tlsVersion has a max below tls1.2",
        '{"tlsVersion": {"least": "tls1.1"}}': "tlsVersion has least; it takes min and max",
        '{"tlsCipherSuites": "x"}': "tlsCipherSuites is a list such as",
        '{"tlsCipherSuites": ["TLS_RSA_WITH_NONE"]}': "tlsCipherSuites has TLS_RSA_WITH_NONE;",
        '{"tlsCipherSuites": ["TLS_RSA_WITH_RC4_128_SHA"]}': "OpenSSL is without; name another",
        '{"tlsAuth": {}}': "tlsAuth is a list such as",
        '{"tlsAuth": [{"cert": "x"}]}': "tlsAuth[0] needs a cert: a text of PEM",
        '{"tlsAuth": [{"domain": "x"}]}': "tlsAuth[0] has domain; it takes cert, key, password,",
    }.items(),
)
def test_what_openssl_or_nobody_has_is_refused(options: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        k6_tls.read(json.loads(options))
    assert said in str(refused.value)


def test_suites_that_openssl_is_without_are_left_out_and_told() -> None:
    remarks.begin()
    names = ["TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_AES_128_GCM_SHA256"]
    found = k6_tls.read({"tlsCipherSuites": names})
    assert found is not None and found.ciphers == "AES128-GCM-SHA256"
    assert remarks.texts() == ("TLS_RSA_WITH_RC4_128_SHA is not used: OpenSSL is without it here",)


def test_keys_that_cannot_be_used_are_refused_at_load(tmp_path: Path) -> None:
    cert, key = pair()
    locked = encrypted(key, "right")
    for more, said in (
        ({"key": locked}, "The key of tlsAuth[0] is encrypted; give its password."),
        ({"key": locked, "password": "wrong"}, "tlsAuth[0]"),
        ({"key": pair()[1]}, "tlsAuth[0] cannot be used: key values mismatch."),
    ):
        with pytest.raises(UsageError) as refused:
            k6_tls.read({"tlsAuth": [{"cert": cert, **more}]})
        assert said in str(refused.value)
    options = '{ "tlsVersion": "tls9" }'
    found, _ = run(tmp_path, options, context())
    assert found.code == 104 and "tlsVersion has tls9" in found.err
