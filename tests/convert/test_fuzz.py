"""Made-up files for every converter: one sentence or a script that compiles; no text is code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hostile_texts import Maker, sound
from running import SLOW

pytest.importorskip("yaml")
pytest.importorskip("tree_sitter", reason="the extra `convert` is not installed")

TRIES = 20_000 if SLOW else 300


class ArtilleryMaker(Maker):
    """Make tests of Artillery."""

    def take(self) -> Any:
        paths = ("$.id", "$.items[0].id", "$", self.text())
        words: dict[str, Any] = {"as": self.name, "json": lambda: self.one(*paths)}
        more = {"header": self.name, "regexp": self.text, "group": self.value, "value": self.value}
        return self.some(**words, **more)

    def expectation(self) -> Any:
        texts = ("contentType", "hasHeader", "hasProperty", "notHasProperty", "matchesRegexp")
        return self.some(
            statusCode=lambda: self.one(200, "200", [200, 201], "²"),
            notStatusCode=lambda: self.one(404, "404", "²"),
            headerEquals=lambda: [self.name(), self.text()],
            equals=lambda: [self.text(), self.text()],
            **dict.fromkeys(texts, self.text),
        )

    def request(self) -> Any:
        words = self.some(
            name=self.name,
            headers=lambda: self.table(self.text),
            json=self.value,
            body=self.text,
            form=lambda: self.table(self.text),
            formData=lambda: self.table(lambda: self.some(fromFile=self.text, value=self.text)),
            qs=lambda: self.table(self.value),
            cookie=lambda: self.table(self.text),
            auth=lambda: {"user": self.text(), "pass": self.text()},
            capture=lambda: self.several(self.take),
            match=self.take,
            expect=lambda: self.several(self.expectation),
            ifTrue=self.name,
            probability=self.value,
            followRedirect=self.value,
        )
        return {self.one("get", "post", "put"): {"url": self.text(), **words}}

    def step(self, depth: int = 0) -> Any:
        def steps() -> Any:
            return self.several(lambda: self.step(depth + 1), 2)

        kind = self.rng.randrange(12 if depth < 3 else 9)
        if kind < 6:
            return self.request()
        if kind < 9:
            return {self.one("think", "log", "function", self.text()): self.value()}
        if kind == 9:
            more = self.some(count=lambda: self.one(2, "1-3", "{{ id }}", "007"), over=self.value)
            return {"loop": steps(), **more, **self.some(loopValue=self.text, whileTrue=self.text)}
        if kind == 10:
            return {"parallel": steps()}
        return {"group": {"name": self.name(), "steps": steps()}}

    def flow(self) -> Any:
        more = self.some(name=self.name, weight=self.value, engine=self.text)
        return {**more, "flow": self.several(self.step)}

    def whole(self) -> str:
        phases = [{"duration": 1, "arrivalRate": self.one(0, 1, 0.5)}]
        config = self.some(
            target=self.text,
            phases=lambda: phases,
            variables=lambda: self.table(self.value),
            payload=lambda: self.some(
                path=self.text, fields=lambda: self.several(self.name), order=self.text
            ),
            http=lambda: self.some(
                timeout=self.value, defaults=lambda: {"headers": self.table(self.text)}
            ),
            processor=self.text,
            plugins=self.value,
        )
        more = self.some(before=self.flow, after=self.flow)
        return json.dumps({"config": config, "scenarios": [self.flow(), self.flow()], **more})


class OpenApiMaker(Maker):
    """Make descriptions of interfaces."""

    def schema(self, depth: int = 0) -> Any:
        def inner() -> Any:
            return self.schema(depth + 1) if depth < 3 else {}

        kinds = ("object", "array", "string", "integer", "number", "boolean", "null", self.text())
        reference = self.one("#/components/schemas/R", "#/components/schemas/S", self.text())
        return self.some(
            type=lambda: self.one(*kinds, [self.one(*kinds), "null"]),
            properties=lambda: self.table(inner),
            items=inner,
            enum=lambda: self.several(self.value),
            const=self.value,
            example=self.value,
            examples=lambda: self.several(self.value),
            default=self.value,
            format=lambda: self.one("date", "uuid", "binary", self.text()),
            minLength=self.value,
            maximum=self.value,
            allOf=lambda: self.several(inner),
            oneOf=lambda: self.several(inner),
            required=lambda: self.several(self.name),
            **{"$ref": lambda: reference},
        )

    def parameter(self) -> Any:
        places = ("path", "query", "header", "cookie", self.text())
        return self.some(
            name=self.name,
            required=lambda: True,
            schema=self.schema,
            example=self.value,
            explode=self.value,
            **{"in": lambda: self.one(*places)},
        )

    def operation(self) -> Any:
        kinds = ("application/json", "multipart/form-data", "text/plain", self.text())

        def content() -> Any:
            return {self.one(*kinds): self.some(schema=self.schema, example=self.value)}

        return self.some(
            operationId=self.name,
            summary=self.text,
            tags=lambda: self.several(self.name),
            deprecated=self.value,
            parameters=lambda: self.several(self.parameter),
            requestBody=lambda: {"content": content()},
            responses=lambda: {self.one("200", "2XX", "²00", self.text()): {}},
            security=lambda: [{self.name(): []}],
            callbacks=self.value,
        )

    def whole(self) -> str:
        paths = {
            f"/{self.text()}{{{self.name()}}}": {self.one("get", "post"): self.operation()}
            for _ in range(3)
        }
        schemes = ("http", "apiKey", "oauth2", self.text())
        scheme = self.some(
            type=lambda: self.one(*schemes),
            name=self.text,
            scheme=lambda: self.one("basic", "bearer", self.text()),
            **{"in": lambda: self.one("header", "query", "cookie", self.text())},
        )
        components = {"schemas": {"R": self.schema(), "S": self.schema()}}
        more = self.some(
            info=lambda: {"title": self.text()},
            servers=lambda: [{"url": self.text(), "variables": self.table(self.value)}],
            webhooks=lambda: {self.text(): {"post": self.operation()}},
        )
        schemes_of = {"securitySchemes": {self.name(): scheme}}
        return json.dumps(
            {
                "openapi": self.one("3.1.0", "3.0.0"),
                **more,
                "paths": paths,
                "components": {**components, **schemes_of},
            }
        )


class HarMaker(Maker):
    """Make recordings."""

    def pair(self) -> Any:
        names = ("Cookie", "Set-Cookie", "Location", "Authorization", "X-Csrf-Token", self.text())
        return {"name": self.one(*names), "value": self.one(self.text(), "abcd1234efgh=", "/a/7")}

    def entry(self) -> Any:
        kinds = ("application/json", "text/html", "multipart/form-data; boundary=B", self.text())
        host = self.one("x.test", "y.x.test")
        bodies = (json.dumps(self.value()), f"{self.text()}={self.text()}", self.text())
        form = f'--B\r\nContent-Disposition: form-data; name="{self.name()}"; filename="a"'
        page = f'<input name="{self.text()}" value="abcd1234efgh{self.rng.randrange(3)}">'
        request = {
            "method": self.one("GET", "POST", "PUT", self.text()),
            "url": f"https://{host}/{self.one(self.text(), 'abcd1234efgh1')}?{self.text()}=1",
            "headers": self.several(self.pair),
            "postData": self.some(
                mimeType=lambda: self.one(*kinds),
                text=lambda: self.one(*bodies, f"{form}\r\n\r\n{self.text()}\r\n--B--"),
                params=lambda: self.several(
                    lambda: self.some(name=self.name, value=self.text, fileName=self.text)
                ),
            ),
        }
        answer = {
            "status": self.one(200, 201, 302, 404, 0),
            "headers": self.several(self.pair),
            "content": self.some(
                mimeType=lambda: self.one(*kinds),
                text=lambda: self.one(*bodies, page),
                encoding=lambda: self.one("base64", self.text()),
            ),
        }
        more = self.some(time=self.value, pageref=lambda: self.one("p", self.text()))
        start = f"2026-01-01T10:00:0{self.rng.randrange(10)}Z"
        return {"startedDateTime": start, "request": request, "response": answer, **more}

    def whole(self) -> str:
        pages = [{"id": "p", "title": self.text()}]
        creator = {"name": self.text()}
        entries = [self.entry() for _ in range(6)]
        return json.dumps({"log": {"creator": creator, "pages": pages, "entries": entries}})


class K6Maker(Maker):
    """Make scripts of k6."""

    def quoted(self) -> str:
        """Return a literal of JavaScript."""
        text = self.text()
        if self.rng.random() < 0.5:
            return json.dumps(text)
        inner = text.replace("\\", "\\\\").replace("`", "").replace("${", "$ {")
        return f"`{inner}`" if self.rng.random() < 0.5 else f"`{inner}${{id}}`"

    def expression(self, depth: int = 0) -> str:
        first = self.expression(depth + 1) if depth < 2 else self.quoted()
        second = self.expression(depth + 1) if depth < 2 else self.quoted()
        kind = self.rng.randrange(16)
        if kind < 4:
            return self.quoted()
        forms = (
            *("id", "0x1F", "1_000", "1e3", "010", ".5", "10n", "null", "undefined", "this"),
            f"[{first}, {second}]",
            f"{{ {json.dumps(self.name())}: {first}, id, ...res }}",
            f"({first} {self.one('+', '===', '&&', '??', '>>>', 'in', '**', ',')} {second})",
            f"({first} ? {second} : {first})",
            f"{self.one('!', '-', '+', 'typeof ', 'void ', '~')}{first}",
            f"id.{self.one('length', 'map', 'class', 'None', 'a')}",
            f"id.map((lambda) => {first})",
            f"id.{self.one('slice', 'join', 'includes', 'split')}({first})",
            f"JSON.{self.one('parse', 'stringify')}({first})",
            f"Math.{self.one('floor', 'random', 'hypot')}({first})",
            f"res.json({self.quoted()})",
            f"__ENV.{self.one('A', 'class', 'import')}",
            f"__ENV[{first}]",
            f"id?.{self.one('a', 'b')}",
            f"new Date({first})",
            "/a[/]b/g",
            f"(function () {{ return {first}; }})",
        )
        return str(self.one(*forms))

    def statement(self, depth: int = 0) -> str:
        inner = self.statement(depth + 1) if depth < 2 else ""
        block = f"{{ {inner} }}"
        name = self.one("id", "x", "await", "def", "vu", "print", "é")
        value = self.expression()
        label = json.dumps(self.text())
        forms = (
            f"const {name} = {value};",
            f"let {name};",
            f"const {{ a, b }} = {value};",
            f"const [a, def] = {value};",
            f"id = {value};",
            f"id += {value};",
            "id++;",
            f"http.get({value}, {{ headers: {{ {json.dumps(self.name())}: {value} }} }});",
            f"const res = http.post({value}, {value}, {{ tags: {{ name: {value} }} }});",
            f"http.batch([['GET', {value}], {{ method: 'POST', url: {value} }}, {value}]);",
            f"check(res, {{ {label}: (r) => r.status === {value} }});",
            f"group({label}, () => {block});",
            f"sleep({value});",
            f"if ({value}) {block} else {block}",
            f"for (let i = 0; i < {value}; i++) {block}",
            f"for (const {name} of {value}) {block}",
            f"while ({value}) {block}",
            f"switch ({value}) {{ case {value}: {inner} break; default: id; }}",
            f"try {block} catch (e) {block} finally {block}",
            f"throw new Error({value});",
            f"return {value};",
            *("break;", "continue;", "'use strict';", ";", "debugger;", "label: for (;;) {}"),
            f"// {self.text().translate(_NO_ENDS)}",
            f"/* {self.text().replace('*/', '')} */",
            f"function {self.one('f', 'lambda', 'setup')}(a, b = {value}) {block}",
            f"class A {{ m() {block} }}",
            f"console.log({value});",
            f"{value};",
        )
        return str(self.one(*forms))

    def whole(self) -> str:
        imports = "import http from 'k6/http';\nimport { check, group, sleep } from 'k6';\n"
        options = f"export const options = {{ vus: {self.expression()}, thresholds: {{ "
        options += f"{json.dumps(self.name())}: [{self.quoted()}] }} }};\n"
        top = "\n".join(self.statement() for _ in range(2))
        body = "\n".join(self.statement() for _ in range(4))
        return f"{imports}{options}{top}\nexport default function () {{\n{body}\n}}\n"


_NO_ENDS = dict.fromkeys(map(ord, "\n\r\u2028"), " ")


class LocustMaker(Maker):
    """Make locustfiles."""

    def expression(self) -> str:
        text = repr(self.text())
        forms = (
            *(text, f"f'{{self.x}}' + {text}", "self.x", "self.client.headers", "7", "None"),
            f"self.client.get({text}, name={text}, unknown={text})",
            f"self.client.request({text}, url={text})",
            f"[{text}, *self.y]",
            f"{{{text}: {text}}}",
            f"lambda self: {text}",
            f"self.other({text})",
            f"self.client.post({text}, {{'a': {text}}}, {text}, headers=self.h)",
            f"self.environment.x({text})",
            f"self.user.client.get({text}).json()[{text}]",
        )
        return str(self.one(*forms))

    def statement(self, depth: int = 0) -> str:
        inner = self.statement(depth + 1) if depth < 2 else "pass"
        body = "\n".join(f"    {row}" for row in inner.split("\n"))
        value = self.expression()
        forms = (
            *("pass", "return", "self.interrupt()", "raise StopUser()", "self.wait()", "x = 1"),
            f"self.x = {value}",
            f"x, self.y = {value}, 2",
            f"self.x += {value}",
            f"if {value}:\n{body}\nelse:\n{body}",
            f"for each in {value}:\n{body}",
            f"while {value}:\n{body}\n    break",
            f"with self.client.get({value}, catch_response=True) as r:\n    r.failure({value})",
            f"with self.client.rename_request({value}):\n{body}",
            f"try:\n{body}\nexcept Exception as e:\n{body}\nfinally:\n{body}",
            f"def inner(self):\n{body}",
            f"# {self.text().translate(_NO_ENDS)}\n{value}",
            f'"""{self.text().translate(_NO_QUOTES)}"""',
            f"match {value}:\n    case 1:\n        pass",
            f"assert {value}",
            f"del self.x, {'x'}",
        )
        return str(self.one(*forms))

    def whole(self) -> str:
        rows = [
            "from locust import HttpUser, TaskSet, task, tag, between",
            f"Y = {self.expression()}",
        ]
        rows.append(f"class A({self.one('HttpUser', 'FastHttpUser', 'HttpUser, object')}):")
        rows.append(
            f"    wait_time = {self.one('between(1, 2)', 'constant(1)', self.expression())}"
        )
        rows.append(f"    host = {self.text()!r}")
        rows.append(f"    weight = {self.one('2', self.expression())}")
        for number in range(2):
            rows.append(f"    @tag({self.text()!r})")
            rows.append(f"    @task({self.one('', '3', '2.5', 'Y')})")
            rows.append(f"    def {self.one('look', 'lambda_', 'vu', 'setup')}{number}(self):")
            inner = "\n".join(self.statement() for _ in range(2))
            rows += [f"        {row}" for row in inner.split("\n")]
        rows += ["    def other(self, given):", "        return given"]
        return "\n".join(rows) + "\n"


_NO_QUOTES = dict.fromkeys(map(ord, "\"'\\"), " ")


@pytest.mark.parametrize(
    ("kind", "maker"),
    [
        ("artillery", ArtilleryMaker),
        ("openapi", OpenApiMaker),
        ("har", HarMaker),
        ("k6", K6Maker),
        ("locust", LocustMaker),
    ],
)
def test_made_up_files(kind: str, maker: type[Maker]) -> None:
    made = sum(bool(sound(kind, maker(seed).whole())) for seed in range(TRIES))
    assert made > TRIES / 5
