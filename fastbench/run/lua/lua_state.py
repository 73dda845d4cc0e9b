"""One Lua state of a script: the script's table `wrk`, and calls of its functions.

1. LuaJIT, as wrk has; else Lua 5.1, the language of wrk's scripts. Later versions are another one.
2. Lua's strings are bytes here. Values that leave a state are text (see `dump` in prelude.lua).
3. What goes wrong in a script is a ScriptError: one sentence with file and line.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Protocol

from fastbench.foundation import redact
from fastbench.foundation.platforms import install_command
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.wrk_script import WrkScript

MODULES = ("lupa.luajit21", "lupa.luajit20", "lupa.lua51")

_LOOKED = re.compile(r"\s*no (field package\.preload|file )")
_PLACE = re.compile(r"(.*?):(\d+): (.*)", re.DOTALL)


class ScriptError(UsageError):
    """A script failed, or asked for what there is not."""


class Calls(Protocol):
    """What a script asks of us. An answer that is a sentence in bytes is an error."""

    def lookup(self, host: bytes, service: bytes) -> tuple[bytes | None, bytes | None]:
        """Return the addresses of a host, one a line, or why there are none."""

    def connect(self, address: bytes) -> bool:
        """Tell whether an address accepts connections."""

    def address(self, number: int) -> bytes:
        """Return the address that a thread loads."""

    def move(self, number: int, address: bytes) -> bytes | None:
        """Let a thread load another address."""

    def get(self, number: int, name: bytes) -> tuple[bytes | None, bytes | None]:
        """Return the text of a global of a thread, or why there is none."""

    def set(self, number: int, name: bytes, text: bytes) -> bytes | None:
        """Set a global of a thread."""

    def stop(self, number: int) -> bytes | None:
        """Let a thread stop."""

    def percentile(self, number: int, percent: float) -> float:
        """Return a percentile of the latencies (1), or of the rates of threads (2)."""


_CALLS = ("lookup", "connect", "address", "move", "get", "set", "stop", "percentile")


def library() -> Any:
    """Return the module of lupa that runs scripts; raises UsageError."""
    for name in MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    try:
        importlib.import_module("lupa")
    except ImportError:
        raise UsageError(f"This script needs the library lupa: {install_command('lua')}") from None
    raise UsageError(
        f"lupa has neither LuaJIT nor Lua 5.1 here; install a wheel of it: {install_command('lua')}"
    )


class LuaState:
    """A state with its script loaded. Raises ScriptError for what the script does wrong."""

    def __init__(self, script: WrkScript, calls: Calls) -> None:
        self._lupa = library()
        self._name = os.path.basename(script.path)
        options: dict[str, Any] = {"encoding": None, "unpack_returned_tuples": True}
        options |= {"register_eval": False, "register_builtins": False}
        runtime = self._lupa.LuaRuntime(**options)
        prelude = resources.files(__package__).joinpath("prelude.lua").read_bytes()
        make = runtime.eval(b"function(text, py) return loadstring(text, '=fastbench')(py) end")
        words: dict[bytes, Any] = {
            b"scheme": script.scheme.encode(),
            b"host": script.host.encode(),
            b"port": None if script.port is None else str(script.port).encode(),
            b"path": script.target,
            b"method": script.method.encode(),
            b"body": script.body,
            b"headers": dumped(dict(script.headers)),
            b"folder": os.fsencode(os.path.dirname(script.path) or "."),
            b"name": os.fsencode(self._name),
            b"to_stderr": script.prints_to_stderr,
        }
        words |= {name.encode(): getattr(calls, name) for name in _CALLS}
        given = {key: value for key, value in words.items() if value is not None}
        self._drive: Any = make(prelude, runtime.table_from(given))
        self.call("load", _text(script.source), b"@" + os.fsencode(self._name))

    def call(self, name: str, *arguments: object) -> Any:
        """Call a function of `drive` in prelude.lua."""
        try:
            return self._drive[name.encode()](*arguments)
        except self._lupa.LuaError as error:
            raise ScriptError(sentence(str(error), self._name)) from None

    def defines(self, name: str) -> bool:
        """Tell whether the script has a function of this name now."""
        return bool(self.call("defines", name.encode()))


def sentence(error: str, name: str) -> str:
    """Return an error of Lua's as one sentence with file and line."""
    lines = error.partition("\nstack traceback:")[0].splitlines()
    lines = [each for each in lines if not _LOOKED.match(each)]  # where `require` has looked
    what = " ".join(" ".join(lines).split())
    if not what:
        return f"{name} failed with an error that has no text."
    place = _PLACE.fullmatch(what)
    if place and place[1] == "fastbench":  # prelude.lua
        what = f"{name}: {place[3]}; was a name of wrk's or Lua's own overwritten?"
    elif place:
        what = f"{place[1]}, line {place[2]}: {place[3]}"
    what = what.removesuffix(":")
    end = "" if what.endswith((".", "!", "?")) else "."
    return redact.printable(what) + end


def dumped(value: object) -> bytes:
    """Return a value as the text that `restore` in prelude.lua reads."""
    if value is None:
        return b"-"
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int | float):
        return b"n%.17g;" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"s%d:%s" % (len(value), value)
    if isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        assert isinstance(value, Sequence)
        pairs = list(enumerate(value, 1))
    return b"{" + b"".join(dumped(key) + dumped(each) for key, each in pairs) + b"}"


def _text(source: bytes) -> bytes:
    """Leave out a byte order mark, and a first line that is for the shell, as Lua does."""
    source = source.removeprefix(b"\xef\xbb\xbf")
    return b"--" + source if source.startswith(b"#") else source
