"""What a run knows of a script, whatever its language: how it is loaded, and what is called.

1. The parent makes a host and forks; each worker loads the script in its own. Executors, VUs,
   thresholds and the parent see a script only through this.
2. An error of a script comes as an exception. Its host says where in the script it is from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastbench.plan.plan import Tls
from fastbench.results.metric_values import BUILT_IN, Thrown
from fastbench.results.thresholds import grammar, judging
from fastbench.script.api.options import Declared
from fastbench.script.api.vu import Iteration, Vu
from fastbench.script.exceptions import Broken, Spot
from fastbench.script.load import cli_overrides
from fastbench.script.load.cli_overrides import Applied
from fastbench.script.load.source import Source
from fastbench.script.recording_context import Tags
from fastbench.script.run_request import RunRequest
from fastbench.script.running_load import RunningLoad

if TYPE_CHECKING:
    from fastbench.engine.client._client import Pool

Take = Callable[[int, int], int]
Warn = Callable[[str, str, str], None]  # code, text, hint


@dataclass(frozen=True, slots=True)
class MonitorCall:
    """Something to be called every `every_s` while the load runs, and what it is called."""

    name: str
    every_s: float
    call: Iteration


class ScriptHost(ABC):
    """One script; what it declares is known once it is loaded in this process."""

    declared: Declared
    language = "Python"  # what holds a worker up where it does not answer
    stuck_hint = (
        "use await for waiting (fastbench.sleep, not time.sleep); avoid long computations in "
        "scripts"
    )
    slow_hint = "move slow work to @setup"

    def __init__(self, request: RunRequest) -> None:
        self.request = request

    def applied(self) -> Applied:
        """Return what the run is to do; raises UsageError."""
        return cli_overrides.applied(self.declared, self.request)

    def submetrics(self, applied: Applied) -> list[tuple[str, Tags]]:
        """Return the metrics with tags that thresholds name."""
        known = {**BUILT_IN, **self.declared.metrics}
        options = applied.options
        texts = (*options.goals, *self.request.thresholds)
        read = grammar.read(options.thresholds, texts, known, options.derived)
        formulas = grammar.read_derived(options.derived, known)
        return list(judging.submetrics((*read, *formulas)))

    @abstractmethod
    def source(self) -> Source:
        """Return what the text of the script says of itself, without running it."""

    @abstractmethod
    def load(self, take: Take) -> None:
        """Load the script; `take` gives numbers that no other worker gets. Raises Broken."""

    @abstractmethod
    def hear(self, warn: Warn) -> None:
        """Give `warn` what the script is warned of, from its loading on."""

    def connects(self, pool: Pool, tls: Tls) -> None:
        """Let the connections of this worker be as the script wants them, before the first."""
        return None  # in most languages options of the run say it all

    def follow(self, now: RunningLoad) -> None:
        """Learn where the script can look at the run, while it lasts."""
        return None  # in most languages it cannot

    @abstractmethod
    async def setup(self, vu: Vu) -> Any:
        """Run setup; return what it returned. Raises what the script does."""

    @abstractmethod
    def iteration(self, scenario: str, data: Any) -> Iteration:
        """Return what runs one iteration of a scenario; `data` is what setup returned."""

    def prepare(self, vu: Vu) -> None:
        """Make a VU ready for its scenario, before it begins; raises nothing."""
        return None  # in most languages it is, as soon as it is made

    def monitors(self, data: Any) -> list[MonitorCall]:
        """Return what looks on while others load; `data` is what setup returned."""
        return []

    @abstractmethod
    async def teardown(self, vu: Vu, data: Any) -> None:
        """Run teardown. Raises what the script does."""

    @abstractmethod
    def spot(self, stage: str) -> Spot:
        """Return where setup or teardown is defined."""

    @abstractmethod
    def broken(self, stage: str, error: BaseException) -> Broken:
        """Describe an error that ended loading, setup or teardown."""

    @abstractmethod
    def sort(self, error: BaseException) -> Hashable:
        """Return what errors of one type and place have in common; called for each error."""

    @abstractmethod
    def thrown(self, error: BaseException) -> Thrown:
        """Describe an error, once for each sort."""

    @abstractmethod
    def line_of(self, stack: bytes) -> tuple[str, str] | None:
        """Return file and line of the script out of a stack that a worker wrote at SIGUSR1."""


class JavaScriptHost(ScriptHost):
    """What scripts in JavaScript have in common."""

    language = "JavaScript"
    stuck_hint = (
        "one call of a built-in function took that long, as of an array of many millions: "
        "JavaScript gives way in loops and calls of its own alone"
    )

    def line_of(self, stack: bytes) -> tuple[str, str] | None:
        """Return nothing: a stack of Python does not show where JavaScript is."""
        return None
