"""The machines of a run in the reports: whole sentences at any width."""

from __future__ import annotations

from dataclasses import replace

import pytest
import samples

from fastbench.report.html import html_report
from fastbench.report.markdown import markdown_report
from fastbench.report.page import Page
from fastbench.report.text import machine_lines, text_report, usage_lines
from fastbench.results.machine_row import MachineRow

LOST = "it was silent for 4.5s, after which its workers count as lost and its counts stay"


def _row(name: str, lost: str = "") -> MachineRow:
    return MachineRow(
        name=name,
        address=f"tcp://192.168.100.200:4{len(name)}123",
        cores=8,
        workers=8,
        requests=1_234_567,
        requests_per_s=41_152.2,
        lag_p99_ms=0.4,
        cpu_percent=612.0,
        host_percent=77.0,
        clock_bound_ms=0.21,
        began_late_ms=0.0,
        verdict="incomplete" if lost else "ok",
        limit="unknown",
        reasons=(),
        lost=lost,
        lost_at_s=12.0 if lost else None,
    )


ROWS = (_row("loader-a"), _row("loader-b", LOST))


@pytest.mark.parametrize("columns", [80, 120])
def test_text_says_all_about_a_lost_machine_within_the_width(columns: int) -> None:
    lines = machine_lines.lines(Page(False, columns, True), replace(samples.good(), machines=ROWS))
    assert max(map(len, lines)) <= columns
    assert f"lost at 12s: {LOST}" in " ".join(line.strip() for line in lines)
    assert sum("1,234,567" in line for line in lines) == 2
    assert any("host" in line for line in lines) == (columns == 120)


def test_heading_tells_how_many_machines() -> None:
    one = samples.good()
    text = text_report.render(replace(one, machines=ROWS), color=False, width=120)
    assert ", 2 machines" in text
    assert "machines" not in text_report.render(one, color=False, width=120)


def test_markdown_and_html_name_the_lost_machine() -> None:
    found = replace(samples.good(), machines=ROWS)
    assert LOST in markdown_report.render(found)
    assert LOST in html_report.render(found)


def test_a_page_marks_the_lost_machine_and_claims_nothing_of_its_worker() -> None:
    page = html_report.render(samples.on_machines())
    machines, workers = (
        page.partition(f'<section id="{name}">')[2].partition("</section>")[0]
        for name in ("machines", "workers")
    )
    assert machines.count('<td class="bad"') == 1
    marked = machines.partition('<td class="bad"')[2].partition("</td>")[0]
    assert "load3" in marked and "lost at 3.41s" in marked
    lost = workers.partition("4244 lost")[2].partition("</tr>")[0]
    assert "500" in lost and "%" not in lost
    assert "4%" in workers  # of the others


def test_markdown_says_on_which_cluster() -> None:
    found = samples.on_machines()
    cell = "| Cluster | 3 machines on tcp&#58;//10.0.0.5&#58;8786 |"
    assert cell in markdown_report.render(found)
    merged = replace(found, config={})
    assert "| Cluster | 3 machines |" in markdown_report.render(merged)
    assert "Cluster" not in markdown_report.render(samples.good())


def test_a_lost_worker_is_not_called_idle() -> None:
    first = samples.good().workers[0]
    lost = replace(first, lost=True, busy=0.0)
    parts = usage_lines._workers(
        Page(False, 80, True), replace(samples.good(), workers=(lost, replace(first, busy=0.5)))
    )
    assert parts[0][0] == "worker 50% busy"
