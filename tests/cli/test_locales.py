"""What is printed in a locale without UTF-8: ASCII, and never an error of encoding."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from servers import Server, answering

FASTBENCH = [sys.executable, "-m", "fastbench"]


@pytest.fixture(scope="module")
def answering_server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


LOCALES = [
    {"LC_ALL": "C"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    {"PYTHONIOENCODING": "latin-1"},
]


@pytest.mark.parametrize("said", LOCALES)
@pytest.mark.parametrize(
    "words",
    [
        ["-c2", "-n300", "-H", "X-Name: café", "URL"],
        ["--no-such-fläg", "URL"],
        ["http://127.0.0.1:9/€…"],
        ["--debug", "-n1", "URL"],
        ["run", "no-such-ä….py"],
        ["doctor"],
        ["examples"],
    ],
)
def test_whatever_is_said_in_another_locale_is_ascii_and_no_traceback(
    words: list[str], said: dict[str, str], answering_server: Server
) -> None:
    words = [answering_server.url() if word == "URL" else word for word in words]
    done = subprocess.run([*FASTBENCH, *words], capture_output=True, env={**os.environ, **said})
    assert b"Traceback" not in done.stderr and b"UnicodeEncodeError" not in done.stderr
    shown = (done.stdout + done.stderr).decode("ascii")  # which raises
    assert shown.strip()
    if words[0] == "-c2":
        assert done.returncode == 0
        assert "Histogram of requests by service time" in shown and "#" in shown


def test_a_locale_that_is_not_said_is_that_of_a_terminal_of_today(
    answering_server: Server,
) -> None:
    names = ("LC_ALL", "LC_CTYPE", "LANG", "PYTHONUTF8", "PYTHONIOENCODING")
    bare = {name: value for name, value in os.environ.items() if name not in names}
    line = [*FASTBENCH, "-c2", "-n300", answering_server.url()]
    done = subprocess.run(line, capture_output=True, env=bare)
    assert "█".encode() in done.stdout
