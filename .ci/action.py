"""The step of the GitHub Action (action.yml): run fastbench as the inputs say, tell what came out.

1. Inputs come as environment variables and go to fastbench as words of a list: no shell reads them.
   `args` is cut into words as a shell would cut it, and nothing in it is expanded.
2. Every form of the result is written into one folder, also by a run that fails. A run that did not
   begin has no files: those of an earlier one are taken away first.
3. What a server or a script says is no command to the runner: it listens to none while they talk.
4. The exit code is fastbench's. A cancelled step asks it for the report of what was measured.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

FORMS = {
    "json": "result.json",
    "html": "report.html",
    "md": "summary.md",
    "junit": "junit.xml",
    "csv": "seconds.csv",
}
SUMMARY_MAX_BYTES = 1 << 20  # what the runner takes from one step
EXIT_USAGE = 1


class WrongInput(Exception):
    """An input cannot be used; the text says which, and what it takes."""


def main() -> int:
    """Run, publish; return the exit code."""
    folder = Path(given("outputs") or "fastbench-results")
    try:
        cleared(folder)
        words, environ = command(folder)
        code = ran(words, environ)
    except WrongInput as error:
        print(f"fastbench: {error}", file=sys.stderr)
        publish(EXIT_USAGE, {})
        return EXIT_USAGE
    publish(code, {form: path for form, path in paths(folder).items() if path.is_file()})
    return code


def paths(folder: Path) -> dict[str, Path]:
    """Return where each form is written."""
    return {form: folder / name for form, name in FORMS.items()}


def given(name: str) -> str:
    """Return an input as it was given, without the blanks around it."""
    return os.environ.get(f"INPUT_{name.upper()}", "").strip()


def command(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return the words for fastbench and the environment it runs in."""
    file, scenario = given("file"), given("scenario")
    script = file.endswith(".py") or os.path.exists(file)
    pairs = [variable(line) for line in lines("env")]
    if not script and (scenario or pairs):
        raise WrongInput("`scenario` and `env` are for scripts; `file` names a URL.")
    try:
        words = shlex.split(given("args"))
    except ValueError as error:
        raise WrongInput(f"`args` cannot be cut into words: {str(error).lower()}.") from None
    words += [word for line in lines("thresholds") for word in ("--threshold", line)]
    words += ["--scenario", scenario] if scenario else []
    # The values stand in the environment alone, for a command line can be seen by everybody.
    words += [word for name, _ in pairs for word in ("-e", name)]
    words += [word for form, path in paths(folder).items() for word in (f"--{form}", str(path))]
    first = ["run"] if script else []
    return [*first, *words, "--no-progress", "--", file], {**os.environ, **dict(pairs)}


def lines(name: str) -> list[str]:
    """Return what an input has on its lines."""
    return [line.strip() for line in given(name).splitlines() if line.strip()]


def variable(line: str) -> tuple[str, str]:
    """Read NAME=VALUE."""
    name, equals, value = line.partition("=")
    if not equals or not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
        raise WrongInput("`env` takes NAME=VALUE, one a line.")
    return name, value


def cleared(folder: Path) -> None:
    """Make the folder, and take away what an earlier run left in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths(folder).values():
            path.unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise WrongInput(f"`outputs` cannot be a folder to write into: {reason}.") from None


def ran(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run fastbench to its end; return its exit code."""
    mark = secrets.token_hex(16)
    print(f"::stop-commands::{mark}", flush=True)
    # -P: nothing is imported from the folder that the step happens to stand in. The group of its
    # own keeps a signal to the step's group from arriving twice, which would end it at once.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "fastbench", *words], env=environ, process_group=0
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: process.send_signal(number))
    code = process.wait()
    print(f"::{mark}::", flush=True)
    return code if code >= 0 else 128 - code


def figures(written: Mapping[str, Path]) -> dict[str, str]:
    """Return the numbers of a result: requests per second, ms, and the share that was not ok."""
    if "json" not in written:
        return dict.fromkeys(("rps", "p95", "p99", "error_rate"), "")
    document = json.loads(written["json"].read_bytes())
    summary, latency = document["summary"], document["latency_ms"]
    times = latency["response"] or latency["service"]  # the former where requests were planned
    bad = summary["failed"] + summary["timeouts"]
    return {
        "rps": f"{summary['requests_per_s']:.3f}",
        **{name: "" if times[name] is None else str(times[name]) for name in ("p95", "p99")},
        "error_rate": f"{bad / summary['requests']:.6f}" if summary["requests"] else "",
    }


def publish(code: int, written: Mapping[str, Path]) -> None:
    """Hand the outputs to the runner, and the Markdown to the page of the run."""
    outputs = {"passed": str(code == 0).lower(), "exit_code": str(code), **figures(written)}
    outputs |= {form: str(written.get(form, "")) for form in FORMS}
    mark = secrets.token_hex(16)  # a value may have any characters, line breaks too
    told = [f"{name}<<{mark}\n{value}\n{mark}\n" for name, value in outputs.items()]
    append("GITHUB_OUTPUT", "".join(told))
    if "md" in written:
        text = written["md"].read_text("utf-8")
        if len(text.encode()) > SUMMARY_MAX_BYTES:
            text = "The summary is too long for this page; it is among the files of the run.\n"
        append("GITHUB_STEP_SUMMARY", text)


def append(place: str, text: str) -> None:
    """Append to the file that a variable names; away from GitHub there is none."""
    if path := os.environ.get(place):
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    sys.exit(main())
