"""A dashboard beside whole runs: what it tells adds up, and the run is the same without it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import browser
import psutil
import pytest
from commandline import invoke, measured
from exposed import echo, leaked, planted
from following import Stream, address, ask, look, rows
from running import ONE, Running, start, until
from servers import Server, answering
from terminal import in_terminal

from fastbench.cli.args.url_args import parse
from fastbench.foundation.usage_error import UsageError
from fastbench.outputs.dashboard.dashboard_page import page
from fastbench.outputs.dashboard.dashboard_server import Board
from fastbench.outputs.dashboard.story import Ends, Story
from fastbench.results.metric_values import Judgement, NamedRow

SCRIPT = """
from fastbench import scenario, sleep

@scenario(executor="constant-vus", vus=2, duration="1.3s")
async def visit(vu):
    await vu.get("/")
    await sleep(0.01)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def listening(running: Running) -> list[str]:
    found = psutil.Process(running.process.pid).net_connections("inet")
    return [f"{each.laddr.ip}:{each.laddr.port}" for each in found if each.status == "LISTEN"]


def test_seconds_of_a_plain_run_add_up_to_its_document(server: Server) -> None:
    words = ("--dashboard", "-d", "2.1s", "--threshold", "p99<1ns", *ONE, server.url("/"))
    with start(*words) as running:
        url = address(running)
        assert listening(running) == [urlsplit(url).netloc]
        steady, quitter = Stream(url), Stream(url)
        told = [steady.next()]
        while not steady.data["start"]:
            told.append(steady.next())
        quitter.next()
        quitter.close()
        with socket.create_connection(("127.0.0.1", urlsplit(url).port)) as stranger:
            stranger.sendall(b"GET / HTTP/9\r\nnonsense\r\n\r\n")
            assert b" 400 " in stranger.recv(1000)
        late = Stream(url)
        late.next()
        assert late.data["start"][0] == 0
        told += steady
        last = late.data if (events := list(late)) == [] else events[-1][1]
        run = running.finish()
    assert run.code == 99 and run.err == ""
    standing = [row["word"] for each in told if each for row in each[1]["thresholds"]]
    failed = standing.index("✗ failed")  # a page that comes late sees nothing else
    assert set(standing[:failed]) <= {"… waiting"} and set(standing[failed:]) == {"✗ failed"}
    assert told[-1] == ("end", last)
    series, summary = run.document["series"], run.summary
    counts = [each[1]["counts"]["requests"] for each in told if each]
    assert series[0]["requests"] in counts
    assert last["counts"] == {"requests": summary["requests"], "not_ok": 0}
    rates = last["charts"]["rate"]["lines"][0]["values"]
    counted = [round(rate * span) for rate, span in zip(rates, last["span"], strict=True)]
    assert counted == pytest.approx([row["requests"] for row in series], rel=1e-3)
    assert (last["ended"], last["verdict"]["word"]) == ("complete", "Failed")
    assert last["limit"] == run.document["validity"]["limit"]
    assert last["thresholds"][0]["observed"] == run.document["thresholds"]["p99<1ns"]["text"]
    steady.close()
    late.close()


def test_a_script_has_its_users_and_thresholds(tmp_path: Path, server: Server) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    words = ("--base-url", server.url(""), "-t", "1", "--threshold", "checks>1%")
    with start("run", "--dashboard", *words, str(script)) as running:
        stream = Stream(address(running))
        told = list(stream)
        run = running.finish()
    assert run.code == 99 and told[-1][0] == "end"
    middle = next(each for _, each in told if each["counts"]["requests"])
    assert middle["verdict"]["text"].startswith("1s of 1.3s")
    assert [each["word"] for each in middle["thresholds"]] == ["… waiting"]
    last = told[-1][1]
    assert last["counts"]["requests"] == run.summary["requests"]
    assert last["charts"]["vus"]["lines"][0]["values"][0] == 2
    assert [each["word"] for each in last["thresholds"]] == ["✗ failed"]
    assert last["about"].startswith(f"{server.url('')} · 2 VUs")
    stream.close()


def test_an_interrupted_run_says_so_to_its_pages(server: Server) -> None:
    with start("--dashboard", "-d", "60s", *ONE, server.url("/")) as running:
        stream = Stream(address(running))
        stream.next()
        running.signal_group(2)
        told = list(stream)
        run = running.finish()
    assert run.code == 105 and told[-1][1]["ended"] == "interrupted"
    stream.close()


def test_no_secret_is_in_the_page_or_its_stream(tmp_path: Path) -> None:
    with Server(echo) as server:
        words = planted(tmp_path, f"127.0.0.1:{server.port}")
        with start("--dashboard", "-d", "300ms", *ONE, *words) as running:
            url = address(running)
            stream = Stream(url)
            status, _, body = ask(url)
            told = list(stream)
            running.finish()
    assert status == 200 and "page=1" in body and "***" in body and told[-1][0] == "end"
    assert leaked(body, stream.text.decode()) == set()
    stream.close()


# The command line.


def test_a_port_in_use_is_refused_before_the_load(server: Server) -> None:
    before = server.seen.requests
    run = invoke(f"--dashboard={server.port}", "-n1", *ONE, server.url("/"))
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(
        f"fastbench: --dashboard={server.port} cannot be served: address already in use;"
    )
    assert server.seen.requests == before


@pytest.mark.parametrize("word", ["--dashboard=", "--dashboard=x", "--dashboard=65536"])
def test_what_is_no_port_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="takes a port from 0 to 65535"):
        parse([word, "http://127.0.0.1:1/"])


def test_the_value_is_glued_or_there_is_none() -> None:
    for word, port in (("--dashboard", 0), ("--dashboard=8089", 8089)):
        command = parse([word, "http://127.0.0.1:1/"])
        assert not isinstance(command, str) and command.output.dashboard == port
        assert word in command.plan.config["command"]  # type: ignore[operator]


@pytest.mark.parametrize("command", ["compare", "find"])
def test_who_makes_many_runs_has_no_dashboard(command: str) -> None:
    urls = ["http://127.0.0.1:1/"] * (2 if command == "compare" else 1)
    done = invoke(command, "--dashboard", *urls)
    assert done.returncode == 1 and "--dashboard" in done.stderr and " run" in done.stderr


def test_the_live_view_shows_where_the_page_is(server: Server) -> None:
    run = in_terminal("--dashboard", "-d", "1.2s", *ONE, server.url("/"))
    shown = re.findall(r"http://127\.0\.0\.1:\d+/[\w-]{20,}/", run.written)
    assert run.code == 0 and len(shown) >= 2 and len(set(shown)) == 1
    assert "mdashboard http://" in run.written
    assert "stop and report" in run.written and "stop and report" not in run.screen


@pytest.mark.parametrize("flags", [(), ("--dashboard",)])
def test_only_a_run_with_a_page_pays_for_it(flags: tuple[str, ...], server: Server) -> None:
    words = ("-X", "importtime", "-m", "fastbench", *flags, "-n1", *ONE, server.url("/"))
    run = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    for name in (
        "aiohttp",
        "fastbench.outputs.dashboard.dashboard_server",
        "fastbench.report.html.charts.run_charts",
    ):
        assert (f" {name}\n" in run.stderr) is bool(flags), name


def test_a_run_without_a_load_serves_nothing_and_ends(server: Server) -> None:
    run = measured("--dashboard", "-d", "1s", *ONE, "http://no-such-host.invalid/")
    assert run.code == 122


# In a browser.


needs_browser = pytest.mark.skipif(browser.chromium() is None, reason="no Chromium here")


def complaints(chromium: browser.Browser) -> list[object]:
    kinds = ("Log.entryAdded", "Runtime.exceptionThrown", "Page.javascriptDialogOpening")
    return [each for each in chromium.events if each["method"] in kinds]


@needs_browser
def test_a_browser_makes_no_element_of_what_it_is_told(chromium: browser.Browser) -> None:
    evil = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    broken = Judgement(False, 1.0, -1.0, "warn", False, evil)
    made = Board(page({"script": evil}), Story(Ends(), lambda pid: evil), 0)
    for row in rows(3):
        by_url = (NamedRow(evil, evil, "", 9, 1, 1.0, {}, 0, 1, {evil: 8}),)
        made.update(look(row, judgements={evil: broken}, notices=(evil,), by_url=by_url))
    try:
        chromium.open(made.url)
        until(lambda: chromium.ask("document.querySelectorAll('[data-chart=cpu] svg').length"))
        assert chromium.ask("document.querySelectorAll('img').length") == 0
        assert chromium.ask("document.scripts.length") == 1
        for where in (
            *("h1", "#limits code", "#reasons li", "[data-chart=cpu] .legend"),
            *("#urls td", "#urls td small", "#urls td:nth-child(5)"),
        ):
            assert evil in chromium.ask(f"document.querySelector('{where}').textContent"), where
        assert chromium.ask("document.querySelectorAll('#urls tbody tr').length") == 1
        assert chromium.ask("document.querySelector('#urls').checkVisibility()")
        assert complaints(chromium) == []
    finally:
        made.close()
    until(lambda: "lost" in chromium.ask("document.querySelector('#link').textContent"))


@needs_browser
def test_numbers_move_in_a_browser_until_the_verdict(
    chromium: browser.Browser, server: Server
) -> None:
    words = ("--dashboard", "-d", "3.1s", "--threshold", "errors<1%", *ONE, server.url("/"))
    with start(*words) as running:
        chromium.look(400, dark=True)
        chromium.open(address(running))
        texts = "[...document.querySelectorAll('#figures dd')].map(each => each.textContent)"
        until(lambda: len(chromium.ask(texts)) > 9)
        first = chromium.ask(texts)
        path = "document.querySelector('[data-chart=rate] .curve').getAttribute('d')"
        points = chromium.ask(path).count("L")
        until(lambda: chromium.ask(path).count("L") >= points + 1)
        assert chromium.ask(texts)[2:4] != first[2:4], "how many requests so far"
        assert chromium.ask("document.querySelector('#word').textContent") == "Running"
        assert 0 < chromium.ask("document.querySelector('#share').value") < 1
        assert chromium.ask("document.documentElement.scrollWidth") == 400
        run = running.finish()
        until(lambda: chromium.ask("document.querySelector('#word').textContent") != "Running")
        said = "document.querySelector('{}').textContent"
        assert chromium.ask(said.format("#word")).startswith("Passed")
        assert chromium.ask(said.format("#limits tbody td")) == "✓ passed"
        assert f"{run.summary['requests']:,} in 3.1" in "\n".join(chromium.ask(texts))
        assert chromium.ask(said.format("#link")) == ""
        drawn = chromium.ask("[...document.querySelectorAll('figure')].map(f => f.dataset.chart)")
        assert {"rate", "latency", "errors", "connections", "cpu", "distribution"} <= set(drawn)
        assert complaints(chromium) == []
