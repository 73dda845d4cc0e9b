"""What help() and editors say of each public name: its arguments, results, errors, an example."""

from __future__ import annotations

import ast
import asyncio
import inspect
import pydoc
import re
from itertools import pairwise
from pathlib import Path

import pytest
from public_names import HANDLES, INTERNAL, MADE, parameters, public_names, raised

import fastbench
from fastbench import Vu
from fastbench.engine.client import _client

NAMES = {each.path: each for each in public_names()}
FUNCTIONS = [path for path, each in NAMES.items() if each.kind == "function" and not each.private]
# Of what asyncio asks of a future a script needs `cancel` alone.
OF_A_FUTURE = {f"fastbench.Exchange.{name}" for name in (*dir(asyncio.Future), "send", "throw")}
OF_A_FUTURE -= {"fastbench.Exchange.cancel"}
TIMES = re.compile(r"timeout|seconds|duration|^every$|interval|heartbeat|_s$|_ns$|_ms$")
UNITS = re.compile(r'\b(s|ms|ns|seconds|h)\b|"5s"|\d ?(s|ms)\b')
KNOWN = {
    *("Any", "Awaitable", "Callable", "Generator", "Iterable", "Iterator", "Mapping", "None"),
    *("Sequence", "AsyncIterator", "AsyncIterable", "NoReturn", "Self", "Message", "Row"),
    *("Function", "T", "K", "V", "_AsyncGeneratorContextManager"),
}


def test_there_are_as_many_as_there_should_be() -> None:
    assert len(NAMES) > 250 and len(FUNCTIONS) > 90
    for path in ("Vu.get", "Vu.cookies", "Response.json", "Socket.request", "sql.Database.query"):
        assert f"fastbench.{path}" in NAMES


@pytest.mark.parametrize("path", NAMES)
def test_every_name_says_what_it_is(path: str) -> None:
    name = NAMES[path]
    if name.kind != "attribute":
        assert name.doc, f"{path} has no docstring"
        first = name.doc.partition("\n\n")[0]
        assert first.rstrip().endswith((".", ":", "::")), f"{path}: {first}"
        return
    owner = NAMES[path.rpartition(".")[0]]
    said = re.findall(r"^    (\w+): \S", owner.sections.get("Attributes", ""), re.MULTILINE)
    assert name.name in said, f"{path} is not in Attributes: of {name.owner}"


@pytest.mark.parametrize("path", FUNCTIONS)
def test_every_argument_and_result_is_told(path: str) -> None:
    name = NAMES[path]
    if path in OF_A_FUTURE:
        return
    given = parameters(name.found)
    assert sorted(name.documented) == sorted(given), f"Args of {path} are not its parameters"
    returns = inspect.signature(name.found).return_annotation
    nothing = returns in (None, "None", "NoReturn", inspect.Signature.empty)
    assert nothing or "Returns" in name.sections, f"{path} does not say what it returns"
    assert raised(name.found) <= set(re.findall(r"[\w.]+", name.sections.get("Raises", ""))), path


@pytest.mark.parametrize("name", sorted(MADE))
def test_what_a_script_makes_says_what_it_takes(name: str) -> None:
    public = NAMES[f"fastbench.{name}"]
    assert public.documented == parameters(public.found)


@pytest.mark.parametrize("path", [path for path in NAMES if NAMES[path].documented])
def test_every_time_has_its_unit(path: str) -> None:
    name = NAMES[path]
    if "A time is seconds" in name.doc:
        return
    for parameter in name.documented:
        if TIMES.search(parameter):
            told = re.search(rf"^    {parameter}: (.+(?:\n     .*)*)", name.sections["Args"], re.M)
            assert told is not None and UNITS.search(told[1]), f"{path}: the unit of {parameter}"


@pytest.mark.parametrize("path", [p for p in NAMES if NAMES[p].kind in ("function", "class")])
def test_every_function_and_class_has_an_example(path: str) -> None:
    if not NAMES[path].private and path not in OF_A_FUTURE:
        assert NAMES[path].examples, f"{path} has no Example::"


def test_whatever_is_returned_is_public_itself() -> None:
    classes = {handle.__name__ for handles in HANDLES.values() for handle in handles}
    classes |= {*fastbench.__all__, *KNOWN}
    for path in FUNCTIONS:
        returns = str(inspect.signature(NAMES[path].found).return_annotation)
        words = {word for word in re.findall(r"\b[A-Z]\w+", returns.replace("typing.", ""))}
        assert words <= classes, f"{path} returns {words - classes}, which has no documentation"


def test_no_table_names_what_is_not_there() -> None:
    classes = {each.name: each.found for each in NAMES.values() if each.kind == "class"}
    assert INTERNAL.keys() <= classes.keys()


def test_help_of_the_package_is_one_screen_with_every_name() -> None:
    lines = (fastbench.__doc__ or "").splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 100
    for name in fastbench.__all__:
        if name != "__version__":
            assert re.search(rf"\b{name}\b", fastbench.__doc__ or ""), name


def test_help_shows_the_arguments_of_a_request() -> None:
    shown = pydoc.plain(pydoc.render_doc(Vu.get))
    assert "**" not in shown and "*args" not in shown
    assert "timeout: 'float | str | None' = None" in shown
    assert "timeout: Time limit of the whole request, in seconds" in shown


def test_names_are_listed_for_completion() -> None:
    assert {name for name in dir(fastbench) if not name.startswith("__")} == {
        name for name in fastbench.__all__ if not name.startswith("__")
    }
    assert all(hasattr(fastbench, name) for name in fastbench.__all__)
    with pytest.raises(AttributeError, match="chek"):
        fastbench.chek  # type: ignore[attr-defined]  # noqa: B018


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(fastbench.__file__).read_text())
    (checked,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    imported = {alias.asname for node in checked.body for alias in node.names}  # type: ignore[attr-defined]
    assert imported == set(fastbench.__all__) - {"__version__"}


def _in_stub(cls: str) -> ast.ClassDef:
    path = Path(_client.__file__).with_name("_client.pyi")
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name == cls:
            return node
    raise AssertionError(f"{cls} is not in the stub")


def _stub_docs(cls: str) -> dict[str, str]:
    node = _in_stub(cls)
    found = {cls: ast.get_docstring(node) or ""}
    methods = (each for each in node.body if isinstance(each, ast.FunctionDef))
    return found | {each.name: ast.get_docstring(each) or "" for each in methods}


def _stub_attributes(cls: str) -> dict[str, str]:
    """Give the texts below attributes: what an editor shows of one."""
    body = _in_stub(cls).body
    return {
        ast.unparse(before.target): str(text.value.value)
        for before, text in pairwise(body)
        if isinstance(before, ast.AnnAssign) and isinstance(text, ast.Expr)
        if isinstance(text.value, ast.Constant)
    }


@pytest.mark.parametrize("cls", ["Response", "Timings", "Exchange"])
def test_editors_and_help_say_the_same(cls: str) -> None:
    # Editors read the stub of the extension, help() reads the extension.
    compiled = getattr(_client, cls)
    docs = _stub_docs(cls)
    assert docs.pop(cls) == inspect.cleandoc(compiled.__doc__)
    told = {name: text for name, text in docs.items() if name[0] != "_" and name != "sent_head"}
    there = {name: inspect.getdoc(getattr(compiled, name)) or "" for name in told}
    assert told == there
    # An attribute has no docstring when it is compiled: the class tells of it.
    listed = NAMES[f"fastbench.{cls}"].sections["Attributes"]
    said = dict(re.findall(r"^    (\w+): (.+)$", re.sub(r"\n {8}", " ", listed), re.MULTILINE))
    assert _stub_attributes(cls) == said
