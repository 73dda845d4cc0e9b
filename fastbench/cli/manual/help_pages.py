"""The pages of help of the commands that load a server: the first, and the one with every flag.

The other commands have argparse's (`command_parser`). No line is wider than 80 columns.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace

from fastbench.cli.args import compare_args, find_args, flag_table
from fastbench.cli.args.flag_table import Flags
from fastbench.cli.manual import (
    experiment_entries,
    first_pages,
    flag_entries,
    run_entries,
    url_entries,
)
from fastbench.cli.manual.flag_entries import Entry, Sections

COLUMNS = 80
TEXT_AT = 26  # where what a flag does begins
EXITS = {
    "": "0 ok, 1 wrong flag or file, 95 failed or not valid (with --strict), 96 regression, "
    "99 threshold failed, 105 interrupted, 120 worker lost, 121 output not written, 122 nothing "
    "succeeded. Without --strict or a threshold, a run with errors exits 0.",
    "run": "0 ok, 1 wrong flag or file, 95 run failed or not valid (with --strict), 96 "
    "regression, 99 threshold failed, 104 wrong Options of the script, 105 interrupted, 107 "
    "script exception (at load, in setup or teardown, with --fail-fast, or in every iteration), "
    "108 abort(), 110 exec.test.fail(), 120 worker lost, 121 output not written, 122 nothing "
    "succeeded (99 if a threshold failed as well).",
    "compare": "0 any verdict, 1 wrong flag or file, 96 regression, 104 wrong Options of the "
    "script, 105 interrupted, 107 the script does not load, 121 output not written, 122 nothing "
    "succeeded.",
    "find": "0 found, 1 wrong flag or file, 95 not valid (--strict), 99 no rate meets the "
    "objective, 105 interrupted, 120 a run was lost, 121 output not written, 122 nothing "
    "succeeded.",
}
NOTES = {
    "compare": "Two saved results were not measured in alternation, so drift may explain a "
    "difference: below 10 % they are never called different.",
}


def first(command: str) -> str:
    """Return the first page of a command; "" is a run of URLs."""
    return first_pages.PAGES[command]


def every_flag(command: str) -> str:
    """Return the page with every flag of a command, in sections."""
    head = first(command).partition("\n\nExamples")[0]
    lines = [head]
    for title, found in sections(command):
        lines += ["", title, *section(found)]
    for words in (NOTES.get(command, ""), f"Exit codes: {EXITS[command]}"):
        lines += ["", *textwrap.wrap(words, COLUMNS, break_on_hyphens=False)] if words else []
    lines += ["", "Secrets are masked in everything that is printed and written."]
    return "\n".join(lines)


def section(found: Iterable[Entry]) -> list[str]:
    """Return the lines of entries: flags at the left, what they do at the right."""
    lines: list[str] = []
    for entry in found:
        head = f"  {entry.head}"
        room = COLUMNS - TEXT_AT
        text = textwrap.wrap(entry.text, room, break_long_words=False, break_on_hyphens=False)
        if len(head) + 2 <= TEXT_AT:
            head, text = f"{head:<{TEXT_AT}}{text[0]}", text[1:]
        heads = textwrap.wrap(head, COLUMNS, subsequent_indent="    ", break_on_hyphens=False)
        lines += heads if len(head) > COLUMNS else [head]
        lines += [" " * TEXT_AT + line for line in text]
    return lines


def sections(command: str) -> Iterator[tuple[str, list[Entry]]]:
    """Give the sections of a command that have entries, each flag once."""
    told: set[str] = set()
    for title, table, names in _tables(command):
        found = []
        for entry in flag_entries.entries(table, names):
            flags = tuple(flag for flag in entry.flags if flag not in told)
            told.update(flags)
            found += [replace(entry, flags=flags)] if flags else []
        if found:
            yield title, found


def _tables(command: str) -> Iterator[tuple[str, Flags, flag_entries.Told]]:
    shown: dict[str, tuple[Flags, Sections]] = {
        "": (flag_table.URL, url_entries.URL),
        "run": (flag_table.K6, run_entries.RUN),
        "find": (find_args.FLAGS, experiment_entries.FIND),
        "compare": (compare_args.URL_FLAGS, experiment_entries.COMPARE),
    }
    table, all_of_it = shown[command]
    scripted = compare_args.SCRIPT_FLAGS if command == "compare" else None
    if scripted:  # which has its script besides that of wrk
        one = {**table.one, "script": "-s", "load_script": scripted.one["load_script"]}
        table = replace(table, one=one)
    for title, names in all_of_it.items():
        yield title, table, names
    if scripted:
        others = {name: told for each in run_entries.RUN.values() for name, told in each.items()}
        yield "With --script FILE, in the place of the load and the request", scripted, others
