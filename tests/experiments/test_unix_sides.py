"""`fastbench compare` at Unix sockets: which side goes where, in every way to measure."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from commandline import invoke
from servers import Server, answering

from fastbench.cli.args import compare_args
from fastbench.cli.args.compare_args import Command, Live
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.compare.comparisons_document import Comparisons
from fastbench.experiments.slices.slice_terms import SliceTerms
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Plan
from fastbench.script.run_request import RunRequest

LOAD = ("-c2", "-t1", "--no-progress", "--json", "out.json")
SHORT = ("--time", "960ms", *LOAD)
TWO = ("--unix", "a.sock", "--unix", "b.sock")
SERVER = """
import socket, sys, threading
def serve(peer):
    while peer.recv(4096):
        peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
while True:
    threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # for the servers: a whole path may be too long for a socket
    return tmp_path


def compare(folder: Path, *words: str) -> dict[str, object]:
    done = invoke("compare", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads((folder / "out.json").read_text())
    return found


def live(line: str) -> Live:
    found = compare_args.parse(shlex.split(line))
    assert isinstance(found, Command) and isinstance(found.what, Live)
    return found.what


def test_each_side_has_its_own_socket(folder: Path) -> None:
    with Server(answering(), path="a.sock") as base, Server(answering(), path="b.sock") as other:
        words = (*SHORT, *TWO, "http://x.test/a", "http://y.test/b")
        found = Comparison.from_document(compare(folder, *words))
        for server, line, host in ((base, b"/a", b"x"), (other, b"/b", b"y")):
            assert set(server.seen.lines) == {b"GET " + line + b" HTTP/1.1"}
            assert b"Host: " + host + b".test\r\n" in server.seen.last
    assert (found.base, found.candidate) == (
        "http://x.test/a over a.sock",
        "http://y.test/b over b.sock",
    )
    assert found.config["unix"] == ["a.sock", "b.sock"]
    assert found.pairs and all(pair.at_s is not None for pair in found.pairs)
    assert all(pair.base and not pair.base.errors_share for pair in found.pairs)


def test_one_url_is_for_all_sockets_of_several_candidates(folder: Path) -> None:
    paths = ("a.sock", "b.sock", "c.sock")
    sides = [Server(answering(), path=path) for path in paths]
    with sides[0] as one, sides[1] as two, sides[2] as three:
        words = (*SHORT, *TWO, "--unix", "c.sock", "http://localhost/x")
        found = Comparisons.from_document(compare(folder, *words))
        for server in (one, two, three):
            assert set(server.seen.lines) == {b"GET /x HTTP/1.1"}
    assert [each.candidate for each in found.each] == [
        "http://localhost/x over b.sock",
        "http://localhost/x over c.sock",
    ]
    assert found.each[1].config["unix"] == list(paths)


def test_visits_go_to_their_own_sockets(folder: Path) -> None:
    with Server(answering(), path="a.sock") as base, Server(answering(), path="b.sock") as other:
        visits = ("--pairs", "8", "--visit", "50ms", "-W0")
        words = (*visits, *LOAD, *TWO, "http://h/a", "http://h/b")
        found = Comparison.from_document(compare(folder, *words))
        assert set(base.seen.lines) == {b"GET /a HTTP/1.1"}
        assert set(other.seen.lines) == {b"GET /b HTTP/1.1"}
    assert found.pairs and all(pair.at_s is None for pair in found.pairs)


def test_a_script_goes_to_the_socket_of_its_side(folder: Path) -> None:
    (folder / "load.py").write_text(
        'from fastbench import scenario\n\n\n@scenario\nasync def one(vu):\n    await vu.get("/")\n'
    )
    with Server(answering(), path="a.sock") as base, Server(answering(), path="b.sock") as other:
        words = ("--script", "load.py", "-u2", "-t1", "--time", "1s", *LOAD[2:], *TWO)
        compare(folder, *words, "http://a.test", "http://b.test")
        assert b"Host: a.test\r\n" in base.seen.last
        assert b"Host: b.test\r\n" in other.seen.last


def test_servers_that_it_starts_have_sockets_of_fixed_names(folder: Path) -> None:
    (folder / "server.py").write_text(SERVER)
    server = shlex.join([sys.executable, "server.py"])
    sides = ("--run-base", f"{server} a.sock", "--run-candidate", f"{server} b.sock")
    words = (*SHORT, "--restarts", "1", "-W0", *TWO, "--url", "http://localhost/")
    found = Comparison.from_document(compare(folder, *words, *sides))
    assert found.pairs and all(pair.at_s is not None for pair in found.pairs)
    assert all(pair.candidate and not pair.candidate.errors_share for pair in found.pairs)


A_AND_B = "http://h/a http://h/b"


def test_one_socket_is_for_both() -> None:
    found = live(f"--unix /run/x {A_AND_B}")
    jobs = [side.make(None) for side in (found.base, found.candidate)]
    assert [job.target.unix_path for job in jobs if isinstance(job, Plan)] == ["/run/x"] * 2
    assert (found.base.label, found.candidate.label) == ("http://h/a", "http://h/b")
    assert found.config["unix"] == ["/run/x"] * 2
    assert "unix" not in live(A_AND_B).config


def test_the_port_is_filled_in_for_each_side(tmp_path: Path) -> None:
    commands = "--run-base './a {port}' --run-candidate './b {port}' --url http://localhost/"
    found = live(f"{commands} --unix a{{port}}.sock --unix b{{port}}.sock")
    assert isinstance(found.terms, SliceTerms)
    jobs = [found.base.make(1234), found.candidate.make(1235)]
    paths = [job.target.unix_path for job in jobs if isinstance(job, Plan)]
    assert paths == ["a1234.sock", "b1235.sock"]
    commands = commands.replace("./b {port}", "./b")
    assert live(f"{commands} --unix {{port}} --unix b").config["unix"] == ["{port}", "b"]
    script = tmp_path / "x.py"
    script.write_text("")
    by_script = live(f"--script {script} --unix a --unix b {A_AND_B}")
    runs = [side.make(None) for side in (by_script.base, by_script.candidate)]
    assert [run.unix_path for run in runs if isinstance(run, RunRequest)] == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        (f"--unix a --unix b --unix c {A_AND_B}", "3 times for 2 sides; give one socket for all"),
        (f"--unix a --unix b {A_AND_B} http://h/c", "2 times for 3 sides; give one socket for all"),
        ("--unix a http://h/", "compare needs two sides"),
        (f"--unix a --unix '' {A_AND_B}", "needs the path of a socket"),
        (f"--unix a --unix {'b' * 108} {A_AND_B}", "over 107 bytes; use a shorter link"),
        (f"--script x.py --unix a --unix {'b' * 108} {A_AND_B}", "over 107 bytes"),
        (f"--unix a --unix b --bind 127.0.0.1 {A_AND_B}", "leave --bind or --unix out"),
        (f"--unix a --unix b --connect-to a:1:b:2 {A_AND_B}", "both say where to connect"),
        ("http+unix://%2Frun%2Fa.sock/ http://h/", "name the socket with --unix FILE"),
        (
            "--run-base ./a --run-candidate './b {port}' --url http://h/ --unix a --unix b",
            "--run-candidate has {port} but the URL has not",
        ),
    ],
)
def test_a_slip_is_refused_with_the_cure(line: str, cure: str, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("")
    with pytest.raises(UsageError, match=re.escape(cure)) as caught:
        live(line.replace("x.py", str(tmp_path / "x.py")))
    assert "\n" not in str(caught.value)
