"""What the modules of a script say beside their functions: Options, and formulas of metrics."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType

from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN
from fastbench.script.api import goals, metrics
from fastbench.script.api.options import LOAD, Load, Options
from fastbench.script.spec import Spec


def options_of(module: ModuleType) -> Options | None:
    """Return the script's Options: its `options`, or the only ones under another name."""
    found = getattr(module, "options", None)
    if isinstance(found, Options):
        return found
    if isinstance(found, Mapping):
        return Options(**found)
    others = [each for each in vars(module).values() if isinstance(each, Options)]
    if len(others) > 1:
        raise UsageError("The script creates several Options; name the one to use `options`.")
    return others[0] if others else None


def loads_of(
    script: ModuleType, own: Options | None, scenarios: Mapping[str, tuple[Spec, str]]
) -> tuple[dict[str, Load], tuple[str, ...]]:
    """Return the loads of scenarios that other modules declare, and what of Options is not used.

    `scenarios` are all of them by name, with the name of the module of their function.

    A scenario that is imported keeps the load in the Options beside it, unless the script gives one
    to all; every other option is the script's.
    """
    loads: dict[str, Load] = {}
    lost = []
    said: set[str] = set()
    for name, (found, module) in scenarios.items():
        home = sys.modules.get(module)
        if home is None or home is script:
            continue
        made = [each for each in vars(home).values() if isinstance(each, Options)]
        if len(made) != 1 or (beside := made[0]) is own:
            continue
        if beside.settings.load and found.executor is None:
            if own is not None and own.settings.load:
                lost.append(
                    f"Scenario {name}: the load in the script's Options replaces the load of "
                    f"{home.__name__}."
                )
            loads[name] = beside.settings.load
        unused = [part for part in beside.given if part not in LOAD]
        if unused and home.__name__ not in said:
            said.add(home.__name__)
            lost.append(
                f"Options of {home.__name__}: {', '.join(unused)} are not used; the script's own "
                "Options count, so write them there (or import its `options`)."
            )
    return loads, tuple(lost)


def derived() -> dict[str, str]:
    """Return the formulas of names; no name is that of a metric."""
    found = goals.formulas()
    if not found:
        return found
    from fastbench.results.thresholds import derived_metrics, formulas

    if words := [name for name in found if formulas.reserved(name)]:
        raise UsageError(f"derived(): {words[0]} is a word of thresholds; choose another one.")
    derived_metrics.resolved(found)
    if both := found.keys() & (BUILT_IN.keys() | metrics.declared().keys()):
        raise UsageError(f"derived(): {both.pop()} is the name of a metric; choose another one.")
    return found
