"""The embedded server: every route by hand, its address, its end, its sentences."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from commandline import invoke
from embedded import DEADLINE_S, SERVE, serving


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("--port", "0", "--quiet") as (_, address):
        yield address


def ask(
    url: str, path: str, method: str = "GET", body: bytes | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=DEADLINE_S)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def test_the_index_lists_every_route_and_each_one_answers(url: str) -> None:
    status, _, body = ask(url, "/")
    assert status == 200
    routes = [line.split()[0] for line in body.decode().splitlines()]
    assert len(routes) == 20
    sockets = [each for each in routes if each.startswith(("/ws/", "/socket", "/realtime/"))]
    assert len(sockets) == 7
    for route in routes:
        path = route.replace("/N", "/3").replace("/MS", "/1").replace("/CODE", "/200")
        path = path.replace("/RATE", "/1000")
        if path == "/v1/chat/completions" or path in sockets:
            continue  # they have tests of their own
        assert ask(url, path, "POST" if path == "/upload" else "GET")[0] == 200, path


@pytest.mark.parametrize("path", ["/health", "/api/health"])
def test_health_is_a_small_json_answer(url: str, path: str) -> None:
    status, headers, body = ask(url, path)
    assert (status, headers["Content-Type"], json.loads(body)) == (
        200,
        "application/json",
        {"status": "ok"},
    )


def test_events_are_numbered_and_go_on_where_the_last_one_was(url: str) -> None:
    status, headers, body = ask(url, "/stream?events=3&gap=0ms")
    assert (status, headers["Content-Type"]) == (200, "text/event-stream")
    assert body.count(b"\n\n") == 3
    assert body.startswith(b'id: 0\nevent: tick\ndata: {"number": 0}\n\n')
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=DEADLINE_S)
    with contextlib.closing(connection):
        connection.request("GET", "/stream?events=3&gap=1", headers={"Last-Event-ID": "1"})
        assert connection.getresponse().read() == b'id: 2\nevent: tick\ndata: {"number": 2}\n\n'
    assert ask(url, "/stream?gap=often")[0] == ask(url, "/stream?events=0")[0] == 400


def test_a_chat_answers_at_once_or_word_by_word(url: str) -> None:
    def chat(**more: object) -> tuple[int, bytes]:
        body = json.dumps({"messages": [], "max_tokens": 3, **more}).encode()
        status, _, answer = ask(url, "/v1/chat/completions", "POST", body)
        return status, answer

    whole = json.loads(chat()[1])["choices"][0]["message"]["content"]
    *tokens, last = chat(stream=True)[1].decode().split("\n\n")[:-1]
    deltas = [json.loads(each.removeprefix("data: "))["choices"][0]["delta"] for each in tokens]
    assert (len(tokens), last) == (3, "data: [DONE]")
    assert "".join(each["content"] for each in deltas) == whole == "A request is"
    assert chat(messages="hello")[0] == chat(max_tokens=0)[0] == 400


def test_echo_gives_the_request_back(url: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=DEADLINE_S)
    with contextlib.closing(connection):
        connection.request("PATCH", "/echo?a=%20b", "grüß".encode(), {"X-Twice": "1"})
        answer = json.loads(connection.getresponse().read())
    assert (answer["method"], answer["path"]) == ("PATCH", "/echo?a=%20b")
    assert ["X-Twice", "1"] in answer["headers"]
    assert (answer["body"], answer["body_bytes"]) == ("grüß", 6)


@pytest.mark.parametrize("count", [0, 1, 65_536, 65_537, 300_000])
def test_bytes_has_exactly_that_many(url: str, count: int) -> None:
    status, headers, body = ask(url, f"/bytes/{count}")
    assert (status, int(headers["Content-Length"]), len(body)) == (200, count, count)


@pytest.mark.parametrize("path", ["/bytes/300000", "/chunked/5", "/api/health"])
def test_head_has_no_body_and_the_connection_goes_on(url: str, path: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=DEADLINE_S)
    with contextlib.closing(connection):
        connection.request("HEAD", path)
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"")
        connection.request("GET", "/bytes/4")
        assert connection.getresponse().read() == b"xxxx"


def test_delay_takes_at_least_that_long(url: str) -> None:
    start_s = time.monotonic()
    assert ask(url, "/delay/80")[0] == 200
    assert time.monotonic() - start_s >= 0.08


@pytest.mark.parametrize("code", [200, 204, 205, 304, 404, 503, 599])
def test_status_is_the_one_asked_for(url: str, code: int) -> None:
    assert ask(url, f"/status/{code}")[0] == code


def test_chunked_sends_that_many_chunks(url: str) -> None:
    _, headers, body = ask(url, "/chunked/4")
    assert headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in headers
    assert body.splitlines() == [b"chunk 0", b"chunk 1", b"chunk 2", b"chunk 3"]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_upload_counts_the_bytes(url: str, method: str) -> None:
    assert json.loads(ask(url, "/upload", method, b"z" * 200_000)[2]) == {"bytes": 200_000}


def test_count_counts_every_request_but_its_own(url: str) -> None:
    before = json.loads(ask(url, "/count")[2])["requests"]
    for path in ("/health", "/nowhere", "/bytes/oops"):
        ask(url, path)
    ask(url, "/count")
    assert json.loads(ask(url, "/count")[2])["requests"] == before + 3


@pytest.mark.parametrize(
    "path",
    [
        "/bytes/-1",
        "/bytes/ten",
        "/bytes/99999999999",
        "/delay/700000",
        "/status/99",
        "/chunked/1.5",
    ],
)
def test_a_bad_number_is_told_the_range(url: str, path: str) -> None:
    status, _, body = ask(url, path)
    assert (status, b"must be a number from" in body) == (400, True)


def test_a_client_that_hangs_up_leaves_no_word_behind() -> None:
    with serving("--port", "0", "--quiet") as (process, address):
        for path in ("/bytes/50000000", "/chunked/900000"):
            place = urlsplit(address)
            with socket.create_connection((place.hostname, place.port), DEADLINE_S) as client:
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                client.recv(1000)
        assert ask(address, "/health")[0] == 200
        process.terminate()
        _, words = process.communicate(timeout=DEADLINE_S)
    assert (words, process.returncode) == ("", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_with_a_request_under_way(number: signal.Signals) -> None:
    with serving("--port", "0") as (process, address):
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), DEADLINE_S) as client:
            client.sendall(b"GET /delay/60000 HTTP/1.1\r\nHost: a\r\n\r\n")
            while json.loads(ask(address, "/count")[2])["requests"] < 1:
                pass
            process.send_signal(number)
            _, words = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, words) == (0, "")


@pytest.mark.parametrize(("flags", "hint"), [([], "Ctrl-C"), (["--quiet"], "")])
def test_quiet_prints_the_address_alone(flags: list[str], hint: str) -> None:
    with serving("--port", "0", *flags) as (process, address):
        assert address.startswith("http://127.0.0.1:")
        process.terminate()
        assert process.stdout is not None
        rest = process.stdout.read()
    assert (rest == "") if hint == "" else hint in rest


def test_ipv6_addresses_are_bracketed() -> None:
    with serving("--host", "::1", "--port", "0") as (_, address):
        assert address.startswith("http://[::1]:")
        assert ask(address, "/health")[0] == 200


def unix_get(path: Path) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE_S)
        client.connect(str(path))
        client.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: client.recv(4096), b""))


def test_a_unix_socket_is_served_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with serving("--uds", str(path)) as (_, address):
        assert address == f"unix:{path}"
        assert unix_get(path).startswith(b"HTTP/1.1 200 OK\r\n")
    assert not path.exists()


def test_a_unix_socket_left_by_a_dead_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with serving("--uds", str(path)):
        assert unix_get(path).startswith(b"HTTP/1.1 200 OK\r\n")


def refused(*flags: str) -> str:
    """Run it, expecting one sentence on stderr and exit 1."""
    done = invoke("serve", *flags)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("fastbench: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_live_unix_socket_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with serving("--uds", str(path)):
        assert "in use" in refused("--uds", str(path))
        assert unix_get(path).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_port_in_use_is_named(url: str) -> None:
    port = str(urlsplit(url).port)
    assert port in refused("--port", port)


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--port", "x"], "0 to 65535"),
        (["--port", "65536"], "0 to 65535"),
        (["--bogus"], "--help"),
        (["--uds", ""], "needs a path"),
        (["--uds", "/nowhere/at/all"], "No such file"),
        (["--uds", "/" + "a" * 200], "too long"),
        (["--host", "192.0.2.1", "--port", "0"], "192.0.2.1"),
    ],
)
def test_bad_input_is_one_sentence(flags: list[str], word: str) -> None:
    assert word in refused(*flags)


def orphan(*flags: str) -> tuple[int, str]:
    """Have a short-lived shell start a server and die; give the server's pid and address."""
    script = '"$@" & read -r line; echo $!'
    with subprocess.Popen(
        ["sh", "-c", script, "sh", *SERVE, "--port", "0", "--quiet", *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        address = shell.stdout.readline().split()[-1]
        shell.stdin.write("go\n")
        shell.stdin.close()
        pid = int(shell.stdout.readline())
        shell.wait(DEADLINE_S)
        shell.stdout.close()
    return pid, address


def ended(pid: int, wait_s: float) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with open(descriptor) as handle:
        return bool(select.select([handle], [], [], wait_s)[0])


def test_it_dies_with_its_parent_when_told_so() -> None:
    pid, _ = orphan("--with-parent")
    assert ended(pid, DEADLINE_S)


def test_it_outlives_its_parent_when_not_told() -> None:
    pid, address = orphan()
    try:
        assert not ended(pid, 0.2)
        assert ask(address, "/health")[0] == 200
    finally:
        os.kill(pid, signal.SIGTERM)
    assert ended(pid, DEADLINE_S)
