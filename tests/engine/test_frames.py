"""WebSocket frames: every rule by name, any split alike, and wsproto of the same mind."""

from __future__ import annotations

import os
import struct
import zlib
from typing import Any

import pytest
from feeding import splits
from hypothesis import event, given
from hypothesis import strategies as st
from responses import pieces_of
from server_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Messages,
    close_payload,
    conversations,
    read,
    read_by_wsproto,
    server_frame,
)
from wsproto.frame_protocol import FrameProtocol, Opcode
from wsproto.utilities import generate_accept_token

from fastbench.engine.client import _client

HELLO = server_frame(TEXT, b"Hello")
PART = server_frame(TEXT, b"Hel", fin=False)
DEFLATE: dict[str, Any] = {"deflate": True}

# What is wrong, the bytes behind a good message, and how the reader was set.
BROKEN: list[tuple[str, bytes, dict[str, Any]]] = [
    ("reserved bit", server_frame(TEXT, b"x", rsv=1), {}),
    ("reserved bit", server_frame(TEXT, b"x", rsv=2), DEFLATE),
    ("reserved bit", server_frame(TEXT, b"x", rsv=4), {}),
    ("reserved bit", server_frame(PING, b"x", rsv=4), DEFLATE),
    ("reserved bit", PART + server_frame(CONTINUATION, b"x", rsv=4), DEFLATE),
    *[("unknown opcode", bytes([0x80 | opcode]), {}) for opcode in (3, 4, 5, 6, 7, 11, 15)],
    ("masked frame", b"\x81\x85", {}),
    ("masked frame", b"\x89\x80", {}),
    ("long control frame", b"\x89\x7e", {}),
    ("long control frame", b"\x88\x7f", {}),
    ("fragmented control frame", b"\x09", {}),
    ("stray continuation", b"\x80", {}),
    ("stray continuation", b"\x00", {}),
    ("message within a message", PART + b"\x81", {}),
    ("message within a message", PART + server_frame(PONG) + b"\x02", {}),
    ("length not in its shortest form", b"\x82\x7e\x00\x7d", {}),
    ("length not in its shortest form", b"\x82\x7f" + (0xFFFF).to_bytes(8, "big"), {}),
    ("top bit of the length", b"\x82\x7f\x80", {}),
    ("close payload", server_frame(CLOSE, b"\x03"), {}),
    *[
        ("close code", server_frame(CLOSE, close_payload(code)), {})
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
    ],
    ("close reason", server_frame(CLOSE, b"\x03\xe8\xff"), {}),
    ("close reason", server_frame(CLOSE, b"\x03\xe8\xc3"), {}),
    ("text not UTF-8", server_frame(TEXT, b"\xff"), {}),
    ("text not UTF-8", server_frame(TEXT, b"\xc3"), {}),
    ("text not UTF-8", server_frame(TEXT, b"\xc3", fin=False) + server_frame(0, b"("), {}),
    ("text not UTF-8", b"\x81\x05\xed\xa0", {}),
    ("compressed data", server_frame(BINARY, b"\xff\xff", rsv=4), DEFLATE),
    ("frame size", b"\x82\x11", {"max_frame_bytes": 16}),
    ("message size", PART + b"\x80\x0e", {"max_message_bytes": 16}),
]
CODES = {"text not UTF-8": 1007, "close reason": 1007, "compressed data": 1007} | {
    "frame size": 1009,
    "message size": 1009,
}


@pytest.mark.parametrize(("rule", "wire", "settings"), BROKEN)
def test_a_broken_rule_has_its_name_however_the_bytes_are_cut(
    rule: str, wire: bytes, settings: dict[str, Any]
) -> None:
    for pieces in splits(HELLO + wire):
        reader = _client.FrameReader(**settings)
        found = [each for piece in pieces for each in reader.feed(piece)]
        assert found[:1] == [(TEXT, "Hello")] and len(found) <= 2, pieces
        assert (reader.rule, reader.close_code) == (rule, CODES.get(rule, 1002)), pieces
        assert reader.closed and reader.feed(HELLO) == [], "a broken reader takes nothing more"


def test_every_rule_is_tried() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(_client.FRAME_RULES[1:])


def test_what_may_be_is_read_however_it_is_cut() -> None:
    wire = (
        PART
        + server_frame(PING, b"?")
        + server_frame(CONTINUATION, fin=False)
        + server_frame(CONTINUATION, b"lo")
        + server_frame(BINARY)
        + server_frame(TEXT)
        + server_frame(BINARY, b"x" * 126)
        + server_frame(PONG)
        + server_frame(CLOSE, close_payload(4000, "späte Stunde"))
        + b"\xff\xff what comes then counts for nothing"
    )
    expected = [(PING, b"?"), (TEXT, "Hello"), (BINARY, b""), (TEXT, ""), (BINARY, b"x" * 126)]
    for pieces in splits(wire):
        assert read(pieces) == ([*expected, (PONG, b""), (CLOSE, (4000, "späte Stunde"))], "")


def test_a_close_frame_may_be_without_a_code() -> None:
    assert read([server_frame(CLOSE)]) == ([(CLOSE, (1005, ""))], "")


@pytest.mark.parametrize("n_bytes", [125, 126, 65535, 65536, 100_000])
def test_lengths_of_every_form(n_bytes: int) -> None:
    payload = os.urandom(n_bytes)
    wire = server_frame(BINARY, payload)
    for piece_bytes in (len(wire), 1, 7, 4096):
        pieces = [wire[i : i + piece_bytes] for i in range(0, len(wire), piece_bytes)]
        assert read(pieces) == ([(BINARY, payload)], "")


def test_limits_hold_for_frames_messages_and_what_compression_hides() -> None:
    limits = {"max_frame_bytes": 16, "max_message_bytes": 20}
    assert read([server_frame(TEXT, b"x" * 16)], **limits) == ([(TEXT, "x" * 16)], "")
    rest = server_frame(CONTINUATION, b"y" * 4)
    cut = server_frame(TEXT, b"x" * 16, fin=False)
    assert read([cut + rest], **limits) == ([(TEXT, "x" * 16 + "yyyy")], "")
    packed = server_frame(BINARY, deflated(b"0" * 1_000_000), rsv=4)
    assert read([packed], deflate=True, max_message_bytes=10_000) == ([], "message size")
    assert read([b"\x82\x7f" + b"\x7f" + b"\xff" * 7]) == ([], "frame size")


def test_text_that_nobody_looks_at_may_be_anything() -> None:
    assert read([server_frame(TEXT, b"\xff")], check_text=False) == ([(TEXT, "\ufffd")], "")


def test_payloads_that_are_dropped_leave_their_length() -> None:
    wire = PART + server_frame(CONTINUATION, b"x" * 1000) + server_frame(BINARY)
    for pieces in splits(wire):
        assert read(pieces, keep=False) == ([(TEXT, 1003), (BINARY, 0)], "")


def deflated(payload: bytes, packer: Any = None) -> bytes:
    packer = packer or zlib.compressobj(wbits=-15)
    packed: bytes = packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)
    return packed[:-4]


@pytest.mark.parametrize("takeover", [True, False])
def test_compressed_messages_with_and_without_a_context(takeover: bool) -> None:
    packer = zlib.compressobj(wbits=-15)
    texts = [b'{"a": "hello"}', b"", b'{"a": "hello"}', "Grüße".encode()]
    wire = b"".join(
        server_frame(TEXT, deflated(each, packer if takeover else None), rsv=4) for each in texts
    )
    expected: Messages = [(TEXT, each.decode()) for each in texts]
    cut = deflated(b"fragments")
    wire += server_frame(TEXT, cut[:3], fin=False, rsv=4) if not takeover else b""
    wire += server_frame(CONTINUATION, cut[3:]) if not takeover else b""
    expected += [(TEXT, "fragments")] if not takeover else []
    wire += server_frame(BINARY, b"as it is")
    for pieces in splits(wire):
        found = read(pieces, deflate=True, context_takeover=takeover)
        assert found == ([*expected, (BINARY, b"as it is")], "")
    bad = server_frame(TEXT, deflated(b"\xff\xfe"), rsv=4)
    assert read([bad], deflate=True) == ([], "text not UTF-8")


@given(wire=conversations(), data=st.data())
def test_wsproto_finds_the_same_however_the_bytes_are_cut(wire: bytes, data: st.DataObject) -> None:
    found, rule = read([wire])
    event(rule or "well")
    assert read(data.draw(pieces_of(wire))) == (found, rule)
    theirs, code, closed = read_by_wsproto(wire)
    if rule and not code and not closed:
        # wsproto looks at a header once it is complete; ours may be refused before.
        theirs, code, _ = read_by_wsproto(wire + bytes(16))
    if rule == "frame size":
        return
    assert found == theirs[: len(found)] if rule else found == theirs
    assert bool(rule) == bool(code)


@given(st.binary(max_size=24), st.data())
def test_utf8_is_what_python_takes_for_it(noise: bytes, data: st.DataObject) -> None:
    start = data.draw(st.sampled_from([b"", b"0123456", "01234567é".encode(), b"\xf0\x9f\x98"]))
    text = start + noise
    found, rule = read(data.draw(pieces_of(server_frame(TEXT, text))))
    try:
        assert found == [(TEXT, text.decode())] and rule == ""
    except UnicodeDecodeError:
        assert (found, rule) == ([], "text not UTF-8")


# What we write


@given(
    payload=st.one_of(st.binary(max_size=40), st.integers(120, 70_000).map(os.urandom)),
    opcode=st.sampled_from([TEXT, BINARY, CONTINUATION]),
    fin=st.booleans(),
)
def test_a_server_reads_what_we_write(payload: bytes, opcode: int, fin: bool) -> None:
    wire = _client.frame(opcode, payload, fin=fin)
    size, key = (wire[1] & 127), wire[-len(payload) - 4 : len(wire) - len(payload)]
    assert wire[0] == (0x80 if fin else 0) | opcode and wire[1] & 0x80
    if size == 126:
        assert struct.unpack(">H", wire[2:4])[0] == len(payload) > 125
    elif size == 127:
        assert struct.unpack(">Q", wire[2:10])[0] == len(payload) > 0xFFFF
    else:
        assert size == len(payload)
    masked = wire[len(wire) - len(payload) :]
    assert bytes(byte ^ key[i & 3] for i, byte in enumerate(masked)) == payload


def test_control_frames_that_we_write() -> None:
    protocol = FrameProtocol(client=False, extensions=[])
    wire = _client.frame(PING, "?") + _client.close_frame(4001, "späte Stunde")
    protocol.receive_bytes(wire)
    ping, close = protocol.received_frames()
    assert (ping.opcode, ping.payload) == (Opcode.PING, b"?")
    assert close.payload == (4001, "späte Stunde")
    assert len(_client.close_frame(1005)) == 6
    for code in (999, 1005 + 1, 5000, -1, 70_000):
        with pytest.raises(ValueError, match="is no close code"):
            _client.close_frame(code)
    with pytest.raises(ValueError, match="a control frame holds 125 bytes, not 126"):
        _client.frame(PING, "x" * 126)


def test_keys_are_fresh_and_differ_after_a_fork() -> None:
    keys = [_client.frame(TEXT, b"")[2:] for _ in range(1000)]
    assert len(set(keys)) > 990
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writes, _client.frame(TEXT, b"")[2:])
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reads, 4) != _client.frame(TEXT, b"")[2:]
    os.close(reads)
    os.close(writes)


def test_the_handshake_of_the_rfc() -> None:
    assert _client.accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    key = _client.handshake_key()
    assert len(key) == 24 and key != _client.handshake_key()
    assert _client.accept_of(key) == generate_accept_token(key.encode()).decode()
    with pytest.raises(ValueError, match="a key is 24 characters long, not 3"):
        _client.accept_of("abc")
