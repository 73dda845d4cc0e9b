"""What a run says of HTTP/2: on how many connections, with how many streams, and what came back."""

from dataclasses import replace
from pathlib import Path

import pytest
from certificates import Authority
from commandline import invoke, measured
from http2_library import speaking
from running import ONE
from samples import good
from scenario_samples import messages
from servers import Server, answering
from stream_peer import offering

from fastbench.cli.args import url_args
from fastbench.experiments.compare.saved_results import load_changes
from fastbench.report import load_heading, protocol_words
from fastbench.report.html.charts import run_charts
from fastbench.report.text.text_report import render
from fastbench.results import protocol
from fastbench.results.assessment import notices, verdict
from fastbench.results.counts import Http2
from fastbench.results.merging.merged_result import _http2
from fastbench.results.result import ErrorRow, Result
from fastbench.results.run_outcome import causes
from fastbench.run import runner
from fastbench.run.sampling import Progress

SPOKEN = Http2(2, 0, streams=200, stream_limit=128, goaways=1, refused=3)


def spoken(use: Http2, **config: object) -> Result:
    found = good()
    return replace(found, http2=use, config={**found.config, "http": "", **config})


def told(result: Result) -> set[str]:
    return {each.code for each in notices.of(result)}


def test_a_server_that_allows_few_streams_is_told() -> None:
    with Server(speaking(streams=2)) as server:
        run = measured("--http2", "-m", "5", "-n200", *ONE, "--csv", "-", server.url())
    document = run.document
    assert document["http2"] == {
        "connections": 1,
        "http1_connections": 0,
        "streams": 5,
        "stream_limit": 2,
        "goaways": 0,
        "refused": 0,
    }
    assert run.summary["ok"] == server.seen.requests == 200
    assert [each["code"] for each in document["warnings"]].count("stream_limit") == 1


def test_what_was_sent_back_and_connections_that_were_ended_are_counted() -> None:
    with Server(speaking(refused=1, goaway=50)) as server:
        run = measured("--http2", "-m", "3", "-n", "200", *ONE, server.url())
    use = run.document["http2"]
    assert run.summary["ok"] == server.seen.requests == 200
    assert use["connections"] == use["refused"] == server.seen.connections
    assert use["goaways"] in (server.seen.connections, server.seen.connections - 1)
    assert run.summary["retried"] >= use["refused"]


def test_streams_that_are_reset_are_an_error_of_their_own() -> None:
    with Server(speaking(reset=2)) as server:
        run = measured("--http2", "-m", "2", "-n", "20", *ONE, server.url())
        shown = invoke("--http2", "-n", "4", *ONE, server.url())
    assert [(each["kind"], each["code"], each["count"]) for each in run.errors] == [
        ("stream_reset", "INTERNAL_ERROR", 2)
    ]
    assert run.summary["failed"] == 2
    assert "the server reset the stream" in shown.stdout


def test_a_server_that_chooses_http1_is_told(tmp_path: Path) -> None:
    with Server(answering(), tls=Authority(tmp_path).good("127.0.0.1")) as server:
        run = measured("-m", "4", "-n5", *ONE, "-k", server.url())
    assert run.document["http2"]["http1_connections"] == 1
    assert run.document["http2"]["connections"] == 0
    assert "no_streams" in [each["code"] for each in run.document["warnings"]]


def test_nothing_is_said_of_a_run_that_cannot_speak_it() -> None:
    with Server(answering()) as server:
        run = measured("-n5", *ONE, server.url())
    assert "http2" not in run.document
    assert "streams" not in run.document["series"][0]


def test_the_heading_and_the_row() -> None:
    page = render(spoken(SPOKEN, connections=2), color=False, width=80)
    assert "  2 connections × 128 streams, HTTP/2," in page  # noqa: RUF001
    assert "HTTP/2 on 2 connections, 128 streams of 200 asked on each" in page
    assert "as the server chose (--http1 for HTTP/1.1)" in page
    assert "1 GOAWAY" in page and "3 streams refused" in page
    assert all(len(line) <= 80 for line in page.splitlines())


def test_a_scripts_users_have_as_many_streams_as_they_ask_for() -> None:
    found = replace(messages(), http2=replace(SPOKEN, streams=6, stream_limit=6))
    assert "up to 6 streams on each" in protocol_words.told(found)


@pytest.mark.parametrize("asked", ["2", "1.1", None])
def test_who_asked_for_it_is_not_told_of_a_choice(asked: str | None) -> None:
    found = protocol_words.told(spoken(SPOKEN, http=asked))
    assert not any("chose" in part for part in found)


@pytest.mark.parametrize(
    ("use", "codes"),
    [
        (SPOKEN, {"stream_limit"}),
        (replace(SPOKEN, streams=128), set()),
        (replace(SPOKEN, streams=10, stream_limit=10, http1_connections=3), {"mixed_protocols"}),
        (Http2(0, 3, 10, 0, 0, 0), {"no_streams"}),
        (Http2(0, 3, 1, 0, 0, 0), set()),
        (Http2(0, 0, 10, 0, 0, 0), set()),
    ],
)
def test_notices(use: Http2, codes: set[str]) -> None:
    assert told(spoken(use)) & {"stream_limit", "mixed_protocols", "no_streams"} == codes


def test_a_goaway_ends_a_connection_and_is_no_failed_request() -> None:
    rows = [ErrorRow.of("goaway", "head", "ENHANCE_YOUR_CALM", 25, 0.1)]
    reset = [ErrorRow.of("stream_reset", "head", "CANCEL", 7, 0.1)]
    assert causes({}, rows, 0, connecting=False) == {}
    assert causes({}, rows + reset, 7, connecting=False) == {"stream reset": 7}
    assert causes({}, rows + reset, 9, connecting=False) == {"stream reset": 7, "goaway": 2}


def test_requests_that_the_server_sends_back_are_no_warning_until_they_are_many() -> None:
    found = spoken(SPOKEN)
    many = replace(found.summary, retried=found.summary.requests // 10)
    lost = replace(found, summary=many, http2=replace(SPOKEN, goaways=0, refused=0))
    assert [each.code for each in lost.outcome.reasons] == ["retried"]
    assert not replace(found, summary=many).outcome.reasons
    assert "streams_refused" not in told(found)
    assert "streams_refused" in told(spoken(replace(SPOKEN, refused=many.retried)))


def test_both_versions_in_one_run_are_named() -> None:
    load = load_heading.load_of(spoken(replace(SPOKEN, http1_connections=1)))
    assert load.protocol == "HTTP/2 and HTTP/1.1"


def test_runs_that_spoke_different_versions_have_different_loads() -> None:
    older, newer = good(), spoken(replace(SPOKEN, stream_limit=1, streams=1))
    assert "protocol (HTTP/1.1 and HTTP/2)" in load_changes(older, newer)
    assert "streams (1 and 128)" in load_changes(newer, spoken(SPOKEN))
    unconnected = spoken(Http2(0, 0, 1, 0, 0, 0))
    assert not any(each.startswith("protocol") for each in load_changes(older, unconnected))


def test_merged_runs_add_connections_up_and_keep_the_lowest_limit() -> None:
    other = Http2(0, 4, streams=300, stream_limit=0, goaways=2, refused=0)
    assert _http2([SPOKEN, other]) == Http2(2, 4, 300, 128, 3, 3)
    assert _http2([]) is None


def test_open_streams_have_a_chart_where_connections_carry_several() -> None:
    found = spoken(SPOKEN)
    for streams, drawn in ((None, False), (1, False), (20, True)):
        rows = tuple(replace(row, connections=2, streams=streams) for row in found.series)
        charts = {each.name for each in run_charts.charts(replace(found, series=rows))}
        assert ("streams" in charts) is drawn


def test_a_result_with_it_is_read_back() -> None:
    found = spoken(SPOKEN)
    assert Result.from_document(found.to_document()).http2 == SPOKEN


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (None, ": more connections (-c) would load more"),
        (SPOKEN, "but the server allows 128 streams on a connection: more connections (-c)"),
        (replace(SPOKEN, stream_limit=200), "or streams on each (-m), would load more"),
        (Http2(0, 2, 1, 0, 0, 0), ": more connections (-c) would load more"),
    ],
)
def test_who_waited_without_a_full_processor_is_told_what_would_load_more(
    use: Http2 | None, words: str
) -> None:
    found = good()
    idle = replace(found.resources, targets=(), host=None)
    quiet = tuple(replace(each, busy=0.1) for each in found.workers)
    judged = verdict.judge(
        replace(found, http2=use, resources=idle, workers=quiet),
        verdict.Seen((), "seen", (0, 1), connections=2),
    )
    assert judged.limit == "none"
    assert words in judged.reasons[-1]


@pytest.mark.parametrize(
    ("sessions", "connects", "chosen", "told"),
    [
        (0, 3, False, ""),
        (0, 3, True, "HTTP/1.1"),
        (3, 3, False, "HTTP/2"),
        (3, 0, True, "HTTP/2"),  # connected in the warm-up, or before
        (1, 3, True, "HTTP/2 and HTTP/1.1"),
        (0, 0, True, ""),
    ],
)
def test_what_connections_chose_so_far(
    sessions: int, connects: int, chosen: bool, told: str
) -> None:
    counters = {"sessions": sessions, "connects": connects}
    assert protocol.spoken(counters, chosen=chosen) == told


def test_who_watches_a_run_is_told_what_the_server_chose() -> None:
    seen: list[Progress] = []
    with Server(speaking(), tls=offering("h2")) as server:
        command = url_args.parse(["-k", "-c2", *ONE[-2:], "-d", "700ms", server.url()])
        assert not isinstance(command, str)
        runner.run(command.plan, seen.append, thread_rates=False)
    assert {each.protocol for each in seen if each.requests} == {"HTTP/2"}
