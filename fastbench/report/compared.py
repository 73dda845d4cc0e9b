"""What every report of a comparison says in the same words: its load, figures, noise and end.

A comparison may be a saved one: `config` may come from another version, so whatever is missing
there is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from fastbench.experiments.compare.compare_document import Comparison, Figures, Metric, Pair
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_count, format_ms, format_ns, format_s
from fastbench.report import slice_course
from fastbench.report.change import change, in_slices, share, shown_pairs, told
from fastbench.report.columns import NOTHING
from fastbench.report.load_heading import of_config
from fastbench.report.page import plural
from fastbench.results.result import Environment, Warning_

NO_FIGURE = "-"
NOTE = "note"  # the code of what is told and is no warning
TITLES = {"different": "DIFFERENT", "equivalent": "EQUIVALENT", "inconclusive": "INCONCLUSIVE"}
ENDED = {
    "interrupted": ("PARTIAL", "interrupted after {done} of {planned}"),
    "out_of_time": ("", "--max-time ended the comparison after {done} of {planned}"),
    "nothing_succeeded": ("NOTHING SUCCEEDED", "no trial had a successful response"),
}


def ended(found: Comparison) -> list[str]:
    """Say in a title and a sentence how it ended before all pairs were there, if it did."""
    parts = list(ENDED.get(found.ended, ()))
    done, planned = str(len(found.pairs)), plural(found.pairs_planned, "pair")
    if in_slices(found):
        parts = [part.replace("trial", "slice") for part in parts]
        done, planned = _done(found), format_s(_number(found.config, "time_s") or 0.0)
    return [part.format(done=done, planned=planned) for part in parts if part]


def _done(found: Comparison) -> str:
    """Say how far a comparison in slices came."""
    done_s = slice_course.begun_s(found)[-1] if found.pairs else 0.0
    return f"{plural(len(found.pairs), 'pair')}, {format_s(float(round(done_s)))}"


def warnings(found: Comparison) -> list[Warning_]:
    """Return what speaks against the numbers, or should be looked at."""
    return [each for each in found.warnings if each.code != NOTE]


def notes(found: Comparison) -> list[Warning_]:
    """Return what a reader should know, and nothing is wrong with."""
    return [each for each in found.warnings if each.code == NOTE]


def load(found: Comparison) -> list[str]:
    """Say how it was measured, from what stands in `config`."""
    if not found.interleaved:
        return ["two saved results, measured one after the other"]
    config = found.config
    visit_s, warmup_s = _number(config, "visit_s"), _number(config, "warmup_s")
    parts = _slices(found) if in_slices(found) else [plural(found.pairs_planned, "pair")]
    if visit_s:
        parts.append(f"trials of {format_s(visit_s)}")
    if warmup_s:
        sides = " of each side" if in_slices(found) else ""
        parts.append(f"each after {format_s(warmup_s)} of warm-up{sides}")
    rate = _number(config, "rate")
    if rate:
        parts.append(f"{format_count(rate)} req/s for both")
    elif config.get("script"):
        parts.append(printable(str(config["script"])))
    else:
        parts.append("closed loop")
    candidates = _number(config, "candidates")
    if candidates:
        parts.append(f"{candidates:g} candidates in the same blocks")
    of_sides = config.get("load")
    of_one = of_config({**config, **of_sides} if isinstance(of_sides, Mapping) else config)
    parts += [part for part in (of_one.loaded, of_one.protocol, *of_one.rules) if part]
    return [*parts, *_pinned(config), f"seed {found.seed}"]


def _slices(found: Comparison) -> list[str]:
    """Say how many pairs of slices there were, how long a slice is, and all of them."""
    slice_s, time_s = _number(found.config, "slice_s"), _number(found.config, "time_s")
    pairs = plural(len(found.pairs), "pair")
    each = _number(found.config, "slices_per_pair")
    if slice_s and each and each > 1:
        parts = [f"{pairs}, each of {each:g} slices of {format_s(slice_s)} per side"]
    else:
        parts = [f"{pairs} in slices of {format_s(slice_s)}" if slice_s else f"{pairs} in slices"]
    if not time_s:
        return parts
    restarts = _number(found.config, "restarts")
    if restarts and restarts > 1:
        each_s = format_s(round(time_s / restarts, 3))
        return [*parts, f"{restarts:g} fresh starts with {each_s} of slices each"]
    look, looks = _number(found.config, "look"), _number(found.config, "looks")
    if look is None or looks is None or look >= looks or found.ended != "complete":
        return [*parts, format_s(time_s)]
    done_s = slice_course.length_s(slice_course.begun_s(found))
    early = f"{format_s(round(done_s, 1))} of {format_s(time_s)}"
    return [*parts, f"{early}: --stop-when at look {look:g} of {looks:g}"]


def _pinned(config: Mapping[str, object]) -> list[str]:
    """Say on which processors servers and load were kept, if they were."""
    pin = config.get("pin")
    lists = [pin.get(name) for name in ("servers", "load")] if isinstance(pin, Mapping) else []
    if not lists or not all(isinstance(each, list) and each for each in lists):
        return []
    servers, load = (",".join(printable(str(each)) for each in part or ()) for part in lists)
    return [f"servers on CPU {servers}, load on CPU {load}"]


def _number(config: Mapping[str, object], name: str) -> float | None:
    value = config.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def is_good(found: Comparison) -> bool | None:
    """Tell whether the verdict is good news; None where there is none."""
    metric = found.metrics.get(found.primary)
    if found.verdict == "inconclusive" or metric is None:
        return None
    return found.verdict == "equivalent" or (metric.ratio > 1) == (metric.better == "higher")


def limit(found: Comparison) -> str:
    """Write the regression that was to fail, "" where none was asked for."""
    return "" if found.regression_limit is None else f"{100 * found.regression_limit:g} %"


def regression_excluded(found: Comparison) -> bool:
    """Tell whether the whole interval is on the good side of the limit, drift included."""
    metric = found.metrics.get(found.primary)
    if metric is None or metric.interval is None or found.regression_limit is None:
        return False
    if not found.interleaved or found.regressed:
        return False
    if metric.better == "higher":
        return metric.interval[0] > 1 - found.regression_limit
    return metric.interval[1] < 1 + found.regression_limit


def typical(found: Comparison, side: str, name: str) -> str:
    """Return the median of one side over what counts, in the metric's unit."""
    return typical_of(shown_pairs(found), side, name)


def typical_of(pairs: Sequence[Pair], side: str, name: str) -> str:
    """Return the median of one side over these pairs, in the metric's unit."""
    trials = [trial for pair in pairs if (trial := getattr(pair, side)) is not None]
    values = [value for trial in trials if (value := told(trial, name)) is not None]
    return _shown(name, median(values)) if values else NO_FIGURE


def figure(trial: Figures | None, name: str) -> str:
    """Return what one trial measured, in the metric's unit."""
    value = None if trial is None else told(trial, name)
    return NO_FIGURE if value is None else _shown(name, value)


def _shown(name: str, value: float) -> str:
    if name == "requests_per_s":
        return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
    return format_ns(value * 1e3) if name == "cpu_per_request" else format_ms(value)


def between(found: Comparison) -> str:
    """Say between what the noise was: pairs, or starts of the servers where they are the sample."""
    what = "start" if any(pair.start is not None for pair in found.pairs) else "pair"
    return f"from {what} to {what}"


def noise(found: Comparison, metric: Metric) -> list[str]:
    """Say how noisy the pairs or starts were, and what such a comparison can see at all."""
    parts = []
    if metric.noise_floor is not None:
        parts.append(f"{share(metric.noise_floor)} {between(found)}")
    if metric.smallest_difference is not None:
        seen = share(metric.smallest_difference)
        parts.append(f"smallest difference that 9 in 10 such runs would detect: {seen}")
    return parts


def counted(found: Comparison, metric: Metric | None) -> str:
    """Say how many pairs count, and how many trials were made again."""
    count = metric.pairs if metric is not None else 0
    redone = sum(pair.redone for pair in found.pairs)
    again = f", {plural(redone, 'trial')} repeated" if redone else ""
    return f"{count} of {plural(len(found.pairs), 'pair')}{again}"


def not_counted(found: Comparison) -> tuple[str, list[tuple[str, int]]]:
    """Return how many pairs do not count, "" for none, and why, the most frequent reason first."""
    lost = [pair for pair in found.pairs if not pair.valid]
    reasons = Counter(reason for pair in lost for reason in pair.reasons)
    many = f"{plural(len(lost), 'pair')} of {len(found.pairs)}" if lost else ""
    return many, reasons.most_common()


def changed(before: float | None, after: float | None) -> str:
    """Write how a figure changed, a dash where one of both is not known."""
    return change(after / before) if before and after else NOTHING


def machine(environment: Environment) -> str:
    """Return a machine in a line."""
    if not environment.cores:
        return "unknown"
    cores = plural(environment.cores, "core")
    parts = [environment.cpu, cores, f"Linux {environment.kernel}"]
    if environment.governor != "unknown":
        parts.append(f"governor {environment.governor}")
    if environment.smt:
        parts.append("SMT on")
    return printable(", ".join(parts))
