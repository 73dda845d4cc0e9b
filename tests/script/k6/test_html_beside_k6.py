"""k6/html beside k6's: everything that can be asked of a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from k6_pages import PAGE, QUESTIONS
from k6_peer import page, told_by_both

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")
pytest.importorskip("selectolax", reason="HTML needs the extra html")

SCRIPT = """
import http from 'k6/http';
import { parseHTML } from 'k6/html';
export const options = { vus: 1, iterations: 1 };
const named = (element) => ({
  name: element.nodeName(), id: element.id(), text: element.textContent(),
});
const selected = (each) => [each.get(0).nodeName(), each.attr('id'), each.text()].map(plain);
const plain = (value) => {
  if (value === undefined) return { not: 'undefined' };
  if (value === null || typeof value !== 'object') return value;
  if (typeof value.nodeName === 'function') return named(value);
  if (typeof value.toArray === 'function') return { selected: value.toArray().map(selected) };
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, plain(value[key])]));
};
const questions = QUESTIONS;
export default function () {
  const res = http.get(`${__ENV.URL}/page`);
  const [doc, raw] = [res.html(), parseHTML(res.body)];
  const answers = questions.map((text) => {
    const ask = new Function('res', 'doc', 'raw', 'parseHTML', `return (${text});`);
    try {
      return plain(ask(res, doc, raw, parseHTML));
    } catch (error) {
      return { thrown: true };
    }
  });
  http.post(`${__ENV.URL}/told`, JSON.stringify(answers).replaceAll(__ENV.URL, 'URL'));
}
"""


@pytest.mark.slow
def test_every_question_is_answered_as_in_k6(tmp_path: Path) -> None:
    script = tmp_path / "page.js"
    script.write_text(SCRIPT.replace("QUESTIONS", json.dumps(QUESTIONS)))
    ours, theirs = told_by_both(script, {"/page": page(PAGE)})
    wrong = [
        f"{text}: {a!r}, in k6 {b!r}"
        for text, a, b in zip(QUESTIONS, ours[0], theirs[0], strict=True)
        if a != b
    ]
    assert wrong == []
