"""A script writes every form in one run: no secret is in any, no string is more than text."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from case import answer
from commandline import Shown, at_once, invoke
from exposed import dangerous, encoded
from html_pages import ATTRIBUTES, ELEMENTS
from html_pages import read as read_page
from junit_files import outcomes, read
from servers import Peer, Script, Server, answering

from fastbench.cli.output import formats
from fastbench.foundation.redact import printable
from fastbench.results.result import Result

FILES = {f"--{form}": f"result.{form}" for form in ("json", *formats.FILES)}
LIVE = {"json": "points.json", "csv": "points.csv"}
OUTPUTS = [word for pair in FILES.items() for word in pair] + [
    word for sort, file in LIVE.items() for word in ("-o", f"{sort}={file}")
]
HISTORY = "runs.db"
# What is made of a saved run: the forms of other tools, the report, the list of runs, its page.
AGAIN = (
    *(("report", FILES["--json"], "--format", tool) for tool in ("text", *formats.PEERS)),
    ("history", HISTORY),
    ("history", HISTORY, "--html", "history.html"),
)
WRITTEN = {*FILES.values(), *LIVE.values(), "history.html", "history.json"}

# Secrets

NAMES = (
    *("env", "shell", "header", "file", "userinfo", "tag", "tagged-url"),
    *("query", "params", "cookie", "bearer", "key", "body", "form", "auth", "signature"),
    *("thrown", "source"),
)
NEVER_SENT = {"env", "shell", "tag", "tagged-url", "thrown", "source"}
SECRETS = {name: f"hunter2-{name}-Zq9x" for name in NAMES}
BUYING = """
from fastbench import check, env, scenario

@scenario(executor="per-vu-iterations", vus=2, iterations=2)
async def buy(vu):
    await vu.get("/query?page=1&access_token={query}")
    await vu.get("/params", params={{"api_key": "{params}"}}, cookies={{"sid": "{cookie}"}})
    await vu.get("/bearer", bearer="{bearer}", headers={{"X-Api-Key": "{key}"}})
    await vu.post("/login", json={{"user": "u", "password": "{body}"}})
    await vu.post("/form", data={{"client_secret": "{form}"}})
    await vu.get("/auth", auth=("user", "{auth}"))
    answer = await vu.get("/last?sig={signature}", tags={{"session_token": env("API_TOKEN")}})
    check(answer, {{"it is 200": lambda answer: answer.status == 200}})
    if not env("CALM", "") and vu.iteration == 0:
        refused("http://u:{thrown}@h/?token={thrown}", password="{source}")

def refused(where, password):
    raise RuntimeError(f"refused: {{where}}")
"""


def echoing(into: list[bytes]) -> Script:
    """Keep every request, and send it back: in a cookie, in another header, in the body."""

    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            into.append(request)
            flat = re.sub(rb"[\r\n]+", b" ", request)
            fields = (b"Set-Cookie: echo=" + flat, b"X-Echo: " + flat)
            peer.send(answer(*fields, f"Content-Length: {len(request)}", body=request))

    return script


def leaked(text: str) -> set[str]:
    return {name for name, secret in SECRETS.items() if secret in text or encoded(secret) in text}


def bought(folder: Path, address: str, *flags: str) -> Shown:
    folder.mkdir()
    (folder / "buy.py").write_text(BUYING.format(**SECRETS))
    (folder / "headers").write_text(f"X-Client-Secret: {SECRETS['file']}\n")
    return invoke(
        *("run", "buy.py", "-t1", *flags),
        *("--base-url", f"http://user:{SECRETS['userinfo']}@{address}"),
        *("-e", f"API_TOKEN={SECRETS['env']}", "-e", "DB_PASSWORD", "-H", "@headers"),
        *("-H", f"X-Auth-Token: {SECRETS['header']}", "--tag", f"csrf_token={SECRETS['tag']}"),
        *("--tag", f"ref=http://u:{SECRETS['tagged-url']}@ref.test/"),
        cwd=folder,
        env={"DB_PASSWORD": SECRETS["shell"]},
    )


def left(folder: Path, *shown: Shown) -> dict[str, str]:
    """Return all that a run left as text; the file of runs is packed, its parts are shown."""
    given = ("buy.py", "headers", "__pycache__", HISTORY)
    files = {path.name: path.read_text() for path in folder.iterdir() if path.name not in given}
    return files | {
        f"stream {at}": (each.stdout or "") + each.stderr for at, each in enumerate(shown)
    }


def again(folder: Path) -> list[Shown]:
    """Make of a saved run what can be made of it."""
    shown = at_once(partial(invoke, *words, cwd=folder) for words in AGAIN)
    with open(folder / "history.json", "wb") as file:
        shown.append(invoke("history", HISTORY, "--show", "1", stdout=file, cwd=folder))
    assert {each.returncode for each in shown} == {0}
    return shown


def test_no_secret_of_a_script_is_in_anything_that_is_written(tmp_path: Path) -> None:
    requests: list[bytes] = []
    with Server(echoing(requests)) as server:
        address = f"127.0.0.1:{server.port}"
        acts = {
            "run": partial(bought, tmp_path / "run", address, *OUTPUTS, "--history", HISTORY),
            "k6": partial(bought, tmp_path / "k6", address, "--format", "k6", "-v"),
            "debug": partial(bought, tmp_path / "debug", address, "--debug", "-e", "CALM=1"),
            "dry": partial(bought, tmp_path / "dry", address, "--dry-run"),
        }
        runs = dict(zip(acts, at_once(acts.values()), strict=True))
    sent = b"\n".join(requests).decode()
    assert leaked(sent) == set(NAMES) - NEVER_SENT, "the secrets were there to be leaked"
    for name, run in runs.items():
        assert run.returncode == 0, run.stderr
        more = again(tmp_path / name) if name == "run" else []
        artefacts = left(tmp_path / name, run, *more)
        assert {each for each in artefacts if "." in each} == (WRITTEN if more else set())
        found = {what: leaked(text) for what, text in artefacts.items() if leaked(text)}
        assert found == {}, name
    assert leaked((tmp_path / "run" / HISTORY).read_bytes().decode("latin-1")) == set()
    page = (tmp_path / "run" / FILES["--html"]).read_text()
    assert "RuntimeError" in page and "***" in page, "it is masked, not left out"


# Text from elsewhere

EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "' onmouseover='alert(3)",
    "<!--<script>]]><failure/>",
    "a\u2028b\u2029c",
    "\x1b[31mred\x1b]0;owned\x07\x9b",
    "\u202egnp.exe",
    "=cmd|' /C calc'!A0",
    "+1+cmd|x",
    "-2+3+cmd|x",
    "@SUM(1+1)*cmd|x",
    "| a | b |\n# big",
    "[x](javascript:alert(4))",
    "&lt;b&gt;&#x3c;i>",
)
NAMING = """
from fastbench import Counter, check, group, scenario

EVIL = {evil!r}
tries = Counter("tries")

@scenario(executor="shared-iterations", vus=1, iterations=2)
async def naming(vu):
    for evil in EVIL:
        async with group(evil):
            answer = await vu.get("/", name=evil, tags={{"note": evil}})
            check(answer, {{evil: lambda answer: False}}, {{"kind": evil}})
        tries.add(1, {{"kind": evil}})
    if vu.iteration == 0:
        raise ValueError(" ".join(EVIL))
"""


@dataclass(frozen=True, slots=True)
class Named:
    """The artefacts of a run whose every name is hostile."""

    shown: Shown
    texts: dict[str, str]


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Named:
    folder = tmp_path_factory.mktemp("named")
    (folder / "buy.py").write_text(NAMING.format(evil=EVIL))
    evil = answer("Content-Length: 0", start=f"HTTP/1.1 200 {EVIL[0]}")
    with Server(answering(evil)) as server:
        where = ("--base-url", server.url(""), "--tag", f"build={EVIL[7]}")
        kept = ("--history", HISTORY, "--name", EVIL[0])
        shown = invoke("run", "buy.py", "-t1", *where, *kept, *OUTPUTS, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    return Named(shown, left(folder, shown, *again(folder)))


def test_nothing_that_is_written_drives_a_terminal_or_hides(named: Named) -> None:
    assert {each for each in named.texts if "." in each} == WRITTEN
    assert {what: dangerous(text) for what, text in named.texts.items() if dangerous(text)} == {}
    assert "<script>alert(1)</script>" in named.shown.stdout


def test_the_page_has_no_element_of_theirs(named: Named) -> None:
    page = read_page(named.texts[FILES["--html"]])
    assert set(page.elements) <= ELEMENTS and page.elements.count("script") == 2
    assert {key for key, _ in page.attributes} <= ATTRIBUTES and page.comments == 0
    for evil in EVIL:
        assert printable(evil, lines=True) in page.text


def test_the_page_of_runs_has_no_element_of_theirs(named: Named) -> None:
    page = read_page(named.texts["history.html"])
    assert not {"img", "b", "iframe"} & set(page.elements) and page.comments == 0
    assert not [key for key, _ in page.attributes if key.startswith("on")]
    assert EVIL[0] in page.text


def test_no_cell_is_a_formula(named: Named) -> None:
    seen = set()
    for file in (FILES["--csv"], LIVE["csv"]):
        for row in csv.reader(io.StringIO(named.texts[file]), strict=True):
            seen |= {cell for cell in row if not re.fullmatch(r"-?[\d.]+(e[-+]\d+)?", cell)}
    assert not [cell for cell in seen if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {f"'{evil}" for evil in EVIL if evil[0] in "=+-@"} <= seen


def test_the_report_for_build_servers_is_one_still(named: Named) -> None:
    cases = outcomes(read(named.texts[FILES["--junit"]]))
    assert len(cases) == 1 + len(EVIL)
    assert sum(printable(EVIL[0]) in name for name in cases) == 1


def test_the_comment_is_text_and_its_tables_are_whole(named: Named) -> None:
    comment = named.texts[FILES["--md"]]
    assert not re.search(r"[<>@]|(?<!\\)\]\(", comment)
    for table in re.findall(r"(?:^\|.*\n)+", comment, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_documents_come_back_as_they_were(named: Named) -> None:
    result = Result.from_document(json.loads(named.texts[FILES["--json"]]))
    assert {row.name for row in result.checks} == set(EVIL)
    assert {row.name for row in result.requests} == set(EVIL)
    points = [json.loads(line) for line in named.texts[LIVE["json"]].splitlines()]
    tagged = {row["data"]["tags"].get("name") for row in points if row["type"] == "Point"}
    assert tagged >= set(map(printable, EVIL))


# What cannot be written


def test_a_script_that_cannot_write_anything_still_reports(tmp_path: Path) -> None:
    (tmp_path / "buy.py").write_text(NAMING.format(evil=EVIL[:1]))
    full = [word for flag in FILES for word in (flag, "/dev/full")]
    full += ["-o", "json=/dev/full"]
    with Server(answering()) as server:
        shown = invoke("run", "buy.py", "-t1", "--base-url", server.url(""), *full, cwd=tmp_path)
    assert shown.returncode == 121 and "2 requests in" in shown.stdout
    assert shown.stderr.count("was not written: no space left on device.\n") == len(full) // 2
