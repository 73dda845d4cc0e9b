"""Proxies of the environment: nothing goes through them, and who cannot connect is told so."""

from __future__ import annotations

import pytest
from commandline import invoke
from servers import Server, answering, refusing

from fastbench.plan.network import proxies

SECRET = "http://u:hunter22@proxy.example:3128"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, ""),
        ({"http_proxy": " ", "no_proxy": "*"}, ""),
        ({"HTTPS_PROXY": SECRET}, "fastbench connects directly; HTTPS_PROXY is not used"),
        (
            {"http_proxy": SECRET, "All_Proxy": "socks5://p"},
            "fastbench connects directly; All_Proxy and http_proxy are not used",
        ),
    ],
)
def test_the_variables_are_named_and_their_values_are_not(
    environ: dict[str, str], said: str
) -> None:
    assert proxies.sentence(environ) == said


@pytest.mark.parametrize("kind", ["dns", "connect", "connect_refused", "connect_timeout"])
def test_only_who_cannot_connect_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", SECRET)
    ((code, text, hint),) = proxies.notices(["timeout", kind])
    assert code == "proxy_not_used" and "HTTP_PROXY" in text and hint
    assert not proxies.notices(["timeout", "reset", "tls"])


def test_a_run_that_cannot_connect_says_that_the_proxy_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", SECRET)
    with refusing() as port:
        for words in (["-n1"], ["--debug"], ["-n1", "--wait-for", "50ms"]):
            run = invoke(*words, f"http://127.0.0.1:{port}/")
            text = " ".join((run.stdout + run.stderr).split())
            assert "fastbench connects directly; http_proxy is not used" in text, words
            assert "hunter22" not in text
    with Server(answering()) as server:
        run = invoke("-n1", server.url())
    assert run.returncode == 0 and "proxy" not in run.stdout + run.stderr
