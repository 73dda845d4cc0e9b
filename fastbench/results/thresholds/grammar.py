"""Limits that a run is held to: k6's grammar, its short forms, and what became of each.

1. `METRIC{tag:value}: AGGREGATE OPERATOR NUMBER`, as in k6 (for tags see `submetric`): aggregates
   avg min max med p(N) count rate value; operators < <= > >= == === !=. Without an aggregate a
   counter is its count, a gauge its value, a rate its rate. A number may carry its unit: 50ms, 1%,
   4MiB, 10k.
2. Short forms: `p99<50ms` and `p99{name:/a}<50ms` are the response time where requests are
   planned, else http_req_duration; `errors` is http_req_failed, `rps` and `requests` are http_reqs.
3. Words in brackets say how: [warn] [abort] [delay=10s] [stage=2] [stage=spike] [last=30s].
   [target=200ms] adds a second limit: a goal, as `p95 <200 target, <500 critical` is.
   A term with [baseline] is of an earlier run (see `baseline_terms`).
4. recovery<30s [stage=spike] is the time after a stage until it is as good as before.
5. drift<50MB, drift<10% and slope<5MB/h are about a line through the seconds (see `drift`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from fastbench.foundation import redact, units
from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import MACHINE, PERCENTS, Kind
from fastbench.results.thresholds import derived_metrics, formulas, goal_grammar, machine_tags
from fastbench.results.thresholds.derived_metrics import NamedFormulas
from fastbench.results.thresholds.judging import RECOVERY, Threshold, leaves, submetrics
from fastbench.results.thresholds.limit_values import read_limit, refuse, refuse_unknown
from fastbench.results.thresholds.seconds_grammar import BY_SECONDS, by_seconds
from fastbench.results.thresholds.submetric import Malformed, Tags, canonical, read_tags

__all__ = ["Threshold", "parse", "read", "read_derived", "refuse_tags", "submetrics"]

MIN_LAST_S = 1.0

_AGGREGATES = {
    "counter": ("count", "rate", *BY_SECONDS),
    "gauge": ("value", "min", "max", *BY_SECONDS),
    "rate": ("rate", "count", *BY_SECONDS),
    "trend": ("avg", "min", "max", "med", "p(N)", "count", *BY_SECONDS),
}
_SYNONYMS = {"mean": "avg", "median": "med"}
_OF_LATENCY = ("avg", "min", "max", "med", "p", *BY_SECONDS)  # what stands alone in a short form

_NAME = re.compile(r"\s*([A-Za-z_]\w*)\s*")
_AGGREGATE = re.compile(
    r"p\(?\s*([0-9]+(?:\.[0-9]+)?)\s*\)?|avg|mean|min|max|med|median|count|rate|value|drift|slope|recovery"
)
_EXPRESSION = re.compile(
    rf"\s*(?P<aggregate>{_AGGREGATE.pattern})?\s*(?P<operator>===|==|!=|<=|>=|<|>)\s*(?P<limit>.*\S)\s*"
)
_LONG_FORM = {
    "threshold": "threshold",
    "abort_on_fail": "abort",
    "abortOnFail": "abort",
    "delay": "delay",
    "delay_abort_eval": "delay",
    "delayAbortEval": "delay",
    "level": "level",
    "stage": "stage",
    "last": "last",
    "target": "target",
}


def read(
    options: Mapping[str, object],
    short: Iterable[str],
    known: Mapping[str, Kind],
    derived: Mapping[str, str] | None = None,
) -> tuple[Threshold, ...]:
    """Read the thresholds of a script's options and those of the command line, which come last.

    `known` are the metrics that there are, `derived` the formulas of names. Of two with the same
    text the later one counts.
    """
    names = derived or {}
    found = [
        each
        for key, value in options.items()
        if key not in names
        for each in _of_metric(key, value, known)
    ]
    for key in names.keys() & options.keys():
        short = (*_limits(key, options[key]), *short)
    named = NamedFormulas(names, known, parse)
    found += [named.threshold(text) for text in short]
    return tuple({each.text: each for each in found}.values())


def read_derived(derived: Mapping[str, str], known: Mapping[str, Kind]) -> tuple[Threshold, ...]:
    """Read the formulas of names; each is a threshold of its name, of which the left side counts.

    Raises UsageError.
    """
    return derived_metrics.read(derived, known, parse)


def _limits(name: str, limits: object) -> list[str]:
    """Return limits of a derived metric, which are texts, as on the command line."""
    several = [limits] if isinstance(limits, str) else limits
    if not isinstance(several, Sequence) or not all(isinstance(each, str) for each in several):
        refuse(name, 'the limits of a derived metric are texts such as "<=0"')
    return [f"{name} {each.strip().removeprefix('value')}" for each in several]


def parse(text: str, known: Mapping[str, Kind]) -> Threshold:
    """Read one threshold as it is written on the command line."""
    if formulas.meant(text, {*known, *formulas.SHORT}):
        return _computed(text, known)
    bare, words = _brackets(text)
    metric, tags, rest = _metric(bare, text)
    match = _AGGREGATE.match(bare.strip())
    tagged, form = _without_tags(bare.strip(), match, text)
    either = match is not None and metric not in known and _alone(form, match)
    if either and match is not None:
        metric, tags, rest = "http_req_duration", tagged, form
        if _aggregate(match[0])[0] not in _OF_LATENCY:
            refuse(text, f"{match[0]} of what? Write rps>=1000, errors<1% or METRIC: {form}")
    elif metric in formulas.SHORT and metric not in known:
        metric, aggregate = formulas.SHORT[metric]
        rest = f"{aggregate}{rest}"
    found = _threshold(metric, tags, rest, known, text)
    found = _with_words(replace(found, text=_one_line(text), either=either), words, text)
    if found.baseline:
        refuse(text, "[baseline] stands behind a term, as in errors <= 1.1 * errors[baseline]")
    return found


def _computed(text: str, known: Mapping[str, Kind]) -> Threshold:
    """Read a threshold that computes."""
    _refuse_unseen(text)

    def term(written: str) -> Threshold:
        try:
            return parse(f"{written}<0", known)
        except UsageError as error:
            _, _, why = str(error).partition("`: ")
            refuse(text, re.sub(r"^column [0-9]+: ", "", why).rstrip("."), written)

    def single(written: str) -> Threshold:
        found, words = formulas.read(
            written, term, lambda term, window: _with_words(term, [window], text)
        )
        return replace(_with_words(found, words, text), text=_one_line(text))

    left, limits = formulas.sides(_one_line(text))
    bare, words = _brackets(limits)
    if not goal_grammar.of_goal(bare):
        return single(_one_line(text))
    parts = goal_grammar.parts(bare, text)
    found = goal_grammar.joined({word: single(left + part) for word, part in parts.items()}, text)
    return _with_words(found, words, text)


def refuse_tags(found: Iterable[Threshold]) -> None:
    """Refuse thresholds on a part of a run of WebSockets, which is counted as a whole.

    To hold the whole run to them would be another answer than the one that was asked for.
    """
    for each in leaves(found):
        if each.tags and each.metric not in MACHINE:
            whole = each.text.partition("{")[0] + each.text.rpartition("}")[2]
            refuse(
                each.text,
                "a run of WebSockets counts nothing by tags; hold the whole run to it with "
                f"`{whole}`, or write a script",
            )


def _one_line(text: str) -> str:
    """Return a threshold as it is shown: blanks count only in the quotes of tags."""
    return text.strip() if "{" in text else " ".join(text.split())


def _without_tags(bare: str, match: re.Match[str] | None, whole: str) -> tuple[Tags, str]:
    """Take the tags out that follow an aggregate: `p(99){name:/a}<1s` without them is a form."""
    if match is None or bare[match.end() :].lstrip()[:1] != "{":
        return (), bare
    tags, end = _read_tags(bare, bare.index("{", match.end()), whole)
    return tags, bare[: match.end()] + bare[end:].lstrip().removeprefix(":")


def _alone(form: str, match: re.Match[str]) -> bool:
    """Tell whether the operator follows the aggregate, so that no metric is named."""
    return form[match.end() :].lstrip()[:1] in ("<", ">", "=", "!")


def _of_metric(key: str, value: object, known: Mapping[str, Kind]) -> list[Threshold]:
    """Read the thresholds of one metric: a text, a long form, or a sequence of them."""
    bare, words = _brackets(str(key))
    metric, tags, rest = _metric(bare, str(key))
    if rest.strip():
        refuse(str(key), "write the name of a metric, as http_req_duration{scenario:search}")
    each = [value] if isinstance(value, str | Mapping) or not isinstance(value, Sequence) else value
    return [_of_form(canonical(metric, tags), form, words, known) for form in each]


def _of_form(key: str, form: object, words: list[str], known: Mapping[str, Kind]) -> Threshold:
    """Read `p(95)<200` or {"threshold": "p(95)<200", "abort_on_fail": True, "delay": "10s"}."""
    long = form if isinstance(form, Mapping) else {"threshold": form}
    if unknown := [name for name in long if name not in _LONG_FORM]:
        refuse(key, f"a threshold has no {unknown[0]}; it takes {', '.join(_LONG_FORM)}")
    said = {_LONG_FORM[name]: value for name, value in long.items()}
    text = said.pop("threshold", None)
    if not isinstance(text, str):
        refuse(key, 'a threshold is a text such as "p(95)<200"')
    expression, more = _brackets(text)
    metric, tags, _ = _metric(key, key)
    found = _threshold(metric, tags, expression, known, f"{key}: {text}")
    all_words = [*words, *more, *_words(key, said)]
    scope = [word for word in all_words if word.startswith(("stage=", "last="))]
    name = f"{key}: {found.expression}" + "".join(f" [{word}]" for word in scope)
    return _with_words(replace(found, text=name), all_words, f"{key}: {text}")


def _words(key: str, said: Mapping[str, object]) -> list[str]:
    """Return the fields of a long form as the words in brackets that say the same."""
    words = []
    for name, value in said.items():
        if value is None or value is False:
            continue
        if name == "abort":
            words.append("abort")
        elif name == "level":
            if value not in ("fail", "warn"):
                refuse(key, 'level is "fail" or "warn"')
            words.append(str(value))
        else:
            words.append(f"{name}={value}")
    return words


def _brackets(text: str) -> tuple[str, list[str]]:
    """Take the words in brackets out; what stands in braces belongs to tags."""
    _refuse_unseen(text)
    rest, words, at = "", [], 0
    while at < len(text):
        end = at + 1
        if text[at] == "{":
            _, end = _read_tags(text, at, text)
            rest += text[at:end]
        elif text[at] == "[":
            end = text.find("]", at) + 1
            if not end:
                refuse(
                    text,
                    f"column {at + 1}: the bracket is not closed; write p99<50ms [last=30s]",
                )
            words += [word.strip() for word in text[at + 1 : end - 1].split(",")]
        else:
            rest += text[at]
        at = end
    return rest, words


def _with_words(threshold: Threshold, words: Iterable[str], text: str) -> Threshold:
    said: dict[str, str] = {}
    for word in words:
        name, _, value = (part.strip() for part in word.partition("="))
        name = "level" if word in ("warn", "fail") else name
        if said.setdefault(name, word) != word:
            refuse(text, f"[{said[name]}] and [{word}] cannot both be; leave one out", word)
        if goal := goal_grammar.WORD.fullmatch(word):
            threshold = goal_grammar.with_target(threshold, goal[1], text)
        elif word in ("warn", "fail"):
            threshold = replace(threshold, level=word)
        elif word == "abort":
            threshold = replace(threshold, abort_on_fail=True)
        elif word == "baseline":
            threshold = replace(threshold, baseline=True)
        elif name == "stage" and value:
            threshold = replace(threshold, stage=value)
        elif name == "delay":
            threshold = replace(threshold, delay_s=_duration_s(value, text))
        elif name == "last":
            threshold = replace(threshold, last_s=_duration_s(value, text))
            if threshold.last_s < MIN_LAST_S:
                refuse(text, "[last] looks back at least 1s")
        else:
            refuse(
                text,
                f"[{word}] is none of [warn] [abort] [delay=10s] [stage=2] [stage=NAME] [last=30s] "
                "[target=LIMIT] [baseline]",
                word,
            )
    if threshold.aggregate == RECOVERY and not threshold.stage:
        refuse(text, "recovery is from a stage; write recovery<30s [stage=spike]")
    if threshold.baseline and (threshold.stage or threshold.last_s):
        refuse(text, "an earlier run is looked at whole; leave [baseline] or the other window out")
    if threshold.stage and threshold.last_s:
        refuse(text, "a threshold looks at a stage or at the last seconds, not both; leave one out")
    return threshold


def _duration_s(value: str, text: str) -> float:
    try:
        return units.parse_duration_s(value)
    except ValueError as error:
        refuse(text, str(error).rstrip("."))


def _metric(text: str, whole: str) -> tuple[str, Tags, str]:
    """Return metric, tags, and what follows them and their colon."""
    match = _NAME.match(text)
    if match is None:
        refuse(whole, "write METRIC: p(95)<500, or p99<50ms, errors<1%, rps>=1000")
    rest = text[match.end() :]
    tags: Tags = ()
    if rest.startswith("{"):
        tags, end = _read_tags(text, match.end(), whole)
        rest = text[end:]
    return match[1], tags, rest.lstrip().removeprefix(":")


def _read_tags(text: str, at: int, whole: str) -> tuple[Tags, int]:
    try:
        return read_tags(text, at)
    except Malformed as error:
        refuse(whole, f"column {error.at + 1}: {error}")


def _refuse_unseen(text: str) -> None:
    """Refuse characters that a terminal does not show; in quotes they have a spelling."""
    for at, letter in enumerate(text, 1):
        if redact.printable(letter) != letter:
            code = f"{ord(letter):04x}"
            refuse(
                text,
                f"column {at}: the character U+{code.upper()} cannot be seen; in the quotes of a "
                f"tag's value it is written \\u{{{code}}}",
            )


def _threshold(
    metric: str,
    tags: Tags,
    expression: str,
    known: Mapping[str, Kind],
    text: str,
) -> Threshold:
    """Put one together; every part must suit the metric's type."""
    kind = known.get(metric)
    if kind is None and _AGGREGATE.fullmatch(metric) and not expression.strip():
        refuse(text, f"{metric} has no limit; write an operator and a number, as in {metric}<50ms")
    if kind is None:
        refuse_unknown(text, metric, (*formulas.SHORT, *sorted(known)))
    machine_tags.check(metric, tags, text)
    parts = goal_grammar.parts(expression, text)
    return goal_grammar.joined(
        {word: _single(metric, tags, part, kind, text) for word, part in parts.items()}, text
    )


def _single(metric: str, tags: Tags, expression: str, kind: Kind, text: str) -> Threshold:
    """Put one with one limit together."""
    match = _EXPRESSION.fullmatch(expression)
    if match is None:
        cure = "write AGGREGATE, an operator and a number, as p(95)<500 or rate<0.01"
        refuse(text, cure, expression.strip())
    aggregate, percent = _aggregate(match["aggregate"] or _default(kind))
    allowed = _AGGREGATES[kind.type]
    if (f"{aggregate}(N)" if aggregate == "p" else aggregate) not in allowed:
        cure = f"a {kind.type} such as {metric} has {', '.join(allowed)}"
        refuse(text, cure, match["aggregate"])
    if percent > 100:
        refuse(text, "percentiles go up to p(100)", match["aggregate"])
    if aggregate in BY_SECONDS:
        return by_seconds(metric, tags, kind, match, text)
    written = match["limit"].removesuffix("%") if metric in PERCENTS else match["limit"]
    limit = read_limit(written, kind, aggregate, text)
    return Threshold(
        text=text,
        metric=metric,
        tags=tags,
        expression="".join(expression.split()),
        aggregate=aggregate,
        percent=percent,
        operator=match["operator"],
        limit=limit,
        kind=kind,
    )


def _default(kind: Kind) -> str:
    return {"counter": "count", "gauge": "value", "rate": "rate"}.get(kind.type, "")


def _aggregate(word: str) -> tuple[str, float]:
    match = _AGGREGATE.fullmatch(word)
    if match and match[1]:
        return "p", float(match[1])
    return _SYNONYMS.get(word, word), 0.0
