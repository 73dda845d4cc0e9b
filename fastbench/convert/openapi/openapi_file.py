"""An OpenAPI or Swagger file as operations: parameters, body, security, with example values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fastbench.convert.openapi.schema_examples import example, plain
from fastbench.foundation.usage_error import UsageError
from fastbench.script.artillery import yaml_tree
from fastbench.script.artillery.yaml_tree import Refusal

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
_MAX_REFERENCES = 50
_BODIES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `place` is path, query, header or cookie."""

    name: str
    place: str
    required: bool
    value: Any
    joined: str | None = None  # what stands between the members of a list, None for one pair each


@dataclass(frozen=True, slots=True)
class RequestBody:
    """A body; `files` are the fields of a form that are files."""

    type: str
    value: Any
    files: tuple[str, ...] = ()


@dataclass(slots=True)
class ApiOperation:
    """One operation of a path; `security` are the names of its schemes."""

    method: str
    path: str
    id: str
    summary: str
    tag: str
    parameters: list[Parameter] = field(default_factory=list)
    body: RequestBody | None = None
    security: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    deprecated: bool = False
    lost: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Description:
    """Hold the whole file."""

    title: str
    server: str
    schemes: dict[str, dict[str, Any]]
    operations: list[ApiOperation]
    lost: list[str] = field(default_factory=list)


def read(content: str, shown: str) -> Description:
    """Read a file of JSON or YAML; raises UsageError."""
    document = _document(content, shown)
    if not isinstance(document, dict) or not ("openapi" in document or "swagger" in document):
        raise UsageError(f"{shown} has neither `openapi` nor `swagger`; give an OpenAPI file.")
    version = str(document.get("openapi") or document.get("swagger"))
    if not version.startswith(("3.0", "3.1", "2.0")) and version != "2":
        raise UsageError(f"{shown}: OpenAPI {version} is not supported; there are 2.0, 3.0, 3.1.")
    found = _Reader(document, version.startswith("2")).whole()
    if not found.operations:
        raise UsageError(f"{shown} has no operations under `paths`; describe one at least.")
    return found


def _document(content: str, shown: str) -> Any:
    if content.lstrip().startswith("{"):
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", 1)
            raise UsageError(f"{shown}, line {line}: this is no JSON; correct it.") from None
    try:
        return yaml_tree.read(content.encode(), what="A YAML file", extra="convert")
    except Refusal as error:
        where = f", line {error.line}" if error.line else ""
        raise UsageError(f"{shown}{where}: {error}") from None


class _Reader:
    """Read a document; what cannot be carried over is collected."""

    def __init__(self, document: dict[str, Any], swagger: bool) -> None:
        self._document = document
        self._swagger = swagger
        self._keeps = str(document.get("openapi")).startswith("3.1")  # keys beside $ref
        self._lost: list[str] = []

    def whole(self) -> Description:
        document = self._document
        schemes = (
            document.get("securityDefinitions")
            if self._swagger
            else _map(document.get("components")).get("securitySchemes")
        )
        operations = list(self._operations())
        if document.get("webhooks"):
            self._lost.append("webhooks, which the server sends")
        return Description(
            title=str(_map(document.get("info")).get("title") or "An API"),
            server=self._server(),
            schemes={name: self.resolve(each) for name, each in _map(schemes).items()},
            operations=operations,
            lost=list(dict.fromkeys(self._lost)),
        )

    def resolve(self, value: Any) -> dict[str, Any]:
        """Follow references within the file; what stands beside one counts more (since 3.1)."""
        found, beside = value, dict[str, Any]()
        for _ in range(_MAX_REFERENCES):
            if not isinstance(found, dict):
                return {}
            reference = found.get("$ref")
            if not isinstance(reference, str):
                return _joined(found, beside)
            if self._keeps:
                own = {key: each for key, each in found.items() if key != "$ref"}
                beside = _joined(own, beside)
            if not reference.startswith("#/"):
                self._lost.append(f"the reference {reference} leads out of the file")
                return beside
            target: Any = self._document
            for step in reference[2:].split("/"):
                key = step.replace("~1", "/").replace("~0", "~")
                target = target.get(key) if isinstance(target, dict) else None
            if target is None:
                self._lost.append(f"the reference {reference} leads nowhere")
                return beside
            found = target
        return {}

    def _server(self) -> str:
        if self._swagger:
            scheme = ([*_list(self._document.get("schemes")), "https"])[0]
            host = self._document.get("host") or "localhost:8080"
            return f"{scheme}://{host}{str(self._document.get('basePath') or '').rstrip('/')}"
        servers = _list(self._document.get("servers")) or [{}]
        first = _map(servers[0])
        url = str(first.get("url") or "")
        for name, variable in _map(first.get("variables")).items():
            url = url.replace(f"{{{name}}}", str(_map(variable).get("default", "")))
        url = url.rstrip("/")
        return url if "://" in url else f"http://localhost:8080{url}"

    def _operations(self) -> Iterator[ApiOperation]:
        for path, given in _map(self._document.get("paths")).items():
            item = self.resolve(given)
            for method in METHODS:
                if isinstance(operation := item.get(method), dict):
                    yield self._operation(method, str(path), operation, item)

    def _operation(
        self, method: str, path: str, given: dict[str, Any], item: dict[str, Any]
    ) -> ApiOperation:
        tags = _list(given.get("tags"))
        found = ApiOperation(
            method=method.upper(),
            path=path,
            id=str(given.get("operationId") or f"{method} {path}"),
            summary=" ".join(str(given.get("summary") or "").split()),
            tag=str(tags[0]) if tags else "",
            deprecated=bool(given.get("deprecated")),
            statuses=tuple(str(each) for each in _map(given.get("responses"))),
        )
        found.security = self._security(given, found)
        both: dict[tuple[str, str], dict[str, Any]] = {}
        for each in (*_list(item.get("parameters")), *_list(given.get("parameters"))):
            parameter = self.resolve(each)
            both[str(parameter.get("in")), str(parameter.get("name"))] = parameter
        if self._swagger:
            self._swagger_body(found, list(both.values()), given)
        elif "requestBody" in given:
            self._body(found, self.resolve(given["requestBody"]))
        for parameter in both.values():
            self._parameter(found, parameter)
        for key in ("callbacks",):
            if given.get(key):
                found.lost.append(f"{key} of {found.method} {path}")
        return found

    def _security(self, given: dict[str, Any], found: ApiOperation) -> tuple[str, ...]:
        needs = _list(given.get("security", self._document.get("security")))
        first = next((each for each in needs if isinstance(each, dict)), {})
        return tuple(str(each) for each in first)

    def _parameter(self, found: ApiOperation, given: dict[str, Any]) -> None:
        name, place = str(given.get("name")), str(given.get("in"))
        if place not in ("path", "query", "header", "cookie"):
            if place not in ("body", "formData"):
                found.lost.append(f"the parameter {name} in {place}")
            return
        if name.lower() in ("accept", "content-type", "authorization") and place == "header":
            return
        required = bool(given.get("required")) or place == "path"
        value = self._value(given)
        known = not required and not any(
            key in {**given, **self.resolve(given.get("schema"))}
            for key in ("example", "examples", "default")
        )
        if known or value is None:
            return  # an optional one without an example is left to the server
        joined = None
        if self._swagger and given.get("collectionFormat") != "multi":
            joined = {"ssv": " ", "tsv": "\t", "pipes": "|"}.get(
                str(given.get("collectionFormat")), ","
            )
        elif not self._swagger and given.get("explode") is False:
            style = given.get("style")
            joined = {"spaceDelimited": " ", "pipeDelimited": "|"}.get(str(style), ",")
        if isinstance(value, dict):
            found.lost.append(f"the object {name} in {place}")
            return
        found.parameters.append(Parameter(name, place, required, value, joined))

    def _value(self, given: dict[str, Any]) -> Any:
        """Return the example of a parameter or of a media type."""
        if "example" in given:
            return plain(given["example"])
        for each in _map(given.get("examples")).values():
            shown = self.resolve(each)
            if "value" in shown:
                return plain(shown["value"])
        if content := _map(given.get("content")):
            return self._value(_map(next(iter(content.values()))))
        return example(given.get("schema", given), self.resolve)

    def _body(self, found: ApiOperation, given: dict[str, Any]) -> None:
        content = _map(given.get("content"))
        if not content:
            return
        kind = next((each for each in _BODIES if each in content), "")
        kind = kind or next((each for each in content if "json" in each), next(iter(content)))
        media = self.resolve(content[kind])
        schema = self.resolve(media.get("schema"))
        properties = _map(schema.get("properties"))
        files = tuple(
            name
            for name, each in properties.items()
            if self.resolve(each).get("format") == "binary"
            or self.resolve(each).get("contentMediaType")
        )
        found.body = RequestBody(kind, self._value(media), files if "multipart" in kind else ())

    def _swagger_body(
        self, found: ApiOperation, parameters: list[dict[str, Any]], given: dict[str, Any]
    ) -> None:
        takes = _list(given.get("consumes")) or _list(self._document.get("consumes"))
        takes = [each for each in takes if isinstance(each, str)] or [_BODIES[0]]
        body = next((each for each in parameters if each.get("in") == "body"), None)
        if body is not None:
            kind = next((each for each in takes if "json" in each), takes[0])
            found.body = RequestBody(kind, example(body.get("schema") or {}, self.resolve))
            return
        fields = [each for each in parameters if each.get("in") == "formData"]
        if fields:
            files = tuple(str(each.get("name")) for each in fields if each.get("type") == "file")
            multipart = files or "multipart/form-data" in takes
            kind = "multipart/form-data" if multipart else _BODIES[1]
            value = {str(each.get("name")): example(each, self.resolve) for each in fields}
            found.body = RequestBody(kind, value, files)


def _joined(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return one schema of two that both hold."""
    found = {**under, **over}
    if isinstance(under.get("properties"), dict) and isinstance(over.get("properties"), dict):
        found["properties"] = {**under["properties"], **over["properties"]}
    if isinstance(under.get("required"), list) and isinstance(over.get("required"), list):
        found["required"] = [*under["required"], *over["required"]]
    return found


def _map(given: object) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}


def _list(given: object) -> list[Any]:
    return given if isinstance(given, list) else []
