"""Requests of several runs of URLs by URL: a run of one URL holds its row as a whole.

Rows are named by path and query, as in one run of several URLs; by the whole URL where the runs
went to different servers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from urllib.parse import urlsplit

from fastbench.results.histogram import Histogram
from fastbench.results.latencies import latency_ms, packed
from fastbench.results.merging import merged_rows
from fastbench.results.metric_values import NamedRow
from fastbench.results.result import Result


def rows(results: Sequence[Result]) -> list[NamedRow]:
    """Return the rows of all; those of single URLs are made of histograms, so exact."""
    plain = [each for each in results if not each.scripted and each.noun == "request"]
    servers = {_server(each) for each in plain}
    found = [
        replace(row, name=_server(each) + row.name) if _grows(each, servers) else row
        for each in results
        for row in each.requests
    ]
    single: dict[tuple[str, str], list[Result]] = {}
    for each in plain:
        if not each.requests:
            parts = urlsplit(_url(each))
            name = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            name = name if len(servers) == 1 else _server(each) + name
            single.setdefault((str(each.config.get("method") or "GET"), name), []).append(each)
    if len(plain) == len(results) and len(single) == 1 and not found:
        return []  # the whole is this row
    return [*found, *(_row(*key, same) for key, same in single.items())]


def _row(method: str, name: str, same: Sequence[Result]) -> NamedRow:
    summaries = [each.summary for each in same]
    responses = [h for each in same if (h := each.latency.response) is not None]
    service = _whole(each.latency.service for each in same)
    response = _whole(responses) if len(responses) == len(same) else None
    return NamedRow(
        name=name,
        method=method,
        scenario="",
        requests=sum(s.requests for s in summaries),
        failed=sum(s.not_ok for s in summaries),
        requests_per_s=0.0,  # over the whole time, see `merged_rows.named`
        latency=latency_ms(service),
        timeouts=sum(s.timeouts for s in summaries),
        bytes_in=sum(s.bytes_in for s in summaries),
        status_codes=merged_rows.sums(each.status_codes for each in same),
        hdr={
            key: packed(each)
            for key, each in (("latency", service), ("response", response))
            if each is not None and each.count
        },
        response=None if response is None else latency_ms(response),
    )


def _whole(histograms: Iterable[Histogram]) -> Histogram:
    return reduce(Histogram.merge, histograms)


def _grows(result: Result, servers: set[str]) -> bool:
    return not result.scripted and result.noun == "request" and len(servers) > 1


def _server(result: Result) -> str:
    parts = urlsplit(_url(result))
    return f"{parts.scheme}://{parts.netloc}"


def _url(result: Result) -> str:
    return str(result.config.get("url") or "")
