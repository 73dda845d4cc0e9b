"""The action and the workflows: of the shape that GitHub asks for, safe, and fit to be run."""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ci_files import ACTION, EXPRESSION, RELEASE, ROOT, WORKFLOWS, commands, load, steps_of, strings
from commandline import invoke

import fastbench

NAMES = [path.stem for path in WORKFLOWS]
BLOCKS = {
    f"{path.stem}: {step.get('name')}": step["run"]
    for path in (ACTION, RELEASE, *WORKFLOWS)
    for step in steps_of(load(path))
    if "run" in step
}
# What GitHub's documentation knows, by place: (must be there, may be there).
KEYS = {
    "workflow": ({"name", "on", "jobs"}, {"run-name", "permissions", "env", "concurrency"}),
    "job": (
        {"runs-on", "steps"},
        {
            *("name", "needs", "if", "permissions", "environment", "concurrency", "outputs"),
            *("env", "defaults", "timeout-minutes", "strategy", "continue-on-error"),
            *("container", "services"),
        },
    ),
    "step": (
        set(),
        {
            *("id", "if", "name", "uses", "run", "with", "env", "shell", "working-directory"),
            *("continue-on-error", "timeout-minutes"),
        },
    ),
    "service": ({"image"}, {"credentials", "env", "ports", "volumes", "options"}),
    "choice": ({"type"}, {"description", "required", "default", "options"}),
    "action": ({"name", "description", "runs"}, {"author", "inputs", "outputs", "branding"}),
    "input": ({"description"}, {"required", "default", "deprecationMessage"}),
    "output": ({"description", "value"}, set()),
}
ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
CRON = re.compile(r"(\*|[0-9,*/-]+)( (\*|[0-9,*/-]+)){4}")


def has_keys(kind: str, found: dict[str, Any]) -> None:
    must, may = KEYS[kind]
    assert must <= set(found) <= must | may, (kind, found)


def workflow(name: str) -> dict[str, Any]:
    return load(ROOT / "examples" / "ci" / f"{name}.yml")


def well_formed(steps: list[dict[str, Any]], *, composite: bool = False) -> None:
    identities = [step["id"] for step in steps if "id" in step]
    assert len(identities) == len(set(identities)) and all(map(ID.fullmatch, identities))
    for step in steps:
        has_keys("step", step)
        assert ("uses" in step) != ("run" in step), step
        assert "name" in step or "uses" in step
        if "uses" in step:
            fixed = r"\./[\w-]*|[\w-]+/[\w-]+@(release/)?v[0-9]+"
            assert re.fullmatch(fixed, step["uses"]), "a fixed version"
        else:
            assert "with" not in step and (not composite or step["shell"] == "bash")


# The shape


def test_the_action_has_the_shape_of_a_composite_one() -> None:
    action = load(ACTION)
    has_keys("action", action)
    assert action["runs"]["using"] == "composite"
    for kind in ("input", "output"):
        for name, each in action[f"{kind}s"].items():
            has_keys(kind, each)
            assert ID.fullmatch(name)
    assert set(action["branding"]) == {"icon", "color"}
    well_formed(steps_of(action), composite=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_has_the_shape_of_one(name: str) -> None:
    found = workflow(name)
    has_keys("workflow", found)
    events = {"push", "pull_request", "schedule", "workflow_dispatch"}
    assert set(found["on"]) <= events
    assert all(CRON.fullmatch(each["cron"]) for each in found["on"].get("schedule", ()))
    for each in ((found["on"].get("workflow_dispatch") or {}).get("inputs") or {}).values():
        has_keys("choice", each)
        assert each["type"] == "choice" and each["default"] in each["options"]
    assert found["permissions"]["contents"] == "read", "no more than it needs"
    for identity, job in found["jobs"].items():
        has_keys("job", job)
        assert ID.fullmatch(identity)
        well_formed(job["steps"])
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(found["jobs"])
        for service in job.get("services", {}).values():
            has_keys("service", service)


def test_a_release_is_built_tried_and_published_without_a_token() -> None:
    found = load(RELEASE)
    has_keys("workflow", found)
    assert found["on"]["push"] == {"tags": ["v*"]} and found["permissions"] == {"contents": "read"}
    jobs = found["jobs"]
    for job in jobs.values():
        has_keys("job", job)
        well_formed(job["steps"])
    assert jobs["wheels"]["needs"] == "sdist"
    assert jobs["wheels"]["strategy"]["matrix"]["runner"] == ["ubuntu-24.04", "ubuntu-24.04-arm"]
    publish = jobs["publish"]
    assert publish["needs"] == ["sdist", "wheels"] and publish["permissions"] == {
        "id-token": "write"
    }
    assert publish["if"] == "github.event_name == 'push'" and publish["environment"]
    assert "secrets." not in RELEASE.read_text()


def test_every_python_that_is_supported_has_a_wheel_that_was_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheels = project["tool"]["cibuildwheel"]
    assert project["project"]["requires-python"] == ">=3.11"
    assert wheels["build"].split() == [f"cp3{minor}-*" for minor in range(11, 15)]
    named = re.findall(r"\{project\}/(\S+)", wheels["test-command"])
    assert named and all((ROOT / each).is_file() for each in named)


@pytest.mark.parametrize("tag", ["v0.0.1", "0.6.0", ""])
def test_a_tag_of_another_version_is_not_published(tag: str) -> None:
    (block,) = (text for name, text in BLOCKS.items() if name == "release: The tag is the version")
    for each, code in ((tag, 1), (f"v{fastbench.__version__}", 0)):
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = os.environ | {"TAG": each, "PATH": path}
        done = subprocess.run(["bash", "-eo", "pipefail", "-c", block], env=env, cwd=ROOT)
        assert done.returncode == code


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_shell_is_read_by_bash(block: str) -> None:
    done = subprocess.run(["bash", "-n"], input=BLOCKS[block], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_scripts_of_the_action_are_there_and_read() -> None:
    named = re.findall(r"\$GITHUB_ACTION_PATH/([\w./]+)", "\n".join(BLOCKS.values()))
    assert sorted(named) == [".ci/action.py", ".ci/action_install"]
    assert all((ROOT / each).is_file() for each in named)
    subprocess.run(["bash", "-n", ROOT / ".ci" / "action_install"], check=True)


# Safety


@pytest.mark.parametrize("block", BLOCKS)
def test_nothing_is_pasted_into_a_shell(block: str) -> None:
    # What an expression gives is program text before bash sees it.
    assert not EXPRESSION.search(BLOCKS[block])


def test_every_input_reaches_the_step_by_its_environment() -> None:
    action = load(ACTION)
    (run,) = (step for step in steps_of(action) if step.get("id") == "run")
    passed = {value for name, value in run["env"].items() if name.startswith("INPUT_")}
    inputs = set(action["inputs"]) - {"python-version"}
    assert passed == {f"${{{{ inputs.{name} }}}}" for name in inputs}


# References


@pytest.mark.parametrize("name", NAMES)
def test_what_an_expression_names_is_there(name: str) -> None:
    found = workflow(name)
    outputs = set(load(ACTION)["outputs"])
    dispatched = (found["on"].get("workflow_dispatch") or {}).get("inputs") or {}
    for job in found["jobs"].values():
        steps = {step["id"]: step for step in job["steps"] if "id" in step}
        for expression in EXPRESSION.findall("\n".join(strings(job))):
            for identity, of, output in re.findall(
                r"steps\.([\w-]+)\.(outputs|outcome)\.?(\w*)", expression
            ):
                assert steps[identity]["uses"] == "./"
                assert of == "outcome" or output in outputs
            assert set(re.findall(r"inputs\.([\w-]+)", expression)) <= set(dispatched)


def test_the_outputs_of_the_action_are_those_of_its_step() -> None:
    for name, each in load(ACTION)["outputs"].items():
        assert each["value"] == f"${{{{ steps.run.outputs.{name} }}}}"


@pytest.mark.parametrize("name", NAMES)
def test_a_step_gives_the_action_what_it_takes(name: str) -> None:
    inputs = set(load(ACTION)["inputs"])
    local = [step for step in steps_of(workflow(name)) if step.get("uses", "").startswith("./")]
    assert local
    for step in local:
        assert set(step.get("with", {})) <= inputs
        assert all(isinstance(value, str) for value in step.get("with", {}).values())


@pytest.mark.parametrize("name", NAMES)
def test_results_are_stored_whatever_happened(name: str) -> None:
    uploads = [step for step in steps_of(workflow(name)) if "upload-artifact" in str(step)]
    assert len(uploads) == 1 and uploads[0]["if"] == "always()"


@functools.cache
def help_of(command: str) -> set[str]:
    """Return the flags that a command's page names."""
    page = invoke(*([command] if command else []), "--help", "all").stdout
    return set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*", page))


@pytest.mark.parametrize("name", NAMES)
def test_a_flag_that_a_workflow_names_exists(name: str) -> None:
    steps = steps_of(workflow(name))
    called = [call for step in steps for call in commands(step.get("run", ""))]
    called += [
        ["run", *re.findall(r"(?<!\S)--?[a-z][a-z-]*", step["with"]["args"])]
        for step in steps
        if "args" in step.get("with", {})
    ]
    assert called
    for command, *flags in called:
        assert set(flags) <= help_of(command), command


# What the plans ask for


def test_weekly_and_by_hand_with_a_database_that_is_ready() -> None:
    found = workflow("weekly")
    assert set(found["on"]) == {"schedule", "workflow_dispatch"}
    (job,) = found["jobs"].values()
    assert "--health-cmd pg_isready" in job["services"]["postgres"]["options"]
    told = job["steps"][-1]
    assert told["if"] == "failure()" and "WEBHOOK" in told["env"]


def test_the_choice_of_a_scenario_is_a_list_of_scripts() -> None:
    found = workflow("manual")
    options = found["on"]["workflow_dispatch"]["inputs"]["scenario"]["options"]
    scripts = ROOT / "examples" / "helpdesk"
    load = {path.stem for path in Path(scripts).glob("*.py")} - {"database"}  # it loads no service
    assert set(options) == load
    (job,) = found["jobs"].values()
    assert set(job["services"]) == {"postgres", "valkey"}


def test_the_gate_stands_before_the_deployment() -> None:
    jobs = workflow("gate")["jobs"]
    assert jobs["deploy"]["needs"] == "load-test-gate"
    gate = jobs["load-test-gate"]["steps"]
    at = {step.get("name"): number for number, step in enumerate(gate)}
    assert gate[at["Smoke test"]]["continue-on-error"] is True
    assert at["Smoke test"] < at["Store results"] < at["Verify results"]
    assert "steps.smoke.outcome" in gate[at["Verify results"]]["env"]["OUTCOME"]


@pytest.mark.parametrize(("outcome", "code"), [("success", 0), ("failure", 1), ("skipped", 1)])
def test_the_gate_opens_for_success_alone(outcome: str, code: int) -> None:
    (block,) = (text for name, text in BLOCKS.items() if name == "gate: Verify results")
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", block],
        env={"OUTCOME": outcome, "RPS": "", "P95": "", "PATH": "/usr/bin:/bin"},
        capture_output=True,
    )
    assert done.returncode == code


def test_a_suite_of_a_workflow_would_run_as_it_stands(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    words = shlex.split(BLOCKS["suite: Run the suite"].replace("\\\n", " "))
    assert words[:2] == ["fastbench", "suite"]
    done = invoke(*words[1:], "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
