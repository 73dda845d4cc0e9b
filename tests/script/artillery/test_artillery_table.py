"""docs/reference/artillery.md tells of every key of a file, and of every one that is refused."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from own_sources import ROOT

from fastbench.script import artillery
from fastbench.script.artillery import http_requests

TABLE = (ROOT / "docs" / "reference" / "artillery.md").read_text()
PROSE = re.sub(r"^```.*?^```$", "", TABLE, flags=re.DOTALL | re.MULTILINE)
TOLD = {word for code in re.findall(r"`([^`]+)`", PROSE) for word in re.findall(r"[\w-]+", code)}


def modules() -> Iterator[ModuleType]:
    """Give the modules of the part."""
    for each in pkgutil.iter_modules(artillery.__path__):
        yield importlib.import_module(f"{artillery.__name__}.{each.name}")


def keys(module: ModuleType) -> set[str]:
    """Return what a module passes to `refuse_unknown`: what it knows, and what it refuses."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("refuse_unknown"):
            for given in (node.args[1], *node.args[3:]):
                try:
                    value = eval(compile(ast.Expression(given), "keys", "eval"), vars(module))
                except NameError:  # a parameter of the function around it
                    continue
                found.update(value)
    return found


@pytest.mark.parametrize("module", list(modules()), ids=lambda each: Path(each.__file__).stem)
def test_every_key_stands_in_the_table(module: ModuleType) -> None:
    assert keys(module) - TOLD == set()


def test_the_keys_are_found() -> None:
    found = set[str]().union(*map(keys, modules()))
    assert {"url", "uri", "arrivalRate", "rejectUnauthorized", "onError", "loopValue"} <= found
    assert {*http_requests.METHODS, "think", "stripQueryString", "passphrase"} <= found
    assert len(found) > 120 and "cdnHit" in TOLD


@pytest.mark.parametrize(
    "flag", ["-e", "-t", "-o", "-q", "-k", "-v", "-p", "--count", "--overrides"]
)
def test_every_flag_stands_in_the_table(flag: str) -> None:
    assert f"`{flag}" in TABLE or f" `{flag}" in TABLE or f", {flag}`" in TABLE
