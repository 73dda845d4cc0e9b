"""Statements of a syntax tree as lines of a block, with the comments that stood before them."""

from __future__ import annotations

import ast
import io
import tokenize

from fastbench.convert.expressions import flat
from fastbench.convert.script_text import Block

_LAYOUT = ast.Expr | ast.Assign | ast.AugAssign | ast.Return


def comments_of(source: str) -> dict[int, str]:
    """Return the comments that stand on lines of their own, by line."""
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip():
            found[token.start[0]] = token.string
    return found


class StatementWriter:
    """Write statements; each comment is written once, before the statement that it precedes."""

    def __init__(self, comments: dict[int, str]) -> None:
        self._comments = dict(comments)

    def write(self, block: Block, statements: list[ast.stmt]) -> None:
        """Write a body."""
        for each in statements:
            self._commented(block, each)
            self._statement(block, each)

    def skip(self, first: int, last: int) -> None:
        """Forget the comments between two lines."""
        for line in range(first, last + 1):
            self._comments.pop(line, None)

    def _commented(self, block: Block, statement: ast.stmt) -> None:
        line = getattr(statement, "lineno", 0)
        while line - 1 in self._comments and line > 1:
            line -= 1
        for each in range(line, getattr(statement, "lineno", 0)):
            block.raw(self._comments.pop(each))

    def _statement(self, block: Block, node: ast.stmt) -> None:
        if isinstance(node, ast.If):
            self._if(block, node, "if")
        elif isinstance(node, ast.For | ast.AsyncFor):
            word = "for" if isinstance(node, ast.For) else "async for"
            head = f"{word} {ast.unparse(node.target)} in {flat(node.iter)}:"
            self._blocks(block, head, node.body, node.orelse)
        elif isinstance(node, ast.While):
            self._blocks(block, f"while {flat(node.test)}:", node.body, node.orelse)
        elif isinstance(node, ast.With | ast.AsyncWith):
            word = "with" if isinstance(node, ast.With) else "async with"
            items = ", ".join(ast.unparse(each) for each in node.items)
            self._blocks(block, f"{word} {items}:", node.body, [])
        elif isinstance(node, ast.Try):
            self._try(block, node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                block.line(f"@{flat(decorator)}")
            word = "def" if isinstance(node, ast.FunctionDef) else "async def"
            self._blocks(block, f"{word} {node.name}({ast.unparse(node.args)}):", node.body, [])
        elif isinstance(node, _LAYOUT) and not _is_docstring(node):
            block.line(ast.unparse(node))
        elif isinstance(node, ast.Expr):
            block.docstring(ast.literal_eval(ast.unparse(node)))
        else:
            block.raw(ast.unparse(node))

    def _blocks(self, block: Block, head: str, body: list[ast.stmt], other: list[ast.stmt]) -> None:
        with block.block(head):
            self.write(block, body)
        if other:
            with block.block("else:"):
                self.write(block, other)

    def _if(self, block: Block, node: ast.If, word: str) -> None:
        with block.block(f"{word} {flat(node.test)}:"):
            self.write(block, node.body)
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            self._if(block, node.orelse[0], "elif")
        elif node.orelse:
            with block.block("else:"):
                self.write(block, node.orelse)

    def _try(self, block: Block, node: ast.Try) -> None:
        with block.block("try:"):
            self.write(block, node.body)
        for each in node.handlers:
            kind = f" {ast.unparse(each.type)}" if each.type else ""
            name = f" as {each.name}" if each.name else ""
            with block.block(f"except{kind}{name}:"):
                self.write(block, each.body)
        for head, body in (("else:", node.orelse), ("finally:", node.finalbody)):
            if body:
                with block.block(head):
                    self.write(block, body)


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
