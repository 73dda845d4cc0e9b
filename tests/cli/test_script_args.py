"""run_script.py and its flags: from words to what is asked, and where each mistake ends."""

from __future__ import annotations

import base64
import os
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fastbench.cli import main
from fastbench.cli.args.script_args import Command, parse
from fastbench.cli.commands import run_script, run_url
from fastbench.cli.output.settings import Output
from fastbench.foundation.usage_error import UsageError
from fastbench.script import parent
from fastbench.script.api.options import Declared, Settings
from fastbench.script.run_request import RunRequest
from fastbench.script.spec import read


def command(line: str) -> Command:
    found = parse(shlex.split(line))
    assert isinstance(found, Command)
    return found


def asked(line: str) -> RunRequest:
    return command(line).request


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("x.py", {"script": "x.py", "vus": None, "scale": 1.0, "workers": None}),
        ("-u 10 -d 30s x.py", {"vus": 10, "duration_s": 30.0}),
        ("x.py --vus=10 --duration=1m30s", {"vus": 10, "duration_s": 90.0}),
        ("-u10 -d=30s -i1k x.py -t2", {"vus": 10, "iterations": 1000, "workers": 2}),
        ("x.py -s 30s:20 -s 1m:50,10s:0", {"stages": ((30.0, 20.0), (60.0, 50.0), (10.0, 0.0))}),
        ("x.py --stage 5s:10", {"stages": ((5.0, 10.0),)}),
        ("--scenario a,b x.py --scenario c", {"scenarios": ("a", "b", "c")}),
        ("--scale 50% --time-scale 0.01 x.py", {"scale": 0.5, "time_scale": 0.01}),
        ("x.py -e A=1 --env B=x=y -eC=", {"env": {"A": "1", "B": "x=y", "C": ""}}),
        ("x.py --env SCENARIO=spike", {"env": {"SCENARIO": "spike"}}),
        ("--tag a=1 --tag b=x:y x.py", {"tags": {"a": "1", "b": "x:y"}}),
        (
            "x.py --threshold p99<50ms --threshold 'errors<1%'",
            {"thresholds": ("p99<50ms", "errors<1%")},
        ),
        ("-k --servername a.test x.py", {}),
        ("--base-url http://localhost:1/ x.py", {"base_url": "http://localhost:1/"}),
        ("--timeout 5s --connect-timeout 1 x.py", {"timeout_s": 5.0, "connect_timeout_s": 1.0}),
        ("--max-redirects 0 --no-keepalive x.py", {"max_redirects": 0, "keepalive": False}),
        ("--expect-status 200,404 x.py", {"expect": frozenset({200, 404})}),
        (
            "-H 'X-A: b' --host h.test -A text/plain x.py",
            {"headers": (("X-A", "b"), ("Host", "h.test"), ("Accept", "text/plain"))},
        ),
        ("--bearer abc x.py", {"headers": (("Authorization", "Bearer abc"),)}),
        ("--bind 127.0.0.1 x.py", {"bind": ("127.0.0.1",), "family": 4}),
        ("-6 x.py", {"family": 6}),
        ("--unix /run/app.sock x.py", {"unix_path": "/run/app.sock"}),
        (
            "--no-setup --no-teardown --no-thresholds --fail-fast x.py",
            {"no_setup": True, "no_teardown": True, "no_thresholds": True, "fail_fast": True},
        ),
        ("--dry-run --debug -v x.py", {"dry_run": True, "debug": True, "verbose": True}),
        ("--insecure-skip-tls-verify=false --no-usage-report x.py", {}),
        ("-- -x.py", {"script": "-x.py"}),
    ],
)
def test_words_are_read(line: str, values: dict[str, Any]) -> None:
    found = asked(line)
    assert {name: getattr(found, name) for name in values} == values


def test_tls_flags_are_those_of_a_plain_run() -> None:
    tls = asked("-k --servername a.test x.py").tls
    assert (tls.verify, tls.servername) == (False, "a.test")
    assert asked("--insecure-skip-tls-verify=false x.py").tls.verify
    with pytest.raises(UsageError, match="--key needs the certificate"):
        asked("--key k.pem x.py")
    with pytest.raises(UsageError, match=r"nowhere\.pem"):
        asked("--cacert nowhere.pem x.py")


def test_credentials_become_a_header_and_a_typed_one_wins() -> None:
    (pair,) = asked("-a user:pass x.py").headers
    assert pair == ("Authorization", "Basic " + base64.b64encode(b"user:pass").decode())
    assert asked("-a user:pass -H 'Authorization: own' x.py").headers == (("Authorization", "own"),)


def test_an_environment_name_alone_takes_what_the_shell_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FASTBENCH_TEST", "7")
    assert asked("-e FASTBENCH_TEST x.py").env == {"FASTBENCH_TEST": "7"}


def test_a_tag_in_k6s_documents_wrong_form_is_read_and_told() -> None:
    found = command("--tags name:smoke x.py")
    assert found.request.tags == {"name": "smoke"}
    assert found.notices == ("--tag name:smoke was read as --tag name=smoke.",)


def test_output_flags_are_those_of_a_plain_run() -> None:
    assert command("--json x.py").output.json_path == "-"
    assert command("--json r.json x.py").output.json_path == "r.json"
    assert command("-q x.py --csv c.csv").output.quiet
    assert not command("--no-progress x.py").output.progress


SLIPS = {
    "": "No script given",
    "a.py b.py": "a.py does not exist",
    "http://localhost/": "write: fastbench http://localhost/",
    "load.js": "load.js does not exist",
    "x.py -u 0": "-u must be between 1",
    "x.py -u ten": "is not a count",
    "x.py -d never": "is not a duration",
    "x.py -d 0": "longer than 0",
    "x.py -s 30s": "DURATION:TARGET",
    "x.py -s 0s:5": "longer than 0",
    "x.py -e 1A=2": "NAME=value",
    "x.py -e FASTBENCH_NOT_SET": "the shell has no such variable",
    "x.py --tag smoke": "NAME=value",
    "x.py --scale 0": "a factor above 0",
    "x.py --scale nan": "a factor above 0",
    "x.py --scenario ''": "needs the name",
    "x.py -4 -6": "exclude each other",
    "x.py --bind 127.0.0.1 --unix /a": "no source address",
    "x.py --base-url localhost": "starts with http://",
    "x.py -H nonsense": "Name: value",
    "x.py --format wrk": "text, json or k6",
    "x.py -u": "-u needs a value",
    "x.py --quiet=yes": "takes no value",
    "x.py --iteration 5": "did you mean --iterations?",
    "x.py --nonsense": "fastbench run --help",
    "x.py -o json": "-o json=FILE",
    "x.py --out kafka": "-o takes json=points.json.gz",
    "x.py -u 5 -r 5": "--spawn-rate needs -u and -d",
    "x.py -u 5 -d 1m --spawn-rate 0": "takes users a second",
    "x.py -u 5 -d 1m --spawn-rate x": "takes users a second",
    "x.py -u 5 -d 1m -r 5 -s 1m:5": "goes with -u and -d alone",
    "x.js -u 5 -d 1m -r 5": "goes with -u and -d alone",
    "x.py -r fast": "constant-arrival-rate",
    "x.py -c 10": "-u sets the VUs",
    "x.py -n 10": "fastbench run x.py -i 10",
    "x.py -R 100": "constant-arrival-rate",
    "x.py -b body": "use `fastbench URL`",
    "x.py --http-debug": "--debug runs one iteration",
    "x.py --execution-segment 0:1/2": "--scale",
    "x.py --abort-on-fail": "[abort]",
}


@pytest.mark.parametrize("line", SLIPS)
def test_a_slip_is_one_sentence_and_exit_1(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *shlex.split(line)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("fastbench: ") and err.count("\n") == 1
    assert SLIPS[line] in err


@pytest.mark.parametrize(
    "words",
    [
        ["-a", "user:hunter2"],
        ["-qa", "user:hunter2"],
        ["-auser:hunter2"],
        ["--bearer=hunter2"],
        ["-e", "API_TOKEN=hunter2"],
        ["-eAPI_TOKEN=hunter2"],
        ["--env=PASSWORD=hunter2"],
        ["-e", "DB=postgres://u:hunter2@h/d"],
        ["-H", "X-Api-Key: hunter2"],
        ["-HAuthorization=hunter2"],
        ["--base-url", "http://u:hunter2@localhost/"],
        ["--tag", "token=hunter2"],
    ],
)
def test_no_secret_is_echoed(words: list[str]) -> None:
    found = parse([*words, "x.py"])
    assert isinstance(found, Command)
    assert "hunter2" not in str(found.request.config)


def test_the_echo_holds_the_words() -> None:
    line = asked("-u5 -e A=1 x.py --json r.json").config["command"]
    expected = "fastbench run -u 5 -e A=1 x.py --json r.json"
    assert isinstance(line, list) and " ".join(line) == expected


@pytest.mark.parametrize(
    ("words", "stages"),
    {
        "-u 50 -r 5 -t 1m": ((10.0, 50.0), (50.0, 50.0)),
        "-u 50 --spawn-rate 100 -d 1m": ((0.5, 50.0), (59.5, 50.0)),
        "-u 50 -r 0.5 -t 10s": ((10.0, 5.0),),
        "-u 5 -r 0.01 -t 10s": ((10.0, 1.0),),
    }.items(),
)
def test_the_spawn_rate_of_locust_is_a_ramp(
    words: str, stages: tuple[tuple[float, float], ...]
) -> None:
    found = asked(f"{words} x.py")
    assert (found.vus, found.duration_s, found.stages) == (None, None, stages)


def test_help_and_version_are_pages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    assert capsys.readouterr().out.startswith("fastbench run: load tests in Python,")
    assert main(["run", "-V"]) == 0
    assert capsys.readouterr().out.startswith("fastbench ")


def test_a_missing_script_is_a_wrong_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "nowhere.py"]) == 1
    assert "nowhere.py does not exist" in capsys.readouterr().err


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text("async def default(vu):\n    await vu.get('http://localhost/')\n")
    return path


def test_a_run_is_carried_out_and_delivered(
    script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken: list[Any] = []

    def carry_out(asked: RunRequest, tell: object, notice: Any, *listeners: object) -> str:
        taken.append(asked.vus)
        notice("Scenario a: \x1b[2Jsomething.")
        return "result"

    def deliver(result: Any, output: Output, *followers: object) -> int:
        taken.append((result, output.json_path))
        return 99

    monkeypatch.setattr(parent, "run", carry_out)
    monkeypatch.setattr(run_url, "deliver", deliver)
    into = script.parent / "results" / "today" / "r.json"
    assert run_script.main(["-u", "3", "--quiet", str(script), "--json", str(into)]) == 99
    assert taken == [3, ("result", str(into))]
    assert into.parent.is_dir()
    assert capsys.readouterr().err == "fastbench: Scenario a: [2Jsomething.\n"


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (parent.OptionsError("The options are wrong."), 104, False),
        (parent.ScriptError("The script is wrong.", "Traceback …"), 107, True),
    ],
)
def test_what_is_wrong_in_a_script_has_its_exit_code(
    error: Exception,
    code: int,
    shown: bool,
    script: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def carry_out(*_: object) -> None:
        raise error

    monkeypatch.setattr(parent, "run", carry_out)
    assert main(["run", "--quiet", str(script)]) == code
    assert capsys.readouterr().err == f"fastbench: {error}\n"
    assert main(["run", "--quiet", "-v", str(script)]) == code
    assert ("Traceback …" in capsys.readouterr().err) is shown


def test_debug_is_its_own_way(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake: Any = ModuleType("fastbench.cli.debug.debug_script")
    fake.run = lambda asked: 5 if asked.debug else 0
    monkeypatch.setitem(sys.modules, "fastbench.cli.debug.debug_script", fake)
    monkeypatch.setattr("fastbench.cli.debug.debug_script", fake, raising=False)
    assert main(["run", "--debug", str(script)]) == 5


def declaring(monkeypatch: pytest.MonkeyPatch, **given: Any) -> None:
    found = Declared(
        Settings(thresholds={"http_reqs": ("count>5",)}), (read("a", "default", given),)
    )
    monkeypatch.setattr(parent, "declared", lambda asked, notice: found)


def test_a_dry_run_prints_the_plan_and_what_is_wrong(
    script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    declaring(monkeypatch, executor="shared-iterations", iterations=3)
    assert main(["run", "--dry-run", str(script)]) == 104
    page = capsys.readouterr().out
    assert "a: shared-iterations, 3 iterations among 1 VU, at most 10m" in page
    assert "error: http_reqs: count>5: the plan comes to at most 3, never that." in page
    assert main(["run", "--dry-run", "-i", "9", str(script)]) == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [["--scenario", "b"], ["--threshold", "p99 of what"], ["--threshold", "nothing: p(95)<1"]],
)
def test_a_plan_that_cannot_be_is_104(
    words: list[str],
    script: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    declaring(monkeypatch, executor="shared-iterations")
    assert main(["run", "--dry-run", *words, str(script)]) == 104
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_found_before_the_load(
    script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(parent, "run", lambda *_: pytest.fail("the load began"))
    assert main(["run", str(script), "--json", os.path.join(str(script), "r.json")]) == 1
    assert "cannot be written: not a directory" in capsys.readouterr().err
