"""Modules of CommonJS, as ES modules that export what a file of CommonJS does, and require()."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator

MODULE = "fastbench/commonjs"  # what our own lines import; see commonjs.js
EXPORTS = "__commonjs"  # the name under which a file's `module.exports` is exported
FUNCTION = "(function (module, exports, require) {"

_ESM = re.compile(
    r"^\s*(import\b[\s\S]*?['\"]|import\s*['\"{*]|export\b)|[;}]export\s*(?:[{*]|default\b)",
    re.MULTILINE,
)
_COMMONJS = re.compile(
    r"\b(module\.exports|exports\.|exports\[|require\s*\()|(?<![.\w$])exports\s*[;,)]"
)
_REQUIRE = re.compile(r"(?<![.\w$])require\s*\(\s*(['\"])([^'\"\n]+)\1\s*\)")
_REQUIRES = re.compile(r"(?<![.\w$])require\s*\(")
_OWN_REQUIRE = re.compile(r"\b(?:const|let|var|function)\s+require\b")
_COMMENT = re.compile(r"^\s*(?://|/?\*).*$", re.MULTILINE)
_EXPORTED = re.compile(
    r"\bexports\.([A-Za-z_$][\w$]*)\s*=|\bexports\[['\"]([A-Za-z_$][\w$]*)['\"]\]\s*="
)
_DEFINED = re.compile(r"defineProperty\(\s*exports\s*,\s*['\"]([A-Za-z_$][\w$]*)['\"]")
_EXPORTED_OBJECT = re.compile(r"module\.exports\s*=\s*\{([^}]*)\}")
_MEMBER = re.compile(r"(?:^|,)\s*(?:async\s+)?([A-Za-z_$][\w$]*)\s*(?=[,:(]|$)")
_FROM = re.compile(
    r"\b(?:import|export)\s*(?:[\w$]+\s*,\s*)?(?:\{([^}]*)\}|[^'\"{};()]*?)\s*from\s*['\"]([^'\"\n]+)"
)
_ONLY = re.compile(r"\bimport\s*['\"]([^'\"\n]+)")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")


def is_commonjs(text: str) -> bool:
    """Tell whether a text without import and export is of CommonJS: it exports or requires."""
    return _ESM.search(text) is None and _COMMONJS.search(text) is not None


def requires(text: str) -> bool:
    """Tell whether a text calls require(), and not one of its own."""
    return _REQUIRES.search(text) is not None and _OWN_REQUIRE.search(text) is None


def required(text: str) -> list[tuple[str, set[str]]]:
    """List the literal names that a text requires, as `imports` does."""
    if not requires(text):
        return []
    return [(name, set()) for _, name in _REQUIRE.findall(_COMMENT.sub("", text))]


def imports(text: str) -> Iterator[tuple[str, set[str]]]:
    """List what an ES module imports: the name of a module, and the names of what it exports."""
    for names, module in _FROM.findall(text):
        parts = (part.split(" as ")[0].strip() for part in names.split(","))
        yield module, {part for part in parts if _NAME.fullmatch(part)}
    for module in _ONLY.findall(text):
        yield module, set()


def head(name: str) -> str:
    """Return what gives an ES module its `require`, without an end of line."""
    return (
        f"import {{ requirer as __requirer }} from '{MODULE}';"
        f"const require = __requirer({json.dumps(name)});"
    )


def ahead(names: Collection[str]) -> str:
    """Return imports of ES modules that are required, without an end of line."""
    if not names:
        return ""
    lines = ""
    for i, name in enumerate(map(json.dumps, names)):
        lines += f"import * as __required_{i} from {name};__keep({name}, __required_{i});"
    return f"import {{ keep as __keep }} from '{MODULE}';{lines}"


def module(name: str, text: str, wanted: Collection[str]) -> str:
    """Return an ES module that runs a file of CommonJS for its user and exports what it exports.

    The names are those that the text assigns, and those that are `wanted` by others.
    """
    names = {a or b for a, b in _EXPORTED.findall(text)} | set(_DEFINED.findall(text))
    for members in _EXPORTED_OBJECT.findall(text):
        names |= set(_MEMBER.findall(members))
    names = (names | set(wanted)) - {"default", "__esModule", EXPORTS}
    tail = "".join(f"const __x_{n} = __o.{n}; export {{ __x_{n} as {n} }};" for n in sorted(names))
    return (
        f"import {{ load as __load }} from '{MODULE}';"
        f"const {EXPORTS} = __load({json.dumps(name)}), __o = Object({EXPORTS});"
        f"export {{ {EXPORTS} }};"
        f"export default (__o.default === undefined ? {EXPORTS} : __o.default);{tail}"
    )
