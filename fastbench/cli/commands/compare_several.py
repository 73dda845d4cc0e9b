"""`fastbench compare BASE CANDIDATE CANDIDATE…`: several candidates in slices, judged together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from fastbench.cli.args.compare_args import Command, Live
from fastbench.cli.output import delivery, formats
from fastbench.cli.output.lines import trial_lines
from fastbench.cli.output.live.pair_figures import PairFacts
from fastbench.cli.output.live.pair_view import PairView
from fastbench.experiments.compare import decision, start_notes
from fastbench.experiments.compare.compare_document import Comparison, Latencies, Pair
from fastbench.experiments.compare.comparisons_document import Comparisons
from fastbench.experiments.compare.decision import Subject
from fastbench.experiments.slices import slicing
from fastbench.experiments.slices.slice_terms import SliceTerms
from fastbench.experiments.trials.pairing import Measured
from fastbench.experiments.trials.trial_artifacts import Kept
from fastbench.foundation import exit_codes
from fastbench.results.result import Warning_

EXIT_CODES = {
    "complete": exit_codes.PASSED,
    "out_of_time": exit_codes.PASSED,
    "interrupted": exit_codes.INTERRUPTED,
    "nothing_succeeded": exit_codes.NOTHING,
}


def run(what: Live, command: Command, subject: Callable[[Live, Measured | None], Subject]) -> int:
    """Compare each candidate with the base; return the exit code.

    `subject` says what is compared, of the base and one candidate.
    """
    terms = what.terms
    assert isinstance(terms, SliceTerms)  # others are refused
    candidates = (what.candidate, *what.others)
    rules = replace(command.rules, candidates=len(candidates))
    shared = {"candidates": len(candidates), "interval_confidence": rules.interval_confidence}
    what = replace(what, config={**what.config, **shared})
    primary = what.primary or "requests_per_s"

    def judged(pairs: Sequence[Pair], at: int = 0, measured: Measured | None = None) -> Comparison:
        about = subject(replace(what, candidate=candidates[at]), measured)
        return decision.judge(pairs, primary, about, rules)

    kept = Kept()
    labels = tuple(each.label for each in candidates)
    facts = PairFacts(
        judged(()), rules, labels, time_s=terms.time_s, early=terms.stop_when is not None
    )
    view = trial_lines.of_pairs(judged, time_s=terms.time_s, labels=labels) or PairView(
        facts,
        enabled=command.output.progress and not command.output.quiet,
        color=command.output.color,
    )
    with view:
        every = slicing.run_several((what.base, *candidates), terms, view.update, kept)
    found = Comparisons(
        tuple(
            noted(judged(each.pairs, at, each), each, kept.latency(at + 1))
            for at, each in enumerate(every)
        )
    )
    return _deliver(found, command)


def noted(found: Comparison, measured: Measured, latency: Latencies | None) -> Comparison:
    """Return a comparison with what was noticed while it was measured."""
    notes = tuple(Warning_("note", note) for note in measured.notes)
    notes = (*start_notes.told(found, measured.programs), *notes)
    said = (*found.warnings, *measured.warnings, *notes)
    return replace(found, warnings=said, latency=latency)


def _deliver(found: Comparisons, command: Command) -> int:
    from fastbench.report.text import comparisons_text

    output = command.output
    failed = delivery.carry_out(
        output,
        lambda how: how.drawn(comparisons_text.render, found),
        found.to_document,
        lambda form: formats.several(form, found),
    )
    if output.quiet:
        from fastbench.cli.commands import compare_baseline

        for each in found.each:
            if each.regressed:
                delivery.tell(f"{each.candidate}: {compare_baseline.told(each)}")
    return exit_code(found, failed=failed)


def exit_code(found: Comparison | Comparisons, *, failed: bool) -> int:
    """Return the exit code; `failed`: a file could not be written."""
    if found.regressed and found.ended != "interrupted":
        return exit_codes.REGRESSION  # also when the candidate does nothing but fail
    return EXIT_CODES[found.ended] or (exit_codes.NOT_WRITTEN if failed else 0)
