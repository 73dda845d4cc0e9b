"""compare_args.py: words become two sides, every slip is one sentence with its cure."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastbench.cli.args import compare_args, flag_table
from fastbench.cli.args.compare_args import Command, Live, Stored, parse
from fastbench.experiments.trials.pairing import Terms
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Plan
from fastbench.script.run_request import RunRequest

A, B = "http://127.0.0.1:8001/x", "http://127.0.0.1:8002/x"
COMMANDS = "--run-base './a {port}' --run-candidate './b {port}'"
URL = "--url http://127.0.0.1:{port}/x"
SCRIPT = """
from fastbench import scenario


@scenario
async def one(vu):
    await vu.get("/")
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a project of its own, with two results and a script."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fastbench").mkdir()
    for name in ("old.json", "new.json"):
        (tmp_path / name).write_text(samples.good_json())
    (tmp_path / "load.py").write_text(SCRIPT)
    (tmp_path / "body.txt").write_text("from a file")
    return tmp_path


def command(line: str) -> Command:
    found = parse(shlex.split(line.replace("A B", f"{A} {B}")))
    assert isinstance(found, Command)
    return found


def live(line: str) -> Live:
    found = command(line).what
    assert isinstance(found, Live)
    return found


def plans(line: str, port: int | None = None) -> tuple[Plan, Plan]:
    found = live(line)
    base, candidate = found.base.make(port), found.candidate.make(port)
    assert isinstance(base, Plan) and isinstance(candidate, Plan)
    return base, candidate


def jobs(line: str, port: int | None = None) -> tuple[RunRequest, RunRequest]:
    found = live(line)
    base, candidate = found.base.make(port), found.candidate.make(port)
    assert isinstance(base, RunRequest) and isinstance(candidate, RunRequest)
    return base, candidate


# Two URLs


def test_both_sides_get_the_same_load_and_their_own_address() -> None:
    base, candidate = plans("A B -c 5 -H 'X-A: 1' -b hello --timeout 3s")
    assert (base.target.port, candidate.target.port) == (8001, 8002)
    assert base.load == candidate.load
    assert base.load.connections == 5
    assert base.load.timeout_s == 3
    assert all(b"X-A: 1\r\n" in each.requests[0].payload for each in (base, candidate))
    assert all(each.requests[0].payload.endswith(b"\r\n\r\nhello") for each in (base, candidate))


@pytest.mark.parametrize("flags", ["--http2 -m 10", "-m 10 --http2", "--http2 --streams 10"])
def test_streams_are_of_both_sides_and_no_method(flags: str) -> None:
    for side in plans(f"A B {flags}"):
        assert (side.load.http, side.load.streams) == ("2", 10)
        assert side.requests[0].method == "GET"


def test_what_is_not_given_has_its_default() -> None:
    found = live("A B --visits")
    assert isinstance(found.terms, Terms)
    assert (found.terms.pairs, found.terms.max_time_s, found.terms.find_rate) == (12, None, False)
    assert found.primary == "requests_per_s"
    base, _ = plans("A B")
    assert (base.load.duration_s, base.load.warmup_s) == (3.0, 1.0)
    rules = command("A B").rules
    assert (rules.threshold, rules.confidence, rules.regression_limit) == (0.02, 0.99, None)
    assert live("A B").terms.seed != found.terms.seed, "a seed is drawn when none is given"


def test_a_body_file_is_read_once_for_both(files: Path) -> None:
    found = live("A B -b @body.txt")
    (files / "body.txt").write_text("changed meanwhile")
    for side in (found.base, found.candidate):
        job = side.make(None)
        assert isinstance(job, Plan)
        assert job.requests[0].payload.endswith(b"from a file")


@pytest.mark.parametrize(
    ("line", "visit_s", "warmup_s"),
    [
        ("--visit 500ms --warmup 0", 0.5, 0.0),
        ("-d 2s -W 3s", 2.0, 3.0),
        ("--stages 1s:5,4s:10", 5.0, 1.0),
        ("-n 100 --visit 1m", 60.0, 1.0),
    ],
)
def test_a_visit_has_the_length_asked_for(line: str, visit_s: float, warmup_s: float) -> None:
    base, candidate = plans(f"A B {line}")
    assert base.load == candidate.load
    assert (base.load.duration_s, base.load.warmup_s) == (visit_s, warmup_s)


@pytest.mark.parametrize(
    ("line", "primary", "find_rate"),
    [
        ("", "requests_per_s", False),
        ("-R 100", "p99", False),
        ("-R 100 --primary requests_per_s", "requests_per_s", False),
        ("--primary p99", "p99", True),
        ("--metric p50", "p50", True),
        ("--primary=mean", "mean", True),
        ("--primary cpu_per_request", "cpu_per_request", False),
        ("--primary p99 --stages 1s:5", "p99", False),
    ],
)
def test_a_latency_is_compared_at_one_rate(line: str, primary: str, find_rate: bool) -> None:
    found = live(f"A B {line}")
    assert (found.primary, found.terms.find_rate) == (primary, find_rate)


def test_the_rest_is_taken_as_it_is_written() -> None:
    found = command(
        "A B --pairs 20 --seed 7 --max-time 2m --threshold-effect 5% --fail-on-regression 7.5% "
        "--json out.json --quiet"
    )
    assert isinstance(found.what, Live) and isinstance(found.what.terms, Terms)
    assert (found.what.terms.pairs, found.what.terms.seed) == (20, 7)
    assert found.what.terms.max_time_s == 120
    assert (found.rules.threshold, found.rules.regression_limit) == (0.05, 0.075)
    assert (found.output.json_path, found.output.quiet) == ("out.json", True)
    assert found.output.against is None


def test_what_is_recorded_holds_no_secret() -> None:
    found = live(
        "http://user:hunter2@127.0.0.1:1/?token=hunter2 http://127.0.0.1:2/ -a u:hunter2 "
        "-H 'Authorization: hunter2'"
    )
    assert "hunter2" not in json.dumps(found.config) + found.base.label
    found = live(f"{COMMANDS.replace('./a', 'TOKEN=hunter2 ./a')} {URL} --bearer hunter2")
    assert "hunter2" not in json.dumps(found.config) + found.base.label
    scripted = f"--script load.py {A} {B} --bearer hunter2 -e PASSWORD=hunter2"
    assert "hunter2" not in json.dumps(live(scripted).config)


# Commands


def test_commands_get_their_port_in_the_address() -> None:
    base, candidate = plans(f"{COMMANDS} {URL}", 4321)
    assert (base.target.port, candidate.target.port) == (4321, 4321)
    assert base.requests[0].url == "http://127.0.0.1:4321/x"
    found = live(f"{COMMANDS} {URL} --wait-for http://127.0.0.1:{{port}}/ready")
    assert (found.base.command, found.candidate.command) == ("./a {port}", "./b {port}")
    assert (found.base.flag, found.candidate.flag) == ("--run-base", "--run-candidate")
    assert found.base.wait_for == "http://127.0.0.1:{port}/ready"
    assert found.base.make(1) is found.base.make(1), "the same bytes for every visit"


# Scripts


def test_a_script_is_sent_to_each_side() -> None:
    base, candidate = jobs(f"--script load.py {A} {B} -u 5 -e USER=x --visit 2s")
    assert (base.script, base.vus, base.duration_s) == ("load.py", 5, 2.0)
    assert (base.base_url, candidate.base_url) == (A, B)
    assert base.env == {"USER": "x", "BASE_URL": A}
    assert candidate.env == {"USER": "x", "BASE_URL": B}
    assert base.no_thresholds, "a threshold that aborts would make the visit one that is not whole"
    assert live(f"--script=load.py {A} {B}").primary is None, "its executors decide"


def test_a_script_is_as_long_as_a_visit_or_as_its_iterations() -> None:
    base, _ = jobs(f"--script load.py {A} {B}")
    assert base.duration_s == 3.0
    base, _ = jobs(f"--script load.py {A} {B} -i 100")
    assert (base.duration_s, base.iterations) == (None, 100)
    base, _ = jobs(f"--script load.py {COMMANDS} {URL} -d 1s", 4321)
    assert (base.duration_s, base.base_url) == (1.0, "http://127.0.0.1:4321/x")


def test_a_script_has_a_warm_up_of_its_own() -> None:
    for line, warmup_s in (("", 1.0), ("-W 5s", 5.0), ("--warmup=0", 0.0), ("-i 10", 1.0)):
        found = live(f"--script load.py {A} {B} --visits {line}")
        assert found.warmup_s == warmup_s
        assert found.config["warmup_s"] == warmup_s
    assert live("A B -W 5s").warmup_s == 0.0, "it is in the plans"
    assert live("A B -W 5s").config["warmup_s"] == 5.0


def test_pages_and_baselines_are_of_live_comparisons_too() -> None:
    found = command("A B --html out.html --md - --save-baseline main")
    assert isinstance(found.what, Live)
    assert found.output.forms == {"html": "out.html", "md": "-"}
    assert found.output.save_baseline == "main"


def test_a_lua_script_belongs_to_a_plain_run(files: Path) -> None:
    (files / "post.lua").write_text('wrk.method = "PUT"\n')
    base, _ = plans("A B --script post.lua")
    assert base.requests[0].method == "PUT"


# Saved results


def test_two_saved_results_are_compared_as_they_are(files: Path) -> None:
    found = command("old.json new.json --fail-on-regression 5% --primary p99")
    assert isinstance(found.what, Stored)
    assert found.what.names == ("old.json", "new.json")
    assert found.what.primary == "p99"
    assert found.rules.regression_limit == 0.05
    kept = files / ".fastbench" / "baselines"
    kept.mkdir()
    (files / "old.json").rename(kept / "main.json")
    found = command("main new.json --save-baseline next")
    assert isinstance(found.what, Stored)
    assert found.what.names == ("main", "new.json")
    assert found.output.save_baseline == "next"


# Slips


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("", "give a base and a candidate"),
        (A, "give a base and a candidate"),
        (f"{A} {B} old.json", "saved results two at a time"),
        (" ".join([A] * 9), "up to 7 candidates, not 9 sides"),
        ("http://h:{port}/ http://h/", "--run-base"),
        ("A B --pairs 7", "must be at least 8"),
        ("A B --pairs 1001", "at most 1,000"),
        ("A B --pairs x", "--pairs: `x` is not a count"),
        ("A B --visit 0", "--visit must be longer than 0"),
        ("A B --visit x", "is not a duration"),
        ("A B --visit 1s -d 1s", "give only one of them"),
        ("A B --visit 1s --stages 1s:5", "leave out --visit"),
        ("A B --max-time 0", "--max-time must be longer than 0"),
        ("A B --seed -1", "--seed: `-1` is not a count"),
        ("A B --primary speed", "requests_per_s, p50, p90, p99, mean, cpu_per_request"),
        ("A B --threshold-effect 2", "for example --threshold-effect 5%"),
        ("A B --threshold-effect nan%", "takes a percentage"),
        ("A B --fail-on-regression 100%", "above 0% and below 100%"),
        ("A B --baseline main", "the baseline's name as BASE"),
        ("A B --md - --json -", "can go to standard output"),
        ("A B --html=", "--html needs the name of a file"),
        ("A B -W x", "is not a duration"),
        ("A B --save-baseline ../x", "letters, digits"),
        ("A B --threshold p99<5ms", "--fail-on-regression"),
        ("A B --csv x", "--json FILE"),
        ("A B --hdr x", "--json FILE"),
        ("A B --latency", "leave it out"),
        ("A B --strict", "always excludes trials"),
        ("A B --debug", "fastbench --debug URL"),
        ("A B --format wrk", "text or json"),
        ("A B --urls-from-file x", "write the mix as --script FILE.py."),
        ("A B --url http://h/", "add --run-base"),
        ("A B --wait-for http://h/", "add --run-base"),
        ("A B --conections 5", "did you mean --connections?"[:-1]),
        ("A B --pair 9", "did you mean --pairs"),
        ("A B -R 0", "sends no requests"),
        ("--run-base ./a --url http://h/", "add --run-candidate COMMAND"),
        ("--run-candidate ./a --url http://h/", "add --run-base COMMAND"),
        (f"{COMMANDS}", "add --url http://127.0.0.1:{port}/"),
        (f"{COMMANDS} {URL} {A}", "the address is --url"),
        (f"--run-base ./a --run-candidate ./b {URL}", "--run-base"),
        (f"{COMMANDS} --url http://h/", "{port}"),
        (f"old.json {A}", "fastbench --baseline old.json URL"),
        ("old.json", "give a base and a candidate"),
        ("old.json new.json --pairs 9", "are not measured again"),
        ("old.json nowhere.json", "nowhere.json cannot be read"),
        ("old.json nowhere", "nowhere is neither a file nor a saved baseline"),
        ("old.json body.txt", "it is not JSON in line 1"),
        (f"--script load.py {A}", "give a base and a candidate"),
        (f"--script load.py {A} {B} -e BASE_URL=x", "each side's URL is filled in"),
        (f"--script load.py {A} {B} --base-url {A}", "set from the two URLs"),
        (f"--script load.py {A} {B} --dry-run", "fastbench run --dry-run"),
        (f"--script load.py {A} {B} -c 5", "each VU of a script has its own connections"),
        (f"--script load.py {A} {B} -W 2y", "is not a duration"),
        (f"--script load.py {A} {B} -W 999999999", "-W must be 0 or longer"),
        (f"--script load.py {A} ftp://h/", "http"),
    ],
)
def test_a_slip_is_refused_with_the_cure(line: str, cure: str) -> None:
    with pytest.raises(UsageError) as caught:
        command(line)
    sentence = str(caught.value)
    assert cure in sentence, sentence
    assert "\n" not in sentence


def test_notices_of_both_sides_are_told_once() -> None:
    assert command("A B -n 4 -c 10 --visits").notices == (
        "-n 4 needs no more than 4 connections; -c 10 was lowered to 4.",
    )


# Help


def test_help_is_a_page() -> None:
    assert parse(["--help"]) == "help"
    assert parse([A, "-h"]) == "help"
    assert parse(["--help", "all"]) == "all"
    assert parse(["--version"]) == "version"


def test_no_flag_of_its_own_is_one_of_a_run() -> None:
    tables = (compare_args._ONE, compare_args._OWN_SWITCHES)
    own = {name for table in tables for names in table.values() for name in names.split()}
    assert own & set(flag_table.URL.names()) <= {"--wait-for", "--seed"}, (
        "which means the same in both"
    )


some_words = st.sampled_from(
    [A, B, "old.json", "load.py", "--script", "--run-base", "--run-candidate", "--url", "{port}",
     "./x {port}", "http://h:{port}/", "--pairs", "8", "--visit", "1s", "--seed", "--primary",
     "p99", "5%", "--fail-on-regression", "--threshold-effect", "--json", "-c", "5", "", "--",
     "\udce9", "a\r\nb", "-d", "-u", "--max-time", "--wait-for", "--save-baseline", "main"]
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(some_words, max_size=9))
def test_any_words_are_a_comparison_or_one_sentence(argv: list[str]) -> None:
    try:
        found = parse(argv)
    except UsageError as error:
        assert "\n" not in str(error)
        str(error).encode("utf-8")
    else:
        assert found in ("help", "version") or isinstance(found, Command)
