"""Scripts in Python: imported, with functions that decorators declare."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable
from typing import Any

import fastbench
from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import Thrown
from fastbench.script import exceptions, remarks
from fastbench.script.api import data, declare
from fastbench.script.api.declare import Runnable
from fastbench.script.api.vu import Iteration, Vu
from fastbench.script.exceptions import Broken, Spot
from fastbench.script.load import loader, source
from fastbench.script.load.script_host import MonitorCall, ScriptHost, Take, Warn
from fastbench.script.load.source import Source
from fastbench.script.run_request import RunRequest

_FRAME = re.compile(rb'^  File "(.*)", line (\d+) in ', re.MULTILINE)


class PythonHost(ScriptHost):
    """A module; there is one at a time in a process."""

    def __init__(self, request: RunRequest) -> None:
        super().__init__(request)
        path = os.path.abspath(request.script)
        self._folder = path if os.path.isdir(path) else os.path.dirname(path)

    def source(self) -> Source:
        """Read the script and the siblings it imports."""
        return source.read(loader.find(self.request.script).file, fastbench.__all__)

    def load(self, take: Take) -> None:
        """Import the script, and collect what it declares."""
        declare.begin(self.request.env)
        data.begin(take)
        remarks.begin()
        module, place = loader.load(self.request.script)
        self._folder = place.folder
        try:
            self.declared = declare.collect(module)
        except UsageError as error:
            raise self.broken("options", error) from None

    def hear(self, warn: Warn) -> None:
        """Give `warn` what was said, and what will be."""
        remarks.hear(warn)

    async def setup(self, vu: Vu) -> Any:
        """Call the function under @setup."""
        return await _called(declare.setup_function())(vu)

    def iteration(self, scenario: str, data: Any) -> Iteration:
        """Return the scenario's function, as it is called."""
        return _called(declare.runnable(scenario), data)

    def monitors(self, data: Any) -> list[MonitorCall]:
        """Return the functions under @monitor, as they are called."""
        return [
            MonitorCall(each.name, each.every_s, _called(each.runnable, data))
            for each in declare.monitors()
        ]

    async def teardown(self, vu: Vu, data: Any) -> None:
        """Call the function under @teardown."""
        await _called(declare.teardown_function(), data)(vu)

    def spot(self, stage: str) -> Spot:
        """Return the line of the function under @setup or @teardown."""
        found = declare.setup_function() if stage == "setup" else declare.teardown_function()
        code = getattr(found and found.function, "__code__", None)
        if code is None:
            return Spot("(no line)", 0)
        return Spot(exceptions.relative(code.co_filename, self._folder), code.co_firstlineno)

    def broken(self, stage: str, error: BaseException) -> Broken:
        """Describe an exception that the script did not catch."""
        return loader.broken(stage, error, self._folder)

    def sort(self, error: BaseException) -> Hashable:
        """Return its type, and the line of the script that it is the business of."""
        trace = exceptions.user_trace(error.__traceback__, self._folder)
        return type(error), trace and trace.tb_frame.f_code, trace and trace.tb_lineno

    def thrown(self, error: BaseException) -> Thrown:
        """Describe an exception with its traceback, as they may be shown."""
        kind, place = exceptions.type_name(error), exceptions.spot(error, self._folder).place
        trace = exceptions.traceback_of(error, self._folder)
        return Thrown(kind, place, exceptions.text_of(error), "", 1, trace)

    def line_of(self, stack: bytes) -> tuple[str, str] | None:
        """Return the innermost step within the script's folder, else the innermost one."""
        frames = _FRAME.findall(stack)
        if not frames:
            return None
        folder = os.fsencode(self._folder) + b"/"
        file, line = next((each for each in frames if each[0].startswith(folder)), frames[0])
        name = file.removeprefix(folder).decode("utf-8", "replace")
        return printable(name), line.decode()


def _called(runnable: Runnable | None, data: Any = None) -> Iteration:
    """Return a function of the script as one of the VU alone."""
    assert runnable is not None  # it was declared
    function = runnable.function
    if runnable.parameters == 1:
        return function
    return (lambda vu: function(vu, data)) if runnable.parameters else lambda vu: function()
