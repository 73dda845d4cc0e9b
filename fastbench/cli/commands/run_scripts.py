"""`fastbench run A.py B.py`: several scripts at the same time, each with its own result.

Each is a run of its own in processes of its own; all begin at one start line, behind their setups.
Flags apply to every script. What a file is asked for holds the common result, and `FILE.NAME.json`
beside it that of each script.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import IO, TextIO

from fastbench.cli.args import corrections, flag_grammar, script_args, url_args
from fastbench.cli.commands import merge, recorded
from fastbench.cli.output import delivery, destinations, formats
from fastbench.cli.output.settings import Record
from fastbench.cli.output.together_view import TogetherView
from fastbench.experiments.suite import suite_process
from fastbench.experiments.suite.together import NamedLines
from fastbench.experiments.trials.interrupts import Interrupts
from fastbench.foundation import exit_codes, redact, signals
from fastbench.foundation.usage_error import UsageError
from fastbench.machine.limits import usable_cores
from fastbench.script.load import loader

FORMS = ("json", *formats.FILES)
_REFUSED = {  # what one script has, and several do not
    "--save-baseline": "a baseline is of one run",
    "--baseline": "a baseline is of one run",
    "--fail-on-regression": "a baseline is of one run",
    "--template": "a template is filled with one run",
    "--on": "each of them would need all machines; give each a line and a cluster of its own",
    "--on-lost": "--on is for one script",
    "--send": "--on is for one script",
    "--dashboard": "a live page shows one run",
    "-o": "use one script, for a file or a database would get both",
    "--out": "use one script, for a file or a database would get both",
}
_DEVICES = ("/dev/", "/proc/")
_ALONE = ("--dry-run", "--debug")


@dataclass(frozen=True, slots=True)
class _Line:
    """The line without scripts and files: what every script gets. `paths` are the common files."""

    shared: tuple[str, ...]
    paths: dict[str, str]
    quiet: bool
    plain: bool  # no colours
    as_json: bool
    progress: bool  # a live view
    record: Record | None
    alone: bool  # one after the other, for nothing is measured


def main(words: Sequence[str], run_one: Callable[[Sequence[str]], int]) -> int:
    """Run the scripts among the words; return the worst exit code. Raises UsageError.

    `run_one` runs a line with one script here, for what measures nothing.
    """
    line, scripts = _read(words)
    names = merge.names_of(scripts)
    if line.alone:
        return exit_codes.worst([run_one([*line.shared, each]) for each in scripts])
    outputs = [destinations.File(f"--{form}", path) for form, path in line.paths.items()]
    outputs += [] if line.record is None else [destinations.File("--history", line.record.path)]
    own = _own_files(line.paths, names)
    outputs += [
        destinations.File(f"--{form} of {name}", path)
        for name, paths in own.items()
        for form, path in paths.items()
    ]
    destinations.check(outputs, [destinations.File("fastbench run", each) for each in scripts])
    for script in scripts:  # what is wrong with the line is said once, before anything starts
        script_args.parse([*line.shared, script])
        loader.find(script)
    destinations.prepare(outputs)
    try:
        with tempfile.TemporaryDirectory(prefix="fastbench-") as folder:
            return _run(line, scripts, names, own, folder)
    except OSError as error:
        raise UsageError(
            f"The scripts cannot be run at once: {(error.strerror or str(error)).lower()} "
            f"({redact.printable(str(error.filename or tempfile.gettempdir()))}); "
            "set TMPDIR to a folder with room."
        ) from None


def _read(words: Sequence[str]) -> tuple[_Line, list[str]]:
    """Cut the line into scripts, files and what is for all."""
    grammar = flag_grammar.of("run", words)
    found, notices = corrections.read(grammar, words)
    shared: list[str] = []
    scripts: list[str] = []
    paths: dict[str, str] = {}
    switches: set[str] = set()
    kept: dict[str, str] = {}
    for item in flag_grammar.items(grammar, found):
        form = item.name.removeprefix("--")
        if not item.name:
            scripts.append(str(item.value))
        elif form in FORMS and not (item.before or item.after):
            paths[form] = destinations.named(item.value or "-")
        elif item.name in ("--history", "--name"):
            kept[item.name] = str(item.value)
        elif item.name == "--format":
            switches.add(f"--format {item.value}")
        else:
            if item.name in _REFUSED:
                raise UsageError(f"{item.name} is not for several scripts: {_REFUSED[item.name]}.")
            switches.add(item.name)
            shared += found[item.start : item.end]
    if "-" in scripts:
        raise UsageError("Standard input is not for several scripts; put each in a file.")
    told = [each for each in switches if each.startswith("--format ")]
    if other := set(told) - {"--format text", "--format json"}:
        raise UsageError(f"{other.pop()} shows one script; several have text and json.")
    as_json = "--format json" in told
    if list(paths.values()).count("-") + as_json > 1:
        raise UsageError("Only one form can go to standard output; name a file.")
    if not {"-t", "--threads", "--workers"} & switches:
        shared = ["-t", str(max(1, usable_cores() // len(scripts))), *shared]
    quiet = bool({"-q", "--quiet"} & switches)
    for notice in () if quiet else notices:
        delivery.tell(redact.printable(notice))
    alone = bool(set(_ALONE) & switches)
    plain = "--no-color" in switches
    progress = not quiet and "--no-progress" not in switches
    record = url_args.record(kept.get("--history"), kept.get("--name"))
    line = _Line(tuple(shared), paths, quiet, plain, as_json, progress, record, alone)
    return line, scripts


def _own_files(paths: dict[str, str], names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the files of each script: out.json of the whole is out.NAME.json of it.

    What goes to standard output or to a device is of the whole alone.
    """
    plain = [name.replace(os.sep, "-") for name in names]
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    for at, name in enumerate(names):
        called = plain[at] if plain.count(plain[at]) == 1 else f"{plain[at]} ({at + 1})"
        for form, path in paths.items():
            if path != "-" and not os.path.abspath(path).startswith(_DEVICES):
                stem, ending = os.path.splitext(path)
                found[name][form] = f"{stem}.{called}{ending}"
    return found


def _run(
    line: _Line,
    scripts: Sequence[str],
    names: Sequence[str],
    own: dict[str, dict[str, str]],
    folder: str,
) -> int:
    """Start all, wait, print each report and the common one, write the common files."""
    saved = [
        own[name].get("json") or os.path.join(folder, f"{at}.json") for at, name in enumerate(names)
    ]
    for path in saved:  # or an earlier run's would be taken for this one's
        if os.path.exists(path):
            os.unlink(path)
    if not line.quiet:
        for name, script in zip(names, scripts, strict=True):
            shown = redact.printable(shlex.join(["fastbench", "run", *redact.argv([script])]))
            delivery.tell(f"{name}: {shown}")
    view = TogetherView(names, enabled=line.progress, color=False if line.plain else None)
    with ExitStack() as stack, Interrupts() as stop:
        reports: list[IO[bytes]] = []
        processes = []
        for at, (name, script) in enumerate(zip(names, scripts, strict=True)):
            reports.append(stack.enter_context(tempfile.TemporaryFile()))
            files = {**own[name], "json": saved[at]}
            flags = [f"--{form}={path}" for form, path in files.items()]
            words = ["run", *flags, *_kept(line, scripts, at, name), *line.shared, script]
            relay = NamedLines(name, view.relay).take
            processes.append(
                suite_process.Started(words, reports[at], relay, None, view.figures(at), f" {name}")
            )
        with view:
            ended = suite_process.run_together(processes, stop, os.path.join(folder, "line"))
        came = stop.came
        problems = [] if line.quiet else _tell_reports(line, names, reports)
    codes = [each.code if each.code >= 0 else exit_codes.LOST for each in ended]
    for name, each in zip(names, ended, strict=True):
        if each.code < 0:
            delivery.tell(f"{name}: its process was ended by {signals.name_of(-each.code)}")
    there = [at for at, path in enumerate(saved) if os.path.exists(path)]
    codes.append(_common(line, [saved[at] for at in there], [names[at] for at in there]))
    codes += [exit_codes.NOT_WRITTEN] if delivery.tell_all(problems) else []
    return exit_codes.INTERRUPTED if came else exit_codes.worst(codes)


def _kept(line: _Line, scripts: Sequence[str], at: int, name: str) -> list[str]:
    """Return the flags that keep a script's run: by its own name, unless several have that."""
    if line.record is None:
        return []
    stems = [os.path.basename(each) for each in scripts]
    called = [] if stems.count(stems[at]) == 1 else [f"--name={name}"]
    if line.record.name is not None:
        called = [f"--name={line.record.name}: {name}"]
    return [f"--history={line.record.path}", *called]


def _common(line: _Line, saved: list[str], names: list[str]) -> int:
    """Print and write the common result; return the exit code of that."""
    try:
        whole = merge.of_files(saved, names)
    except UsageError as error:
        said = str(error).removeprefix("merge: ").rstrip(".")
        said = said if len(saved) > 1 else "fewer than two scripts left a result"
        delivery.tell(f"there is no common report: {redact.printable(said)}.")
        return exit_codes.NOT_WRITTEN if line.paths or line.as_json else exit_codes.PASSED
    problems = merge.write(whole, line.paths)
    if line.as_json:
        problems += merge.write(whole, {"json": "-"})
    kept = None if line.record is None else recorded.looked_up(whole, line.record)
    if not line.quiet:
        stream = _eyes(line)
        if stream is sys.stdout:
            text = partial(merge.as_text, whole, no_color=line.plain, kept=kept)
            problems += [delivery.to_stream(text, stream)]
        else:
            told = merge.as_text(whole, no_color=True, kept=kept)
            problems += [delivery.to_stream(lambda: told, stream)]
        apart_s = max(part.offset_s for part in whole.parts)
        delivery.tell(f"the loads began {apart_s * 1000:,.0f} ms apart")
    if kept is not None:
        problems.append(kept.keep(merge.document(whole), merge.code_of(whole)))
    return exit_codes.NOT_WRITTEN if delivery.tell_all(problems) else exit_codes.PASSED


def _eyes(line: _Line) -> TextIO:
    return sys.stderr if line.as_json or "-" in line.paths.values() else sys.stdout


def _tell_reports(line: _Line, names: Sequence[str], reports: Sequence[IO[bytes]]) -> list[str]:
    """Print the report of each script below its name; return what was not written."""
    problems = []
    for name, report in zip(names, reports, strict=True):
        report.seek(0)
        text = report.read()
        if text:
            whole = f"== {name} ==\n\n".encode() + text + b"\n"
            problems.append(delivery.to_stream(partial(bytes, whole), _eyes(line)))
    return problems
