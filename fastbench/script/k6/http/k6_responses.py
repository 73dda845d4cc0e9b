"""What a script sees of a response; each part is made when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from fastbench.engine.client._client import Response
from fastbench.engine.javascript._quickjs import Json, JsValue, Realm
from fastbench.script.http import cookies
from fastbench.script.k6.gjson import gjson_grammar, gjson_search, gjson_values
from fastbench.script.k6.gjson.gjson_values import MISSING
from fastbench.script.k6.http import k6_bodies, k6_urls
from fastbench.script.k6.http.k6_requests import K6Response, body_bytes
from fastbench.script.k6.k6_calls import K6Error, owner

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm

_TLS_VERSIONS = {0x0301: "tls1.0", 0x0302: "tls1.1", 0x0303: "tls1.2", 0x0304: "tls1.3"}
_FIRST = re.compile(rb"^(HTTP/[0-9.]+) [0-9]{3}(?: ([^\r\n]*))?")
_ATTRIBUTE = re.compile(r";\s*([^=;]+)(?:=([^;]*))?")


def install(realm: K6Realm) -> None:
    """Add the operations."""
    calls: dict[str, Callable[..., Any]] = {
        "body": _body,
        "json": _json,
        "select": _select,
        "headers": lambda of: _headers(_response(of)),
        "cookies": lambda of: _cookies(_response(of)),
        "timings": lambda of: _timings(_response(of)),
        "error": _error,
        "errorCode": _code,
        "url": lambda of: _response(of).url,
        "proto": lambda of: _first(_response(of))[0],
        "statusText": lambda of: _status_text(_response(of)),
        "request": _request,
        "remote": lambda of: _response(of).remote,
        "tls": lambda of: _tls(_response(of)),
    }
    for name, call in calls.items():
        realm.define(name, call)


def wrap(realm: Realm, prototype: JsValue) -> None:
    """Let responses of the client be seen under this prototype."""
    realm.wrap(Response, prototype)
    realm.wrap(K6Response, prototype)


def _response(of: Any) -> Response:
    if isinstance(of, Response):
        return of
    if isinstance(of, K6Response):
        return cast(Response, of.response)  # or what is read as one
    raise K6Error("this is no response")


def _error(of: Any) -> str:
    fault = of.fault if isinstance(of, K6Response) else None
    return fault.text if fault else k6_urls.error_of(_response(of))


def _code(of: Any) -> int:
    fault = of.fault if isinstance(of, K6Response) else None
    return fault.code if fault else k6_urls.error_code(_response(of))


def _body(of: Any) -> str | bytes | None:
    response = _response(of)
    kind = of.response_type if isinstance(of, K6Response) else "text"
    if kind == "none" or response.status in k6_bodies.BODILESS:
        return None
    body = response.body if response.status else _came(response)
    if body is None:
        return None
    return body if kind == "binary" else body.decode("utf-8", "replace")


def _came(response: Response) -> bytes | None:
    """Return what came of a body that was cut off; None where there was none."""
    raw = getattr(response, "raw_body", b"")
    if not raw or response.error_kind == "content_encoding" or b"ncoding:" in response.raw_head:
        return None
    return raw


def _json(of: Any) -> Json:
    return Json(_there(of).body)


def _select(of: Any, selector: str) -> Any:
    """Return what a path of gjson points at; undefined where nothing is there, or no JSON."""
    response = _there(of)
    steps = gjson_grammar.plain(selector)
    try:
        if steps is None:
            found = _searched(response, selector)
        else:
            found = gjson_search.follow(response.json(), steps)
    except ValueError:
        found = _searched_slowly(response, selector)
    if found is None:
        return Json(b"null")
    return None if found is MISSING else found


def _searched(response: Response, selector: str) -> Any:
    if "@tostr" in selector:  # which shows how a value was written
        return _searched_slowly(response, selector)
    return gjson_search.select(response.json(), selector)


def _searched_slowly(response: Response, selector: str) -> Any:
    """Search what is JSON by gjson's rules only, as broken UTF-8, or halves of pairs."""
    try:
        value = gjson_values.exact(response.body.decode("utf-8", "replace"))
    except ValueError:
        return MISSING
    return gjson_search.select(value, selector)


def _there(of: Any, what: str = "JSON") -> Response:
    """Return a response that has a body; raises K6Error."""
    response = _response(of)
    if not response.status or (isinstance(of, K6Response) and of.response_type == "none"):
        raise K6Error(
            f"the body is null so we can't transform it to {what} - this likely was because of a "
            "request error getting the response"
        )
    return response


def page_of(of: Any) -> tuple[str, str]:
    """Return the body of a response as text, and its URL; raises K6Error."""
    response = _there(of, "HTML")
    return response.body.decode("utf-8", "replace"), response.url


def _head_of(response: Response) -> bytes:
    """Return the head as it came; a request that failed has none, as in k6."""
    return response.raw_head if response.status else b""


def _first(response: Response) -> tuple[str, str]:
    found = _FIRST.match(_head_of(response))
    return (found[1].decode(), (found[2] or b"").decode("latin-1")) if found else ("", "")


def _status_text(response: Response) -> str:
    if not response.status:
        return ""
    reason = _first(response)[1]
    if not reason:
        try:
            reason = HTTPStatus(response.status).phrase
        except ValueError:
            reason = ""
    return f"{response.status} {reason}"


def canonical(name: str) -> str:
    """Return a header's name as Go writes it: Content-Type."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def _headers(response: Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in _head_of(response).split(b"\r\n")[1:]:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            key, text = canonical(name.strip()), value.strip()
            found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _cookies(response: Response) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in _head_of(response).split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"set-cookie":
            cookie = _cookie(value.decode("latin-1").strip())
            if cookie:
                found.setdefault(cookie["name"], []).append(cookie)
    return found


def _cookie(line: str) -> dict[str, Any]:
    pair, _, rest = line.partition(";")
    name, equals, value = pair.partition("=")
    if not equals or not name.strip():
        return {}
    said = {key.strip().lower(): text.strip() for key, text in _ATTRIBUTE.findall(f";{rest}")}
    age = said.get("max-age", "")
    expires = cookies.date_s(said.get("expires", ""))
    return {
        "name": name.strip(),
        "value": value.strip().strip('"'),
        "domain": said.get("domain", "").removeprefix("."),
        "path": said.get("path", ""),
        "http_only": "httponly" in said,
        "secure": "secure" in said,
        "max_age": int(age) if re.fullmatch(r"-?[0-9]+", age) else 0,
        "expires": 0 if expires is None else expires * 1000,
    }


def _timings(response: Response) -> list[float]:
    """Return what http.js gives its names to, in ms."""
    spans = response.timings
    sending, waiting, receiving = spans.sending, spans.waiting, spans.receiving
    return [
        *(sending + waiting + receiving, spans.blocked, spans.connecting, spans.tls_handshaking),
        *(sending, waiting, receiving),
    ]


def _tls(response: Response) -> tuple[str, str]:
    """Return version and cipher suite under k6's names."""
    version, suite = response.tls_parameters
    if "CHACHA20" in suite and version < 0x0304:
        suite = suite.removesuffix("_SHA256")
    return _TLS_VERSIONS.get(version, ""), suite


def _sent_headers(options: Any) -> dict[str, list[str]]:
    vu = owner().vu
    found = {"User-Agent": [vu.maker.settings.user_agent]} if vu is not None else {}
    if options.content_type:
        found["Content-Type"] = [options.content_type]
    if options.cookies:
        found["Cookie"] = ["; ".join(f"{name}={value}" for name, value in options.cookies)]
    return {**found, **{canonical(name): [value] for name, value in options.headers}}


def _request(of: Any, sent: Any) -> dict[str, Any] | Json:
    response = _response(of)
    if not isinstance(response, Response):
        return Json(b"null")  # there was none
    options = getattr(response.keep, "options", None)
    return {
        "method": response.method,
        "url": response.url,
        "headers": _sent_headers(options) if options else {},
        "body": "" if sent is None else body_bytes(sent).decode("utf-8", "replace"),
        "cookies": {
            name: [{"name": name, "value": value, "replace": False}]
            for name, value in (options.cookies if options else ())
        },
    }
