"""The histograms of a run as an HdrHistogram interval log, format 1.3 (HistogramLogWriter's).

One interval, the whole run, per histogram that has samples; the tag is its name in the document.
Times are seconds from the start of the run, which the BaseTime line places on the calendar.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from fastbench.foundation.redact import printable
from fastbench.report.load_heading import load_of
from fastbench.results.latencies import SERIES
from fastbench.results.result import Result

MAX_VALUE_UNIT_RATIO = 1_000_000.0  # values are in ns, the column Interval_Max is in ms
LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def render(result: Result) -> str:
    """Return the log; without any sample it has no line below its legend."""
    lines = [
        f"#[fastbench {printable(result.version)}, {load_of(result).url}]",
        f"#[Values in ns, Interval_Max in ms, maxValueUnitRatio {MAX_VALUE_UNIT_RATIO:.1f}]",
        "#[Histogram log format version 1.3]",
        *_start(result.environment.started_at),
        LEGEND,
    ]
    for name in SERIES:
        histogram = getattr(result.latency, name)
        if histogram is not None and histogram.count:
            most = histogram.max_ns / MAX_VALUE_UNIT_RATIO
            packed = base64.b64encode(histogram.to_v2()).decode()
            length_s = result.summary.duration_s
            lines.append(f"Tag={name},0.000,{length_s:.3f},{most:.3f},{packed}")
    return "\n".join(lines) + "\n"


def _start(started_at: str) -> list[str]:
    """Place the run on the calendar, if the document says when it was."""
    try:
        start = datetime.fromisoformat(started_at)
    except ValueError:
        return []
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    epoch_s = f"{start.timestamp():.3f} (seconds since epoch)"
    return [f"#[StartTime: {epoch_s}, {start.isoformat(' ')}]", f"#[BaseTime: {epoch_s}]"]
