"""HdrHistogram's own formats: its Python library prints the same spectrum and reads the log."""

from __future__ import annotations

import base64
import io
import math
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import samples
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]
from hdrh.iterators import PercentileIterator  # type: ignore[import-untyped]
from hdrh.log import HistogramLogReader  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from running import SLOW

from fastbench.report.export import hlog
from fastbench.report.text import spectrum
from fastbench.results.histogram import MAX_VALUE_NS, Histogram
from fastbench.results.result import Result

VALUES = st.lists(st.integers(1, MAX_VALUE_NS), min_size=1, max_size=200)
PERCENTS = (50, 90, 99, 99.9, 99.99, 100)


def library(histogram: Histogram) -> HdrHistogram:
    """Return the same counts in the library's hands."""
    return HdrHistogram.decode(base64.b64encode(histogram.to_v2()))


def step_of_the_reference(self: PercentileIterator) -> None:
    """Step as Java and C do: the halves passed are a whole number, which Python's port forgets."""
    level = self.percentile_to_iterate_from = self.percentile_to_iterate_to
    if level < 100:
        halves = int(math.log(100 / (100 - level)) / math.log(2))
        ticks = self.percentile_ticks_per_half_distance * 2 ** (halves + 1)
        self.percentile_to_iterate_to += 100.0 / ticks


def only(histogram: Histogram) -> Result:
    """Return a closed loop with that service time."""
    result = samples.good()
    return replace(result, latency=replace(result.latency, service=histogram))


def assert_as_the_library_prints(histogram: Histogram) -> None:
    _, *ours = spectrum.render(only(histogram)).splitlines()
    printed = io.BytesIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PercentileIterator, "increment_iteration_level", step_of_the_reference)
        library(histogram).output_percentile_distribution(printed, 1e6, 5)
    theirs = printed.getvalue().decode().splitlines()
    assert ours[:-3] == theirs[:-3]
    for our, their in zip(ours[-3:], theirs[-3:], strict=True):
        found, wanted = (
            [float(number) for number in re.findall(r"[-\d.]+(?=[,\]])", line)]
            for line in (our, their)
        )
        if our.startswith("#[Mean"):  # the port prints this deviation in ns
            wanted[1] /= 1e6
        assert found == pytest.approx(wanted, rel=1e-3, abs=2e-3)


@pytest.mark.slow
@settings(max_examples=40 if SLOW else 5)
@given(VALUES)
def test_the_spectrum_is_what_the_library_prints(values: list[int]) -> None:
    assert_as_the_library_prints(Histogram.from_values(values))


@pytest.mark.parametrize("name", ["good", "failing", "huge"])
def test_the_spectrum_of_a_run_is_what_the_library_prints(name: str) -> None:
    assert_as_the_library_prints(samples.ALL[name]().latency.service)


def test_levels_halve_as_in_every_hgrm_file() -> None:
    lines = spectrum.render(samples.good()).splitlines()
    assert lines[1] == "       Value     Percentile TotalCount 1/(1-Percentile)"
    assert lines[2] == ""
    levels = [float(line.split()[1]) for line in lines[3:19]]
    assert levels[:11] == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75]
    assert levels[11:] == [0.775, 0.8, 0.825, 0.85, 0.875]
    footer = [re.sub(r" *[\d.]+", " N", line) for line in lines[-3:]]
    assert footer == [
        "#[Mean    = N, StdDeviation   = N]",
        "#[Max     = N, Total count    = N]",
        "#[Buckets = N, SubBuckets     = N]",
    ]


def test_a_spectrum_says_which_latency_it_is() -> None:
    def titles(result: Result) -> list[str]:
        shown = spectrum.render(result)
        return re.findall(r"^#\[Percentile spectrum of (\w+ \w+) in ms, ", shown, re.MULTILINE)

    assert titles(samples.good()) == ["service time"]
    assert titles(samples.planned()) == ["response time", "service time"]
    assert spectrum.render(samples.refused()) == ""


def read(path: Path) -> dict[str, HdrHistogram]:
    reader = HistogramLogReader(str(path), HdrHistogram(1, MAX_VALUE_NS, 3))
    found = {}
    while histogram := reader.get_next_interval_histogram():
        found[histogram.tag] = histogram
    reader.close()
    return found


def test_the_library_reads_the_log(tmp_path: Path) -> None:
    planned, failing = samples.planned(), samples.failing()
    result = replace(planned, latency=replace(planned.latency, failed=failing.latency.failed))
    path = tmp_path / "run.hlog"
    path.write_text(hlog.render(result), encoding="utf-8")
    found = read(path)
    assert list(found) == ["service", "response", "failed", "connect", "first_byte", "lag"]
    for name, histogram in found.items():
        ours = getattr(result.latency, name)
        assert histogram.get_total_count() == ours.count
        for percent in PERCENTS:
            theirs = histogram.get_value_at_percentile(percent)
            assert ours.percentile(percent) == pytest.approx(theirs, rel=1e-3)
        start_ms = 1_772_366_400_000
        assert histogram.get_start_time_stamp() == start_ms
        assert histogram.get_end_time_stamp() == start_ms + 30_000


def test_the_log_is_of_format_1_3() -> None:
    lines = hlog.render(samples.planned()).splitlines()
    assert lines[2:6] == [
        "#[Histogram log format version 1.3]",
        "#[StartTime: 1772366400.000 (seconds since epoch), 2026-03-01 12:00:00+00:00]",
        "#[BaseTime: 1772366400.000 (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]
    lag = samples.planned().latency.lag
    assert lag is not None
    assert lines[-1].startswith(f"Tag=lag,0.000,30.000,{lag.max_ns / 1e6:.3f},HISTF")
    tags = [line.partition(",")[0] for line in lines[6:]]
    assert tags == [
        f"Tag={name}" for name in ("service", "response", "connect", "first_byte", "lag")
    ]


def test_a_run_without_samples_has_a_log_without_intervals(tmp_path: Path) -> None:
    path = tmp_path / "run.hlog"
    path.write_text(hlog.render(samples.refused()), encoding="utf-8")
    assert read(path) == {}


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time is not UTC."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "XYZ-5")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("started_at", "start"),
    [
        ("2026-03-01T13:00:00+01:00", "1772366400.000"),
        ("2026-03-01T12:00:00", "1772366400.000"),  # no zone: UTC
        ("yesterday", ""),
        ("", ""),
        ("2026-03-01T12:00:00+00:00\n#[x]", ""),
    ],
)
def test_the_start_is_placed_on_the_calendar_where_it_is_known(
    started_at: str, start: str, elsewhere: None
) -> None:
    result = samples.good()
    environment = replace(result.environment, started_at=started_at)
    lines = hlog.render(replace(result, environment=environment)).splitlines()
    found = [line for line in lines if line.startswith(("#[StartTime: ", "#[BaseTime: "))]
    assert len(found) == (2 if start else 0)
    assert all(f": {start} (seconds since epoch)" in line for line in found)


def test_text_from_elsewhere_cannot_add_a_line_to_the_log() -> None:
    hostile = replace(samples.hostile(), version=f"1\n{samples.HOSTILE}")
    assert len(hlog.render(hostile).splitlines()) == len(
        hlog.render(samples.failing()).splitlines()
    )
