"""What must not get out: secrets, listening sockets, and strings that would drive a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from case import answer
from certificates import Authority
from commandline import Shown, at_once, invoke, table_at_once
from exposed import NAMES, SECRETS, dangerous, echo, leaked, planted
from running import start, until
from servers import Peer, Server, answering, refusing
from terminal import in_terminal

FEW = ("-n4", "-c2")

# Where a secret may stand, each with its own.


def planted_otherwise(address: str) -> list[str]:
    """Return other flags for the same kinds of secrets."""
    return [
        *("-a", f"user:{SECRETS['bearer']}"),
        *("--data", f"name=x&client_secret={SECRETS['form']}"),
        *("--expect-body", f"token={SECRETS['token']}"),
        f"http://{address}/p?signature={SECRETS['signature']}",
        f"http://{address}/p?key={SECRETS['query']}#access_token={SECRETS['token']}",
    ]


def written(folder: Path, run: Shown) -> list[str]:
    """All artefacts of a run: both streams and every file."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != "headers"]
    files = [path.read_text() for path in found]
    return [run.stdout, run.stderr, *files]


def folders(parent: Path, count: int) -> list[Path]:
    """Make so many empty folders."""
    made = [parent / str(i) for i in range(count)]
    for folder in made:
        folder.mkdir()
    return made


MODES = ("--format text", "--format wrk", "--format json", "--debug")


def test_no_secret_is_in_anything_that_a_run_writes(tmp_path: Path) -> None:
    with Server(echo) as server:
        address = f"127.0.0.1:{server.port}"
        used = folders(tmp_path, 2 * len(MODES))
        flags = [planted(folder, address) for folder in used[: len(MODES)]]
        flags += [planted_otherwise(address)] * len(MODES)
        runs = at_once(
            partial(invoke, *FEW, "--json=out", "--csv=table", *mode.split(), *secrets, cwd=folder)
            for mode, folder, secrets in zip(MODES * 2, used, flags, strict=True)
        )
    sent = b"".join(server.seen.lines) + server.seen.last
    assert b"api_key=" + SECRETS["query"].encode() in sent, "the secrets were there to be leaked"
    for mode, folder, run in zip(MODES * 2, used, runs, strict=True):
        assert run.returncode in (0, 122), run.stderr
        artefacts = written(folder, run)
        assert len(artefacts) == (2 if mode == "--debug" else 4)
        assert leaked(*artefacts) == set(), mode
        shown = artefacts[0] if "--debug" in mode else "".join(artefacts)
        assert "***" in shown, "it is masked, not left out"


def test_the_secrets_all_reach_the_server(tmp_path: Path) -> None:
    with Server(answering()) as server:
        address = f"127.0.0.1:{server.port}"
        requests = []
        for secrets in (planted(tmp_path, address), planted_otherwise(address)):
            invoke(*FEW, "--quiet", *secrets)
            requests.append(server.seen.last.decode())
    # The header of Authorization takes the place of the URL's; a fragment is not sent.
    assert leaked(requests[0]) == set(NAMES) - {"userinfo", "form"}
    assert leaked(requests[1]) >= {"bearer", "form"}


def test_no_secret_is_in_what_is_said_about_a_failure(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    with (
        refusing() as port,
        Server(Peer.cut) as cutting,
        Server(answering(), tls=authority.good()) as secure,
        Server(answering(answer("Content-Length: 0", start="HTTP/1.1 500 No"))) as failing,
    ):
        cases = [
            (122, f"127.0.0.1:{port}", []),
            (122, f"127.0.0.1:{port}", ["--debug"]),
            (122, "nowhere.invalid", []),
            (122, f"127.0.0.1:{cutting.port}", []),
            (122, f"127.0.0.1:{failing.port}", ["--expect-status", "200"]),
            (121, f"127.0.0.1:{failing.port}", ["--expect-status", "500", "--csv=/dev/full"]),
            (122, f"127.0.0.1:{secure.port}", []),
            (1, f"127.0.0.1:{port}", ["-c", "0"]),
            (1, f"127.0.0.1:{port}", ["--nonsense"]),
            (1, f"127.0.0.1:{port}", ["-d", f'{{"token": "{SECRETS["form"]}"}}']),
            (1, f"127.0.0.1:{port}", ["-a", SECRETS["form"]]),
            (1, f"127.0.0.1:{port}x", []),
            (1, f"127.0.0.1:{port} ", []),
        ]
        used = folders(tmp_path, len(cases))
        runs = at_once(
            partial(invoke, *FEW, "--json=out", *planted(folder, address), *flags, cwd=folder)
            for folder, (_, address, flags) in zip(used, cases, strict=True)
        )
    for folder, run, (code, address, flags) in zip(used, runs, cases, strict=True):
        assert run.returncode == code, (address, flags, run.stderr)
        assert leaked(*written(folder, run)) == set(), (address, flags)


# Listeners


def test_nothing_listens_while_a_run_goes() -> None:
    listening, connected = "0A", "01"
    with Server(answering()) as server, start("-d", "20s", server.url()) as running:
        until(lambda: server.seen.requests > 100)
        parent = psutil.Process(running.process.pid)
        processes = [parent, *parent.children(recursive=True)]
        assert len(processes) > 1, "the workers are looked at too"
        held = {inode for process in processes for inode in sockets_of(process.pid)}
        states = {inode: state for inode, state in tcp_states() if inode in held}
        paths = Path("/proc/net/unix").read_text().splitlines()[1:]
        accepting = {line.split()[6] for line in paths if int(line.split()[3], 16) & 0x10000}
        bound = {line.split()[9] for line in internet("udp")}
    assert list(states.values()).count(connected) == 10
    assert listening not in states.values()
    assert not held & accepting and not held & bound


def sockets_of(pid: int) -> set[str]:
    links = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]
    return {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}


def internet(protocol: str) -> list[str]:
    """The rows of /proc/net/PROTOCOL and its IPv6 twin (proc(5))."""
    files = (Path("/proc/net") / name for name in (protocol, f"{protocol}6"))
    return [row for file in files if file.exists() for row in file.read_text().splitlines()[1:]]


def tcp_states() -> Iterator[tuple[str, str]]:
    """Inode and state of every TCP socket."""
    for row in internet("tcp"):
        fields = row.split()
        yield fields[9], fields[3]


# Hostile strings

HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp.exe\u2066\u2028\u200b\x7fend"
IN_A_URL = re.sub("[\x00-\x1f\x7f]", "", HOSTILE)  # those are refused there
RAW = HOSTILE.encode() + b"\x9b31m\xff\xfe"


RESPONSES = {
    "reason": answer("Content-Length: 0", start=b"HTTP/1.1 200 " + RAW),
    "value": answer("Content-Length: 0", b"X-Name: " + RAW),
    "name": answer("Content-Length: 0", b"X-" + RAW + b": x"),
    "body": answer(f"Content-Length: {len(RAW)}", body=RAW),
    "extension": answer("Transfer-Encoding: chunked", body=b"1;" + RAW + b"\r\nx\r\n0\r\n\r\n"),
    "banner": b"SSH-2.0-" + RAW + b"\r\n",
}


def answered(response: bytes, folder: Path) -> tuple[Shown, Shown]:
    """Look at one exchange, then run."""
    with Server(answering(response)) as server:
        common = ("--timeout", "200ms", server.url())
        debug = invoke("--debug", *common)
        return debug, invoke(*FEW, "--json=out", "--csv=table", *common, cwd=folder)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Everything that is written for every response."""
    used = {name: tmp_path_factory.mktemp("answer") for name in RESPONSES}
    runs = table_at_once(
        {name: partial(answered, RESPONSES[name], folder) for name, folder in used.items()}
    )
    for debug, run in runs.values():
        assert debug.returncode == run.returncode in (0, 122)
        assert "Counted as" in debug.stdout and "GET http://" in run.stdout
    return {
        name: [debug.stdout, debug.stderr, *written(used[name], run)]
        for name, (debug, run) in runs.items()
    }


@pytest.mark.parametrize("name", RESPONSES)
def test_no_string_of_a_server_reaches_a_terminal_as_it_came(
    name: str, answers: dict[str, list[str]]
) -> None:
    assert "owned" in answers[name][0], "what can be shown of it is shown"
    assert dangerous("".join(answers[name])) == set()


# Words that come back in a sentence, in the report or in a file; and the exit code.
WORDS = {
    "--host": (HOSTILE.replace("\u2028", ""), 0),
    "-H": (f"X-Name: {HOSTILE}", 0),
    "-b": (HOSTILE, 0),
    "--expect-body": (HOSTILE, 122),
    "--unix": (f"/tmp/{HOSTILE}", 122),
    "--urls-from-file": (HOSTILE, 1),
    "-s": (f"{HOSTILE}.lua", 1),
    "--json": (f"missing/{HOSTILE}", 0),
}


def said(flag: str, folder: Path) -> Shown:
    with Server(answering()) as server:
        url = server.url(f"/{IN_A_URL}")
        return invoke(*FEW, "--json=out", "--csv=table", flag, WORDS[flag][0], url, cwd=folder)


@pytest.fixture(scope="module")
def echoes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Exit code and everything that is written, for every flag."""
    used = {flag: tmp_path_factory.mktemp("words") for flag in WORDS}
    runs = table_at_once({flag: partial(said, flag, folder) for flag, folder in used.items()})
    return {flag: (run.returncode, "".join(written(used[flag], run))) for flag, run in runs.items()}


@pytest.mark.parametrize(
    "flag",
    WORDS,
)
def test_no_word_of_the_command_line_comes_back_as_it_was(
    flag: str, echoes: dict[str, tuple[int, str]]
) -> None:
    code, text = echoes[flag]
    assert (code, "owned" in text) == (WORDS[flag][1], True)
    assert dangerous(text) == set()


def test_the_live_view_and_the_report_show_a_hostile_url_without_its_powers() -> None:
    with Server(answering()) as server:
        run = in_terminal("-c2", "-d", "1.2s", server.url(f"/{IN_A_URL}"))
    assert run.code == 0 and "THROUGHPUT" in run.written
    assert "owned" in run.screen and "end\n" in run.screen
    assert not re.search(r"\x1b\[2J|\x1b\]|\x07|\x9b|[\u202e\u2066\u2028\u200b\x7f]", run.written)


def test_a_document_with_hostile_text_keeps_the_rest_of_it(tmp_path: Path) -> None:
    with Server(answering()) as server:
        run = invoke(*FEW, "--json", "-", "-H", f"X-Name: {HOSTILE}", server.url())
    (header,) = json.loads(run.stdout)["config"]["headers"]
    assert header[0] == "X-Name" and header[1].endswith("gnp.exeend")
