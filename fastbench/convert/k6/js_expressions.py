"""Expressions of JavaScript as expressions of Python, where both mean the same."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fastbench.convert.expressions import quoted
from fastbench.convert.k6 import js_tree
from fastbench.convert.k6.js_tree import Node, Untranslated, named, text
from fastbench.convert.script_text import ScriptText, f_string

_RESPONSE = re.compile(r"(r|res|resp|response|\w*(Res|Resp|Response))[0-9]*")
_MEMBERS = {  # of a response
    **{name: name for name in ("status", "url", "headers", "timings", "error", "cookies")},
    "body": "text",
    "error_code": "error_code",
}
_OPERATORS = {"===": "==", "!==": "!=", "&&": "and", "||": "or"}
_KEPT = {"==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "**"}
_CONSTANTS = {"true": "True", "false": "False", "null": "None", "undefined": "None"}
_EXEC = {
    "exec.vu.idInTest": "vu.id",
    "exec.vu.idInInstance": "vu.id",
    "exec.vu.iterationInScenario": "vu.iteration",
    "exec.vu.iterationInInstance": "vu.iteration",
    "exec.scenario.name": "vu.scenario",
}


@dataclass(slots=True)
class JsNames:
    """What is known of the names of a script."""

    script: ScriptText
    python: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)  # an imported name: module and member
    functions: dict[str, bool] = field(default_factory=dict)  # whether they need the VU
    responses: set[str] = field(default_factory=set)
    as_json: set[str] = field(default_factory=set)  # variables that were JSON.stringify(…)
    params: set[str] = field(default_factory=set)  # variables that are params of requests
    collections: set[str] = field(default_factory=set)  # variables that http.batch() is given
    entries: set[str] = field(default_factory=set)  # variables that are one request of a batch
    batches: set[str] = field(default_factory=set)  # variables that http.batch() has returned

    def of(self, name: str) -> str:
        """Return the name of a variable or function."""
        if name not in self.python:
            if re.fullmatch(r"[A-Z][A-Z0-9_]*", name) and name not in self.script.taken:
                self.script.taken.add(name)
                self.python[name] = name
            else:
                self.python[name] = self.script.name(name)
        return self.python[name]

    def take(self, alias: str, other: JsNames, name: str) -> None:
        """Know a name of another module, under this one."""
        self.python[alias] = other.of(name)
        if name in other.functions:
            self.functions[alias] = other.functions[name]
        for ours, theirs in (
            (self.as_json, other.as_json),
            (self.params, other.params),
            (self.collections, other.collections),
        ):
            if name in theirs:
                ours.add(alias)


class Expressions:
    """Translate expressions; raises Untranslated for what has no counterpart."""

    def __init__(self, names: JsNames) -> None:
        self.names = names
        self.script = names.script

    def of(self, node: Node) -> str:
        """Return an expression as source of Python, in brackets where that may be needed."""
        method = getattr(self, f"on_{node.type}", None)
        if method is None:
            raise Untranslated(node)
        return str(method(node))

    def on_number(self, node: Node) -> str:
        found = text(node).replace("_", "").lower()
        if found[:2] not in ("0x", "0b", "0o"):
            if len(found) > 1 and re.fullmatch("0[0-7]+", found):
                return str(int(found, 8))  # as JavaScript reads it outside of modules
            found = found.removesuffix("n").lstrip("0") or "0"
            return f"0{found}" if found[0] in ".e" else found
        return str(int(found.removesuffix("n"), 0))

    def on_string(self, node: Node) -> str:
        return quoted(js_tree.string(node))

    def on_true(self, node: Node) -> str:
        return _CONSTANTS[text(node)]

    on_false = on_null = on_undefined = on_true

    def on_identifier(self, node: Node) -> str:
        name = text(node)
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name in ("__VU", "__ITER"):
            return "vu.id" if name == "__VU" else "vu.iteration"
        if name in self.names.as_json:
            self.script.modules.add("json")
            return f"json.dumps({self.names.of(name)})"
        if name in self.names.modules or name in ("__ENV", "console", "Math", "JSON"):
            raise Untranslated(node)
        return self.names.of(name)

    on_shorthand_property_identifier = on_identifier

    def on_parenthesized_expression(self, node: Node) -> str:
        return f"({self.of(named(node)[0])})"

    def on_await_expression(self, node: Node) -> str:
        return self.of(named(node)[0])

    def on_as_expression(self, node: Node) -> str:
        return self.of(named(node)[0])

    on_non_null_expression = on_satisfies_expression = on_as_expression

    def on_template_string(self, node: Node) -> str:
        return f_string(self.pieces(node))

    def pieces(self, node: Node) -> list[str | tuple[str]]:
        """Return the texts and expressions that a string is made of."""
        if node.type == "parenthesized_expression":
            return self.pieces(named(node)[0])
        if node.type == "string":
            return [js_tree.string(node)]
        if node.type == "binary_expression" and self.is_text(node):
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            return [*self.pieces(left), *self.pieces(right)]
        if node.type != "template_string":
            return [(self.of(node),)]
        found: list[str | tuple[str]] = []
        for each in node.named_children:
            if each.type == "template_substitution":
                found += self.pieces(named(each)[0])
            elif each.type == "escape_sequence":
                found.append(js_tree.string_of_escape(text(each)))
            else:
                found.append(text(each))
        return found

    def is_text(self, node: Node) -> bool:
        """Tell whether an expression is a text for sure: a sum with a text in it."""
        if node.type == "parenthesized_expression":
            return self.is_text(named(node)[0])
        if node.type == "binary_expression":
            sign = text(node.child_by_field_name("operator"))
            sides = node.child_by_field_name("left"), node.child_by_field_name("right")
            return sign == "+" and any(map(self.is_text, sides))
        return node.type in ("string", "template_string")

    def on_binary_expression(self, node: Node) -> str:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        sign = text(node.child_by_field_name("operator"))
        if sign == "||" and (variable := self._env(left)):
            default = self.of(right)
            if js_tree.is_string(right):
                return f"env({quoted(variable)}, {default})"
            return f"env({quoted(variable)}) or {default}"
        if self.is_text(node):
            return f_string(self.pieces(node))
        if sign in ("===", "!==", "==", "!=") and text(left).startswith("typeof "):
            return self._of_type(node, left, js_tree.string(right), sign)
        if sign in ("===", "!==", "==", "!=") and text(right) in ("undefined", "null"):
            return f"{self.of(left)} is {'not ' if sign[0] == '!' else ''}None"
        if sign == "??":
            value = self.of(left)
            return f"({value} if {value} is not None else {self.of(right)})"
        if sign == "in":
            return f"{self.of(left)} in {self.of(right)}"
        if sign not in _OPERATORS and sign not in _KEPT:
            raise Untranslated(node)
        return f"{self._side(left)} {_OPERATORS.get(sign, sign)} {self._side(right)}"

    def _of_type(self, node: Node, left: Node, wanted: str, sign: str) -> str:
        """Return what `typeof x === "…"` asks."""
        value = self.of(left.child_by_field_name("argument"))
        no = "not " if sign[0] == "!" else ""
        if wanted == "undefined":
            return f"{value} is {no}None"
        types = {"string": "str", "boolean": "bool", "object": "dict | list | None"}
        if wanted in types:
            return f"{no}isinstance({value}, {types[wanted]})"
        raise Untranslated(node)

    def _side(self, node: Node) -> str:
        found = self.of(node)
        return f"({found})" if node.type in ("ternary_expression", "arrow_function") else found

    def on_unary_expression(self, node: Node) -> str:
        sign, value = (
            text(node.child_by_field_name("operator")),
            node.child_by_field_name("argument"),
        )
        if sign == "!":
            return f"not {self.of(value)}"
        if sign == "-":
            return f"-{self.of(value)}"
        if sign == "+":
            return f"float({self.of(value)})"
        raise Untranslated(node)

    def on_ternary_expression(self, node: Node) -> str:
        parts = [
            self.of(node.child_by_field_name(name))
            for name in ("consequence", "condition", "alternative")
        ]
        return f"({parts[0]} if {parts[1]} else {parts[2]})"

    def on_array(self, node: Node) -> str:
        return f"[{', '.join(map(self.of, named(node)))}]"

    def on_spread_element(self, node: Node) -> str:
        return f"*{self.of(named(node)[0])}"

    def on_object(self, node: Node) -> str:
        found = []
        for each in named(node):
            if each.type == "spread_element":
                found.append(f"**{self.of(named(each)[0])}")
            elif each.type == "pair":
                key, value = each.child_by_field_name("key"), each.child_by_field_name("value")
                if key.type == "computed_property_name":
                    name = self.of(named(key)[0])
                else:
                    name = quoted(js_tree.key(key))
                found.append(f"{name}: {self.of(value)}")
            elif each.type == "shorthand_property_identifier":
                found.append(f"{quoted(text(each))}: {self.of(each)}")
            else:
                raise Untranslated(each)
        return f"{{{', '.join(found)}}}"

    def _env(self, node: Node) -> str | None:
        """Return the variable that `__ENV.NAME` names."""
        if node.type == "member_expression" and text(node).startswith("__ENV."):
            self.script.use("env")
            return text(node.child_by_field_name("property"))
        return None

    def is_response(self, node: Node) -> bool:
        """Tell whether an expression is an answer, by its name or by what it was assigned."""
        if node.type == "identifier":
            name = text(node)
            if name in self.names.batches:
                return False
            return name in self.names.responses or _RESPONSE.fullmatch(name) is not None
        if node.type in ("subscript_expression", "member_expression"):
            value = node.child_by_field_name("object")
            known = text(value) in self.names.batches
            return known or (node.type == "subscript_expression" and self.is_response(value))
        if node.type == "call_expression":
            module = text(node.child_by_field_name("function")).partition(".")[0]
            return self.names.modules.get(module, "").startswith("k6/http")
        return False

    def on_member_expression(self, node: Node) -> str:
        if variable := self._env(node):
            return f"env({quoted(variable)})"
        value, name = node.child_by_field_name("object"), text(node.child_by_field_name("property"))
        if (whole := text(node)) in _EXEC and "exec" in self.names.modules:
            return _EXEC[whole]
        if name == "length":
            return f"len({self.of(value)})"
        if self.is_response(value):
            if name not in _MEMBERS:
                raise Untranslated(node)
            return f"{self.of(value)}.{_MEMBERS[name]}"
        if value.type == "member_expression":
            inner = value.child_by_field_name("object")
            if self.is_response(inner):
                of_inner = text(value.child_by_field_name("property"))
                if of_inner == "timings":
                    return f"{self.of(value)}.{name}"
                if of_inner in ("headers", "cookies"):
                    return f"{self.of(value)}[{quoted(name)}]"
        return f"{self.of(value)}[{quoted(name)}]"

    def on_subscript_expression(self, node: Node) -> str:
        value, index = node.child_by_field_name("object"), node.child_by_field_name("index")
        if text(value) == "__ENV" and js_tree.is_string(index):
            self.script.use("env")
            return f"env({self.of(index)})"
        return f"{self.of(value)}[{self.of(index)}]"

    def on_arrow_function(self, node: Node) -> str:
        names, body = js_tree.function_parts(node)
        if body.type == "statement_block":
            statements = named(body)
            if len(statements) != 1 or statements[0].type != "return_statement":
                raise Untranslated(node, "a function within an expression")
            body = named(statements[0])[0]
        inner = self.of(body)
        if "await " in inner:
            raise Untranslated(node)
        listed = ", ".join(map(self.names.of, names))
        return f"lambda {listed}: {inner}" if listed else f"lambda: {inner}"

    on_function_expression = on_arrow_function
