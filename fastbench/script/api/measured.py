"""Samples of metrics that we count ourselves where a script's code runs, as those of queries."""

from __future__ import annotations

from typing import Any

from fastbench.script.recording_context import MAX_INSIDE, PLACE, RecordingContext, Tags


def measured(name: str, tags: Tags = (), place: RecordingContext | None = None) -> Any:
    """Return where samples of a built-in metric are counted; times are given in ns.

    `tags` are the sample's own, sorted; `place` is where it belongs, else where this code runs.
    """
    place = place or PLACE.get()
    found = place.cells.get((name, tags))
    if found is None:
        if len(place.cells) >= MAX_INSIDE:
            place.cells.clear()
        recorder: Any = place.recorder
        found = place.cells[name, tags] = recorder.built_in(name, place, tags)
    return found
