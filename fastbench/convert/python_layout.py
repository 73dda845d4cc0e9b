"""Statements of Python in lines of at most 100 characters, broken where ruff format breaks them.

A call that is too long has its arguments on a line of their own, or each on one; a dict or a list
has each member on one, with a comma behind the last.
"""

from __future__ import annotations

import ast
import warnings

from fastbench.convert.expressions import arguments, flat, keyword

WIDTH = 100
_STEP = " " * 4


def check(head: str, lines: list[str]) -> None:
    """Raise SyntaxError for lines that cannot stand in a function of that head, "" for none."""
    body = "\n".join([head, *lines, f"{_STEP}pass"] if head else lines)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the file itself compares or escapes
        compile(body, "script", "exec", dont_inherit=True)


def statement(source: str, indent: int = 0) -> list[str]:
    """Return the lines of a simple statement or of the head of a block (which ends in a colon)."""
    margin = _STEP * indent
    if source.startswith("@"):
        decorator = ast.parse(source[1:], mode="eval").body
        return broken(margin + "@", decorator, "", indent)
    if source.endswith(":") and not source.startswith("lambda"):
        return _head(source, indent)
    (node,) = ast.parse(source).body
    if isinstance(node, ast.Expr):
        return broken(margin, node.value, "", indent)
    if isinstance(node, ast.Return) and node.value is not None:
        return broken(f"{margin}return ", node.value, "", indent, bare_tuple=True)
    if isinstance(node, ast.Raise) and node.exc is not None and node.cause is None:
        return broken(f"{margin}raise ", node.exc, "", indent)
    if isinstance(node, ast.Assign):
        targets = "".join(f"{_target(each)} = " for each in node.targets)
        return broken(margin + targets, node.value, "", indent, bare_tuple=True)
    if isinstance(node, ast.AugAssign):
        sign = ast.unparse(node).removeprefix(ast.unparse(node.target)).split("=")[0].strip()
        return broken(f"{margin}{flat(node.target)} {sign}= ", node.value, "", indent)
    return [margin + ast.unparse(node)]


def _target(node: ast.expr) -> str:
    return flat(node)[1:-1] if isinstance(node, ast.Tuple) and len(node.elts) > 1 else flat(node)


def _head(source: str, indent: int) -> list[str]:
    """Return the lines of `if …:`, `async with …:`, `async def …:` and their like."""
    margin = _STEP * indent
    if source in ("else:", "try:", "finally:") or source.startswith(("except", "async def", "def")):
        return [margin + source]
    if source.startswith("elif "):
        lines = _head(source[2:], indent)
        return [margin + "el" + lines[0][len(margin) :], *lines[1:]]
    inside = f"{source} pass"
    (whole,) = ast.parse(f"async def f():\n {inside}").body
    assert isinstance(whole, ast.AsyncFunctionDef)
    node = whole.body[0]
    if isinstance(node, ast.If | ast.While):
        word = "if" if isinstance(node, ast.If) else "while"
        return broken(f"{margin}{word} ", node.test, ":", indent)
    if isinstance(node, ast.For | ast.AsyncFor):
        word = "for" if isinstance(node, ast.For) else "async for"
        return broken(f"{margin}{word} {_target(node.target)} in ", node.iter, ":", indent)
    if isinstance(node, ast.With | ast.AsyncWith) and len(node.items) == 1:
        word = "with" if isinstance(node, ast.With) else "async with"
        (item,) = node.items
        name = f" as {flat(item.optional_vars)}:" if item.optional_vars else ":"
        return broken(f"{margin}{word} ", item.context_expr, name, indent)
    return [margin + source]


def broken(
    before: str, node: ast.expr, after: str, indent: int, *, bare_tuple: bool = False
) -> list[str]:
    """Return the lines of an expression with what stands before and after it on its lines."""
    one = flat(node)
    if bare_tuple and isinstance(node, ast.Tuple) and len(node.elts) > 1:
        one = one[1:-1]
    if len(before) + len(one) + len(after) <= WIDTH:
        return [before + one + after]
    if isinstance(node, ast.Await):
        return broken(f"{before}await ", node.value, after, indent)
    if isinstance(node, ast.Call) and (node.args or node.keywords):
        return _call(before, node, after, indent)
    if isinstance(node, ast.Dict) and node.keys:
        return _members(before + "{", node, "}" + after, indent)
    if isinstance(node, ast.List | ast.Set | ast.Tuple) and node.elts:
        brackets = {ast.List: "[]", ast.Set: "{}"}.get(type(node), "()")
        rows = [
            line
            for each in node.elts
            for line in broken(_STEP * (indent + 1), each, ",", indent + 1)
        ]
        return [before + brackets[0], *rows, _STEP * indent + brackets[1] + after]
    if isinstance(node, ast.BoolOp):
        return _operands(before, node, after, indent)
    if isinstance(node, ast.Lambda) and not isinstance(node.body, ast.Constant):
        head = flat(ast.Lambda(node.args, ast.Constant(0))).removesuffix("0")
        inner = broken(_STEP * (indent + 1), node.body, "", indent + 1)
        return [f"{before}{head}(", *inner, f"{_STEP * indent}){after}"]
    if isinstance(node, ast.DictComp | ast.ListComp | ast.GeneratorExp):
        return _comprehension(before, node, after, indent)
    return [before + one + after]


def _call(before: str, node: ast.Call, after: str, indent: int) -> list[str]:
    function, inside = flat(node.func, 9), arguments(node)
    start, end = f"{before}{function}(", f"{_STEP * indent}){after}"
    line = _STEP * (indent + 1) + ", ".join(inside)
    if len(line) <= WIDTH:
        return [start, line, end]
    rows: list[str] = []
    for each in node.args:
        rows += broken(_STEP * (indent + 1), each, ",", indent + 1)
    for named in node.keywords:
        if named.arg is None:
            rows.append(f"{_STEP * (indent + 1)}{keyword(named)},")
            continue
        rows += broken(f"{_STEP * (indent + 1)}{named.arg}=", named.value, ",", indent + 1)
    return [start, *rows, end]


def _members(before: str, node: ast.Dict, after: str, indent: int) -> list[str]:
    rows: list[str] = []
    margin = _STEP * (indent + 1)
    for key, value in zip(node.keys, node.values, strict=True):
        start = f"{margin}**" if key is None else f"{margin}{flat(key)}: "
        rows += broken(start, value, ",", indent + 1)
    return [before, *rows, _STEP * indent + after]


def _operands(before: str, node: ast.BoolOp, after: str, indent: int) -> list[str]:
    word = "or" if isinstance(node.op, ast.Or) else "and"
    margin = _STEP * (indent + 1)
    rows = [
        f"{margin}{f'{word} ' if at else ''}{flat(each, 3)}" for at, each in enumerate(node.values)
    ]
    return [f"{before}(", *rows, f"{_STEP * indent}){after}"]


def _comprehension(
    before: str,
    node: ast.DictComp | ast.ListComp | ast.GeneratorExp,
    after: str,
    indent: int,
) -> list[str]:
    whole = flat(node)
    margin = _STEP * (indent + 1)
    if isinstance(node, ast.DictComp):
        rows = broken(f"{margin}{flat(node.key)}: ", node.value, "", indent + 1)
    else:
        rows = broken(margin, node.elt, "", indent + 1)
    for each in node.generators:
        target = _target(each.target)
        rows.append(f"{margin}for {target} in {flat(each.iter, 1)}")
        rows += [f"{margin}if {flat(test, 1)}" for test in each.ifs]
    return [before + whole[0], *rows, _STEP * indent + whole[-1] + after]
