"""--history on runs, and `fastbench history`: kept, told, drawn, compared, shown again."""

from __future__ import annotations

import json
import re
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from commandline import invoke, valid
from histories import NAME, document, keep, run
from servers import Server, answering

from fastbench.cli import main
from fastbench.cli.args import compare_args, find_args, url_args
from fastbench.cli.commands import recorded
from fastbench.cli.output import delivery
from fastbench.cli.output.settings import Record
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.foundation.usage_error import UsageError
from fastbench.results.history import history_store
from fastbench.results.history.history_entry import Entry
from fastbench.results.result import Result

SCHEMA = Path(__file__).parents[2] / "fastbench/results/history/history.schema.json"
FEW = ("-n60", "-c2", "-t1")
SCRIPT = """
from fastbench import scenario

@scenario
async def one(vu):
    await vu.get("/")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def entries(path: Path) -> list[Entry]:
    with history_store.opened(str(path)) as kept:
        runs = [run for group in kept.groups() for run in group.runs]
    return sorted(runs, key=lambda run: run.id)


# Runs


def test_thresholds_against_the_run_before(server: Server, path: Path) -> None:
    held = (
        "--threshold",
        "errors <= errors[baseline]",
        "--threshold",
        "rps <= 1000 * rps[baseline]",
    )
    words = (*FEW, "--history", str(path), server.url("/"))
    first = invoke(*held, *words)
    assert (first.returncode, "THRESHOLDS" in first.stdout) == (0, False)
    assert first.stderr.count("there is no run before; not judged") == 2
    second = invoke(*held, *words)
    assert (second.returncode, second.stderr) == (0, "")
    assert "THRESHOLDS  all 2 passed" in second.stdout
    third = invoke("--threshold", "rps > 1000 * rps[baseline]", *words)
    assert (third.returncode, third.stderr) == (99, "")
    assert re.search(r"✗ rps > 1000 \* rps\[baseline\] .* below the limit of", third.stdout)


def test_a_script_against_a_baseline_which_is_shown_by_operation(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.py").write_text(SCRIPT)
    words = ("-i40", "-u2", "-t1", "--base-url", server.url("/"), "one.py")
    first = invoke("run", "--save-baseline", "prod", *words)
    box = (
        r"┌─ GET / ─+┐\n│ p50: +\S+ +│\n│ p95: +(\S+) +│\n│ p99: .*\n│ error rate: +0% +│\n└─+┘\n$"
    )
    found = re.search(box, first.stdout)
    assert found and first.returncode == 0, first.stdout
    of = "http_req_duration{name:/}: p(95)"
    second = invoke(
        "run", "--baseline", "prod", f"--threshold={of} > 1000 * {of}[baseline]", *words
    )
    assert second.returncode == 99, second.stdout + second.stderr


def test_runs_are_kept_and_told_beside_the_last_one(server: Server, path: Path) -> None:
    words = (*FEW, "--history", str(path), server.url("/users/17"))
    first = invoke(*words)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.endswith(
        "\n\nHistory   GET /users/{id}: the first complete run of this name\n"
    )
    second = invoke(*words, "--json", str(path.with_name("second.json")))
    last = second.stdout.rpartition("\n\n")[2].replace("\n          ", " ")
    said = r"History   GET /users/\{id\}: rate [+-]?[\d,.]+ %, p95 [+-]?[\d,.]+ % since run 1 of "
    assert re.match(said + r"\d{4}-\d\d-\d\d \d\d:\d\d \(not interleaved\)\n$", last), last
    kept = entries(path)
    assert [each.name for each in kept] == ["GET /users/{id}"] * 2
    with history_store.opened(str(path)) as found:
        assert found.document(2) == path.with_name("second.json").read_bytes()
    assert valid(path.with_name("second.json").read_text())["summary"]["ok"] == 60


def test_another_load_is_said_and_a_name_is_taken(server: Server, path: Path) -> None:
    words = ("--history", str(path), "--name", "nightly", "-t1")
    invoke(*words, "-n60", "-c2", server.url())
    other = invoke(*words, "-n80", "-c4", server.url("/else"))
    line = other.stdout.rpartition("\n\n")[2].replace("\n          ", " ")
    assert "(not interleaved; other load: connections, requests, path of the URL)" in line
    assert [each.name for each in entries(path)] == ["nightly"] * 2


def test_what_became_of_a_run_is_kept(server: Server, path: Path) -> None:
    words = (*FEW, "--history", str(path), server.url())
    broken = invoke(*words, "--threshold", "rps>=1G")
    assert broken.returncode == 99
    quiet = invoke(*words, "--quiet", "--json", "/dev/full")
    assert (quiet.returncode, quiet.stdout) == (121, "")
    wrk = invoke(*words, "--format", "wrk")
    assert "History" not in wrk.stdout, "its shape is read by programs"
    kept = [(each.exit_code, each.thresholds) for each in entries(path)]
    assert kept == [(99, "failed"), (121, "none"), (0, "none")]


def test_a_script_is_called_by_its_file_and_tagged_by_its_build(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "load.py").write_text(SCRIPT)
    words = ("run", "load.py", "-i", "20", "-t1", "--base-url", server.url())
    kept = ("--history", "kept/runs.db", "--tag", "commit=3f2c1a9")
    done = invoke(*words, *kept, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "History   load.py: the first complete run of this name" in done.stdout
    (entry,) = entries(tmp_path / "kept" / "runs.db")
    assert (entry.name, entry.build, entry.thresholds) == ("load.py", "3f2c1a9", "none")


def test_a_history_that_cannot_be_written_costs_no_report(server: Server, tmp_path: Path) -> None:
    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))

    path = tmp_path / "runs.db"
    keep(path, run())
    size = path.stat().st_size
    assert size < 20_000
    while size < 20_000:  # until one more does not fit
        keep(path, run())
        size = path.stat().st_size
    before = len(entries(path))
    full = invoke(*FEW, "--history", str(path), server.url(), limits=small)
    assert (full.returncode, "60 ok" in full.stdout) == (121, True)
    assert re.fullmatch(r"fastbench: \S+runs\.db was not written: .+\.\n", full.stderr)
    assert len(entries(path)) == before, "what was there still is"
    assert [each.name for each in tmp_path.iterdir()] == ["runs.db"]


def test_a_file_that_is_no_history_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, " * 100)
    for words in ((), ("run",)):
        target = "x.py" if words else "http://127.0.0.1:1/"
        done = invoke(*words, "--history", "notes.txt", target, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "fastbench: notes.txt is not a history of runs; name another file, or one that is not "
            "there yet.\n"
        )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--name", "x"), "--name is the run's name in --history; add --history FILE.db."),
        (("--history", ""), "--history needs the name of a file"),
        (("--history", "-"), "--history needs the name of a file"),
        (("--history", "none.db", "--name", " "), "--name takes 1 to 200 characters"),
    ],
)
def test_a_slip_is_refused(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        url_args.parse([*words, "http://127.0.0.1:1/"])
    assert sentence in str(caught.value)


def test_comparisons_and_searches_are_not_kept() -> None:
    url = "http://127.0.0.1:1/"
    for parse, words in (
        (compare_args.parse, (url, url)),
        (find_args.parse, (url, "--slo", "p99<9ms")),
    ):
        for given in (("--history", "x.db"), ("--name", "x")):
            with pytest.raises(UsageError, match=r"stores? single runs"):
                parse([*words, *given])


def test_a_run_without_a_history_does_not_load_a_database() -> None:
    code = (
        "import sys; from fastbench.cli.args import url_args as flags; "
        "from fastbench.cli.commands import run_url as bench; "
        "flags.parse(['http://127.0.0.1:1/']); print('sqlite3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr


def test_a_history_that_cannot_be_read_after_the_run_is_left_alone(path: Path) -> None:
    path.write_text("not a database, " * 100)
    before = path.read_bytes()
    found = recorded.looked_up(run(), Record(str(path), None))
    look = delivery.Look(color=False, width=100, unicode=True, encoding="utf-8")
    assert found.line(look) == ""
    assert found.keep(document(run()), 0).startswith(f"{path} is not a history of runs")
    assert path.read_bytes() == before


def test_a_last_run_whose_document_is_damaged_costs_nothing_but_what_differs(path: Path) -> None:
    keep(path, run())
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE runs SET document = zeroblob(9)")
    found = recorded.looked_up(run(1100.0), Record(str(path), NAME))
    assert (found.problem, found.changes) == ("", ("its document cannot be read",))
    assert found.keep(document(run()), 0) == "" and len(entries(path)) == 2


# The command


def shown(capsys: pytest.CaptureFixture[bytes], *words: str | Path) -> tuple[int, str, str]:
    code = main(["history", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out.decode(), said.err.decode()


def test_runs_are_listed_by_name(path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    keep(path, *(run(1000.0 + at) for at in range(22)))
    keep(path, run(500.0), name="other")
    code, out, err = shown(capsysbinary, path)
    assert (code, err) == (0, "")
    assert "GET /api/health  20 of 22 runs" in out and "other  1 run" in out
    assert out.index("other") > out.index("last +0.1 %")
    code, out, _ = shown(capsysbinary, path, "--last", "3", NAME)
    assert re.findall(r"^ +(\d+)  2026", out, re.MULTILINE) == ["20", "21", "22"]
    assert "other" not in out and code == 0


def test_the_list_as_json_is_what_the_schema_describes(
    path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    for at in range(8):
        keep(path, run(1000.0 + at), name=f"n{at % 2}")
    code, out, err = shown(capsysbinary, path, "--json")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    schema = json.loads(SCHEMA.read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema, jsonschema.Draft202012Validator)
    fields = set(schema["$defs"]["run"]["properties"])
    assert all(set(each) == fields for each in found["runs"]), "every name is described"
    assert [each["id"] for each in found["runs"]] == list(range(1, 9))
    code, out, _ = shown(capsysbinary, path, "n1", "--json", "--last", "2")
    assert [each["id"] for each in json.loads(out)["runs"]] == [6, 8]


def test_a_page_is_written_and_may_go_to_a_pipe(
    path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    keep(path, run(), run(1100.0))
    page = path.with_name("page.html")
    assert shown(capsysbinary, path, "--html", page) == (0, "", "")
    assert "<h1>History: runs.db</h1>" in page.read_text()
    code, out, _ = shown(capsysbinary, path, "--html", "-", NAME)
    assert (code, out) == (0, page.read_text())
    code, out, err = shown(capsysbinary, path, "--html", path.parent / "none" / "x.html")
    assert (code, out, err) == (0, "", ""), "its folder is made"


def test_a_document_is_shown_as_it_was(
    path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    keep(path, run(), run(1100.0))
    code, out, _ = shown(capsysbinary, path, "--show", "2")
    assert (code, out.encode()) == (0, document(run(1100.0)))


def test_a_document_goes_through_a_pipe_into_any_form(path: Path) -> None:
    keep(path, run())
    page = path.with_name("x.html")
    line = '"$0" -m fastbench history "$1" --show 1 | "$0" -m fastbench report - --html "$2"'
    words = ["bash", "-o", "pipefail", "-c", line, sys.executable, str(path), str(page)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "10,000 in 10.00s" in page.read_text()
    nothing = invoke("report", "-", stdin="Running 10s test")
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert nothing.stderr.startswith("fastbench: `standard input`: it is not JSON")


def test_any_two_are_compared(path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    keep(path, run(day=1), run(day=2), run(800.0, day=3))
    code, out, err = shown(capsysbinary, path, "--compare", "1", "3")
    assert (code, err) == (0, "")
    assert "Base      run 1, GET /api/health, 2026-03-01 12:00" in out
    assert "Candidate run 3, GET /api/health, 2026-03-03 12:00" in out
    assert "candidate is 20 % slower" in out
    assert "not interleaved: drift cannot be excluded" in out
    words = (path, "--compare", "1", "3", "--fail-on-regression", "5%")
    code, out, _ = shown(capsysbinary, *words)
    assert code == 96 and "REGRESSION" in out
    code, out, err = shown(capsysbinary, *words, "--json")
    found = Comparison.from_document(json.loads(out))
    assert (code, found.regressed, found.interleaved) == (96, True, False)
    assert "REGRESSION" in err, "people read it beside the document"
    assert shown(capsysbinary, *words[:3], "2", *words[4:])[0] == 0
    page = path.with_name("compared.html")
    assert shown(capsysbinary, *words, "--html", page)[0] == 96
    assert "run 3, GET /api/health, 2026-03-03 12:00" in page.read_text()


def test_operations_stand_below_a_comparison(
    path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    import scenario_samples

    keep(path, scenario_samples.messages(), scenario_samples.messages(), name="messages.py")
    _, out, _ = shown(capsysbinary, path, "--compare", "1", "2")
    assert "OPERATIONS" in out and out.count("0.24% → 0.24%") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "the following arguments are required: FILE.db"),
        (("none.db",), "none.db cannot be read: no such file or directory."),
        (("runs.db", "nope"), "runs.db has no run called `nope`; it has `GET /api/health`."),
        (("runs.db", "--show", "9"), "runs.db has no run 9; its runs are 1 to 1."),
        (("runs.db", "--compare", "1", "9"), "runs.db has no run 9"),
        (("runs.db", "--show", "x"), "`x` is not a number of 1 or more"),
        (("runs.db", "--last", "0"), "`0` is not a number of 1 or more"),
        (("runs.db", "--show", "9" * 30), "is not a number of 1 or more"),
        (("runs.db", "--show", "1", "--compare", "1", "1"), "give only one flag."),
        (("runs.db", "--show", "1", "--json"), "leave --json out."),
        (("runs.db", NAME, "--show", "1"), "leave NAME out."),
        (("runs.db", "--show", "1", "--html", "x"), "leave --html out."),
        (("runs.db", "--compare", "1", "1", "--last", "3"), "leave --last out."),
        (("runs.db", "--fail-on-regression", "5%"), "add --compare A B."),
        (("runs.db", "--compare", "1", "1", "--fail-on-regression", "5"), "takes a percentage"),
        (("runs.db", "--html="), "--html needs the name of a file"),
        (("runs.db", "--html", "-", "--json"), "only one form can go to standard output"),
        (("runs.db", "--lst", "5"), "unknown option --lst; did you mean --last?"),
    ],
)
def test_a_wrong_word_is_one_sentence(
    words: tuple[str, ...],
    sentence: str,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.chdir(path.parent)
    keep(path, run())
    code, out, err = shown(capsysbinary, *words)
    assert (code, out) == (1, "")
    assert sentence in err and err.count("\n") == 1


def test_a_file_without_runs_says_so(
    path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    path.touch()
    assert shown(capsysbinary, path) == (0, "no runs yet\n", "")


def test_a_run_without_success_is_stored_and_compared_with_none(path: Path) -> None:
    result: Result = replace(run(), summary=replace(run().summary, ended="interrupted"))
    keep(path, result, exit_code=105)
    with history_store.opened(str(path)) as kept:
        assert kept.last_complete(NAME) is None
