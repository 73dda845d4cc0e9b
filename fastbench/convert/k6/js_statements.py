"""Statements of JavaScript as statements of Python; what has no counterpart is marked."""

from __future__ import annotations

import re

from fastbench.convert import python_layout
from fastbench.convert.expressions import quoted
from fastbench.convert.k6 import js_tree
from fastbench.convert.k6.js_calls import Calls
from fastbench.convert.k6.js_tree import Node, Untranslated, named, text
from fastbench.convert.script_text import Block

_COUNTED = re.compile(
    r"\(?(?:let|var) (\w+) = (.+?); \1 < (.+?); (?:\1\+\+|\+\+\1|\1 \+= 1)\)?", re.DOTALL
)
_ENDS = ("return_statement", "throw_statement", "continue_statement")


class Statements(Calls):
    """Write statements into a block; `head` is that of the function whose body is written."""

    head = ""

    def write(self, block: Block, statements: list[Node]) -> None:
        """Write a body, with its comments."""
        for each in statements:
            start = len(block.lines)
            depth = block.depth
            try:
                self._statement(block, each)
                if depth == (1 if self.head else 0):  # within, a break may stand alone
                    python_layout.check(self.head, block.lines[start:])
            except Untranslated as error:
                del block.lines[start:]
                block.depth = depth
                self._marked(block, each, error)
            except (SyntaxError, TypeError, ValueError, IndexError, KeyError, AttributeError):
                # A form that was not expected; what is written must be Python in any case.
                del block.lines[start:]
                block.depth = depth
                self._marked(block, each, Untranslated(each))

    def _marked(self, block: Block, node: Node, error: Untranslated) -> None:
        """Mark a statement that has no counterpart; names that it makes exist, without a value."""
        why = f"{error.why}: " if error.why else ""
        self.script.left(block, f"{why}{error.text}", error.line)
        for each in named(node) if node.type.endswith("declaration") else ():
            name = each.child_by_field_name("name")
            if each.type == "variable_declarator" and name.type == "identifier":
                block.line(f"{self.names.of(text(name))} = None")

    def _statement(self, block: Block, node: Node) -> None:
        method = getattr(self, f"write_{node.type}", None)
        if method is None:
            raise Untranslated(node)
        method(block, node)

    def body(self, block: Block, node: Node) -> None:
        """Write a block, or the one statement that stands for it."""
        self.write(block, node.named_children if node.type == "statement_block" else [node])

    def write_comment(self, block: Block, node: Node) -> None:
        for line in text(node).splitlines():
            words = line.strip().removeprefix("//").strip("/* ").strip()
            if words:
                block.comment(words)

    def write_empty_statement(self, block: Block, node: Node) -> None:
        """Write nothing."""

    def write_statement_block(self, block: Block, node: Node) -> None:
        self.write(block, node.named_children)

    def write_lexical_declaration(self, block: Block, node: Node) -> None:
        for each in named(node):
            name, value = each.child_by_field_name("name"), each.child_by_field_name("value")
            if name.type == "identifier":
                self._declared(block, text(name), value)
            elif name.type == "array_pattern" and value is not None:
                names = ", ".join(self.names.of(text(inner)) for inner in named(name))
                block.line(f"{names} = {self.of(value)}")
            elif name.type == "object_pattern" and value is not None:
                source = self.of(value)
                for inner in named(name):
                    if inner.type != "shorthand_property_identifier_pattern":
                        raise Untranslated(each)
                    block.line(f"{self.names.of(text(inner))} = {source}[{quoted(text(inner))}]")
            else:
                raise Untranslated(each)

    write_variable_declaration = write_lexical_declaration

    def _declared(self, block: Block, name: str, value: Node | None) -> None:
        if value is None:
            block.line(f"{self.names.of(name)} = None")
            return
        if self._grouped(block, value, name):
            return
        if text(value).startswith("JSON.stringify(") and value.type == "call_expression":
            inner = named(value.child_by_field_name("arguments"))
            if len(inner) == 1:
                block.line(f"{self.names.of(name)} = {self.of(inner[0])}")
                self.names.as_json.add(name)
                return
        if value.type == "object" and self._is_params(name, value):
            written = self.params(value)
            self.names.params.add(name)
            block.line(f"{self.names.of(name)} = {written}")
            return
        if name in self.names.collections:
            if value.type in ("array", "object") or ".map(" in text(value):
                block.line(f"{self.names.of(name)} = {self.collection(value)}")
                return
            self.names.collections.discard(name)  # what else it is cannot be told
        if name in self.names.entries and value.type in ("array", "object"):
            block.line(f"{self.names.of(name)} = {self.entry(value)}")
            return
        self.names.entries.discard(name)
        source = self.of(value)
        if source.startswith("await vu.batch("):
            self.names.batches.add(name)
        elif self.is_response(value):
            self.names.responses.add(name)
        block.line(f"{self.names.of(name)} = {source}")

    @staticmethod
    def _is_params(name: str, value: Node) -> bool:
        """Tell whether an object is what a request takes behind its body."""
        keys = {
            js_tree.key(each.child_by_field_name("key"))
            for each in named(value)
            if each.type == "pair"
        }
        return (
            bool(keys)
            and keys <= {"headers", "tags", "timeout", "redirects", "cookies"}
            and ("headers" in keys or "param" in name.lower() or "tags" in keys)
        )

    def _grouped(self, block: Block, value: Node, name: str = "") -> bool:
        """Write `group('x', function)`; tell whether it is one."""
        if value.type == "await_expression":
            value = named(value)[0]
        function = (
            value.child_by_field_name("function") if value.type == "call_expression" else None
        )
        if function is None or self.names.modules.get(text(function)) != "k6.group":
            return False
        title, inner = named(value.child_by_field_name("arguments"))
        if inner.type == "identifier":
            raise Untranslated(value)
        self.script.use("group")
        _, body = js_tree.function_parts(inner)
        with block.block(f"async with group({self.of(title)}):"):
            statements = body.named_children if body.type == "statement_block" else [body]
            if body.type != "statement_block":
                block.line(self.of(body))
                return True
            last = statements[-1] if statements else None
            if name and last is not None and last.type == "return_statement":
                self.write(block, statements[:-1])
                block.line(f"{self.names.of(name)} = {self.of(named(last)[0])}")
                self.names.responses |= {name} if self.is_response(named(last)[0]) else set()
            else:
                self.write(block, statements)
        return True

    def write_expression_statement(self, block: Block, node: Node) -> None:
        (inner,) = named(node)[:1]
        if js_tree.is_string(inner) or self._grouped(block, inner):  # 'use strict'
            return
        if inner.type == "assignment_expression":
            left, right = (inner.child_by_field_name(each) for each in ("left", "right"))
            if self.is_response(right) and left.type == "identifier":
                self.names.responses.add(text(left))
            block.line(f"{self.of(left)} = {self.of(right)}")
        elif inner.type == "augmented_assignment_expression":
            left, right = (inner.child_by_field_name(each) for each in ("left", "right"))
            sign = text(inner.child_by_field_name("operator"))
            if sign not in ("+=", "-=", "*=", "/=", "%="):
                raise Untranslated(node)
            block.line(f"{self.of(left)} {sign} {self.of(right)}")
        elif inner.type == "update_expression":
            sign = "+" if "++" in text(inner) else "-"
            block.line(f"{self.of(inner.child_by_field_name('argument'))} {sign}= 1")
        elif inner.type != "call_expression" or not (
            self._fails(block, inner) or self._for_each(block, inner)
        ):
            block.line(self.of(inner))

    def _fails(self, block: Block, call: Node) -> bool:
        function = call.child_by_field_name("function")
        if self.names.modules.get(text(function)) != "k6.fail":
            return False
        given = ", ".join(map(self.of, named(call.child_by_field_name("arguments"))))
        block.line(f"raise RuntimeError({given})")
        return True

    def _for_each(self, block: Block, call: Node) -> bool:
        function = call.child_by_field_name("function")
        if function.type != "member_expression" or not text(function).endswith(".forEach"):
            return False
        (inner,) = named(call.child_by_field_name("arguments"))
        names, body = js_tree.function_parts(inner)
        target = self.of(function.child_by_field_name("object"))
        listed = [self.names.of(each) for each in names]
        if len(listed) == 2:
            listed, target = listed[::-1], f"enumerate({target})"
        with block.block(f"for {', '.join(listed) or '_'} in {target}:"):
            self.body(block, body)
        return True

    def write_return_statement(self, block: Block, node: Node) -> None:
        inner = named(node)
        block.line(f"return {self.of(inner[0])}" if inner else "return")

    def write_if_statement(self, block: Block, node: Node, word: str = "if") -> None:
        condition = named(node.child_by_field_name("condition"))[0]
        with block.block(f"{word} {self.of(condition)}:"):
            self.body(block, node.child_by_field_name("consequence"))
        other = node.child_by_field_name("alternative")
        if other is None:
            return
        inner = named(other)[0]
        if inner.type == "if_statement":
            self.write_if_statement(block, inner, "elif")
            return
        with block.block("else:"):
            self.body(block, inner)

    def write_for_statement(self, block: Block, node: Node) -> None:
        head = text(node).partition("{")[0].removeprefix("for").strip()
        found = _COUNTED.fullmatch(" ".join(head.split()))
        body = node.child_by_field_name("body")
        if found is None:
            raise Untranslated(node)
        limit = node.child_by_field_name("condition")
        if limit.type == "expression_statement":
            limit = named(limit)[0]
        most = self.of(limit.child_by_field_name("right"))
        first = "" if found[2] == "0" else f"{found[2]}, "
        with block.block(f"for {self.names.of(found[1])} in range({first}{most}):"):
            self.body(block, body)

    def write_for_in_statement(self, block: Block, node: Node) -> None:
        name = node.child_by_field_name("left")
        if name.type != "identifier":
            raise Untranslated(node)
        over = self.of(node.child_by_field_name("right"))
        with block.block(f"for {self.names.of(text(name))} in {over}:"):
            self.body(block, node.child_by_field_name("body"))

    def write_while_statement(self, block: Block, node: Node) -> None:
        condition = named(node.child_by_field_name("condition"))[0]
        with block.block(f"while {self.of(condition)}:"):
            self.body(block, node.child_by_field_name("body"))

    def write_break_statement(self, block: Block, node: Node) -> None:
        block.line("break")

    def write_continue_statement(self, block: Block, node: Node) -> None:
        block.line("continue")

    def write_switch_statement(self, block: Block, node: Node) -> None:
        """Write `if`, `elif`, `else`; a case that goes on in the next one has no counterpart."""
        value = named(node.child_by_field_name("value"))[0]
        cases = named(node.child_by_field_name("body"))
        subject = self.of(value)
        if value.type != "identifier":
            subject = self.script.name("chosen")
            block.line(f"{subject} = {self.of(value)}")
        word, values = "if", list[str]()
        for at, case in enumerate(cases):
            last = at == len(cases) - 1
            statements = named(case)
            if case.type == "switch_case":
                values.append(self.of(statements.pop(0)))
                if not statements and not last:
                    continue
                test = f"== {values[0]}" if len(values) == 1 else f"in ({', '.join(values)})"
                head = f"{word} {subject} {test}:"
            else:
                if not last or word == "if":
                    raise Untranslated(node, "a default that is not the last of several cases")
                head = "else:"
            if len(statements) == 1 and statements[0].type == "statement_block":
                statements = named(statements[0])
            if statements and statements[-1].type == "break_statement":
                statements.pop()
            elif not last and (not statements or statements[-1].type not in _ENDS):
                raise Untranslated(node, "a case that goes on in the next one")
            if any(js_tree.breaks(each) for each in statements):
                raise Untranslated(node, "a break within a case")
            with block.block(head):
                self.write(block, statements)
            word, values = "elif", []

    def write_throw_statement(self, block: Block, node: Node) -> None:
        inner = named(node)[0]
        if inner.type == "new_expression":
            given = named(inner.child_by_field_name("arguments"))
            block.line(f"raise RuntimeError({', '.join(map(self.of, given))})")
        else:
            block.line(f"raise RuntimeError({self.of(inner)})")

    def write_try_statement(self, block: Block, node: Node) -> None:
        handler = node.child_by_field_name("handler")
        last = node.child_by_field_name("finalizer")
        with block.block("try:"):
            self.body(block, node.child_by_field_name("body"))
        if handler is not None:
            name = handler.child_by_field_name("parameter")
            called = f" as {self.names.of(text(name))}" if name is not None else ""
            with block.block(f"except Exception{called}:"):
                self.body(block, handler.child_by_field_name("body"))
        if last is not None:
            with block.block("finally:"):
                self.body(block, last.child_by_field_name("body"))
