"""From pairs of trials to a verdict. Pure; the rules:

1. One metric is declared the primary one beforehand, and the verdict is its own. `different`: the
   interval of the ratio excludes 1 and the ratio is at least the threshold away from 1.
   `equivalent`: the 90 % interval lies within the threshold. Else `inconclusive`. "2 % away" is a
   factor of 1.02 up or down, so that swapping the sides changes nothing.
2. The other metrics are corrected for being several (Holm): `different` takes their p, too.
3. Pairs with a trial that is not valid do not count. When more than a fifth of them do not, nothing
   is told; nor after a stop by hand, which whoever watches the numbers may have chosen by them.
4. A metric counts only when all those pairs have it.
5. A regression is the primary metric worse by at least the limit, with an interval that excludes 1;
   or requests that fail now and did not before.
6. Of several candidates with one base, each is judged at a confidence at which all intervals hold
   together (Bonferroni), those of equivalence too. p is as many times larger, so that both agree.
7. Where the servers were started several times, the start is the sample: see start_effects.py.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from fastbench.experiments.compare import lopsided, start_effects, statistics
from fastbench.experiments.compare.compare_document import (
    FIGURES,
    Comparison,
    Interval,
    Metric,
    Pair,
)
from fastbench.experiments.compare.figures import ERRORS_SHARE_MAX
from fastbench.experiments.compare.sequential import Levels
from fastbench.foundation.usage_error import UsageError
from fastbench.results.result import Environment, Warning_

EQUIVALENCE_CONFIDENCE = 0.90  # both one-sided tests at 5 %
INVALID_SHARE_MAX = 0.20
POWER = 0.90  # of what is said about pairs needed and differences seen
MAX_MORE_PAIRS = 1000  # beyond that, "about N more" is no advice
HIGHER_IS_BETTER = frozenset({"requests_per_s"})


@dataclass(frozen=True, slots=True)
class Rules:
    """When a difference counts. `threshold` is a share, 0.02 for 2 %.

    `levels` are those of a look, where a comparison has several: its intervals have them, and what
    is told, the confidence of all looks together. So it is with `candidates` that are judged
    together.
    """

    threshold: float = 0.02
    confidence: float = 0.99
    regression_limit: float | None = None
    levels: Levels | None = None
    candidates: int = 1

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("smallest effect that counts", self.threshold, 0.001, 1.0),
            ("confidence", self.confidence, 0.8, 0.999),
            ("regression that fails", self._limit, 0.001, 1.0),
        ):
            if not least <= value <= most:
                span = f"between {percent(least)} and {percent(most)}"
                raise UsageError(f"The {name} must be {span}, not {percent(value)}.")

    def at(self, levels: Levels | None) -> Rules:
        """Return the rules for a look."""
        return replace(self, levels=levels)

    @property
    def interval_confidence(self) -> float:
        """The confidence of the interval."""
        return self.planned_confidence if self.levels is None else self.levels.interval

    @property
    def equivalence_confidence(self) -> float:
        """The confidence of the interval that shows equivalence."""
        if self.levels is None:
            return self.of_one(EQUIVALENCE_CONFIDENCE)
        return self.levels.equivalence

    @property
    def planned_confidence(self) -> float:
        """The confidence of the interval of a comparison without looks."""
        return self.of_one(self.confidence)

    def of_one(self, confidence: float) -> float:
        """Return the confidence of each candidate, for that of all of them."""
        return confidence if self.candidates == 1 else 1 - (1 - confidence) / self.candidates

    @property
    def _limit(self) -> float:
        return 1.0 if self.regression_limit is None else self.regression_limit

    @property
    def bound(self) -> float:
        """The threshold as a log ratio."""
        return math.log1p(self.threshold)


@dataclass(frozen=True, slots=True)
class Subject:
    """What was compared, as it stands in the document; `base` and `candidate` are labels."""

    version: str
    base: str
    candidate: str
    environment: Environment
    seed: int
    pairs_planned: int
    config: Mapping[str, object] = field(default_factory=dict)
    ended: str = "complete"


def judge(
    pairs: Sequence[Pair], primary: str, subject: Subject, rules: Rules | None = None
) -> Comparison:
    """Judge the pairs of a comparison whose trials were interleaved."""
    rules = rules or Rules()
    counted = [pair for pair in pairs if _effect(pair, primary) is not None]
    metrics = measure(counted, primary, rules)
    refusals = _refusals(pairs, counted, subject, rules)
    if refusals:
        metrics = {name: replace(each, verdict="inconclusive") for name, each in metrics.items()}
    main = metrics.get(primary)
    fails = candidate_fails(pairs)
    worse = main is not None and not refusals and exceeds(main, main.interval, rules)
    return Comparison(
        version=subject.version,
        verdict=main.verdict if main else "inconclusive",
        primary=primary,
        ratio=main.ratio if main else None,
        interval=main.interval if main else None,
        confidence=rules.confidence,
        threshold=rules.threshold,
        pairs=tuple(pairs),
        pairs_planned=subject.pairs_planned,
        noise_floor=main.noise_floor if main else None,
        pairs_needed=_pairs_needed(main, counted, rules) if main and not refusals else None,
        metrics=metrics,
        warnings=(*refusals, *_cautions(pairs, counted, metrics, rules), *fails),
        environment=subject.environment,
        base=subject.base,
        candidate=subject.candidate,
        seed=subject.seed,
        interleaved=True,
        config=subject.config,
        ended=subject.ended,
        regression_limit=rules.regression_limit,
        regressed=rules.regression_limit is not None and (worse or bool(fails)),
    )


def measure(pairs: Sequence[Pair], primary: str, rules: Rules) -> dict[str, Metric]:
    """Return the metrics that all of these pairs have, the primary one first."""
    names = [primary, *(name for name in FIGURES if name != primary)]
    effects = {name: [_effect(pair, name) for pair in pairs] for name in names}
    found = {
        name: _metric(name, pairs, [each for each in values if each is not None], rules)
        for name, values in effects.items()
        if values and None not in values
    }
    others = [name for name in found if name != primary and found[name].p is not None]
    corrected = statistics.holm([found[name].p or 0.0 for name in others])
    for name, p_holm in zip(others, corrected, strict=True):
        metric = found[name]
        unsure = metric.verdict == "different" and p_holm > _alpha(rules)
        verdict = "inconclusive" if unsure else metric.verdict
        found[name] = replace(metric, p_holm=p_holm, verdict=verdict)
    return {name: _together(metric, rules) for name, metric in found.items()}


def _together(metric: Metric, rules: Rules) -> Metric:
    """Correct the p of one of several candidates."""
    if rules.candidates == 1:
        return metric
    p, p_holm = (
        None if each is None else min(1.0, rules.candidates * each)
        for each in (metric.p, metric.p_holm)
    )
    return replace(metric, p=p, p_holm=p_holm)


def measured(pairs: Sequence[Pair], name: str, rules: Rules) -> Metric | None:
    """Judge one metric alone; None where too many pairs do not count."""
    effects = [(pair, effect) for pair in pairs if (effect := _effect(pair, name)) is not None]
    if not effects or len(pairs) - len(effects) > INVALID_SHARE_MAX * len(pairs):
        return None
    return _metric(name, [pair for pair, _ in effects], [effect for _, effect in effects], rules)


def candidate_fails(pairs: Sequence[Pair]) -> tuple[Warning_, ...]:
    """Warn when the usual trial to the candidate fails requests and the one to the base does not.

    Such trials are not valid, so that no metric would tell.
    """
    base = [pair.base.errors_share for pair in pairs if pair.base]
    candidate = [pair.candidate.errors_share for pair in pairs if pair.candidate]
    return fails_now(median(base), median(candidate)) if base and candidate else ()


def fails_now(base_share: float, candidate_share: float) -> tuple[Warning_, ...]:
    """Warn when the candidate fails more requests than may be, and the base does not."""
    if base_share > ERRORS_SHARE_MAX or candidate_share <= ERRORS_SHARE_MAX:
        return ()
    text = f"{percent(candidate_share)} of the requests to the candidate failed"
    hint = f"to the base: {percent(base_share)}; see the errors of a single run"
    return (Warning_("candidate_fails", text, hint),)


def exceeds(metric: Metric, interval: Interval | None, rules: Rules) -> bool:
    """Tell whether a metric is worse by the regression limit, and that for sure."""
    if rules.regression_limit is None or interval is None:
        return False
    if metric.better == "higher":
        return metric.ratio <= 1 - rules.regression_limit and interval[1] < 1
    return metric.ratio >= 1 + rules.regression_limit and interval[0] > 1


def percent(share: float) -> str:
    """Write a share: 0.0213 is 2.13 %."""
    return f"{100 * share:.3g} %"


def _alpha(rules: Rules) -> float:
    return 1 - rules.interval_confidence


def _effect(pair: Pair, name: str) -> float | None:
    """Return the log ratio of a pair that counts and has this metric on both sides."""
    if not pair.valid or pair.base is None or pair.candidate is None:
        return None
    base, candidate = pair.base.of(name), pair.candidate.of(name)
    return math.log(candidate / base) if base and candidate else None


def _metric(name: str, pairs: Sequence[Pair], found: Sequence[float], rules: Rules) -> Metric:
    """Judge one metric as if it were the only one; `found` are the effects of the pairs."""
    effects = start_effects.by_start(pairs, found)
    count = len(effects)
    estimate = statistics.estimate(effects)
    interval = statistics.interval(effects, rules.interval_confidence)
    within = statistics.interval(effects, rules.equivalence_confidence)
    noise = statistics.scatter(effects)
    verdict = "inconclusive"
    if within and -rules.bound <= within[0] and within[1] <= rules.bound:
        verdict = "equivalent"
    elif interval and not interval[0] <= 0 <= interval[1] and abs(estimate) >= rules.bound:
        verdict = "different"
    seen = noise and statistics.smallest_difference(noise, count, rules.interval_confidence, POWER)
    p = statistics.p_of(effects)
    return Metric(
        ratio=math.exp(estimate),
        interval=_ratios(interval),
        equivalence_interval=_ratios(within),
        p=p,
        p_holm=p,
        verdict=verdict,
        noise_floor=noise,
        better="higher" if name in HIGHER_IS_BETTER else "lower",
        smallest_difference=_smallest_difference(seen, interval, count, rules),
        pairs=len(pairs),
    )


def _ratios(interval: Interval | None) -> Interval | None:
    return None if interval is None else (math.exp(interval[0]), math.exp(interval[1]))


def _smallest_difference(
    seen: float | None, interval: Interval | None, pairs: int, rules: Rules
) -> float | None:
    """Return the share that is seen; of many pairs it follows from the width of their interval."""
    if interval is not None and pairs > statistics.FEW_PAIRS:
        seen = statistics.difference_of_width(interval, rules.interval_confidence, POWER)
    return None if seen is None else math.expm1(seen)


def _typical_noise(metric: Metric, rules: Rules) -> float:
    """Return the noise that says how many pairs are needed; see `statistics.noise_of_width`."""
    if metric.interval is None or metric.pairs <= statistics.FEW_PAIRS:
        return metric.noise_floor or 0.0
    low, high = (math.log(end) for end in metric.interval)
    return statistics.noise_of_width((low, high), metric.pairs, rules.interval_confidence)


def _pairs_needed(metric: Metric, pairs: Sequence[Pair], rules: Rules) -> int | None:
    """Return how many more pairs would tell, if ratio and noise stay as they are.

    A ratio beyond the threshold has to be shown different, one within it equivalent. More pairs of
    the same starts tell nothing.
    """
    if metric.verdict != "inconclusive" or not metric.noise_floor or start_effects.numbers(pairs):
        return None
    noise, effect, bound = _typical_noise(metric, rules), math.log(metric.ratio), rules.bound
    if abs(effect) >= bound:
        total = statistics.pairs_for_difference(noise, effect, rules.planned_confidence, POWER)
    else:
        total = statistics.pairs_for_equivalence(
            noise, effect, bound, rules.of_one(EQUIVALENCE_CONFIDENCE), POWER
        )
    more = max(1, total - metric.pairs)
    return more if more <= MAX_MORE_PAIRS else None


def _refusals(
    pairs: Sequence[Pair], counted: Sequence[Pair], subject: Subject, rules: Rules
) -> list[Warning_]:
    """Return why there can be no verdict, whatever the numbers are."""
    found = []
    lost = len(pairs) - len(counted)
    if not pairs:
        silent = subject.ended == "nothing_succeeded"
        hint = "check that both servers answer" if silent else "give it more time"
        found.append(Warning_("no_pairs", "no pair was measured", hint))
    elif lost > INVALID_SHARE_MAX * len(pairs):
        text = f"{lost} of {_pairs(len(pairs))} not counted{_why(pairs)}"
        hint = f"no verdict if more than {percent(INVALID_SHARE_MAX)} are lost; fix the cause first"
        found.append(Warning_("invalid_visits", text, hint))
    else:
        found += lopsided.told(pairs, rules.confidence)
    if subject.ended == "interrupted":
        text = f"stopped after {len(pairs)} of {_pairs(subject.pairs_planned)}"
        if _in_slices(pairs):
            text = f"stopped after {_pairs(len(pairs))}"
        hint = "stopping when the numbers look good biases the verdict; let it end"
        hint += ", or take less --time" if _in_slices(pairs) else ", or use --max-time"
        found.append(Warning_("stopped_early", text, hint))
    return found


def _cautions(
    pairs: Sequence[Pair],
    counted: Sequence[Pair],
    metrics: Mapping[str, Metric],
    rules: Rules,
) -> list[Warning_]:
    """Return what a reader should know of a comparison that may have a verdict."""
    found = []
    starts = start_effects.numbers(counted)
    count, others = len(starts or counted), len(metrics) - 1
    if 0 < len(pairs) - len(counted) <= INVALID_SHARE_MAX * len(pairs):
        text = f"{len(pairs) - len(counted)} of {_pairs(len(pairs))} not counted{_why(pairs)}"
        where = "document" if _in_slices(pairs) else "table of pairs"
        found.append(Warning_("invalid_pairs", text, f"they stay in the {where}"))
    least, alpha = statistics.least_p(count), _alpha(rules)
    sure = percent(rules.confidence)
    noun, flag = "pair", "--time" if _in_slices(pairs) else "--pairs"
    if starts:
        noun, flag = "start", "--restarts"
    if count and least > alpha:
        needed = next(n for n in range(count, 32) if statistics.least_p(n) <= alpha)
        text = f"{_many(count, noun)} cannot show a difference at {sure} confidence"
        found.append(Warning_(f"few_{noun}s", text, f"{needed} are needed; see {flag}"))
    elif others > 1 and least * others > alpha:
        needed = next(n for n in range(count, 32) if statistics.least_p(n) * others <= alpha)
        text = (
            f"with {count} {noun}s the {others} metrics beside the primary one cannot be "
            f"different: the smallest possible p, {least:.2g}, is corrected for {others} tests"
        )
        hint = f"{needed} {noun}s are needed; see {flag}"
        found.append(Warning_(f"few_{noun}s", text, hint))
    return found


def _in_slices(pairs: Sequence[Pair]) -> bool:
    """Tell whether these are pairs of slices: how many there are follows from the time."""
    return bool(pairs) and pairs[0].at_s is not None


def _pairs(count: int) -> str:
    return _many(count, "pair")


def _many(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"


def _why(pairs: Sequence[Pair]) -> str:
    """Count the reasons, the most frequent first."""
    reasons = Counter(reason for pair in pairs for reason in pair.reasons if not pair.valid)
    return "".join(f"; {reason} ({count}x)" for reason, count in reasons.most_common(3))
