"""The flags of `fastbench find`: those of a plain run, without the rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

from fastbench.cli.args import flag_reader, flag_table, flag_values, url_args, varied_args
from fastbench.cli.args.flag_grammar import Grammar
from fastbench.cli.output import destinations
from fastbench.cli.output.settings import Output
from fastbench.experiments.find import objective
from fastbench.experiments.find.search import Range
from fastbench.experiments.find.search_loop import SearchRequest
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import workload
from fastbench.plan.plan import Plan

FIRST = "100"
PRECISION = 0.02
VISIT, WARMUP = "5s", "1s"
CONNECTIONS = "100"  # enough that a rate does not wait for one while answers are within 100 ms
MIN_REQUESTS = 10  # in one run: below that there is no rate to speak of

_NOT_HERE = {
    "rate": "the search varies the rate; set its range with --from and --to",
    "shape": "each rate is constant for -d; set the range with --from and --to",
    **dict.fromkeys(
        ("burst", "burst_delay", "burst_rate"),
        "a rate in bursts is no rate that a server carries; load it with fastbench --burst N/T URL",
    ),
    "stages": "each rate is constant for -d; set the range with --from and --to",
    "ramp": "each rate is constant for -d; set the range with --from and --to",
    "on_overload": "requests always wait for a connection; their response time includes the wait",
    "requests": "set the measured time per rate with -d",
    "thresholds": "set the objective with --slo",
    "csv": "--json has all steps",
    "hdr": "--json has all steps",
    "md": "--json has all steps",
    "template": "it shows one run; fastbench report RUN.json --template plan --search FIND.json",
    "junit": "--json has all steps",
    "outs": "--json has all steps",
    "history": "it stores single runs; --json has all steps",
    "name": "it names a run for --history, which stores single runs; leave it out",
    "latency": "--json has all steps",
    "dashboard": "it shows one run, but a search has many",
    "debug": "to see the requests, use `fastbench --debug URL`",
    "baseline": "a baseline is one run; to compare servers use `fastbench compare`",
    "save_baseline": "a baseline is one run; save the search with --json FILE",
    "fail_on_regression": "it needs a single run; read `rate` in the --json file",
    "wait_for": "the server must already run; start it first",
    "webhook": "it reports one run; use the exit code",
}
FLAGS = flag_table.URL.of_command(
    "find",
    one={
        "first": "--from",
        "most": "--to",
        "precision": "--precision",
        "max_time": "--max-time",
    },
    many={"slo": "--slo"},
    refused={name: f"{{}} is not for `fastbench find`: {why}" for name, why in _NOT_HERE.items()},
)


@dataclass(frozen=True, slots=True)
class Command:
    """Hold a search. `plan` is one of its runs but for the rate; `notices` are for people."""

    plan: Plan
    request: SearchRequest
    output: Output
    config: dict[str, object]
    notices: tuple[str, ...]


def parse(argv: Sequence[str]) -> Command | flag_reader.Page:
    """Parse the words after `find`, or name the page they ask for; raises UsageError."""
    line = flag_reader.read(argv, FLAGS)
    flags, notices = line.flags, line.notices
    if line.page:
        return line.page
    _refuse(flags)
    reads = destinations.read(flags)
    destinations.one_stdin(reads)
    objectives = objective.read(flags.slo)
    flags.rate = FIRST  # so that it is a plan; each run has its own
    flags.durations = flags.durations or [VISIT]
    flags.warmup = WARMUP if flags.warmup is None else flags.warmup
    flags.connections = CONNECTIONS if flags.connections is None else flags.connections
    varied_args.of_several_runs(flags, "a search")
    run = url_args.command(("find", *argv), flags, line.words, notices)
    destinations.check(destinations.written(run.output), reads)
    visit_s = run.plan.load.duration_s or 0.0
    where = _range(flags, visit_s)
    max_time_s = flag_values.duration_s("--max-time", flags.max_time) or math.inf
    request = SearchRequest(
        objectives,
        where,
        visit_s,
        run.plan.load.warmup_s,
        max_time_s,
        stop_when_lost=run.output.on is not None and run.output.on.stop_when_lost,
    )
    if max_time_s < visit_s + request.warmup_s:
        raise UsageError("--max-time is shorter than one run (-W plus -d); give a longer time.")
    config = {name: value for name, value in run.plan.config.items() if name not in _NOT_HERE}
    config |= {
        "slo": [each.text for each in objectives],
        "from": where.first,
        "to": where.most,
        "max_time_s": max_time_s if math.isfinite(max_time_s) else None,
    }
    return Command(run.plan, request, run.output, config, tuple(notices))


def _refuse(flags: SimpleNamespace) -> None:
    if flags.format not in (None, "text", "json"):
        raise UsageError(f"--format {flags.format} is for a single run; use text or json.")


def _range(flags: SimpleNamespace, visit_s: float) -> Range:
    first = _rate("--from", flags.first, FIRST)
    most = _rate("--to", flags.most, f"{workload.MAX_RATE:.0f}")
    if flags.first is None:
        first = min(first, most)
    precision = flag_values.share("--precision", flags.precision) or PRECISION
    return Range(first, min(first, MIN_REQUESTS / visit_s), most, precision)


def _rate(flag: str, given: str | None, default: str) -> float:
    rate = flag_values.rate(flag, given or default) or 0.0
    if not 0 < rate <= workload.MAX_RATE:
        raise UsageError(f"{flag} must be above 0 and at most {workload.MAX_RATE:,.0f} per second.")
    return rate


def grammar_of(_command: str, _words: Sequence[str]) -> Grammar:
    """Return how these words are cut."""
    return FLAGS.grammar()
