"""Trials that are made up: what they measured, in which order."""

from __future__ import annotations

from dataclasses import replace

import samples

from fastbench.cli.args import url_args
from fastbench.plan.plan import Plan
from fastbench.results.result import Validity

GOOD = samples.good()


FAILS = replace(GOOD, summary=replace(GOOD.summary, failed=GOOD.summary.ok // 100))


LATE = replace(GOOD, validity=Validity("late", "none", ("the client sent late: 12 ms",)))


def plan(path: str, *more: str) -> Plan:
    command = url_args.parse(
        ["-c", "2", "-t", "1", "-d", "30s", "-W", "1s", *more, f"http://127.0.0.1:8080/{path}"]
    )
    assert isinstance(command, url_args.Command)
    return command.plan
