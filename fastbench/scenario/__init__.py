"""Scenarios in Python: what a script imports, and the worker that runs it.

`fastbench.scenario` is also the name of the decorator. Once a part of this package is loaded the
attribute is the package, so the package can be called, and calls the decorator.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Package(ModuleType):
    def __call__(self, *args: Any, **keywords: Any) -> Any:
        from fastbench.scenario.declare import scenario

        return scenario(*args, **keywords)


sys.modules[__name__].__class__ = _Package
