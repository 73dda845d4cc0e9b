"""`fastbench compare`: two sides from words to exit code.

The exit code is 0 whatever the verdict; a regression is 96 where --fail-on-regression asks. What
ends early still has its report and its document.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from fastbench import __version__
from fastbench.cli.args import compare_args
from fastbench.cli.args.compare_args import Command, Live, Stored
from fastbench.cli.commands import compare_several
from fastbench.cli.help import pager
from fastbench.cli.output import delivery, destinations, formats
from fastbench.cli.output.lines import progress_lines, trial_lines
from fastbench.cli.output.live.pair_figures import PairFacts
from fastbench.cli.output.live.pair_view import PairView
from fastbench.cli.output.settings import Output
from fastbench.experiments.compare import decision, figures
from fastbench.experiments.compare.compare_document import Comparison, Pair
from fastbench.experiments.compare.saved_results import judge_stored
from fastbench.experiments.slices import plain_trial, script_slicing, slicing
from fastbench.experiments.slices.script_slicing import UnfitError
from fastbench.experiments.slices.slice_terms import SliceTerms
from fastbench.experiments.trials import pairing
from fastbench.experiments.trials.pairing import Measured, Standing, Terms
from fastbench.experiments.trials.trial import Side
from fastbench.experiments.trials.trial_artifacts import Kept
from fastbench.experiments.trials.trial_servers import ServerError
from fastbench.foundation import exit_codes, redact, signals
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import environment, pinning
from fastbench.results.result import Environment, Result


def main(argv: Sequence[str]) -> int:
    """Compare as the words after `compare` ask; raises UsageError for a wrong word."""
    command = compare_args.parse(argv)
    if isinstance(command, str):
        return pager.page(command, "compare")
    if not command.output.quiet:
        pager.notes(command.notices)
    destinations.prepare(destinations.written(command.output))
    if isinstance(command.what, Stored):
        return compare_stored(command.what, command)
    from fastbench.script import parent

    try:
        with progress_lines.begun(command.output.lines_every_s), signals.held():
            return _compare_live(command.what, command)
    except parent.OptionsError as error:
        _tell(str(error))
        return exit_codes.OPTIONS
    except parent.ScriptError as error:
        _tell(str(error))
        return exit_codes.SCRIPT


def compare_stored(what: Stored, command: Command) -> int:
    """Compare two saved results; return the exit code."""
    subject = decision.Subject(
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
    from fastbench.cli.commands import compare_baseline, run_url

    document = run_url.document(candidate)
    return compare_baseline.keep(candidate, document, output, regressed=found.regressed)


def _kept(code: int, problem: str) -> int:
    """Say why there is no baseline; return the exit code."""
    if problem:
        _tell(problem)
    return code or (exit_codes.NOT_WRITTEN if problem else 0)


def _compare_live(what: Live, command: Command) -> int:
    """Compare two servers; a script that does not fit slices is measured by visits."""
    if what.others:
        machine = environment.describe()
        return compare_several.run(
            what, command, lambda pair, measured: _subject(pair, machine, measured)
        )
    try:
        return _measured(what, command)
    except UnfitError as error:
        if what.visits is None:
            raise UsageError(f"--slice and --time: {error}; leave them out.") from None
        if not command.output.quiet:
            _tell(f"{error}: measured by visits")
        return _measured(what.visits, command)


def _measured(what: Live, command: Command) -> int:
    machine = environment.describe()
    primary, terms = _course(what)
    kept = Kept(results=command.output.save_baseline is not None)

    def judged(pairs: Sequence[Pair], measured: Measured | None = None) -> Comparison:
        subject = _subject(what, machine, measured)
        rules = command.rules.at(None if measured is None else measured.levels)
        return decision.judge(pairs, primary, subject, rules)

    pairs = what.terms.pairs if isinstance(what.terms, Terms) else 0
    time_s = what.terms.time_s if isinstance(what.terms, SliceTerms) else 0.0
    common = judged(())
    early = isinstance(what.terms, SliceTerms) and what.terms.stop_when is not None
    facts = PairFacts(common, command.rules, (common.candidate,), pairs, time_s, early)
    view = trial_lines.of_pairs(judged, pairs=pairs, time_s=time_s) or PairView(
        facts,
        enabled=command.output.progress and not command.output.quiet,
        color=command.output.color,
    )
    pin = what.pin.load if what.pin is not None else ()
    try:
        with view, pinning.kept_on(pin):
            if isinstance(terms, SliceTerms):
                measured = _in_slices(what, terms, view.update, kept)
            else:
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
    found = compare_several.noted(found, measured, kept.latency())
    code = _deliver(found, command.output)
    if isinstance(terms, SliceTerms):
        with pinning.kept_on(pin):
            return _kept(code, _save_after_slices(what.candidate, measured, found, command.output))
    return _kept(code, _save_middle(kept, found, command.output))


def _in_slices(
    what: Live, terms: SliceTerms, tell: Callable[[Standing], None], kept: Kept
) -> Measured:
    from fastbench.script.run_request import RunRequest

    if not isinstance(what.base.make(None), RunRequest):
        return slicing.run(what.base, what.candidate, terms, tell, kept)
    sides = (what.base, what.candidate)
    return script_slicing.run(sides, terms, tell, kept, notice=_tell, echo=_echo)


def _save_after_slices(
    candidate: Side, measured: Measured, found: Comparison, output: Output
) -> str:
    """Save a trial of the candidate that is run for it: slices are no run that could be saved."""
    name = output.save_baseline
    if name is None:
        return ""
    if found.ended == "interrupted":
        return f"the baseline {name} was not saved: the comparison is not complete."
    if found.regressed:
        return f"the baseline {name} was not saved: this run is a regression."
    if any(each.code in ("no_pairs", "invalid_visits") for each in found.warnings):
        return f"the baseline {name} was not saved: too few pairs of slices are valid."
    if not output.quiet:
        _tell(f"one plain trial of the candidate, to be saved as the baseline {name}…")
    result = plain_trial.run(candidate, "candidate", measured.rate)
    if isinstance(result, str):
        return f"the baseline {name} was not saved: {result}."
    if reasons := figures.reasons_against(figures.figures_of(result)):
        _tell(f"of that trial, {reasons[0]}; measure it anew where that matters.")
    return _save(result, found, output)


def _save_middle(kept: Kept, found: Comparison, output: Output) -> str:
    """Save the middle trial of the candidate: a baseline is one run, not a sum of several."""
    name = output.save_baseline
    if name is None:
        return ""
    refused = any(each.code == "invalid_visits" for each in found.warnings)
    middle = None if refused else kept.middle(found.primary)
    if middle is None:
        return f"the baseline {name} was not saved: too few trials of the candidate are valid."
    if found.ended == "interrupted":
        return f"the baseline {name} was not saved: the comparison is not complete."
    return _save(middle, found, output)


def _subject(what: Live, machine: Environment, measured: Measured | None) -> decision.Subject:
    """Say what is compared; what a pilot found belongs to what was asked."""
    found: dict[str, object] = {}
    if measured is not None:
        found = {"rate": measured.rate, "slice_s": measured.slice_s}
        found["skip_s"] = measured.skip_s or None
        found["slices_per_pair"] = measured.slices_per_pair if measured.slice_s else None
        if measured.levels is not None:
            found |= {"look": measured.levels.look, "look_confidence": measured.levels.interval}
    config = {**what.config, **{name: each for name, each in found.items() if each is not None}}
    return decision.Subject(
        version=__version__,
        base=what.base.label,
        candidate=what.candidate.label,
        environment=machine,
        seed=what.terms.seed,
        pairs_planned=_planned(what.terms, measured),
        config=config,
        ended="complete" if measured is None else measured.ended,
    )


def _planned(terms: Terms | SliceTerms, measured: Measured | None) -> int:
    """Return how many pairs were planned: of slices, as many as the time had room for."""
    if isinstance(terms, Terms):
        return terms.pairs
    return len(measured.pairs) if measured is not None else 1


def _course(what: Live) -> tuple[str, Terms | SliceTerms]:
    """Return what decides, and how it is measured: both may depend on what a script declares.

    A script whose rate is planned is judged by p99. Its warm-up is all of its load in less time.
    """
    from fastbench.script import parent
    from fastbench.script.load import cli_overrides, loader, sliced_load, source
    from fastbench.script.run_request import RunRequest

    job = what.base.make(None)
    if not isinstance(job, RunRequest):
        return what.primary or "requests_per_s", what.terms
    for sentence in source.shadowed(loader.find(job.script).file):
        _tell(sentence)
    declared = parent.declared(job)
    try:
        applied = cli_overrides.applied(declared, job)
    except UsageError as error:
        raise parent.OptionsError(str(error)) from None
    planned = all((spec.executor or "").endswith("arrival-rate") for spec in applied.scenarios)
    primary = what.primary or ("p99" if planned else "requests_per_s")
    if isinstance(what.terms, SliceTerms):
        if why := sliced_load.why_not(applied.scenarios, what.primary):
            raise UnfitError(why)
        return primary, replace(what.terms, primary=primary)
    terms = replace(what.terms, warmup_share=what.warmup_s / applied.length_s)
    return primary, terms


def _show_output(error: ServerError) -> None:
    """Show what a server wrote before it gave up."""
    if error.output:
        print(error.output.rstrip("\n"), file=sys.stderr)
    if error.log:
        _tell(f"its whole output is in {error.log}.")


def _deliver(found: Comparison, output: Output, runs: tuple[Result, Result] | None = None) -> int:
    """Report, write the document; return the exit code. `runs` are two saved results."""
    failed = delivery.carry_out(
        output,
        lambda how: _report(found, how, runs),
        found.to_document,
        lambda form: formats.compared(form, found, runs),
    )
    if found.regressed and output.quiet:
        from fastbench.cli.commands import compare_baseline

        delivery.tell(compare_baseline.told(found))
    return compare_several.exit_code(found, failed=failed)


def _report(found: Comparison, how: delivery.Look, runs: tuple[Result, Result] | None) -> str:
    from fastbench.report.text import compared_requests, comparison_text

    shown = how.drawn(comparison_text.render, found)
    return shown if runs is None else shown + how.drawn(compared_requests.below, *runs)


def _tell(sentence: str) -> None:
    delivery.tell(redact.printable(sentence))


def _echo(lines: str) -> None:
    """Print what a script printed."""
    print(redact.printable(lines, lines=True), end="", file=sys.stderr)
