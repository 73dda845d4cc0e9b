"""debug_varied.py: requests that vary are shown as a run would send them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from request_log import logging_server

from fastbench.cli import main


def debug(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["--debug", *words])
    return code, capsys.readouterr().out


def test_as_many_are_rendered_as_n_says(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text('id,name\n7,"ann ""b"""\n8,bo\n')
    with logging_server() as log:
        code, out = debug(
            capsys,
            *("-n", "3", "-c", "1", "--feed", str(rows), "-X", "PUT", "--seed", "3"),
            *("-b", '{"n": "{{name}}"}', f"{log.url}/u/{{{{id}}}}?k={{{{seq:5}}}}&h={{{{hex:8}}}}"),
        )
    assert code == 0 and "All 3 counted as ok." in out
    assert [re.sub("h=.*", "", path) for _, path, _ in log.came] == [
        "/u/7?k=5&",
        "/u/8?k=6&",
        "/u/7?k=7&",
    ]
    assert [body for *_, body in log.came] == [
        '{"n": "ann \\"b\\""}',
        '{"n": "bo"}',
        '{"n": "ann \\"b\\""}',
    ]
    for number, (_, path, body) in enumerate(log.came, 1):
        assert f"Request {number} of 3 to {log.url}{path} " in out
        assert f"> PUT {path} HTTP/1.1\n" in out and f"> {body}\n" in out
    assert "{{" not in out


def test_without_n_each_url_is_sent_once(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_server() as log:
        code, _ = debug(capsys, f"{log.url}/a/{{{{seq}}}}", f"{log.url}/b")
    assert code == 0 and [path for _, path, _ in log.came] == ["/a/1", "/b"]


def test_no_more_than_ten_are_sent(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_server() as log:
        code, out = debug(capsys, "-n", "1000", "-c", "1", f"{log.url}/{{{{seq}}}}")
    assert code == 0 and len(log.came) == 10 and "990 more are not sent" in out


def test_each_is_judged_by_its_own_text(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer says "id": 17 whatever was asked."""
    with logging_server() as log:
        code, out = debug(
            capsys,
            *("-n", "2", "-c", "1", "--expect-body", '"id": {{seq:16}}', f"{log.url}/{{{{seq}}}}"),
        )
    assert code == 122 and "1 of 2 counted as ok." in out


def test_secrets_of_a_row_are_masked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"user": "ann", "pw": "hunter22"}\n')
    with logging_server() as log:
        _, out = debug(
            capsys,
            *("--feed", str(rows), "-a", "{{user}}:{{pw}}", f"{log.url}/?token={{{{pw}}}}"),
        )
    assert log.headers[0]["authorization"] == "Basic YW5uOmh1bnRlcjIy"
    assert log.came[0][1] == "/?token=hunter22"
    assert "hunter22" not in out and "YW5uOmh1bnRlcjIy" not in out
