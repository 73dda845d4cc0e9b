"""HPACK: the examples of RFC 7541 appendix C, errors of blocks, what we write is read."""

from __future__ import annotations

import hpack
import pytest

from fastbench.engine.bridge import _core

# Appendices C.5 and C.6: three answers on a connection, plain and Huffman-coded, whose table holds
# 256 bytes; after each (status, list bytes, bytes of the table, sizes of its fields).
RESIZED = b"\x3f\xe1\x01"  # to 256: our setting is 4,096, so the encoder says that it uses less
ANSWERS = [
    (
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133"
        "2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70"
        "6c65 2e63 6f6d",
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6"
        "2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        (302, 222, [63, 65, 52, 42]),
    ),
    ("4803 3330 37c1 c0bf", "4883 640e ffc1 c0bf", (307, 222, [42, 63, 65, 52])),
    (
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d"
        "54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049"
        "5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e"
        "3d31",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab"
        "77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f"
        "9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        (200, 372, [98, 52, 65]),
    ),
]


@pytest.mark.parametrize("coded", [0, 1], ids=["plain", "Huffman"])
def test_the_answers_of_the_rfc(coded: int) -> None:
    table = _core.HeadTable(_core.BlockMemo())
    for number, (*wires, (status, list_bytes, sizes)) in enumerate(ANSWERS):
        block = (b"" if number else RESIZED) + bytes.fromhex(wires[coded])
        error, seen, length, rule, seen_bytes = table.read(block)
        assert (error, seen, length, rule, seen_bytes) == ("", status, -1, "", list_bytes)
        assert [size for size, *_ in table.fields] == sizes
        assert (table.max_bytes, table.n_bytes) == (256, sum(sizes))


def test_what_a_request_needs_on_a_connection() -> None:
    fields = [(b"User-Agent", b"fastbench"), (b"Accept", b"*/*"), (b"Connection", b"close")]
    blocks = _core.RequestBlocks([(b"GET", b"https", b"127.0.0.1:8443", b"/api/health", fields)])
    expected = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "127.0.0.1:8443"),
        (":path", "/api/health"),
        ("user-agent", "fastbench"),
        ("accept", "*/*"),
    ]
    reader = hpack.Decoder()
    assert reader.decode(blocks.first(0)) == expected
    assert blocks.later(0) == bytes((0x82, 0x87, 0xC1, 0xC0, 0xBF, 0xBE))
    assert [reader.decode(blocks.later(0)) for _ in range(2)] == [expected] * 2
    assert hpack.Decoder().decode(blocks.literal(0)) == expected
