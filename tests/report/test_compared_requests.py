"""The named requests of two runs side by side, below a comparison."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import samples
import scenario_samples
from shapes import lognormal

from fastbench.report.text import compared_requests
from fastbench.results.latencies import latency_ms
from fastbench.results.metric_values import NamedRow
from fastbench.results.result import Result

SGR = re.compile(r"\x1b\[[0-9;]*m")


def row(name: str, slow: float = 1.0, failed: int = 0, requests: int = 1000) -> NamedRow:
    latency = latency_ms(lognormal(round(40e6 * slow), 0.3, requests))
    return NamedRow(name, "POST", "default", requests, failed, requests / 300, latency)


def of(*rows: NamedRow) -> Result:
    return replace(scenario_samples.smoke(), requests=rows)


def below(base: Result, candidate: Result, width: int = 100, unicode: bool = True) -> str:
    return compared_requests.below(base, candidate, color=False, width=width, unicode=unicode)


BASE = of(row("login"), row("send", failed=2, requests=5000), row("gone"))
NOW = of(row("login", 1.25, failed=10), row("send", 0.5, requests=5000), row("new"))


def test_every_operation_has_its_percentiles_and_their_change() -> None:
    empty, heads, send, login, *rest = below(BASE, NOW).splitlines()
    assert empty == ""
    assert heads.split() == [
        "OPERATIONS",
        *("p50", "change", "p95", "change", "p99", "change", "failed"),
    ]
    assert send.split()[-3:] == ["0.04%", "→", "0%"], "the busiest comes first"
    assert "send" in send and send.count("-50 %") == 3
    assert login.count("+25 %") == 3 and login.endswith("0% → 1.00%")
    now = NOW.requests[0].latency
    for name in ("p50", "p95", "p99"):
        assert f"{now[name]:.1f}ms" in login
    assert [line.split(":")[0].strip() for line in rest] == ["only in candidate", "only in base"]
    assert "new" in rest[0] and "gone" in rest[1]


def test_on_a_small_screen_p95_is_left() -> None:
    heads, send, *_ = below(BASE, NOW, width=60, unicode=False).splitlines()[1:]
    assert heads.split() == ["OPERATIONS", "p95", "change", "failed"]
    assert send.endswith("0.04% -> 0%") and send.isascii()


@pytest.mark.parametrize("width", [60, 80, 95, 96, 120, 200])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    evil = replace(row("x", 1e4, failed=999), name=samples.HOSTILE * 4, method=samples.HOSTILE)
    many = [row(f"operation number {at} of many", 1 + at) for at in range(40)]
    base = of(*many, replace(evil, latency={**evil.latency, "p50": 1e-6, "p95": None}))
    for found in (of(*many, evil), of(*many[30:], *(row("z" * 90 + str(at)) for at in range(9)))):
        colored = compared_requests.below(base, found, color=True, width=width)
        shown = SGR.sub("", colored)
        assert max(map(len, shown.splitlines())) <= width
        assert shown == below(base, found, width)
        ascii_only = below(base, found, width, unicode=False)
        assert ascii_only.isascii()
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    assert "… 21 more" in below(base, of(*many, evil), width)


def test_what_has_no_samples_has_no_change() -> None:
    nothing = {name: None for name in row("x").latency}
    line = below(of(row("x")), of(replace(row("x"), latency=nothing))).splitlines()[2]
    assert line.count("–") == 3 and "%" not in line.replace("0% → 0%", "")  # noqa: RUF001


@pytest.mark.parametrize(("base", "candidate"), [(of(), NOW), (BASE, samples.refused())])
def test_without_operations_on_both_sides_there_is_nothing(base: Result, candidate: Result) -> None:
    assert below(base, candidate) == ""


def test_several_scenarios_are_told_apart() -> None:
    other = replace(row("login"), scenario="other")
    shown = below(of(row("login"), other), of(row("login"), other))
    assert "(default)" in shown and "(other)" in shown
