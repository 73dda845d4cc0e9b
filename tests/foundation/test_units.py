"""units.py: what people type is read exactly, what they read can be typed again."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.foundation import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2s", 2.0),
        ("2m", 120.0),
        ("2h", 7200.0),
        ("2S", 2.0),
        ("1d", 86400.0),
        ("1m30s", 90.0),
        ("1h2m3.5s", 3723.5),
        ("500ms", 0.5),
        ("100us", 0.0001),
        ("100µs", 0.0001),
        ("100\u03bcs", 0.0001),  # Greek mu, as Go prints it
        ("7ns", 7e-9),
        ("10", 10.0),
        ("0.25", 0.25),
        (".5s", 0.5),
        ("1.s", 1.0),
    ],
)
def test_a_duration_of_wrk_or_go_is_read_exactly(text: str, seconds: float) -> None:
    assert units.parse_duration_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "1x", "-1s", "+1s", "1m30", "1 s", "1e3", "nan", "inf", "٣s", "1..5s", "{}"]
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration; write 30s"):
        units.parse_duration_s(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [("100", 100), ("1k", 1000), ("10K", 10_000), ("1M", 10**6), ("1m", 10**6), ("1.5k", 1500)],
)
def test_a_count_takes_si_suffixes(text: str, count: int) -> None:
    assert units.parse_count(text) == count


@pytest.mark.parametrize("text", ["", "k", "-1", "1.5", "1.0005k", "1e5", "1ki", "10s", "٣"])
def test_what_is_no_whole_count_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a count; write a whole number"):
        units.parse_count(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("512b", 512), ("1k", 1000), ("1kB", 1000), ("1KiB", 1024), ("4Mi", 4 << 20)],
)
def test_bytes_take_both_kinds_of_prefix(text: str, size: int) -> None:
    assert units.parse_bytes(text) == size


def test_what_is_no_size_is_refused() -> None:
    with pytest.raises(ValueError, match="not a size; write 512, 10kB or 4MiB"):
        units.parse_bytes("4 MB")


@pytest.mark.parametrize(
    ("value_ns", "shown"),
    [
        (0, "0ns"),
        (850, "850ns"),
        (999.6, "1.00us"),
        (1_200_000, "1.20ms"),
        (9_999_000, "10.0ms"),
        (99_960_000, "100ms"),
        (999_600_000, "1.00s"),
        (59.94e9, "59.9s"),
        (59.96e9, "1m"),
        (90e9, "1m30s"),
        (3661e9, "1h1m1s"),
        (-1500, "-1.50us"),
    ],
)
def test_a_time_is_shown_with_three_digits(value_ns: float, shown: str) -> None:
    assert units.format_ns(value_ns) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(10, "10s"), (1.5, "1.5s"), (0.5, "500ms"), (0, "0ns"), (60, "1m"), (3900, "1h5m")],
)
def test_seconds_of_a_plan_are_shown_without_trailing_zeros(seconds: float, shown: str) -> None:
    assert units.format_s(seconds) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0B"), (1023, "1023B"), (1024, "1.0KiB"), (3565158, "3.4MiB"), (341 << 20, "341MiB")],
)
def test_bytes_are_shown_by_1024(size: int, shown: str) -> None:
    assert units.format_bytes(size) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0"),
        (7, "7"),
        (0.5, "0.50"),
        (999, "999"),
        (999.7, "1.00k"),
        (12345, "12.3k"),
        (-0.5, "-0.50"),
        (-2e9, "-2.00G"),
    ],
)
def test_a_count_is_shown_with_three_digits(count: float, shown: str) -> None:
    assert units.format_count(count) == shown
    assert units.format_rate(count) == shown + "/s"


@given(st.integers(1, 10**18))
def test_a_shown_time_reads_back_within_one_percent(value_ns: int) -> None:
    read_ns = units.parse_duration_s(units.format_ns(value_ns)) * 1e9
    assert math.isclose(read_ns, value_ns, rel_tol=0.01)


@given(st.floats(1e-6, 1e6))
def test_a_shown_plan_time_reads_back(seconds: float) -> None:
    assert math.isclose(units.parse_duration_s(units.format_s(seconds)), seconds, rel_tol=0.01)


@given(st.integers(0, 10**12))
def test_a_shown_count_reads_back_within_half_a_percent(count: int) -> None:
    assert math.isclose(units.parse_count(units.format_count(count)), count, rel_tol=0.005)


@given(st.integers(0, 2**49))
def test_shown_bytes_read_back_within_five_percent(size: int) -> None:
    shown = units.format_bytes(size)
    number, unit = shown.rstrip("KMGTiB"), shown.lstrip("0123456789.")
    assert math.isclose(float(number) * units.parse_bytes("1" + unit), size, rel_tol=0.05)


@given(st.integers(0, 10**6), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_the_parts_of_a_duration_add_up(hours: int, minutes: int, seconds: int, ms: int) -> None:
    text = f"{hours}h{minutes}m{seconds}s{ms}ms"
    total_ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
    assert units.parse_duration_s(text) == total_ms / 1000


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_with_one_sentence(text: str) -> None:
    for parse in (units.parse_duration_s, units.parse_count, units.parse_bytes):
        try:
            assert parse(text) >= 0
        except ValueError as error:
            assert str(error).endswith(".") and "\n" not in str(error)


@given(st.floats(0, 1e20))
def test_every_size_of_number_has_a_short_form(value: float) -> None:
    for shown in (units.format_count(value), units.format_bytes(value)):
        assert len(shown) <= 21 and "e" not in shown.lower().replace("pib", "")
