"""The users and task sets of a locustfile: their tasks with weights, waits, and other methods."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from fastbench.foundation import redact

USERS = {"HttpUser", "FastHttpUser", "HttpLocust", "FastHttpLocust", "User", "Locust"}
SETS = {"TaskSet", "SequentialTaskSet", "TaskSequence"}
_SETTINGS = {
    *("host", "wait_time", "weight", "fixed_count", "tasks", "abstract", "task_set"),
    *("min_wait", "max_wait", "network_timeout", "connection_timeout", "insecure"),
}


class WrongWeight(Exception):
    """Say in which line a weight is no number."""

    def __init__(self, node: ast.expr) -> None:
        shown = redact.printable(" ".join(ast.unparse(node).split()))[:60]
        super().__init__(f"a weight is a whole number from 0, as in @task(3), not {shown}.")
        self.line = node.lineno


@dataclass(slots=True)
class LocustTask:
    """One task: a method, a function or a task set by its name."""

    name: str
    weight: int = 1
    tags: tuple[str, ...] = ()
    of_set: bool = False


@dataclass(slots=True)
class LocustClass:
    """A class of users or of tasks, with what it has from the classes above it in the file."""

    node: ast.ClassDef
    name: str
    is_user: bool
    sequential: bool
    tasks: list[LocustTask] = field(default_factory=list)
    methods: dict[str, ast.FunctionDef] = field(default_factory=dict)
    settings: dict[str, ast.expr] = field(default_factory=dict)
    state: dict[str, ast.expr] = field(default_factory=dict)  # attributes of its own
    abstract: bool = False

    @property
    def weight(self) -> int:
        """How often it is, beside the others."""
        return _whole(self.settings.get("weight"))


def read(module: ast.Module) -> dict[str, LocustClass]:
    """Return the classes of a file by name, those within others too."""
    nodes = {n.name: n for n in ast.walk(module) if isinstance(n, ast.ClassDef)}
    found = {}
    for name, node in nodes.items():
        kinds = _kinds(node, nodes)
        if kinds & (USERS | SETS):
            sequential = bool(kinds & {"SequentialTaskSet", "TaskSequence"})
            found[name] = LocustClass(node, name, bool(kinds & USERS), sequential)
    for each in found.values():
        for node in reversed(_line(each.node, nodes)):
            _fill(each, node, found)
        own = _assigned(each.node).get("abstract")
        each.abstract = bool(_literal(own, False))
    return found


def _kinds(node: ast.ClassDef, nodes: dict[str, ast.ClassDef]) -> set[str]:
    """Return the names of all classes above one."""
    found: set[str] = set()
    for base in node.bases:
        name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
        if name not in found and name != node.name:
            found |= {name} | (_kinds(nodes[name], nodes) if name in nodes else set())
    return found


def _line(node: ast.ClassDef, nodes: dict[str, ast.ClassDef]) -> list[ast.ClassDef]:
    """Return a class and those of the file above it, the nearest first."""
    found = [node]
    for base in node.bases:
        name = getattr(base, "id", "")
        if name in nodes and name != node.name:
            found += [each for each in _line(nodes[name], nodes) if each not in found]
    return found


def _assigned(node: ast.ClassDef) -> dict[str, ast.expr]:
    found = {}
    for each in node.body:
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
            found[each.targets[0].id] = each.value
        elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.value:
            found[each.target.id] = each.value
    return found


def _fill(found: LocustClass, node: ast.ClassDef, classes: dict[str, LocustClass]) -> None:
    for name, value in _assigned(node).items():
        (found.settings if name in _SETTINGS else found.state)[name] = value
    for each in node.body:
        if isinstance(each, ast.ClassDef) and each.name in classes:
            if (weight := _weight(each.decorator_list)) is not None:
                found.tasks.append(LocustTask(each.name, weight, _tags(each), of_set=True))
        elif isinstance(each, ast.FunctionDef):
            found.methods[each.name] = each
            if any(task.name == each.name for task in found.tasks):
                continue
            if (weight := _weight(each.decorator_list)) is not None:
                found.tasks.append(LocustTask(each.name, weight, _tags(each)))
    listed = _assigned(node).get("tasks") or _assigned(node).get("task_set")
    if isinstance(listed, ast.Dict):
        for key, value in zip(listed.keys, listed.values, strict=True):
            if isinstance(key, ast.Name):
                weight = _whole(value)
                found.tasks.append(LocustTask(key.id, weight, of_set=key.id in classes))
    elif isinstance(listed, ast.List | ast.Tuple | ast.Name):
        for item in [listed] if isinstance(listed, ast.Name) else listed.elts:
            if not isinstance(item, ast.Name):
                continue
            known = next((each for each in found.tasks if each.name == item.id), None)
            if known is not None and not found.sequential:
                known.weight += 1
            else:
                found.tasks.append(LocustTask(item.id, 1, of_set=item.id in classes))


def _weight(decorators: list[ast.expr]) -> int | None:
    """Return the weight of a task, None for what is none."""
    for each in decorators:
        function = each.func if isinstance(each, ast.Call) else each
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name in ("task", "seq_task"):
            given = each.args[0] if isinstance(each, ast.Call) and each.args else None
            return 1 if name == "seq_task" else _whole(given)
    return None


def _tags(node: ast.FunctionDef | ast.ClassDef) -> tuple[str, ...]:
    for each in node.decorator_list:
        if isinstance(each, ast.Call) and getattr(each.func, "id", "") == "tag":
            return tuple(str(_literal(tag, "")) for tag in each.args)
    return ()


def _literal(node: ast.expr | None, default: Any) -> Any:
    try:
        return default if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return default


def _whole(node: ast.expr | None) -> int:
    """Return a weight: 1 where there is none, or a name; raises WrongWeight."""
    found = _literal(node, 1)
    if type(found) is not int or found < 0:
        assert node is not None  # 1 is a number
        raise WrongWeight(node)
    return found
