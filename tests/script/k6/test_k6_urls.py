"""URLs that no request can be sent to: what the script gets, and what counts, as in k6."""

from __future__ import annotations

from pathlib import Path

import pytest
from k6_peer import told_by_both, told_by_fastbench
from running import fastbench

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SCRIPT = """
import http from 'k6/http';
export const options = { iterations: 1, thresholds: { http_reqs: ['count==SENT'] } };
const urls = [
  '', '/a', 'foo', 'http://', 'https:///x', 'http:127.0.0.1:1', 'ftp://localhost/', 'mailto:x@y',
  'localhost:99', '//127.0.0.1:1/x', 'ws://127.0.0.1:1/', 'http://:80/', 'http://127.0.0.1:99999/',
  '127.0.0.1:1/x', 'http://exa mple/', 'http://[::1', 'http://a:b/', 'http://%zz/', '://x',
  'http://127.0.0.1/%zz', 'http://user:pa ss@127.0.0.1/', 'http://127.0.0.1:1\\n/', null, 5,
];
export default async function () {
  const said = [];
  for (const url of urls) {
    for (const params of [{}, { throw: true }]) {
      try {
        const { status, error_code, error, url: shown, request, body } = http.get(url, params);
        said.push([status, error_code, error, shown, request && request.method]);
      } catch (error) { said.push(`${error}`); }
    }
  }
  const batch = http.batch([['GET', '/a'], ['GET', 'ftp://x/']]);
  batch.push(...http.batch([['GET', '/a'], ['GET', 'http://a:b/']]));
  const aside = await http.asyncRequest('POST', 'ftp://localhost/', 'x');
  said.push(...[...batch, aside].map((each) => [each.status, each.error_code]));
  http.post(`${__ENV.URL}/told`, JSON.stringify(said));
}
"""
SENT = 13 * 2 + 2 + 1 + 1  # those that net/url reads, twice; of a batch and aside; /told


def told(tmp_path: Path) -> Path:
    path = tmp_path / "script.js"
    path.write_text(SCRIPT.replace("SENT", str(SENT)))
    return path


def test_a_url_that_leads_nowhere_is_a_failed_request_or_none(tmp_path: Path) -> None:
    (said,) = told_by_fastbench(told(tmp_path), {})
    none = 'unsupported protocol scheme ""'
    assert said[2:4] == [[0, 1000, none, "/a", "GET"], f'GoError: Get "/a": {none}']
    unread = 'invalid URL: parse "http://a:b/": invalid port ":b" after host'
    assert said[32:34] == [[0, 1020, unread, "", None]] * 2  # `throw` of a request is not for it
    assert said[-5:] == [[0, 1000], [0, 1000], [0, 0], [0, 1020], [0, 1000]]


def test_so_it_is_in_k6(tmp_path: Path) -> None:
    (ours,), (theirs,) = told_by_both(told(tmp_path), {})
    bare = 2 * 3  # Go writes http:// without its slashes where it throws, and an empty name
    theirs[bare + 1] = theirs[bare + 1].replace('"http:"', '"http://"')
    theirs = [
        each.replace("lookup :", "lookup:") if isinstance(each, str) else each for each in theirs
    ]
    assert ours == theirs


def test_options_throw_is_for_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text(
        "import http from 'k6/http'; export const options = { iterations: 1, throw: true };"
        "export default () => { http.get('http://a:b/', { throw: false }); };"
    )
    found = fastbench("run", str(path), "-t", "1", "-q")
    (row,) = found.document["exceptions"]
    assert "invalid port" in str(row), row


def test_a_request_that_was_not_sent_is_told(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text(
        "import http from 'k6/http'; export const options = { iterations: 2 };"
        "export default () => { http.get('http://a:b/'); };"
    )
    found = fastbench("run", str(path), "-t", "1", "-q")
    told = [str(each) for each in found.document["warnings"] if "not sent" in str(each)]
    assert len(told) == 1 and "invalid port" in told[0]
