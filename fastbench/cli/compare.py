"""`fastbench compare`: two sides from words to exit code.

The exit code is 0 whatever the verdict; a regression is 96 where --fail-on-regression asks. What
ends early still has its report and its document.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from fastbench import __version__, environment, exits, redact, signals
from fastbench.cli import compare_flags, delivery, destinations, forms, page
from fastbench.cli.compare_flags import Command, Live, Stored
from fastbench.cli.compare_live import CompareView
from fastbench.cli.flags import Output
from fastbench.compare import judge
from fastbench.compare.document import Comparison, Pair
from fastbench.compare.stored import judge_stored
from fastbench.plan import UsageError
from fastbench.result import Environment, Result, Warning_
from fastbench.rounds import pairing
from fastbench.rounds.kept import Kept
from fastbench.rounds.pairing import Measured, Terms
from fastbench.rounds.servers import ServerError

__all__ = ["compare_stored", "main"]

EXIT_CODES = {
    "complete": exits.PASSED,
    "out_of_time": exits.PASSED,
    "interrupted": exits.INTERRUPTED,
    "nothing_succeeded": exits.NOTHING,
}


def main(argv: Sequence[str]) -> int:
    """Compare as the words after `compare` ask; raises UsageError for a wrong word."""
    command = compare_flags.parse(argv)
    if command == "version":
        return page.write(f"fastbench {__version__}")
    if command == "help":
        from fastbench.cli.compare_manual import TEXT

        return page.write(TEXT)
    for notice in command.notices:
        _tell(notice)
    destinations.prepare(destinations.written(command.output))
    if isinstance(command.what, Stored):
        return compare_stored(command.what, command)
    from fastbench import campaign

    try:
        with signals.held():
            return _compare_live(command.what, command)
    except campaign.OptionsError as error:
        _tell(str(error))
        return exits.OPTIONS
    except campaign.ScriptError as error:
        _tell(str(error))
        return exits.SCRIPT


def compare_stored(what: Stored, command: Command) -> int:
    """Compare two saved results; return the exit code."""
    subject = judge.Subject(
        version=__version__,
        base=redact.printable(what.names[0]),
        candidate=redact.printable(what.names[1]),
        environment=what.candidate.environment,
        seed=0,
        pairs_planned=1,
        config=what.config,
    )
    found = judge_stored(
        what.base, what.candidate, subject, primary=what.primary, rules=command.rules
    )
    code = _deliver(found, command.output, (what.base, what.candidate))
    return _kept(code, _save(what.candidate, found, command.output))


def _save(candidate: Result, found: Comparison, output: Output) -> str:
    """Keep the candidate's result if that was asked for; return what went wrong."""
    if output.save_baseline is None:
        return ""
    from fastbench.cli import against, bench

    document = bench.document(candidate)
    return against.keep(candidate, document, output, regressed=found.regressed)


def _kept(code: int, problem: str) -> int:
    """Say why there is no baseline; return the exit code."""
    if problem:
        _tell(problem)
    return code or (exits.NOT_WRITTEN if problem else 0)


def _compare_live(what: Live, command: Command) -> int:
    machine = environment.describe()
    primary, terms = _course(what)
    kept = Kept(results=command.output.save_baseline is not None)

    def judged(pairs: Sequence[Pair], measured: Measured | None = None) -> Comparison:
        subject = _subject(what, machine, measured)
        return judge.judge(pairs, primary, subject, command.rules)

    view = CompareView(
        pairs=what.terms.pairs,
        judged=judged,
        enabled=command.output.progress and not command.output.quiet,
        color=command.output.color,
    )
    try:
        with view:
            measured = pairing.run(
                *(what.base, what.candidate, terms, view.update),
                notice=_tell,
                echo=_echo,
                kept=kept,
            )
    except ServerError as error:
        _tell(str(error))
        _show_output(error)
        measured = Measured((), "nothing_succeeded")
    found = judged(measured.pairs, measured)
    notes = tuple(Warning_("note", note) for note in measured.notes)
    found = replace(found, warnings=(*found.warnings, *notes), latency=kept.latency())
    code = _deliver(found, command.output)
    return _kept(code, _save_middle(kept, found, command.output))


def _save_middle(kept: Kept, found: Comparison, output: Output) -> str:
    """Keep the candidate's visit in the middle: a baseline is a run that was, no sum of several."""
    name = output.save_baseline
    if name is None:
        return ""
    refused = any(each.code == "invalid_visits" for each in found.warnings)
    middle = None if refused else kept.middle(found.primary)
    if middle is None:
        return f"the baseline {name} was not saved: too few visits to the candidate count."
    if found.ended == "interrupted":
        return f"the baseline {name} was not saved: the comparison is not complete."
    return _save(middle, found, output)


def _subject(what: Live, machine: Environment, measured: Measured | None) -> judge.Subject:
    """Say what is compared; the rate of a pilot belongs to what was asked."""
    rate = measured.rate if measured is not None else None
    config = what.config if rate is None else {**what.config, "rate": rate}
    return judge.Subject(
        version=__version__,
        base=what.base.label,
        candidate=what.candidate.label,
        environment=machine,
        seed=what.terms.seed,
        pairs_planned=what.terms.pairs,
        config=config,
        ended="complete" if measured is None else measured.ended,
    )


def _course(what: Live) -> tuple[str, Terms]:
    """Return what decides, and how it is measured: both may depend on what a script declares.

    A script whose rate is planned is judged by p99. Its warm-up is all of its load in less time.
    """
    from fastbench import campaign
    from fastbench.scenario import override, script, source
    from fastbench.scenario.asked import Asked

    job = what.base.make(None)
    if not isinstance(job, Asked):
        return what.primary or "requests_per_s", what.terms
    for sentence in source.shadowed(script.find(job.script).file):
        _tell(sentence)
    declared = campaign.declared(job)
    try:
        applied = override.applied(declared, job)
    except UsageError as error:
        raise campaign.OptionsError(str(error)) from None
    planned = all((spec.executor or "").endswith("arrival-rate") for spec in applied.scenarios)
    terms = replace(what.terms, warmup_share=what.warmup_s / applied.length_s)
    return what.primary or ("p99" if planned else "requests_per_s"), terms


def _show_output(error: ServerError) -> None:
    """Show what a server wrote before it gave up."""
    if error.output:
        print(error.output.rstrip("\n"), file=sys.stderr)
    if error.log:
        _tell(f"all of its output is in {error.log}.")


def _deliver(found: Comparison, output: Output, runs: tuple[Result, Result] | None = None) -> int:
    """Report, write the document; return the exit code. `runs` are two saved results."""
    stream = delivery.eyes(output)
    problems = (
        [] if output.quiet else [delivery.to_stream(lambda: _report(found, output, runs), stream)]
    )
    for path in delivery.documents(output):
        problems.append(delivery.to_path(path, lambda: delivery.as_json(found.to_document())))
    problems += [
        delivery.to_path(path, partial(forms.compared, form, found, runs))
        for form, path in output.forms.items()
    ]
    failed = delivery.tell_all(problems)
    if found.regressed and output.quiet:
        from fastbench.cli import against

        delivery.tell(against.told(found))
    if found.regressed and found.ended != "interrupted":
        return exits.REGRESSION  # also when the candidate does nothing but fail
    return EXIT_CODES[found.ended] or (exits.NOT_WRITTEN if failed else 0)


def _report(found: Comparison, output: Output, runs: tuple[Result, Result] | None) -> bytes:
    from fastbench.report import comparison, operations

    how = delivery.look(delivery.eyes(output), output)
    shown = comparison.render(found, color=how.color, width=how.width, unicode=how.unicode)
    if runs is not None:
        shown += operations.below(*runs, color=how.color, width=how.width, unicode=how.unicode)
    return how.encoded(shown)


def _tell(sentence: str) -> None:
    delivery.tell(redact.printable(sentence))


def _echo(lines: str) -> None:
    """Print what a script printed."""
    print(redact.printable(lines, lines=True), end="", file=sys.stderr)
