"""HPACK: the examples of RFC 7541 appendix C, every error of a block, every malformed answer."""

from __future__ import annotations

import hpack
import pytest
from header_blocks import Fields, Peers, Verdict, meaning_of

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
    for number, (plain, huffman, (status, list_bytes, sizes)) in enumerate(ANSWERS):
        block = (b"" if number else RESIZED) + bytes.fromhex(huffman if coded else plain)
        error, seen, length, rule, seen_bytes = table.read(block)
        assert (error, seen, length, rule, seen_bytes) == ("", status, -1, "", list_bytes)
        assert [size for size, *_ in table.fields] == sizes
        assert (table.max_bytes, table.n_bytes) == (256, sum(sizes))


def test_what_a_request_needs_on_a_connection() -> None:
    fields = [(b"User-Agent", b"fastbench"), (b"Accept", b"*/*"), (b"Connection", b"close")]
    blocks = _core.RequestBlocks([(b"GET", b"https", b"127.0.0.1:8443", b"/api/health", fields)])
    expected: list[object] = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "127.0.0.1:8443"),
        (":path", "/api/health"),
        ("user-agent", "fastbench"),
        ("accept", "*/*"),
    ]
    reader = hpack.Decoder()
    assert list(reader.decode(blocks.first(0))) == expected
    assert blocks.later(0) == bytes((0x82, 0x87, 0xC1, 0xC0, 0xBF, 0xBE))
    assert [list(reader.decode(blocks.later(0))) for _ in range(2)] == [expected] * 2
    assert list(hpack.Decoder().decode(blocks.literal(0))) == expected


@pytest.mark.parametrize(
    ("value", "prefix_bits", "wire"), [(10, 5, "0a"), (1337, 5, "1f9a0a"), (42, 8, "2a")]
)
def test_the_integers_of_the_rfc(value: int, prefix_bits: int, wire: str) -> None:
    assert _core.encode_integer(0, prefix_bits, value).hex() == wire


# Appendix C.2: a field in each form; whether the table has it then, and its name and value.
FORMS = [
    ("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", 1, 0),
    ("040c 2f73 616d 706c 652f 7061 7468", 0, 0),
    ("1008 7061 7373 776f 7264 0673 6563 7265 74", 0, 1),
    ("82", 0, 0),
]
FIELDS = [(b"custom-key", b"custom-header"), (b":path", b"/sample/path")]
FIELDS += [(b"password", b"secret"), (b":method", b"GET")]


@pytest.mark.parametrize(("form", "field"), list(zip(FORMS, FIELDS, strict=True)))
def test_the_forms_of_the_rfc(form: tuple[str, int, int], field: tuple[bytes, bytes]) -> None:
    wire, inserted, never = form
    table = _core.FieldTable()
    _, found = table.read(bytes.fromhex(wire))
    assert found == [(*field, bool(never))]
    assert table.fields == [field] * inserted


# Appendices C.3 and C.4: three requests on a connection, plain and Huffman-coded.
REQUESTS = [
    (
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    ),
    ("8286 84be 5808 6e6f 2d63 6163 6865", "8286 84be 5886 a8eb 1064 9cbf"),
    (
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ),
]
INSERTED = [(b":authority", b"www.example.com"), (b"cache-control", b"no-cache")]
INSERTED.append((b"custom-key", b"custom-value"))


@pytest.mark.parametrize("coded", [0, 1], ids=["plain", "Huffman"])
def test_the_requests_of_the_rfc(coded: int) -> None:
    table = _core.FieldTable()
    for number, wires in enumerate(REQUESTS):
        _, found = table.read(bytes.fromhex(wires[coded]))
        scheme, path = (b"https", b"/index.html") if number == 2 else (b"http", b"/")
        start = [(b":method", b"GET"), (b":scheme", scheme), (b":path", path)]
        expected = [*start, INSERTED[0], *INSERTED[1:][number - 1 : number] * (number > 0)]
        assert [(name, value) for name, value, _ in found] == expected
        assert table.fields == INSERTED[number::-1]


def test_the_bytes_of_the_answers_of_the_rfc() -> None:
    for coded in (0, 1):
        peers = Peers(_core.BlockMemo())
        for number, (plain, huffman, _) in enumerate(ANSWERS):
            block = bytes.fromhex(huffman if coded else plain)
            assert peers.read(block if number else RESIZED + block) == ""
        assert [name for name, _ in peers.scripts.fields] == [
            *(b"set-cookie", b"content-encoding", b"date"),
        ]


BROKEN = [
    ("cut off", "ff"),
    ("cut off", "ff80"),
    ("cut off", "00"),
    ("cut off", "0001"),
    ("cut off", "000161"),
    ("cut off", "00016105626262"),
    ("cut off", "08"),
    ("cut off", "3f"),
    ("cut off", "0084ff"),
    ("integer", "ff808080808000"),
    ("integer", "ffffffffff7f"),
    ("integer", "007fffffffff0f"),
    ("index", "80"),
    ("index", "be"),
    ("index", "7e00"),
    ("index", "0f2f00"),
    ("index", "40016100bf"),
    ("Huffman code", "0881fe"),
    ("Huffman code", "0882ffff"),
    ("Huffman code", "0884ffffffff"),
    ("Huffman code", "088118"),
    ("Huffman code", "088200fe"),
    ("table size", "3fe21f"),
    ("table size", "3fe2ff0f"),
    ("late table size update", "8820"),
    ("late table size update", "0801613fe11f"),
    ("late table size update", "202020"),
]


@pytest.mark.parametrize(("error", "wire"), BROKEN)
def test_an_error_of_a_block_has_its_name(error: str, wire: str) -> None:
    assert Peers(_core.BlockMemo()).read(bytes.fromhex(wire)) == error


def test_every_error_is_tried() -> None:
    assert {error for error, _ in BROKEN} == set(_core.BLOCK_ERRORS) - {"", "size"}


def test_a_block_and_its_list_are_bounded() -> None:
    most = _core.MAX_BLOCK_BYTES
    value = b"a" * (most - 32 - 3)
    plain = _core.encode_integer(0, 7, len(value)) + value
    assert len(plain) < most and Peers(_core.BlockMemo()).read(b"\x00\x03x-a" + plain) == ""
    for large in (
        b"\x00\x04x-ab" + plain,
        b"\x88" * (most // 42 + 1),  # a list of 42 bytes for every byte
        _core.encode_field(b"x-a", b"v" * 4000, "insert") + b"\xbe" * 16,
        _core.encode_field(b"x", b"0" * (most + 1), "plain"),  # a third of it once it is coded
    ):
        assert Peers(_core.BlockMemo()).read(large) == "size"
    assert _core.HeadTable().read(b"\x88" * (most // 42))[0] == ""
    assert _core.HeadTable().read(b"\x20" * (most + 1))[0] == "size"


# How a string may end: with up to seven ones, which begin the symbol for its end.
ENDS = [
    ("", b""),
    ("1f", b"a"),
    ("18ff", b"aa"),
    ("1c", None),
    ("ff", None),
    ("f8", b"&"),
    ("fe", None),
    ("fffffffc", None),
    ("ffffffff", None),
    ("ffc7", b"\0"),
    ("ffffff", None),
    ("00", None),
    ("07", b"0"),
    ("1fffffffff", None),
    ("1fffff", None),
]


@pytest.mark.parametrize(("wire", "text"), ENDS)
def test_a_huffman_coded_string_ends_with_less_than_a_byte_of_ones(
    wire: str, text: bytes | None
) -> None:
    assert _core.decode_huffman(bytes.fromhex(wire)) == text


def test_every_byte_is_coded_and_read() -> None:
    everything = bytes(range(256))
    for text in (everything, everything[::-1] * 3, *(bytes([each]) * 9 for each in range(256))):
        wire = hpack.huffman.HuffmanEncoder(
            hpack.huffman_constants.REQUEST_CODES, hpack.huffman_constants.REQUEST_CODES_LENGTH
        ).encode(text)
        assert _core.decode_huffman(wire) == text
        ours = _core.encode_field(b"te", text, "never")
        assert next(iter(hpack.Decoder().decode(ours, raw=True))) == (b"te", text)
        if len(wire) < len(text):
            assert ours.endswith(wire)


OK = (b":status", b"200")
MALFORMED: list[tuple[str, Fields]] = [
    ("late pseudo-field", [(b"a", b""), OK]),
    ("unknown pseudo-field", [OK, (b":path", b"/")]),
    ("unknown pseudo-field", [OK, (b":", b"")]),
    ("repeated pseudo-field", [OK, OK]),
    ("repeated pseudo-field", [(b":status", b"100"), OK]),
    ("no :status", []),
    ("no :status", [(b"server", b"x")]),
    *[(":status", [(b":status", each)]) for each in (b"", b"20", b"2000", b"2x0", b"099", b" 20")],
    ("empty field name", [OK, (b"", b"x")]),
    ("upper case in a field name", [OK, (b"Server", b"x")]),
    ("upper case in a field name", [OK, (b"x-Z", b"x")]),
    *[
        ("byte in a field name", [OK, (b"x" + bytes([each]), b"")])
        for each in (0, 9, 10, 13, 32, *b'"(),/:;<=>?@[\\]{}', 127, 128, 255)
    ],
    *[
        ("byte in a field value", [OK, (b"x", b"a" + bytes([each]) + b"b")])
        for each in (0, 1, 8, 10, 13, 31, 127)
    ],
    *[
        ("blank at an end of a field value", [OK, (b"x", value)])
        for value in (b" ", b"\t", b" a", b"a ", b"\ta", b"a\t")
    ],
    *[
        ("connection-specific field", [OK, (name, b"trailers")])
        for name in (
            *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding"),
            b"upgrade",
        )
    ],
    *[
        ("content-length", [OK, (b"content-length", each)])
        for each in (b"", b"-1", b"+1", b"1 ", b"1, 1", b"0x10", b"1" * 19)
    ],
    ("content-lengths that differ", [OK, (b"content-length", b"1"), (b"content-length", b"2")]),
    ("byte in a field name", [OK, (b"a b", b""), (b"A", b"")]),  # the first one counts
]
TRAILERS: list[tuple[str, Fields]] = [
    ("pseudo-field in trailers", [OK]),
    ("pseudo-field in trailers", [(b"a", b"b"), OK]),
    ("upper case in a field name", [(b"A", b"b")]),
]
SOUND: list[Fields] = [
    [OK],
    [OK, (b"content-length", b"0")],
    [OK, (b"content-length", b"9" * 18), (b"content-length", b"9" * 18)],
    [(b":status", b"999"), (b"x", b""), (b"x", b"a\tb c\x80\xff"), (b"!#$%&'*+-.^_`|~09az", b"")],
    [(b":status", b"103"), (b"link", b"</a.css>")],
]


def verdicts(fields: Fields, *, trailer: bool = False) -> Verdict:
    """Read the fields in every form on one connection, as known and as new ones."""
    found = set()
    for how in ("plain", "insert", "never"):
        block = b"".join(_core.encode_field(*each, how) for each in fields)
        peers = Peers(_core.BlockMemo())
        for _ in range(2):
            assert peers.read(block, trailer=trailer) == ""
            found.add(peers.verdict)
    server, peers = hpack.Encoder(), Peers(_core.BlockMemo())
    for _ in range(3):
        block = server.encode(fields)
        assert peers.read(block, trailer=trailer) == ""
    found.add(peers.verdict)
    (verdict,) = found
    return verdict


@pytest.mark.parametrize(("rule", "fields"), MALFORMED)
def test_what_makes_a_head_malformed_has_a_name(rule: str, fields: Fields) -> None:
    verdict = verdicts(fields)
    assert verdict[3] == rule and verdict == meaning_of(fields)


@pytest.mark.parametrize(("rule", "fields"), TRAILERS)
def test_what_makes_trailers_malformed_has_a_name(rule: str, fields: Fields) -> None:
    assert verdicts(fields, trailer=True)[3] == rule


@pytest.mark.parametrize("fields", SOUND)
def test_what_may_be_is_not_malformed(fields: Fields) -> None:
    verdict = verdicts(fields)
    lengths = [int(value) for name, value in fields if name == b"content-length"]
    assert verdict[:4] == ("", int(fields[0][1]), (lengths or [-1])[-1], "")
    assert verdicts(fields[1:], trailer=True)[3] == ""


def test_every_malformed_rule_is_tried() -> None:
    assert {rule for rule, _ in MALFORMED + TRAILERS} == set(_core.MALFORMED_RULES) - {""}


def test_requests_share_what_all_of_them_have() -> None:
    agent, accept = (b"User-Agent", b"fastbench"), (b"Accept", b"*/*")
    requests = [
        (b"GET", b"http", b"a.example", b"/one", [agent, accept, (b"X-Only", b"1")]),
        (b"GET", b"http", b"a.example", b"/two", [agent, (b"Authorization", b"Basic x"), accept]),
        (b"POST", b"http", b"other", b"/two", [(b"Host", b"a.example"), accept, agent]),
    ]
    blocks = _core.RequestBlocks(requests)
    for first in range(3):
        reader = hpack.Decoder()
        reader.decode(blocks.first(first))
        assert [name for name, _ in reader.header_table.dynamic_entries] == [
            *(b"user-agent", b":authority"),
        ]
        for index in (2, 1, 0, 1, 2):
            assert reader.decode(blocks.later(index)) == hpack.Decoder().decode(
                blocks.literal(index)
            )


def test_what_does_not_fit_into_a_table_stays_literal() -> None:
    large = [(b"x-%d" % each, b"v" * 1500) for each in range(4)]
    blocks = _core.RequestBlocks([(b"GET", b"http", b"a", b"/p", large)])
    reader = hpack.Decoder()
    for block in (blocks.first(0), blocks.later(0), blocks.later(0)):
        assert [bytes(v) for _, v in reader.decode(block, raw=True)][4:] == [b"v" * 1500] * 4
    assert len(reader.header_table.dynamic_entries) == 4  # with authority and path
