"""What a response says of its connection: where it led, and how it was encrypted."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from certificates import Authority, serving
from k6_peer import told_by_both, told_by_fastbench

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SCRIPT = """
import http from 'k6/http';
export const options = { vus: 1, iterations: 1, insecureSkipTLSVerify: true };
const NAMES = ['remote_ip', 'tls_version', 'tls_cipher_suite', 'ocsp', 'proto', 'status_text'];
export default function () {
  const first = http.get(__ENV.URL);
  const again = http.get(__ENV.URL);
  const refused = http.get('http://127.0.0.1:1/');
  const told = [first, again, refused].map((each) => NAMES.map((name) => each[name]));
  const port = Number(/:([0-9]+)$/.exec(__ENV.URL)[1]);
  told.push([first.remote_port === port, again.remote_port === port, refused.remote_port]);
  http.post(`${__ENV.URL}/told`, JSON.stringify(told));
}
"""
SUITES = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305": "ECDHE-ECDSA-CHACHA20-POLY1305",
}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.js"
    path.write_text(SCRIPT)
    return path


def test_a_response_tells_the_address_that_it_came_from(script: Path) -> None:
    ((first, again, refused, ports),) = told_by_fastbench(script, {})
    assert first[:3] == again[:3] == ["127.0.0.1", "", ""]
    assert refused[:3] == ["", "", ""]
    assert ports == [True, True, 0]


@pytest.mark.slow
@pytest.mark.parametrize("suite", [*SUITES, "TLSv1.3", "plain"])
def test_addresses_versions_and_cipher_suites_are_k6s(
    script: Path, tmp_path: Path, suite: str
) -> None:
    tls = None if suite == "plain" else serving(Authority(tmp_path).ca.issue_cert("127.0.0.1"))
    if tls is not None and suite in SUITES:
        tls.maximum_version = ssl.TLSVersion.TLSv1_2
        tls.set_ciphers(SUITES[suite])
    ours, theirs = told_by_both(script, {}, tls=tls)
    assert ours == theirs
    if suite in SUITES:
        assert ours[0][1][1:3] == ["tls1.2", suite]
