"""Every public name of a script: what `fastbench` gives, and what those objects have and return."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import fastbench
from fastbench.engine.client._client import Exchange, Timings
from fastbench.script.api.handshakes import Opening
from fastbench.script.api.socket_timers import Timer
from fastbench.script.expected import Expected
from fastbench.script.http.bodies import File
from fastbench.script.http.cookies import Cookie, Cookies
from fastbench.script.http.event_stream import Event
from fastbench.script.http.headers import Headers
from fastbench.script.http.streams import Items
from fastbench.script.protocols import phoenix, redis, rq, socketio, sql
from fastbench.script.protocols.phoenix import PhoenixSocket

PRIVATE = ":meta private:"  # as Sphinx's autodoc has it
# What a script gets of a call, and does not import.
HANDLES: dict[str, tuple[Any, ...]] = {
    "fastbench": (
        *(Cookie, Cookies, Event, Exchange, Expected, File, Headers, Items, Opening, Timer),
        Timings,
    ),
    "fastbench.sql": (sql.Database, sql.Explanation, sql.QueryError, sql.Transaction),
    "fastbench.redis": (redis.Store,),
    "fastbench.rq": (rq.Job, rq.JobQueue, rq.Outcome),
    "fastbench.phoenix": (phoenix.Channel, PhoenixSocket, phoenix.PhoenixMessage, phoenix.Reply),
    "fastbench.socketio": (*(socketio.Ack, socketio.Event, socketio.Namespace, socketio.SocketIO),),
}
# What scripts make themselves: their classes say what they take.
MADE = {"Options", "operation", "group", "Counter", "Gauge", "Rate", "Trend"}
# Attributes that other modules of ours use, and no script.
INTERNAL: dict[str, set[str]] = {
    "Vu": {"halted", "maker", "number", "session", "task"},
    "Response": {"keep"},
    "Exchange": {
        *("body_sent", "keep", "origin", "payload", "redirects", "socket", "upgrade"),
    },
    "Socket": {"cells", "failure", "watch"},
    "operation": {"watch"},
    "PhoenixSocket": {"handlers"},
    "SocketIO": {"handlers"},
    "Channel": {"inbox"},
}
_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises):\n((?:    .*\n|\n)+)", re.MULTILINE)
_EXAMPLE = re.compile(r"^(?:Example::|.*`::)\n\n((?:    .*\n|\n)+)", re.MULTILINE)
_NAMED = re.compile(r"^    ([\w.]+): \S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Public:
    """A public name: `kind` is module, class, function, property or attribute."""

    path: str
    kind: str
    found: Any
    doc: str
    owner: str = ""
    sections: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def private(self) -> bool:
        return PRIVATE in self.doc

    @property
    def documented(self) -> list[str]:
        """The names in Args."""
        return _NAMED.findall(self.sections.get("Args", ""))

    @property
    def examples(self) -> list[str]:
        """The code of its examples."""
        return [textwrap.dedent(code).strip() + "\n" for code in _EXAMPLE.findall(self.doc + "\n")]


def public_names() -> list[Public]:
    """List every public name once."""
    found: dict[str, Public] = {"fastbench": _public("fastbench", "module", fastbench)}
    for name in fastbench.__all__:
        if name != "__version__":
            for each in _walk(f"fastbench.{name}", getattr(fastbench, name)):
                found[each.path] = each
    for home, handles in HANDLES.items():
        for handle in handles:
            for each in _walk(f"{home}.{handle.__name__}", handle):
                found[each.path] = each
    return list(found.values())


def _walk(path: str, found: Any) -> Iterator[Public]:
    if isinstance(found, ModuleType):
        yield _public(path, "module", found)
        for name, each in vars(found).items():
            here = getattr(each, "__module__", "") == found.__name__
            if not name.startswith("_") and here and inspect.isroutine(each):
                yield _public(f"{path}.{name}", "function", each)
    elif inspect.isclass(found):
        yield _public(path, "class", found)
        yield from _members(path, found)
    else:
        yield _public(path, "function", found)


def _members(path: str, cls: type) -> Iterator[Public]:
    for name in sorted(dir(cls)):
        if name.startswith("_") or name in INTERNAL.get(cls.__name__, ()):
            continue
        home = next(each for each in cls.__mro__ if name in vars(each))
        if not home.__module__.startswith("fastbench"):
            continue
        member = inspect.getattr_static(cls, name)
        kind = "attribute"
        if isinstance(member, staticmethod | classmethod):
            member = member.__func__
        if isinstance(member, property) or (
            inspect.isgetsetdescriptor(member) and (member.__doc__ or home is fastbench.Response)
        ):
            kind = "property" if member.__doc__ or isinstance(member, property) else "attribute"
        elif callable(member):
            kind = "function"
        yield _public(f"{path}.{name}", kind, member, cls.__name__)
    for name in sorted(_assigned(cls) - set(dir(cls)) - INTERNAL.get(cls.__name__, set())):
        yield _public(f"{path}.{name}", "attribute", None, cls.__name__)


def _assigned(cls: type) -> set[str]:
    """Give the public attributes that a class of ours sets when it is made."""
    names: set[str] = set()
    for each in cls.__mro__:
        init = vars(each).get("__init__")
        if each.__module__.startswith("fastbench") and inspect.isfunction(init):
            try:
                source = textwrap.dedent(inspect.getsource(init))
            except OSError:  # of a dataclass
                continue
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                    names |= {node.attr} if ast.unparse(node.value) == "self" else set()
    return {name for name in names if not name.startswith("_")}


def _public(path: str, kind: str, found: Any, owner: str = "") -> Public:
    doc = inspect.cleandoc(found.__doc__ or "") if found is not None else ""
    sections = {name: text for name, text in _SECTION.findall(doc + "\n")}
    return Public(path, kind, found, doc, owner, sections)


def parameters(found: Callable[..., Any]) -> list[str]:
    """Give the parameters that a caller may name, or give by place."""
    given = inspect.signature(found).parameters.values()
    ours = [each for each in given if each.annotation != "Never"]  # what takes nothing
    return [each.name for each in ours if each.name not in ("self", "cls")]


def raised(found: Callable[..., Any]) -> set[str]:
    """Give the names of the exceptions that a function itself raises."""
    found = inspect.unwrap(found)
    if not inspect.isfunction(found):
        return set()
    tree = ast.parse(textwrap.dedent(inspect.getsource(found)))
    calls = (node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise))
    return {ast.unparse(each.func) for each in calls if isinstance(each, ast.Call)}
