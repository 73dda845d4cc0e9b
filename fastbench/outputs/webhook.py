"""Tell somebody that a run failed: one POST of a small JSON object, when the run is over.

1. The object has a `text`, which Slack and what understands its webhooks show, and the figures by
   name for everybody else. In the text &, < and > are written as Slack wants data: a name cannot
   become a link or call a whole channel.
2. The URL is a secret, for its path is the key: no more than scheme and host is ever shown, and
   nothing at all of one that is refused.
3. All of it takes at most 5 s, whatever the other side does, and never changes how the run ended.
4. The proxies of the environment are used, as by other tools of a build; no redirect is followed.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from typing import IO

from fastbench import __version__
from fastbench.foundation import exit_codes, redact
from fastbench.foundation.units import format_ms
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls
from fastbench.plan.urls import Url
from fastbench.results import resolution
from fastbench.results.result import Result

LIMIT_S = 5.0
MAX_NAMED = 5  # broken thresholds in the text; the object has all

_SLACK = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}


def check(text: str) -> str:
    """Return the URL, or refuse it without showing it."""
    try:
        urls.parse(text)
    except UsageError:
        raise UsageError(
            "--webhook takes an http:// or https:// URL; the given value is not one (it "
            "may be a secret, so it is not shown)."
        ) from None
    return text


def of_result(result: Result, name: str, code: int) -> dict[str, object]:
    """Return the message about a run that failed but has a result."""
    result = result.main
    s = result.summary
    _, latency = result.headline
    p95_ms = latency.percentile(95.0) / 1e6 if latency.count else None
    broken = [
        text for text, each in result.thresholds.items() if not each.ok and each.level == "fail"
    ]
    told = resolution.tells_rate(s.requests, s.duration_s)
    figures = [f"{s.requests_per_s:,.0f} {result.per_s}"] if told else []
    figures.append(f"{s.not_ok:,} not ok")
    outcome = result.outcome
    p95_ns = resolution.told_ns(latency, 95.0)
    figures += [] if p95_ns is None else [f"p95 {format_ms(p95_ns / 1e6)}"]
    named = [f"{text} ({result.thresholds[text].text})" for text in broken[:MAX_NAMED]]
    named += [f"{len(broken) - MAX_NAMED} more"] if len(broken) > MAX_NAMED else []
    about = f"; failed: {', '.join(named)}" if named else ""
    others = [each.text for each in outcome.reasons if not each.code.startswith("thresholds_")]
    about += f"; {'; '.join(others)}" if others else ""
    return {
        **_failed(name, code, f"{', '.join(figures)}, verdict {result.validity.verdict}{about}"),
        "url": redact.printable(redact.url(str(result.config.get("url") or ""))) or None,
        "ended": s.ended,
        "level": outcome.level,
        "reasons": [redact.printable(each.text) for each in outcome.reasons],
        "verdict": result.validity.verdict,
        "requests": s.requests,
        "not_ok": s.not_ok,
        "requests_per_s": round(s.requests_per_s, 3),
        "p95_ms": p95_ms,
        "thresholds": {
            redact.printable(text): {
                "ok": each.ok,
                "level": each.level,
                "observed": each.observed,
                "text": redact.printable(each.text),
            }
            for text, each in result.thresholds.items()
        },
        "thresholdsFailed": result.thresholds_failed,
    }


def of_failure(name: str, code: int, sentence: str) -> dict[str, object]:
    """Return the message about what failed without a result, or is more than one run."""
    return _failed(name, code, sentence)


def send(address: str, message: Mapping[str, object]) -> str:
    """Post the message; return what went wrong, "" if nothing."""
    url = urls.parse(address)
    where = f"{url.scheme}://{url.authority}"
    heard: list[str] = []
    # A name that is looked up and a server that drips cannot be given up by a socket's timeout.
    posting = threading.Thread(target=lambda: heard.append(_post(url, message)), daemon=True)
    posting.start()
    posting.join(LIMIT_S)
    problem = heard[0] if heard else f"no response within {LIMIT_S:g}s"
    return problem and redact.printable(f"the webhook at {where} was not notified: {problem}.")


def _failed(name: str, code: int, about: str) -> dict[str, object]:
    meaning = exit_codes.meaning(code)
    shown = redact.printable(redact.text(name))
    text = redact.printable(f"fastbench: {shown}: {meaning} (exit {code}); {redact.text(about)}")
    return {
        "text": text.translate(_SLACK),
        "tool": {"name": "fastbench", "version": __version__},
        "name": shown,
        "exit_code": code,
        "outcome": meaning,
    }


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: a POST would become a GET, and somebody else would be told."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        return None


def _post(url: Url, message: Mapping[str, object]) -> str:
    """Post, and say what went wrong without a word of what the other side says: it may echo."""
    headers = {"Content-Type": "application/json", "User-Agent": f"fastbench/{__version__}"}
    if url.authorization:
        headers["Authorization"] = url.authorization
    try:
        request = urllib.request.Request(
            f"{url.scheme}://{url.authority}{url.path.decode('ascii')}",
            json.dumps(message).encode(),
            headers,
        )
        opener = urllib.request.build_opener(_Stay)
        with opener.open(request, timeout=LIMIT_S) as answer:
            status = int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answered {error.code}"
    except urllib.error.URLError as error:
        return _reason(error.reason)
    except Exception as error:  # of any kind: the run is over, and its exit code is what counts
        return _reason(error)
    return "" if 200 <= status < 300 else f"it answered {status}"


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"no response within {LIMIT_S:g}s"
    if isinstance(error, UnicodeError):
        return "its URL has a character that HTTP cannot carry; write it as %XX"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"its response is not HTTP ({type(error).__name__})"
