"""What a script needs of its own, by its language: Python, k6's JavaScript, Artillery's YAML.

JavaScript: what is imported or required by a name that stands in the text, found as
`script/k6/loading` finds it, and files whose names do, as `open()` finds them: from the script's
folder. Comments are read, too, and name a file too many at worst. The list is certain unless a name
is computed. Artillery: the processor and the files that keys
name; its folder always comes along.
"""

from __future__ import annotations

import contextlib
import os
import re

from fastbench.cluster import python_needs
from fastbench.cluster.python_needs import Needs
from fastbench.foundation.files import JAVASCRIPT
from fastbench.foundation.usage_error import UsageError

_NAME = r"(['\"`])((?:(?!\1)[^\n\\$]){1,255})\1"  # a literal, not a template with values
_LITERAL = re.compile(_NAME)
# Calls of k6's open(), and not the name of an event in quotes, nor a key or a handler's name.
_OPENS = re.compile(r"(?<!['\"`\w$])open\b(?!['\"`]|\s*:)")
_OPENED = re.compile(rf"(?<!['\"`\w$])open\s*\(\s*{_NAME}\s*[,)]")
_LOADS = re.compile(r"(?<![.\w$])(?:require|import)\s*\(")
_LOADED = re.compile(rf"(?<![.\w$])(?:require|import)\s*\(\s*{_NAME}\s*\)")
_IMPORTED = re.compile(r"\bimport\s*(?:[\w$]+\s*,\s*)?\{[^}]*\}")
_VARIABLE = re.compile(
    r"(?:__ENV|process\.env|\$processEnvironment|\$env)"
    r"(?:\.([A-Za-z_]\w*)|\s*\[\s*['\"]([A-Za-z_]\w*)['\"])"
)
_KEY = re.compile(
    r"^[\s-]*(?:path|processor|fromFile|ca|cert|key)\s*:\s*['\"]?([^'\"#\n]+?)['\"]?\s*(?:#.*)?$",
    re.MULTILINE,
)
_PACKAGE = re.compile(r"(.*/node_modules/(?:@[^/]+/)?[^/]+)/")


def find(script: str) -> Needs:
    """Return what the script of that absolute path needs; what cannot be read is not followed."""
    if script.endswith(JAVASCRIPT):
        return _javascript(script, script, Needs({script}))
    if script.endswith((".yml", ".yaml")):
        return _artillery(script)
    return python_needs.find(script)


def _javascript(main: str, first: str, found: Needs) -> Needs:
    from fastbench.script.k6.loading import k6_commonjs
    from fastbench.script.k6.loading.k6_modules import K6Modules

    modules = K6Modules(main, "")
    folder = os.path.dirname(main)
    waiting, seen = [first], set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen or not os.path.isfile(path):
            continue
        seen.add(path)
        found.files.add(path)
        text = _text(path)
        if package := _PACKAGE.match(path):
            found.add((package[1],), "package.json")
        if path.endswith(".json"):
            continue
        found.variables.update(a or b for a, b in _VARIABLE.findall(text))
        for name in {name for _, name in _LITERAL.findall(text)}:
            found.add((folder,), name.removeprefix("file://"))
        text_only = _IMPORTED.sub("", text)
        found.certain = (
            found.certain
            and len(_OPENS.findall(text_only)) == len(_OPENED.findall(text_only))
            and len(_LOADS.findall(text)) == len(_LOADED.findall(text))
        )
        names = [name for name, _ in (*k6_commonjs.imports(text), *k6_commonjs.required(text))]
        for name in (*names, *(name for _, name in _LOADED.findall(text))):
            with contextlib.suppress(UsageError):  # built in, or whoever loads it says so
                waiting.append(modules.full_name(path, name))
    return found


def _artillery(script: str) -> Needs:
    found = Needs({script}, certain=False)
    text, folder = _text(script), os.path.dirname(script)
    found.variables.update(a or b for a, b in _VARIABLE.findall(text))
    for name in _KEY.findall(text):
        path = os.path.normpath(os.path.join(folder, name))
        if found.add((folder,), name) and path.endswith(JAVASCRIPT):
            _javascript(path, path, found)
    return found


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as opened:
            return opened.read()
    except OSError:
        return ""
