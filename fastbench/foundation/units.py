"""10s, 1k, 1.20ms, 3.4MiB: parse and format."""

from __future__ import annotations

import re

_UNIT_NS = {
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "µs": 1_000,  # micro sign
    "μs": 1_000,  # Greek mu, as Go prints it
    "ns": 1,
}
_PER_S = 10**27  # 18 digits after the point of a nanosecond
_SI = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BYTES = {
    **{f"{prefix}b": size for prefix, size in _SI.items()},
    **_SI,
    **{f"{prefix}i{end}": 1024**n for n, prefix in enumerate("kmgt", 1) for end in ("", "b")},
}
_NUMBER = r"[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18}"
_DURATION_PART = re.compile(rf"({_NUMBER})(d|h|ms|m|s|us|µs|μs|ns)")
_DURATION = re.compile(rf"(?:{_DURATION_PART.pattern})+")
_SCALED = re.compile(rf"({_NUMBER})([a-z]*)")


def parse_duration_s(text: str) -> float:
    """Return the seconds of `2s 2m 2h` (wrk), `1m30s 500ms 100us` (Go) or a bare number.

    Raises ValueError with a sentence. The sum is exact and rounded once.
    """
    lowered = text.lower()
    if re.fullmatch(_NUMBER, lowered):
        return _times(lowered, _UNIT_NS["s"]) / _PER_S
    if not _DURATION.fullmatch(lowered):
        raise ValueError(f"{_shown(text)} is not a duration; write 30s, 2m, 1m30s or 500ms.")
    parts = _DURATION_PART.findall(lowered)
    return sum(_times(number, _UNIT_NS[unit]) for number, unit in parts) / _PER_S


def parse_count(text: str) -> int:
    """Return the whole number of `100`, `10k`, `1.5M`; suffixes are powers of 1,000 as in wrk.

    Raises ValueError with a sentence.
    """
    count = _scaled(text, _SI)
    if count is None:
        raise ValueError(f"{_shown(text)} is not a count; write a whole number: 100, 10k or 1M.")
    return count


def parse_rate(text: str) -> float:
    """Return the number per second of `1000`, `1k`, `0.5`, `100/s`, `100/1m` or `5/h`.

    Raises ValueError with a sentence.
    """
    number, slash, span = text.lower().partition("/")
    match = _SCALED.fullmatch(number)
    if span in _UNIT_NS:
        span = f"1{span}"
    try:
        span_s = parse_duration_s(span) if slash else 1.0
    except ValueError:
        span_s = 0.0
    if not match or match[2] not in _SI or span_s <= 0:
        raise ValueError(f"{_shown(text)} is not a rate; write 1000, 1k, 0.5 or 100/1m.")
    return _times(match[1], _SI[match[2]]) / 10**18 / span_s


def parse_bytes(text: str) -> int:
    """Return the bytes of `512`, `10kB` (1,000) or `4MiB` (1,024); case does not matter.

    Raises ValueError with a sentence.
    """
    size = _scaled(text, _BYTES)
    if size is None:
        raise ValueError(f"{_shown(text)} is not a size; write 512, 10kB or 4MiB.")
    return size


def format_ns(value_ns: float) -> str:
    """Format nanoseconds to three digits: `850ns`, `1.20ms`, `12.3s`, `1m30s`."""
    if value_ns < 0:
        return "-" + format_ns(-value_ns)
    if value_ns < 999.5:
        return f"{value_ns:.0f}ns"
    for unit, size in (("us", 1e3), ("ms", 1e6), ("s", 1e9)):
        scaled = value_ns / size
        if scaled < 59.95 or (unit != "s" and scaled < 999.5):
            return _digits(scaled) + unit
    return _clock(round(value_ns / 1e9))


def format_ms(value_ms: float) -> str:
    """Format milliseconds as format_ns does."""
    return format_ns(value_ms * 1e6)


def format_s(value_s: float) -> str:
    """Format seconds for a plan: `10s`, `1.5s`, `2m`, `1h5m`; nothing after the last digit."""
    if value_s < 1 or (value_s < 60 and value_s != int(value_s)):
        number, unit = re.fullmatch(r"([-0-9.]+)(.+)", format_ns(value_s * 1e9)).groups()  # type: ignore[union-attr]
        return (number.rstrip("0").rstrip(".") if "." in number else number) + unit
    return _clock(round(value_s))


def format_instant(text: str) -> str:
    """Return a wall-clock time in ISO 8601 as people read it, to the second."""
    return re.sub(r"\.[0-9]+", "", text.replace("T", " ", 1))


def format_bytes(size_bytes: float) -> str:
    """Format bytes by 1,024: `512B`, `3.4MiB`, `341MiB`."""
    if size_bytes < 1023.5:
        return f"{size_bytes:.0f}B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        size_bytes /= 1024
        if size_bytes < 99.95:
            return f"{size_bytes:.1f}{unit}"
        if size_bytes < 1023.5:
            return f"{size_bytes:.0f}{unit}"
    return f"{size_bytes / 1024:.1f}PiB"


def format_count(count: float) -> str:
    """Format a number by 1,000 to three digits: `7`, `999`, `1.23k`, `12.3k`, `4.56M`."""
    if count < 0:
        return "-" + format_count(-count)
    if count < 999.5:
        return f"{count:.0f}" if count == int(count) else _digits(count)
    for unit in ("k", "M", "G"):
        count /= 1000
        if count < 999.5:
            return _digits(count) + unit
    return _digits(count / 1000) + "T"


def format_rate(per_s: float) -> str:
    """Format a rate: `12.3k/s`."""
    return format_count(per_s) + "/s"


def _times(number: str, unit_ns: int) -> int:
    """Multiply a decimal text exactly, in 1e-18 ns: 100us is 0.0001, not 0.0000999…."""
    whole, _, fraction = number.partition(".")
    return int(whole + fraction.ljust(18, "0")) * unit_ns


def _scaled(text: str, factors: dict[str, int]) -> int | None:
    match = _SCALED.fullmatch(text.lower())
    if match is None or match[2] not in factors:
        return None
    whole, _, fraction = match[1].partition(".")
    value, rest = divmod(int(whole + fraction) * factors[match[2]], 10 ** len(fraction))
    return None if rest else value


def _digits(value: float) -> str:
    """Show three significant digits of a value from 0 to 999, without an exponent."""
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def _clock(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    parts = ((hours, "h"), (rest // 60, "m"), (rest % 60, "s"))
    return "".join(f"{value}{unit}" for value, unit in parts if value) or "0s"


def _shown(text: str) -> str:
    return f"`{text}`" if len(text) <= 40 and text.isprintable() else "The value given"


_RATES = {"operation": "op/s", "message": "msg/s", "connection": "conn/s"}


def per_s(noun: str) -> str:
    """Return the unit of a rate of them."""
    return _RATES.get(noun, "req/s")


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
