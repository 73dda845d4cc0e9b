"""Signatures of requests to AWS, version 4: `--aws-sigv4`.

1. The algorithm is that of "Create a signed AWS API request" (AWS IAM user guide): a canonical
   request, its hash with instant and scope, and an HMAC of both under a key of that day.
2. A signature is good for some minutes. So a request is signed for instants every PERIOD_S of the
   run, before it, and the engine sends the text of its time (`signed_texts`).
3. Signed are Host, Content-Type, what begins with X-Amz-, and headers of the user; not what a proxy
   may change. The path is encoded once more than it is sent, but not for s3, which also wants the
   hash of the body as a header.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from urllib.parse import quote, unquote_to_bytes

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.body import encoded
from fastbench.plan.plan import Plan, Request, Signing

PERIOD_S = 60
LONG_PERIOD_S = 240  # of runs of more than LONG_S; AWS takes what is up to 5 minutes old, or new
LONG_S = 3600
UNKNOWN_S = 6 * 3600.0  # signed for, where only -n ends the run
START_S = 60.0  # that a run may take until it begins
MAX_TEXTS = 100_000
MAX_TEXT_BYTES = 1 << 30

_UNRESERVED = "-_.~"
_OWN = frozenset({b"authorization", b"x-amz-date", b"x-amz-security-token"})
_NOT_SIGNED = frozenset({b"accept", b"accept-encoding", b"connection", b"content-length"})
_NOT_SIGNED |= {b"expect", b"keep-alive", b"te", b"transfer-encoding", b"user-agent"}
_NOT_SIGNED |= {b"x-amzn-trace-id"}
_HOST = re.compile(r"(?:.*\.)?([a-z0-9-]+)\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_PRINTABLE = re.compile(r"[!-~]*")
_WORD = re.compile(r"[A-Za-z0-9-]+")


def parse(
    typed: str, host: str, credentials: str, token: str, environ: Mapping[str, str] = os.environ
) -> Signing:
    """Read `region:service`, as in oha and curl with `aws:amz:` before it; raises UsageError.

    What is missing comes from the host, as in curl, or from the variables of AWS's own tools.
    """
    words = [each for each in typed.split(":") if each.lower() not in ("aws", "amz")]
    if len(words) < 2 and (named := _HOST.fullmatch(host)):
        words = [words[0] if words else named[2], named[1]]
    if len(words) != 2 or not all(map(_WORD.fullmatch, words)):
        raise UsageError(
            "--aws-sigv4 takes region:service, for example us-east-1:execute-api; both may be left "
            "out (aws:amz) where the host is SERVICE.REGION.amazonaws.com."
        )
    key, _, secret = credentials.partition(":")
    if not credentials:
        key, secret = (
            environ.get(f"AWS_{name}", "") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
        )
        token = token or environ.get("AWS_SESSION_TOKEN", "")
    if not key or not secret:
        raise UsageError(
            "--aws-sigv4 needs a key; give -a KEY:SECRET, or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY."
        )
    for what, text in (("key", key), ("secret", secret), ("session token", token)):
        if not _PRINTABLE.fullmatch(text):
            raise UsageError(
                f"The {what} of --aws-sigv4 has a line break, a space or another character that "
                "none of AWS's has; remove it."
            )
    return Signing(words[0].lower(), words[1].lower(), key, secret, token)


def signed(request: Request, signing: Signing, unix_s: int) -> Request:
    """Return the request with its signature for this instant, s of Unix time."""
    instant = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(unix_s))
    body_hash = _hash(request.body or b"")
    fields = [each for each in request.fields if each[0].lower() not in _OWN]
    fields.append((b"X-Amz-Date", instant.encode("ascii")))
    if signing.service == "s3" and not any(n.lower() == b"x-amz-content-sha256" for n, _ in fields):
        fields.append((b"X-Amz-Content-Sha256", body_hash.encode("ascii")))
    if signing.token:
        fields.append((b"X-Amz-Security-Token", encoded(signing.token)))
    names, canonical = _canonical_fields(fields)
    path, _, query = request.target.decode("ascii").partition("?")
    whole = "\n".join(
        (
            request.method,
            _canonical_path(path, signing.service),
            _canonical_query(query),
            canonical,
            names,
            body_hash,
        )
    )
    scope = f"{instant[:8]}/{signing.region}/{signing.service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{instant}\n{scope}\n{_hash(whole.encode('latin-1', 'replace'))}"
    key = _key(signing, instant[:8])
    signature = hmac.new(key, text.encode("ascii"), hashlib.sha256).hexdigest()
    value = (
        f"AWS4-HMAC-SHA256 Credential={signing.key}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    fields.append((b"Authorization", encoded(value)))
    return replace(request, fields=tuple(fields))


def signed_texts(
    requests: Sequence[Request], signing: Signing, unix_s: int, periods: int, period_s: int
) -> tuple[Request, ...]:
    """Return all requests as they are sent in the first period, then as in the second, …

    Each period has the signature of its begin.
    """
    return tuple(
        signed(each, signing, unix_s + number * period_s)
        for number in range(periods)
        for each in requests
    )


def periods_of(plan: Plan) -> tuple[int, int]:
    """Return `periods` of a run, with the time around it. Raises UsageError."""
    load = plan.load
    around_s = load.warmup_s + load.connect_timeout_s + load.timeout_s + START_S
    return periods(plan.requests, None if load.duration_s is None else load.duration_s + around_s)


def periods(requests: Sequence[Request], length_s: float | None) -> tuple[int, int]:
    """Return how many periods a run has that lasts so long, and the length of each, s.

    Raises UsageError where that is too many texts.
    """
    length_s = UNKNOWN_S if length_s is None else length_s
    period_s = PERIOD_S if length_s <= LONG_S else LONG_PERIOD_S
    count = int(length_s // period_s) + 2
    n_bytes = sum(len(each.payload) + 512 for each in requests)
    if count * len(requests) > MAX_TEXTS or count * n_bytes > MAX_TEXT_BYTES:
        raise UsageError(
            f"--aws-sigv4 signs {len(requests):,} requests {count:,} times for this run, which is "
            "too much to hold; give fewer URLs, a smaller body or a shorter -d."
        )
    return count, period_s


@cache
def _key(signing: Signing, day: str) -> bytes:
    key = b"AWS4" + encoded(signing.secret)
    for word in (day, signing.region, signing.service, "aws4_request"):
        key = hmac.new(key, word.encode("ascii"), hashlib.sha256).digest()
    return key


@cache
def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _canonical_fields(fields: Iterable[tuple[bytes, bytes]]) -> tuple[str, str]:
    """Return the names that are signed, and their fields, a line each."""
    values: dict[str, list[str]] = {}
    for name, value in fields:
        if name.lower() not in _NOT_SIGNED:
            text = " ".join(value.decode("latin-1").split())
            values.setdefault(name.lower().decode("ascii"), []).append(text)
    ordered = sorted(values)
    lines = "".join(f"{name}:{','.join(values[name])}\n" for name in ordered)
    return ";".join(ordered), lines


def _canonical_path(path: str, service: str) -> str:
    if service == "s3":
        return quote(unquote_to_bytes(path), safe="/" + _UNRESERVED)
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + end, safe="/" + _UNRESERVED)


def _canonical_query(query: str) -> str:
    pairs = []
    for piece in query.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            both = (quote(unquote_to_bytes(each), safe=_UNRESERVED) for each in (name, value))
            pairs.append(tuple(both))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))
