"""A run of a script: load it, split its scenarios, fork, watch, stop, add up.

1. The first worker imports the script and says what it declares; the parent never runs a line of
   it. What can be refused is refused before the load begins.
2. The order is k6's: setup once, all scenarios, teardown once, also after an abort. Whoever was
   lost or stopped, there is a report.
3. A signal, a broken threshold or the script itself ends the load at once; a second signal ends
   everything, without a report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastbench.foundation import signals
from fastbench.script.exceptions import OptionsError, ScriptError
from fastbench.script.parent.worker_channel import Echo
from fastbench.script.parent.worker_group import WorkerGroup
from fastbench.script.run_request import RunRequest

if TYPE_CHECKING:
    from fastbench.results.result import Result
    from fastbench.run.sampling import Progress
    from fastbench.script.api.options import Declared
    from fastbench.script.parent.group import Group
    from fastbench.script.parent.run_state import RunObserver

__all__ = ["OptionsError", "ScriptError", "WorkerGroup", "declared", "run"]


def run(
    request: RunRequest,
    tell: Callable[[Progress], None],
    notice: Callable[[str], None] = lambda sentence: None,
    echo: Echo | None = None,
    observer: RunObserver | None = None,
    measured: Callable[[Result], None] = lambda result: None,
    group: Group | None = None,
) -> Result:
    """Carry out what the command line asks for; `tell` gets the progress 4 times a second.

    `notice` gets how the command line changed the script's scenarios, and of an import that takes
    long. `echo` takes the lines that the script prints; without it they go to stderr as they come.
    `observer` listens to all that is measured, second by second. `measured` gets the result before
    teardown begins, which may take long, or be killed. `group` is that of the same request where
    the first worker is there already, with its own `echo`. Raises OptionsError for options that
    cannot be, ScriptError for a script that does not load, UsageError when the machine cannot
    carry it, KeyboardInterrupt at a second signal.
    """
    workers: Group
    with group or WorkerGroup(request, echo) as workers:
        from fastbench.script.parent.script_runner import ScriptRun

        script_run = ScriptRun(request, workers, tell, notice, observer, measured)
        with signals.heard(script_run.interrupt):
            return script_run.carry_out()


def declared(
    request: RunRequest, notice: Callable[[str], None] = lambda sentence: None
) -> Declared:
    """Return what a script declares, without running any of its scenarios. Raises as `run`."""
    with WorkerGroup(request) as workers:
        from fastbench.script.parent.script_runner import ScriptRun

        script_run = ScriptRun(request, workers, lambda progress: None, notice)
        with signals.heard(script_run.interrupt):
            return script_run.declarations()
