"""Run the code blocks of one page of documentation, in order, in a folder of their own.

Addresses at localhost become that of the server given. What a page serves itself, with
`fastbench serve …`, gets a free port and ends with the page.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import doc_commands
import yaml
from commandline import invoke
from doc_blocks import Block
from embedded import serving
from running import SLOW

from fastbench.foundation.exit_codes import NOT_VALID, REGRESSION, THRESHOLDS
from fastbench.foundation.usage_error import UsageError

__all__ = ["PageError", "PageRun"]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOCAL = re.compile(r"(?<![\w.-])(?:localhost|127\.0\.0\.1):\d+")
LIMIT_S = 60.0
FILE = re.compile(r"[\w-]+\.(json|html|md|csv|xml)")
SCRIPT = re.compile(r"[\w/.-]+\.(py|js|ts|yml)")
TRIES = 3
# A shared machine looks away at times: what is held to a time, or to a rate, is tried again.
TIMED = {NOT_VALID, REGRESSION, THRESHOLDS}
SHOWN = {"text", "http", "html"}  # what programs print; not run
WRITTEN = {"python", "js", "ts", "lua", "toml", "yaml", "json", "csv"}


class PageError(AssertionError):
    """A block of a page does not do what the page says."""


@dataclass
class PageRun:
    """The blocks of one page; `address` is that of the server which all of them load."""

    folder: Path
    address: str
    env: dict[str, str] = field(default_factory=dict)
    commands: int = 0
    _done: set[str] = field(default_factory=set)  # commands of fastbench
    _totals: dict[tuple[str, ...], float] = field(default_factory=dict)
    _later: set[str] = field(default_factory=set)  # files of commands that were only read
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> PageRun:
        shim = self.folder / ".bin" / "fastbench"
        shim.parent.mkdir()
        shim.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {HERE / "doc_commands.py"} "$@"\n'
        )
        shim.chmod(0o755)
        # Files of the user's own, such as caches, are of the page as well.
        self.env = {
            "HOME": str(self.folder),
            "PATH": f"{shim.parent}:{os.environ['PATH']}",
            "COLUMNS": "100",
            "BASE_URL": f"http://{self.address}",  # of scripts that `fastbench new` writes
        }
        return self

    def __exit__(self, *ends: object) -> None:
        self._open.close()

    def run(self, block: Block) -> None:
        """Run a block; raises PageError."""
        text = LOCAL.sub(self.address, block.text)
        shown = block.language in SHOWN and not block.file
        if shown or block.language.startswith("{"):
            return  # output, or a directive of Sphinx
        if block.language == "copy":
            source, name = text.split()
            shutil.copy(ROOT / source, self.folder / name)
            return
        if block.language not in {"sh", *SHOWN, *WRITTEN}:
            hint = "indented" if not block.language else f"of {block.language!r}"
            raise PageError(
                f"{block.place}: a block is {hint}; write it between ``` and ```, with one of "
                f"the languages sh, {', '.join(sorted(WRITTEN | SHOWN))}"
            )
        if block.not_run:
            self._read(block)
            return
        if block.file:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif block.language == "sh":
            self._shell(block, text)
        elif block.language == "python":
            self._script(block, as_script(text), "py")
        elif block.language in ("js", "ts"):
            self._script(block, text, block.language)
        else:
            read_as(block, text)

    def _shell(self, block: Block, text: str) -> None:
        commands = doc_commands.lines(text)
        if not commands:
            raise PageError(f"{block.place}: a block of sh without a command")
        for at, line in enumerate(commands):
            code = block.code if at == len(commands) - 1 else 0
            self._command(block, line, code)

    def _read(self, block: Block) -> None:
        """Read the commands of a block that is not run: their flags are there."""
        for line in doc_commands.lines(block.text) if block.language == "sh" else ():
            words = doc_commands.plain(line) or [""]
            try:
                if words[0] == "fastbench":
                    doc_commands.read(words[1:])
            except (UsageError, SystemExit) as error:
                if "no such file" in str(error):  # whoever runs it has one
                    continue
                raise PageError(f"{block.place}: `{line}`: {error}") from None

    def _script(self, block: Block, text: str, ending: str) -> None:
        path = self.folder / f"block_{block.line}.{ending}"
        path.write_text(text)
        server = f"--base-url http://{self.address}"
        saved = path.with_suffix(".json")
        flags = f"-u 1 -i 1 {server} --json {saved.name}"
        self._command(block, f"fastbench run {flags} {path.name}", block.code)
        if not block.code:
            bad = failures(json.loads(saved.read_text()))
            if bad:
                raise PageError(f"{block.place}: the block ran, but failed: {', '.join(bad)}")

    def _command(self, block: Block, line: str, code: int) -> None:
        self.commands += 1
        words = doc_commands.plain(line)
        if words is not None and self._kept(words):
            return
        if words is not None and self._is_for_later(words):
            doc_commands.read(words[1:])
            self._later |= {word for word in words if FILE.fullmatch(word)}
            return
        if line.startswith("fastbench serve"):
            flags = doc_commands.plain(line.removesuffix("&")) or []
            self._serve([word for word in flags[2:] if not word.isdigit() and word != "--port"])
            return
        allowed = {code}
        if "--fail-on-regression" in line or "[baseline]" in line:
            allowed |= {REGRESSION, THRESHOLDS}  # a run of a moment cannot tell
        done = self._tried(line, words)
        for _ in range(TRIES - 1):
            if done.returncode in allowed or done.returncode not in TIMED:
                break
            done = self._tried(line, words)
        if done.returncode not in allowed:
            said = textwrap.indent((done.stdout[-1500:] + done.stderr[-1500:]).strip(), "    ")
            raise PageError(
                f"{block.place}: `{line}` ended with exit code {done.returncode}, "
                f"not {code}:\n{said}"
            )

    def _kept(self, words: Sequence[str]) -> bool:
        """Keep what `export NAME=VALUE` sets; tells whether it was that."""
        if words[:1] != ["export"]:
            return False
        self.env |= dict(word.partition("=")[::2] for word in words[1:])
        return True

    def _is_for_later(self, words: Sequence[str]) -> bool:
        """Tell whether only `make slow` runs it, or what writes the files that it reads."""
        if SLOW:
            return False
        command = words[1] if len(words) > 1 else ""
        # Of what takes seconds even so, one for each page.
        again = command in ("compare", "find") and command in self._done
        self._done.add(command)
        return again or doc_commands.slow(words) or bool(self._later & set(words))

    def _serve(self, flags: Sequence[str]) -> None:
        free = [] if "--uds" in flags else ["--port", "0"]
        here = [str(self.folder / word) if word.endswith(".sock") else word for word in flags]
        self._open.enter_context(serving(*free, *here))

    def _tried(self, line: str, words: Sequence[str] | None) -> CompletedProcess[str]:
        if words is not None and words[0] == "fastbench":
            short = doc_commands.shortened(words[1:], self._total_s(words))
            if not SLOW and words[1:2] == ["suite"] and self._is_together(words):
                short.insert(1, "--dry-run")
            return invoke(*short, env=self.env, cwd=self.folder)
        if words is not None and words[0] == "cd":
            raise PageError(f"`{line}`: blocks stay in the folder of their page")
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env={**os.environ, **self.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )

    def _is_together(self, words: Sequence[str]) -> bool:
        """Tell whether a suite has runs at the same time, which short ones miss by chance."""
        files = [self.folder / word for word in words if word.endswith(".toml")]
        return any("[[together]]" in each.read_text() for each in files if each.exists())

    def _total_s(self, words: Sequence[str]) -> Callable[[], float]:
        """Return what asks a script for the length of its load."""

        names = [self.folder / word for word in words if SCRIPT.fullmatch(word)]
        key = tuple(f"{each} {each.stat().st_mtime_ns}" for each in names if each.exists())

        def asked() -> float:
            if key not in self._totals:
                self._totals[key] = self._planned_s(words)
            return self._totals[key]

        return asked

    def _planned_s(self, words: Sequence[str]) -> float:
        given = doc_commands.without_time_scale(words[2:])
        plan = invoke("run", "--dry-run", *given, env=self.env, cwd=self.folder)
        return doc_commands.total_s(plan.stdout)


def as_script(text: str) -> str:
    """Return a block of Python as a script: where it has no scenario, it is the body of one.

    Declarations (imports, functions, metrics, options) stay outside of it.
    """
    if "@scenario" in text:
        return text
    outside, inside = _split(ast.parse(text))  # `await` outside of a function is no error here
    before = "\n".join(outside)
    body = textwrap.indent("\n".join(inside) or "pass", "    ")
    start = "from fastbench import scenario as scenario_\n"
    head = "@scenario_\nasync def block(vu):\n"
    return f"{start}{before}\n\n{head}{body}\n"


def failures(document: Mapping[str, Any]) -> list[str]:
    """Name the checks, requests and operations of a run that failed."""
    failed = [each["name"] for each in document["checks"] if each["fails"]]
    return failed + [each["name"] for each in document["requests"] if each["failed"]]


DEFINED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
DECLARED = {
    *("Options", "Counter", "Gauge", "Rate", "Trend", "data", "env", "goal", "derived"),
    *("sql.open", "redis.open", "rq.queue"),
}


def _split(tree: ast.Module) -> tuple[list[str], list[str]]:
    """Divide statements: declarations, and what an iteration does."""
    outside: list[str] = []
    inside: list[str] = []
    for each in tree.body:
        value = getattr(each, "value", None)
        called = ast.unparse(value.func) if isinstance(value, ast.Call) else ""
        declares = isinstance(each, DEFINED) or called in DECLARED
        (outside if declares else inside).append(ast.unparse(each))
    return outside, inside


def read_as(block: Block, text: str) -> None:
    """Read a block that is data without a name; raises PageError if it is none."""
    try:
        if block.language == "toml":
            tomllib.loads(text)
        elif block.language == "yaml":
            list(yaml.safe_load_all(text))
        elif block.language == "json":
            json.loads(text)
    except (ValueError, yaml.YAMLError) as error:
        raise PageError(f"{block.place}: this is no {block.language}: {error}") from None
