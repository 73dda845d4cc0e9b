"""Requests that a browser sent at the same time: each began before any of them had its answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fastbench.convert.har.har_file import Entry

_MAX_AT_ONCE = 50


def groups(entries: Iterable[Entry], sources: Mapping[int, set[int]]) -> list[list[Entry]]:
    """Return the entries in their order, those together that were under way together.

    `sources` are the numbers of the entries whose answers an entry needs: it comes behind them.
    """
    found: list[list[Entry]] = []
    first_end_s = 0.0
    for entry in entries:
        together = found[-1] if found else []
        if (
            together
            and entry.start_s < first_end_s
            and len(together) < _MAX_AT_ONCE
            and not any(_needs(entry, each, sources) for each in together)
        ):
            together.append(entry)
            first_end_s = min(first_end_s, _end_s(entry))
        else:
            found.append([entry])
            first_end_s = _end_s(entry)
    return found


def _needs(entry: Entry, earlier: Entry, sources: Mapping[int, set[int]]) -> bool:
    """Tell whether a request has something of an answer: a value, or a cookie."""
    if earlier.number in sources.get(entry.number, ()):
        return True
    cookies = {pair.strip() for pair in entry.header("cookie").split(";")}
    return any(
        name.lower() == "set-cookie" and value.partition(";")[0].strip() in cookies
        for each in (earlier, *earlier.followed)
        for name, value in each.answer_headers
    )


def _end_s(entry: Entry) -> float:
    return max(each.start_s + each.took_s for each in (entry, *entry.followed))
