"""Where the modules of a script of k6 come from: its own files, and those that k6 has built in.

Names that begin with `./`, `../`, `/` or `file://` are files, as are others within a folder
`node_modules`; nothing is fetched from the network.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection

from fastbench.foundation import redact
from fastbench.plan.plan import UsageError

_NEVER = {
    "k6/browser": "fastbench has no browser; measure pages by their requests.",
    "k6/experimental/browser": "fastbench has no browser; measure pages by their requests.",
    "k6/net/grpc": "fastbench speaks no gRPC.",
    "k6/experimental/grpc": "fastbench speaks no gRPC.",
}
_JSLIB = re.compile(r"https://jslib\.k6\.io/(k6-[a-z]+)/[^/]+/index\.js")
_ENDINGS = ("", ".js", ".mjs", ".cjs", ".json", "/index.js")
_ESM = re.compile(r"^\s*(import\b[\s\S]*?['\"]|import\s*['\"{*]|export\b)", re.MULTILINE)
_EXPORTED = re.compile(
    r"\bexports\.([A-Za-z_$][\w$]*)\s*=|\bexports\[['\"]([A-Za-z_$][\w$]*)['\"]\]\s*="
)
_EXPORTED_OBJECT = re.compile(r"module\.exports\s*=\s*\{([^}]*)\}")
_MEMBER = re.compile(r"(?:^|,)\s*(?:async\s+)?([A-Za-z_$][\w$]*)\s*(?=[,:(]|$)")


class K6Modules:
    """Find and read the modules of one script."""

    def __init__(self, main: str) -> None:
        self.main = main
        self._built_in: Collection[str] = ()
        self.main_source = ""

    def built_in(self, names: Collection[str]) -> None:
        """Set which names the realm has itself."""
        self._built_in = names

    def full_name(self, base: str, name: str) -> str:
        """Return the full name of what `base` imports as `name`; raises UsageError."""
        if name in self._built_in:
            return name
        library = _JSLIB.fullmatch(name)
        if library is not None and f"jslib/{library[1]}" in self._built_in:
            return f"jslib/{library[1]}"
        if name in _NEVER:
            raise UsageError(f"The script imports {name}: {_NEVER[name]}")
        if name == "k6" or name.startswith("k6/"):
            known = ", ".join(sorted(self._built_in))
            raise UsageError(
                f"The script imports {redact.printable(name)}, which fastbench does not have; "
                f"it has {known}."
            )
        if name.startswith(("https://", "http://")):
            return self._remote(name)
        path = name.removeprefix("file://")
        if path.startswith((".", "/")):
            found = _file(os.path.join(os.path.dirname(base), path))
        else:
            found = self._package(os.path.dirname(base), path)
        if found is None:
            raise UsageError(
                f"The script imports {redact.printable(name)}, which is not there: looked beside "
                f"{redact.printable(os.path.basename(base))}."
            )
        return found

    def source(self, name: str) -> str:
        """Return the source of a file as an ES module; raises UsageError."""
        if name == self.main and self.main_source:
            return as_module(self.main_source, name)
        try:
            with open(name, encoding="utf-8") as opened:
                text = opened.read()
        except UnicodeDecodeError:
            raise UsageError(
                f"{redact.printable(name)} is not UTF-8 text; save it as UTF-8."
            ) from None
        except OSError as error:
            raise UsageError(
                f"{redact.printable(name)} cannot be read: {error.strerror}."
            ) from None
        return as_module(text, name)

    def _remote(self, name: str) -> str:
        folder = os.path.join(os.path.dirname(self.main), "vendor")
        path = os.path.join(folder, re.sub(r"^https?://", "", name))
        found = _file(path)
        if found is None:
            shown = redact.printable(os.path.relpath(path, folder))
            raise UsageError(
                f"The script imports {redact.printable(redact.url(name))}; nothing is fetched. "
                f"Save it as vendor/{shown} beside the script."
            )
        return found

    def _package(self, folder: str, name: str) -> str | None:
        while True:
            package = os.path.join(folder, "node_modules", name)
            found = _file(package) or _entry(package)
            if found is not None or folder == os.path.dirname(folder):
                return found
            folder = os.path.dirname(folder)


def as_module(text: str, name: str) -> str:
    """Return an ES module: JSON and CommonJS get one around them, on the first line."""
    text = text.removeprefix("\ufeff")
    if text.startswith("#!"):
        text = "//" + text
    if name.endswith(".json"):
        return f"export default ({text.strip() or 'undefined'});"
    if _ESM.search(text) or not re.search(
        r"\b(module\.exports|exports\.|exports\[|require\s*\()", text
    ):
        return text
    names = {a or b for a, b in _EXPORTED.findall(text)}
    for members in _EXPORTED_OBJECT.findall(text):
        names |= set(_MEMBER.findall(members))
    names -= {"default", "__esModule"}
    tail = "".join(
        f"const __x_{n} = module.exports.{n}; export {{ __x_{n} as {n} }};" for n in sorted(names)
    )
    return (
        "const module = { exports: {} }; (function (module, exports) { " + text + "\n})"
        ".call(module.exports, module, module.exports);"
        " export default (module.exports.__esModule || 'default' in module.exports"
        f" ? module.exports.default : module.exports); {tail}"
    )


def _file(path: str) -> str | None:
    path = os.path.normpath(path)
    return next((path + end for end in _ENDINGS if os.path.isfile(path + end)), None)


def _entry(package: str) -> str | None:
    """Return the file that a package names as its entry."""
    try:
        with open(os.path.join(package, "package.json"), "rb") as opened:
            said = json.loads(opened.read())
    except (OSError, ValueError):
        return None
    entry = said.get("module") or said.get("main") if isinstance(said, dict) else None
    return _file(os.path.join(package, entry)) if isinstance(entry, str) else None
