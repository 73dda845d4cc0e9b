"""Calls of k6's functions and of JavaScript's own, as ours and Python's."""

from __future__ import annotations

import re

from fastbench.convert.expressions import quoted
from fastbench.convert.k6 import js_tree
from fastbench.convert.k6.js_requests import Requests
from fastbench.convert.k6.js_tree import Node, Untranslated, named, text

_LOG, _NOW_S = "print", "time.time"  # what is written into the script
_METRICS = ("Counter", "Gauge", "Rate", "Trend")


class Calls(Requests):
    """Translate calls."""

    def module_of(self, node: Node) -> str:
        """Return what a name was imported from: `k6/http.*` for http of k6/http, `k6.check`."""
        return self.names.modules.get(text(node), "")

    def on_call_expression(self, node: Node) -> str:
        function, given = (
            node.child_by_field_name("function"),
            node.child_by_field_name("arguments"),
        )
        if given is None or given.type != "arguments":
            raise Untranslated(node)
        arguments = named(given)
        if function.type == "identifier":
            return self._function(node, function, arguments)
        if function.type == "member_expression":
            return self._method(node, function, arguments)
        raise Untranslated(node)

    def _function(self, node: Node, function: Node, arguments: list[Node]) -> str:
        source, _, member = self.module_of(function).rpartition(".")
        if source == "k6":
            return self._k6(node, member, arguments)
        if source == "k6/http":
            return self.request(node, member, arguments)
        if source:
            return self._jslib(node, member, arguments)
        name = text(function)
        if name == "open" and arguments and js_tree.is_string(arguments[0]):
            self.script.from_modules.add(("pathlib", "Path"))
            read = "read_bytes" if len(arguments) > 1 else "read_text"
            return f"(Path(__file__).parent / {self.of(arguments[0])}).{read}()"
        given = [self.of(each) for each in arguments]
        plain = {"String": "str", "Number": "float", "parseInt": "int", "parseFloat": "float"}
        if name in plain:
            return f"{plain[name]}({given[0]})"
        if name == "encodeURIComponent":
            self.script.from_modules.add(("urllib.parse", "quote"))
            return f'quote({given[0]}, safe="~()*!.\'")'
        if name not in self.names.functions:
            raise Untranslated(node)
        if self.names.functions[name]:
            return f"await {self.names.of(name)}({', '.join(['vu', *given])})"
        return f"{self.names.of(name)}({', '.join(given)})"

    def _k6(self, node: Node, member: str, arguments: list[Node]) -> str:
        if member == "sleep":
            self.script.use("sleep")
            return f"await sleep({self.of(arguments[0])})"
        if member == "check":
            return self._check(node, arguments)
        if member == "randomSeed":
            self.script.modules.add("random")
            return f"random.seed({self.of(arguments[0])})"
        raise Untranslated(node)

    def _check(self, node: Node, arguments: list[Node]) -> str:
        self.script.use("check")
        if len(arguments) < 2 or arguments[1].type != "object":
            raise Untranslated(node)
        found = []
        for each in named(arguments[1]):
            if each.type != "pair":
                raise Untranslated(node)
            key, value = each.child_by_field_name("key"), each.child_by_field_name("value")
            computed = key.type == "computed_property_name"
            name = self.of(named(key)[0]) if computed else quoted(js_tree.key(key))
            if value.type in ("arrow_function", "function_expression"):
                parameters, _ = js_tree.function_parts(value)
                own = [p for p in parameters if p not in self.names.responses]
                # What is checked is an answer, unless it is plainly something else.
                if arguments[0].type in ("identifier", "call_expression", "subscript_expression"):
                    self.names.responses.update(own[:1] if self.is_response(arguments[0]) else ())
                found.append(f"{name}: {self.of(value)}")
                self.names.responses.difference_update(own)
            else:
                found.append(f"{name}: {self.of(value)}")
        more = f", tags={self.of(arguments[2])}" if len(arguments) > 2 else ""
        return f"check({self.of(arguments[0])}, {{{', '.join(found)}}}{more})"

    # Methods of values.

    def _method(self, node: Node, function: Node, arguments: list[Node]) -> str:
        value, name = (function.child_by_field_name(each) for each in ("object", "property"))
        whole, member = text(function), text(name)
        module = self.module_of(value) if value.type == "identifier" else ""
        if module == "k6/http.*":
            return self.request(node, member, arguments)
        if module == "k6.*":
            return self._k6(node, member, arguments)
        if whole.startswith(("Math.", "JSON.", "Date.", "Object.", "console.")):
            return self._global(node, whole, arguments)
        if whole == "exec.test.abort":
            self.script.use("abort")
            return f"abort({', '.join(map(self.of, arguments))})"
        if member == "push" and text(value) in self.names.collections:
            return f"{self.of(value)}.append({self.entry(arguments[0])})"
        given = [self.of(each) for each in arguments]
        if self.is_response(value) and member == "json":
            return f"{self.of(value)}.json({', '.join(given)})"
        target = self.of(value)
        if member == "add":
            return f"{target}.add({', '.join(given)})"
        if member == "includes" and len(given) == 1:
            return f"({given[0]} in {target})"
        simple = {
            **{"push": "append", "startsWith": "startswith", "endsWith": "endswith"},
            **{"toLowerCase": "lower", "toUpperCase": "upper", "trim": "strip", "split": "split"},
            "keys": "keys",
        }
        if member in simple:
            return f"{target}.{simple[member]}({', '.join(given)})"
        if member == "toString" and not given:
            return f"str({target})"
        if member == "join" and len(given) == 1:
            return f"{given[0]}.join(map(str, {target}))"
        if member in ("map", "filter") and len(arguments) == 1:
            return self._comprehension(node, member, target, arguments[0])
        if member in ("slice", "substring") and given:
            return f"{target}[{':'.join(given)}{':' if len(given) == 1 else ''}]"
        if member == "indexOf" and len(given) == 1:
            return f"{target}.find({given[0]})"
        raise Untranslated(node)

    def _comprehension(self, node: Node, member: str, target: str, function: Node) -> str:
        if function.type != "arrow_function":
            raise Untranslated(node)
        names, body = js_tree.function_parts(function)
        if len(names) != 1 or body.type == "statement_block":
            raise Untranslated(node)
        name = self.names.of(names[0])
        if member == "map":
            return f"[{self.of(body)} for {name} in {target}]"
        return f"[{name} for {name} in {target} if {self.of(body)}]"

    def _global(self, node: Node, whole: str, arguments: list[Node]) -> str:
        if whole == "JSON.parse" and arguments and re.fullmatch(r"\w+\.body", text(arguments[0])):
            answer = arguments[0].child_by_field_name("object")
            if self.is_response(answer):
                return f"{self.of(answer)}.json()"
        given = [self.of(each) for each in arguments]
        listed = ", ".join(given)
        table = {
            "Math.random": ("random", "random.random()"),
            "Math.floor": ("math", f"math.floor({listed})"),
            "Math.ceil": ("math", f"math.ceil({listed})"),
            "Math.round": ("", f"round({listed})"),
            "Math.min": ("", f"min({listed})"),
            "Math.max": ("", f"max({listed})"),
            "Math.abs": ("", f"abs({listed})"),
            "JSON.parse": ("json", f"json.loads({listed})"),
            "JSON.stringify": ("json", f"json.dumps({given[0] if given else ''})"),
            "Date.now": ("time", f"int({_NOW_S}() * 1000)"),
            "Object.keys": ("", f"list({listed})"),
            "Object.values": ("", f"list({listed}.values())"),
        }
        if whole.startswith("console."):
            return f"{_LOG}({listed})"
        if whole not in table:
            raise Untranslated(node)
        module, found = table[whole]
        if module:
            self.script.modules.add(module)
        return found

    def _jslib(self, node: Node, member: str, arguments: list[Node]) -> str:
        given = [self.of(each) for each in arguments]
        known = {"randomIntBetween": "random_int", "randomItem": "random_item", "uuidv4": "uuid"}
        if member in known:
            return f"{self.script.use(known[member])}({', '.join(given)})"
        if member == "randomString" and len(given) == 1:
            self.script.modules |= {"random", "string"}
            return f'"".join(random.choices(string.ascii_lowercase, k={given[0]}))'
        raise Untranslated(node)

    def on_new_expression(self, node: Node) -> str:
        kind = node.child_by_field_name("constructor")
        arguments = named(node.child_by_field_name("arguments"))
        source, _, member = self.module_of(kind).rpartition(".")
        if source == "k6/metrics" and member in _METRICS:
            self.script.use(member)
            is_time = member == "Trend" and len(arguments) > 1 and text(arguments[1]) == "true"
            return f"{member}({self.of(arguments[0])}{', is_time=True' if is_time else ''})"
        if member == "SharedArray" and len(arguments) == 2:
            found = re.search(
                r"JSON\.parse\(\s*open\(\s*['\"]([^'\"]+)['\"]\s*\)\s*\)", text(arguments[1])
            )
            found = found or re.search(
                r"papaparse\.parse\(\s*open\(\s*['\"]([^'\"]+)['\"]\s*\)", text(arguments[1])
            )
            if found:
                return f"{self.script.use('data')}({quoted(found[1])})"
        raise Untranslated(node)
