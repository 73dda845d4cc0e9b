"""The document of a comparison: it comes back as it went and obeys its schema."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from importlib import resources
from typing import Any

import jsonschema
import pytest
import samples
from comparing import LATENCIES, SUBJECT, failing, judged, limited, pairs_of, scattered

from fastbench.experiments.compare import compare_document
from fastbench.experiments.compare.compare_document import Comparison, DocumentError, Pair
from fastbench.experiments.compare.saved_results import judge_stored

SCHEMA = json.loads(
    resources.files("fastbench").joinpath("experiments/compare/compare.schema.json").read_text()
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
# Members that documents of 0.4 do not have.
LATER = ("times", "latency_ms", "hdr")
LATER_OF_MACHINES = ("governor", "smt")
LATER_OF_VISITS = ("samples", "p90_ms")
LATER_OF_PAIRS = ("at_s", "start")
SAMPLES = {
    "whole": lambda: judged(scattered(12, 0.05), regression_limit=0.05),
    "with latencies": lambda: replace(judged(scattered(12, 0.05)), latency=LATENCIES),
    "few": lambda: judged(scattered(3, 0.05), primary="p99"),
    "invalid": lambda: judged([limited(each) for each in scattered(9, 0.05)]),
    "failing": lambda: judged([failing(each) for each in scattered(9, 0.05)]),
    "unanswered": lambda: judged([Pair(None, None, "candidate first", False, ("refused",), 2)]),
    "none": lambda: judged([]),
    "some invalid": lambda: judged([*scattered(12, 0.0), limited(pairs_of([1.0])[0])]),
    "stored": lambda: judge_stored(samples.good(), samples.failing(), SUBJECT),
    "without a server": lambda: judge_stored(samples.good(), samples.refused(), SUBJECT),
}


def through_json(comparison: Comparison) -> Any:
    return json.loads(json.dumps(comparison.to_document(), allow_nan=False))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_document_comes_back_as_the_same_comparison(name: str) -> None:
    comparison = SAMPLES[name]()
    assert Comparison.from_document(through_json(comparison)) == comparison


@pytest.mark.parametrize("name", SAMPLES)
def test_every_document_obeys_the_schema(name: str) -> None:
    VALIDATOR.validate(through_json(SAMPLES[name]()))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def described(value: Any, at: Any, path: str = "") -> None:
    """Check that schema and document name the same members, all of them required."""
    if "$ref" in at:
        at = SCHEMA["$defs"][at["$ref"].rsplit("/", 1)[1]]
    if "oneOf" in at and value is not None:
        described(value, at["oneOf"][0], path)
    elif isinstance(value, list):
        for item in value:
            described(item, at["items"], f"{path}[]")
    elif isinstance(value, dict) and "properties" in at:
        later = LATER_OF_MACHINES if path.endswith("environment") else () if path else LATER
        required = {*at["required"], *later}
        required |= {*LATER_OF_VISITS} if path.startswith(".pairs[].") else set()
        required |= {*LATER_OF_PAIRS} if path == ".pairs[]" else set()
        assert set(value) == set(at["properties"]) == required, path
        for name, item in value.items():
            described(item, at["properties"][name], f"{path}.{name}")
    elif isinstance(value, dict) and "additionalProperties" in at:
        for item in value.values():
            described(item, at["additionalProperties"], f"{path}.*")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_schema_describes_exactly_what_is_written(name: str) -> None:
    described(through_json(SAMPLES[name]()), SCHEMA)


def test_the_names_of_the_design_are_there() -> None:
    written = through_json(SAMPLES["whole"]())
    names = {"schema", "verdict", "primary", "ratio", "interval", "confidence", "pairs"}
    names |= {"noise_floor", "pairs_needed", "metrics", "warnings"}
    assert names <= set(written)
    assert written["schema"] == "fastbench.compare/1"
    assert {"base", "candidate", "order", "valid"} <= set(written["pairs"][0])
    assert {"ratio", "interval", "p"} <= set(written["metrics"]["p99"])
    assert len(written["interval"]) == 2 and written["interval"][0] < written["ratio"]


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all members whose absence must be noticed."""
    found = []
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(value, dict) and at != ("metrics",):
            found.append((*at, key))
        if isinstance(item, dict | list) and key not in ("config", "interval"):
            found += paths(item, (*at, key))
    return found


def spoiled(written: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Copy a document with one member replaced, or removed for `...`."""
    changed = copy.deepcopy(written)
    at = changed
    for key in path[:-1]:
        at = at[key]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return changed


def test_a_missing_member_is_named() -> None:
    written = through_json(judged(scattered(2, 0.0)))
    optional = {*LATER, *LATER_OF_MACHINES, *LATER_OF_VISITS, *LATER_OF_PAIRS}
    every = [path for path in paths(written) if path != ("tool", "name") and not optional & {*path}]
    assert len(every) > 60
    for path in every:
        with pytest.raises(DocumentError, match="is missing") as raised:
            Comparison.from_document(spoiled(written, path, ...))
        assert str(raised.value).split(" ")[0].replace("]", "").endswith(str(path[-1]))


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("schema",), "fastbench.compare/2", "schema: this fastbench reads 'fastbench.compare/1'"),
        (("schema",), "fastbench/1", "not 'fastbench/1'"),
        (("verdict",), "better", "verdict: 'better' is none of different, equivalent"),
        (("primary",), "p42", "primary: 'p42' is none of requests_per_s"),
        (("interval",), [1.0], "interval: expected two numbers, the low one first"),
        (("interval",), [2.0, 1.0], "interval: expected two numbers"),
        (("interval",), 3, "interval: expected a list, got 3"),
        (("metrics", "p99", "interval"), [], "metrics.p99.interval: expected two numbers"),
        (("metrics", "p99", "equivalence_interval"), [1], "metrics.p99.equivalence_interval"),
        (("ratio",), -1, "ratio: -1 is out of range"),
        (("pairs", 1, "base", "p50_ms"), "fast", r"pairs[1].base.p50_ms: expected a number"),
        (("pairs", 0, "order"), "both at once", r"pairs[0].order"),
        (("ended",), "later", "ended: 'later' is none of"),
        (("seed",), 1.5, "seed: expected a whole number"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(
    path: tuple[Any, ...], value: Any, sentence: str
) -> None:
    written = through_json(SAMPLES["whole"]())
    with pytest.raises(DocumentError) as raised:
        Comparison.from_document(spoiled(written, path, value))
    assert sentence in str(raised.value)


def test_a_document_from_before_there_were_latencies_is_read() -> None:
    written = through_json(SAMPLES["with latencies"]())
    for name in LATER:
        del written[name]
    VALIDATOR.validate(written)
    assert Comparison.from_document(written) == judged(scattered(12, 0.05))


def test_the_histograms_are_those_of_a_run_s_document() -> None:
    written = through_json(SAMPLES["stored"]())
    run = json.loads(samples.good_json())
    assert written["times"] == "service"
    assert written["hdr"]["base"] == run["hdr"]["service"]
    assert written["latency_ms"]["base"] == run["latency_ms"]["service"]
    both = judge_stored(samples.planned(), samples.planned(), SUBJECT).latency
    assert both is not None and both.times == "response"
    assert both.base == samples.planned().latency.response


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("times",), None, "times: expected a text"),
        (("times",), "both", "times: 'both' is none of service, response"),
        (("hdr",), ..., "hdr is missing"),
        (("hdr", "candidate"), ..., "hdr.candidate is missing"),
        (("hdr", "base"), "AAAA", "hdr.base: not a compressed V2 HdrHistogram"),
        (("latency_ms", "base"), None, "latency_ms.base: expected an object"),
        (("latency_ms", "base", "count"), 1, "latency_ms.base.count: hdr.base holds"),
    ],
)
def test_a_broken_histogram_is_named(path: tuple[Any, ...], value: Any, sentence: str) -> None:
    written = through_json(SAMPLES["with latencies"]())
    with pytest.raises(DocumentError) as raised:
        Comparison.from_document(spoiled(written, path, value))
    assert sentence in str(raised.value)


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_what_is_no_object_is_no_comparison(value: object) -> None:
    with pytest.raises(DocumentError, match="expected an object"):
        Comparison.from_document(value)


def test_names_of_a_newer_writer_are_ignored() -> None:
    written = through_json(SAMPLES["whole"]())
    newer = written | {"more": 1, "pairs": [each | {"more": 1} for each in written["pairs"]]}
    assert Comparison.from_document(newer) == SAMPLES["whole"]()


def test_metrics_name_figures() -> None:
    pair = pairs_of([1.5])[0]
    assert pair.base is not None
    one = replace(pair.base, p50_ms=2.0, p99_ms=3.0, mean_ms=4.0, cpu_us_per_request=5.0)
    one = replace(one, p90_ms=2.5)
    assert [one.of(name) for name in compare_document.FIGURES] == [
        *(10_000.0, 2.0, 2.5, 3.0, 4.0, 5.0)
    ]
