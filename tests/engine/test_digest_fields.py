"""Fields of digest authentication as the engine renders them: RFC 7616, and renewed nonces."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fastbench.engine.bridge import _core
from fastbench.plan.network import digest_answer, digest_fields
from fastbench.plan.pieces import Piece, Pieces
from fastbench.plan.plan import Request

RFC: dict[str, str] = {
    "realm": "http-auth@example.org",
    "qop": "auth, auth-int",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
}
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
URL = Request("GET", b"/dir/index.html", ((b"Host", b"h"),), None, "http://h/dir/index.html", 1)


def answers(algorithm: str, **more: str) -> digest_answer.Answers:
    asked = {**RFC, "algorithm": algorithm, **more}
    return digest_answer.Answers(asked, b"Mufasa", b"Circle of Life", CNONCE)


def field_of(request: Request) -> Pieces:
    assert request.varied is not None
    return dict(request.varied.fields)[digest_fields.NAME]


def nonces(proof: digest_answer.Answers, **place: int) -> Any:
    return _core.Nonces(proof.hash_name, proof.head(), proof.secret(), **place)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }.items(),
)
def test_the_examples_of_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    proof = answers(algorithm)
    said = _core.Renderer().render(
        field_of(digest_fields.authorized(URL, proof)), 0, nonces=nonces(proof)
    )
    assert b'response="%b"' % response.encode() in said
    assert b"nc=00000001" in said and b'uri="/dir/index.html"' in said


@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "SHA-256-sess", "SHA-512-256"])
@pytest.mark.parametrize("qop", ["auth", "auth-int", ""])
def test_engine_and_python_say_the_same(algorithm: str, qop: str) -> None:
    proof = answers(algorithm, qop=qop)
    given = nonces(proof, first=2, step=3)
    made = field_of(digest_fields.authorized(URL, proof))
    for count in (1, 2, 300):
        number = 2 + 3 * (count - 1)
        said = _core.Renderer().render(made, number, nonces=given)
        expected = proof.field("GET", URL.target, b"", count)
        assert sorted(said.split(b", ")) == sorted(expected.split(b", "))


def test_what_varies_in_the_target_is_hashed() -> None:
    proof = answers("SHA-256")
    parts = (Piece("text", text=b"/a/"), Piece("seq", low=7, high=1), Piece("hex", width=5))
    whole = digest_fields.authorized(URL, proof)
    assert whole.varied is not None
    varied = type(whole.varied)(parts, whole.varied.fields[:1], None)
    varying = digest_fields.authorized(
        Request("PUT", b"/", URL.fields, None, "http://h/", 1, varied), proof
    )
    render = _core.Renderer(seed=5).render
    target = render(parts, 4)
    said = render(field_of(varying), 4, nonces=nonces(proof))
    assert sorted(said.split(b", ")) == sorted(proof.field("PUT", target, b"", 5).split(b", "))


def test_a_request_keeps_its_nonce_however_many_come_after() -> None:
    """Each new nonce is for the requests that begin from then on, and is counted from 1."""
    proofs = [answers("MD5", nonce=f"n{i}") for i in range(100)]
    given = nonces(proofs[0])
    made = field_of(digest_fields.authorized(URL, proofs[0]))
    render = _core.Renderer().render
    last = render(made, 9, nonces=given, next_number=10)
    assert b'nonce="n0"' in last and b"nc=0000000a" in last
    for at, proof in enumerate(proofs[1:], 1):
        assert given.give(proof.head(), proof.secret())
        assert not given.give(proof.head(), proof.secret()), "the engine has not seen the last one"
        begins = 10 * at
        assert render(made, begins - 1, nonces=given, next_number=begins) == last
        first = render(made, begins, nonces=given, next_number=begins + 1)
        assert re.findall(rb'nonce="(\w+)"', first) == [b"n%d" % at] and b"nc=00000001" in first
        last = render(made, begins + 9, nonces=given, next_number=begins + 10)
        for back in range(min(at, 30)):
            number = 10 * (at - back)
            said = render(made, number, nonces=given, next_number=begins + 10)
            assert b'nonce="n%d"' % (at - back) in said
    assert given.count == 100


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        _core.Nonces("md5", b"x" * 3000, b"")
    with pytest.raises(ValueError, match="no SHA3"):
        _core.Nonces("SHA3", b"", b"")
