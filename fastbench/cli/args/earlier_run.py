"""The run before, for thresholds with [baseline]: that of --baseline, else of --history."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastbench.cli.output.settings import Output, Record
from fastbench.foundation import redact

if TYPE_CHECKING:  # most runs need none of it
    from fastbench.results.result import Result
    from fastbench.results.thresholds.baseline_terms import Earlier
    from fastbench.results.thresholds.judging import Threshold


def of(output: Output, config: Mapping[str, object]) -> Earlier | None:
    """Return what reads the run before, None where none was named."""
    if output.against is not None:
        baseline = output.against.baseline
        return lambda: baseline
    if output.record is None:
        return None
    return partial(_last, output.record, output.record.name or default_name(config))


def filled(
    found: Sequence[Threshold], output: Output, config: Mapping[str, object]
) -> tuple[tuple[Threshold, ...], tuple[str, ...]]:
    """Look up the terms with [baseline] of a run of URLs; see `baseline_terms.known`."""
    from fastbench.results.thresholds import baseline_terms

    messages = str(config.get("url") or "").startswith(("ws:", "wss:"))
    return baseline_terms.known(found, of(output, config), messages=messages)


def _last(record: Record, name: str) -> Result | None:
    """Return the last complete run of a name; raises UsageError for a file that cannot be read."""
    from fastbench.results.history import history_store

    if not os.path.exists(record.path):
        return None
    with history_store.opened(record.path) as kept:
        before = kept.last_complete(name)
        return None if before is None else kept.result(before.id)


def default_name(config: Mapping[str, object]) -> str:
    """Name a run by its script's file, or by method and path with the ids left out.

    A merged one is named by all of its runs.
    """
    merged = config.get("merged")
    if isinstance(merged, Mapping) and merged:
        names = [default_name(each) for each in merged.values()]
        each = list(dict.fromkeys(names))
        return _shown(
            " + ".join(each) + (f" ({len(names)} runs)" if len(each) < len(names) else "")
        )
    script = config.get("script")
    if isinstance(script, str) and script:
        return _shown(os.path.basename(os.path.abspath(script)))
    from fastbench.script.http import url_grouping

    path = url_grouping.path(urlsplit(str(config.get("url") or "")).path) or "/"
    urls = config.get("urls")
    more = f" and {urls - 1} more" if isinstance(urls, int) and urls > 1 else ""
    return _shown(f"{config.get('method') or 'GET'} {path}{more}")


def _shown(name: str) -> str:
    from fastbench.results.history.history_entry import MAX_NAME

    return redact.printable(name)[:MAX_NAME]
