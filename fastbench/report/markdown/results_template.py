"""A result filled into a template: `--template FILE`, of a run or of `fastbench report RUN.json`.

1. The template is Jinja2, in its sandbox: it computes with what it is given, and reads no file.
   `plan` is our own, with the headings that the templates of load test plans have, in Markdown and
   in HTML. A file that is called so is HTML, and then all that is filled in is escaped.
2. What a template gets is text for people beside plain numbers; an unknown name is an error, so
   that no field of a results page stays empty unseen. The filters `ms`, `bytes`, `seconds` format
   numbers, `md` escapes what Markdown and HTML give a meaning.
3. Issues and recommendations are for people to write: `plan` has their headings only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fastbench.experiments.find.find_document import Found
from fastbench.foundation.platforms import install_command
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_bytes, format_ms, format_s
from fastbench.report import own_metrics, stage_rows
from fastbench.report.columns import NOTHING, ms
from fastbench.report.load_heading import load_of
from fastbench.report.markdown.markdown_markup import escaped
from fastbench.report.markdown.markdown_report import BOTTLENECKS, capacity_of, tells_capacity
from fastbench.report.verdict_words import ordered, said
from fastbench.results import resolution
from fastbench.results.latencies import latency_ms
from fastbench.results.load_stages import StageRow
from fastbench.results.result import Result

if TYPE_CHECKING:
    from jinja2 import Template

    from fastbench.report.markdown.template_sandbox import TemplateSandbox

_Made = TypeVar("_Made")

OWN = "plan"
_HTML = (".html", ".htm", ".html.j2", ".htm.j2", ".html.jinja", ".html.jinja2")
MAX_BYTES = 1 << 20
_TIMES = ("p50", "p90", "p95", "p99", "max")


class Unfillable(Exception):
    """A template that cannot be read or filled; says why in one sentence."""


def forms(name: str) -> tuple[str, ...]:
    """Return which forms a template is of: "md", "html"; our own is of both."""
    return ("md", "html") if name == OWN else ("html" if name.lower().endswith(_HTML) else "md",)


def read(name: str, form: str = "md") -> str:
    """Return the text of a template: our own by its name, else of a file; raises Unfillable."""
    if name == OWN:
        return files(__package__).joinpath(f"plan.{form}.j2").read_text(encoding="utf-8")
    try:
        data = Path(name).read_bytes()
        if len(data) > MAX_BYTES:
            raise Unfillable(f"--template `{name}` is larger than 1 MiB; is it a template?")
        return data.decode()
    except UnicodeDecodeError:
        raise Unfillable(f"--template `{name}` is no text in UTF-8.") from None
    except OSError as error:
        own = f"; fastbench's own is --template {OWN}"
        raise Unfillable(f"--template `{name}`: {error.strerror}{own}.") from None


def check(name: str) -> None:
    """Refuse a template that cannot be read or is none, before the load; raises Unfillable."""
    for form in forms(name):
        _compiled(name, form)


def render(result: Result, name: str, search: Found | None = None, form: str = "") -> str:
    """Fill a result into a template; `search` says the highest rate that met its objective.

    `form` is "md" or "html", without it the template's own. Raises Unfillable for a template that
    cannot be read or filled.
    """
    sandbox, template = _compiled(name, form or forms(name)[0])
    return _told(name, lambda: sandbox.filled(template, _visible(context(result.main, search))))


def _compiled(name: str, form: str) -> tuple[TemplateSandbox, Template]:
    """Read a template; raises Unfillable."""
    text = read(name, form)
    try:
        from fastbench.report.markdown.template_sandbox import TemplateSandbox
    except ImportError:
        raise Unfillable(
            f"--template needs the package jinja2: {install_command('template')}."
        ) from None
    environment = TemplateSandbox(escapes=form == "html")
    environment.filters |= {"ms": format_ms, "bytes": format_bytes, "seconds": format_s}
    environment.filters["md"] = escaped
    return environment, _told(name, lambda: environment.from_string(text))


def _told(name: str, make: Callable[[], _Made]) -> _Made:
    """Make something of a template; what goes wrong is told in one sentence."""
    from jinja2 import TemplateError

    try:
        return make()
    except (RecursionError, MemoryError):
        raise Unfillable(f"--template `{name}`: it never ends, or takes all memory.") from None
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f", line {line}" if line else ""
        why = printable(str(error)).rstrip(".")
        raise Unfillable(f"--template `{name}`{where}: {why}.") from None


def _visible(value: Any) -> Any:
    """Return the same with what drives a terminal made visible in every text."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {key: _visible(each) for key, each in value.items()}
    return [_visible(each) for each in value] if isinstance(value, list | tuple) else value


def context(result: Result, search: Found | None = None) -> dict[str, Any]:
    """Return what a template is given; `document` is the whole result, as --json writes it."""
    load, s = load_of(result), result.summary
    return {
        "title": load.script or load.url + load.more or "a run",
        "target": load.target,
        "script": load.script,
        "date": result.environment.started_at[:10],
        "started_at": result.environment.started_at,
        "duration": format_s(s.duration_s),
        "duration_s": s.duration_s,
        "users": load.vus,
        "connections": load.connections,
        "streams": load.streams,
        "protocol": load.protocol,
        "planned_rate": load.rate,
        "noun": result.noun,
        "rate": s.requests_per_s,
        "requests": s.requests,
        "failed": s.not_ok,
        "error_rate": s.not_ok / s.requests if s.requests else 0.0,
        "passed": result.outcome.level != "failed",
        "outcome": result.outcome.level,
        "reasons": [each.text for each in result.outcome.reasons],
        "operations": _operations(result),
        "criteria": _criteria(result),
        "metrics": [{"name": name, "value": value} for name, value in own_metrics.rows(result)],
        "resources": _resources(result),
        "errors": [
            {"count": each.count, "message": each.message, "remedy": each.hint}
            for each in result.errors
        ],
        "warnings": [{"text": each.text, "hint": each.hint} for each in result.warnings],
        "bottleneck": BOTTLENECKS.get(result.validity.limit, result.validity.limit),
        "bottleneck_reasons": list(result.validity.reasons),
        "capacity": capacity_of(result),
        "limits": _limits(result),
        "stages": _stages(result),
        "highest_rate": None if search is None else search.rate,
        "document": result.to_document(),
    }


def _limits(result: Result) -> dict[str, Any] | None:
    """Return the highest load that met its goals; None where nothing was judged.

    What is not told is None: users of a planned rate, a rate too short to tell.
    """
    found = stage_rows.limits(result)
    if found is None or not (result.stages or tells_capacity(result)):
        return None
    return {
        "users": found.users,
        "per_s": found.per_s,
        "sockets": found.sockets,
        "noun": found.noun,
        "ramp": found.ramp,
        "at_least": found.at_least,
        "met": found.found.highest is not None,
        "stage": found.stage,
        "failed": found.failed,
        "sentence": stage_rows.sentence(result),
    }


def _stages(result: Result) -> list[dict[str, Any]]:
    return [_stage(row, *stage_rows.counted(row, result), result) for row in result.stages]


def _stage(stage: StageRow, row: StageRow, noun: str, result: Result) -> dict[str, Any]:
    """Return one row; what it counts are requests, or operations where it sent none."""
    return {
        "name": row.name,
        "span": stage_rows.span(row),
        "asked": stage_rows.asked(row, result),
        "users": row.users,
        "sockets": row.sockets,
        "noun": noun,
        "count": row.requests,
        "failed": row.not_ok,
        "per_s": row.requests_per_s,
        "p95": ms(row.p95_ms),
        "p95_ms": row.p95_ms,
        "met": row.met,
        "complete": row.complete,
        "held": list(row.held),
        "broken": [
            {"text": text, "observed": observed, "decides": text in stage.failed}
            for text, observed in {**row.failed, **row.warned}.items()
        ],
    }


def _operations(result: Result) -> list[dict[str, Any]]:
    rows = [
        _operation(each.name, each.requests, each.failed, each.requests_per_s, each.latency)
        for each in result.requests
    ]
    s = result.summary
    whole = latency_ms(result.latency.service)
    return [*rows, _operation("all", s.requests, s.not_ok, s.requests_per_s, whole)]


def _operation(
    name: str, count: int, failed: int, per_s: float, latency: Mapping[str, float | None]
) -> dict[str, Any]:
    """Return one row: times as text by name, and in ms by `NAME_ms`, None if too few tell them."""
    told = {key: resolution.told_ms(latency, key) for key in _TIMES}
    return {
        "name": name,
        "count": count,
        "failed": failed,
        "per_s": per_s,
        **{key: ms(value) for key, value in told.items()},
        **{f"{key}_ms": value for key, value in told.items()},
    }


def _criteria(result: Result) -> list[dict[str, Any]]:
    return [
        {
            "text": text,
            "passed": each.ok,
            "grade": each.grade or ("passed" if each.ok else "failed"),
            "decides": each.level == "fail",
            "observed": said(each),
            "margin": each.margin,
        }
        for text, each in ordered(result)
    ]


def _resources(result: Result) -> list[dict[str, Any]]:
    used = result.resources
    rows = [
        _resource(each.name, each.cpu_percent, each.cpu_percent_max, each.rss_bytes_max)
        for each in used.targets
    ]
    if used.client is not None:
        client = used.client
        rows.append(_resource("client", client.cpu_percent, None, client.rss_bytes_max))
    if used.host is not None:
        host = used.host
        rows.append(_resource("host", host.cpu_percent, host.cpu_percent_max, None))
    return rows


def _resource(
    name: str, mean: float | None, most: float | None, size: int | None
) -> dict[str, Any]:
    return {
        "name": name,
        "cpu": NOTHING if mean is None else f"{mean:.0f}%",
        "cpu_peak": NOTHING if most is None else f"{most:.0f}%",
        "memory_peak": NOTHING if size is None else format_bytes(size),
        "cpu_percent": mean,
        "cpu_percent_peak": most,
        "memory_peak_bytes": size,
    }
