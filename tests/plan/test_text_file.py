"""One reader for text that people wrote: marks, line ends, and one sentence for what is no text."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import text_file


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_is_no_part_of_the_text(mark: bytes, encoding: str) -> None:
    text = "näme\r\nzwei\u2028\x85\x0b\x0c\x1c\U0001f600\n"
    assert text_file.decoded(mark + text.encode(encoding), "f") == text


def test_only_line_ends_end_a_line() -> None:
    text = "a\u2028b\x85c\x0bd\x0ce\x1cf\r\ng\rh\n\ni"
    assert text_file.lines(text) == ["a\u2028b\x85c\x0bd\x0ce\x1cf", "g", "h", "", "i"]
    assert text_file.lines("a\n") == ["a"] and text_file.lines("") == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            b"one\r\ntwo\rJos\xe9\n",
            "f, line 3: the byte 0xe9 is not UTF-8; save the file as UTF-8.",
        ),
        (
            b"\xff\xfea\0\n\0\0\xd8",
            "f, line 2: the byte 0x00 is not UTF-16; save the file as UTF-8.",
        ),
        ("a\nb".encode("utf-16-le"), "f, line 1: a NUL, which text does not have; "),
        (b"\x89PNG\r\n\x1a\n\0\0", "f, line 1: the byte 0x89 is not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(data: bytes, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        text_file.decoded(data, "f")
    assert str(caught.value).startswith(sentence)


def test_bytes_that_are_to_be_sent_come_through() -> None:
    text = text_file.decoded(b"\xef\xbb\xbfX: Jos\xe9\n", "f", any_bytes=True)
    assert text.encode("utf-8", "surrogateescape") == b"X: Jos\xe9\n"


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    sparse = tmp_path / "large"
    with open(sparse, "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match=r"-D: `.*large` is larger than 1 GiB; use a smaller file"):
        text_file.read_bytes(str(sparse), "-D")


def test_a_control_character_in_a_name_is_not_printed(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2J").write_bytes(b"\0")
    with pytest.raises(UsageError) as caught:
        text_file.read_text(str(tmp_path / "a\x1b[2J"), "-H")
    assert "\x1b" not in str(caught.value)
