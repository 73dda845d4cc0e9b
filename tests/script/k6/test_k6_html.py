"""k6/html in a run: selections and elements, and the requests that forms and links make."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from k6_peer import Page, page, told_by_both, told_by_fastbench

from fastbench.foundation.platforms import install_command

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")
pytest.importorskip("selectolax", reason="HTML needs the extra html")

HEAD = """
import http from 'k6/http';
import { parseHTML } from 'k6/html';
export const options = { vus: 1, iterations: 1 };
const tell = (value) => http.post(`${__ENV.URL}/told`, JSON.stringify(value));
"""
ITEMS = '<ul><li class="a">1</li><li>2</li><li class="a" data-n="3">3</li></ul>'


def told(folder: Path, body: str, pages: dict[str, Page]) -> Any:
    path = folder / "script.js"
    path.write_text(f"{HEAD}export default function () {{ {body} }}")
    (found,) = told_by_fastbench(path, pages)
    return found


def test_callbacks_see_elements_selections_and_places(tmp_path: Path) -> None:
    body = """
  const items = http.get(`${__ENV.URL}/page`).html('li');
  const each = [];
  items.each((i, element) => each.push([i, element.nodeName(), element.textContent()]));
  tell({
    each,
    map: items.map((i, one) => `${i}${one.text()}`),
    filter: items.filter((i, one) => one.is('.a')).size(),
    not: items.not((i) => i === 0).text(),
    is: items.is((i, one) => one.data('n') === 3),
    chained: items.first().next().nextAll().addBack === undefined && items.eq(-1).prev().text(),
    same: items.get(0).isSameNode(items.first().get(0)),
    url: items.url === `${__ENV.URL}/page`,
  });
"""
    assert told(tmp_path, body, {"/page": page(ITEMS)}) == {
        "each": [[0, "li", "1"], [1, "li", "2"], [2, "li", "3"]],
        "map": ["01", "12", "23"],
        "filter": 2,
        "not": "23",
        "is": True,
        "chained": "2",
        "same": True,
        "url": True,
    }


def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    body = """
  const said = (ask) => { try { ask(); return ''; } catch (error) { return String(error); } };
  const doc = parseHTML('<p>x');
  tell([
    said(() => doc.find(5)),
    said(() => doc.each(5)),
    said(() => http.get('http://127.0.0.1:1/').html()),
    said(() => http.get(`${__ENV.URL}/page`).submitForm()),
    said(() => http.get(`${__ENV.URL}/page`).clickLink({ selector: 'a.none' })),
    said(() => http.get(`${__ENV.URL}/page`).clickLink({ selector: 'li' })),
  ]);
"""
    found = told(tmp_path, body, {"/page": page(ITEMS)})
    assert "cannot use a 'int' as a selector" in found[0]
    assert "each() must be a function" in found[1]
    assert "the body is null so we can't transform it to HTML" in found[2]
    assert "no form found for selector 'form' in response" in found[3]
    assert "no element found for selector 'a.none'" in found[4]
    assert "no valid href attribute value found on element 'li'" in found[5]


FORMS = """<a href="/x?first=1">first</a><p><a class=two href="../up">second</a></p>
<form id=post method=post action="/post?kept=1"><input name=user value=ann><input name=pass>
<input type=checkbox name=box checked=checked><input type=submit name=go value=Go></form>
<form id=get action="/get?gone=1"><input name=q value="a b"><textarea name=t>x &amp; y</textarea>
<select name=s multiple><option selected>1<option selected>2</select></form>
<form id=own method=PUT><input name=n value=1><button type=submit name=b value=v>B</button>
<button type=button class=other name=c value=w>C</button></form>"""
CLICKS = """
  const start = http.get(`${__ENV.URL}/sub/page`);
  start.submitForm({ formSelector: '#post', fields: { pass: 'secret', more: 2 } });
  start.submitForm({ formSelector: '#get', params: { headers: { 'X-Own': 'yes' } } });
  start.submitForm({ formSelector: '#own', submitSelector: '.other' });
  start.clickLink();
  start.clickLink({ selector: '.two', params: { tags: { name: 'two' } } });
  const again = http.get(`${__ENV.URL}/sub/page`).submitForm({ formSelector: '#get' });
  tell(again.status);
"""


class Kept:
    """Answers everything, and keeps what was asked."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    def pages(self) -> dict[str, Page]:
        found: dict[str, Page] = {"/sub/page": self.keeping(page(FORMS))}
        paths = ("/post?kept=1", "/get?q=a+b&s=1%2C2&t=x+%26amp%3B+y", "/x?first=1", "/up")
        return found | {path: self.keeping(page("ok")) for path in paths}

    def keeping(self, answer: bytes) -> Page:
        def answered(request: bytes) -> bytes:
            head, _, body = request.decode().partition("\r\n\r\n")
            lines = head.split("\r\n")
            own = [line for line in lines if line.lower().startswith(("x-own", "content-type"))]
            fields = "&".join(sorted(body.split("&")))
            self.requests.append(" | ".join([lines[0], *own, fields]))
            return answer

        return answered


EXPECTED = [
    "GET /sub/page HTTP/1.1 | ",
    "POST /post?kept=1 HTTP/1.1 | Content-Type: application/x-www-form-urlencoded | "
    "box=on&go=Go&more=2&pass=secret&user=ann",
    "GET /get?q=a+b&s=1%2C2&t=x+%26amp%3B+y HTTP/1.1 | X-Own: yes | ",
    "PUT /sub/page HTTP/1.1 | Content-Type: application/x-www-form-urlencoded | c=w&n=1",
    "GET /x?first=1 HTTP/1.1 | ",
    "GET /up HTTP/1.1 | ",
    "GET /sub/page HTTP/1.1 | ",
    "GET /get?q=a+b&s=1%2C2&t=x+%26amp%3B+y HTTP/1.1 | ",
]


def test_forms_and_links_send_what_a_browser_would(tmp_path: Path) -> None:
    kept = Kept()
    assert told(tmp_path, CLICKS, kept.pages()) == 200
    assert kept.requests == EXPECTED


@pytest.mark.slow
def test_forms_and_links_send_what_k6_sends(tmp_path: Path) -> None:
    kept = Kept()
    path = tmp_path / "script.js"
    path.write_text(f"{HEAD}export default function () {{ {CLICKS} }}")
    assert told_by_both(path, kept.pages()) == ([200], [200])
    half = len(kept.requests) // 2
    assert kept.requests[:half] == kept.requests[half:] == EXPECTED


def test_without_its_package_html_says_what_to_install() -> None:
    code = """
import sys
sys.modules["selectolax.lexbor"] = None
from fastbench.plan.plan import UsageError
from fastbench.script.k6.html import dom_tree
try:
    dom_tree.parse("<p>")
except UsageError as error:
    sys.stdout.write(str(error))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert install_command("html") in done.stdout, done.stderr
