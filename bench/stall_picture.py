"""Draw latency by percentile as an SVG: what each tool says of the same stall."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 210, 44, 52
TICKS = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99)
MAX_MS = 1100.0
COLOURS = ("#0b7a75", "#7fb7b4", "#b3402a", "#c79a2b", "#5b5b8c")
TEXT = 'font-family="system-ui, sans-serif" font-size="12"'


def _x(percent: float) -> float:
    """Spread the tail: one decade of 1/(1 - p) after the other."""
    decades = -math.log10(max(1e-4, 1 - percent / 100))
    return LEFT + (WIDTH - LEFT - RIGHT) * decades / 4


def _y(value_ms: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value_ms, MAX_MS) / MAX_MS


def _line(points: list[tuple[float, float]], style: str) -> str:
    path = " ".join(f"{_x(percent):.1f},{_y(value_ms):.1f}" for percent, value_ms in points)
    return f'<polyline points="{path}" fill="none" {style}/>'


def _axes() -> list[str]:
    parts = []
    for value_ms in range(0, 1001, 250):
        y = _y(value_ms)
        parts.append(
            f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>'
        )
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" {TEXT}>{value_ms:,} ms</text>'
        )
    for percent in TICKS:
        x = _x(percent)
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" {TEXT}>'
            f"{percent:g}%</text>"
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle" '
        f"{TEXT}>share of requests that were at least this fast</text>"
    )
    return parts


def draw(
    curves: Mapping[str, Mapping[str, float]],
    expected_ms: Callable[[float], float],
    *,
    rate: int,
    stall_s: float,
) -> str:
    """Return the SVG of curves {tool: {percentile: ms}} and of what must come out."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-family="system-ui, sans-serif" font-size="15" '
        f'font-weight="600">One stall of {stall_s:g} s in 30 s of {rate:,} requests per second'
        "</text>",
        *_axes(),
    ]
    grid = [percent / 100 for percent in range(9000, 10000)]
    wanted = [(percent, expected_ms(percent)) for percent in grid]
    parts.append(_line(wanted, 'stroke="#999" stroke-width="6" stroke-opacity="0.35"'))
    legend = [("what must come out", "#999")]
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        points = sorted((float(percent), value_ms) for percent, value_ms in curve.items())
        points = [(percent, value_ms) for percent, value_ms in points if percent < 99.995]
        parts.append(_line(points, f'stroke="{colour}" stroke-width="2.5"'))
        few = points if len(points) < 10 else []  # a curve needs no dots
        parts += [
            f'<circle cx="{_x(percent):.1f}" cy="{_y(value_ms):.1f}" r="3" fill="{colour}"/>'
            for percent, value_ms in few
        ]
        legend.append((name, colour))
    for at, (name, colour) in enumerate(legend):
        y = TOP + 20 * at + 10
        x = WIDTH - RIGHT + 14
        parts.append(f'<rect x="{x}" y="{y - 5}" width="14" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{x + 20}" y="{y + 2}" {TEXT}>{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
