"""Expressions of Python on one line, as people write them: double quotes, no needless brackets.

`ast.unparse` knows the grammar, but writes strings in single quotes; what is not written here
comes from it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

TEST, OR, AND, NOT, COMPARE, SUM, TERM, SIGN, AWAIT, ATOM = range(10)  # how tightly each binds

_OPERATORS: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", SUM),
    ast.Sub: ("-", SUM),
    ast.Mult: ("*", TERM),
    ast.Div: ("/", TERM),
    ast.FloorDiv: ("//", TERM),
    ast.Mod: ("%", TERM),
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


def text(value: object) -> str:
    """Write a value of Python: text, numbers, lists and dicts of them."""
    return flat(ast.parse(repr(value), mode="eval").body)


def quoted(value: str) -> str:
    """Write a text in double quotes, in single ones where that saves backslashes."""
    body = repr(value)
    inner = body[1:-1]
    if body[0] == '"':
        return body
    if '"' in inner:
        return body
    return '"' + inner.replace("\\'", "'") + '"'


def flat(node: ast.expr, least: int = TEST) -> str:
    """Write an expression on one line, in brackets if it binds less tightly than `least`."""
    writer = _WRITERS.get(type(node))
    if writer is None:
        return ast.unparse(node)
    written, binds = writer(node)
    return f"({written})" if binds < least else written


def member(key: ast.expr | None, value: ast.expr) -> str:
    """Write one member of a dict."""
    return f"{flat(key)}: {flat(value)}" if key is not None else f"**{flat(value, SUM)}"


def keyword(each: ast.keyword) -> str:
    """Write an argument by name."""
    return f"{each.arg}={flat(each.value)}" if each.arg else f"**{flat(each.value)}"


def _constant(node: ast.Constant) -> tuple[str, int]:
    if isinstance(node.value, str):
        return quoted(node.value), ATOM
    if isinstance(node.value, bytes):
        return "b" + quoted(repr(node.value)[2:-1]) if _plain(node.value) else repr(
            node.value
        ), ATOM
    if isinstance(node.value, int) or node.value is None:
        return repr(node.value), ATOM
    return ast.unparse(node), ATOM


def _name(node: ast.Name) -> tuple[str, int]:
    return node.id, ATOM


def _plain(value: bytes) -> bool:
    return re.fullmatch(rb"[\x20-\x7e]*", value) is not None and not set(value) & set(b"\\'\"")


def _joined(node: ast.JoinedStr) -> tuple[str, int]:
    parts = []
    for each in node.values:
        if isinstance(each, ast.Constant):
            body = quoted(str(each.value) + "'")[1:-2]  # in double quotes, if there are none in it
            if '"' in str(each.value):
                return ast.unparse(node), ATOM
            parts.append(body.replace("{", "{{").replace("}", "}}"))
        elif isinstance(each, ast.FormattedValue):
            inner = flat(each.value)
            if "'" in inner or "\\" in inner or each.conversion != -1 or each.format_spec:
                return ast.unparse(node), ATOM
            inner = inner.replace('"', "'")
            parts.append(f"{{ {inner}}}" if inner.startswith("{") else f"{{{inner}}}")
    return f'f"{"".join(parts)}"', ATOM


def _call(node: ast.Call) -> tuple[str, int]:
    return f"{flat(node.func, ATOM)}({', '.join(arguments(node))})", ATOM


def arguments(node: ast.Call) -> list[str]:
    """Write the arguments of a call."""
    if not node.keywords and len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
        return [flat(node.args[0])[1:-1]]
    return [*map(flat, node.args), *map(keyword, node.keywords)]


def _dict(node: ast.Dict) -> tuple[str, int]:
    pairs = zip(node.keys, node.values, strict=True)
    return "{" + ", ".join(member(*each) for each in pairs) + "}", ATOM


def _list(node: ast.List) -> tuple[str, int]:
    return f"[{', '.join(map(flat, node.elts))}]", ATOM


def _set(node: ast.Set) -> tuple[str, int]:
    return "{" + ", ".join(map(flat, node.elts)) + "}", ATOM


def _tuple(node: ast.Tuple) -> tuple[str, int]:
    inner = ", ".join(map(flat, node.elts))
    return f"({inner},)" if len(node.elts) == 1 else f"({inner})", ATOM


def _attribute(node: ast.Attribute) -> tuple[str, int]:
    value = flat(node.value, ATOM)
    if isinstance(node.value, ast.Constant) and isinstance(node.value.value, int):
        value = f"({value})"
    return f"{value}.{node.attr}", ATOM


def _subscript(node: ast.Subscript) -> tuple[str, int]:
    inner = flat(node.slice)
    if isinstance(node.slice, ast.Tuple) and node.slice.elts:
        inner = inner[1:-1]
    return f"{flat(node.value, ATOM)}[{inner}]", ATOM


def _binary(node: ast.BinOp) -> tuple[str, int]:
    if type(node.op) not in _OPERATORS:
        return ast.unparse(node), SUM
    sign, binds = _OPERATORS[type(node.op)]
    return f"{flat(node.left, binds)} {sign} {flat(node.right, binds + 1)}", binds


def _boolean(node: ast.BoolOp) -> tuple[str, int]:
    word, binds = ("or", OR) if isinstance(node.op, ast.Or) else ("and", AND)
    return f" {word} ".join(flat(each, binds + 1) for each in node.values), binds


def _unary(node: ast.UnaryOp) -> tuple[str, int]:
    if isinstance(node.op, ast.Not):
        return f"not {flat(node.operand, NOT)}", NOT
    sign = "-" if isinstance(node.op, ast.USub) else "~" if isinstance(node.op, ast.Invert) else "+"
    return f"{sign}{flat(node.operand, SIGN)}", SIGN


def _compare(node: ast.Compare) -> tuple[str, int]:
    parts = [flat(node.left, SUM)]
    for sign, each in zip(node.ops, node.comparators, strict=True):
        parts.append(f"{_COMPARISONS[type(sign)]} {flat(each, SUM)}")
    return " ".join(parts), COMPARE


def _choice(node: ast.IfExp) -> tuple[str, int]:
    parts = flat(node.body, OR), flat(node.test, OR), flat(node.orelse)
    return "{} if {} else {}".format(*parts), TEST


def _lambda(node: ast.Lambda) -> tuple[str, int]:
    names = ast.unparse(node.args)
    return f"lambda {names}: {flat(node.body)}" if names else f"lambda: {flat(node.body)}", TEST


def _await(node: ast.Await) -> tuple[str, int]:
    return f"await {flat(node.value, ATOM)}", AWAIT


def _starred(node: ast.Starred) -> tuple[str, int]:
    return f"*{flat(node.value, SUM)}", ATOM


def _clauses(generators: list[ast.comprehension]) -> str:
    found = ""
    for each in generators:
        target = flat(each.target)
        if isinstance(each.target, ast.Tuple):
            target = target[1:-1]
        found += f" for {target} in {flat(each.iter, OR)}"
        found += "".join(f" if {flat(test, OR)}" for test in each.ifs)
    return found


def _list_of(node: ast.ListComp) -> tuple[str, int]:
    return f"[{flat(node.elt)}{_clauses(node.generators)}]", ATOM


def _generator(node: ast.GeneratorExp) -> tuple[str, int]:
    return f"({flat(node.elt)}{_clauses(node.generators)})", ATOM


def _dict_of(node: ast.DictComp) -> tuple[str, int]:
    inner = f"{flat(node.key)}: {flat(node.value)}{_clauses(node.generators)}"
    return "{" + inner + "}", ATOM


_WRITERS: dict[type[ast.expr], Callable[..., tuple[str, int]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.JoinedStr: _joined,
    ast.Call: _call,
    ast.Dict: _dict,
    ast.List: _list,
    ast.Set: _set,
    ast.Tuple: _tuple,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.IfExp: _choice,
    ast.Lambda: _lambda,
    ast.Await: _await,
    ast.Starred: _starred,
    ast.ListComp: _list_of,
    ast.GeneratorExp: _generator,
    ast.DictComp: _dict_of,
}
