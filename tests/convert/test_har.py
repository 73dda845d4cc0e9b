"""Recordings of a browser as scripts: the server sees the same requests again."""

from __future__ import annotations

import json
from pathlib import Path

import converting
import pytest
from commandline import invoke
from recorded_shop import Shop, recorded, shop
from running import fastbench

SECRETS = ("-e", "PASSWORD=hunter2 & more")


def made(folder: Path, url: str, *flags: str) -> tuple[Path, str]:
    """Record a session, convert it, and return the script and what was said."""
    return converting.made(folder, json.dumps(recorded(url)), "x.har", *flags)


def test_the_server_sees_the_same_requests_with_new_tokens(tmp_path: Path) -> None:
    with shop() as server:
        script, said = made(tmp_path, server.url)
        first = [each for each in server.came if not each[1].startswith("/static")]
        server.came.clear()
        found = fastbench("run", str(script), "-q", "-t", "1", "-e", "PACE=0", *SECRETS)
        assert found.code == 0, found.err
        assert_same(server, first)
        assert server.refused == []
        assert {row["fails"] for row in found.document["checks"]} == {0}
    text = script.read_text()
    assert "hunter2" not in text and "metrics.example" in said
    assert "metrics.example (1)" in text and '"/static/a.css"' not in text
    assert 'async with group("Sign in"):' in text and "await sleep(2.5 * PACE)" in text


def assert_same(server: Shop, first: list[tuple[str, str, str]]) -> None:
    """Compare what came; of a form with files the parts count, not the boundary."""

    def parts(body: str) -> list[str]:
        pieces = [each.strip("\r\n-") for each in body.split("\r\n")]
        return [p for p in pieces if p and "boundary" not in p and p != "XX"]

    assert len(server.came) == len(first)
    for came, was in zip(server.came, first, strict=True):
        assert came[:2] == was[:2]
        assert parts(came[2]) == parts(was[2]), came


def test_hosts_and_static_files_are_kept_on_request(tmp_path: Path) -> None:
    with shop() as server:
        script, _ = made(tmp_path, server.url, "--static", "--host", "metrics.example")
    text = script.read_text()
    assert '"/static/a.css"' in text and "{METRICS_URL}/collect" in text


@pytest.mark.parametrize(
    ("content", "said"),
    {
        "{": "is no JSON",
        "{}": "cannot be told",
        '<?xml version="1.0"?>\n<jmeterTestPlan version="1.2"/>': "plans of JMeter are not read",
        '{"log": {}}': "no log with entries",
        '{"log": {"entries": []}}': "has no requests",
        '{"log": {"entries": [{"request": {"url": "data:x"}}]}}': "has no requests",
    }.items(),
)
def test_what_is_no_recording_is_refused_in_one_sentence(
    tmp_path: Path, content: str, said: str
) -> None:
    name = "x.json" if content == "{}" or content.startswith("<") else "x.har"
    assert said in converting.refused(tmp_path, content, name)


def test_a_script_that_exists_is_kept_unless_forced(tmp_path: Path) -> None:
    with shop() as server:
        script, _ = made(tmp_path, server.url)
    script.write_text("mine")
    words = ("convert", str(tmp_path / "x.har"), "-o", str(script))
    refused = invoke(*words)
    assert refused.returncode == 1 and "--force" in refused.stderr
    assert script.read_text() == "mine"
    assert invoke(*words, "--force").returncode == 0
    assert script.read_text() != "mine"


def test_tokens_of_cookies_headers_and_addresses_are_read_again(tmp_path: Path) -> None:
    """The values differ in every run; they are looked for wherever a server may put them."""

    def entry(number: int, method: str, path: str, **more: dict[str, str]) -> dict[str, object]:
        def fields(of: str) -> list[dict[str, str]]:
            return [{"name": k, "value": v} for k, v in more.get(of, {}).items()]

        return {
            "startedDateTime": f"2026-01-01T10:00:0{number}Z",
            "request": {"method": method, "url": f"http://x.test{path}", "headers": fields("sent")},
            "response": {"status": 200, "headers": fields("got"), "content": {}},
        }

    secret = "a1b2c3d4e5f6"
    entries = [
        entry(
            0,
            "GET",
            "/",
            got={"Set-Cookie": f"XSRF={secret}%3D; Path=/", "X-CSRF-Token": "9z8y7x6w"},
        ),
        entry(1, "POST", "/a", sent={"X-XSRF": f"{secret}=", "X-Key-Of": "9z8y7x6w"}),
        entry(2, "POST", "/jobs", got={"Location": "/jobs/77001"}),
        entry(3, "GET", "/jobs/77001", sent={"Authorization": "Basic dTpw", "Cookie": "old=1"}),
    ]
    content = json.dumps({"log": {"entries": entries}})
    text = converting.made(tmp_path, content, "x.har")[0].read_text()
    assert secret not in text and "9z8y7x6w" not in text and "77001" not in text
    assert "dTpw" not in text and "auth=(USERNAME, PASSWORD)" in text
    assert 'unquote(vu.cookies.get("XSRF") or "")' in text
    assert 'vu.cookies.set("old", COOKIE_OLD)' in text
