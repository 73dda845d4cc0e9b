"""Command lines that people know from wrk, hey, oha, bombardier and curl: the bytes they send."""

from __future__ import annotations

import shlex
import threading
from base64 import b64encode
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from functools import partial
from pathlib import Path

import pytest
from commandline import invoke, measured, table_at_once
from running import Run, good
from scripts import EMPTY
from servers import OK, Peer, Script, Server, answering

from fastbench import __version__

FEW = ("-n4", "-c2")
FILES = {
    "body.json": '{"name": "x"}\n',
    "headers": "X-A: 1\r\n\nAuthorization: Bearer abc\n",
    "post.lua": 'wrk.method = "POST"\nwrk.body = "a=1"\nwrk.headers["Content-Type"] = "text/x"\n',
    "host.lua": '-- only a name\nwrk.headers.Host = "lua.test"\n',
}
AGENT = f"User-Agent: fastbench/{__version__}"
ANY = "Accept: */*"


def head(start: str, *fields: str, host: str = "HOST", body: str = "") -> str:
    """Write a request as it is expected; HOST stands for the server's address."""
    return "\r\n".join([f"{start} HTTP/1.1", f"Host: {host}", *fields, "", body])


GET = head("GET /", AGENT, ANY)


def post(body: str, *fields: str, method: str = "POST", kind: str = "") -> str:
    """Write a request with a body, its type before its length, other fields behind."""
    own = (f"Content-Type: {kind}",) if kind else ()
    length = f"Content-Length: {len(body.encode())}"
    return head(f"{method} /", AGENT, ANY, *own, length, *fields, body=body)


def basic(pair: str) -> str:
    return f"Authorization: Basic {b64encode(pair.encode()).decode()}"


FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
# What is typed, and every byte of the request; URL stands for the server's URL without its path.
HABITS = {
    # wrk
    "-t2 -c4 -d300ms --latency URL/": GET,
    "-t 2 -c 4 -d 1 -n 8 --timeout 2s URL/": GET,
    "-c4 -n8 -H 'X-A: 1' -HX-B:2 URL/": head("GET /", AGENT, ANY, "X-A: 1", "X-B: 2"),
    "-n4 -c2 -s post.lua URL/": post("a=1", "Content-Type: text/x"),
    "-n4 -c2 -s host.lua URL/": head("GET /", AGENT, ANY, host="lua.test"),
    "-n4 -c2 -s post.lua -m PUT -b b=2 URL/": post("b=2", "Content-Type: text/x", method="PUT"),
    # hey
    "-n 20 -c 5 -m POST -T application/json -D body.json URL/": post(FILES["body.json"], kind=JSON),
    "-z 300ms -c 2 -cpus 2 -a user:pa:ss -A text/html URL/": head(
        "GET /", AGENT, "Accept: text/html", basic("user:pa:ss")
    ),
    "-n 4 -c 2 -host virtual.test -disable-keepalive URL/": head(
        "GET /", AGENT, ANY, "Connection: close", host="virtual.test"
    ),
    # oha
    "-n 4 -c 2 -m PUT -b 'a b' -T text/plain URL/": post("a b", method="PUT", kind="text/plain"),
    "-n 4 -c 2 --disable-keepalive --host oha.test URL/": head(
        "GET /", AGENT, ANY, "Connection: close", host="oha.test"
    ),
    "-n 4 -c 2 -t 5s -4 --connect-timeout 3s URL/": GET,
    # bombardier
    "-c 2 -n 4 -l -k -m PATCH -b @body.json -H X-A=1 URL/": post(
        FILES["body.json"], "X-A: 1", method="PATCH"
    ),
    "-c 2 -n 4 --latencies --method DELETE --timeout=5s URL/": head("DELETE /", AGENT, ANY),
    # curl
    "-n4 -c2 -X OPTIONS URL/": head("OPTIONS /", AGENT, ANY),
    "-n4 -c2 --request purge URL/": head("purge /", AGENT, ANY),
    "-n4 -c2 -m post URL/": head("POST /", AGENT, ANY, "Content-Length: 0"),
    "-n4 -c2 --data a=1 --data 'b=2 3' URL/": post("a=1&b=2 3", kind=FORM),
    "-n4 -c2 --data-urlencode 'q=a b&c=é' --data d URL/": post("q=a+b%26c%3D%C3%A9&d", kind=FORM),
    "-n4 -c2 -b '' URL/": post(""),
    "-n4 -c2 -b=--data URL/": post("--data"),
    "-n4 -c2 --header 'User-Agent: me' --header accept: URL/": head(
        "GET /", "User-Agent: me", "accept: "
    ),
    "-n4 -c2 --user-agent me -H 'Host: h.test' URL/": head(
        "GET /", "User-Agent: me", ANY, host="h.test"
    ),
    "-n4 -c2 --bearer t0ken= URL/": head("GET /", AGENT, ANY, "Authorization: Bearer t0ken="),
    "-n4 -c2 -H @headers URL/": head("GET /", AGENT, ANY, "X-A: 1", "Authorization: Bearer abc"),
    "-n4 -c2 http://us%65r:p%40ss@HOST/": head("GET /", AGENT, ANY, basic("user:p@ss")),
    # URLs are sent as they are typed
    "-n4 -c2 'URL/a//../b;c/%41?q=[é]&x={y}#part'": head(
        "GET /a//../b;c/%41?q=[%C3%A9]&x={y}", AGENT, ANY
    ),
    "-n4 -c2 URL?q": head("GET /?q", AGENT, ANY),
    "URL -n4 -- URL": GET,
    # judged by what comes back
    "-n4 -c2 --expect-status 200,3xx --expect-body 'hello, world' URL/": GET,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A run, and the requests as the server read them."""

    run: Run
    requests: list[bytes]
    server: Server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    for name, text in FILES.items():
        (made / name).write_text(text, newline="")
    return made


def typed(line: str, folder: Path) -> Seen:
    """Type a line against a server that writes every request down."""
    requests: list[bytes] = []

    def script(peer: Peer) -> None:
        while True:
            requests.append(peer.request())
            peer.send(OK)

    with Server(script) as server:
        address = f"127.0.0.1:{server.port}"
        named = line.replace("URL", f"http://{address}").replace("HOST", address)
        run = measured(*(in_folder(word, folder) for word in shlex.split(named)))
    return Seen(run, requests, server)


def in_folder(word: str, folder: Path) -> str:
    """Give the path of a file that is named, with or without @."""
    name = word.removeprefix("@")
    return word.replace(name, str(folder / name)) if name in FILES else word


@pytest.fixture(scope="module")
def habits(folder: Path) -> dict[str, Seen]:
    """Type every line of the table, several at once."""
    return table_at_once({line: partial(typed, line, folder) for line in HABITS})


@pytest.mark.parametrize("line", HABITS)
def test_a_habit_sends_what_was_asked_for(line: str, habits: dict[str, Seen]) -> None:
    seen = habits[line]
    expected = HABITS[line].replace("HOST", f"127.0.0.1:{seen.server.port}").encode()
    assert set(seen.requests) == {expected}
    config, summary = seen.run.document["config"], seen.run.summary
    assert seen.run.code == 0, seen.run.err
    assert len(seen.requests) == summary["ok"] + summary["in_flight_at_end"]
    if config["requests"] is not None:
        assert len(seen.requests) == config["requests"]
    connections = config["connections"] if config["keepalive"] else len(seen.requests)
    assert seen.server.seen.connections >= connections


def test_what_was_read_as_something_else_is_said(habits: dict[str, Seen]) -> None:
    said = {line: seen.run.err.splitlines() for line, seen in habits.items() if seen.run.err}
    assert {line: len(notices) for line, notices in said.items()} == {
        "-z 300ms -c 2 -cpus 2 -a user:pa:ss -A text/html URL/": 1,
        "-n 4 -c 2 -host virtual.test -disable-keepalive URL/": 2,
        "-n 4 -c 2 -t 5s -4 --connect-timeout 3s URL/": 1,
        "-c 2 -n 4 -l -k -m PATCH -b @body.json -H X-A=1 URL/": 1,
        "-n4 -c2 -m post URL/": 1,
    }
    assert all(each.startswith("fastbench: ") for notices in said.values() for each in notices)
    five = habits["-n 4 -c 2 -t 5s -4 --connect-timeout 3s URL/"].run.document["config"]
    assert (five["timeout_s"], five["connect_timeout_s"], five["family"]) == (5, 3, 4)


@pytest.mark.parametrize("flags", [["-b", "@-"], ["-D", "-"]])
def test_a_body_comes_from_standard_input(flags: list[str]) -> None:
    with Server(answering()) as server:
        done = invoke(*FEW, *flags, server.url(), stdin="typed\r\n")
    assert (done.returncode, server.seen.requests) == (0, 4)
    assert server.seen.last.endswith(b"\r\nContent-Length: 7\r\n\r\ntyped\r\n")


def test_binary_files_arrive_as_they_are(tmp_path: Path) -> None:
    data = bytes(range(256)) * 300
    (tmp_path / "data").write_bytes(data)
    with Server(answering()) as server:
        good(measured(*FEW, "-D", str(tmp_path / "data"), server.url()), 4)
    assert server.seen.last.partition(b"\r\n\r\n")[2] == data


def test_a_form_is_read_back_by_a_mail_parser(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x00")
    (tmp_path / "note").write_text("from a file")
    forms = (
        'quoted="a;b"',
        f"upload=@{tmp_path}/a.png",
        f"renamed=@{tmp_path}/a.png;type=text/x;filename=b.bin",
        f"text=<{tmp_path}/note",
    )
    flags = [word for form in forms for word in ("-F", form)]
    with Server(answering()) as server:
        good(measured(*FEW, *flags, server.url()), 4)
    top, _, rest = server.seen.last.partition(b"\r\n")
    assert top == b"POST / HTTP/1.1"
    message = BytesParser(policy=HTTP).parsebytes(rest)
    parts = [part for part in message.iter_parts() if isinstance(part, EmailMessage)]
    named = [part.get_param("name", header="content-disposition") for part in parts]
    assert named == ["quoted", "upload", "renamed", "text"]
    assert [part.get_filename() for part in parts] == [None, "a.png", "b.bin", None]
    assert [part.get_content_type() for part in parts][1:3] == ["image/png", "text/x"]
    payloads = [part.get_payload(decode=True) for part in parts]
    assert payloads == [b"a;b", b"\x89PNG\r\n\x00", b"\x89PNG\r\n\x00", b"from a file"]


# More than one URL


def test_several_urls_take_turns() -> None:
    with Server(answering()) as server:
        urls = [server.url(path) for path in ("/a", "/b", "/c")]
        good(measured("-n30", "-c3", "-t1", *urls), 30)
    assert server.seen.lines == {f"GET {path} HTTP/1.1".encode(): 10 for path in ("/a", "/b", "/c")}


def test_a_list_of_urls_keeps_its_proportions_over_workers(tmp_path: Path) -> None:
    listed = tmp_path / "urls"
    with Server(answering(EMPTY)) as server:  # HEAD allows no body
        listed.write_text(
            f"# a shop\n70 {server.url('/list')}\n20 HEAD {server.url('/head')}\r\n\n"
            f"10 POST {server.url('/order')}\n"
        )
        run = measured("-n400", "-c4", "-t2", "-b", "n=1", "--urls-from-file", str(listed))
    good(run, 400)
    counts = {line.split(b" ")[1]: count for line, count in server.seen.lines.items()}
    assert counts == {
        b"/list": pytest.approx(280, abs=4),
        b"/head": pytest.approx(80, abs=4),
        b"/order": pytest.approx(40, abs=4),
    }
    methods = {line.split(b" ")[0] for line in server.seen.lines}
    assert methods == {b"POST", b"HEAD"}, "a line without method is POST beside a body"


# Connections


def pipelined(depth: int) -> Script:
    """Answer only when so many requests have come on one connection."""

    def script(peer: Peer) -> None:
        while True:
            for _ in range(depth):
                peer.request()
            peer.send(OK * depth)

    return script


def test_pipelining_keeps_so_many_requests_under_way() -> None:
    with Server(pipelined(5)) as server:
        run = measured("-n40", "-c2", "-t1", "-p5", "--timeout", "5s", server.url())
    good(run, 40)
    assert server.seen.connections == 2


def test_a_unix_socket_is_spoken_to_by_the_name_of_the_url(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with Server(answering(), path=path) as server:
        good(measured(*FEW, "--unix", path, "http://app.test:8080/p"), 4)
    assert server.seen.last == head("GET /p", AGENT, ANY, host="app.test:8080").encode()


def test_source_addresses_are_what_the_server_sees() -> None:
    with Server(answering()) as server:
        good(measured("-n60", "-c6", "--bind", "127.0.0.2-3,127.0.0.9", server.url()), 60)
    assert server.seen.sources == {"127.0.0.2": 2, "127.0.0.3": 2, "127.0.0.9": 2}


@pytest.mark.parametrize("flags", [["-6"], ["--bind", "::1"]])
def test_ipv6_is_spoken_to_and_from(flags: list[str]) -> None:
    with Server(answering(), host="::1") as server:
        good(measured(*FEW, *flags, server.url("/p")), 4)
    assert server.seen.sources.keys() == {"::1"}
    assert server.seen.last == head("GET /p", AGENT, ANY, host=f"[::1]:{server.port}").encode()


def test_connections_are_opened_all_at_once_and_no_more() -> None:
    everyone = threading.Barrier(7, timeout=10)

    def script(peer: Peer) -> None:
        everyone.wait()  # nobody is answered before all are connected
        answering()(peer)

    with Server(script) as server:
        good(measured("-n21", "-c7", "-t3", "--timeout", "10s", server.url()), 21)
    assert server.seen.connections == 7
