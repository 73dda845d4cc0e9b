"""What is drawn reads in ASCII, and its columns stay below each other."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.foundation import ascii_forms, stdio

DRAWN = "".join(ascii_forms.FORMS)


@given(st.text(st.sampled_from(DRAWN + "ab é\n"), max_size=80))
def test_any_text_is_ascii_with_as_many_lines(text: str) -> None:
    shown = ascii_forms.in_ascii(text)
    assert shown.isascii()
    assert shown.count("\n") == text.count("\n")
    assert shown.count("?") == text.count("é"), "what we draw has a form of its own"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("oldest ≥ 3ms · 2 ok", "oldest >= 3ms, 2 ok"),
        (
            "a long na…     12   0\nanother        13   0",
            "a long na...   12   0\nanother        13   0",
        ),
        ("0→50 …  9", "0->50 ... 9"),
        ("  0→50      9\n  50        9", "  0->50     9\n  50        9"),
        ("±1 µs × 2", "+-1 us x 2"),  # noqa: RUF001
        ("│ a │", "| a |"),
    ],
)
def test_a_longer_form_takes_its_room_from_the_blanks_behind_it(text: str, shown: str) -> None:
    assert ascii_forms.in_ascii(text) == shown


class Stream(io.StringIO):
    """A text stream of some encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


@pytest.mark.parametrize(
    ("said", "encoding", "shows"),
    [
        ({}, "utf-8", True),
        ({"LANG": "de_DE.UTF-8"}, "UTF-8", True),
        ({"LC_ALL": "C"}, "utf-8", False),
        ({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, "utf-8", False),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, "utf-8", True),
        ({"LC_ALL": "", "LANG": "C"}, "utf-8", False),
        ({"LC_CTYPE": "C", "LANG": "en_US.UTF-8"}, "utf-8", False),
        ({"LC_ALL": "C", "PYTHONUTF8": "1"}, "utf-8", True),
        ({"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}, "utf-8", True),
        ({}, "ascii", False),
        ({}, "iso8859-1", False),
    ],
)
def test_a_locale_that_is_said_decides(
    said: dict[str, str], encoding: str, shows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG", "PYTHONUTF8", "PYTHONIOENCODING"):
        monkeypatch.delenv(name, raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert stdio.shows_unicode(Stream(encoding)) is shows


ASKS = "import sys; from fastbench.foundation import stdio; print(stdio.shows_unicode(sys.stdout))"


@pytest.mark.parametrize(
    ("said", "shows"),
    [
        ({"LANG": "C"}, "False"),  # Python makes LC_CTYPE=C.UTF-8 of it
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "True"),
        ({}, "True"),
    ],
)
def test_what_python_made_of_the_locale_is_not_what_was_said(
    said: dict[str, str], shows: str
) -> None:
    names = ("LC_ALL", "LC_CTYPE", "LANG", "PYTHONUTF8", "PYTHONIOENCODING")
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", ASKS], capture_output=True, text=True, env=inherited | said
    )
    assert (done.stdout, done.stderr) == (f"{shows}\n", "")
