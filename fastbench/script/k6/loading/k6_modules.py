"""Where the modules of a script of k6 come from: its own files, and those that k6 has built in.

Names that begin with `./`, `../`, `/` or `file://` are files, as are others within a folder
`node_modules`; nothing is fetched from the network.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
from collections.abc import Collection

from fastbench.engine.javascript._quickjs import JsError
from fastbench.foundation import redact
from fastbench.foundation.nearest import nearest
from fastbench.foundation.platforms import install_command
from fastbench.foundation.usage_error import UsageError
from fastbench.script.k6.loading import k6_commonjs as commonjs
from fastbench.script.k6.loading import k6_typescript

_NEVER = {
    "k6/browser": "fastbench has no browser; measure pages by their requests.",
    "k6/experimental/browser": "fastbench has no browser; measure pages by their requests.",
    "k6/net/grpc": "fastbench speaks no gRPC.",
    "k6/experimental/grpc": "fastbench speaks no gRPC.",
    # k6 has taken these away, too.
    "k6/experimental/timers": "setTimeout() and the others are global; leave the import out.",
    "k6/experimental/tracing": "it became the module http-instrumentation-tempo of jslib.",
}
_JSLIB = re.compile(r"https://jslib\.k6\.io/([a-z0-9-]+)/[^/]+/index\.js")
_NEEDS = {"jslib/url": ("ada_url", "url")}  # the package, and the extra that has it
_ENDINGS = ("", ".js", ".mjs", ".cjs", ".ts", ".mts", ".json", "/index.js", "/index.ts")
_STACK_LINE = re.compile(r"(/[^()\n]*?):(\d+):(\d+)(?=\)?$)", re.MULTILINE)


class K6Modules:
    """Find and read the modules of one script."""

    def __init__(self, main: str, source: str) -> None:
        self.main = main
        self.main_source = source
        self.typescript: k6_typescript.TypeScript  # of the realm that these are modules of
        self._built_in: Collection[str] = ()
        # By full name: JavaScript, how much of its first line is ours, its columns in TypeScript.
        self._texts: dict[str, str] = {}
        self._ahead: dict[str, int] = {}
        self._columns: dict[str, k6_typescript.Columns] = {}
        self._wanted: dict[str, set[str]] = {}  # names that others import of it

    def built_in(self, names: Collection[str]) -> None:
        """Set which names the realm has itself."""
        self._built_in = names

    def texts(self) -> list[str]:
        """Return what was loaded of the script."""
        return [self.main_source, *self._texts.values()]

    def full_name(self, base: str, name: str) -> str:
        """Return the full name of what `base` imports as `name`; raises UsageError."""
        if name in self._built_in or name == commonjs.MODULE:
            return name
        library = _JSLIB.fullmatch(name)
        if library is not None and f"jslib/{library[1]}" in self._built_in:
            return self._library(f"jslib/{library[1]}", name)
        if name in _NEVER:
            raise UsageError(f"The script imports {name}: {_NEVER[name]}")
        if name == "k6" or name.startswith("k6/"):
            near = nearest(name, self._built_in, 0.7)
            known = f"it has {', '.join(sorted(self._built_in))}."
            raise UsageError(
                f"The script imports {redact.printable(name)}, which fastbench does not have; "
                + (f"did you mean {near[0]}?" if near else known)
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
        """Return the source of a file as an ES module; raises UsageError and JsError.

        What is put around it stands on its first line, and is counted in `_ahead`.
        """
        text = self.text(name)
        if name == self.main:
            self._scan(name)
        if name.endswith(".json"):
            return f"export default ({text.strip() or 'undefined'});"
        ahead = self._asked_for(name, text)
        if commonjs.is_commonjs(text):
            return ahead + commonjs.module(name, text, self._wanted.get(name, set()))
        if commonjs.requires(text):
            ahead += commonjs.head(name)
        self._ahead[name] = len(ahead)
        return ahead + text

    def text(self, name: str) -> str:
        """Return a file's JavaScript, without types; raises UsageError and JsError."""
        if (found := self._texts.get(name)) is None:
            found = self._read(name).removeprefix("\ufeff")
            if found.startswith("#!"):
                found = "//" + found
            if name.endswith(k6_typescript.REFUSED):
                raise UsageError(
                    f"{redact.printable(name)} has JSX, which makes pages; scripts of load tests "
                    "are .js and .ts."
                )
            if name.endswith(k6_typescript.ENDINGS):
                found, self._columns[name] = self.typescript.javascript(found, name)
            self._texts[name] = found
        return found

    def mention(self, *words: str) -> bool:
        """Tell whether a file that was read has one of these words."""
        return any(word in text for text in self._texts.values() for word in words)

    def resolved(self, base: str, name: str) -> list[str]:
        """Return what require() of a file leads to: its kind, full name, and text of JSON."""
        full = self.full_name(base, name)
        if full in self._built_in:
            return ["built-in", full, ""]
        if full.endswith(".json"):
            return ["json", full, self.text(full)]
        return ["commonjs" if commonjs.is_commonjs(self.text(full)) else "module", full, ""]

    def function(self, name: str) -> str:
        """Return the source of a function that a file of CommonJS is the body of."""
        self._ahead[name] = len(commonjs.FUNCTION)
        return f"{commonjs.FUNCTION}{self.text(name)}\n}})"

    def mapped(self, stack: str) -> str:
        """Return a stack with the lines and columns of the files as they were written."""

        def back(match: re.Match[str]) -> str:
            name, line, column = match[1], int(match[2]), int(match[3])
            if line == 1:
                column = max(1, column - self._ahead.get(name, 0))
            if (columns := self._columns.get(name)) is not None:
                line, column = columns.before(line, column)
            return f"{name}:{line}:{column}"

        return _STACK_LINE.sub(back, stack)

    def loaded(self) -> None:
        """All imports are there: forget what only loading needs."""
        self.typescript.forget()

    def _scan(self, name: str) -> None:
        """Note which names modules import of others, so that those of CommonJS export them."""
        waiting, seen = [name], set[str]()
        while waiting:
            base = waiting.pop()
            if base in seen or base in self._built_in or base.endswith(".json"):
                continue
            seen.add(base)
            with contextlib.suppress(UsageError, JsError):  # it is told when its turn comes
                text = self.text(base)
                for asked, names in (*commonjs.imports(text), *commonjs.required(text)):
                    found = self.full_name(base, asked)
                    self._wanted.setdefault(found, set()).update(names)
                    waiting.append(found)

    def _asked_for(self, name: str, text: str) -> str:
        """Import the ES modules that a file, or one of CommonJS that it asks for, requires."""
        waiting, seen, found = [(name, text)], {name}, list[str]()
        while waiting:
            base, content = waiting.pop()
            for asked, _ in commonjs.required(content):
                with contextlib.suppress(UsageError, JsError):
                    kind, full, _ = self.resolved(base, asked)
                    if full in seen:
                        continue
                    seen.add(full)
                    if kind == "module":
                        found.append(full)
                    elif kind == "commonjs":
                        waiting.append((full, self.text(full)))
        return commonjs.ahead(found)

    def _read(self, name: str) -> str:
        if name == self.main and self.main_source:
            return self.main_source
        try:
            with open(name, encoding="utf-8") as opened:
                return opened.read()
        except UnicodeDecodeError:
            raise UsageError(
                f"{redact.printable(name)} is not UTF-8 text; save it as UTF-8."
            ) from None
        except OSError as error:
            raise UsageError(
                f"{redact.printable(name)} cannot be read: {error.strerror}."
            ) from None

    def _library(self, ours: str, name: str) -> str:
        """Return our own module, or a file that stands in for one whose package is missing."""
        package, extra = _NEEDS.get(ours, ("", ""))
        if not package or importlib.util.find_spec(package) is not None:
            return ours
        try:
            return self._remote(name)
        except UsageError:
            raise UsageError(
                f"The script imports {redact.printable(name)}, which needs the package "
                f"{package.replace('_', '-')}; run `{install_command(extra)}`."
            ) from None

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
