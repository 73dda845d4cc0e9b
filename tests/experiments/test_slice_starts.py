"""Fresh starts of two servers, slices within each: what is the sample, and how it ends."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import signal
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from commandline import begin, invoke
from comparing import judged, pairs_of
from running import LIMIT_S, until

from fastbench.experiments.compare import start_effects, start_notes, statistics
from fastbench.experiments.compare.compare_document import Comparison, Pair
from fastbench.experiments.compare.interval_history import looks
from fastbench.experiments.slices.start_order import starts

# Spins SPIN_US for each request. Counts its starts in a file; "dies N K" ends in the middle of
# start N after K requests, "fails N" does not start at all then. The last word is the port.
SERVER = """
import os, pathlib, socket, sys, threading, time
name, port = os.environ["NAME"], int(sys.argv[-1])
counted = pathlib.Path(name + ".starts")
with counted.open("a") as file:
    print(os.getpid(), *sorted(os.sched_getaffinity(0)), file=file)
start = len(counted.read_text().splitlines())
asked = sys.argv[1:-1]
if asked[:1] == ["fails"] and start >= int(asked[1]):
    sys.exit("no memory left")
spin_s = float(os.environ.get("SPIN_US", "100")) / 1e6
left = int(asked[2]) if asked[:1] == ["dies"] and start >= int(asked[1]) else 10**9
def serve(peer):
    global left
    while peer.recv(4096):
        until_s = time.monotonic() + spin_s
        while time.monotonic() < until_s:
            pass
        left -= 1
        if left < 0:
            print("out of luck", flush=True)
            os._exit(7)
        peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
if sys.argv[-2] == "unix":
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{port}.sock")
    listener.listen()
else:
    listener = socket.create_server(("127.0.0.1", port))
while True:
    threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()
"""
COMMON = ("-c", "1", "-t", "1", "-W", "50ms", "--slice", "20ms", "--no-progress", "--seed", "5")
URL = ("--url", "http://127.0.0.1:{port}/")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "server.py").write_text(SERVER)
    return tmp_path


def command(name: str, *words: str, spin_us: int = 100) -> str:
    """Return a command; name and spin are in the environment, so that all run one program."""
    server = shlex.join([sys.executable, "server.py", *words])
    return f"NAME={name} SPIN_US={spin_us} {server} {{port}}"


def sides(base: str, candidate: str) -> tuple[str, ...]:
    return ("--run-base", base, "--run-candidate", candidate)


def read(folder: Path) -> Comparison:
    return Comparison.from_document(json.loads((folder / "out.json").read_text()))


def compare(folder: Path, *words: str) -> tuple[Comparison, str]:
    wide = {"COLUMNS": "400"}  # beside other tests it would be 80, and sentences in more lines
    done = invoke("compare", *COMMON, *words, "--json", "out.json", env=wide, cwd=folder)
    forget_outputs((folder / "out.json").read_text())
    return read(folder), done.stdout + done.stderr


def forget_outputs(text: str) -> None:
    """Remove what servers that failed wrote, which stays for whoever reads the sentence."""
    for path in re.findall(r"[\w/.-]+/fastbench-[\w-]+\.log", text):
        Path(path).unlink(missing_ok=True)


def starts_of(folder: Path, name: str) -> list[list[int]]:
    """Return the process of each start, and its processors."""
    file = folder / f"{name}.starts"
    rows = file.read_text().splitlines() if file.exists() else []
    return [[int(word) for word in row.split()] for row in rows]


def in_starts(effects: dict[int, list[float]]) -> list[Pair]:
    found = []
    for number, logs in effects.items():
        pairs = pairs_of([math.exp(each) for each in logs])
        found += [replace(pair, start=number, at_s=0.0) for pair in pairs]
    return found


# The sample


def test_the_start_is_the_sample() -> None:
    """A hundred pairs of each start agree to a hair, the starts do not: nothing is sure."""
    centres = [0.05, -0.04, 0.06, -0.03, 0.05, 0.04, -0.05, 0.06]
    effects = {
        number: [centre + 0.0001 * (at % 3 - 1) for at in range(100)]
        for number, centre in enumerate(centres, 1)
    }
    found = judged(in_starts(effects))
    metric = found.metrics["requests_per_s"]
    expected = statistics.interval(centres, 0.99)
    assert expected is not None and found.interval is not None
    assert found.interval == pytest.approx([math.exp(each) for each in expected])
    assert found.ratio == pytest.approx(math.exp(statistics.estimate(centres)))
    assert metric.p == pytest.approx(statistics.p_of(centres))
    assert (found.verdict, metric.pairs, found.pairs_needed) == ("inconclusive", 800, None)
    assert looks(found)[-1].interval == pytest.approx(found.interval), "pictures show the same"
    as_one = judged(start_effects.as_one(found.pairs))
    assert as_one.interval is not None and as_one.interval[0] > 1, "slices alone would be sure"
    (said,) = [each for each in start_notes.told(found, ()) if each.code == "starts_differ"]
    assert "the slices of these starts say different, the starts do not" in said.text


def test_starts_that_agree_are_different_and_their_scatter_is_told() -> None:
    effects = {number: [0.1 + 0.001 * number] * 20 for number in range(1, 9)}
    found = judged(in_starts(effects))
    assert found.verdict == "different"
    (said,) = start_notes.told(found, ())
    assert "starts of the base differ by 0 %, of the candidate by 0.245 %" in said.text
    assert "standard deviation over 8 starts" in said.text


def test_too_few_starts_are_told_as_starts() -> None:
    found = judged(in_starts({number: [0.1] * 20 for number in range(1, 7)}))
    assert (found.verdict, found.interval) == ("inconclusive", None)
    (said,) = [each for each in found.warnings if each.code == "few_starts"]
    assert said.text == "6 starts cannot show a difference at 99 % confidence"
    assert said.hint == "8 are needed; see --restarts"


def test_who_starts_first_and_the_order_of_the_slices_are_drawn() -> None:
    drawn = starts(7, 200, 2)
    assert drawn == starts(7, 200, 2) and drawn != starts(8, 200, 2)
    assert {each.order for each in drawn} == {(0, 1), (1, 0)}
    assert 70 < sum(each.order[0] for each in drawn) < 130
    assert len({each.seed for each in drawn}) == 200
    assert [each.number for each in drawn] == list(range(1, 201))
    assert [sorted(each.order) for each in starts(1, 3, 4)] == [[0, 1, 2, 3]] * 3
    assert starts(9, 1, 2)[0].seed == 9, "as for servers that run already"


# The command


def test_both_are_started_anew_each_time_pinned_and_ended(folder: Path) -> None:
    words = ("--restarts", "8", "--time", "4s", *URL)
    usable = sorted(os.sched_getaffinity(0))
    pin = ("--pin",) if len(usable) > 1 else ()
    slower = command("new", spin_us=1000)
    found, shown = compare(folder, *words, *pin, *sides(command("old"), slower))
    assert {pair.start for pair in found.pairs} == set(range(1, 9))
    began = [pair.at_s for pair in found.pairs]
    assert began == sorted(began, key=lambda at_s: at_s or 0.0)
    assert found.ratio is not None and found.ratio < 0.9, shown
    assert found.interval is not None and found.interval[1] < 1, shown
    assert "starts of the base differ by" in shown and "8 fresh starts" in shown
    assert "slices do not see" not in shown
    for name in ("old", "new"):
        rows = starts_of(folder, name)
        assert len({pid for pid, *_ in rows}) == len(rows) == 8
        assert not any(psutil.pid_exists(pid) for pid, *_ in rows)
        if pin:
            assert all(processors == usable[-1:] for _, *processors in rows)
    if pin:
        asked = found.config["pin"]
        assert isinstance(asked, dict) and asked["servers"] == usable[-1:]
        assert f"servers on CPU {usable[-1]}, load on CPU {usable[0]}" in shown
    assert "both sides run the same program: two starts of the same build differ by" in shown
    assert "their environments differ in NAME, SPIN_US" in " ".join(shown.split())


def test_one_start_is_a_quick_look_and_has_its_caveat(folder: Path) -> None:
    """At Unix sockets, whose path has the port."""
    words = ("--restarts", "1", "--time", "700ms", "--url", "http://localhost/")
    unix = ("--unix", "{port}.sock")
    found, shown = compare(
        folder, *words, *unix, *sides(command("old", "unix"), command("new", "unix"))
    )
    assert found.ended == "complete", shown
    assert any(pair.valid for pair in found.pairs), shown
    assert {pair.start for pair in found.pairs} == {None}
    assert "slices do not see" in shown
    assert len(starts_of(folder, "old")) == len(starts_of(folder, "new")) == 1


def test_a_server_that_dies_costs_its_start_which_is_made_again(folder: Path) -> None:
    words = ("--restarts", "8", "--time", "3.2s", "-W", "0", *URL)
    dying = command("new", "dies", "3", "30", spin_us=1000)  # some 20 requests a slice
    found, shown = compare(folder, *words, *sides(command("old"), dying))
    said = " ".join(shown.split())
    assert "start 3: candidate: its server ended with status 7 (out of luck)" in said
    assert "the comparison ended after 2 of 8 starts: candidate: its server ended" in said
    assert len(starts_of(folder, "new")) == 5, "the third is made again twice"
    assert {pair.start for pair in found.pairs if pair.valid} == {1, 2}
    lost = [pair for pair in found.pairs if pair.start == 3]
    why = "candidate: its server ended with status 7 (out of luck)"
    assert lost and all(why in pair.reasons and not pair.valid for pair in lost)
    assert not any(psutil.pid_exists(pid) for pid, *_ in starts_of(folder, "old"))


def test_a_server_that_does_not_start_later_on_ends_it_with_what_there_is(folder: Path) -> None:
    words = ("--restarts", "8", "--time", "1.6s", *URL)
    failing = command("new", "fails", "3")
    found, shown = compare(folder, *words, *sides(command("old"), failing))
    said = " ".join(shown.split())
    assert "the comparison ended after 2 of 8 starts: The server of --run-candidate" in said
    assert found.ended == "complete"
    assert {pair.start for pair in found.pairs} == {1, 2} and all(
        each.valid for each in found.pairs
    )


def test_a_server_that_never_starts_is_exit_122_with_its_output(folder: Path) -> None:
    failing = command("new", "fails", "1")
    words = (*COMMON, "--restarts", "8", *URL, *sides(command("old"), failing))
    done = invoke("compare", *words, cwd=folder)
    forget_outputs(done.stderr)
    assert done.returncode == 122
    assert "no memory left" in done.stderr and "Traceback" not in done.stderr
    assert not any(psutil.pid_exists(pid) for pid, *_ in starts_of(folder, "old"))


def test_ctrl_c_between_starts_ends_it_in_order(folder: Path) -> None:
    words = ("compare", *COMMON, "--restarts", "100", "--time", "30s", "--json", "out.json", *URL)
    with begin(*words, *sides(command("old"), command("new")), cwd=folder) as process:
        try:
            until(lambda: len(starts_of(folder, "old")) >= 3)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
    assert process.returncode == 105, err
    assert "Traceback" not in err
    found = read(folder)
    assert found.ended == "interrupted" and {1, 2} <= {pair.start for pair in found.pairs}
    for name in ("old", "new"):
        assert not any(psutil.pid_exists(pid) for pid, *_ in starts_of(folder, name))


# Baselines


@pytest.mark.parametrize("slower", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_plain_trial_of_the_candidate_is_the_baseline(folder: Path, slower: bool) -> None:
    limit = ("--save-baseline", "main", "--fail-on-regression", "50%")
    words = ("--restarts", "1", "-d", "700ms", *limit, *URL)  # the trial has its own length
    candidate = command("new", spin_us=2000 if slower else 100)
    found, shown = compare(folder, *words, *sides(command("old"), candidate))
    saved = folder / ".fastbench" / "baselines" / "main.json"
    assert found.regressed == slower, shown
    if slower:
        assert "the baseline main was not saved: this run is a regression." in shown
        assert not saved.exists()
        return
    assert "one plain trial of the candidate, to be saved as the baseline main" in shown
    document = json.loads(saved.read_text())
    assert document["summary"]["duration_s"] == pytest.approx(3.0, abs=0.5)
    assert document["summary"]["ok"] > 0
