"""`fastbench suite`: runs of one TOML file in order, from words to one table and one exit code.

1. Everything is checked before the first run begins: the file, and the flags of every entry.
2. The exit code is that of the worst run, in the order of `exit_codes`: what did not come to
   its end first, then what did not begin, what has nothing to show, what does not hold its limits,
   and last what could not be written. A signal makes it 105 whatever came before.
3. Whatever happens after the first run has begun, the index is written.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

from fastbench.cli.args import compare_args, flag_values, script_args, url_args
from fastbench.cli.args.command_parser import Parser
from fastbench.cli.commands import suite_files
from fastbench.cli.help import pager
from fastbench.cli.output import delivery
from fastbench.cli.output.lines import progress_lines
from fastbench.cluster import cluster_address
from fastbench.experiments.suite import suite_file
from fastbench.experiments.suite.suite_file import Entry, Overrides, Suite
from fastbench.foundation import exit_codes, redact, signals
from fastbench.foundation.nearest import nearest
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls
from fastbench.plan.network import readiness

if TYPE_CHECKING:
    from fastbench.experiments.suite.suite_results import SuiteResult
    from fastbench.experiments.suite.suite_runner import SuiteObserver

# The flags of a run that the suite gives itself, or that make it another thing than a run.
_OURS = (
    *("json", "html", "md", "junit", "format", "webhook"),
    *("debug", "dry_run", "help", "version"),
)
_FORMS = {  # what each kind of run can write
    "url": ("html", "json", "md", "junit"),
    "script": ("html", "json", "md", "junit"),
    "compare": ("html", "json", "md"),
}
_DESCRIPTION = """\
Run the runs that a TOML file lists, one after the other, each in its own process. Write the files
of every run, one index page and one summary table."""
_MORE = """\
The file
  It has a [suite] table (name, out, wait_for, pause, stop_on_failure, base_url,
  env, tags, thresholds, on, args) and one [[run]] table per run. A run has a
  name, one of url (or urls_from_file), script or compare, and settings with the
  names of the flags:

  url       duration connections requests rate warmup shape wait_for thresholds,
            and the request: http ("1.1" or "2") streams method headers body
            body_file data form content_type accept host user_agent auth bearer
            timeout expect_status expect_body
  script    vus duration iterations scenario scale time_scale shape base_url env
            tags wait_for thresholds, and headers accept host user_agent auth
            bearer timeout expect_status
  compare   duration (of a trial) connections rate warmup pairs, and the request
            as for url
  on        for url and script, and in [suite] for all of these: the Dask
            cluster whose machines carry the run, as of --on; on = "" keeps a
            run on this machine

  Write every other flag in args, as on a command line:
  args = ["--no-keepalive", "-t", "2"]. examples/suite.toml is an example.

  A [[together]] table has a name and two or more [[together.run]] tables with
  url or script: they run at the same time, after every [[run]]. Each has its
  files and its row, and so has their common result, under the name of the
  group. --only takes the name of a group, too.

Exit codes
  The exit code is that of the worst run, in this order: 105 interrupted, 120
  worker lost, 108 aborted, 107 script failed, 104 wrong Options of a script, 1
  wrong flag or file, 122 nothing succeeded, 110 marked as failed, 99 threshold
  failed, 96 regression, 95 failed without a threshold or not valid, 121 output
  not written; 0 if all passed."""


def parser() -> Parser:
    """Return the parser of the words."""
    made = Parser("suite", description=_DESCRIPTION, more=_MORE)
    add = made.add_argument
    add("file", metavar="FILE.toml", help="the list of runs; its paths are relative to the file")
    add("-o", "--out", metavar="FOLDER", help="where to write the results (FILE-results)")
    add("--only", metavar="NAME", action="append", help="run only this one; may be repeated")
    add("--wait-for", metavar="[URL,]30s", help="first wait until a server responds")
    add("--base-url", metavar="URL", help="prefix of URLs without a host, and for scripts")
    add("-e", "--env", metavar="NAME=VALUE", action="append", default=[], help="for every script")
    add("--scale", metavar="F", help="multiply users, rates and connections: 0.1, 2, 50%%")
    add("--time-scale", metavar="F", help="multiply durations")
    on = "run all but comparisons on a Dask cluster (docs/guides/scale.md)"
    add("--on", metavar="ADDRESS", help=on)
    add("--webhook", metavar="URL", help="notify on failure: POST a Slack message and the outcomes")
    add("--list", action="store_true", help="list the runs and their command lines, then exit")
    add("--dry-run", action="store_true", help="check every run, send no load")
    add("--quiet", action="store_true", help="no table, no progress; only errors are printed")
    add("--no-progress", action="store_true", help="no live view, no lines")
    add("--progress-every", metavar="T", help="without a terminal, a line every T (10s); 0: none")
    add("--no-color", action="store_true", help="no colors, as with NO_COLOR")
    return made


def main(argv: Sequence[str]) -> int:
    """Run a suite as the words after `suite` ask; raises UsageError for what is wrong in it."""
    flags = parser().parse_args(argv)
    flags.every_s = _every_s(flags)
    if flags.webhook is not None:
        from fastbench.outputs import webhook

        webhook.check(flags.webhook)
    suite = _suite(flags)
    os.chdir(suite.folder)
    if flags.list:
        return pager.write("\n".join(f"{each.name}: {each.what}" for each in suite.entries))
    if flags.dry_run:
        return _dry_run(suite)
    _make(suite.out)
    suite_files.prepare(suite)
    from fastbench.experiments.suite import suite_runner

    lines = progress_lines.begun(flags.every_s)  # while it waits for the server
    with lines, signals.held(), _clusters(suite, flags):
        result = suite_runner.carry_out(suite, _FORMS, _observer(flags))
        return _deliver(result, suite.out, flags)


def _every_s(flags: argparse.Namespace) -> float:
    """Return how often a run says how it goes, 0 never."""
    asked_s = flag_values.every_s("--progress-every", flags.progress_every)
    if flags.quiet or flags.no_progress:
        return 0.0
    return progress_lines.EVERY_S if asked_s is None else asked_s


def _clusters(suite: Suite, flags: argparse.Namespace) -> AbstractContextManager[None]:
    """Start the clusters of its runs, each once; say which runs have none."""
    if not (addresses := set(suite_files.machines(suite).values())):
        return nullcontext()
    here = [entry.name for entry in suite.entries if entry.kind == "compare"]
    if here and suite.on and not flags.quiet:
        told = ", ".join(here)
        pager.notes([f"--on is not for comparisons; on this machine alone: {told}."])
    from fastbench.cluster.links import kept_cluster

    return kept_cluster.kept(addresses)


def _suite(flags: argparse.Namespace) -> Suite:
    """Read the file, apply the command line, check every run that is to take place."""
    from fastbench.experiments.suite import run_files

    overrides = Overrides(
        base_url=flags.base_url,
        env=tuple(flags.env),
        scale=flag_values.factor("--scale", flags.scale),
        time_scale=flag_values.factor("--time-scale", flags.time_scale),
        on=None if flags.on is None else cluster_address.absolute(flags.on),
    )
    suite = suite_file.read(flags.file, overrides)
    out = suite.out if flags.out is None else os.path.abspath(flags.out)
    wait = suite.wait_for if flags.wait_for is None else readiness.parse(flags.wait_for)
    chosen = _chosen(suite.entries, flags.only)
    here, file = os.getcwd(), os.path.abspath(flags.file)
    os.chdir(suite.folder)  # what flags name is found as the runs will find it
    try:
        checked = tuple(_checked(entry) for entry in chosen)
        suite_files.check(replace(suite, out=out, entries=checked), file, run_files.ENDINGS)
        suite_files.machines(replace(suite, entries=checked))
    finally:
        os.chdir(here)
    if wait is not None and wait.url is None:
        wait = replace(wait, url=urls.parse(_own_url(suite, checked)))
    return replace(suite, out=out, wait_for=wait, entries=checked)


def _chosen(all_of_them: Sequence[Entry], only: Sequence[str] | None) -> tuple[Entry, ...]:
    if only is None:
        return tuple(all_of_them)
    names = [*(entry.name for entry in all_of_them), *(e.group for e in all_of_them if e.group)]
    for name in only:
        if name not in names:
            near = nearest(name, names)
            cure = f"did you mean `{near[0]}`?" if near else f"there is {', '.join(names)}."
            raise UsageError(f"--only: there is no run `{name}`; {cure}")
    return tuple(e for e in all_of_them if e.name in only or (e.group and e.group in only))


def _own_url(suite: Suite, chosen: Sequence[Entry]) -> str:
    """Return whom a time alone waits for: the base URL, or the first URL that is loaded."""
    addresses = [suite.base_url] if suite.base_url else []
    addresses += [entry.words[-1] for entry in chosen if entry.kind == "url"]
    if not addresses:
        raise UsageError("--wait-for needs a URL here, for the suite has none; write URL,30s.")
    return addresses[0]


def _checked(entry: Entry) -> Entry:
    """Refuse a run whose flags are wrong, and fill in its command line as it may be shown."""
    try:
        if any(word == "-" or word.endswith("@-") for word in entry.words):
            raise UsageError("standard input and output are not for a run of a suite; name a file.")
        shown = {"url": _plain, "script": _script, "compare": _comparison}[entry.kind](entry)
    except UsageError as error:
        raise UsageError(f"{entry.place}: {error}") from None
    return replace(entry, what=redact.printable(shlex.join(["fastbench", *shown])))


def _plain(entry: Entry) -> list[str]:
    typed, _, shown = suite_files.read(entry)
    _refuse(typed)
    if typed.baseline is None:  # which an earlier run may be about to save
        url_args.parse(entry.words)
    return shown


def _script(entry: Entry) -> list[str]:
    from fastbench.script.load import loader

    typed, scripts, shown = suite_files.read(entry)
    _refuse(typed)
    if typed.baseline is None:
        script_args.parse(entry.words[1:])
    loader.find(scripts[-1])
    return shown


def _comparison(entry: Entry) -> list[str]:
    typed, given, shown = suite_files.read(entry)
    _refuse(typed)
    if all("://" in each for each in given):  # saved results may be made by earlier runs
        compare_args.parse(entry.words[1:])
    return shown


def _refuse(typed: SimpleNamespace) -> None:
    for name in _OURS:
        if getattr(typed, name, None):
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} is not for a run of a suite; leave it out of args.")


def _make(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"The folder {folder} cannot be made: {reason}.") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"The folder {folder} cannot be written to; name another with --out.")


def _dry_run(suite: Suite) -> int:
    """Print what would run; scripts say what they would do, and what is wrong with it."""
    import tempfile

    from fastbench.experiments.suite import suite_process
    from fastbench.experiments.trials.interrupts import Interrupts

    codes = [0]
    for entry in suite.entries:
        codes.append(pager.write(f"{entry.name}: {entry.what}"))
        if entry.kind != "script":
            continue
        flags = ["run", "--dry-run", *entry.words[1:]]
        with Interrupts() as stop, tempfile.TemporaryFile() as report:
            codes.append(suite_process.run(flags, report, stop, delivery.relayed, None).code)
            report.seek(0)
            said = report.read().decode("utf-8", "replace").rstrip("\n")
            came = stop.came
        if said:
            pager.write("\n".join(f"  {line}" for line in said.splitlines()))
        if came:
            return exit_codes.INTERRUPTED
    return exit_codes.worst(codes)


def _observer(flags: argparse.Namespace) -> SuiteObserver:
    """Return who listens: progress to the eyes, and no word of a run that is quiet."""
    from fastbench.experiments.suite.suite_runner import SuiteObserver

    shown = not flags.quiet

    def tell(sentence: str) -> None:
        if shown:
            delivery.tell(redact.printable(sentence))

    from fastbench.cli.output.together_view import TogetherView
    from fastbench.report.text import suite_text

    live = shown and not flags.no_progress and sys.stderr.isatty()
    return SuiteObserver(
        relay=delivery.relayed,
        terminal_fd=sys.stderr.fileno() if live else None,
        begins=lambda entry, at, of: tell(f"{at} of {of}, {entry.name}: {entry.what}"),
        ended=lambda row: tell(suite_text.line(row)),
        waits=lambda url: tell(f"waiting for {url.shown}"),
        writes=suite_files.write_common,
        together=lambda names: TogetherView(
            names, enabled=live, color=False if flags.no_color else None
        ),
        lines_every_s=flags.every_s,
    )


def _deliver(result: SuiteResult, out: str, flags: argparse.Namespace) -> int:
    """Print the table, write the files, tell the webhook; return the exit code."""
    from fastbench.report import suite_rows
    from fastbench.report.export import junit_suite
    from fastbench.report.html import html_suite
    from fastbench.report.markdown import markdown_suite

    whole: dict[str, Callable[[], bytes]] = {
        "summary.json": lambda: delivery.as_json(suite_rows.document(result)),
        "junit.xml": lambda: junit_suite.render(result).encode(),
        "summary.md": lambda: markdown_suite.render(result).encode(),
        "index.html": lambda: html_suite.render(result).encode(),
    }
    problems = [delivery.to_path(os.path.join(out, name), render) for name, render in whole.items()]
    if not flags.quiet:
        problems.append(delivery.to_stream(lambda: _table(result, flags), sys.stdout))
        delivery.tell(f"all results: {redact.printable(os.path.join(out, 'index.html'))}")
    failed = delivery.tell_all(problems)
    code = exit_codes.worst((result.code, exit_codes.NOT_WRITTEN if failed else 0))
    if code and flags.webhook is not None:
        _alert(result, code, flags.webhook)
    return code


def _table(result: SuiteResult, flags: argparse.Namespace) -> bytes:
    from fastbench.report.text import suite_text

    plain = flags.no_color or os.environ.get("NO_COLOR")
    how = delivery.look(sys.stdout, False if plain else None)
    return how.encoded(how.drawn(suite_text.render, result))


def _alert(result: SuiteResult, code: int, address: str) -> None:
    from fastbench.outputs import webhook

    bad = [f"{row.name}: {row.outcome}" for row in result.rows if not row.passed]
    message = webhook.of_failure(result.name, code, "; ".join([result.headline, *bad]))
    runs = [
        {"name": redact.printable(row.name), "outcome": row.outcome, "exit_code": row.code}
        for row in result.rows
    ]
    if problem := webhook.send(address, {**message, "runs": runs}):
        delivery.tell(problem)
