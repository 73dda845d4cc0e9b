"""Names that a script finds are those of docs/reference/k6_reference.md, and those of k6.

The sample in k6_samples/told/ asks for the names; what k6 1.1 told stands beside it, and k6 is
asked again where it is installed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from k6_peer import run_k6
from k6_texts import run_text
from named_server import Named, named_server
from own_sources import ROOT
from running import fastbench
from servers import Server

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")
pytest.importorskip("selectolax", reason="elements need the extra html")

SAMPLE = Path(__file__).parents[1] / "k6_samples" / "told" / "names.js"
REFERENCE = ROOT / "docs" / "reference" / "k6_reference.md"
_CODE = re.compile(r"`([^`]+)`")
# What k6 shows of Go: methods of its own structures, which no script is meant to call.
_OF_GO = {
    "CryptoKey": {
        *("containsUsage", "isKeyPair", "resolveCryptoKey", "resolveCryptoKeyPair", "validate"),
    },
    "ReadableStream": {"source"},
}
# Told by the sample, not as a table: elements by tag, options (k6.md beside it), rows of data.
_NO_TABLES = {"Elements", "SharedArray", "exec.test.options"}

Names = dict[str, set[str]]
Rows = list[tuple[list[str], str]]  # names, and what the table says of them


def tables() -> dict[str, Rows]:
    """Return the rows of each section whose title is a name."""
    found: dict[str, Rows] = {}
    title = ""
    for line in REFERENCE.read_text().splitlines():
        if line.startswith("#"):
            code = _CODE.search(line)
            title = code[1] if code else ""
        elif title and line.startswith("| `"):
            names, _, said = line.strip("| ").partition(" | ")
            found.setdefault(title, []).append((_CODE.findall(names), said.strip()))
    return found


def told(text: str) -> Names:
    lines = [line.partition("TOLD")[2] for line in text.splitlines() if "TOLD" in line]
    return {title: set(names) for title, names in map(json.loads, lines)}


@pytest.fixture(scope="module")
def server() -> Iterator[Named]:
    with named_server() as running:
        yield running


@pytest.fixture(scope="module")
def ours(server: Named) -> Names:
    url = f"URL=http://127.0.0.1:{server.http}"
    found = fastbench("run", str(SAMPLE), "-e", url, "-t", "1", "-q")
    assert found.document["exceptions"] == [], found.document["exceptions"]
    return told(found.err)


@pytest.fixture(scope="module")
def of_k6() -> Names:
    lines = SAMPLE.with_suffix(".jsonl").read_text().splitlines()
    return {title: set(names) for title, names in map(json.loads, lines)}


def test_the_names_that_k6_told_are_still_its_names(server: Named, of_k6: Names) -> None:
    assert told(run_k6(SAMPLE, f"http://127.0.0.1:{server.http}")) == of_k6


def test_every_name_of_k6_and_of_fastbench_stands_in_the_reference(
    ours: Names, of_k6: Names
) -> None:
    rows = tables()
    assert ours.keys() == of_k6.keys()
    wrong = []
    for title in sorted(of_k6.keys() - _NO_TABLES):
        said = [(name, what) for names, what in rows.get(title, []) for name in names]
        here = {name for name, what in said if not what.startswith("not there")}
        there = {name for name, what in said if not what.startswith("more")}
        for whose, names, wanted in (
            ("fastbench", here, ours[title]),
            ("k6", there, of_k6[title] - _OF_GO.get(title, set())),
        ):
            wrong += [f"{title}: {whose} has {name}, the table not" for name in wanted - names]
            wrong += [f"{title}: the table has {name}, {whose} not" for name in names - wanted]
        wrong += [
            f"{title}: {name} is twice in the table"
            for name in here
            if sum(1 for each, _ in said if each == name) > 1
        ]
    assert not wrong, "\n".join(sorted(wrong))


def test_elements_of_each_tag_and_options_have_k6s_names(ours: Names, of_k6: Names) -> None:
    assert ours["Elements"] == of_k6["Elements"] and len(of_k6["Elements"]) > 40
    assert ours["exec.test.options"] == of_k6["exec.test.options"]


def test_every_option_of_k6_stands_in_the_documents(of_k6: Names) -> None:
    texts = (ROOT / "docs" / "reference" / "k6.md").read_text() + REFERENCE.read_text()
    assert {name for name in of_k6["exec.test.options"] if f"`{name}`" not in texts} == set()


def test_what_each_row_says_begins_with_one_of_the_words_that_are_explained() -> None:
    begins = ("same", "different: ", "not there", "more", "see below", "as the URL Standard")
    said = {what for title, rows in tables().items() for _, what in rows if title}
    assert [what for what in said if not what.startswith(begins)] == []


def test_modules_that_k6_has_not_built_in_have_the_names_of_their_tables(
    tmp_path: Path, server: Named
) -> None:
    rows, lines, wanted = tables(), [], {}
    for title in [each for each in rows if each.startswith(("k6/x/", "https://"))]:
        wanted[title] = {name for names, _ in rows[title] for name in names}
        at = len(wanted)
        lines.append(f"import * as m{at} from '{title}'; tell({json.dumps(title)}, m{at});")
    assert len(wanted) == 4
    shown = "Object.keys(m).filter((name) => name !== 'default')"
    tell = f"const tell = (t, m) => console.log(`TOLD${{JSON.stringify([t, {shown}])}}`);"
    text = "\n".join([tell, *lines])
    path = tmp_path / "script.js"
    path.write_text(f"{text}\nexport default function () {{}}\n")
    found = fastbench("run", str(path), "-t", "1", "-q")
    assert told(found.err) == wanted, found.err


def test_drivers_and_second_names_of_modules_are_there(tmp_path: Path) -> None:
    names = ("k6/websockets", "k6/x/redis", "k6/experimental/webcrypto")
    drivers = [f"k6/x/sql/driver/{name}" for name in ("postgres", "pgx", "mysql", "sqlite3")]
    imports = [f"import * as m{at} from '{name}';" for at, name in enumerate((*names, *drivers))]
    uses = ", ".join(f"m{at}" for at in range(len(imports)))
    text = f"export default function () {{ if ([{uses}].some((m) => !m)) throw new Error(); }}"
    with Server(lambda peer: None) as server:
        found = run_text(tmp_path, "\n".join([*imports, text]), server)
    assert found.code == 0, found.err
    documents = REFERENCE.read_text()
    assert [name for name in (*names, *drivers) if f"`{name}`" not in documents] == []
