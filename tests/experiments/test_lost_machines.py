"""lost_machines.py: a run of a search that lost a machine counts neither for nor against a rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from searching import Knee, answered, searching

from fastbench.experiments.find.find_document import Found
from fastbench.experiments.find.search import Range
from fastbench.report.html import html_find
from fastbench.report.text import find_text
from fastbench.results.machine_row import MachineRow
from fastbench.results.result import Result

SILENT = "it was silent for 4.5s"
UP_TO_400 = Range(100, 10, 400, 0.02)


def on_machines(result: Result, *names: str, lost: str = "") -> Result:
    """Return a result that these machines carried; one of them was lost."""
    figures = (1, 1, 100, 100.0, None, None, None, 0.1, 0.0, "ok", "none", ())
    rows = [
        MachineRow(name, "tcp://h:1", *figures, lost=SILENT if name == lost else "")
        for name in names
    ]
    return replace(result, machines=tuple(rows))


class Cluster:
    """Measures at the rates of a knee; in run number `lost_in` the last machine is lost."""

    def __init__(self, *lost_in: int, machines: int = 3, slow: bool = False) -> None:
        self.names = [f"host-{number}" for number in range(machines)]
        self.knee = Knee(1000)
        self._lost_in, self._slow = lost_in, slow

    def __call__(self, rate: float) -> Result | None:
        at, names = len(self.knee.asked), tuple(self.names)
        result = self.knee(rate)
        assert result is not None
        if at not in self._lost_in:
            return on_machines(result, *names)
        # What is left of the load is answered quickly, or what is left of the network is slow.
        result = answered(rate / 2, 1000) if self._slow else answered(rate / 2, 1)
        return on_machines(result, *names, lost=self.names.pop())


@pytest.mark.parametrize("slow", [False, True])
def test_a_run_that_lost_a_machine_is_measured_again_whatever_it_showed(slow: bool) -> None:
    whole = searching(Cluster())
    rates = [step.rate for step in whole.steps]
    failed = next(at for at, step in enumerate(whole.steps) if not step.held)
    for lost_in in (0, failed - 1, failed):
        notices: list[str] = []
        found = searching(Cluster(lost_in, slow=slow), notices=notices)
        assert [(step.rate, step.held) for step in found.steps] == [
            (step.rate, step.held) for step in whole.steps
        ]
        assert [step.redone for step in found.steps] == [
            int(at == lost_in) for at in range(len(rates))
        ]
        assert found.rate == whole.rate and found.ended == "found"
        told = f"at {rates[lost_in]:,.6g} req/s host-2 was lost: {SILENT}"
        assert notices == [f"{told}; this rate is measured again on host-0, host-1"]
        assert [each.text for each in found.warnings] == [told]
        assert found.machines == ("host-0", "host-1", "host-2")


def test_a_machine_that_went_between_two_runs_is_told_and_the_runs_count() -> None:
    cluster, notices = Cluster(), list[str]()

    def measure(rate: float) -> Result | None:
        if len(cluster.knee.asked) == 1:
            cluster.names.remove("host-1")
        return cluster(rate)

    found = searching(measure, where=UP_TO_400, notices=notices)
    told = "at 200 req/s host-1 was gone before the run"
    assert found.ended == "most" and not any(step.redone for step in found.steps)
    assert notices == [f"{told}; the search goes on on host-0, host-2"]
    assert [each.text for each in found.warnings] == [told]


@pytest.mark.parametrize(
    ("search", "why"),
    [
        (
            lambda: searching(Cluster(1), stop_when_lost=True),
            f"at 200 req/s host-2 was lost: {SILENT}",
        ),
        (
            lambda: searching(Cluster(1, machines=1)),
            f"at 200 req/s host-0 was lost: {SILENT}",
        ),
        (
            lambda: searching(Cluster(1, 2, 3, machines=9)),
            f"at 200 req/s host-6 was lost: {SILENT}",
        ),
    ],
    ids=["--on-lost stop", "none is left", "three in a row"],
)
def test_where_it_cannot_go_on_the_search_ends_with_what_it_found(
    search: Callable[[], Found], why: str
) -> None:
    found = search()
    assert (found.ended, found.rate, found.reasons) == ("lost", 100, (why,))
    assert [step.rate for step in found.steps] == [100]


def test_a_lost_worker_of_this_machine_spoils_a_run_too() -> None:
    def measure(rate: float) -> Result | None:
        result = knee(rate)
        assert result is not None
        if len(knee.asked) == 2:
            return replace(result, summary=replace(result.summary, ended="worker_lost"))
        return result

    knee, notices = Knee(1000), list[str]()
    found = searching(measure, where=UP_TO_400, notices=notices)
    assert found.ended == "most" and [step.redone for step in found.steps] == [0, 1, 0, 0]
    assert notices == ["at 200 req/s a worker was lost; this rate is measured again"]


def test_reports_name_cluster_and_machines() -> None:
    found = replace(searching(Cluster(), where=UP_TO_400), config={"on": "tcp://a:8786"})
    assert "3 machines of tcp://a:8786" in find_text.render(found, color=False, width=100)
    assert "3 machines of tcp://a:8786" in html_find.render(found)
    alone = replace(found, machines=(), config={})
    assert "machines" not in find_text.render(alone, color=False, width=100)
