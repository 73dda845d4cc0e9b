"""A run beside its baseline: judged after the run, printed below its report, kept on demand."""

from __future__ import annotations

from fastbench.cli.output import delivery
from fastbench.cli.output.settings import Against, Output
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.compare.decision import Rules, Subject
from fastbench.experiments.compare.saved_results import judge_stored
from fastbench.foundation import redact
from fastbench.report.change import headline
from fastbench.report.text import baseline_box
from fastbench.results.history import baseline_store
from fastbench.results.result import Result


def compared(result: Result, against: Against) -> Comparison:
    """Judge a run against its baseline, as one that was not interleaved."""
    subject = Subject(
        version=result.version,
        base=redact.printable(redact.text(against.name)),
        candidate="this run",
        environment=result.environment,
        seed=0,
        pairs_planned=1,
    )
    rules = Rules(regression_limit=against.limit)
    return judge_stored(against.baseline, result, subject, rules=rules)


def told(found: Comparison) -> str:
    """Return the line for eyes that see no report."""
    limit = 100 * (found.regression_limit or 0)
    return f"--fail-on-regression {limit:g}%: {headline(found)}; base is {found.base}."


def keep(result: Result, document: bytes, output: Output, *, regressed: bool) -> str:
    """Save a run as a baseline; return what went wrong, "" if nothing.

    A run that is not whole is none to compare with, and one that failed against the baseline of
    the same name must not take its place: the next run would pass.
    """
    name = output.save_baseline
    if name is None:
        return ""
    if result.summary.ended != "complete":
        return f"the baseline {name} was not saved: the run is not complete."
    if regressed:
        return f"the baseline {name} was not saved: this run is a regression."
    try:
        path = baseline_store.save(name, document)
    except OSError as error:
        return f"the baseline {name} was not saved: {(error.strerror or str(error)).lower()}."
    if not output.quiet:
        delivery.tell(f"saved as the baseline {name} in {redact.printable(path)}")
        how = delivery.look(delivery.eyes(output), output.color)
        boxes = how.encoded(how.drawn(baseline_box.render, result))
        return delivery.to_stream(lambda: boxes, delivery.eyes(output))
    return ""
