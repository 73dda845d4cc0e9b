"""A locustfile as a script: users are scenarios, tasks functions, weights a table."""

from __future__ import annotations

import ast
import copy
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

from fastbench.convert import python_layout
from fastbench.convert.expressions import flat, quoted
from fastbench.convert.locust import locust_classes
from fastbench.convert.locust.locust_calls import CallTranslator
from fastbench.convert.locust.locust_classes import LocustClass, LocustTask, WrongWeight
from fastbench.convert.script_text import Block, Converted, ScriptText, identifier
from fastbench.convert.statement_writer import StatementWriter, comments_of
from fastbench.foundation.usage_error import UsageError

_HOOKS = ("on_start", "on_stop")
_GONE = ("locust", "gevent", "locust_plugins")


def convert(content: str, shown: str, path: str) -> Converted:
    """Return the script of a locustfile; raises UsageError."""
    try:
        python_layout.check("", [content])
        module = ast.parse(content)
        comments = comments_of(content)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where = f", line {line}" if line else ""
        raise UsageError(f"{shown}{where}: this is no Python: {error.args[0]}.") from None
    try:
        return _converted(module, comments, content, shown)
    except WrongWeight as error:
        raise UsageError(f"{shown}, line {error.line}: {error}") from None


def _converted(module: ast.Module, comments: dict[int, str], content: str, shown: str) -> Converted:
    classes = locust_classes.read(module)
    users = [each for each in classes.values() if each.is_user and not each.abstract]
    users = [each for each in users if each.tasks]
    if not users:
        raise UsageError(
            f"{shown} has no class of HttpUser or FastHttpUser with tasks; give a locustfile."
        )
    return _Writer(module, classes, users, content, shown, StatementWriter(comments)).written()


@dataclass(slots=True)
class _Writer:
    module: ast.Module
    classes: dict[str, LocustClass]
    users: list[LocustClass]
    content: str
    shown: str
    statements: StatementWriter
    script: ScriptText = field(init=False)
    names: dict[tuple[str, str], str] = field(default_factory=dict)  # of a class's methods
    free: dict[str, str] = field(default_factory=dict)  # tasks that are functions of the module
    written_sets: dict[str, str] = field(default_factory=dict)
    keeps_headers: bool = False

    def written(self) -> Converted:
        self.script = script = ScriptText(f"Locust's {self.shown} as a script.")
        script.use("Options", "env", "scenario")
        self.keeps_headers = "client.headers" in self.content
        self._options()
        self._module_level()
        for user in self.users:
            self._user(user)
        if len(self.users) > 1:
            self._choice()
        script.run_line = "fastbench run SCRIPT.py -u 10 -d 1m"
        script.notes.append("A VU keeps its cookies and its state, as a user of Locust does.")
        return script.converted()

    def _options(self) -> None:
        hosts = [each.settings["host"] for each in self.users if "host" in each.settings]
        default = flat(hosts[0]) if hosts else quoted("http://localhost:8080")
        insecure = "verify=False" in self.content or "verify = False" in self.content
        more = ", insecure_skip_tls_verify=True" if insecure else ""
        block = self.script.constants
        block.line(
            f'options = Options(base_url=env("BASE_URL", {default}), no_cookies_reset=True{more})'
        )
        if len({ast.unparse(each) for each in hosts}) > 1:
            self.script.left(block, "users have different hosts; the first is base_url")
        block.empty()

    def _module_level(self) -> None:
        """Write what stands outside of the classes."""
        tasks = {task.name for each in self.classes.values() for task in each.tasks}
        for node in self.module.body:
            if isinstance(node, ast.Import):
                self.script.modules |= {
                    f"{each.name} as {each.asname}" if each.asname else each.name
                    for each in node.names
                    if each.name.partition(".")[0] not in _GONE
                }
            elif isinstance(node, ast.ImportFrom):
                if (node.module or "").partition(".")[0] not in (*_GONE, "__future__"):
                    self.script.from_modules |= {
                        (node.module or ".", f"{n.name} as {n.asname}" if n.asname else n.name)
                        for n in node.names
                    }
            elif isinstance(node, ast.ClassDef):
                if node.name not in self.classes:
                    self._other_class(node)
            elif isinstance(node, ast.FunctionDef):
                self._module_function(node, node.name in tasks)
            elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                self._constant(node)

    def _constant(self, node: ast.stmt) -> None:
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            return
        for each in ast.walk(node):
            if isinstance(each, ast.Name):
                self.script.taken.add(each.id)
        self.statements.write(self.script.constants, [node])

    def _other_class(self, node: ast.ClassDef) -> None:
        bases = ", ".join(map(ast.unparse, node.bases))
        if "LoadTestShape" in bases:
            what = f"the load of {node.name}: write its stages as stages= of @scenario"
            self.script.left(self.script.constants, what, node.lineno)
            return
        self.script.taken.add(node.name)
        self.script.function().raw(ast.unparse(node))

    def _module_function(self, node: ast.FunctionDef, is_task: bool) -> None:
        listens = [
            ast.unparse(each) for each in node.decorator_list if "events" in ast.unparse(each)
        ]
        if listens or any(
            "init_command_line_parser" in ast.unparse(d) for d in node.decorator_list
        ):
            what = f"{node.name}, which listens to {listens[0].partition('(')[0]}"
            self.script.left(self.script.constants, what, node.lineno)
            return
        first = node.args.args[0].arg if node.args.args else ""
        uses_client = f"{first}.client" in ast.unparse(node) if first else False
        name = self.free[node.name] = node.name
        self.script.taken.add(node.name)
        block = self.script.function()
        if is_task or uses_client:
            self._function(block, node, name, dict(self.free), ())
        else:
            self.statements.write(block, [node])

    # Classes.

    def _user(self, user: LocustClass) -> None:
        """Write the tasks of a user and the scenario that runs them."""
        owner, tasks = self._own_tasks(user)
        hooks = self._methods(user)
        if owner is not user:
            hooks += self._methods(owner)
        tasks_of = [(self._task(owner, each), each.weight) for each in tasks]
        name = self.script.name(identifier(user.name), "user")
        self.names[user.name, ""] = name
        state = {**user.state, **owner.state}
        if owner.sequential or len(tasks_of) == 1:
            table = ""
        else:
            table = self.script.name(f"{name}_tasks").upper()
            self.script.use("weighted")
            pairs = ", ".join(f"{task}: {weight}" for task, weight in tasks_of)
            self.script.function().line(f"{table} = {{{pairs}}}")
        block = self.script.function()
        if len(self.users) == 1:
            block.line("@scenario")
        wait = owner.settings.get("wait_time") or user.settings.get("wait_time")
        with block.block(f"async def {name}(vu):"):
            self._doc(block, user.node)
            self._start(block, state, hooks)
            for before, after in self._wait(block, wait):
                before()
                if owner.sequential:
                    for task, _ in tasks_of:
                        block.line(f"await {task}(vu)")
                        after()
                elif table:
                    block.line(f"task = weighted({table})")
                    block.line("await task(vu)")
                    after()
                else:
                    block.line(f"await {tasks_of[0][0]}(vu)")
                    after()

    def _doc(self, block: Block, node: ast.ClassDef) -> None:
        if text := ast.get_docstring(node):
            block.docstring(" ".join(text.split())[:90])

    def _own_tasks(self, user: LocustClass) -> tuple[LocustClass, list[LocustTask]]:
        """Return the class whose tasks an iteration runs: of a lone task set, that set."""
        found = user
        while len(found.tasks) == 1 and found.tasks[0].of_set:
            found = self.classes[found.tasks[0].name]
        return found, found.tasks

    def _start(self, block: Block, state: dict[str, ast.expr], hooks: list[str]) -> None:
        if not state and not hooks and not self.keeps_headers:
            return
        with block.block('if "started" not in vu.state:'):
            values = ", ".join(f"{key}={ast.unparse(value)}" for key, value in state.items())
            headers = "headers={}" if self.keeps_headers else ""
            inner = ", ".join(each for each in ("started=True", headers, values) if each)
            block.line(f"vu.state.update({inner})")
            for hook in hooks:
                block.line(f"await {hook}(vu)")

    def _wait(self, block: Block, wait: ast.expr | None) -> Iterator[tuple]:  # type: ignore[type-arg]
        """Give what is written before the tasks, and what after each of them."""
        script = self.script

        def nothing() -> None:
            return

        name = ast.unparse(wait.func).rpartition(".")[2] if isinstance(wait, ast.Call) else ""
        given = [flat(each) for each in wait.args] if isinstance(wait, ast.Call) else []
        if name == "between" and len(given) == 2:
            script.use("think")
            yield nothing, lambda: block.line(f"await think({given[0]}, {given[1]})")
        elif name == "constant" and given:
            script.use("sleep")
            yield nothing, lambda: block.line(f"await sleep({given[0]})")
        elif name in ("constant_pacing", "constant_throughput") and given:
            script.use("sleep")
            script.modules.add("time")
            pace = given[0] if name == "constant_pacing" else f"1 / {given[0]}"
            yield (
                lambda: block.line("begun_s = time.monotonic()"),
                lambda: block.line(f"await sleep(begun_s + {pace} - time.monotonic())"),
            )
        elif isinstance(wait, ast.Lambda):
            script.use("sleep")
            yield nothing, lambda: block.line(f"await sleep({flat(wait.body)})")
        else:
            if wait is not None:
                script.left(block, f"wait_time = {ast.unparse(wait)}", wait.lineno)
            yield nothing, nothing

    def _methods(self, owner: LocustClass) -> list[str]:
        """Write the methods of a class; return the names of those that run at the start."""
        for method in owner.methods:
            if (owner.name, method) not in self.names:
                wanted = method if method not in _HOOKS else f"{method}_{identifier(owner.name)}"
                wanted = method if len(self.classes) == 1 else wanted
                self.names[owner.name, method] = self.script.name(wanted, "task")
        known = {method: self.names[owner.name, method] for method in owner.methods}
        tags = {task.name: task.tags for task in owner.tasks}
        for method, node in owner.methods.items():
            if method in ("__init__", "wait_time"):
                self.script.left(self.script.constants, f"{owner.name}.{method}", node.lineno)
                continue
            block = self.script.function()
            if method == "on_stop":
                what = "on_stop is never called: a VU has no end of its own (see @teardown)"
                self.script.left(block, what, node.lineno)
            self._function(block, node, known[method], known, tags.get(method, ()))
        return [known["on_start"]] if "on_start" in known else []

    def _task(self, owner: LocustClass, task: LocustTask) -> str:
        if task.of_set:
            return self._set(self.classes[task.name])
        return self.names.get((owner.name, task.name)) or self.free.get(task.name, task.name)

    def _set(self, owner: LocustClass) -> str:
        """Write a task set that is one task of several: it goes on until one interrupts it."""
        if owner.name in self.written_sets:
            return self.written_sets[owner.name]
        name = self.written_sets[owner.name] = self.script.name(identifier(owner.name), "tasks")
        hooks = self._methods(owner)
        tasks = [(self._task(owner, each), each.weight) for each in owner.tasks]
        block = self.script.function()
        with block.block(f"async def {name}(vu):"):
            self._doc(block, owner.node)
            for hook in hooks:
                block.line(f"await {hook}(vu)")
            for before, after in self._wait(block, owner.settings.get("wait_time")):
                block.comment("A task that returns true leaves the set.")
                with block.block("while True:"):
                    before()
                    if owner.sequential:
                        names = ", ".join(task for task, _ in tasks)
                        with block.block(f"for task in ({names},):"):
                            self._interruptible(block)
                            after()
                    else:
                        self.script.use("weighted")
                        pairs = ", ".join(f"{task}: {weight}" for task, weight in tasks)
                        block.line(f"task = weighted({{{pairs}}})")
                        self._interruptible(block)
                        after()
        return name

    @staticmethod
    def _interruptible(block: Block) -> None:
        with block.block("if await task(vu):"):
            block.line("return")

    def _function(
        self,
        block: Block,
        node: ast.FunctionDef,
        name: str,
        names: dict[str, str],
        tags: tuple[str, ...],
    ) -> None:
        """Write a method as a function of the user."""
        arguments = copy.deepcopy(node.args)
        first = arguments.args[0].arg if arguments.args else "self"
        arguments.args = [ast.arg("vu"), *arguments.args[1:]]

        def marks(text: str, at: ast.AST) -> None:
            self.script.left(block, text, getattr(at, "lineno", None))

        with block.block(f"async def {name}({ast.unparse(arguments)}):"):
            translator = CallTranslator(self.script, first, names, marks, tags, self.keeps_headers)
            kept = []
            for each in translator.body(copy.deepcopy(node.body)):
                try:
                    rows = textwrap.indent(ast.unparse(each), "    ")
                    python_layout.check("async def f():", [rows])
                    kept.append(each)
                except SyntaxError:  # a request in a function within it, for one
                    marks(ast.unparse(each).partition("\n")[0], each)
            self.statements.write(block, kept)

    def _choice(self) -> None:
        """Write the scenario in which each VU is a user of one class, by weight."""
        self.script.use("weighted")
        table = self.script.function()
        pairs = ", ".join(f"{self.names[each.name, '']}: {each.weight}" for each in self.users)
        table.line(f"USERS = {{{pairs}}}")
        block = self.script.function()
        block.line("@scenario")
        with block.block("async def users(vu):"):
            with block.block('if "user" not in vu.state:'):
                block.line('vu.state["user"] = weighted(USERS)')
            block.line('await vu.state["user"](vu)')
