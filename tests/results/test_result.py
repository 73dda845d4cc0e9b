"""The document: it comes back as it went, obeys its schema, and names the field that is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import pytest
import samples
import scenario_samples
import stage_samples
from hypothesis import given, settings
from result_strategies import strategy
from running import SLOW
from schema_paths import written

from fastbench.results import result as module
from fastbench.results.addresses import AddressRow
from fastbench.results.assessment.conservation import imbalances
from fastbench.results.histogram import Histogram
from fastbench.results.json_codec import DocumentError, plain
from fastbench.results.latencies import latency_ms
from fastbench.results.load_stages import Level, StageRow
from fastbench.results.metric_values import GaugeRow
from fastbench.results.result import Operations, OperationsRow, Result, Summary
from fastbench.results.run_outcome import Reason

SCHEMA = json.loads(resources.files("fastbench").joinpath("results/result.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

SAMPLES = samples.ALL | {f"scenario_{name}": one for name, one in scenario_samples.ALL.items()}
RESULTS = strategy(Result)


def through_json(result: Result) -> Any:
    return json.loads(json.dumps(result.to_document(), allow_nan=False))


@pytest.mark.slow
@settings(max_examples=200 if SLOW else 20)
@given(RESULTS)
def test_a_document_comes_back_as_the_same_result(result: Result) -> None:
    assert Result.from_document(through_json(result)) == result


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_comes_back_as_it_was(name: str) -> None:
    result = SAMPLES[name]()
    assert Result.from_document(through_json(result)) == result


@pytest.mark.parametrize("name", sorted(set(SAMPLES) - {"hostile"}))
def test_every_sample_obeys_the_schema(name: str) -> None:
    VALIDATOR.validate(through_json(SAMPLES[name]()))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def required(at: Any, path: str = "") -> set[str]:
    """Return the path of every member the schema requires."""
    if "$ref" in at:
        at = SCHEMA["$defs"][at["$ref"].rsplit("/", 1)[1]]
    found = {f"{path}{name}" for name in at.get("required", ())}
    for name in at.get("required", ()):
        found |= required(at["properties"][name], f"{path}{name}.")
    for branch in at.get("oneOf", ()) or [at[name] for name in ("items",) if name in at]:
        found |= required(branch, path)
    return found


ASKED_LEVELS = ("asked_users", "asked_per_s")
# Documents of before do not have them.
CAME_LATER = {
    *("environment.governor", "environment.smt", "addresses", "summary.cancelled"),
    *("summary.overdue_at_end", "warmup.in_flight_at_end", "warmup.never_answered"),
    *("outcome", "outcome.level", "outcome.reasons"),
    *(f"outcome.reasons.{field.name}" for field in fields(Reason)),
    *(f"addresses.{field.name}" for field in fields(AddressRow)),
    *(f"requests.{name}" for name in ("timeouts", "bytes_in", "status_codes", "response")),
    *(f"requests.{name}" for name in ("kind", "bytes_out", "in_flight_at_end", "reasons")),
    *(f"scenarios.{name}" for name in ("operations", "operations_failed", "operation_latency")),
    *("series.use.targets.connections", "gauges"),
    *(f"gauges.{field.name}" for field in fields(GaugeRow)),
    *("machines", *(f"machines.{name}" for name in plain(samples.on_machines().machines[0]))),
    *("stages", *(f"stages.{field.name}" for field in fields(StageRow))),
    *(f"stages.{of}.{field.name}" for of in ASKED_LEVELS for field in fields(Level)),
    *("operations", "series.operations", "latency_ms.operation", "hdr.operation"),
    *(f"operations.{field.name}" for field in fields(Operations)),
    *(f"series.operations.{field.name}" for field in fields(OperationsRow)),
    *(f"latency_ms.operation.{name}" for name in latency_ms(Histogram.empty())),
}


def test_the_schema_requires_exactly_what_is_written() -> None:
    full = replace(everything(), resources=samples.watched().resources)
    free = (
        *("config.", "status_codes.", "series.errors.", "metrics.", "thresholds.", "gauges.tags."),
        *("stages.failed.", "stages.warned."),
    )
    names = {name for name in written(through_json(full)) if not name.startswith(free)}
    assert names == required(SCHEMA) | CAME_LATER


def members(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every member and item, to break them one by one."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    paths = []
    for key, item in items:
        paths.append((*path, key))
        if isinstance(item, dict | list) and path[:1] != ("config",):
            paths += members(item, (*path, key))
    return paths


def everything() -> Result:
    """A result with one of everything."""
    planned, watched, mixed = samples.planned(), samples.watched(), scenario_samples.messages()
    return replace(
        samples.failing(),
        latency=replace(
            planned.latency,
            failed=samples.failing().latency.failed,
            operation=Histogram.from_values([5, 6]),
        ),
        series=(
            replace(
                watched.series[0],
                errors={"reset": 2},
                operations=OperationsRow(2, 1, 0.1, 0.2, 0.15),
            ),
        ),
        operations=Operations(3, 1, 1, 10, 20, 1, 0.5, 1),
        tls=samples.tls().tls,
        warmup=samples.warmed().warmup,
        machines=samples.on_machines().machines,
        validity=planned.validity,
        metrics={"messages": mixed.metrics["http_req_failed"]},
        thresholds={"checks: rate>0.99": mixed.thresholds["checks: rate>0.99"]},
        requests=mixed.requests[:1],
        scenarios=mixed.scenarios[:1],
        checks=mixed.checks[:1],
        exceptions=mixed.exceptions,
        addresses=(AddressRow("http://h", "127.0.0.1:80", "ipv4", 3, 1, "refused"),),
        gauges=(GaugeRow("depth", {"queue": "low"}, (0.0, 5.0), (3.0, -1.5)),),
        stages=(stage_samples.ALL_OF_ONE,),
    )


@cache
def short_text() -> str:
    full = everything()
    latency = replace(
        full.latency,
        failed=Histogram.from_values([3, 4]),
        response=Histogram.from_values([1, 2]),
        lag=Histogram.from_values([0, 1]),
    )
    return json.dumps(
        replace(
            full, latency=latency, errors=full.errors[:1], workers=full.workers[:1]
        ).to_document()
    )


def short() -> Any:
    """The document of everything, small enough to break in every place."""
    return json.loads(short_text())


BROKEN = [path for path in members(short()) if path[0] not in ("config", "thresholdsFailed")]


def spoil(document: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    broken = copy.deepcopy(document)
    at = broken
    for key in path[:-1]:
        at = at[key]
    change(at, path[-1])
    return broken


def dotted(path: tuple[Any, ...]) -> str:
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".")


DERIVED = ("requests", "requests_per_s", "bytes_in_per_s")
READ_ROWS = ("count", "min", "max", "sum_ns")


def is_read(path: tuple[Any, ...]) -> bool:
    """Tell what is read back; the rest follows from it and may be missing."""
    if path[0] == "summary" and path[-1] in DERIVED:
        return False
    if path[0] == "latency_ms" and len(path) == 3:
        return path[-1] in READ_ROWS
    return path != ("tool", "name") and path[0] != "outcome"


def is_optional(path: tuple[Any, ...]) -> bool:
    named = ".".join(name for name in path if isinstance(name, str))
    return named in CAME_LATER or (path[0], path[-1]) == ("thresholds", "grade")


def is_free(path: tuple[Any, ...]) -> bool:
    """Tell which names a writer chooses: statuses, kinds of errors per second, list items."""
    if path[0] == "metrics" and len(path) != 3:
        return True
    maps = {"status_codes": 2, "thresholds": 2, "requests": 4, "scenarios": 4, "gauges": 4}
    if path[0] == "stages" and path[2:3] in (("failed",), ("warned",)):
        return len(path) == 4
    return maps.get(path[0]) == len(path) or "errors" in path[1:-1]


@pytest.mark.parametrize("path", [path for path in BROKEN if is_read(path)], ids=dotted)
def test_a_field_of_the_wrong_type_is_named(path: tuple[Any, ...]) -> None:
    def change(at: Any, key: Any) -> None:
        at[key] = {"no": "sense"} if not isinstance(at[key], dict) else 7

    with pytest.raises(DocumentError) as caught:
        Result.from_document(spoil(short(), path, change))
    assert str(caught.value).startswith(dotted(path)), caught.value


NAMED = [path for path in BROKEN if is_read(path) and isinstance(path[-1], str)]


@pytest.mark.parametrize(
    "path", [path for path in NAMED if not (is_free(path) or is_optional(path))], ids=dotted
)
def test_a_missing_field_is_named(path: tuple[Any, ...]) -> None:
    with pytest.raises(DocumentError, match="is missing") as caught:
        Result.from_document(spoil(short(), path, lambda at, key: at.pop(key)))
    assert str(caught.value).startswith(dotted(path)), caught.value


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("schema",), "fastbench/0", "schema: this fastbench reads 'fastbench/1'"),
        (("summary", "ok"), -1, "summary.ok: -1 is out of range"),
        (("summary", "ok"), 1.5, "summary.ok: expected a whole number, got 1.5"),
        (("summary", "ok"), True, "summary.ok: expected a whole number, got True"),
        (("summary", "duration_s"), float("nan"), "summary.duration_s: nan is out of range"),
        (("summary", "ended"), "well", "summary.ended: 'well' is none of complete, "),
        (("validity", "verdict"), "fine", "validity.verdict: 'fine' is none of ok, client-limited"),
        (("validity", "limit"), "moon", "validity.limit: 'moon' is none of client, server, host"),
        (("resources", "targets", 0, "role"), "x", "resources.targets[0].role: 'x' is none of"),
        (("hdr", "service"), "@@", "hdr.service: "),
        (("hdr", "response"), None, "hdr.response: expected a text, got None"),
        (("latency_ms", "lag"), None, "latency_ms.lag"),
        (("hdr", "service"), "AAAA", "hdr.service: not a compressed V2"),
        (("latency_ms", "service", "count"), 3, "latency_ms.service.count: hdr.service holds"),
        (("errors",), {}, "errors: expected a list"),
        (("thresholds", "checks: rate>0.99", "level"), "x", "thresholds.checks: rate>0.99.level"),
        (("workers", 0, "lost"), 0, "workers[0].lost: expected true or false, got 0"),
    ],
)
def test_a_value_that_cannot_be_is_named(
    path: tuple[Any, ...], value: object, sentence: str
) -> None:
    def change(at: Any, key: Any) -> None:
        at[key] = value

    with pytest.raises(DocumentError) as caught:
        Result.from_document(spoil(short(), path, change))
    assert str(caught.value).startswith(sentence)


def test_without_a_plan_there_is_no_response_time_and_no_lag() -> None:
    document = short()
    for name in ("response", "lag"):
        document["latency_ms"][name] = document["hdr"][name] = None
    VALIDATOR.validate(document)
    latency = Result.from_document(document).latency
    assert (latency.response, latency.lag) == (None, None)


def test_the_warm_up_has_a_rate_of_its_own() -> None:
    warmup = samples.warmed().warmup
    assert warmup is not None
    assert warmup.requests_per_s == 12_345 / 5
    assert replace(warmup, duration_s=0.0).requests_per_s == 0.0


@pytest.mark.parametrize("document", [None, [], "text", 3, {}])
def test_what_is_no_document_is_refused(document: object) -> None:
    with pytest.raises(DocumentError):
        Result.from_document(document)


def test_names_of_a_newer_writer_are_ignored() -> None:
    document = short()
    document["novelty"] = 1
    document["summary"]["novelty"] = 1
    assert Result.from_document(document).summary == samples.failing().summary


def test_a_document_from_before_a_field_came_is_read_without_it() -> None:
    document = short()
    del document["environment"]["governor"], document["environment"]["smt"]
    found = Result.from_document(document).environment
    assert (found.governor, found.smt) == ("unknown", None)


def test_a_latency_row_has_milliseconds_and_nulls_without_samples() -> None:
    row = latency_ms(Histogram.from_values([1_000_000, 3_000_000]))
    assert (row["count"], row["min"], row["mean"], row["max"]) == (2, 1.0, 2.0, 3.0)
    assert row["p50"] == pytest.approx(1.0, rel=1e-3)
    assert row["p99"] == 3.0
    empty = latency_ms(Histogram.empty())
    assert (empty["count"], empty["p99"], empty["mean"]) == (0, None, None)
    assert row.keys() == empty.keys()


def test_rates_are_per_second_of_the_run() -> None:
    summary = replace(samples.good().summary, duration_s=4.0, ok=10, failed=5, timeouts=1)
    assert summary.requests == 16
    assert summary.requests_per_s == 4.0
    assert replace(summary, duration_s=0.0).requests_per_s == 0.0


def planned(summary: Summary) -> Summary:
    return replace(summary, scheduled=summary.started + 7, dropped=3, queued_at_end=4)


@pytest.mark.parametrize("name", samples.ALL)
def test_counts_that_add_up_are_in_balance(name: str) -> None:
    result = samples.ALL[name]()
    assert imbalances(result) == []
    assert imbalances(replace(result, summary=planned(result.summary))) == []


@pytest.mark.parametrize("field", ["started", "ok", "failed", "timeouts", "in_flight_at_end"])
def test_one_request_too_many_is_an_imbalance(field: str) -> None:
    result = samples.good()
    more = replace(result.summary, **{field: getattr(result.summary, field) + 1})
    found = imbalances(replace(result, summary=more))
    assert any("started" in sentence for sentence in found)


@pytest.mark.parametrize("field", ["scheduled", "dropped", "queued_at_end"])
def test_one_planned_request_too_many_is_an_imbalance(field: str) -> None:
    result = samples.good()
    summary = planned(result.summary)
    more = replace(summary, **{field: getattr(summary, field) + 1})
    found = imbalances(replace(result, summary=more))
    assert len(found) == 1
    assert "scheduled" in found[0]


def test_an_invented_sample_is_an_imbalance() -> None:
    result = samples.good()
    service = result.latency.service.merge(Histogram.from_values([5]))
    (found,) = imbalances(replace(result, latency=replace(result.latency, service=service)))
    assert found.startswith("service times")


def test_public_names_are_there() -> None:
    assert all(hasattr(module, name) for name in module.__all__)
