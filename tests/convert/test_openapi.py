"""Descriptions of an interface as scripts: one function an operation, with data that fits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from converting import made, refused
from request_log import logging_server
from running import fastbench

pytest.importorskip("yaml")

PETS = (Path(__file__).parent / "samples" / "pets.yaml").read_text()
UUID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
PET = {
    "name": "textte",
    "born": "2020-01-02",
    "price": 2.5,
    "owner": {"email": "anna@example.com", "pets": [{"name": "textte"}]},
    "kind": "cat",
}


def test_every_operation_is_called_with_data_that_fits_its_schema(tmp_path: Path) -> None:
    script, said = made(tmp_path, PETS, "x.yaml")
    assert said == ""
    with logging_server() as server:
        flags = ("-e", f"BASE_URL={server.url}", "-e", "TOKEN=t1", "-e", "KEY=k1")
        found = fastbench("run", str(script), "-q", "-i", "150", "-u", "5", *flags)
        assert found.code in (0, 99), found.err  # the server answers 200 where 201 is expected
        came = {(m, path, re.sub("boundary.*|--.*", "", body)) for m, path, body in server.came}
        traced = {
            (h.get("x-trace"), h.get("x-key"), h.get("authorization")) for h in server.headers
        }
    assert {(method, path) for method, path, _ in came} == {
        ("GET", "/v1/pets?page=1&tags=cat"),
        ("POST", "/v1/pets?page=1"),
        ("GET", "/v1/pets/7"),
        ("POST", "/v1/pets/7/photo"),
        ("PUT", "/v1/raw"),
    }
    bodies = {path: body for method, path, body in came if method in ("POST", "PUT")}
    assert json.loads(bodies["/v1/pets?page=1"]) == PET and bodies["/v1/raw"] == "a,b"
    assert 'name="image"; filename="image.bin"' in bodies["/v1/pets/7/photo"]
    assert (UUID, None, "Bearer t1") in traced and (None, "k1", None) in traced
    names = {row["name"] for row in found.document["requests"]}
    assert "GET /pets/{petId}" in names


def test_swagger_2_has_its_own_forms_and_places(tmp_path: Path) -> None:
    swagger = {
        "swagger": "2.0",
        "host": "x.test",
        "basePath": "/api",
        "schemes": ["http"],
        "securityDefinitions": {"b": {"type": "basic"}},
        "paths": {
            "/a/{id}": {
                "post": {
                    "security": [{"b": []}],
                    "parameters": [
                        {"name": "id", "in": "path", "type": "integer", "maximum": -3},
                        {
                            "name": "q",
                            "in": "query",
                            "type": "array",
                            "required": True,
                            "items": {"type": "string"},
                            "default": ["x", "y"],
                        },
                        {"name": "f", "in": "formData", "type": "string", "enum": ["one"]},
                    ],
                    "responses": {"200": {}, "202": {}},
                }
            }
        },
    }
    script, said = made(tmp_path, json.dumps(swagger), "x.json")
    assert said == ""
    with logging_server() as server:
        flags = ("-e", f"BASE_URL={server.url}", "-e", "USERNAME=u", "-e", "PASSWORD=p")
        found = fastbench("run", str(script), "-q", *flags)
        assert found.code == 0, found.err
        assert server.came == [("POST", "/api/a/-3?q=x,y", "f=one")]
        assert server.headers[0]["authorization"] == "Basic dTpw"


@pytest.mark.parametrize(
    ("content", "said"),
    {
        "openapi: 3.0.0\npaths: {": "x.yaml, line 3: this is not YAML",
        "openapi: 4.0.0\npaths: {}": "OpenAPI 4.0.0 is not supported",
        "openapi: 3.0.0\npaths: {}": "has no operations",
        '{"openapi": "3.0.0"': "line 1: this is no JSON",
    }.items(),
)
def test_what_is_no_description_is_refused(tmp_path: Path, content: str, said: str) -> None:
    assert said in refused(tmp_path, content, "x.yaml")


def test_what_is_not_carried_over_is_marked_and_told(tmp_path: Path) -> None:
    text = PETS.replace('{$ref: "#/components/schemas/Owner"}', '{$ref: "other.yaml#/Owner"}')
    script, said = made(tmp_path, text, "x.yaml")
    assert "not carried over: the reference other.yaml#/Owner leads out of the file" in said
    assert "other.yaml#/Owner leads out of the file" in script.read_text()
