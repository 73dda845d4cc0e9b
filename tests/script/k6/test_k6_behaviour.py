"""What k6 does, in samples that tell it: the lines of both are the same.

The lines of k6 1.1 stand beside the samples in k6_samples/told/; k6 is asked again where it is
installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from k6_peer import Page, page, run_k6, told_by_fastbench, told_by_k6
from named_server import Named, named_server
from running import fastbench

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")
pytest.importorskip("selectolax", reason="a response without a page needs the extra html")

SAMPLES = Path(__file__).parents[1] / "k6_samples" / "told"
NAMES = ("requests", "language")


@pytest.fixture(scope="module")
def server() -> Iterator[Named]:
    with named_server() as running:
        yield running


def told(text: str) -> list[str]:
    return [line[line.index("TOLD") :] for line in text.splitlines() if "TOLD" in line]


def wanted(name: str) -> list[str]:
    return (SAMPLES / f"{name}.txt").read_text().splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_what_k6_tells_is_told_here(name: str, server: Named) -> None:
    url = f"URL=http://127.0.0.1:{server.http}"
    found = fastbench("run", str(SAMPLES / f"{name}.js"), "-e", url, "-t", "1", "-q")
    assert found.document["exceptions"] == [], found.document["exceptions"]
    assert told(found.err) == wanted(name)


@pytest.mark.parametrize("name", NAMES)
def test_k6_tells_it_still(name: str, server: Named) -> None:
    url = f"http://127.0.0.1:{server.http}"
    assert told(run_k6(SAMPLES / f"{name}.js", url)) == wanted(name)


FORMS = """
import http from 'k6/http';
export const options = { iterations: 1 };
export default function () {
  const told = [{ z: null, a: undefined, l: ['x', null] }, { o: { p: 1 }, l: [{ q: 2 }], k: 'v' }]
    .map((form) => http.post(`${__ENV.URL}/form`, form).request.body);
  http.post(`${__ENV.URL}/told`, JSON.stringify(told));
}
"""


def test_a_form_has_empty_texts_for_what_is_nothing_or_an_object(tmp_path: Path) -> None:
    """As in k6 2; k6 1.1 writes what Go prints of such a value."""
    script = tmp_path / "script.js"
    script.write_text(FORMS)
    assert told_by_fastbench(script, {}) == [["a=&l=x&l=&z=", "k=v&l=&o="]]


FILES = """
import http from 'k6/http';
export const options = { iterations: 1 };
export default function () {
  const file = { f: http.file('x', 'a'), list: [1, 2] };
  http.post(`${__ENV.URL}/files`, file, { headers: { 'content-length': '5' } });
  const { body, status } = http.get(`${__ENV.URL}/none`);
  http.post(`${__ENV.URL}/told`, JSON.stringify([body, status]));
}
"""


def test_a_list_beside_a_file_is_a_field_for_each_of_its_values(tmp_path: Path) -> None:
    sent: list[bytes] = []

    def keep(request: bytes) -> bytes:
        sent.append(request)
        return page("ok")

    script = tmp_path / "script.js"
    script.write_text(FILES)
    pages: dict[str, Page] = {"/files": keep, "/none": b"HTTP/1.1 204 No Content\r\n\r\n"}
    assert told_by_fastbench(script, pages) == [[None, 204]]
    assert sent[0].count(b'name="list"') == 2 and sent[0].lower().count(b"content-length:") == 1
    assert told_by_k6(script, {**pages, "/files": page("ok")}) == [[None, 204]]
