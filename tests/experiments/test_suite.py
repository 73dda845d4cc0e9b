"""`fastbench suite`: what runs, what it leaves, how it ends; each run is a real one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from xml.etree import ElementTree as Xml

import pytest
from commandline import invoke, table_at_once, valid
from html_pages import read
from servers import Server, answering, refusing
from suites import FORMS, TWO, Suite, written

# {here} answers, {gone} refuses.
GATES = """
[suite]
name = "gates <b>"
out = "out"
base_url = "{here}"
thresholds = ["errors<1%"]

[[run]]
name = "passes"
url = "/"
requests = 20
connections = 2

[[run]]
name = "breaks"
url = ["/a", "/b"]
requests = 20
connections = 2
thresholds = ["p99<1ns"]

[[run]]
name = "script <i>"
script = "visit.py"
env = {{ WHERE = "/from-env", SECRET_TOKEN = "s3cr3t-value" }}
tags = {{ build = 7 }}

[[run]]
name = "nobody"
url = "{gone}"
requests = 2
connections = 1

[[run]]
name = "killed"
script = "visit.py"
env = {{ KILL = "1" }}

[[run]]
name = "broken"
script = "broken.py"
"""
OUTCOMES = {
    "passes": ("passed", 0),
    "breaks": ("thresholds failed", 99),
    "script <i>": ("passed", 0),
    "nobody": ("thresholds failed", 99),
    "killed": ("lost", -9),
    "broken": ("script failed", 107),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


@pytest.fixture(scope="module")
def gates(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """A suite with a run of every kind, run from another folder, over files of an earlier one."""
    folder = tmp_path_factory.mktemp("gates")
    out = folder / "out"
    out.mkdir()
    (out / "broken.html").write_text("of an earlier suite")
    # Not ours, though it lies where the runs are: its import would end them.
    (folder / "orjson.py").write_text("raise SystemExit('the wrong orjson')")
    with refusing() as port:
        file = written(folder, GATES, server, port)
        shown = invoke("suite", str(file), cwd=folder.parent, env={"COLUMNS": "160"})
    return Suite(shown, out)


def test_the_exit_code_is_that_of_the_worst(gates: Suite) -> None:
    assert gates.outcomes == OUTCOMES
    assert gates.shown.returncode == gates.summary["exit_code"] == 120


def test_every_run_leaves_its_files_and_its_row(gates: Suite) -> None:
    files = {run["name"]: set(run["files"]) for run in gates.summary["runs"]}
    assert files["passes"] == files["breaks"] == files["script <i>"] == files["nobody"] == FORMS
    assert files["killed"] == files["broken"] == set()
    named = {name for run in gates.summary["runs"] for name in run["files"].values()}
    whole = {"index.html", "summary.json", "summary.md", "junit.xml"}
    assert {path.name for path in gates.out.iterdir()} == named | whole
    table = gates.shown.stdout.splitlines()
    for name, (outcome, _) in OUTCOMES.items():
        assert any(name in line and outcome in line for line in table)
    for run in gates.summary["runs"][:3]:
        document = valid((gates.out / run["files"]["json"]).read_text())
        assert document["summary"]["requests"] == run["requests"] > 0
        assert document["latency_ms"]["service"]["p99"] == pytest.approx(run["p99_ms"], rel=1e-5)
        assert f"{run['requests']} request" in (gates.out / run["files"]["text"]).read_text()


def test_why_a_run_has_no_result_is_told(gates: Suite) -> None:
    reasons = {run["name"]: run["reasons"] for run in gates.summary["runs"]}
    assert reasons["killed"] == ["its process was ended by SIGKILL"]
    assert len(reasons["broken"]) == 1 and "no module nowhere_at_all" in reasons["broken"][0]
    assert "no module nowhere_at_all" in gates.shown.stdout
    assert reasons["passes"] == []


def test_defaults_and_own_settings_reach_the_run(gates: Suite, server: Server) -> None:
    thresholds = {run["name"]: set(run["thresholds"]) for run in gates.summary["runs"]}
    assert thresholds["passes"] == {"errors<1%"}
    assert thresholds["breaks"] == {"errors<1%", "p99<1ns"}
    for line in (b"GET /a HTTP/1.1", b"GET /b HTTP/1.1", b"GET /from-env HTTP/1.1"):
        assert server.seen.lines[line] > 0


def test_nothing_written_holds_a_secret_or_markup_of_a_name(gates: Suite) -> None:
    for path in (*gates.out.iterdir(),):
        assert "s3cr3t-value" not in path.read_text(), path
    assert "s3cr3t-value" not in gates.shown.stdout + gates.shown.stderr
    page = (gates.out / "index.html").read_text()
    assert "gates <b>" in read(page).text and not {"b", "i"} & set(read(page).elements)


def test_the_index_links_to_files_that_are_there(gates: Suite) -> None:
    links = re.findall(r'href="\./([^"]*)"', (gates.out / "index.html").read_text())
    assert len(links) > 4 * len(FORMS)
    assert all((gates.out / link).is_file() for link in links)


def test_the_combined_junit_has_every_run(gates: Suite) -> None:
    root = Xml.parse(gates.out / "junit.xml").getroot()
    names = {str(suite.get("name")).rpartition(".")[0] for suite in root}
    assert names == set(OUTCOMES)
    assert int(root.get("failures", "")) >= 2 and int(root.get("errors", "")) >= 2


def test_what_a_run_says_is_passed_on(gates: Suite) -> None:
    lines = gates.shown.stderr.splitlines()
    assert any(line.startswith("fastbench: 1 of 6, passes: fastbench -c 2 -n 20") for line in lines)
    assert any("broken.py, line 1: ModuleNotFoundError" in line for line in lines)
    assert lines[-1] == f"fastbench: all results: {gates.out / 'index.html'}"


# Other lines, each a suite of its own.


@pytest.fixture(scope="module")
def others(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Suite]:
    with refusing() as port:
        gone = f"http://127.0.0.1:{port}/"

        def suite(name: str, more: str, *words: str) -> Suite:
            folder = tmp_path_factory.mktemp(name.replace(" ", "-"))
            text = TWO.replace("{more}", more)
            file = written(folder, text, server, port)
            shown = invoke("suite", str(file), *words, cwd=folder)
            return Suite(shown, folder / "gates-results")

        break_ = 'thresholds = ["p99<1ns"]'
        lines: dict[str, tuple[str, ...]] = {
            "passes": ("", "--quiet", "--wait-for", "5s"),
            "only": (break_, "--only", "two", "--out", "gates-results"),
            "no such run": ("", "--only", "on"),
            "list": (break_, "--list"),
            "dry run": ("", "--dry-run", "--wait-for", f"{gone},0.1s"),
            "waits": ("", "--wait-for", f"{gone},0.1s"),
            "wrong flag": ('args = ["--conections", "5"]',),
            "wrong value": ('args = ["--timeout", "soon"]',),
            "ours": ('args = ["--json", "x"]',),
            "standard input": ('args = ["-b", "@-"]',),
            "no folder": ("", "--out", "gates.toml/x"),
            "word": ("", "--frobnicate"),
        }
        acts = {name: partial(suite, name, *words) for name, words in lines.items()}
        found = table_at_once(acts)
    return found


def test_a_suite_that_passes_is_quiet_when_asked(others: dict[str, Suite]) -> None:
    done = others["passes"]
    assert (done.shown.returncode, done.shown.stdout) == (0, "")
    assert done.outcomes == {"one": ("passed", 0), "two": ("passed", 0)}
    assert "waiting" not in done.shown.stderr and "all of it" not in done.shown.stderr


def test_only_runs_those_that_are_named(others: dict[str, Suite]) -> None:
    assert others["only"].shown.returncode == 0
    assert others["only"].outcomes == {"two": ("passed", 0)}
    assert others["no such run"].shown.returncode == 1
    assert "there is no run `on`; did you mean `one`?" in others["no such run"].shown.stderr


def test_a_list_and_a_dry_run_load_nothing(others: dict[str, Suite]) -> None:
    listed, dry = others["list"].shown, others["dry run"].shown
    assert (listed.returncode, len(listed.stdout.splitlines())) == (0, 2)
    assert listed.stdout.startswith("one: fastbench -c 1 -n 2 --threshold 'p99<1ns' http://")
    assert dry.returncode == 0 and "two: fastbench run --base-url http://" in dry.stdout
    assert "  dry run: 0 errors, " in dry.stdout
    assert not others["list"].out.exists() and not others["dry run"].out.exists()


def test_a_server_that_does_not_come_leaves_all_runs_out(others: dict[str, Suite]) -> None:
    done = others["waits"]
    assert done.shown.returncode == done.summary["exit_code"] == 122
    assert done.outcomes == {"one": ("not run", None), "two": ("not run", None)}
    assert "within 100ms: connection refused" in done.summary["note"]
    assert "0 of 2 passed, 2 not run" in done.shown.stdout


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("wrong flag", "[[run]] 1 `one`: unknown option --conections; did you mean"),
        ("wrong value", "[[run]] 1 `one`: --timeout: `soon` is not a duration"),
        ("ours", "[[run]] 1 `one`: --json is not for a run of a suite"),
        ("standard input", "standard input and output are not for a run of a suite; name a file."),
        ("no folder", "cannot be written: not a directory"),
        ("word", "unknown option --frobnicate; fastbench suite --help lists"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(
    others: dict[str, Suite], name: str, sentence: str
) -> None:
    done = others[name]
    assert (done.shown.returncode, done.shown.stdout) == (1, "")
    assert sentence in done.shown.stderr and len(done.shown.stderr.splitlines()) == 1
    assert not done.out.exists()
