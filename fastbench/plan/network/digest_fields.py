"""Requests with digest authentication as the engine sends them: a field that counts on.

Each request has the worker's nonce, how many there were of it (nc), and a response that is hashed
from both (RFC 7616 section 3.4). These three are pieces of a request that varies; what the URL is
made of stands in the field as in the request line.
"""

from __future__ import annotations

from dataclasses import replace

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.body import encoded
from fastbench.plan.network.digest_answer import Answers
from fastbench.plan.pieces import Piece, Pieces, Varied
from fastbench.plan.plan import Digest, Request

NAME = b"Authorization"


def answers(digest: Digest, number: int) -> Answers:
    """Return the answers to the challenge that worker `number` has, over all machines."""
    asked = dict(digest.challenges[number % len(digest.challenges)])
    return Answers(asked, encoded(digest.user), encoded(digest.password))


def authorized(request: Request, proof: Answers) -> Request:
    """Return the request in pieces, with its field."""
    varied = request.varied or _in_pieces(request)
    own = [each for each in varied.fields if each[0].lower() != b"authorization"]
    own.append((NAME, _field(request, varied, proof)))
    return replace(request, varied=replace(varied, fields=tuple(own)))


def constant(request: Request, proof: Answers, count: int) -> Request:
    """Return one request with its field, as it is sent when nothing varies."""
    own = [each for each in request.fields if each[0].lower() != b"authorization"]
    value = proof.field(request.method, request.target, request.body or b"", count)
    return replace(request, fields=(*own, (NAME, value)))


def _in_pieces(request: Request) -> Varied:
    """Return a constant request in pieces; its Content-Length is that of the body again."""
    lengths = [name for name, _ in request.fields if name.lower() == b"content-length"]
    body = request.body if request.body is not None or not lengths else b""
    return Varied(
        target=(_text(request.target),),
        fields=tuple(
            (name, (_text(value),))
            for name, value in request.fields
            if name.lower() != b"content-length"
        ),
        body=None if body is None else (_text(body),) if body else (),
    )


def _field(request: Request, varied: Varied, proof: Answers) -> Pieces:
    constant = all(each.kind == "text" for each in varied.target)
    if proof.qop == "auth-int" and any(each.kind != "text" for each in varied.body or ()):
        raise UsageError(
            "--digest: this server wants the hash of each body (qop=auth-int), which a body with "
            "placeholders does not have before it is sent; leave them out of the body."
        )
    body = b"".join(each.text for each in varied.body or ())
    begin, middle, end = (proof.middle(), request.method.encode() + b":", b"")
    if constant:
        target = b"".join(each.text for each in varied.target)
        asked = proof.hashed(proof.asked_for(request.method, target, body))
        response: Pieces = (_response(proof, begin + asked, 0),)
    else:
        end = proof.asked_for(request.method, b"", body)[len(middle) :]
        inner = (_text(middle), *varied.target, *([_text(end)] if end else []))
        response = (_response(proof, begin, len(inner)), *inner)
    counted = (_text(b'", nc='), Piece("nonce_count"), _text(b', response="'))
    return (
        Piece("digest"),
        _text(b'uri="'),
        *varied.target,
        *(counted if proof.qop else (_text(b'", response="'),)),
        *response,
        _text(b'"'),
    )


def _response(proof: Answers, text: bytes, inner: int) -> Piece:
    return Piece("response", text=text, width=int(bool(proof.qop)), high=inner)


def _text(text: bytes) -> Piece:
    return Piece("text", text=text)
