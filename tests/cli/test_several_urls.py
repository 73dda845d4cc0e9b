"""Several URLs are meant wherever they are given: no command looks at the first one alone."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import browser
import junit_files
import pytest
from case import answer
from comparing import SUBJECT
from following import Stream, address
from html_pages import read
from running import start
from samples import good
from searching import Knee, searching
from servers import OK, Peer, Server, answering

from fastbench.cli import main
from fastbench.cli.args import earlier_run, flag_reader, flag_table
from fastbench.cli.args.url_args import output
from fastbench.cli.output import hooks
from fastbench.experiments.compare.saved_results import judge_stored, load_changes
from fastbench.outputs import webhook
from fastbench.report.export import junit
from fastbench.report.html import html_find, html_report
from fastbench.report.markdown import markdown_report
from fastbench.report.page import cut_within, told_apart
from fastbench.report.text import find_text
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import latency_ms
from fastbench.results.metric_values import NamedRow
from fastbench.results.result import Result


def by_path(peer: Peer) -> None:
    """Answer /bad with 500 and all else with 200."""
    while True:
        bad = peer.request().split(b" ")[1].startswith(b"/bad")
        peer.send(answer("Content-Length: 0", start="HTTP/1.1 500 Oops") if bad else OK)


def debug(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["--debug", *words])
    written = capsys.readouterr()
    return code, written.out, written.err


def test_debug_sends_each_url_once_with_its_method_and_body(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(by_path) as server:
        path = tmp_path / "list.jsonl"
        rows: list[dict[str, Any]] = [
            {"url": server.url("/a?token=abc"), "weight": 9},
            {"url": server.url("/b"), "method": "PUT", "body": {"n": 1}},
            {"url": server.url("/bad"), "method": "DELETE"},
            {"url": server.url("/a?token=abc")},
        ]
        path.write_text("\n".join(map(json.dumps, rows)))
        code, out, err = debug(capsys, "--urls-from-file", str(path))
        quiet = debug(capsys, "--quiet", "--urls-from-file", str(path))
    assert (code, err) == (122, "")
    assert [line.split(" ")[0] for line in out.splitlines() if line.startswith("Request ")]
    assert f"Request 1 of 3 to {server.url('/a?token=***')} (" in out
    assert "> PUT /b HTTP/1.1" in out and '> {"n": 1}' in out
    assert "> DELETE /bad HTTP/1.1" in out and "< HTTP/1.1 500 Oops" in out
    assert out.splitlines()[-1] == "2 of 3 counted as ok."
    assert server.seen.lines == {
        b"GET /a?token=abc HTTP/1.1": 2,
        b"PUT /b HTTP/1.1": 2,
        b"DELETE /bad HTTP/1.1": 2,
    }
    assert "abc" not in out + quiet[2]
    assert quiet[:2] == (122, "")
    assert quiet[2].splitlines()[1:] == [
        f"PUT {server.url('/b')}: counted as ok.",
        f"DELETE {server.url('/bad')}: counted as failed: status 500 is not below 400; "
        "see --expect-status.",
        "2 of 3 counted as ok.",
    ]


def test_debug_of_many_urls_says_how_many_it_did_not_send(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Server(answering(OK)) as server:
        code, out, _ = debug(capsys, *(server.url(f"/{n}") for n in range(12)))
    assert code == 0 and server.seen.requests == 10
    assert out.splitlines()[-1] == "All 10 counted as ok; 2 more are not sent."


def test_lists_that_are_given_are_all_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(answering(OK)) as server:
        lists = []
        for name in ("one", "two"):
            (tmp_path / name).write_text(server.url(f"/{name}") + "\n")
            lists += ["--urls-from-file", str(tmp_path / name)]
        code, _, _ = debug(capsys, *lists)
        assert code == 0 and len(server.seen.lines) == 2
        assert main([*lists, "--json", str(tmp_path / "two"), "-n1"]) == 1
    said = capsys.readouterr().err
    assert f"--json {tmp_path}/two would overwrite what --urls-from-file reads" in said
    assert main(["--urls-from-file", "-", "--urls-from-file", "-"]) == 1
    assert "both read standard input" in capsys.readouterr().err


def test_the_url_that_is_waited_for_is_named_as_the_first_of_several(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Server(by_path) as server:
        words = ("--wait-for", "10ms", "--quiet", "-n2", "-c1", server.url("/bad"))
        assert main([*words, server.url("/ok")]) == 122
        several = capsys.readouterr().err
        assert main([*words]) == 122
    assert "/bad was not ready within 10ms: it answered 500" in several
    assert "first of several URLs; --wait-for URL,30s waits for another." in several
    assert "first of several" not in capsys.readouterr().err


def row(name: str, method: str = "GET") -> NamedRow:
    latency = latency_ms(Histogram.from_values([1_000_000] * 10))
    return NamedRow(name, method, "", 10, 0, 1.0, latency, 0, 1, {"200": 10}, None)


def mix(*rows: NamedRow) -> Result:
    result = good()
    return replace(result, requests=rows, config={**result.config, "urls": len(rows)})


def test_saved_runs_of_other_urls_are_other_loads() -> None:
    both = mix(row("/a"), row("/b"))
    assert load_changes(both, both) == []
    assert load_changes(both, mix(row("/a"), row("/b", "POST"))) == ["URLs"]
    assert load_changes(both, good()) == ["URLs"]
    found = judge_stored(both, mix(row("/a"), row("/c")), SUBJECT)
    text = next(each.text for each in found.warnings if each.code == "different_load")
    assert text == "base and candidate had different loads: URLs"


def test_saved_runs_stand_side_by_side_by_url_in_files_too(tmp_path: Path) -> None:
    slow = latency_ms(Histogram.from_values([2_000_000] * 10))
    runs = (
        mix(row("/a"), row(f"/<i>{'x' * 99}"), row("/gone")),
        mix(replace(row("/a"), latency=slow, failed=5), row(f"/<i>{'x' * 99}"), row("/new", "PUT")),
    )
    for name, run in zip(("base.json", "now.json"), runs, strict=True):
        (tmp_path / name).write_text(json.dumps(run.to_document()))
    files = [str(tmp_path / name) for name in ("base.json", "now.json", "out.md", "out.html")]
    assert main(["compare", *files[:2], "--quiet", "--md", files[2], "--html", files[3]]) == 0
    shown = Path(files[2]).read_text().partition("### Operations")[2].partition("\n### ")[0]
    assert r"| /a \(GET\) | 2.00ms | +100 % | " in shown and "| 0% → 50.00% |" in shown
    assert "- only in candidate&#58; /new  PUT" in shown and "/gone  GET" in shown
    page = Path(files[3]).read_text()
    name, *rest = cells(page, ">/a<")
    assert (name, rest[:2], rest[6]) == ("/a GET", ["2.00ms", "+100 %"], "0% → 50.00%")
    assert "<li>only in base: /gone  GET</li>" in page and "<i>" not in page


def test_a_heading_of_several_urls_says_how_many_there_are() -> None:
    result = mix(row("/a"), row("/b"), row("/c"))
    url = result.config["url"]
    shown = markdown_report.render(result).replace("&#58;", ":")
    assert shown.splitlines()[0] == f"## fastbench: {url} and 2 more"
    assert f"| Target | GET {url} and 2 more |" in shown
    found = replace(searching(Knee(200.0)), config=result.config)
    text = find_text.render(found, color=False, width=100)
    assert text.splitlines()[0] == f"GET {url} and 2 more"
    assert f"\nGET {url} and 2 more\n" in read(html_find.render(found)).text
    assert earlier_run.default_name(result.config) == "GET /api/health and 2 more"


LONG = "/items?" + "&".join(f"filter={n}" for n in range(60))


def of_many() -> Result:
    """Return a run of 50 URLs with long names, one of which fails now and then."""
    rows = [replace(row(f"{LONG}&<b>&page={n}"), requests=n + 10) for n in range(50)]
    rows[42] = replace(rows[42], failed=13, timeouts=2, status_codes={"200": 39, "503": 10})
    return mix(*rows)


def cells(page: str, name: str) -> list[str]:
    """Return the texts of the cells of the row that has this in its name."""
    line = next(each for each in page.split("<tr>") if name in each)
    texts = [re.sub("<[^>]*>", " ", cell) for cell in line.split("</td>")]
    return [" ".join(html.unescape(text).split()) for text in texts]


def test_the_page_has_shares_statuses_and_long_names_that_open() -> None:
    page = html_report.render(of_many())
    assert "<h2>URLs<" in page and "<b>&page" not in page
    name, *rest = cells(page, "page=42<")
    assert name.startswith("/items?filter=0&filter=1&filter=2&f…")  # what is seen
    assert name.endswith("<b>&page=42 GET") and LONG in name  # and what opens
    assert rest[:4] == [
        "52",
        "3.01%",
        "13 25.00%",
        "200: 39, 503: 10, 2 timeouts, 1 without a response",
    ]
    assert cells(page, "page=9<")[1:5] == ["19", "1.10%", "0", "200: 10, 9 without a response"]
    short = html_report.render(mix(row("/a"), row("/b")))
    assert "<details>" not in short.partition("<h2>URLs<")[2].partition("</section>")[0]


@pytest.mark.skipif(browser.chromium() is None, reason="no Chromium here")
def test_a_hundred_long_urls_are_low_rows_and_nothing_is_too_wide(tmp_path: Path) -> None:
    many = [f"/{'x' * 300}/{n:02d}/{'y' * 300}" for n in range(100)]
    rows = [replace(row(name), failed=10, status_codes={"503": 10}) for name in many]
    file = tmp_path / "report.html"
    file.write_text(html_report.render(mix(row("/ok"), *rows)), "utf-8")
    with browser.opened(tmp_path / "profile") as chromium:
        for width in (1280, 400):
            chromium.look(width)
            chromium.open(file)
            assert chromium.ask("document.documentElement.scrollWidth") == width
            heights = "[...document.querySelectorAll('#requests tr')].map(row => row.clientHeight)"
            found = chromium.ask(heights)
            assert len(found) == 102 and max(found) < 200
        texts = "[...document.querySelectorAll('#requests {}')].map(each => each.textContent)"
        summaries = chromium.ask(texts.format("summary"))
        assert len(set(summaries)) == 100 and "/07/" in summaries[7]
        assert chromium.ask(texts.format("details code")) == many


def test_a_comment_has_the_rows_that_fail_and_no_more_than_a_text() -> None:
    shown = markdown_report.render(of_many())
    table = shown.partition("### URLs\n\n")[2].partition("\n\n###")[0].splitlines()
    assert table[0] == "| URL | Requests | Share | Failed | P50 | P95 | P99 | Max | Statuses |"
    failing = next(each for each in table if "page=42" in each)
    assert "| 52 | 3.01% | 13 | " in failing and "200&#58; 39, 503&#58; 10, 2 timeouts" in failing
    assert table[-1] == "… 30 more, with 1,312 requests; the JSON document has each"
    assert len(table) == 24 and max(map(len, table)) < 250


def test_long_names_are_cut_where_they_differ() -> None:
    names = [f"/api/v2/customers/{n:05d}/orders?{'x' * 90}" for n in (6, 7)]
    names += ["/short", f"/other/{'y' * 90}/end"]
    first, second, short, other = told_apart(names, 30)
    assert first != second and "06/orders" in first and "07/orders" in second
    assert (short, other) == ("/short", "/other/yyyyyyy…yyyyyyyyyyy/end")
    assert told_apart([names[0]] * 2, 30) == [cut_within(names[0], 30)] * 2
    ends = told_apart([f"/{'a' * 60}{n}{'b' * 14}" for n in (1, 2)], 30)
    assert [each[-15] for each in ends] == ["1", "2"] and max(map(len, ends)) <= 30


def test_junit_has_a_case_for_each_url() -> None:
    bad = replace(row("/bad", "POST"), failed=10, status_codes={"503": 10})
    root = junit_files.read(junit.render(mix(row("/a"), row("/a", "POST"), bad)))
    found = junit_files.outcomes(root)
    assert found["POST /bad"] == "failure"
    assert found["GET /a"] == found["POST /a"] == "passed"
    suite = next(each for each in root if each.get("name") == "fastbench.urls")
    told = [case.findtext("failure") or case.findtext("system-out") for case in suite]
    assert told[0] == "10 requests, 0 failed, 200: 10, p50 1.00ms"
    assert told[2] == "10 requests, 10 failed, 503: 10, p50 1.00ms"
    some = replace(bad, failed=9)
    assert (
        junit_files.outcomes(junit_files.read(junit.render(mix(row("/a"), some))))["POST /bad"]
        == "passed"
    )
    assert "fastbench.urls" not in junit.render(good())


def test_the_dashboard_has_a_row_for_each_url_while_the_run_goes(tmp_path: Path) -> None:
    path = tmp_path / "list"
    with Server(by_path) as server:
        path.write_text(f"3 {server.url('/ok')}\nPOST {server.url('/bad?token=abc')}\n")
        limit = ("--threshold", "http_reqs{name:/ok}: count>0")
        words = ("--dashboard", "-d1.3s", "-c2", *limit, "--urls-from-file", str(path))
        with start(*words) as running:
            stream = Stream(address(running))
            told = [each["urls"] for _, each in stream if each.get("urls")]
            run = running.finish()
        stream.close()
    assert run.code == 0 and "abc" not in stream.text.decode()
    rows = run.document["requests"]
    seen = [[[row[0][0], row[0][2], row[1][0]] for row in each] for each in told]
    assert [row[:2] for row in seen[0]] == [["/ok", "GET"], ["/bad?token=***", "POST"]]
    assert seen[-1] == [[row["name"], row["method"], f"{row['requests']:,}"] for row in rows]
    counts = [int(each[0][2].replace(",", "")) for each in seen]
    assert 0 < counts[0] < counts[-1], "before the end"
    assert told[-1][1][3] == [f"{rows[1]['requests']:,}", "num bad", "100%", ""]
    assert told[-1][1][4][0] == f"500: {rows[1]['requests']:,}"


def test_the_outcome_cuts_long_names() -> None:
    one = replace(row(LONG), failed=10, status_codes={"503": 10})
    (text,) = (
        each.text for each in mix(row("/a"), one).outcome.reasons if each.code == "part_failed"
    )
    assert len(text) < 120 and text.endswith("filter=59 failed")


def test_the_webhook_names_several_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    def send(address: str, message: dict[str, object]) -> str:
        sent.append(message)
        return ""

    monkeypatch.setattr(webhook, "send", send)
    flags = flag_reader.read(["http://h/"], flag_table.URL).flags
    hooks.tell_of_result(
        replace(output(flags), webhook="http://hook/"), mix(row("/a"), row("/b")), 99
    )
    assert "/api/health and 1 more: " in sent[0]["text"]


def test_an_objective_on_one_url_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    slo = "errors{name:/a}<1%"
    assert main(["find", "http://h/a", "http://h/b", "--slo", slo]) == 1
    said = capsys.readouterr().err
    assert f"--slo `{slo}`: an objective holds for all requests of a run" in said
    assert "a run of one URL" not in said
