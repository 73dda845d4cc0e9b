"""url_args.py: every flag does what it says, every slip is one sentence with the cure."""

from __future__ import annotations

import json
import shlex
from functools import reduce
from pathlib import Path

import pytest

from fastbench.cli.args.url_args import Command, parse
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Request

URL = "http://localhost:8080/"


def command(line: str, url: str = URL) -> Command:
    parsed = parse([*shlex.split(line), url])
    assert isinstance(parsed, Command)
    return parsed


def request(line: str, url: str = URL) -> Request:
    return command(line, url).plan.requests[0]


def field(parsed: Command, path: str) -> object:
    return reduce(getattr, path.split("."), parsed)


@pytest.mark.parametrize(
    ("line", "path", "value"),
    [
        ("", "plan.load.connections", 10),
        ("", "plan.load.duration_s", 10.0),
        ("", "plan.load.timeout_s", 2.0),
        ("", "plan.load.connect_timeout_s", 2.0),
        ("", "plan.load.workers", None),
        ("", "plan.load.pipeline", 1),
        ("", "plan.load.keepalive", True),
        ("", "plan.load.retry", True),
        ("", "plan.expect.statuses", None),
        ("", "plan.target.url", URL),
        ("-c100 -d30s -t4", "plan.load.connections", 100),
        ("-c100 -d30s -t4", "plan.load.duration_s", 30.0),
        ("-c100 -d30s -t4", "plan.load.workers", 4),
        ("-c 1k", "plan.load.connections", 1000),
        ("-c=50 -t=2", "plan.load.connections", 50),
        ("--connections=50", "plan.load.connections", 50),
        ("-c 5 -c 7", "plan.load.connections", 7),
        ("--threads 3", "plan.load.workers", 3),
        ("--workers 3", "plan.load.workers", 3),
        ("-cpus 3", "plan.load.workers", 3),
        ("-z 2m", "plan.load.duration_s", 120.0),
        ("--duration 5", "plan.load.duration_s", 5.0),
        ("-n 10k", "plan.load.requests", 10_000),
        ("-n 10k", "plan.load.duration_s", None),
        ("-n 10k -d 5s", "plan.load.duration_s", 5.0),
        ("--requests 1M", "plan.load.requests", 10**6),
        ("-p 16", "plan.load.pipeline", 16),
        ("--no-keepalive", "plan.load.keepalive", False),
        ("--disable-keepalive", "plan.load.keepalive", False),
        ("--disableKeepAlives", "plan.load.keepalive", False),
        ("-disable-keepalive", "plan.load.keepalive", False),
        ("-H 'Connection: close'", "plan.load.keepalive", False),
        ("--no-retry", "plan.load.retry", False),
        ("--timeout 500ms", "plan.load.timeout_s", 0.5),
        ("--timeout 500ms", "plan.load.connect_timeout_s", 0.5),
        ("-t 30s", "plan.load.timeout_s", 30.0),
        ("-T 30s", "plan.load.timeout_s", 30.0),
        ("--timeout 9 --connect-timeout 1s", "plan.load.connect_timeout_s", 1.0),
        ("--expect-status 204", "plan.expect.statuses", frozenset({204})),
        ("--expect-body 'a b'", "plan.expect.body", b"a b"),
        ("--unix /run/x.sock", "plan.target.unix_path", "/run/x.sock"),
        ("--bind 127.0.0.2-3", "plan.bind", ("127.0.0.2", "127.0.0.3")),
        ("--bind 127.0.0.2 --bind 127.0.0.3", "plan.bind", ("127.0.0.2", "127.0.0.3")),
        ("--bind 127.0.0.2", "plan.family", 4),
        ("--ipv4", "plan.family", 4),
        ("-6", "plan.family", 6),
        ("", "output.format", "text"),
        ("--format wrk", "output.format", "wrk"),
        ("--format json", "output.format", "json"),
        ("--format json --json f", "output.json_path", "f"),
        ("--json", "output.json_path", "-"),
        ("--json=f", "output.json_path", "f"),
        ("", "output.json_path", None),
        ("--csv s.csv", "output.forms", {"csv": "s.csv"}),
        ("--html s.html --md -", "output.forms", {"html": "s.html", "md": "-"}),
        ("--latency", "output.latency", True),
        ("-L", "output.latency", True),
        ("-l", "output.latency", True),
        ("-kL", "output.latency", True),
        ("", "output.latency", False),
        ("--quiet", "output.quiet", True),
        ("--quiet", "output.progress", False),
        ("--no-progress", "output.progress", False),
        ("", "output.progress", True),
        ("--no-color", "output.color", False),
        ("", "output.color", None),
        ("--debug", "output.debug", True),
    ],
)
def test_a_flag_reaches_the_plan(
    line: str, path: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert field(command(line), path) == value


def test_no_color_of_the_environment_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert command("").output.color is False
    monkeypatch.setenv("NO_COLOR", "")
    assert command("").output.color is None


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("-m HEAD", "HEAD / HTTP/1.1\r\n"),
        ("-X DELETE", "DELETE / HTTP/1.1\r\n"),
        ("--request PURGE", "PURGE / HTTP/1.1\r\n"),
        ("-m post", "POST / HTTP/1.1\r\n"),
        ("-b hi", "POST / HTTP/1.1\r\n"),
        ("-b hi", "\r\nContent-Length: 2\r\n\r\nhi"),
        ("-b --data", "\r\n\r\n--data"),
        ("-b ''", "\r\nContent-Length: 0\r\n\r\n"),
        ("-b=x=y", "\r\n\r\nx=y"),
        ("--body==x", "\r\n\r\n=x"),
        ("--data a=1 --data-urlencode 'b=c d'", "\r\n\r\na=1&b=c+d"),
        ("-F a=b", 'Content-Disposition: form-data; name="a"\r\n\r\nb\r\n--'),
        ("-H 'X-A: 1' -HX-B=2", "\r\nX-A: 1\r\nX-B: 2\r\n"),
        ("-H 'X-Tag: -x'", "\r\nX-Tag: -x\r\n"),
        ("-H 'User-Agent: me'", "\r\nUser-Agent: me\r\n"),
        ("--user-agent me", "\r\nUser-Agent: me\r\n"),
        ("-A text/html", "\r\nAccept: text/html\r\n"),
        ("-T text/x -b hi", "\r\nContent-Type: text/x\r\n"),
        ("-a u:p", "\r\nAuthorization: Basic dTpw\r\n"),
        ("--bearer tok", "\r\nAuthorization: Bearer tok\r\n"),
        ("--host a.test", "\r\nHost: a.test\r\n"),
        ("-host a.test", "\r\nHost: a.test\r\n"),
        ("-H 'host: a.test'", "\r\nHost: a.test\r\n"),
        ("--no-keepalive", "\r\nConnection: close\r\n"),
    ],
)
def test_a_flag_reaches_the_wire(line: str, sent: str) -> None:
    payload = request(line).payload
    assert payload.startswith(sent.encode()) or sent.encode() in payload
    assert payload.count(b"\r\nHost: ") == 1


def test_headers_and_bodies_come_from_files(tmp_path: Path) -> None:
    headers, data = tmp_path / "headers", tmp_path / "body"
    headers.write_text("Authorization: Bearer abc\r\n\nX-A: 1\n")
    data.write_bytes(b"\x00\xff")
    payload = request(f"-H @{headers} -D {data}").payload
    assert b"\r\nAuthorization: Bearer abc\r\nX-A: 1\r\n\r\n\x00\xff" in payload


@pytest.mark.parametrize(
    ("argv", "json_path", "urls"),
    [
        (["--json", URL], "-", 1),
        (["--json", "out.json", URL], "out.json", 1),
        (["--json", "-", URL], "-", 1),
        ([URL, "--json"], "-", 1),
        ([URL, "--json", "-c5"], "-", 1),
        ([URL, "--json", "--latency"], "-", 1),
        ([URL, "--json=-x"], "-x", 1),
        (["--json=a.py", URL], "a.py", 1),
        ([URL, URL], None, 2),
        ([URL, "-c5", URL, "--", URL], None, 3),
    ],
)
def test_the_word_after_json_is_its_file_unless_it_is_something_else(
    argv: list[str], json_path: str | None, urls: int
) -> None:
    parsed = parse(argv)
    assert isinstance(parsed, Command)
    assert parsed.output.json_path == json_path
    assert len(parsed.plan.requests) == urls


@pytest.mark.parametrize(
    ("line", "notice"),
    [
        ("-t 30s", "-t 30s was read as --timeout 30s; a bare number sets the workers."),
        ("-m post", "-m post was read as POST; methods are upper case."),
        ("-host h", "-host was read as --host."),
        ("-k", "The URL is http://; the TLS flags have no effect."),
        ("-c 10 -n 4", "-n 4 needs no more than 4 connections; -c 10 was lowered to 4."),
        ("-t 11", "-t 11 is more than the 10 connections; it was lowered to 10."),
    ],
)
def test_nothing_is_reinterpreted_silently(line: str, notice: str) -> None:
    assert command(line).notices == (notice,)


def test_a_plain_run_has_nothing_to_say() -> None:
    assert command("-c100 -d30s -t4 --latency -T text/x -b x").notices == ()
    few = command("-n 4")  # connections that nobody asked for are not told
    assert (few.notices, few.plan.load.connections) == ((), 4)


def test_wrk_scripts_set_method_headers_and_body(tmp_path: Path) -> None:
    script = tmp_path / "post.lua"
    script.write_text('wrk.headers["X-A"] = "2"\nwrk.headers.Host = "s"\nwrk.body = "b"')
    payload = request(f"-s {script} -H 'x-a: 1' -H 'X-B: 3'").payload
    assert payload.startswith(b"GET / HTTP/1.1\r\nHost: s\r\n")  # wrk's default, body or not
    assert payload.endswith(b"\r\nContent-Length: 1\r\nX-B: 3\r\nX-A: 2\r\n\r\nb")
    assert request(f"-s {script} -m PUT -b other").payload.endswith(b"\r\n\r\nother")
    assert request(f"-s {script} -b other").method == "POST"


def test_a_list_of_urls_makes_a_mix(tmp_path: Path) -> None:
    listed = tmp_path / "urls.txt"
    listed.write_text(f"# mix\n3 {URL}a\nPOST {URL}b\n2 GET {URL}c\n")
    parsed = command(f"--urls-from-file {listed} -b x", f"{URL}first")
    mix = [(r.method, r.url.removeprefix(URL), r.weight) for r in parsed.plan.requests]
    assert mix == [("POST", "first", 1), ("POST", "a", 3), ("POST", "b", 1), ("GET", "c", 2)]
    assert parsed.plan.target.url == f"{URL}first"
    assert parsed.plan.config["urls"] == 4
    alone = parse(["--urls-from-file", str(listed)])
    assert isinstance(alone, Command) and alone.plan.target.url == f"{URL}a"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_of_windows_tools_are_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "urls").write_bytes(f"{URL}a\r\n{URL}b\r\n".encode(encoding))
    (tmp_path / "head").write_bytes("X-Key: ü\rX-Other: 2\r\n".encode(encoding))
    (tmp_path / "w.lua").write_bytes('wrk.method = "PUT"\r\nwrk.body = "ü"'.encode(encoding))
    line = f"-H @{tmp_path}/head -s {tmp_path}/w.lua --urls-from-file {tmp_path}/urls"
    _, first, *others = command(line, f"{URL}x").plan.requests
    assert len(others) == 1 and first.payload.startswith(b"PUT /a HTTP/1.1\r\n")
    assert b"\r\nX-Key: \xc3\xbc\r\nX-Other: 2\r\n" in first.payload
    assert first.payload.endswith(b"\r\n\r\n\xc3\xbc")


def test_rendered_requests_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastbench.cli.args.request_args.MAX_RENDERED_BYTES", 200)
    with pytest.raises(UsageError, match="more than 1 GiB of memory"):
        parse(["-b", "x" * 50, URL, URL])


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("200", {200}),
        ("200,204", {200, 204}),
        ("301-303", {301, 302, 303}),
        ("2xx", set(range(200, 300))),
        ("5xx, 999", {*range(500, 600), 999}),
    ],
)
def test_expected_statuses_are_lists_classes_and_ranges(text: str, statuses: set[int]) -> None:
    assert command(f"--expect-status '{text}'").plan.expect.statuses == frozenset(statuses)


@pytest.mark.parametrize("argv", [["-h"], ["--help", "--nonsense"], [URL, "-h"]])
def test_help_is_a_page(argv: list[str]) -> None:
    assert parse(argv) == "help"


@pytest.mark.parametrize("argv", [["-v"], ["-V", URL], ["--version", "-c", "x"]])
def test_version_is_a_page(argv: list[str]) -> None:
    assert parse(argv) == "version"


# What is written down


def test_the_configuration_is_what_was_asked_and_json_ready() -> None:
    config = command("-c 5 -n 100 -t 2 -b '{}' --expect-status 2xx -H 'X-A: é\udcff'").plan.config
    json.dumps(config).encode()
    assert config["command"] == ["fastbench", "-c", "5", "-n", "100", "-t", "2", "-b", "{}",
                                 "--expect-status", "2xx", "-H", "X-A: é\ufffd", URL]  # fmt: skip
    assert (config["connections"], config["requests"], config["workers"]) == (5, 100, 2)
    assert (config["duration_s"], config["body_bytes"]) == (None, 2)
    assert config["expect_status"] == "2xx"
    assert config["headers"] == [["X-A", "é\ufffd"]]


def test_a_long_body_is_cut_in_the_echoed_command() -> None:
    assert len(str(command(f"-b {'x' * 5000}").plan.config["command"])) < 400


@pytest.mark.parametrize(("flags", "url"), [("--http2", "http://h/"), ("", "https://h/")])
def test_headers_that_have_no_place_in_http2_are_told(flags: str, url: str) -> None:
    [said] = command(f"-H TE:gzip -H keep-alive:5 -H Connection:x -H X:y {flags}", url).notices
    left = "Connection, keep-alive, TE (RFC 9113 section 8.2.2)"
    assert said == f"over HTTP/2 this is left out of requests: {left}; --http1 sends it."
    assert command(f"-H TE:trailers -H X:y {flags}", url).notices == ()
    assert command("-H Connection:x", "http://h/").notices == ()
    assert command("-H Connection:x --http1", "https://h/").notices == ()
