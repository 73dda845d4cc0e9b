"""JavaScript and TypeScript as a syntax tree, by tree-sitter; and small questions to its nodes."""

from __future__ import annotations

import ast
import re
from typing import Any

from fastbench.foundation.usage_error import UsageError
from fastbench.script import extras

Node = Any  # of tree-sitter, which is an extra


class Untranslated(Exception):
    """Say what has no counterpart, and in which line it stands."""

    def __init__(self, node: Node, why: str = "") -> None:
        super().__init__(why)
        self.line = node.start_point[0] + 1
        self.text = " ".join(text(node).split())[:120]
        self.why = why


def parse(content: str, shown: str, path: str) -> Node:
    """Return the root of the tree; raises UsageError with the line that is no JavaScript."""
    what = "Converting a script of k6"  # running it needs no library
    library = extras.load("tree_sitter", extra="convert", what=what)
    if path.endswith(".ts"):
        grammar = extras.load("tree_sitter_typescript", extra="convert", what=what)
        language = grammar.language_typescript()
    else:
        grammar = extras.load("tree_sitter_javascript", extra="convert", what=what)
        language = grammar.language()
    root = library.Parser(library.Language(language)).parse(content.encode()).root_node
    if root.has_error:
        line = _first_error(root).start_point[0] + 1
        raise UsageError(f"{shown}, line {line}: this is no JavaScript; correct it.")
    return root


def _first_error(node: Node) -> Node:
    for child in node.children:
        if child.is_error or child.is_missing:
            return child
        if child.has_error:
            return _first_error(child)
    return node


def text(node: Node) -> str:
    """Return the source of a node."""
    return str(node.text.decode())


def named(node: Node) -> list[Node]:
    """Return the members of a node without comments."""
    return [each for each in node.named_children if each.type != "comment"]


def string(node: Node) -> str:
    """Return the value of a string."""
    if node.type == "template_string" and not any(
        each.type == "template_substitution" for each in node.named_children
    ):
        return text(node)[1:-1].replace("\\`", "`")
    body = text(node)[1:-1]
    if "\\" not in body:
        return body
    body = re.sub(r"\\u\{([0-9a-fA-F]+)\}", lambda m: f"\\U{int(m[1], 16):08x}", body)
    body = body.replace("\\/", "/").replace("\\`", "`").replace('\\"', '"').replace('"', '\\"')
    try:
        return str(ast.literal_eval(f'"{body}"'))
    except (SyntaxError, ValueError):
        return body


def is_string(node: Node) -> bool:
    """Tell whether a node is a text without anything to fill in."""
    return node.type == "string" or (
        node.type == "template_string"
        and not any(each.type == "template_substitution" for each in node.named_children)
    )


def pairs(node: Node) -> list[tuple[str, Node]]:
    """Return the members of an object with plain keys; raises Untranslated for others."""
    found = []
    for each in named(node):
        if each.type == "pair":
            found.append((key(each.child_by_field_name("key")), each.child_by_field_name("value")))
        elif each.type == "shorthand_property_identifier":
            found.append((text(each), each))
        else:
            raise Untranslated(each)
    return found


def key(node: Node) -> str:
    """Return a key of an object."""
    if node.type == "computed_property_name":
        raise Untranslated(node)
    return string(node) if node.type in ("string", "template_string") else text(node)


def function_parts(node: Node) -> tuple[list[str], Node]:
    """Return the names of a function's parameters, and its body."""
    single = node.child_by_field_name("parameter")
    if single is not None:
        return [text(single)], node.child_by_field_name("body")
    names = []
    for each in named(node.child_by_field_name("parameters")):
        inner = each.child_by_field_name("pattern") or each
        if inner.type not in ("identifier", "assignment_pattern"):
            raise Untranslated(each)
        names.append(text(inner.child_by_field_name("left") or inner))
    return names, node.child_by_field_name("body")


def breaks(node: Node) -> bool:
    """Tell whether a statement has a `break` that leaves what stands around it."""
    if node.type == "break_statement":
        return True
    if node.type.endswith(("for_statement", "in_statement", "while_statement", "do_statement")):
        return False
    return node.type != "switch_statement" and any(map(breaks, node.named_children))


def string_of_escape(sequence: str) -> str:
    """Return the character that an escape in a template stands for."""
    return {"\\n": "\n", "\\t": "\t", "\\r": "\r"}.get(sequence, sequence[1:])
