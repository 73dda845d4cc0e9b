"""k6_args.py: the flags and variables of k6 for its scripts, and what becomes of each."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from fastbench.cli.args.script_args import Command, parse
from fastbench.foundation.usage_error import UsageError
from fastbench.script.run_request import K6Words


def command(line: str) -> Command:
    found = parse(shlex.split(line))
    assert isinstance(found, Command)
    return found


def said(line: str) -> K6Words:
    found = command(line).request.k6
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("x.js", {}),
        ("x.js -u 5 -d 90s", {"vus": 5, "duration": "90.0s"}),
        ("-i 1k x.ts", {"iterations": 1000}),
        ("x.js -s 10s:5 -s 0:1", {"stages": [{"duration": "10.0s", "target": 5.0}, 2]}),
        ("x.js --batch 3 --batch-per-host=2 --rps 7", {"batch": 3, "batchPerHost": 2, "rps": 7}),
        ("x.js -w", {"throw": True}),
        ("x.js --throw=false", {"throw": False}),
        ("--http-debug x.js", {"httpDebug": "headers"}),
        ("--http-debug=full x.js", {"httpDebug": "full"}),
        ("x.js --http-debug full", {"httpDebug": "full"}),
        ("--http-debug headers x.js", {"httpDebug": "headers"}),
        ("--dns ttl=5m,select=first x.js", {"dns": {"ttl": "5m", "select": "first"}}),
        ("--http-debug=false x.js", {"httpDebug": None}),
        ("x.js --min-iteration-duration 2s", {"minIterationDuration": "2.0s"}),
        ("x.js --no-vu-connection-reuse", {"noVUConnectionReuse": True}),
        ("x.js --blacklist-ip 10.0.0.0/8 --blacklist-ip ::1", {"blacklistIPs": 2}),
        ("x.js --block-hostnames '*.a.test,b.test'", {"blockHostnames": ["*.a.test", "b.test"]}),
    ],
)
def test_each_flag_of_k6_is_an_option_of_its_script(line: str, options: dict[str, Any]) -> None:
    found = dict(said(line).flags)
    if "stages" in options:
        options = {"stages": [options["stages"][0], {"duration": "0.0s", "target": 1.0}]}
    if "blacklistIPs" in options:
        options = {"blacklistIPs": ["10.0.0.0/8", "::1"]}
    assert found == options
    request = command(line).request
    assert (request.vus, request.duration_s, request.iterations, request.stages) == (
        *(None, None, None),
        (),
    )


def test_scripts_in_python_keep_flags_of_their_own() -> None:
    request = command("x.py -u 5 -d 90s -q").request
    assert (request.k6, request.vus, request.duration_s) == (None, 5, 90.0)
    with pytest.raises(UsageError, match="failed requests never end an iteration"):
        parse(["x.py", "-w"])


def test_quiet_hides_the_progress_alone_and_no_summary_the_report() -> None:
    quiet = command("x.js -q").output
    assert not quiet.quiet and not quiet.progress
    assert command("x.js --no-summary").output.quiet
    assert command("x.py -q").output.quiet


def test_a_shape_keeps_the_flags_of_its_load() -> None:
    request = command("x.js --shape peak -u 5 -d 90s --batch 2").request
    assert (request.vus, request.duration_s) == (5, 90.0)
    assert request.k6 is not None and dict(request.k6.flags) == {"batch": 2}


def test_variables_of_k6_are_told_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "K6_VUS": "4",
        "K6_STAGES": "10s:5,20s:0",
        "K6_THROW": "true",
        "K6_SETUP_TIMEOUT": "90s",
        "K6_NO_SETUP": "false",
        "K6_CLOUD_TOKEN": "secret",
        "K6_OUT": "json=points.json",
    }.items():
        monkeypatch.setenv(name, value)
    found = command("x.js -u 2")
    assert found.request.k6 is not None
    assert dict(found.request.k6.environment) == {
        "vus": 4,
        "stages": [{"duration": "10.0s", "target": 5.0}, {"duration": "20.0s", "target": 0.0}],
        "throw": True,
        "setupTimeout": "90.0s",
        "noSetup": False,
    }
    assert "K6_VUS sets vus, as in k6." in found.notices
    assert "K6_OUT is not read: give it as -o." in found.notices
    assert not any("CLOUD" in each or "DASHBOARD" in each for each in found.notices)
    assert command("x.py").notices == ()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("x.js -u none", "-u: `none` is not a count"),
        ("x.js -s 10", "-s takes DURATION:TARGET"),
        ("x.js -s 0:5", "-s needs at least one stage longer than 0"),
        ("x.js --dns=sel=first", "--dns takes ttl=, select= and policy="),
        ("x.js --dns=select", "--dns takes ttl=, select= and policy="),
        ("x.js --http-debug=all", "--http-debug is headers or full"),
        ("x.js --config none.json", "--config none.json cannot be read"),
        ("x.js -c bad.json", "--config bad.json is not JSON"),
        ("x.js -c list.json", "is no object of options"),
        ("x.js --paused", "no remote control"),
        ("x.js --execution-segment 0:1/2", "--scale 50%"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text("{")
    Path("list.json").write_text("[1]")
    with pytest.raises(UsageError) as refused:
        parse(shlex.split(line))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_wrong_variable_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K6_NO_SETUP", "maybe")
    with pytest.raises(UsageError, match="K6_NO_SETUP is true or false, not maybe"):
        parse(["x.js"])


@pytest.mark.parametrize(
    "flag",
    ["--linger", "--address=localhost:1", "--system-tags=url", "--log-format=raw"],
)
def test_what_has_no_effect_here_is_ignored_with_its_reason(flag: str) -> None:
    (notice,) = command(f"{flag} x.js").notices
    assert notice.startswith(f"{flag.partition('=')[0]} was ignored: ")


def test_a_file_of_options_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"vus": 7, "throw": True}))
    assert dict(said(f"-c {path} x.js").file) == {"vus": 7, "throw": True}
