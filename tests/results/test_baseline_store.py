"""Baselines: kept in the project, found by name, judged after a run, never a traceback."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import samples
from commandline import Shown, invoke, valid
from servers import Server, answering

from fastbench.cli.args import url_args
from fastbench.cli.commands import compare_baseline
from fastbench.cli.output.settings import Against, Output
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.foundation.usage_error import UsageError
from fastbench.results.history import baseline_store
from fastbench.results.result import Result

SCHEMA = Path(__file__).parents[2] / "fastbench/experiments/compare/compare.schema.json"
FEW = ("-n60", "-c2", "-t1")


def as_json(result: Result) -> bytes:
    return json.dumps(result.to_document()).encode()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder below the project's."""
    (tmp_path / ".git").mkdir()
    deep = tmp_path / "src" / "deep"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    return tmp_path


# The store


def test_a_baseline_is_kept_in_the_project_and_comes_back_whole(project: Path) -> None:
    path = baseline_store.save("main", as_json(samples.good()))
    assert Path(path) == project / ".fastbench" / "baselines" / "main.json"
    assert baseline_store.load("main") == samples.good()
    assert baseline_store.load("main").environment == samples.ENVIRONMENT, "the machine is recorded"
    assert baseline_store.load(path) == samples.good()
    assert baseline_store.names() == ["main"]


def test_a_newer_one_takes_the_place_of_an_older_one(project: Path) -> None:
    baseline_store.save("main", as_json(samples.good()))
    newer = replace(samples.good(), version="9.9.9")
    baseline_store.save("main", as_json(newer))
    assert baseline_store.load("main") == newer


def test_without_a_project_it_stays_in_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert baseline_store.folder() == tmp_path / ".fastbench" / "baselines"
    assert baseline_store.names() == []
    (tmp_path / "a").mkdir()
    (tmp_path / ".fastbench").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert baseline_store.folder() == tmp_path / ".fastbench" / "baselines", "found from below"


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x.json", "a b", "é", "a" * 101])
def test_a_name_is_no_path(name: str, project: Path) -> None:
    with pytest.raises(UsageError, match="takes a name of letters"):
        baseline_store.check_name("--save-baseline", name)
    assert not baseline_store.is_saved(name)


def test_a_name_that_is_not_there_lists_those_that_are(project: Path) -> None:
    with pytest.raises(UsageError, match="there are none yet"):
        baseline_store.load("main")
    for at in range(10):
        baseline_store.save(f"b{at}", b"{}")
    with pytest.raises(UsageError, match=r"this project has b0, b1, b2, b3, b4, b5, b6, b7 …\."):
        baseline_store.load("main")


# What is not a result of this version


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(samples.good_json())
    return found


def without(path: str) -> bytes:
    changed = document()
    *outer, last = path.split(".")
    inner = functools.reduce(lambda value, key: value[key], outer, changed)
    del inner[last]
    return json.dumps(changed).encode()


def changed(**members: object) -> bytes:
    return json.dumps(document() | members).encode()


WHOLE = json.dumps(document()).encode()
WRONG = {
    "empty": (b"", "the file is empty"),
    "blank": (b" \n", "the file is empty"),
    "cut in the middle": (WHOLE[:5000], "it is cut off in line 1, column"),
    "cut by one": (WHOLE[:-1], "it is cut off in line 1, column"),
    "text": (b"Running 10s test", "it is not JSON in line 1, column 1"),
    "bytes": (b"\x80\x81\xff\xfe", "it is not JSON, not even text"),
    "deep": (b"[" * 100_000, "it is not a result: nested too deeply"),
    "a list": (b"[]", "document: expected an object"),
    "null": (b"null", "document: expected an object"),
    "no schema": (without("schema"), "schema is missing"),
    "schema v0": (changed(schema="fastbench/0"), "reads 'fastbench/1', not 'fastbench/0'"),
    "schema v2": (changed(schema="fastbench/2"), "reads 'fastbench/1', not 'fastbench/2'"),
    "a comparison": (
        changed(schema="fastbench.compare/1"),
        "it is the document of `fastbench compare`, not of one run",
    ),
    "a missing field": (without("summary.ok"), "summary.ok is missing"),
    "no machine": (without("environment.kernel"), "environment.kernel is missing"),
    "a wrong type": (changed(summary={**document()["summary"], "ok": "9"}), "summary.ok: expected"),
    "not a number": (
        changed(summary={**document()["summary"], "duration_s": math.nan}),
        "it is not JSON: NaN is no number",
    ),
    "a broken histogram": (
        changed(hdr={**document()["hdr"], "service": "AAAA"}),
        "hdr.service: ",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_is_no_result_is_one_sentence_with_the_field(what: str, tmp_path: Path) -> None:
    data, sentence = WRONG[what]
    path = tmp_path / "old.json"
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        baseline_store.load(str(path))
    said = str(caught.value)
    assert sentence in said
    assert said.startswith(f"{path} cannot be compared: ")
    assert said.endswith("Save a run by `fastbench --json FILE URL` or --save-baseline NAME.")
    assert "\n" not in said


def test_a_damaged_baseline_is_refused_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_bytes(WHOLE)
    (tmp_path / "cut.json").write_bytes(WHOLE[:5000])
    for words in (
        ("compare", "good.json", "cut.json"),
        ("--baseline", "cut.json", "http://127.0.0.1:1/"),
        ("run", "--baseline", "cut.json", "x.py"),
    ):
        run = invoke(*words, cwd=tmp_path)
        assert run.returncode == 1
        assert run.stdout == ""
        assert run.stderr.startswith("fastbench: cut.json cannot be compared: it is cut off in ")
        assert run.stderr.count("\n") == 1


def test_a_folder_and_a_missing_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read: is a directory\."):
        baseline_store.load(str(tmp_path))
    with pytest.raises(UsageError, match="no such file or directory; give a file that --json"):
        baseline_store.load(str(tmp_path / "missing.json"))


# A run beside its baseline


def output(**changes: Any) -> Output:
    found = url_args.parse(["http://127.0.0.1:1/"])
    assert isinstance(found, url_args.Command)
    return replace(found.output, **changes)


@pytest.mark.parametrize(("ended", "saved"), [("complete", True), ("interrupted", False)])
def test_only_a_whole_run_becomes_a_baseline(project: Path, ended: str, saved: bool) -> None:
    run = replace(samples.good(), summary=replace(samples.good().summary, ended=ended))
    said = compare_baseline.keep(run, as_json(run), output(save_baseline="main"), regressed=False)
    assert baseline_store.is_saved("main") == saved
    assert said == ("" if saved else "the baseline main was not saved: the run is not complete.")


def test_a_regression_does_not_become_its_own_baseline(project: Path) -> None:
    run = samples.good()
    said = compare_baseline.keep(run, as_json(run), output(save_baseline="main"), regressed=True)
    assert said == "the baseline main was not saved: this run is a regression."
    assert not baseline_store.is_saved("main")


def test_a_full_disk_costs_a_sentence(project: Path) -> None:
    (project / ".fastbench").write_text("in the way")
    run = samples.good()
    said = compare_baseline.keep(run, as_json(run), output(save_baseline="main"), regressed=False)
    assert said.startswith("the baseline main was not saved: ")


@pytest.mark.parametrize(("share", "regressed"), [(0.93, True), (0.97, False), (1.3, False)])
def test_a_run_is_a_regression_when_it_is_worse_by_the_limit(share: float, regressed: bool) -> None:
    run = samples.good()
    slow = replace(run, summary=replace(run.summary, duration_s=run.summary.duration_s / share))
    slow = replace(slow, series=())
    found = compare_baseline.compared(slow, Against("main", run, 0.05))
    assert found.regressed == regressed
    assert found.verdict == "inconclusive" or share == 1.3, "never different below 10 %"
    assert not compare_baseline.compared(slow, Against("main", run, None)).regressed
    if regressed:
        assert "--fail-on-regression 5%: candidate is 7.0 % slower" in compare_baseline.told(found)


# The whole command


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


@functools.cache
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_bytes()))


def kept(folder: Path, name: str = "main") -> dict[str, Any]:
    path = folder / ".fastbench" / "baselines" / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def faster_by(found: dict[str, Any], factor: float) -> bytes:
    """Return the result as if the same had been done in less time."""
    result = Result.from_document(found)
    summary = replace(result.summary, duration_s=result.summary.duration_s / factor)
    return as_json(replace(result, summary=summary, series=()))


def test_a_run_is_kept_and_compared_with(server: Server, tmp_path: Path) -> None:
    def run(*words: str) -> Shown:
        return invoke(*FEW, *words, server.url(), cwd=tmp_path)

    first = run("--save-baseline", "main")
    assert first.returncode == 0
    assert first.stderr.endswith(
        f"saved as the baseline main in {tmp_path}/.fastbench/baselines/main.json\n"
    )
    valid(kept(tmp_path))
    second = run("--baseline", "main", "--json", "new.json")
    assert second.returncode == 0, "without a limit nothing fails"
    assert "BASELINE  main, " in second.stdout
    assert "one run each" in second.stdout
    assert "not interleaved: drift cannot be excluded" in second.stdout
    written = valid((tmp_path / "new.json").read_text())
    schema().validate(written["comparison"])
    found = Comparison.from_document(written["comparison"])
    assert (found.base, found.candidate, found.interleaved) == ("main", "this run", False)
    assert Result.from_document(written).version == found.version, "still a run's document"


def test_a_regression_is_exit_96(server: Server, tmp_path: Path) -> None:
    invoke(*FEW, "--save-baseline", "main", server.url(), cwd=tmp_path)
    baseline = tmp_path / ".fastbench" / "baselines" / "main.json"
    baseline.write_bytes(faster_by(kept(tmp_path), 1e6))  # two runs of 2 ms differ, too
    before = baseline.read_bytes()
    words = ("--baseline", "main", "--save-baseline", "main", "--fail-on-regression", "5%")
    run = invoke(*FEW, *words, server.url(), cwd=tmp_path)
    assert run.returncode == 96
    assert "REGRESSION  requests/s 100 % slower, the limit is 5 %" in run.stdout
    assert "was not saved: this run is a regression." in run.stderr
    assert baseline.read_bytes() == before
    quiet = invoke(*FEW, "--quiet", *words[:2], *words[4:], server.url(), cwd=tmp_path)
    assert (quiet.returncode, quiet.stdout) == (96, "")
    assert quiet.stderr.startswith("fastbench: --fail-on-regression 5%: candidate is 100 % slower")
    broken = invoke(
        *FEW, *words[:2], *words[4:], "--threshold", "rps>=1G", server.url(), cwd=tmp_path
    )
    assert broken.returncode == 99, "a threshold comes before a regression"


def test_a_script_has_baselines_too(server: Server, tmp_path: Path) -> None:
    (tmp_path / "load.py").write_text(
        "from fastbench import scenario\n\n\n@scenario\nasync def one(vu):\n    await vu.get('/')\n"
    )
    words = ("run", "load.py", "-i", "20", "-t1", "--base-url", server.url())
    first = invoke(*words, "--save-baseline", "script", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    path = tmp_path / ".fastbench" / "baselines" / "script.json"
    path.write_bytes(faster_by(kept(tmp_path, "script"), 1000))
    second = invoke(*words, "--baseline", "script", "--fail-on-regression", "5%", cwd=tmp_path)
    assert second.returncode == 96, second.stderr
    assert "BASELINE  script, " in second.stdout
    assert "OPERATIONS" in second.stdout.partition("BASELINE")[2], "each named request, too"


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (("--fail-on-regression", "5%"), "add --baseline NAME"),
        (("--baseline", "nope"), "nope is neither a file nor a saved baseline"),
        (("--save-baseline", "a/b"), "takes a name of letters"),
        (("--baseline", "good.json", "--fail-on-regression", "5"), "takes a percentage"),
        (("--baseline", "good.json", "--fail-on-regression", "0%"), "above 0% and below 100%"),
    ],
)
def test_a_slip_is_refused_before_the_run(
    words: tuple[str, ...], cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.json").write_bytes(WHOLE)
    with pytest.raises(UsageError) as caught:
        url_args.parse([*words, "http://127.0.0.1:1/"])
    assert cure in str(caught.value)
