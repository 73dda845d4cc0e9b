"""OpenAPI files that are endless, very large or wrong: a script that runs, or one sentence."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from converting import made, refused

REF = {"$ref": "#/components/schemas/R"}


def api(schema: object, **operation: object) -> dict[str, Any]:
    """Return a description with one operation whose body is of the schema R."""
    body = {"content": {"application/json": {"schema": REF}}}
    post = {"requestBody": body, "responses": {"200": {}}, **operation}
    return {
        "openapi": "3.1.0",
        "paths": {"/a": {"post": post}},
        "components": {"schemas": {"R": schema}},
    }


@pytest.mark.parametrize(
    "document",
    [
        api({"allOf": [REF]}),
        api({"anyOf": [REF]}),
        api({"required": list("abcdefghij"), "properties": dict.fromkeys("abcdefghij", REF)}),
        api({"type": "string", "minLength": {}, "maxLength": "x"}),
        api({"type": "number", "minimum": [], "multipleOf": {"a": 1}}),
        api({"type": "array", "minItems": "\\", "items": REF}),
        api({"type": "object", "properties": 5, "required": -1.5}),
        api({"allOf": 5, "oneOf": True}),
        api({}, parameters=True, security=1.5, tags=7),
        {**api({}), "servers": {"url": "x"}},
    ],
    ids=lambda each: json.dumps(each["components"]["schemas"]["R"])[:40],
)
def test_an_odd_schema_still_gives_a_script(tmp_path: Path, document: dict[str, Any]) -> None:
    script, _ = made(tmp_path, json.dumps(document), "api.json", layout=False)
    ast.parse(script.read_text())
    assert script.stat().st_size < 200_000


@pytest.mark.parametrize("example", ["*i", "&x {a: *x}"])
def test_aliases_that_explode_are_refused(tmp_path: Path, example: str) -> None:
    pytest.importorskip("yaml")
    rows = [
        f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    text = "\n".join(["openapi: 3.0.0", f"a: &a [{','.join('x' * 9)}]", *rows])
    content = f"{{application/json: {{example: {example}}}}}"
    text += f"\npaths: {{/a: {{post: {{requestBody: {{content: {content}}}}}}}}}\n"
    assert "with the aliases written out" in refused(tmp_path, text, "api.yaml")


def test_what_is_new_in_3_1_is_read(tmp_path: Path) -> None:
    schema = {
        "type": ["object", "null"],
        "properties": {
            "kind": {"const": "cat"},
            "name": {"type": ["null", "string"], "examples": ["Tom", "Kit"]},
            "age": {"type": ["integer", "null"], "exclusiveMinimum": 3},
            "owner": {"oneOf": [{"type": "null"}, {"type": "boolean"}]},
        },
    }
    document = {**api(schema), "webhooks": {"fed": {"post": {"requestBody": {}}}}}
    script, said = made(tmp_path, json.dumps(document), "api.json", layout=False)
    assert 'json={"kind": "cat", "name": "Tom", "age": 4, "owner": True}' in script.read_text()
    assert said == "fastbench: not carried over: webhooks, which the server sends\n"


@pytest.mark.parametrize(("version", "own"), [("3.1.0", "mine"), ("3.0.3", "theirs")])
def test_keys_beside_a_reference_count_since_3_1(tmp_path: Path, version: str, own: str) -> None:
    document = api(
        {
            "type": "object",
            "properties": {
                "name": {"$ref": "#/components/schemas/Name", "example": "mine"},
                "more": {
                    "$ref": "#/components/schemas/Pair",
                    "properties": {"b": {"const": 2}},
                },
            },
        }
    )
    document["openapi"] = version
    document["components"]["schemas"] |= {
        "Name": {"type": "string", "example": "theirs"},
        "Pair": {"type": "object", "properties": {"a": {"const": 1}}},
    }
    script, said = made(tmp_path, json.dumps(document), "api.json")
    pair = {"a": 1, "b": 2} if own == "mine" else {"a": 1}
    assert said == "" and json.dumps({"name": own, "more": pair}) in script.read_text()
