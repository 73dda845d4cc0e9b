"""search_loop.py and objective.py: what holds, whom a failure is blamed on, how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from searching import Knee, answered, clock_of, searching, silent

from fastbench.experiments.find import objective
from fastbench.experiments.find.find_document import Border, Found, Step
from fastbench.experiments.find.lost_machines import Lost
from fastbench.experiments.find.search import Range
from fastbench.foundation.usage_error import UsageError
from fastbench.report.text.find_text import answer, failures
from fastbench.results.counts import Http2
from fastbench.results.histogram import Histogram
from fastbench.results.json_codec import DocumentError
from fastbench.results.latencies import Latency
from fastbench.results.result import Result, Validity, Warmup

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "fastbench/experiments/find/find.schema.json").read_bytes()
)
SHORT = ("p99<1s", "avg<500ms", "p99<499ms")  # in runs of a second
NOISY = Validity("noisy-host", "none", ("other programs took 50% of the processors",))
LATE = Validity("late", "none", ("the client sent late",))


def test_a_knee_is_found_and_the_limit_named() -> None:
    knee, told = Knee(1000), list[Step]()
    found = searching(knee, told=told)
    assert found.ended == "found"
    assert found.rate is not None and 980 <= found.rate <= 1000
    assert found.interval.low == found.rate
    assert found.interval.high is not None and 1000 < found.interval.high <= 1020
    assert (found.limit, found.reasons[0][:10]) == ("server", "python (pi")
    assert found.warnings == ()
    assert list(found.steps) == told and len(told) == len(knee.asked)
    assert [each.text for each in found.objective] == ["p99<50ms", "errors<1%"]


def test_the_document_is_what_the_schema_says_and_reads_back() -> None:
    for found in (
        searching(Knee(1000)),
        searching(Knee(1)),
        searching(Knee(1000, client=300)),
        searching(lambda rate: None),
    ):
        document = json.loads(json.dumps(found.to_document()))
        jsonschema.validate(document, SCHEMA, jsonschema.Draft202012Validator)
        assert Found.from_document(document) == found
        assert (
            set(SCHEMA["required"]) | {"machines", "protocol"}
            == set(document)
            == set(SCHEMA["properties"])
        )


def test_the_version_of_http_that_was_measured_is_told() -> None:
    chosen = {100.0: "", 200.0: "HTTP/1.1"}  # by rate; the others are of HTTP/2

    def measure(rate: float) -> Result:
        spoken = chosen.get(rate, "HTTP/2")
        use = Http2(spoken == "HTTP/2", spoken == "HTTP/1.1", 1, 1, goaways=0, refused=0)
        return replace(answered(rate, 1 if rate < 1000 else 100), http2=use)

    assert searching(measure).protocol == "HTTP/2 and HTTP/1.1"
    chosen.clear()
    assert searching(measure).protocol == "HTTP/2"
    assert searching(Knee(1000)).protocol == "HTTP/1.1"


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("schema", "fastbench/1", "schema: this fastbench reads"),
        ("interval", [5, 4], "interval: expected two numbers"),
        ("interval", [5], "interval: expected two numbers"),
        ("rate", "x", "rate: expected a number"),
        ("ended", "x", "ended: 'x' is none of"),
    ],
)
def test_a_wrong_document_names_its_field(path: str, value: object, sentence: str) -> None:
    document = {**searching(Knee(1000)).to_document(), path: value}
    with pytest.raises(DocumentError, match=sentence):
        Found.from_document(json.loads(json.dumps(document)))


def test_errors_and_what_is_not_sent_are_part_of_every_objective() -> None:
    def over(rate: float) -> Result:
        return answered(rate, 1, failed=round(max(0, rate - 1000)))

    found = searching(over)
    assert found.rate is not None and 990 <= found.rate <= 1010.2
    assert "responses were 429" in found.reasons[0]
    assert searching(over, "p99<50ms", "errors<60%").rate == pytest.approx(2500, rel=0.02)
    unsent = searching(lambda rate: answered(rate, 1, queued=round(max(0, rate - 1000))))
    assert unsent.rate is not None and 990 <= unsent.rate <= 1010.2


def test_the_times_that_are_meant_are_those_judged() -> None:
    def run(rate: float) -> Result:
        result = answered(rate, 40)
        return replace(result, latency=replace(result.latency, service=answered(10, 5).latency.lag))  # type: ignore[arg-type]

    most = Range(100, 10, 100, 0.02)
    assert searching(run, "p99<20ms", where=most).ended == "none"
    assert searching(run, "service: p99<20ms", where=most).ended == "most"
    assert searching(run, "http_req_duration: p(95)<20", where=most).ended == "most"
    assert searching(run, "avg<41ms", "max<41ms", "med<41ms", where=most).ended == "most"
    assert searching(run, "avg<39ms", where=most).ended == "none"


@pytest.mark.parametrize(
    "text",
    (
        *("rps>1000", "p99>50ms", "p99<50ms [last=5s]", "p99<50ms [warn]", "p99", "requests<5"),
        *("x<1", "p99<50ms [abort]"),
    ),
)
def test_what_is_no_objective_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        objective.read([text])


def test_an_objective_is_needed_and_errors_are_added_unless_it_has_them() -> None:
    with pytest.raises(UsageError, match="--slo 'p99<50ms'"):
        objective.read([])
    assert [each.text for each in objective.read(["p99<1s"])] == ["p99<1s", "errors<1%"]
    assert [each.text for each in objective.read(["errors<5%"])] == ["errors<5%"]


def test_where_the_client_is_the_limit_it_stops_early_and_says_so() -> None:
    knee = Knee(1e5, client=5000)
    found = searching(knee)
    assert (found.ended, found.limit) == ("client_limited", "client")
    assert found.rate == 4525  # 3200 held, 6400 was too much; then 4525 held, 5381 was too much
    assert found.interval == Border(4525, None)
    assert "busiest worker" in found.reasons[0]
    assert len(knee.asked) < 16
    assert [step.redone for step in found.steps][-1] == 2


def test_a_knee_below_the_clients_limit_is_found_all_the_same() -> None:
    found = searching(Knee(4000, client=5000))
    assert found.ended == "found"
    assert found.rate == pytest.approx(4000, rel=0.02)


def test_wrong_answers_are_not_blamed_on_a_late_client() -> None:
    def over(rate: float) -> Result:
        wrong = rate > 1000
        return answered(rate, 1, failed=round(rate / 2) * wrong, validity=LATE)

    assert searching(over).ended == "found"


def test_a_run_that_was_late_or_disturbed_is_done_again() -> None:
    for spoilt in (LATE, NOISY):
        knee = Knee(1000, spoilt={1: answered(200, 1000, validity=spoilt)})
        found = searching(knee)
        assert knee.asked[:4] == [100, 200, 200, 400]
        assert [step.redone for step in found.steps[:3]] == [0, 1, 0]
        assert found.ended == "found" and found.warnings == ()


def test_noise_that_stays_is_told_and_costs_no_more_than_two_runs() -> None:
    def noisy(rate: float) -> Result:
        asked.append(rate)
        return answered(rate, 1000 if rate > 1000 else 1, validity=NOISY)

    asked: list[float] = []
    found = searching(noisy)
    assert found.rate == pytest.approx(1000, rel=0.02)
    assert [warning.code for warning in found.warnings] == ["noisy_host"]
    assert len(asked) == len(found.steps) + 2


def test_runs_that_disagree_are_told() -> None:
    # 100, 200, 400, 800 hold but for one run at 400, 1600 does not.
    found = searching(Knee(1000, spoilt={2: answered(400, 1000)}))
    assert found.rate == pytest.approx(1000, rel=0.02)
    assert found.interval.low == 200
    assert [warning.code for warning in found.warnings] == ["unsteady"]


def test_a_server_that_never_answers_ends_it_at_once() -> None:
    knee = Knee(1000, gone_at=0)
    found = searching(knee)
    assert (found.ended, found.rate, len(knee.asked)) == ("nothing_succeeded", None, 1)
    assert "refused" in found.reasons[0]


def test_a_server_that_stops_answering_ends_it_soon() -> None:
    knee = Knee(1000, gone_at=400)
    found = searching(knee)
    assert (found.ended, found.rate, len(knee.asked)) == ("server_gone", 200, 5)


def test_a_server_that_only_works_off_the_warm_up_is_not_gone() -> None:
    """What it answers was sent before measuring began: nothing of it counts, but it is there."""
    busy = Warmup(0.5, 9, 9, 0, 0, 400.0, 400.0, 500, 500)

    def swamped(rate: float) -> Result:
        if rate < 1000:
            return answered(rate, 1)
        empty = Histogram.empty()
        result = answered(rate, 1, unanswered=round(rate))
        return replace(
            result, warmup=busy, latency=Latency(empty, empty, empty, empty, empty, empty)
        )

    found = searching(swamped)
    assert found.ended == "found" and found.rate is not None and 980 <= found.rate < 1000
    assert "busy with 500 requests of the warm-up" in found.reasons[0]


def test_no_more_is_said_of_a_silent_server_than_is_known() -> None:
    found = searching(Knee(300, gone_at=400))
    assert found.ended == "server_gone"
    assert answer(found)[0].startswith("no response came at 400 req/s and after; 200 req/s met")
    spoilt = {2: answered(400, 1000), 3: answered(400, 1000), 4: silent(), 5: silent()}
    found = searching(Knee(300, gone_at=400, spoilt=spoilt))
    assert found.ended == "server_gone"
    assert "and after, when 400 req/s had overloaded the server;" in answer(found)[0]


def test_steps_that_are_short_for_what_is_asked_are_told() -> None:
    codes = [[each.code for each in searching(Knee(1000), slo).warnings] for slo in SHORT]
    assert codes == [["short_steps"], ["short_steps"], []]


def test_a_signal_ends_it_with_what_there_is() -> None:
    answers = Knee(1000)
    found = searching(lambda rate: None if len(answers.asked) == 2 else answers(rate))
    assert (found.ended, found.rate, found.interval) == ("interrupted", 200, Border(200, None))


def test_a_lost_run_ends_it_with_what_there_is() -> None:
    answers = Knee(1000)

    def measure(rate: float) -> Result | None:
        if len(answers.asked) == 2:
            raise Lost("at 400 req/s the process that measured ended by SIGKILL")
        return answers(rate)

    found = searching(measure)
    assert (found.ended, found.rate, found.interval) == ("lost", 200, Border(200, None))
    assert answer(found) == ("a run was lost: so far 200 req/s met p99<50ms and errors<1%", "doubt")
    assert found.reasons == ("at 400 req/s the process that measured ended by SIGKILL",)
    jsonschema.validate(found.to_document(), SCHEMA, jsonschema.Draft202012Validator)


def test_the_time_ends_it_with_what_there_is() -> None:
    knee = Knee(1000)
    found = searching(knee, max_time_s=6.1, clock=clock_of(knee))
    assert (found.ended, found.rate, found.elapsed_s) == ("out_of_time", 800, 6.0)


def test_a_backlog_that_grows_through_a_short_step_is_no_rate_that_holds() -> None:
    """A server of 500/s takes whatever comes: at r/s the last wait 1 - 500/r seconds for answers.

    Those answered took half as long, so that the objective is met: the step was too short for it.
    """

    def swallowing(rate: float) -> Result:
        unanswered = max(0, round(rate - 500))
        wait_ms = 1000 * max(0.0, 1 - 500 / rate) / 2
        return answered(rate, max(1.0, wait_ms), unanswered=unanswered)

    found = searching(swallowing, "p99<900ms")
    assert found.rate is not None and found.rate < 700
    assert [each.code for each in found.warnings if each.code == "growing_backlog"]
    grown = [step for step in found.steps if step.growing]
    assert grown and not any(step.held for step in grown)
    assert any(failures(step) == "backlog still growing" for step in grown)


def test_a_slow_server_that_keeps_up_holds() -> None:
    def slow(rate: float) -> Result:
        return answered(rate, 200, unanswered=round(rate * 0.2))

    assert searching(slow, "p99<900ms", where=Range(100, 10, 1600, 0.02)).ended == "most"


def test_a_step_of_an_older_document_reads() -> None:
    document = json.loads(json.dumps(searching(Knee(1000)).to_document()))
    for step in document["steps"]:
        del step["growing"], step["unanswered_share"]
    steps = Found.from_document(document).steps
    assert not any(step.growing or step.unanswered_share for step in steps)
