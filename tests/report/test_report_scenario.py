"""The report of a script's run: what failed comes first, nothing is wider than the screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import samples
import scenario_samples

from fastbench.report.html import html_report
from fastbench.report.text import text_report
from fastbench.results.metric_values import Metric
from fastbench.results.result import Result, Summary

SGR = re.compile(r"\x1b\[[0-9;]*m")


def plain(result: Result, width: int = 100) -> str:
    return text_report.render(result, color=False, width=width)


@pytest.mark.parametrize("name", scenario_samples.ALL)
def test_a_sample_reads_as_it_always_did(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"scenario_{name}.txt", plain(scenario_samples.ALL[name]()))


def test_on_a_small_screen_it_reads_as_it_always_did(golden: Callable[[str, str], None]) -> None:
    shown = text_report.render(scenario_samples.messages(), color=False, width=70, unicode=False)
    golden("scenario_narrow_ascii.txt", shown)


@pytest.mark.parametrize("name", scenario_samples.ALL)
@pytest.mark.parametrize("width", [60, 80, 93, 94, 120, 200])
def test_no_line_is_wider_than_the_screen(name: str, width: int) -> None:
    result = scenario_samples.ALL[name]()
    colored = text_report.render(result, color=True, width=width)
    assert max(len(SGR.sub("", line)) for line in colored.splitlines()) <= width
    assert SGR.sub("", colored) == plain(result, width), "paint moved a column"


@pytest.mark.parametrize("width", [60, 100])
def test_text_from_elsewhere_cannot_move_the_cursor(width: int) -> None:
    shown = plain(scenario_samples.hostile(), width)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)


def place(shown: str, words: str) -> int:
    assert words in shown, words
    return shown.index(words)


def test_what_failed_comes_before_what_was_measured() -> None:
    shown = plain(scenario_samples.messages())
    titles = (
        *("THRESHOLDS", "DROPPED", "req/s", "CHECKS", "HTTP", "EXECUTION", "NETWORK", "CUSTOM"),
        *("SCENARIOS", "REQUESTS", "EXCEPTIONS", "Verdict"),
    )
    places = [place(shown, title) for title in titles]
    assert places == sorted(places)


def test_dropped_iterations_say_why_and_how_to_mend_it() -> None:
    result = scenario_samples.messages()
    assert "10,050 of 179,953 iterations (5.6%) did not start" in plain(result)
    assert "Raise max_vus" in " ".join(plain(result).split())
    row = replace(result.scenarios[0], executor="shared-iterations")
    shown = plain(replace(result, scenarios=(row,)))
    assert "max_duration came first" in " ".join(shown.split())
    assert "DROPPED" not in plain(scenario_samples.smoke())


def test_a_failing_check_stands_first_with_its_counts() -> None:
    result = scenario_samples.messages()
    shown = plain(replace(result, checks=result.checks[::-1]))
    assert place(shown, "✗ status is 201  (whatsapp)") < place(shown, "✓ status is 201  (email)")
    assert "99.76%: ✓ 169,488 / ✗ 412" in shown
    assert "99.86%  289,488 of 289,900 succeeded" in shown


def test_a_share_that_is_not_all_never_reads_100_percent() -> None:
    result = scenario_samples.smoke()
    check = replace(result.checks[0], passes=999_999, fails=1)
    assert "99.99%" in plain(replace(result, checks=(check,)))
    check = replace(check, passes=1, fails=999_999)
    assert "0.01%" in plain(replace(result, checks=(check,)))


def test_many_checks_are_cut_and_the_rest_is_counted() -> None:
    result = scenario_samples.smoke()
    checks = tuple(replace(result.checks[0], name=f"check {at}") for at in range(40))
    shown = plain(replace(result, checks=checks))
    assert "16 more, all of them succeeded" in shown
    failing = tuple(replace(check, fails=1) for check in checks)
    assert "16 more, 16 of them failing" in plain(replace(result, checks=failing))


def test_a_sub_metric_stands_below_its_own() -> None:
    lines = plain(scenario_samples.messages()).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("  http_req_duration"))
    assert lines[at + 1].startswith("    {scenario:email}")


def test_a_sub_metric_of_checks_stands_below_the_checks() -> None:
    shown = plain(scenario_samples.messages())
    found = place(shown, "  checks{check:has an id}  100%  30,000 of 30,000")
    assert place(shown, "CHECKS") < found < place(shown, "HTTP")


def test_an_exception_shows_where_it_came_from() -> None:
    shown = plain(scenario_samples.messages())
    assert "412  KeyError: 'id'" in shown
    assert "message_sending.py:41, whatsapp" in shown
    assert "sent.append(response.json()['id'])" in shown


def test_an_exception_outside_iterations_ended_none() -> None:
    result = scenario_samples.messages()
    (thrown,) = result.exceptions
    beside = replace(thrown, scenario="setup", count=2, text="set base_url, " * 8 + "or else")
    lines = plain(replace(result, exceptions=(thrown, beside))).splitlines()
    assert "EXCEPTIONS  412 iterations ended by an exception, 2 outside iterations" in lines
    shown = " ".join(plain(replace(result, exceptions=(beside,))).split())
    assert "EXCEPTIONS 2 outside iterations 2 KeyError: set base_url" in shown
    assert "set base_url, or else message_sending.py:41, setup" in shown, "it was cut"
    task = replace(thrown, scenario="")
    assert " " * 9 + "message_sending.py:41" in plain(replace(result, exceptions=(task,))).split(
        "\n"
    )


def test_one_named_request_says_nothing_new() -> None:
    result = scenario_samples.messages()
    assert "REQUESTS" not in plain(replace(result, requests=result.requests[:1]))


def test_a_name_stands_as_a_threshold_takes_it_and_the_method_beside_it() -> None:
    result = scenario_samples.messages()
    one = replace(result.requests[0], name="/tickets/{id}", method="GET", scenario="s")
    rows = (one, replace(one, method="DELETE", requests=2), replace(one, name="/", requests=1))
    shown = plain(replace(result, requests=rows))
    named = [line.split()[:2] for line in shown.splitlines() if line.startswith("  /")]
    assert named == [["/tickets/{id}", "GET"], ["/tickets/{id}", "DELETE"], ["/", "GET"]]
    long = replace(one, name="/messages/" + "x" * 100 + "/{id}/read")
    shown = plain(replace(result, requests=(long, one)), 60)
    assert "  /mess…}/read  GET" in shown


def test_a_script_that_gave_up_says_so_at_the_top() -> None:
    first = plain(scenario_samples.aborted()).splitlines()[0]
    assert first == "ABORTED  the script ended the run: no token"


def test_the_lag_is_the_event_loops() -> None:
    assert "event loop was late" in plain(scenario_samples.messages())
    assert "start lag" in plain(samples.planned())


def test_a_script_that_sent_nothing_still_has_a_report() -> None:
    result = replace(
        scenario_samples.smoke(), metrics={}, checks=(), summary=Summary(1.0, 0, 0, 0, 0, 0, 0)
    )
    assert "smoke.py" in plain(result)


def test_a_scenario_whose_executor_is_not_known_has_no_empty_word() -> None:
    """Points do not hold it."""
    result = scenario_samples.messages()
    bare = tuple(replace(row, executor="") for row in result.scenarios)
    lines = plain(replace(result, scenarios=bare)).splitlines()
    assert not [line for line in lines if line.strip().startswith(",")]
    assert any(line.strip().startswith("iteration p95") for line in lines)


@pytest.mark.parametrize(("value", "shown"), [(0.00123, "0.00123"), (1234.56, "1,234.6"), (7, "7")])
def test_a_number_reads_the_same_in_every_report(value: float, shown: str) -> None:
    values = {"value": value, "min": value, "max": value}
    found = replace(
        scenario_samples.messages(), metrics={"mine": Metric("gauge", "default", values)}
    )
    assert shown in plain(found, 120).split("mine")[1].splitlines()[0]
    assert f"{shown} (min {shown}, max {shown})" in html_report.render(found)
