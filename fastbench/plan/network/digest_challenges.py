"""Challenges of digest authentication, fetched before the load: `--digest`.

1. The first request of the plan is sent without credentials: the answer must be 401 with a
   challenge. Then it is sent with them, as the load will send it: a wrong password is refused here
   and is not a run of failures.
2. Each worker gets a nonce of its own, since requests of a nonce are counted.
3. A nonce ends when the server wants it to. A worker that gets 401s asks for another one, which all
   its requests have from then on; and since it knows how long a nonce lives then, it replaces the
   next ones before they end (`Renewal`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.body import encoded
from fastbench.plan.network import digest_answer, digest_fields, plain_http, resolve
from fastbench.plan.plan import Plan, Request
from fastbench.plan.urls import Url
from fastbench.plan.varied import reference

UNAUTHORIZED = 401
EARLY = 0.75  # of the shortest life of a nonce that was seen: then comes the next one
RENEWAL_S = 1.0  # at least, between two renewals of a worker
RENEWAL_LIMIT_S = 2.0  # for the answer to one
MAX_READ_BYTES = 1 << 20
MAX_HEAD_BYTES = 1900  # of a field without the URL: see engine/varied/digest.pxd
MAX_SECRET_BYTES = 1000

_ABOUT_BODY = (b"content-type", b"content-length", b"content-encoding", b"expect")

Challenge = tuple[tuple[str, str], ...]


def fetched(plan: Plan, workers: int) -> Plan:
    """Return the plan with a challenge for each worker; as it is without --digest.

    Raises UsageError where the server asks for something else, or refuses the credentials.
    """
    digest = plan.digest
    if digest is None:
        return plan
    request = _first(plan)
    limit_s = max(plan.load.timeout_s, plan.load.connect_timeout_s)
    asked = _challenge(plan, request, limit_s)
    answers = digest_answer.Answers(dict(asked), encoded(digest.user), encoded(digest.password))
    if len(answers.head()) > MAX_HEAD_BYTES or len(answers.secret()) > MAX_SECRET_BYTES:
        raise UsageError(
            "--digest: realm, nonce and user together are longer than a field may be here (1900 "
            "bytes); shorten the server's realm."
        )
    status, _ = _asked(plan, digest_fields.constant(request, answers, 1), limit_s)
    if status == UNAUTHORIZED:
        raise UsageError(
            f"--digest: {request.url} refuses this user or password (401); correct -a USER:PASS."
        )
    found = [_challenge(plan, request, limit_s) for _ in range(workers)]
    algorithm, qop = answers.kind
    told = {"algorithm": algorithm.upper(), "qop": qop or None}
    return replace(
        plan,
        digest=replace(digest, challenges=tuple(found)),
        config={**plan.config, "digest": told},
    )


class Renewal:
    """Gives a worker a new nonce when its requests are answered with 401.

    `refused` counts them so far, `give` hands the nonce's two texts to the engine and returns
    whether it took the last one.
    """

    def __init__(
        self,
        plan: Plan,
        answers: digest_answer.Answers,
        refused: Callable[[], int],
        give: Callable[[bytes, bytes], bool],
    ) -> None:
        self._plan = plan
        self._request = _first(plan)
        self._answers = answers
        self._refused = refused
        self._give = give
        self._seen = 0
        self._given_s = time.monotonic()
        self._life_s = math.inf
        self._settled = True  # False until what was in flight at a renewal is counted
        self._limit_s = min(RENEWAL_LIMIT_S, plan.load.timeout_s)

    def look(self) -> None:
        """Renew if that is necessary; nothing happens where the server gives no challenge."""
        refused = self._refused()
        ended = refused != self._seen and self._settled
        self._seen, self._settled = refused, True
        age_s = time.monotonic() - self._given_s
        if ended:
            self._life_s = min(self._life_s, max(age_s, RENEWAL_S))
        if age_s >= (RENEWAL_S if ended else EARLY * self._life_s):
            self._given_s += age_s
            self._settled = False
            self._renew()

    def _renew(self) -> None:
        digest, last = self._plan.digest, self._answers
        assert digest is not None
        try:
            asked = _challenge(self._plan, self._request, self._limit_s)
        except UsageError:
            return
        user, password = encoded(digest.user), encoded(digest.password)
        new = digest_answer.Answers(dict(asked), user, password, last.cnonce)
        head, secret = new.head(), new.secret()
        fits = len(head) <= MAX_HEAD_BYTES and len(secret) <= MAX_SECRET_BYTES
        if new.kind == last.kind and fits:  # else the requests are not made for it
            self._give(head, secret)


def _first(plan: Plan) -> Request:
    """Return the first request of the plan, with the values of number 0."""
    request = plan.requests[0]
    if request.varied is None:
        return request
    said = reference.sent(request.varied, reference.Turn(0), plan.seed, plan.feed)
    fields = reference.fields(said)
    return replace(request, target=said.target, fields=fields, body=said.body, varied=None)


def _challenge(plan: Plan, request: Request, limit_s: float) -> Challenge:
    """Return what the server asks for; raises UsageError where that is no digest."""
    fields = tuple(each for each in request.fields if each[0].lower() not in _ABOUT_BODY)
    if request.body is not None:
        fields = (*fields, (b"Content-Length", b"0"))
    status, head = _asked(plan, replace(request, fields=fields, body=None), limit_s)
    if status != UNAUTHORIZED:
        raise UsageError(
            f"--digest: {request.url} answers {status} without credentials, so there is no "
            "challenge to answer; leave --digest out, or give a URL that is protected."
        )
    found = digest_answer.challenge(head)
    if found is None:
        offered = [each["scheme"].capitalize() for each in digest_answer.challenges(head)]
        schemes = redact.printable(" and ".join(dict.fromkeys(offered))) or "no authentication"
        raise UsageError(
            f"--digest: {request.url} asks for {schemes}, and not for a digest with MD5, SHA-256 "
            "or SHA-512-256; leave --digest out for Basic, or use --bearer."
        )
    return tuple(found.items())


def _asked(plan: Plan, request: Request, limit_s: float) -> tuple[int, bytes]:
    """Send a request; return the status, and the head's challenges as lines."""
    try:
        return _exchanged(plan, request, limit_s)
    except plain_http.FAILURES as error:
        why = plain_http.reason(error, limit_s)
    where = f"{request.url} does not answer: {redact.printable(why)}"
    raise UsageError(f"--digest: {where}; start that server, or correct the URL.")


def _exchanged(plan: Plan, request: Request, limit_s: float) -> tuple[int, bytes]:
    target = plan.target
    url = Url(target.scheme, target.host, target.port, request.target, None, request.url)
    secure = None if target.tls is None else plain_http.context_of(target.tls)
    family = resolve.family_of(plan.family, plan.bind)
    way = (secure, target.unix_path, family, plan.connect_to, plan.proxy)
    connection = plain_http.Connection(url, limit_s, *way)
    connection.servername = "" if target.tls is None else target.tls.servername
    try:
        response = connection.exchange(request)
        lines = response.headers.get_all("WWW-Authenticate") or []
        response.read(MAX_READ_BYTES)
    finally:
        connection.close()
    head = "".join(f"WWW-Authenticate: {each}\r\n" for each in lines)
    return response.status, head.encode("latin-1", "replace")
