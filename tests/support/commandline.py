"""Type a command line as people do, and hold every document to the schema."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

import fork_server
import jsonschema
from running import Run, balance, fastbench

__all__ = ["Shown", "at_once", "begin", "invoke", "measured", "table_at_once", "valid"]

SCHEMA = Path(__file__).parents[2] / "fastbench/results/result.schema.json"
LIMIT_S = 60
AT_ONCE = 4  # half of a short run is waiting, so more than there are cores
K = TypeVar("K")
T = TypeVar("T")
Shown = subprocess.CompletedProcess[str]


def invoke(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    stdout: int | IO[bytes] = subprocess.PIPE,
    cwd: Path | None = None,
    limits: Callable[[], None] | None = None,
) -> Shown:
    """Run `fastbench ARGUMENTS` and nothing else.

    `env` is added to the environment, `limits` runs in the child before it. Whatever the
    arguments: there is no traceback.
    """
    plain = limits is None and stdout == subprocess.PIPE
    if plain and fork_server.serves(arguments, env):
        where = None if cwd is None else str(cwd)
        done = fork_server.run(*arguments, stdin=stdin, cwd=where, env=env, limit_s=LIMIT_S)
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return done
    done = subprocess.run(
        [sys.executable, "-m", "fastbench", *arguments],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",
        env={**os.environ, **(env or {})},
        cwd=cwd,
        preexec_fn=limits,
        timeout=LIMIT_S,
    )
    assert "Traceback" not in done.stderr + (done.stdout or ""), done.stderr
    return done


def begin(
    *arguments: str, cwd: Path | None = None, session: bool = False
) -> subprocess.Popen[str] | fork_server.Forked:
    """Start `fastbench ARGUMENTS` with nothing to read, and its streams as pipes."""
    if fork_server.serves(arguments):
        return fork_server.Forked(
            *arguments, cwd=None if cwd is None else str(cwd), session=session
        )
    return subprocess.Popen(
        [sys.executable, "-m", "fastbench", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        start_new_session=session,
    )


def at_once(acts: Iterable[Callable[[], T]]) -> list[T]:
    """Do independent things side by side; their results, in order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda act: act(), acts))


def table_at_once(acts: Mapping[K, Callable[[], T]]) -> dict[K, T]:
    """Do what every row of a table asks for, before its tests look at one row each."""
    return dict(zip(acts, at_once(acts.values()), strict=True))


def measured(*arguments: str) -> Run:
    """Run `fastbench --json FILE ARGUMENTS`; the document holds to the schema and adds up."""
    run = fastbench(*arguments)
    if run.document:
        valid(run.document)
    return run


def valid(document: dict[str, Any] | str) -> dict[str, Any]:
    """Return the document, given as JSON or read already, if it is what the schema describes."""
    read: dict[str, Any] = json.loads(document) if isinstance(document, str) else document
    validator().validate(read)
    balance(read)
    return read


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)
