"""`response.json(selector)` beside k6's: all paths in all documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gjson_paths import DOCUMENTS, PATHS
from k6_peer import page, told_by_both

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SCRIPT = """
import http from 'k6/http';
export const options = { vus: 1, iterations: 1 };
const paths = PATHS;
// The order of keys is k6's own, and JSON has neither undefined nor NaN.
const plain = (value) => {
  if (value === undefined || Number.isNaN(value)) return { not: String(value) };
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, plain(value[key])]));
};
export default function () {
  for (let i = 0; i < COUNT; i++) {
    const response = http.get(`${__ENV.URL}/${i}`);
    http.post(`${__ENV.URL}/told`, JSON.stringify(paths.map((path) => plain(response.json(path)))));
  }
}
"""


@pytest.mark.slow
def test_every_path_gives_what_it_gives_in_k6(tmp_path: Path) -> None:
    script = tmp_path / "paths.js"
    text = SCRIPT.replace("PATHS", json.dumps(PATHS)).replace("COUNT", str(len(DOCUMENTS)))
    script.write_text(text)
    pages = {f"/{number}": page(text) for number, text in enumerate(DOCUMENTS)}
    ours, theirs = told_by_both(script, pages)
    assert len(ours) == len(theirs) == len(DOCUMENTS)
    wrong = [
        f"{path} in {text[:40]}: {a!r}, in k6 {b!r}"
        for text, mine, k6s in zip(DOCUMENTS, ours, theirs, strict=True)
        for path, a, b in zip(PATHS, mine, k6s, strict=True)
        if a != b or type(a) is not type(b)
    ]
    assert wrong == []
