"""Commands of the documentation, made short: the same flags, with less time in their values.

As a program, `python doc_commands.py WORDS` becomes `fastbench` with shortened words: where a page
has more than plain words in a line, a shell runs it and finds this as `fastbench`.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence

from fastbench.cli.args import compare_args, find_args, script_args, url_args
from fastbench.cli.commands import (
    convert,
    examples,
    history,
    machines,
    merge,
    new,
    report,
    suite,
)

__all__ = ["lines", "plain", "read", "shortened", "slow", "total_s", "without_time_scale"]

RUN_S = 0.15
WARM_UP_S = 0.1
VISIT_S = 0.3
COMPARE_S = 1.2
MOST_REQUESTS = 5_000
SUITE_SCALE = 0.01
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
TOTAL = re.compile(r"^total: (\S+),", re.MULTILINE)
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
COUNTS = {"k": 1_000, "m": 1_000_000, "": 1}
COMMANDS = {
    *("run", "compare", "find", "suite", "report", "merge", "history", "new", "examples"),
    *("doctor", "machines", "serve", "convert", "help", "completion"),
}
READ_BY: dict[str, Callable[[Sequence[str]], object]] = {
    "": url_args.parse,
    "run": script_args.parse,
    "compare": compare_args.parse,
    "find": find_args.parse,
}
PARSERS = {
    **{"suite": suite, "report": report, "merge": merge, "history": history, "new": new},
    **{"examples": examples, "machines": machines, "convert": convert},
}
SPECIAL = re.compile(r"[|&;<>$`*?~()!]|\{[^}]*,")
# `fastbench run` takes `-s 30s:10` as a stage, `fastbench` takes `-s FILE.lua` as a script.
ENDLESS = ("--help", "-h", "--version", "-V", "--debug", "--dry-run", "--list")


def lines(text: str) -> list[str]:
    """Return the commands of a block of shell: one a line, and a backslash continues it."""
    joined = text.replace("\\\n", " ")
    return [line for line in map(str.strip, joined.splitlines()) if line and line[0] != "#"]


def plain(line: str) -> list[str] | None:
    """Return the words of a line; None if it takes a shell to read it."""
    bare = re.sub(r"'[^']*'", "''", line).partition(" #")[0]
    return None if SPECIAL.search(bare) else shlex.split(line, comments=True)


def shortened(words: Sequence[str], total_s: Callable[[], float] | None = None) -> list[str]:
    """Return words of `fastbench` that say the same and take less time.

    `total_s` says how long the script of a `run` would take, where no flag does.
    """
    if not words or any(word in ENDLESS for word in words):
        return list(words)
    command = words[0] if words[0] in COMMANDS else ""
    given = list(words[1:] if command else words)
    if command == "run" and total_s is not None:
        given = without_time_scale(given)
    limits = _limits(command)
    if limits is None:
        return list(words)
    seen: set[str] = set()
    made = _with_limits(given, limits, seen)
    before = [command] if command else []
    return [*before, *_added(command, seen, total_s), *made]


def read(words: Sequence[str]) -> None:
    """Read words as the command does, and do nothing; raises UsageError and SystemExit."""
    command = words[0] if words[0] in COMMANDS else ""
    if command in READ_BY:
        READ_BY[command](words[1:] if command else words)
    elif command in PARSERS:
        PARSERS[command].parser().parse_args(words[1:])


def slow(words: Sequence[str]) -> bool:
    """Tell whether a command takes long even so: one that starts others again and again.

    Beside other tests it is only read.
    """
    again = {"--restarts", "--run-base", "--visits", "--on"}
    return bool(again & set(words)) or {"compare", "--script"} <= set(words)


def _limits(command: str) -> dict[str, Callable[[str], str]] | None:
    """Give what shortens the value of each flag; None for a command that takes no time."""
    run = at_most(RUN_S)
    if command in ("", "run"):
        stages = {"--stages": shorter_stages, "--stage": shorter_stages}
        if command == "run":
            stages["-s"] = shorter_stages
        warm = {"-W": at_most(WARM_UP_S), "--warmup": at_most(WARM_UP_S), "--ramp": at_most(0.1)}
        if command == "":
            warm |= {"-n": fewer, "--requests": fewer}
        return {"-d": run, "-z": run, "--duration": run, "--time-scale": str, **stages, **warm}
    warm = {"-W": at_most(WARM_UP_S), "--warmup": at_most(WARM_UP_S)}
    visit = at_most(VISIT_S)
    if command == "compare":
        whole = at_most(COMPARE_S)
        return {"--time": whole, "--visit": visit, "-d": visit, "--visits": str, **warm}
    if command == "find":
        return {"-d": visit, "--duration": visit, **warm}
    return {"--time-scale": str} if command == "suite" else None


def _with_limits(
    given: Sequence[str], limits: dict[str, Callable[[str], str]], seen: set[str]
) -> list[str]:
    """Shorten the values of flags, as `-d 30s`, `-d30s` or `--duration=30s`; note which came."""
    made: list[str] = []
    rest = iter(given)
    for word in rest:
        long, equals, value = word.partition("=")
        short = word[:2]
        if word == "--visits":
            seen.add(word)
            made.append(word)
        elif word in limits:
            seen.add(word)
            made += [word, limits[word](next(rest, ""))]
        elif equals and long in limits:
            seen.add(long)
            made.append(f"{long}={limits[long](value)}")
        elif short in limits and word[:2] != "--" and word[2:3].isdigit():
            seen.add(short)
            made.append(short + limits[short](word[2:]))
        else:
            seen.add(word)
            made.append(word)
    return made


def _added(command: str, seen: set[str], total_s: Callable[[], float] | None) -> list[str]:
    """Give flags that bound what no flag bounds."""
    if command == "" and not seen & {"-d", "-z", "--duration", "--stages"}:
        return ["-d", f"{2 if seen & {'-n', '--requests'} else RUN_S}s"]
    if command == "suite":
        return [] if "--time-scale" in seen else ["--time-scale", str(SUITE_SCALE)]
    if command == "compare":
        brief = ["-W", f"{WARM_UP_S}s"] if {"--run-base", "--visits"} & seen else []
        if seen & {"--time", "--visit", "-d"}:
            return brief
        return [
            *brief,
            *(["--visit", f"{VISIT_S}s"] if "--visits" in seen else ["--time", f"{COMPARE_S}s"]),
        ]
    if command == "find":
        brief = [] if seen & {"-d", "--duration"} else ["-d", f"{VISIT_S}s"]
        return brief if seen & {"-W", "--warmup"} else [*brief, "-W", f"{WARM_UP_S}s"]
    timed = {"-d", "-z", "--duration", "-i", "--iterations", "-s", "--stage", "--time-scale"}
    if command == "run" and total_s is not None and not seen & timed:
        whole_s = total_s()
        if whole_s > RUN_S:
            return ["--time-scale", f"{2 * RUN_S / whole_s:.9f}"]
    return []


def without_time_scale(words: Sequence[str]) -> list[str]:
    """Leave out --time-scale, in whose place another one comes."""
    at = [n for n, word in enumerate(words) if word == "--time-scale"]
    return [word for n, word in enumerate(words) if n not in at and n - 1 not in at]


def at_most(limit_s: float) -> Callable[[str], str]:
    """Return what keeps a duration below a limit; a text that is none stays, for it is wrong."""

    def limited(text: str) -> str:
        parts = DURATION.findall(text)
        if "".join(number + unit for number, unit in parts) != text or not text:
            return text
        given_s = sum(float(number) * UNITS_S[unit or "s"] for number, unit in parts)
        return text if given_s <= limit_s else f"{limit_s}s"

    return limited


def shorter_stages(text: str) -> str:
    """Keep the targets of stages `T:N,T:N`; a text that is none stays."""
    made = []
    for stage in text.split(","):
        length, colon, target = stage.partition(":")
        made.append(f"{at_most(WARM_UP_S)(length)}{colon}{target}")
    return ",".join(made)


def fewer(text: str) -> str:
    """Keep a number of requests below a limit."""
    found = re.fullmatch(r"(\d+)([kKmM]?)", text)
    if found is None or int(found[1]) * COUNTS[found[2].lower()] <= MOST_REQUESTS:
        return text
    return str(MOST_REQUESTS)


def total_s(plan: str) -> float:
    """Return the length of a load in what `fastbench run --dry-run` prints; 0 where it has none."""
    found = TOTAL.search(plan)
    parts = DURATION.findall(found[1]) if found else []
    return sum(float(number) * UNITS_S[unit or "s"] for number, unit in parts)


def main(words: Sequence[str]) -> None:
    """Become `fastbench` with words that take less time."""
    command = [sys.executable, "-m", "fastbench"]

    def asked_s() -> float:
        plan = [*command, "run", "--dry-run", *without_time_scale(words[1:])]
        return total_s(subprocess.run(plan, capture_output=True, text=True).stdout)

    os.execv(sys.executable, [*command, *shortened(words, asked_s)])


if __name__ == "__main__":
    main(sys.argv[1:])
