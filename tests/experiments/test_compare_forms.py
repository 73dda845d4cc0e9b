"""What `fastbench compare` leaves behind of trials that are made up: page, comment, baseline."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
import samples
from trials import FAILS, GOOD, LATE

from fastbench.cli import main
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.trials import pairing, trial
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.experiments.trials.trial import Job, TrialObserver
from fastbench.plan.plan import Plan
from fastbench.report.html import html_comparison
from fastbench.report.markdown import markdown_comparison
from fastbench.results.result import Result
from fastbench.script.run_request import RunRequest

LATER = """
from fastbench import scenario


@scenario(executor="constant-vus", vus=1, duration="1m", start_time="5s")
async def load(vu):
    await vu.get("/")
"""
WORDS = ("compare", "--pairs", "8", "--seed", "7", "--no-progress", "--json", "out.json")
SIDES = ("http://127.0.0.1:8001/base", "http://127.0.0.1:8002/candidate")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a project of its own, where nothing takes time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pairing, "REST_S", 0.0)
    (tmp_path / ".fastbench").mkdir()
    return tmp_path


def visiting(
    monkeypatch: pytest.MonkeyPatch, share: float, instead: Result | BaseException | None = None
) -> list[Result]:
    """Make trials up; the candidate carries that share of the base. Return the candidate's."""
    numbers = itertools.count()
    found: list[Result] = []

    def run_trial(job: Job, hears: TrialObserver, stop: Interrupts) -> Result:
        assert isinstance(job, Plan)
        # Noise of half a percent, alike in every test.
        ok = round(GOOD.summary.ok * (1 + 0.001 * (next(numbers) * 7 % 11 - 5)))
        if not job.requests[0].url.endswith("candidate"):
            return replace(GOOD, summary=replace(GOOD.summary, ok=ok))
        if isinstance(instead, BaseException) and len(found) > 2:
            raise instead
        summary = replace(GOOD.summary, ok=round(ok * share))
        made = instead if isinstance(instead, Result) else replace(GOOD, summary=summary)
        found.append(made)
        return made

    monkeypatch.setattr(trial, "run_trial", run_trial)
    return found


def written() -> Comparison:
    return Comparison.from_document(json.loads(Path("out.json").read_bytes()))


def kept() -> list[str]:
    folder = Path(".fastbench/baselines")
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_page_and_comment_are_those_of_the_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    visiting(monkeypatch, 1.05)
    assert main([*WORDS, "--html", "out.html", "--md", "-", *SIDES]) == 0
    found = written()
    assert found.verdict == "different"
    assert found.latency is not None
    assert found.latency.base.count == 8 * GOOD.latency.service.count
    assert Path("out.html").read_text("utf-8") == html_comparison.render(found)
    out, err = capsys.readouterr()
    assert out == markdown_comparison.render(found)
    assert "DIFFERENT" in err, "the report is for eyes"


def test_a_page_that_cannot_be_written_costs_no_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    visiting(monkeypatch, 1.05)
    assert main([*WORDS, "--html", "/dev/full", *SIDES]) == 121
    out, err = capsys.readouterr()
    assert "DIFFERENT" in out
    assert "/dev/full was not written: no space left on device." in err


def test_the_baseline_is_the_candidates_visit_in_the_middle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = visiting(monkeypatch, 1.05)
    assert main([*WORDS, "--save-baseline", "main", *SIDES]) == 0
    assert kept() == ["main.json"]
    assert "saved as the baseline main" in capsys.readouterr().err
    path = Path(".fastbench/baselines/main.json")
    saved = Result.from_document(json.loads(path.read_bytes()))
    rates = sorted(each.summary.ok for each in made)
    assert saved.summary.ok == rates[3]
    assert saved in [replace(each, thread_rates=()) for each in made]


@pytest.mark.parametrize(
    ("share", "instead", "more", "code", "why"),
    [
        (0.8, None, ("--fail-on-regression", "5%"), 96, "this run is a regression"),
        (1.0, LATE, (), 121, "too few trials of the candidate are valid"),
        (1.0, FAILS, (), 121, "too few trials of the candidate are valid"),
        (1.0, Interrupted(), (), 105, "the comparison is not complete"),
    ],
    ids=["a regression", "late", "failing", "interrupted"],
)
def test_what_is_no_baseline_is_not_saved(
    share: float,
    instead: Result | BaseException | None,
    more: tuple[str, ...],
    code: int,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    visiting(monkeypatch, share, instead)
    assert main([*WORDS, *more, "--save-baseline", "main", *SIDES]) == code
    assert f"the baseline main was not saved: {why}." in capsys.readouterr().err
    assert kept() == []


@pytest.mark.parametrize(("words", "share"), [((), 1 / 8), (("-W", "2s"), 2 / 8), (("-W0",), 0.0)])
def test_a_script_is_warmed_up_for_so_long(
    words: tuple[str, ...], share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[RunRequest] = []

    def run_trial(job: Job, hears: TrialObserver, stop: Interrupts) -> Result:
        assert isinstance(job, RunRequest)
        jobs.append(job)
        return GOOD

    monkeypatch.setattr(trial, "run_trial", run_trial)
    Path("load.py").write_text(LATER)
    assert main([*WORDS, *words, "--script", "load.py", *SIDES]) == 0
    if share:
        assert [job.time_scale for job in jobs] == [share, 1.0] * 16, "5s until it starts, then 3s"
        assert written().config["warmup_s"] == share * 8
    else:
        assert [job.time_scale for job in jobs] == [1.0] * 16


def test_a_saved_result_of_before_is_still_compared(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("old.json", "new.json"):
        Path(name).write_text(samples.good_json())
    assert main(["compare", "old.json", "new.json", "--html", "out.html"]) == 0
    assert "not interleaved" in Path("out.html").read_text("utf-8")
