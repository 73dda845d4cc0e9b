"""What a file to convert is: told by its name, else by what stands in it."""

from __future__ import annotations

import ast
import gc
import re
from collections.abc import Collection
from importlib import import_module
from typing import cast

from fastbench.convert import python_layout
from fastbench.convert.script_text import Converted
from fastbench.foundation.usage_error import UsageError

KINDS = ("har", "openapi", "locust", "k6", "artillery")
_MAX_COMPILED = 300_000  # characters; a long function takes seconds to compile
_MODULES = {
    "har": "har.har_script",
    "openapi": "openapi.openapi_script",
    "locust": "locust.locust_script",
    "k6": "k6.js_script",
    "artillery": "artillery.artillery_script",
}


def kind_of(path: str, content: str) -> str:
    """Return the kind of a file; raises UsageError for one that is none of them."""
    name = path.lower()
    start = content.lstrip()[:4096]
    if name.endswith(".har") or (start.startswith("{") and re.match(r'\{\s*"log"\s*:', start)):
        return "har"
    if name.endswith(".py") or re.search(r"^\s*(from locust|import locust)\b", content, re.M):
        return "locust"
    if name.endswith((".js", ".ts", ".mjs")) or re.search(r"from\s+[\"']k6(/|[\"'])", content):
        return "k6"
    if re.search(r"""^\s*["']?(openapi|swagger)["']?\s*:""", content, re.M) or re.search(
        r'"(openapi|swagger)"\s*:', content[:100_000]
    ):
        return "openapi"
    if re.search(r"^[\"']?scenarios[\"']?\s*:", content, re.M):
        return "artillery"
    if name.endswith(".jmx") or "<jmeterTestPlan" in start:
        raise UsageError(
            "convert: plans of JMeter are not read; record the same pages with a browser and give "
            "the .har file, or begin with `fastbench new script NAME`."
        )
    raise UsageError(
        "convert: what the file is cannot be told; name it with --from har, openapi, locust, k6 or "
        "artillery."
    )


def convert(
    kind: str,
    content: str,
    shown: str,
    path: str,
    *,
    hosts: Collection[str] = (),
    all_hosts: bool = False,
    static: bool = False,
) -> Converted:
    """Return the script of a file; raises UsageError for what cannot be read."""
    module = import_module(f"fastbench.convert.{_MODULES[kind]}")
    collects = gc.isenabled()
    gc.disable()  # much is made here and nothing let go of: collections take half of the time
    try:
        if kind == "har":
            found = module.convert(content, shown, hosts=hosts, all_hosts=all_hosts, static=static)
        else:
            found = module.convert(content, shown, path)
        _check(found.text)
    except (MemoryError, RecursionError):  # what the parser says of too many levels
        raise UsageError(f"convert: {shown} is nested too deeply; make it flatter.") from None
    except (SyntaxError, ValueError) as error:
        raise UsageError(
            f"convert: no script of Python could be made of {shown} ({error}); leave out what is "
            "unusual in it."
        ) from None
    finally:
        if collects:
            gc.enable()
    return cast(Converted, found)


def _check(text: str) -> None:
    """Raise SyntaxError for a script that is none."""
    if len(text) > _MAX_COMPILED:
        ast.parse(text)
        return
    python_layout.check("", [text])
