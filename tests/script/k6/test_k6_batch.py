"""Batches with entries that are no requests, and headers that the client adds: as in k6."""

from __future__ import annotations

from pathlib import Path

import pytest
from case import answer
from k6_peer import Page, page, told_by_both, told_by_fastbench
from running import fastbench

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

BATCHES = """
import http from 'k6/http';
export const options = { iterations: 1 };
const url = `${__ENV.URL}/a`;
const entries = [
  [null, url], [url, null, url], [undefined], [1], [true], [{}, url], [{ method: 'GET' }, url],
  [[], url], [['GET'], url], [[1, url]], [{ method: 1, url }, url],
  [{ method: undefined, url }], [['GET', 5]],
  { a: url, b: null }, { b: { body: 'x' } }, [url, 'http://a b/', url], [], {},
  [url, ['POST', url, 'x'], { url, method: 'put', body: { a: 1 } }, http.url`${url}?${1}`],
  [['GET', url, 'kept']], [{ url, body: 'kept' }], [{ url, method: 'get', body: 'left out' }],
  'x', null, 5,
];
const shown = (each) => each && [
  each.status, each.error_code, each.error === '', each.request && each.request.body,
];
export default function () {
  const said = entries.map((entry) => {
    try {
      const found = http.batch(entry);
      if (Array.isArray(found)) return found.map(shown);
      return Object.entries(found).map(([k, v]) => [k, shown(v)]);
    } catch (error) { return error.name; }
  });
  for (const given of [[], [[url], 1]]) {
    try { http.batch(...given); } catch (error) { said.push(`${error}`); }
  }
  http.post(`${__ENV.URL}/told`, JSON.stringify(said));
}
"""


def script(folder: Path, text: str) -> Path:
    path = folder / "script.js"
    path.write_text(text)
    return path


def test_an_entry_that_is_no_request_keeps_its_batch_from_being_sent(tmp_path: Path) -> None:
    (said,) = told_by_fastbench(script(tmp_path, BATCHES), {})
    empty, wrong = [0, 0, True, None], [0, 1020, False, None]
    assert said[:2] == [[wrong, None], [empty, wrong, None]]
    assert said[5] == [[0, 0, False, None], None]
    assert said[13] == [["a", empty], ["b", wrong]]
    assert [each[3] for each in said[18]] == ["", "x", "a=1", ""]
    assert [each[0][3] for each in said[19:22]] == ["kept", "kept", ""]
    assert said[22:25] == ["GoError"] * 3


def test_so_it_is_in_k6(tmp_path: Path) -> None:
    (ours,), (theirs,) = told_by_both(script(tmp_path, BATCHES), {})
    ours[13] = theirs[13] = None  # k6 reads the members of an object in no order
    assert ours == theirs


def test_options_throw_is_for_such_an_entry_too(tmp_path: Path) -> None:
    path = script(
        tmp_path,
        "import http from 'k6/http'; export const options = { iterations: 1, throw: true };"
        "export default () => { http.batch([{ method: 'GET' }]); };",
    )
    found = fastbench("run", str(path), "-t", "1", "-q")
    (row,) = found.document["exceptions"]
    assert "doesn't have a url key" in str(row), row


HEADERS = """
import http from 'k6/http';
export const options = { iterations: 1, USER_AGENT };
const asked = [
  ['/1', {}], ['/1', { 'User-Agent': '' }], ['/1', { 'user-agent': 'me' }], ['/1', { Referer: '' }],
  ['/r?a=1', {}], ['/r', { Referer: 'http://own/' }], ['/twice', {}],
];
export default function () {
  const said = asked.map(([path, headers]) => http.get(`${__ENV.URL}${path}`, { headers }).body);
  said.push(http.get(`${__ENV.URL.replace('//', '//user:secret@')}/r`).body);
  http.post(`${__ENV.URL}/told`, JSON.stringify(said));
}
"""


def seen(request: bytes) -> bytes:
    """Answer with the two headers as they came, ports and versions aside."""
    lines = [each.partition(b":") for each in request.split(b"\r\n")[1:]]
    kept = [(n.strip().lower(), v.strip()) for n, _, v in lines]
    rows = [n + b"=" + v for n, v in sorted(kept) if n in (b"user-agent", b"referer")]
    host = dict(kept)[b"host"]
    return page(b"\n".join(rows).replace(host, b"HOST"))


def to(location: str) -> bytes:
    return answer("Content-Length: 0", f"Location: {location}", start="HTTP/1.1 302 Found")


PAGES: dict[str, Page] = {
    **{"/1": seen, "/t": seen, "/r": to("/t"), "/r?a=1": to("/t"), "/twice": to("/r?a=1")},
}


@pytest.mark.parametrize("agent", ["name", ""])
def test_an_empty_user_agent_is_not_sent_and_redirects_have_a_referer(
    tmp_path: Path, agent: str
) -> None:
    path = script(tmp_path, HEADERS.replace("USER_AGENT", f"userAgent: '{agent}'"))
    (said,) = told_by_fastbench(path, PAGES)
    own = [f"user-agent={agent}"] if agent else []
    assert said == [
        "\n".join(each)
        for each in [
            *(own, [], ["user-agent=me"], ["referer=", *own], ["referer=http://HOST/r?a=1", *own]),
            *(["referer=http://own/", *own], ["referer=http://HOST/r?a=1", *own]),
            ["referer=http://HOST/r", *own],
        ]
    ]


@pytest.mark.parametrize("agent", ["name", ""])
def test_so_k6_sends_them(tmp_path: Path, agent: str) -> None:
    path = script(tmp_path, HEADERS.replace("USER_AGENT", f"userAgent: '{agent}'"))
    ours, theirs = told_by_both(path, PAGES)
    assert ours == theirs
