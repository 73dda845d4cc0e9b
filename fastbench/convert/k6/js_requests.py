"""Requests of k6/http as requests of the VU."""

from __future__ import annotations

from fastbench.convert.expressions import quoted
from fastbench.convert.k6 import js_tree
from fastbench.convert.k6.js_expressions import Expressions
from fastbench.convert.k6.js_tree import Node, Untranslated, named, text

_METHODS = {
    **{name: name for name in ("get", "post", "put", "patch", "head", "options", "request")},
    "del": "delete",
}
_PARAMS = ("headers", "tags", "timeout", "redirects", "cookies", "responseCallback")


class Requests(Expressions):
    """Translate requests, and what they take."""

    def request(self, node: Node, member: str, arguments: list[Node]) -> str:
        """Return a call of k6/http."""
        if member == "batch":
            return self._batch(node, arguments)
        if member == "expectedStatuses":
            return self._expected(arguments)
        if member == "asyncRequest":
            member = "request"
        if member not in _METHODS:
            raise Untranslated(node)
        return f"await {self._sent(node, member, arguments)}"

    def _sent(self, node: Node, member: str, arguments: list[Node]) -> str:
        return f"vu.{_METHODS[member]}({', '.join(self._arguments(node, member, arguments))})"

    def _arguments(self, node: Node, member: str, arguments: list[Node]) -> list[str]:
        rest = list(arguments)
        found = [self.of(rest.pop(0))]
        if member == "request":
            found.append(self.of(rest.pop(0)))
        body: list[str] = []
        if member not in ("get", "head") and rest:
            body = self._body(rest.pop(0))
        params = self._params(rest.pop(0), "".join(body).startswith("json=")) if rest else []
        if rest:
            raise Untranslated(node)
        return [*found, *body, *params]

    def _body(self, node: Node | None) -> list[str]:
        if node is None:
            return []
        shown = text(node)
        if shown in ("null", "undefined", "''", '""'):
            return []
        if node.type == "call_expression" and shown.startswith("JSON.stringify("):
            return [f"json={self.of(named(node.child_by_field_name('arguments'))[0])}"]
        if node.type == "identifier" and shown in self.names.as_json:
            return [f"json={self.names.of(shown)}"]
        return [f"data={self.of(node)}"]

    def params(self, node: Node) -> str:
        """Return an object of params as a dict of arguments."""
        return f"dict({', '.join(self._params(node, False))})"

    def _params(self, node: Node, is_json: bool) -> list[str]:
        if text(node) in ("null", "undefined"):
            return []
        if node.type == "identifier" and text(node) in self.names.params:
            return [f"**{self.names.of(text(node))}"]
        if node.type != "object":
            raise Untranslated(node, "params that are no object")
        found = []
        for name, value in js_tree.pairs(node):
            if name not in _PARAMS:
                raise Untranslated(node, f"{name} of a request")
            if name == "tags" and value.type == "object":
                found += self._tags(value)
            elif name == "responseCallback":
                found.append(f"expected={self.of(value)}")
            elif name == "timeout" and value.type == "number":
                found.append(f"timeout={int(text(value)) / 1000:g}")
            elif name == "headers" and value.type == "object" and is_json:
                found += self._headers(value)
            else:
                found.append(f"{name}={self.of(value)}")
        return found

    def _headers(self, node: Node) -> list[str]:
        """Return headers=, without the type that json= gives."""
        rows = []
        for each in named(node):
            if each.type != "pair":
                shown = self.of(each)
                spread = each.type == "spread_element"
                rows.append(f"*{shown}" if spread else f"{quoted(text(each))}: {shown}")
                continue
            key, value = each.child_by_field_name("key"), each.child_by_field_name("value")
            name = js_tree.key(key)
            if name.lower() == "content-type" and text(value).strip("'\"`") == "application/json":
                continue
            rows.append(f"{quoted(name)}: {self.of(value)}")
        return [f"headers={{{', '.join(rows)}}}"] if rows else []

    def _tags(self, node: Node) -> list[str]:
        tags, found = [], []
        for name, value in js_tree.pairs(node):
            if name == "name":
                found.append(f"name={self.of(value)}")
            else:
                tags.append(f"{quoted(name)}: {self.of(value)}")
        return [*found, *([f"tags={{{', '.join(tags)}}}"] if tags else [])]

    def _batch(self, node: Node, arguments: list[Node]) -> str:
        if len(arguments) != 1:
            raise Untranslated(node)
        (given,) = arguments
        if given.type == "identifier" and text(given) in self.names.collections:
            return f"await vu.batch({self.of(given)})"
        return f"await vu.batch({self.collection(given, begun=True)})"

    def collection(self, node: Node, *, begun: bool = False) -> str:
        """Return the requests of a batch: an array, an object, or what map() makes of an array.

        With `begun` each is a call of the VU; else what such a call takes, as a dict.
        """
        if node.type == "array":
            return f"[{', '.join(self.entry(each, begun=begun) for each in named(node))}]"
        if node.type == "object":
            rows = js_tree.pairs(node)
            members = (f"{quoted(name)}: {self.entry(each, begun=begun)}" for name, each in rows)
            return f"{{{', '.join(members)}}}"
        if node.type != "call_expression":
            raise Untranslated(node, "requests of a batch that are no array and no object")
        function, given = (node.child_by_field_name(each) for each in ("function", "arguments"))
        inner = named(given)
        if function.type != "member_expression" or len(inner) != 1:
            raise Untranslated(node)
        word = text(function.child_by_field_name("property"))
        names, made = js_tree.function_parts(inner[0])
        if made.type == "parenthesized_expression":
            (made,) = named(made)
        if word != "map" or len(names) != 1 or made.type == "statement_block":
            raise Untranslated(node)
        over = self.of(function.child_by_field_name("object"))
        name = self.names.of(names[0])
        return f"[{self.entry(made, begun=begun)} for {name} in {over}]"

    def entry(self, node: Node, *, begun: bool = False) -> str:
        """Return one request of a batch."""
        if node.type == "identifier" and text(node) in self.names.entries:
            return self.of(node)
        if node.type == "array":
            given = named(node)
            if len(given) < 2:
                raise Untranslated(node)
            method, *rest = given
        elif node.type == "object":
            parts = dict(js_tree.pairs(node))
            if "url" not in parts:
                raise Untranslated(node)
            method, rest = parts.get("method"), [parts["url"]]
            for key in ("body", "params"):
                if key in parts:
                    rest.append(parts[key])
                elif key == "body" and "params" in parts:
                    rest.append(None)
        else:
            return f"vu.get({self.of(node)})" if begun else self.of(node)
        return self._begun(node, method, rest) if begun else self._waiting(node, method, rest)

    def _begun(self, node: Node, method: Node | None, rest: list[Node]) -> str:
        word = self._word(method)
        first = [method] if word == "request" else []
        return self._sent(node, word, first + self._bodiless(word, rest))

    def _waiting(self, node: Node, method: Node | None, rest: list[Node]) -> str:
        word = self._word(method)
        shown = self.of(method) if word == "request" else quoted(_METHODS[word].upper())
        first = [method] if word == "request" else []
        found = self._arguments(node, word, first + self._bodiless(word, rest))
        url, *more = found[len(first) :]
        return f"dict({', '.join([f'method={shown}', f'url={url}', *more])})"

    @staticmethod
    def _bodiless(word: str, rest: list[Node]) -> list[Node]:
        return [rest[0], *rest[2:]] if word in ("get", "head") and len(rest) > 1 else rest

    @staticmethod
    def _word(method: Node | None) -> str:
        """Return k6's function for a method, `request` for one that is not known before."""
        if method is None:
            return "get"
        word = js_tree.string(method).lower() if js_tree.is_string(method) else "request"
        return {"delete": "del"}.get(word, word if word in _METHODS else "request")

    def _expected(self, arguments: list[Node]) -> str:
        self.script.use("expected_statuses")
        found = []
        for each in arguments:
            if each.type == "object":
                parts = dict(js_tree.pairs(each))
                found.append(f"range({self.of(parts['min'])}, {self.of(parts['max'])} + 1)")
            else:
                found.append(self.of(each))
        return f"expected_statuses({', '.join(found)})"
