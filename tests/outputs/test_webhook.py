"""webhook.py and --webhook: what is told of a run that failed, to whom, and what never is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import samples
import scenario_samples
from case import answer
from commandline import Shown, invoke, table_at_once
from servers import Peer, Script, Server, answering, refusing

from fastbench.cli.args import flag_reader, flag_table, url_args
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.outputs import webhook

KEY = "/services/T0KEN/B0T/s3cr3tPath?auth=k3yk3y"
SECRETS = ("T0KEN", "B0T", "s3cr3tPath", "k3yk3y")
SCRIPT = """
from fastbench import scenario


@scenario(executor="shared-iterations", vus=1, iterations=1)
async def visit(vu):
    await vu.get("/")
"""


def clean(text: str) -> None:
    assert not [secret for secret in SECRETS if secret in text], text


def test_the_message_has_a_text_and_the_figures() -> None:
    result = scenario_samples.messages()
    message = webhook.of_result(result, "messages.py", 99)
    text = str(message["text"])
    assert text.startswith("fastbench: messages.py: thresholds failed (exit 99); ")
    assert "req/s" in text and "p95 " in text
    assert "http_req_duration{scenario:email}: p(95)&lt;150" in text
    assert message["exit_code"] == 99 and message["outcome"] == "thresholds failed"
    assert message["thresholdsFailed"] is True
    assert message["requests"] == result.summary.requests
    told: Any = message["thresholds"]
    assert told.keys() == result.thresholds.keys()
    assert told["http_req_duration{scenario:email}: p(95)<150"]["ok"] is False
    latency = result.latency.response or result.latency.service
    assert message["p95_ms"] == latency.percentile(95.0) / 1e6
    json.dumps(message, allow_nan=False)


def test_a_run_without_an_answer_has_no_percentile() -> None:
    message = webhook.of_result(samples.refused(), "x", 122)
    assert message["p95_ms"] is None and "p95" not in str(message["text"])


def test_what_comes_from_elsewhere_is_data_to_slack_and_to_a_terminal() -> None:
    evil = "<!channel> & \x1b[31m<http://evil|click>\u202e"
    result = replace(samples.good(), config={"url": f"http://me:pw@h/?token=abcdef{evil}"})
    message = webhook.of_result(result, evil, 99)
    text = str(message["text"])
    assert "<" not in text and ">" not in text and "&lt;!channel&gt; &amp; " in text
    assert not {"\x1b", "\u202e"} & set(text + str(message["name"]) + str(message["url"]))
    assert "abcdef" not in str(message) and "pw" not in str(message["url"])


def test_many_broken_thresholds_are_told_in_part() -> None:
    result = scenario_samples.messages()
    broken = next(each for each in result.thresholds.values() if not each.ok)
    broken = replace(broken, level="fail")
    result = replace(result, thresholds={f"p99<{at}ms": broken for at in range(9)})
    text = str(webhook.of_result(result, "x", 99)["text"])
    assert text.count("p99&lt;") == webhook.MAX_NAMED and "4 more" in text


@pytest.mark.parametrize("text", ["", "hooks.test" + KEY, "ftp://h" + KEY, f"http://h{KEY} x"])
def test_a_url_that_cannot_be_one_is_not_shown(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        webhook.check(text)
    clean(str(caught.value))
    assert "--webhook takes an http:// or https:// URL" in str(caught.value)


def test_the_url_is_masked_where_a_command_line_is_shown() -> None:
    for words in (["--webhook", f"http://h{KEY}"], [f"--webhook=http://h{KEY}"]):
        clean(str(redact.argv(words)))
        clean(str(flag_reader.read([*words, "x.py"], flag_table.RUN).shown()))
        command = url_args.parse([*words, "http://h/"])
        assert isinstance(command, url_args.Command)
        assert command.output.webhook == f"http://h{KEY}"
        clean(str(command.plan.config))


def replying(start: str, *fields: str) -> Script:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(answer("Content-Length: 0", *fields, start=f"HTTP/1.1 {start}"))

    return script


def broken(peer: Peer) -> None:
    peer.request()
    peer.send(b"what?\r\n\r\n")


def echoing(peer: Peer) -> None:
    asked = peer.request()
    peer.send(answer(f"Content-Length: {len(asked)}", start="HTTP/1.1 400 No", body=asked))


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (replying("200 OK"), ""),
        (replying("204 No Content"), ""),
        (replying("404 Not Found"), "it answered 404"),
        (replying("500 Oh"), "it answered 500"),
        (replying("302 Found", "Location: /other"), "it answered 302"),
        (broken, "its response is not HTTP"),
        (echoing, "it answered 400"),
    ],
)
def test_the_answer_decides_whether_it_was_told(script: Script, problem: str) -> None:
    with Server(script) as server:
        told = webhook.send(server.url(KEY), {"text": "é"})
    assert problem in told and bool(told) is bool(problem)
    clean(told)
    assert server.seen.requests == 1
    head, _, body = server.seen.last.partition(b"\r\n\r\n")
    assert head.startswith(f"POST {KEY} HTTP/1.1\r\n".encode())
    assert b"Content-Type: application/json" in head
    assert json.loads(body) == {"text": "é"}


def test_a_user_in_the_url_is_sent_as_one() -> None:
    with Server(replying("200 OK")) as server:
        url = server.url("/x").replace("://", "://me:pa%20ss@")
        assert webhook.send(url, {}) == ""
    assert b"Authorization: Basic bWU6cGEgc3M=\r\n" in server.seen.last


def test_nobody_there_is_a_sentence() -> None:
    with refusing() as port:
        told = webhook.send(f"http://127.0.0.1:{port}{KEY}", {})
    assert told == f"the webhook at http://127.0.0.1:{port} was not notified: connection refused."


def dripping(peer: Peer) -> None:
    """Say a byte before any patience with a socket ends."""
    peer.request()
    peer.drip(answer("Content-Length: 0"), 0.02)


@pytest.mark.parametrize("script", [Peer.stall, dripping], ids=["silent", "dripping"])
def test_it_takes_no_longer_than_was_agreed(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "LIMIT_S", 0.15)
    with Server(script) as server:
        told = webhook.send(server.url(KEY), {})
    assert told.endswith("was not notified: no response within 0.15s.")


# On the command line.


@dataclass(frozen=True, slots=True)
class Alerted:
    """A run, and what its webhook was told."""

    shown: Shown
    told: tuple[dict[str, Any], ...]


def alerted(*words: str) -> Alerted:
    told = []

    def script(peer: Peer) -> None:
        while True:
            told.append(json.loads(peer.request().partition(b"\r\n\r\n")[2]))
            peer.send(answer("Content-Length: 0"))

    with Server(script) as server:
        shown = invoke(*(word.replace("HOOK", server.url(KEY)) for word in words))
    return Alerted(shown, tuple(told))


@pytest.fixture(scope="module")
def alerts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Alerted]]:
    folder = tmp_path_factory.mktemp("scripts")
    good, bad, wrong = (str(folder / f"{name}.py") for name in ("good", "bad", "wrong"))
    (folder / "good.py").write_text(SCRIPT)
    (folder / "bad.py").write_text("import nowhere_at_all\n")
    (folder / "wrong.py").write_text(f"from fastbench import Options\nOptions(vus=-1)\n{SCRIPT}")
    with Server(answering()) as server, refusing() as port:
        here, gone = server.url(), f"http://127.0.0.1:{port}/"
        lines = {
            "passes": ("-n2", "-c1", "--webhook", "HOOK", here),
            "breaks": ("-n2", "-c1", "--json", "-", "--webhook", "HOOK",
                       "--threshold", "p99<1ns", here),
            "is refused": ("-n2", "-c1", "--webhook", "HOOK", gone),
            "waits": ("-n2", "-c1", "--wait-for", "0.1s", "--webhook", "HOOK", gone),
            "script": ("run", "--json", "-", "--base-url", here, "--threshold", "checks>99%",
                       "--webhook", "HOOK", good),
            "script passes": ("run", "--base-url", here, "--webhook", "HOOK", good),
            "script broken": ("run", "--webhook", "HOOK", bad),
            "options": ("run", "--webhook=HOOK", wrong),
            "dry run": ("run", "--dry-run", "--webhook", "HOOK", wrong),
            "wrong flag": ("-c0", "--webhook", "HOOK", here),
            "nobody there": ("-n2", "-c1", "--threshold", "p99<1ns", "--webhook", gone + KEY, here),
        }  # fmt: skip
        yield table_at_once({name: partial(alerted, *words) for name, words in lines.items()})


CODES = {
    "breaks": 99,
    "is refused": 122,
    "waits": 122,
    "script": 99,
    "script broken": 107,
    "options": 104,
}


@pytest.mark.parametrize("name", CODES)
def test_a_run_that_fails_is_told_once(alerts: dict[str, Alerted], name: str) -> None:
    found = alerts[name]
    assert found.shown.returncode == CODES[name], found.shown.stderr
    assert [each["exit_code"] for each in found.told] == [CODES[name]]
    clean(found.shown.stderr + found.shown.stdout)


def test_what_is_told_is_of_this_run(alerts: dict[str, Alerted]) -> None:
    (plain,) = alerts["breaks"].told
    document = json.loads(alerts["breaks"].shown.stdout)
    assert plain["requests"] == document["summary"]["requests"] == 2
    assert (
        plain["thresholds"]["p99<1ns"]["observed"]
        == (document["thresholds"]["p99<1ns"]["observed"])
    )
    (script,) = alerts["script"].told
    assert script["name"].endswith("good.py") and script["ended"] == "complete"
    assert "no module nowhere_at_all" in alerts["script broken"].told[0]["text"]
    assert "within 100ms: connection refused" in alerts["waits"].told[0]["text"]


@pytest.mark.parametrize("name", ["passes", "script passes"])
def test_a_run_that_passes_is_nobodys_business(alerts: dict[str, Alerted], name: str) -> None:
    assert (alerts[name].shown.returncode, alerts[name].told) == (0, ())


@pytest.mark.parametrize(("name", "code"), [("dry run", 104), ("wrong flag", 1)])
def test_what_is_no_run_is_not_told(alerts: dict[str, Alerted], name: str, code: int) -> None:
    assert (alerts[name].shown.returncode, alerts[name].told) == (code, ())


def test_a_webhook_that_fails_changes_nothing(alerts: dict[str, Alerted]) -> None:
    done = alerts["nobody there"].shown
    assert done.returncode == 99 and "2 requests" in done.stdout
    assert done.stderr.count("was not notified: connection refused.") == 1
    clean(done.stderr)
