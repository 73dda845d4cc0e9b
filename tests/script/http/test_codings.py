"""Bodies of answers: unpacked within bounds or left as they came, and read in their charset."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import fastbench
from servers import Peer, Server
from vus import User, run

from fastbench.foundation.platforms import install_command
from fastbench.script import remarks
from fastbench.script.http import codings

TEXT = b"hello, world\n" * 500
BOMB = gzip.compress(bytes(8 << 20), mtime=0)


@pytest.fixture(autouse=True)
def told() -> Iterator[list[str]]:
    """What a run warns of."""
    texts: list[str] = []
    remarks.begin()
    remarks.hear(lambda code, text, hint: texts.append(text))
    yield texts
    remarks.begin()


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def answering(body: bytes, *fields: str) -> Server:
    """A server whose every answer is this one."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *fields, "", ""]

    def handle(peer: Peer) -> None:
        while peer.request():
            peer.send("\r\n".join(lines).encode("latin-1") + body)

    return Server(handle)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("GZIP", gzip.compress(TEXT[:100], mtime=0) + gzip.compress(TEXT[100:], mtime=0)),
        ("x-gzip", gzip.compress(TEXT, mtime=0) + b"\0" * 8),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("deflate, gzip", gzip.compress(zlib.compress(TEXT), mtime=0)),
        ("gzip, identity", gzip.compress(TEXT, mtime=0)),
        ("identity,, gzip ", gzip.compress(TEXT, mtime=0)),
        ("identity", TEXT),
        ("", TEXT),
    ],
)
def test_bodies_are_unpacked(coding: str, packed: bytes, told: list[str]) -> None:
    with answering(packed, f"Content-Encoding: {coding}") as server:
        response, _ = run(lambda vu: vu.get(server.url("/")))
    assert response.body == TEXT and response.text == TEXT.decode()
    assert response.raw_body == packed and response.body_error == "" and told == []


NOT_UNPACKED = [
    ("utf-8", TEXT, "the Content-Encoding `utf-8` is not known"),
    ("none", TEXT, "the Content-Encoding `none` is not known"),
    ("compress", b"x", "the Content-Encoding `compress` is not known"),
    ("gzip;q=1", TEXT, "the Content-Encoding `gzip;q=1` is not known"),
    ("gzip", b"no gzip at all", "no valid gzip"),
    ("gzip", gzip.compress(TEXT, mtime=0)[:-9], "gzip that ends too early"),
    ("gzip", gzip.compress(TEXT, mtime=0)[:-8] + bytes(8), "no valid gzip"),
    ("gzip", BOMB, "gzip that unpacks to more than 200 times its size"),
    ("deflate", zlib.compress(bytes(8 << 20)), "deflate that unpacks to more than"),
    ("deflate", b"\x78\x9cno", "no valid deflate"),
]


@pytest.mark.parametrize(("coding", "packed", "why"), NOT_UNPACKED)
def test_what_cannot_be_unpacked_stays_and_is_said_once(
    coding: str, packed: bytes, why: str, told: list[str]
) -> None:
    async def twice(vu: User) -> Any:
        await vu.get(server.url("/"))
        first, second = await vu.get(server.url("/")), await vu.get(server.url("/"))
        assert first.body == second.body
        return second

    with answering(packed, f"Content-Encoding: {coding}") as server:
        response, _ = run(twice)
    assert response.body == packed and response.status == 200 and not response.error
    assert response.body_error.startswith(why)
    assert told == [f"bodies of responses were not decoded: {response.body_error}"]


def test_a_run_of_several_workers_says_it_once(tmp_path: Path) -> None:
    script = tmp_path / "s.py"
    with answering(TEXT, "Content-Encoding: utf-8") as server:
        script.write_text(
            "from fastbench import check, scenario\n"
            "@scenario(executor='per-vu-iterations', vus=2, iterations=2)\n"
            "async def go(vu):\n"
            f"    answer = await vu.get({server.url('/')!r})\n"
            "    check(answer, {'text': lambda r: 'hello' in r.text and r.body_error != ''})\n"
        )
        found = fastbench("run", "-t2", "--threshold", "checks==100%", str(script))
    assert found.code == 0
    said = [each["text"] for each in found.document["warnings"]]
    assert sum("`utf-8` is not known" in text for text in said) == 1


def test_a_coding_below_an_unknown_one_is_not_undone() -> None:
    packed = gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0)
    found, why = codings.decode({"Content-Encoding": "gzip, made-up, gzip"}, packed)
    assert found == gzip.decompress(packed) and "made-up" in why
    two = {"Content-Encoding": "gzip, gzip"}
    assert codings.decode(two, gzip.compress(BOMB, mtime=0))[0] == BOMB


def test_json_of_a_body_that_is_not_unpacked_says_why() -> None:
    with answering(b"\x1f\x8b", "Content-Encoding: gzip") as server:
        response, _ = run(lambda vu: vu.get(server.url("/")))
    assert response.body_error == "gzip that ends too early"
    with pytest.raises(ValueError, match="The body is no JSON: gzip that ends too early"):
        response.json()


def test_json_may_begin_with_a_byte_order_mark() -> None:
    with answering(b'\xef\xbb\xbf{"id": 7}') as server:
        response, _ = run(lambda vu: vu.get(server.url("/")))
    assert response.json("id") == 7


@pytest.mark.parametrize(
    ("said", "body", "text"),
    [
        ("text/plain; charset=ISO-8859-1", b"Jos\xe9", "José"),
        ('text/plain; a=b; Charset="windows-1252"', b"\x80", "€"),
        ("text/plain; charset=utf-16", "Jos\u00e9".encode("utf-16"), "José"),
        ("text/plain; charset=UTF-8", b"Jos\xc3\xa9\xe9", "José\ufffd"),
        ("text/plain; charset=utf8mb4", b"Jos\xc3\xa9", "José"),
        ("text/plain; charset=hex", b"00", "00"),
        ("text/plain; charset=", b"Jos\xc3\xa9", "José"),
        ("text/plain; charset=\xe9", b"Jos\xc3\xa9", "José"),
        ("text/plain", b"Jos\xc3\xa9\xe9", "José\ufffd"),
    ],
)
def test_text_is_read_in_its_charset_or_in_utf_8(said: str, body: bytes, text: str) -> None:
    with answering(body, f"Content-Type: {said}") as server:
        response, _ = run(lambda vu: vu.get(server.url("/")))
    assert response.text == text


def test_brotli_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    br = {"Content-Encoding": "br"}
    monkeypatch.setattr(codings, "_brotli", lambda: None)
    found, why = codings.decode(br, b"x")
    assert found == b"x" and "pip install 'brotli>=1.2'" in why
    monkeypatch.undo()
    brotli = pytest.importorskip("brotli", minversion="1.2")
    assert codings.decode(br, brotli.compress(TEXT)) == (TEXT, "")
    for wrong in (
        brotli.compress(TEXT)[:-5],
        b"garbage",
        brotli.compress(bytes(8 << 20), quality=1),
    ):
        found, why = codings.decode(br, wrong)
        assert found == wrong
        assert why in ("no valid br", "br that ends too early") or "more than 200" in why


def test_zstd_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    zstd = {"Content-Encoding": "zstd"}
    monkeypatch.setattr(codings, "_zstd", lambda: None)
    found, why = codings.decode(zstd, b"x")
    assert found == b"x" and install_command("zstd") in why
    monkeypatch.undo()
    module = codings._zstd()
    if module is None:
        pytest.skip("zstd needs Python 3.14 or backports.zstd")
    packed = module.compress(TEXT)
    assert codings.decode(zstd, packed) == (TEXT, "")
    assert codings.decode(zstd, packed + module.compress(b"more")) == (TEXT + b"more", "")
    window = {module.CompressionParameter.window_log: 27}
    for wrong, what in (
        (packed[:-5], "ends too early"),
        (b'{"id": 7}', "no valid zstd"),
        (module.compress(bytes(64 << 20)), "more than 200 times"),
        (module.compress(bytes(1 << 20) * 10, options=window)[:-1], "zstd"),
    ):
        found, why = codings.decode(zstd, wrong)
        assert found == wrong and what in why


def test_a_small_answer_may_unpack_to_a_mebibyte() -> None:
    found, _ = codings.decode({"Content-Encoding": "gzip"}, gzip.compress(bytes(1 << 20)))
    assert len(found) == 1 << 20
