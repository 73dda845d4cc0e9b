"""What a task of Locust does, as our calls: requests, checks, pauses, state of the user."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, cast

from fastbench.convert.script_text import ScriptText

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "request")
_KEPT = {"params", "data", "json", "headers", "cookies", "auth", "timeout", "name", "files"}
_DROPPED = {"stream", "catch_response", "hooks", "cert", "proxies"}
_RENAMED = {"status_code": "status", "content": "body"}

Marks = Callable[[str, ast.AST], None]


class CallTranslator(ast.NodeTransformer):
    """Translate the body of one method; `self_name` is its first parameter."""

    def __init__(
        self,
        script: ScriptText,
        self_name: str,
        names: dict[str, str],
        marks: Marks,
        tags: tuple[str, ...],
        keeps_headers: bool,
    ) -> None:
        self._script = script
        self._self = self_name
        self._names = names
        self._marks = marks
        self._tags = tags
        self._keeps_headers = keeps_headers
        self._renamed: list[ast.expr] = []
        self._lost = False  # what is translated has no counterpart

    def body(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Return the translated statements of a body."""
        found: list[ast.stmt] = []
        for each in statements:
            made = self.visit(each)
            found += made if isinstance(made, list) else [made] if made is not None else []
        return [ast.fix_missing_locations(each) for each in found]

    # Requests.

    def visit_Call(self, node: ast.Call) -> ast.AST:
        path = _dotted(node.func)
        own = path.removeprefix(f"{self._self}.") if path.startswith(f"{self._self}.") else ""
        own = own.removeprefix("user.").removeprefix("parent.").removeprefix("locust.")
        if own.startswith("client.") and own[7:] in _METHODS:
            return self._request(node, own[7:])
        if own and own in self._names:
            arguments = [_name("vu"), *(self.visit(each) for each in node.args)]
            keywords = [self.visit(each) for each in node.keywords]
            return ast.Await(ast.Call(_name(self._names[own]), arguments, keywords))
        if path in ("time.sleep", "gevent.sleep", "sleep") or own in ("_sleep", "wait"):
            self._script.use("sleep")
            if own == "wait":
                self._marks("self.wait()", node)
            return ast.Await(ast.Call(_name("sleep"), [self.visit(each) for each in node.args], []))
        if own in ("environment.runner.quit", "environment.runner.stop"):
            self._script.use("abort")
            return ast.Call(_name("abort"), [], [])
        if path.endswith((".failure", ".success")) and isinstance(node.func, ast.Attribute):
            return self._outcome(node, node.func)
        if path.endswith("elapsed.total_seconds"):
            value = cast(ast.Attribute, cast(ast.Attribute, node.func).value).value
            timing = ast.Attribute(ast.Attribute(self.visit(value), "timings"), "duration")
            return ast.BinOp(timing, ast.Div(), ast.Constant(1000))
        if path.endswith(".raise_for_status") or _is_unknown(own):
            self._marks(ast.unparse(node), node)
            self._lost = True
            return node
        return self.generic_visit(node)

    def _request(self, node: ast.Call, method: str) -> ast.AST:
        arguments = [self.visit(each) for each in node.args]
        most = 2 if method in ("post", "put", "patch", "request") else 1
        given = {each.arg: each.value for each in node.keywords if each.arg}
        keywords = []
        if len(arguments) > most and method == "post":
            keywords.append(ast.keyword("json", arguments[2]))
            arguments = arguments[:2]
            if isinstance(arguments[1], ast.Constant) and arguments[1].value is None:
                arguments = arguments[:1]
        for position, name in enumerate(("url",) if method != "request" else ("method", "url")):
            if name in given:
                arguments.insert(position, self.visit(given[name]))
        for name, value in given.items():
            if found := self._keyword(name, value, node):
                keywords.append(found)
        if self._renamed and "name" not in given:
            keywords.append(ast.keyword("name", self._renamed[-1]))
        if self._keeps_headers:
            kept = ast.parse('vu.state["headers"]', mode="eval").body
            named = next((each for each in keywords if each.arg == "headers"), None)
            if named is None:
                keywords.append(ast.keyword("headers", kept))
            else:
                own = named.value
                keys = own.keys if isinstance(own, ast.Dict) else [None]
                values = own.values if isinstance(own, ast.Dict) else [own]
                named.value = ast.Dict([None, *keys], [kept, *values])
        if self._tags:
            value = ast.Constant(",".join(self._tags))
            keywords.append(ast.keyword("tags", ast.Dict([ast.Constant("tag")], [value])))
        for each in node.keywords:
            if each.arg is None:
                keywords.append(ast.keyword(None, self.visit(each.value)))
        return ast.Await(ast.Call(ast.Attribute(_name("vu"), method), arguments, keywords))

    def _keyword(self, name: str, value: ast.expr, node: ast.Call) -> ast.keyword | None:
        if name in _KEPT:
            if name == "files" and "open(" in ast.unparse(value):
                self._marks(
                    "files= needs bytes or file(data, name): read the file at the top", node
                )
            return ast.keyword(name, self.visit(value))
        if name == "allow_redirects":
            if isinstance(value, ast.Constant) and value.value is False:
                return ast.keyword("redirects", ast.Constant(0))
        elif name == "context":
            return ast.keyword("tags", self.visit(value))
        elif name not in ("url", "method", "verify", *_DROPPED):
            self._marks(f"{name}= of a request", node)
        return None

    def _outcome(self, node: ast.Call, function: ast.Attribute) -> ast.AST:
        """Return a check for `response.failure("…")` and `response.success()`."""
        self._script.use("check")
        failed = function.attr == "failure"
        given = self.visit(node.args[0]) if node.args else ast.Constant("the response is right")
        if failed and isinstance(given, ast.Call | ast.Name | ast.Attribute | ast.BinOp):
            given = ast.Call(_name("str"), [given], [])
        label = given if failed else ast.Constant("the response is right")
        sets = ast.Dict([label], [ast.Constant(not failed)])
        return ast.Call(_name("check"), [self.visit(function.value), sets], [])

    def visit_With(self, node: ast.With) -> Any:
        (item, *others) = node.items
        call = item.context_expr
        path = _dotted(call.func) if isinstance(call, ast.Call) else ""
        if path.startswith(f"{self._self}.") and path.endswith(".client.rename_request"):
            self._renamed.append(self.visit(cast(ast.Call, call).args[0]))
            found = self.body(node.body)
            self._renamed.pop()
            return found
        if not others and ".client." in path and path.rpartition(".")[2] in _METHODS:
            caught = "success()" in ast.unparse(node)
            request = self.visit(call)
            if caught:
                anything = ast.parse("range(100, 600)", mode="eval").body
                request.value.keywords.append(ast.keyword("expected", anything))
            name = item.optional_vars or _name("response")
            first = ast.copy_location(ast.Assign([name], request), node)
            return [first, *self.body(node.body)]
        return self.generic_visit(node)

    # The user's state.

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        path = _dotted(node)
        own = path.removeprefix(f"{self._self}.") if path.startswith(f"{self._self}.") else ""
        own = own.removeprefix("user.").removeprefix("parent.").removeprefix("locust.")
        if own == "client.headers":
            return ast.parse('vu.state["headers"]', mode="eval").body
        if own in ("client.cookies",):
            return ast.Attribute(_name("vu"), "cookies")
        if own == "host":
            self._script.use("env")
            return ast.parse('env("BASE_URL", "")', mode="eval").body
        if own and "." not in own:
            return ast.Subscript(ast.Attribute(_name("vu"), "state"), ast.Constant(own), node.ctx)
        if _is_unknown(own):
            self._marks(ast.unparse(node), node)
            self._lost = True
        found = cast(ast.Attribute, self.generic_visit(node))
        if found.attr in _RENAMED and isinstance(node.value, ast.Name | ast.Await | ast.Call):
            found.attr = _RENAMED[found.attr]
        return found

    def visit_Assign(self, node: ast.Assign) -> Any:
        path = _dotted(node.targets[0])
        if path in (f"{self._self}.client.verify", f"{self._self}.client.trust_env"):
            return None
        return self.generic_visit(node)

    # Ends.

    def visit_Expr(self, node: ast.Expr) -> Any:
        if isinstance(node.value, ast.Call):
            path = _dotted(node.value.func)
            if path in (f"{self._self}.interrupt", f"{self._self}.schedule_task"):
                if path.endswith("schedule_task"):
                    self._marks(ast.unparse(node), node)
                return ast.copy_location(ast.Return(ast.Constant(True)), node)
        self._lost = False
        found = self.generic_visit(node)
        return ast.copy_location(ast.Pass(), node) if self._lost else found

    def visit_Raise(self, node: ast.Raise) -> Any:
        raised = ast.unparse(node.exc) if node.exc else ""
        kind = raised.partition("(")[0].rpartition(".")[2]
        if kind in ("StopUser", "RescheduleTask", "RescheduleTaskImmediately", "InterruptTaskSet"):
            if kind == "StopUser":
                self._marks("StopUser ends this iteration only", node)
            return ast.copy_location(ast.Return(ast.Constant(kind == "InterruptTaskSet")), node)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return _name("vu") if node.id == self._self else node


def _is_unknown(own: str) -> bool:
    """Tell whether a member of the user has no counterpart here."""
    kept = ("client.headers", "client.cookies")
    return own.startswith(("client.", "environment.")) and not own.startswith(kept)


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _dotted(node: ast.AST) -> str:
    """Return names with points, "" for what is more than that."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else f"?.{node.attr}"
    return ""
