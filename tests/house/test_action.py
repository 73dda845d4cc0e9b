"""The step of the GitHub Action as a runner runs it, against a real server."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from ci_files import ACTION, EXPRESSION, ROOT, WORKFLOWS, load, steps_of
from embedded import seen, serving
from junit_files import outcomes, read
from running import SLOW, until

from fastbench.results.result import Result

FORMS = ("json", "html", "md", "junit", "csv")
LIMIT_S = 30
SCRIPT = """
import os

from fastbench import Options, check, env, scenario

options = Options(base_url=env("BASE_URL"), thresholds={"checks": ["rate>0.99"]})

@scenario(executor="shared-iterations", vus=2, iterations=20)
async def smoke(vu):
    answer = await vu.get("/health", bearer=env("API_TOKEN", ""))
    check(answer, {"it answers": lambda answer: answer.status == 200})
    if env("SAYS", ""):
        print(env("SAYS"))
    if env("SHOWS", ""):
        print(open(f"/proc/{os.getppid()}/cmdline").read().replace("\\0", " "))

@scenario(executor="constant-vus", vus=1, duration="1h")
async def soak(vu):
    await vu.get("/delay/1")
"""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step left: its code, its log, the outputs of the action, the page of the run."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


class Runner:
    """Runs the action's step `run` as GitHub does: environment, shell, files for outputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "load.py").write_text(SCRIPT)
        self._files = {name: folder / f".{name}" for name in ("OUTPUT", "STEP_SUMMARY")}

    def start(self, **inputs: str) -> subprocess.Popen[str]:
        """Start the step with these inputs, the others as the action has them."""
        action = load(ACTION)
        (step,) = (each for each in steps_of(action) if each.get("id") == "run")
        known = {name: each["default"] for name, each in action["inputs"].items()} | inputs
        values = {f"inputs.{name}": value for name, value in known.items()}
        values["steps.install.outputs.python"] = sys.executable
        env = {
            name: EXPRESSION.sub(lambda found: values[found[1].strip()], text)
            for name, text in step["env"].items()
        }
        for name, file in self._files.items():
            file.write_text("")
            env[f"GITHUB_{name}"] = str(file)
        return subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            env={**os.environ, **env, "GITHUB_ACTION_PATH": str(ROOT)},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self, process: subprocess.Popen[str]) -> Step:
        """Wait for its end, and read what it left."""
        try:
            log, _ = process.communicate(timeout=LIMIT_S)
        finally:
            if process.poll() is None:
                killed(below(process))
        assert "Traceback" not in log, log
        told = self._files["OUTPUT"].read_text()
        of_step = outputs(told)
        named = load(ACTION)["outputs"]
        values = {
            name: EXPRESSION.sub(
                lambda found: of_step[found[1].split(".")[-1].strip()], row["value"]
            )
            for name, row in named.items()
        }
        return Step(process.returncode, log, values, self._files["STEP_SUMMARY"].read_text())

    def run(self, **inputs: str) -> Step:
        return self.end(self.start(**inputs))


def below(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """List a step's processes: fastbench stands in a group of its own."""
    with contextlib.suppress(psutil.NoSuchProcess):
        step = psutil.Process(process.pid)
        return [step, *step.children(recursive=True)]
    return []


def killed(family: list[psutil.Process]) -> None:
    for each in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


def outputs(told: str) -> dict[str, str]:
    """Read the file of outputs: NAME<<MARK, lines, MARK."""
    pattern = re.compile(r"^(\w+)<<(\w+)\n(.*?)\n?^\2\n", re.M | re.S)
    assert pattern.sub("", told) == "", "nothing else stands there"
    return {name: value for name, _, value in pattern.findall(told)}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("--port", "0", "--quiet") as (_, address):
        yield address


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def written(step: Step, folder: Path) -> Result:
    """Look at the five files the outputs name; return the result."""
    texts = {form: (folder / step.outputs[form]).read_text() for form in FORMS}
    assert texts["html"].startswith("<!doctype html>")
    assert texts["csv"].startswith("t_s,") and texts["md"] == step.summary
    read(texts["junit"])
    return Result.from_document(json.loads(texts["json"]))


def test_a_run_that_passes_tells_its_numbers(runner: Runner, url: str) -> None:
    step = runner.run(
        file="load.py",
        scenario="smoke",
        env=f"BASE_URL={url}\nAPI_TOKEN=abc=def",
        thresholds="errors<1%\n\n  p99<30s\n",
        args=f"--tag 'build=a b'\n  -t 1 --wait-for {url}/health,20s",
        outputs="out/smoke",
    )
    assert step.code == 0, step.log
    result = written(step, runner.folder)
    document = result.to_document()
    assert list(result.thresholds) == ["checks: rate>0.99", "errors<1%", "p99<30s"]
    assert result.config["tags"] == {"build": "a b"} and len(result.workers) == 1
    assert [row.name for row in result.scenarios] == ["smoke"]
    numbers = {name: step.outputs[name] for name in ("passed", "exit_code", "error_rate")}
    assert numbers == {"passed": "true", "exit_code": "0", "error_rate": "0.000000"}
    times = document["latency_ms"]["service"]  # type: ignore[index]
    assert [float(step.outputs[name]) for name in ("p95", "p99")] == [times["p95"], times["p99"]]
    assert float(step.outputs["rps"]) == pytest.approx(result.summary.requests_per_s, abs=0.001)
    assert step.outputs["json"] == "out/smoke/result.json"
    assert "abc=def" not in step.log + "".join(
        path.read_text() for path in (runner.folder / "out").rglob("*.*")
    )


def test_a_run_that_fails_has_all_its_files(runner: Runner, url: str) -> None:
    step = runner.run(file="load.py", scenario="smoke", env=f"BASE_URL={url}", thresholds="p50<1ns")
    assert (step.code, step.outputs["passed"], step.outputs["exit_code"]) == (99, "false", "99")
    assert written(step, runner.folder).thresholds_failed
    assert "**FAIL · " in step.summary
    failed = outcomes(read((runner.folder / step.outputs["junit"]).read_text()))
    assert failed["p50<1ns"] == "failure" and failed["checks: rate>0.99"] == "passed"


def test_a_url_is_a_plain_run(runner: Runner, url: str) -> None:
    step = runner.run(file=f"{url}/status/404", args="-n 40 -c 2 -H 'X-Note: a b'")
    assert step.code == 122, step.log
    assert step.outputs["error_rate"] == "1.000000"
    assert written(step, runner.folder).config["headers"] == [["X-Note", "a b"]]


def test_a_planned_rate_is_told_by_its_response_time(runner: Runner, url: str) -> None:
    step = runner.run(file=f"{url}/delay/5", args="-n 40 -R 400 -c 2")
    response = written(step, runner.folder).latency.response
    assert response is not None and step.code == 0
    assert float(step.outputs["p95"]) == pytest.approx(response.percentile(95) / 1e6, rel=1e-4)


EVIL = "$(touch pwned) `touch pwned`; touch pwned #\"' '\" | touch pwned"


@pytest.mark.parametrize("name", ["file", "scenario", "thresholds", "args", "env", "outputs"])
def test_no_input_is_read_by_a_shell(name: str, runner: Runner, url: str) -> None:
    good = {"file": "load.py", "scenario": "smoke", "env": f"BASE_URL={url}"}
    step = runner.run(**{**good, name: EVIL})
    assert not list(runner.folder.rglob("pwned")), step.log
    assert (step.code == 0) == (name == "outputs"), step.log
    assert step.outputs["passed"] == ("true" if name == "outputs" else "false")


def test_a_value_of_the_environment_is_on_no_command_line(runner: Runner, url: str) -> None:
    env = f"BASE_URL={url}\nSHOWS=hunter2"
    step = runner.run(file="load.py", scenario="smoke", env=env, args="-i 1 -t 1")
    (line,) = (line for line in step.log.splitlines() if " -m fastbench run " in line)
    assert " -e SHOWS " in line and "hunter2" not in step.log


def test_an_output_of_many_lines_is_one_output(runner: Runner, url: str) -> None:
    step = runner.run(file=f"{url}/health", args="-n 9", outputs="a\npassed=true\nb")
    assert step.outputs["json"] == "a\npassed=true\nb/result.json"


def test_a_run_that_does_not_begin_has_no_files_of_an_earlier_one(runner: Runner, url: str) -> None:
    old = runner.folder / "fastbench-results" / "result.json"
    old.parent.mkdir()
    for inputs in (
        {"file": "missing.py"},
        {"file": "--version"},
        {"file": f"{url}/health", "args": "--nonsense"},
        {"file": f"{url}/health", "args": "'"},
        {"file": f"{url}/health", "scenario": "smoke"},
        {"file": "load.py", "env": "A B=c"},
        {"file": f"{url}/health", "outputs": "load.py"},
    ):
        old.write_text("old")
        step = runner.run(**inputs)
        assert (step.code, step.summary) == (1, ""), step.log
        assert step.log.count("fastbench: ") == 1
        told = {name: value for name, value in step.outputs.items() if value}
        assert told == {"passed": "false", "exit_code": "1"}
        assert old.exists() == ("outputs" in inputs), "only in the folder of this run"


def test_what_a_script_says_is_no_command_to_the_runner(runner: Runner, url: str) -> None:
    says = "::set-env name=PATH::/tmp"
    env = f"BASE_URL={url}\nSAYS={says}"
    step = runner.run(file="load.py", scenario="smoke", env=env, args="-i 1")
    lines = step.log.splitlines()
    (stop,) = (at for at, line in enumerate(lines) if line.startswith("::stop-commands::"))
    begin = lines.index(f"::{lines[stop].removeprefix('::stop-commands::')}::")
    assert stop < lines.index(says) < begin == len(lines) - 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_step_keeps_what_was_measured(
    number: signal.Signals, runner: Runner, url: str
) -> None:
    before = seen(url).requests
    family: list[psutil.Process] = []
    process = runner.start(file="load.py", scenario="soak", env=f"BASE_URL={url}")
    try:
        until(lambda: seen(url).requests > before + 50)
        family = below(process)
        process.send_signal(number)
        step = runner.end(process)
    finally:
        killed(family or below(process))
    assert (step.code, step.outputs["exit_code"]) == (105, "105")
    assert written(step, runner.folder).summary.ended == "interrupted"


# The workflows


def filled(text: str, choice: str, url: str) -> str:
    """Put in what GitHub would: the choice, no secret, the server that is there."""

    def value(found: re.Match[str]) -> str:
        return choice if "inputs." in found[1] else found[1].split("'")[1]

    return EXPRESSION.sub(value, text).replace("http://localhost:3001", url)


def steps_with_load() -> dict[str, dict[str, str]]:
    return {
        f"{path.stem}: {step['name']}": step["with"]
        for path in WORKFLOWS
        for step in steps_of(load(path))
        if "file" in step.get("with", {})
    }


@pytest.mark.parametrize("name", steps_with_load())
def test_a_step_of_a_workflow_would_run_as_it_stands(name: str, tmp_path: Path, url: str) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    step = steps_with_load()[name]
    for choice in ("smoke", "load", "stress") if "inputs." in step["file"] else ("",):
        inputs = {key: filled(value, choice, url) for key, value in step.items()}
        inputs["args"] = f"{inputs.get('args', '')} --dry-run"
        done = Runner(tmp_path).run(**inputs)
        assert done.code == 0, done.log
        assert "dry run: 0 errors" in done.log


@pytest.mark.skipif(not SLOW, reason="compiles the extensions; make slow runs it")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_action_installs_what_stands_beside_it(tmp_path: Path) -> None:
    ignore = shutil.ignore_patterns(".git", ".venv", "build", "*.so", ".*_cache", ".hypothesis")
    shutil.copytree(ROOT, tmp_path / "action", ignore=ignore)
    (tmp_path / "temp").mkdir()
    told = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_PATH")}
    env = {**os.environ, **{name: str(file) for name, file in told.items()}}
    env["RUNNER_TEMP"] = str(tmp_path / "temp")
    for _ in range(2):  # the second time it is there already
        script = tmp_path / "action" / ".ci" / "action_install"
        with subprocess.Popen(["bash", script], env=env, process_group=0) as process:
            try:
                assert process.wait() == 0
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    python = told["GITHUB_OUTPUT"].read_text().split()[0].removeprefix("python=")
    (place,) = set(told["GITHUB_PATH"].read_text().split())
    for command in ([python, "-P", "-m", "fastbench"], [f"{place}/fastbench"]):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, cwd=tmp_path)
        assert done.stdout.startswith("fastbench "), done.stderr
    assert os.listdir(place) == ["fastbench"]
