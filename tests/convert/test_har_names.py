"""Names in a recording come from a server: none of them becomes code of the script."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from converting import made

TOKEN = "abcdEFGH1234567890"
NAMES = (
    "' or vu or '",
    '" or vu or "',
    "a'b",
    'a"b',
    "a\\",
    "a\nb",
    "\x00",
    "\ud800",
    "é\U0001f600",
)


def entry(at: int, path: str, **answer: object) -> dict[str, object]:
    """Return an entry of a HAR."""
    content = {"status": 200, "headers": [], "content": {}, **answer}
    request = {"method": "GET", "url": f"https://shop.test{path}", "headers": []}
    return {"startedDateTime": f"2024-01-01T00:00:0{at}Z", "request": request, "response": content}


def by_page(name: str) -> dict[str, object]:
    """Return an answer whose page has the token in a hidden field."""
    page = f'<input type=\'hidden\' name="{name}" value="{TOKEN}">'
    return {"content": {"mimeType": "text/html", "text": page}}


def by_redirect(name: str) -> dict[str, object]:
    """Return an answer that leads to an address with the token."""
    where = f"/there?{quote(name, errors='replace')}={TOKEN}"
    return {"status": 302, "headers": [{"name": "Location", "value": where}]}


def by_header(name: str) -> dict[str, object]:
    """Return an answer with the token in a header."""
    return {"headers": [{"name": f"X-Token-{name}", "value": TOKEN}]}


def by_json(name: str) -> dict[str, object]:
    """Return an answer of JSON with the token."""
    text = json.dumps({name: {"token": TOKEN}})
    return {"content": {"mimeType": "application/json", "text": text}}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("answer", [by_page, by_redirect, by_header, by_json])
def test_a_name_is_text_in_the_script(tmp_path: Path, answer: object, name: str) -> None:
    assert callable(answer)
    entries = [entry(1, "/first", **answer(name)), entry(2, f"/second?k={TOKEN}")]
    content = json.dumps({"log": {"pages": [], "entries": entries}})
    script, _ = made(tmp_path, content, "x.har", layout=False)
    tree = ast.parse(script.read_text())
    assert not [each for each in ast.walk(tree) if isinstance(each, ast.BoolOp) and in_call(each)]


def in_call(node: ast.BoolOp) -> bool:
    """Tell whether an expression has the names of the recording."""
    return any(isinstance(each, ast.Name) and each.id == "vu" for each in node.values)
