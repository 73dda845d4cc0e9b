"""Digest authentication: the examples of RFC 7616, and challenges as servers write them."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.plan.network import digest_answer

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
EXAMPLE = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    f'nonce="{NONCE}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


def head(*values: str) -> bytes:
    lines = "".join(f"www-Authenticate: {value}\r\n" for value in values)
    return f"HTTP/1.1 401 No\r\n{lines}Content-Length: 0\r\n\r\n".encode("latin-1")


@pytest.mark.parametrize(
    ("algorithm", "response"),
    {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }.items(),
)
def test_the_examples_of_rfc_7616_are_answered_as_there(algorithm: str, response: str) -> None:
    asked = digest_answer.challenge(head(EXAMPLE.format(algorithm)))
    assert asked is not None
    user, password = b"Mufasa", b"Circle of Life"
    said = digest_answer.authorization(asked, "GET", "/dir/index.html", b"", user, password, CNONCE)
    assert f'response="{response}"' in said
    assert 'username="Mufasa"' in said and 'uri="/dir/index.html"' in said
    assert "qop=auth," in said and "nc=00000001" in said and f"algorithm={algorithm}" in said
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in said


def test_the_example_of_rfc_2617_without_its_newer_parts() -> None:
    asked = digest_answer.challenge(head('Digest realm="a", nonce="n"'))
    assert asked is not None
    said = digest_answer.authorization(asked, "GET", "/x?y=1", b"", b"u", b"p")
    first, second = (hashlib.md5(text).hexdigest() for text in (b"u:a:p", b"GET:/x?y=1"))
    assert f'response="{hashlib.md5(f"{first}:n:{second}".encode()).hexdigest()}"' in said
    assert "qop" not in said and "cnonce" not in said and "algorithm" not in said


def test_auth_int_covers_the_body_and_a_session_the_nonces() -> None:
    asked = digest_answer.challenge(
        head('Digest realm="a", nonce="n", qop=auth-int, algorithm=SHA-256-sess')
    )
    assert asked is not None
    said = digest_answer.authorization(asked, "POST", "/", b"body", b"u", b"p", "c")

    def sha(*parts: str) -> str:
        return hashlib.sha256(":".join(parts).encode()).hexdigest()

    first = sha(sha("u", "a", "p"), "n", "c")
    expected = sha(first, "n", "00000001", "c", "auth-int", sha("POST", "/", sha("body")))
    assert f'response="{expected}"' in said


def test_a_user_may_stay_unknown() -> None:
    asked = digest_answer.challenge(head('Digest realm="a", nonce="n", userhash=true'))
    assert asked is not None
    said = digest_answer.authorization(asked, "GET", "/", b"", b"u", b"p")
    assert f'username="{hashlib.md5(b"u:a").hexdigest()}"' in said and "userhash=true" in said


@pytest.mark.parametrize(
    ("values", "realm"),
    [
        (['Basic realm="b", Digest realm="d", nonce=n'], "d"),
        (['Basic realm="b"', "digest realm=d,nonce=n"], "d"),
        (
            [
                "Negotiate abc==",
                'Digest algorithm=MD4, realm="x", nonce="n", Digest realm="d", nonce="n"',
            ],
            "d",
        ),
        (['Digest realm = "a \\"quoted\\", name", nonce="n"'], 'a "quoted", name'),
        (['Digest realm="", nonce="n"'], ""),
        (['Basic realm="b"'], None),
        (['Digest realm="no nonce"'], None),
        (['Digest realm="x", nonce="n", qop="future"'], None),
        ([], None),
    ],
)
def test_of_several_challenges_the_first_known_one_counts(
    values: list[str], realm: str | None
) -> None:
    asked = digest_answer.challenge(head(*values))
    assert (None if asked is None else asked.get("realm")) == realm


@given(st.text(st.characters(max_codepoint=255, blacklist_characters="\r\n"), max_size=60))
def test_no_server_can_break_the_reader(value: str) -> None:
    asked = digest_answer.challenge(head(f"Digest nonce=n, {value}"))
    if asked is not None:
        said = digest_answer.authorization(asked, "GET", "/", b"", b"u", b"p")
        assert re.match('Digest username="', said)
