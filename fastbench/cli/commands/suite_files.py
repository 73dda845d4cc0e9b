"""The files of a suite: its own, those of its runs, and what each of them reads; its machines.

A history and a baseline may be written by several runs: that is what they are for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from types import SimpleNamespace

from fastbench.cli.args import compare_args, flag_reader, flag_table, url_args
from fastbench.cli.output import delivery, destinations
from fastbench.cli.output.destinations import File
from fastbench.cluster import cluster_address
from fastbench.experiments.suite.suite_file import Entry, Suite
from fastbench.foundation.usage_error import UsageError
from fastbench.results.result import Result

WHOLE = ("summary.json", "junit.xml", "summary.md", "index.html")  # of the suite itself
_SHARED = ("--history", "--save-baseline")


def read(entry: Entry) -> tuple[SimpleNamespace, list[str], list[str]]:
    """Return the flags of a run, what it loads, and its words as they may be shown."""
    from fastbench.foundation import redact

    if entry.kind == "script":
        line = flag_reader.read(entry.words[1:], flag_table.of_script(entry.words[1:]))
        return line.flags, line.words, ["run", *line.shown()]
    if entry.kind == "url":
        line = flag_reader.read(entry.words, flag_table.URL)
    else:
        line = compare_args.read(entry.words[1:])
    return line.flags, line.words, redact.argv(entry.words)


def check(suite: Suite, file: str, endings: Mapping[str, str]) -> None:
    """Refuse files that two runs write, or that would overwrite what the suite reads.

    We are in the suite's folder; `file` is its own absolute path. Raises UsageError.
    """
    reads = [File("fastbench suite", file)]
    results = [File("the suite", os.path.join(suite.out, name)) for name in WHOLE]
    own = []
    stems = {e.group_stem: e.group for e in suite.entries if e.group}
    for stem, group in stems.items():
        paths = (os.path.join(suite.out, stem + ending) for ending in endings.values())
        results += [File(group, path) for path in paths]
    for entry in suite.entries:
        for ending in endings.values():
            path = os.path.join(suite.out, entry.stem + ending)
            results.append(File(f"{entry.name}", path))
        own += [each for each in _written(entry) if not each.flag.endswith(_SHARED)]
        reads += _read(entry)
    destinations.check([*results, *own], reads)


def machines(suite: Suite) -> dict[str, str]:
    """Return the addresses of the clusters of its runs, by their names.

    Raises UsageError for what is no address, and for runs at the same time on the same machines.
    """
    found = {}
    taken: dict[tuple[str, object], str] = {}  # group and cluster: who has it
    for entry in suite.entries:
        typed, _, _ = read(entry)
        if not (address := getattr(typed, "on", None)):
            continue
        try:
            target = cluster_address.read(address)
        except UsageError as error:
            raise UsageError(f"{entry.place}: {error}") from None
        found[entry.name] = address
        other = taken.setdefault((entry.group, target), entry.name) if entry.group else entry.name
        if other != entry.name:
            raise UsageError(
                f"`{other}` and `{entry.name}` run at the same time, and a machine carries one run "
                'at a time: give one of them on = "" to stay on this machine, or another cluster.'
            )
    return found


def prepare(suite: Suite) -> None:
    """Make the folders of what its runs write; raises UsageError."""
    destinations.prepare(each for entry in suite.entries for each in _written(entry))


def write_common(result: Result, paths: Mapping[str, str]) -> str:
    """Write the files of runs at the same time; return what went wrong, "" if nothing."""
    from fastbench.cli.commands import merge

    forms = {form: path for form, path in paths.items() if form != "text"}
    problems = [*merge.write(result, forms)]
    text = merge.as_text(result, no_color=True)
    problems.append(delivery.to_path(paths["text"], lambda: text))
    return " ".join(each for each in problems if each)


def _written(entry: Entry) -> Iterator[File]:
    typed, _, _ = read(entry)
    typed.baseline = typed.fail_on_regression = None  # which an earlier run may be about to save
    for each in destinations.written(url_args.output(typed)):
        yield File(f"{entry.name}: {each.flag}", each.path)


def _read(entry: Entry) -> Iterator[File]:
    typed, given, _ = read(entry)
    scripts = given if entry.kind == "script" else [getattr(typed, "load_script", None) or ""]
    for each in destinations.read(typed, *(File("its script", path) for path in scripts)):
        yield File(f"{entry.name}: {each.flag}", each.path)
