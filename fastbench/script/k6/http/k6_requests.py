"""Requests as k6/http asks for them, over the client of all scripts.

1. A request that says the same as one before costs one look into a dict: its parameters are
   compared as bytes, without a step into Python.
2. What the network does is a value: a response with status 0 and an error, unless `throw` is set.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from fastbench.foundation import redact
from fastbench.plan import body as plan_body
from fastbench.plan.network import digest_answer
from fastbench.script import remarks
from fastbench.script.expected import Expected
from fastbench.script.http import bodies
from fastbench.script.http.header_values import plain_headers
from fastbench.script.http.request_cache import RequestOptions
from fastbench.script.k6.http import k6_bodies, k6_params, k6_redirects, k6_urls
from fastbench.script.k6.k6_calls import K6Error, in_iteration, owner
from fastbench.script.recording_context import PLACE, own_tags

if TYPE_CHECKING:
    from fastbench.engine.client._client import Ready, Response
    from fastbench.engine.javascript._quickjs import JsValue
    from fastbench.script.api.vu import Vu
    from fastbench.script.k6.k6_pace import Pace
    from fastbench.script.k6.k6_realm import K6Realm
    from fastbench.script.k6.k6_user import K6User

_UNAUTHORIZED = Expected(((401, 401),))
EVERYTHING = Expected(((100, 599),))
RESPONSE_TYPES = ("text", "binary", "none")


class K6Request(NamedTuple):
    """A request made ready, and what is not in its bytes."""

    ready: Ready | None  # None where the URL cannot even be read
    plain: bool  # its response is the client's own, as it comes
    throws: bool
    response_type: str
    compression: tuple[str, ...]
    jar: int
    replaced: frozenset[str]  # cookies that those of the jar do not join
    login: k6_urls.Login | None = None
    fault: k6_urls.Fault | None = None  # why its URL cannot be reached


class K6Response(NamedTuple):
    """A response that is not plain, with what the script is to see of its body."""

    response: Response | k6_urls.NoResponse
    response_type: str
    fault: k6_urls.Fault | None = None

    @property
    def status(self) -> int:
        """Its status, 0 where there was no response."""
        return self.response.status


def install(realm: K6Realm) -> None:
    """Add the operations."""
    realm.define("send", _send, "keyed")
    realm.define("sendAside", _send_aside)
    realm.define("expectedStatuses", _expected_statuses)
    realm.define("setResponseCallback", _set_response_callback)
    realm.join = partial(_join, realm)


def _join(realm: K6Realm, vu: Vu) -> None:
    """Let a VU's requests be followed, bodies be unpacked, and its address be one, as in k6."""
    vu.session.redirect = partial(k6_redirects.following, vu, realm.blocked)
    vu.session.decode = k6_bodies.decode
    vu.session.bound_to = max(0, vu.id - 1)


def _send(method: str, url: str, body: Any, key: bytes | None, params: JsValue | None) -> Any:
    user = owner()
    if user.initializing or user.vu is None:
        raise K6Error("Making http requests in the init context is not supported")
    place = PLACE.get()
    if body is None:
        kind, raw = "", None
    elif type(body) is str:
        kind, raw = "raw", body.encode("utf-8", "surrogatepass")
    else:
        kind, raw = _body(body)
    known = (key, kind, user.callback)
    found: K6Request | None = place.named.get(known) if key is not None else None
    if found is None:
        found = _prepared(user, method, url, kind, None if params is None else params.copy())
        if key is not None:
            if len(place.named) >= 1000:
                place.named.clear()
            place.named[known] = found
            if found.plain and user.callback is None and (body is None or type(body) is str):
                place.named[key] = found.ready  # the short way
    return _sent(user, found, raw)


def _sent(user: K6User, found: K6Request, raw: bytes | None) -> Any:
    """Send a request, in its turn; return what is awaited for its response."""
    if user.realm.pace is not None:
        return _in_turn(user.realm.pace, user, found, raw)
    return _at_once(user, found, raw)


async def _in_turn(pace: Pace, user: K6User, found: K6Request, raw: bytes | None) -> Any:
    await pace.turn()
    return await _at_once(user, found, raw)


def _at_once(user: K6User, found: K6Request, raw: bytes | None) -> Any:
    if found.plain and found.ready is not None:
        vu = user.vu
        assert vu is not None
        return vu._send(found.ready, raw, vu.jar(found.ready) if vu._stored else "")
    return _special(user, found, raw)


async def _special(user: K6User, found: K6Request, raw: bytes | None) -> Any:
    """Send a request that asks for more than its bytes say."""
    vu = user.vu
    assert vu is not None
    if found.fault is not None:
        return await _failing(user, found, found.fault)
    assert found.ready is not None
    if vu.session.discard and found.response_type != "none":
        vu.session.discard = False
    if raw is not None and found.compression:
        raw = _compressed(raw, found.compression)
    response = await vu._send(found.ready, raw, user.realm.jars.header(user, found))
    if (
        found.login is not None
        and response.status == 401
        and (ready := _answering(user, found, raw, response)) is not None
    ):
        response = await vu._send(ready, raw, user.realm.jars.header(user, found))
    if found.throws and response.error:
        raise K6Error(k6_urls.thrown_text(response))
    return K6Response(response, found.response_type)


async def _failing(user: K6User, found: K6Request, fault: k6_urls.Fault) -> Any:
    """Return the response to a request whose URL leads nowhere; raises K6Error."""
    assert user.vu is not None
    if found.ready is None:
        return unsent(user, fault, fault.text)
    response = await user.vu._send(found.ready, None, "")
    if found.throws:
        raise K6Error(k6_urls.thrown_text(response))
    return K6Response(response, found.response_type)


def unsent(user: K6User, fault: k6_urls.Fault | None, why: str) -> Any:
    """Return what stands for a response where nothing was sent; raises K6Error.

    One entry of a batch that cannot be read keeps all others of it from being sent: see k6_batch.
    """
    if user.realm.throws:
        raise K6Error(why)
    assert user.vu is not None
    told = "a request was not sent, and counts among none: " + redact.printable(why)
    user.vu.maker.warn_once("url_invalid", told, told, "check the URLs of the script")
    none = K6Response(k6_urls.NoResponse(), "none", fault or k6_urls.Fault(0, ""))
    return none


def _answering(
    user: K6User, found: K6Request, raw: bytes | None, response: Response
) -> Ready | None:
    """Return the request again, with what its server asked for; None if that is not digest."""
    assert found.login is not None and user.vu is not None and found.ready is not None
    asked = digest_answer.challenge(response.raw_head)
    if asked is None:
        remarks.tell(
            "digest",
            "a server answered 401 without a challenge of digest that is known",
            "the response stands",
        )
        return None
    source = found.ready.keep
    name, password, expected = found.login
    value = digest_answer.authorization(
        asked, source.options.method, source.target, raw or b"", name, password
    )
    kept = [pair for pair in source.options.headers if pair[0].lower() != "authorization"]
    options = source.options._replace(headers=(*kept, ("Authorization", value)), expected=expected)
    return user.vu.maker.once(source.place, options)


def _prepared(
    user: K6User, method: str, url: str, kind: str, params: Mapping[str, Any] | None
) -> K6Request:
    params = params or {}
    if not isinstance(params, Mapping):
        raise K6Error(f"the parameters of a request are an object, not {params!r}")
    realm, vu = user.realm, user.vu
    assert vu is not None
    fault = k6_urls.fault(url)
    if fault is None and realm.blocked is not None:
        fault = k6_urls.blacklisted(realm.blocked, url)
    expected, login = _callback(user, params), None
    if (auth := params.get("auth")) == "digest" and fault is None:
        url, login = k6_urls.login(url, expected)
        expected = _UNAUTHORIZED  # as k6 has it: who asks for digest expects to be asked
    elif auth not in (None, "", "basic", "digest"):
        raise K6Error(f"auth: {auth!r} is not there; fastbench has 'basic' and 'digest', no NTLM")
    tags = k6_params.texts_in(params, "tags")
    name = tags.get("name")
    headers = k6_params.headers_in(params)
    content_type = {"form": plan_body.URLENCODED}.get(kind, kind.partition("|")[2])
    compression = k6_params.codings_of(params.get("compression"))
    if compression and kind and not any(each.lower() == "content-encoding" for each in headers):
        headers["Content-Encoding"] = ", ".join(compression)
    cookies, replaced = k6_params.cookies_of(params)
    response_type = params.get("responseType") or realm.response_type
    if response_type not in RESPONSE_TYPES:
        raise K6Error(
            f"{response_type!r} is no responseType; it is one of {', '.join(RESPONSE_TYPES)}"
        )
    jar = params.get("jar")
    number = int(jar["number"]) if isinstance(jar, Mapping) and "number" in jar else 0
    throws = bool(params.get("throw", realm.throws))
    options = RequestOptions(
        method,
        url,
        plain_headers(headers) if headers else (),
        content_type,
        name,
        own_tags(tags) if tags else (),
        k6_params.timeout_s(params.get("timeout")),
        k6_params.redirects_of(params.get("redirects")),
        expected,
        None,
        None,
        cookies,
        unread=response_type == "none",
    )
    keeps = realm.response_type == "none"  # a body although the others are discarded
    special = throws or compression or number or replaced or login or keeps
    plain = not special and response_type == "text" and fault is None
    ready: Ready | None = None
    if fault is None:
        ready = vu.maker.prepared(PLACE.get(), options)
    elif fault.code != k6_urls.INVALID:
        ready = k6_urls.unreachable(vu.maker, PLACE.get(), options, fault)
    return K6Request(
        ready, plain, throws, response_type, compression, number, replaced, login, fault
    )


def _callback(user: K6User, params: Mapping[str, Any]) -> Expected | None:
    if "responseCallback" not in params:
        return user.callback
    given = params["responseCallback"]
    if given is None:
        return EVERYTHING
    if isinstance(given, Expected):
        return given
    raise K6Error("responseCallback takes what http.expectedStatuses() gives, or null")


def _expected_statuses(statuses: list[Any]) -> Expected:
    if not statuses:
        raise K6Error("no arguments")
    spans: list[Any] = []
    for each in statuses:
        if isinstance(each, Mapping) and set(each) == {"min", "max"}:
            if not all(_is_whole(limit) for limit in each.values()):
                raise K6Error(
                    f"both min and max need to be integers for argument number {len(spans) + 1}"
                )
            spans.append((int(each["min"]), int(each["max"])))
        elif _is_whole(each):
            spans.append((int(each), int(each)))
        else:
            raise K6Error(
                f"argument number {len(spans) + 1} to expectedStatuses was neither an integer nor "
                "an object like {min:100, max:329}"
            )
    return Expected(tuple(spans))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | float) and float(value).is_integer()


def _set_response_callback(callback: Any) -> None:
    if callback is not None and not isinstance(callback, Expected):
        raise K6Error("unsupported argument, expected http.expectedStatuses")
    user = owner()
    user.callback = EVERYTHING if callback is None else callback
    user.js.client(None, {})  # the short way knows of no callback


def _body(body: Any) -> tuple[str, bytes]:
    """Return the kind of a body, with its type where it has one, and its bytes."""
    if isinstance(body, bytes):
        return "raw", body
    pairs = [(name, _field(value)) for name, value in body["fields"]]
    if any(isinstance(value, bodies.File) for _, value in pairs):
        # A list is a field for each of its values.
        each = [(name, one) for name, value in pairs for one in _several(value)]
        made = bodies.encoded(each, None, None)
        assert made is not None
        return f"multipart|{made.content_type}", made.data
    return "form", bodies.to_form(sorted(pairs, key=lambda pair: pair[0]))  # as Go writes forms


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def body_bytes(body: Any) -> bytes:
    """Return the bytes of a body as it was sent; the boundary of a form with files is another."""
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else _body(body)[1]


def _field(value: Any) -> Any:
    if isinstance(value, Mapping):
        data, filename, kind = value["file"]
        return bodies.File(_file_bytes(data), filename, kind)
    return value


def _file_bytes(data: Any) -> bytes:
    if isinstance(data, str):
        return data.encode("utf-8", "surrogatepass")
    if isinstance(data, bytes):
        return data
    if isinstance(data, list):
        return bytes(int(each) & 255 for each in data)
    raise K6Error(f"invalid type for http.file: {type(data).__name__}")


def _send_aside(id: int, method: str, url: str, body: Any, params: Any) -> None:
    user = in_iteration("asyncRequest")
    user.aside(id, begun(user, [method, url, body, params]))


def begun(user: K6User, request: list[Any]) -> Any:
    """Begin one request of a batch, or aside; return what is awaited for its response."""
    method, url, body, params = request
    kind, raw = (
        ("", None)
        if body is None
        else _body(body)
        if not isinstance(body, str)
        else ("raw", body.encode("utf-8", "surrogatepass"))
    )
    return _sent(user, _prepared(user, method, url, kind, params), raw)


def _compressed(raw: bytes, codings: tuple[str, ...]) -> bytes:
    for coding in codings:
        if coding == "gzip":
            raw = gzip.compress(raw, mtime=0)
        elif coding == "deflate":
            raw = zlib.compress(raw)
        else:
            raise K6Error(f"fastbench cannot compress a request by {coding}; use gzip or deflate")
    return raw
