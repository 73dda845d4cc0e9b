"""Tests of Artillery as scripts: the same requests as the file itself sends."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from converting import made, refused, requests
from request_log import logging_server
from running import fastbench

pytest.importorskip("yaml")
SAMPLE = (Path(__file__).parent / "samples" / "shop.yml").read_text()


def test_a_test_sends_what_the_file_itself_sends(tmp_path: Path) -> None:
    script, said = made(tmp_path, SAMPLE, "shop.yml")
    assert said == ""
    with logging_server() as server:
        found = fastbench("run", str(script), "-q", "-e", f"BASE_URL={server.url}")
        assert found.code == 0, found.err
        came, counts = set(requests(server)), Counter(path for _, path, _ in server.came)
        sent = {h.get("authorization") for h in server.headers}
        assert all(h.get("x-common") == "1" for h in server.headers)
    assert found.document["scenarios"][0]["iterations"] == 50
    assert counts["/login"] == 1 and counts["/items/2"] == 2 * counts["/list?color=red"]
    assert counts["/look/p"] + counts["/form"] == 50 and counts["/form"] > counts["/look/p"]
    assert sent == {None, "Bearer t0"}
    assert ("PUT", "/items/2", '{"id": 2, "n": 0, "text": "id 2"}') in came
    assert {row["fails"] for row in found.document["checks"]} == {0}
    assert {"the form", "PUT /items/{item}"} <= {row["name"] for row in found.document["requests"]}
    with logging_server() as server:
        words = ("--target", server.url, "-q")
        assert fastbench("run", str(tmp_path / "shop.yml"), *words).code == 0
        assert set(requests(server)) == came


def test_what_has_no_counterpart_is_marked_with_its_line(tmp_path: Path) -> None:
    text = """
config:
  target: http://localhost:8080
  processor: ./x.js
scenarios:
  - flow:
      - function: sign
      - get: {url: /a, capture: {xpath: //b, as: b}}
      - get: {url: "/b/{{ unknown }}"}
      - loop: [{get: {url: /c}}]
        count: 2
"""
    script, said = made(tmp_path, text, "shop.yml", layout=False)
    lines = [each.partition("not carried over: ")[2] for each in said.splitlines()]
    assert [each.partition(":")[0].split(" (")[0] for each in lines] == [
        "the step function",
        "the capture {'xpath'",
        "{{ unknown }} has no value here",
        "functions of ./x.js",
    ]
    with logging_server() as server:
        found = fastbench("run", str(script), "-q", "-e", f"BASE_URL={server.url}")
        assert found.code == 0, found.err
        assert [path for _, path, _ in server.came] == ["/a", "/b/", "/c", "/c"]


@pytest.mark.parametrize(
    ("content", "said"),
    {
        "scenarios:\n  - flow: [": "this is not YAML",
        "scenarios: []": "has no scenarios",
        "config: {phases: [{arrivalRate: 1}]}\nscenarios: [{flow: []}]": "line 1: a phase needs",
    }.items(),
)
def test_what_is_no_test_is_refused_with_its_line(tmp_path: Path, content: str, said: str) -> None:
    assert said in refused(tmp_path, content, "x.yml")


def test_headers_of_all_requests_are_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAME", "anna")
    text = """
config:
  target: TARGET
  phases: [{duration: 1, arrivalCount: 2}]
  variables: {kind: tea}
  defaults: {headers: {X-Old: "those of http replace it"}}
  http: {defaults: {headers: {X-Plain: "1", X-Kind: "a {{ kind }}", X-Env: "{{ $env.NAME }}"}}}
scenarios:
  - flow:
      - get: {url: /a}
      - post: {url: /b, json: {a: 1}, headers: {x-kind: own, X-More: "2"}}
"""
    script, said = made(tmp_path, text, "test.yml")
    assert said == ""
    names = ("x-plain", "x-kind", "x-env", "x-more", "x-old")
    seen = []
    for words in (str(script), str(tmp_path / "test.yml")):
        with logging_server() as server:
            (tmp_path / "test.yml").write_text(text.replace("TARGET", server.url))
            more = ("-e", f"BASE_URL={server.url}") if words.endswith(".py") else ()
            found = fastbench("run", words, "-q", *more)
            assert found.code == 0, found.err
            seen.append(sorted([h.get(name) or "" for name in names] for h in server.headers))
    assert seen[0] == [
        *([["1", "a tea", "anna", "", ""]] * 2),
        *([["1", "own", "anna", "2", ""]] * 2),
    ]
    assert seen[1] == seen[0]
