"""What is to become of a result: where it is written, in which forms, and what it is held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fastbench.outputs.output_flags import OutputFlag as Out
    from fastbench.plan.network.readiness import WaitFor
    from fastbench.results.result import Result
    from fastbench.results.thresholds.judging import Threshold

Format = Literal["text", "wrk", "json", "oha", "bombardier", "vegeta", "k6", "k6-text", "artillery"]


@dataclass(frozen=True, slots=True)
class Against:
    """The baseline that a run is compared with; a `limit` of 0.05 fails it when 5 % worse."""

    name: str
    baseline: Result
    limit: float | None


@dataclass(frozen=True, slots=True)
class Record:
    """The history that a run is kept in; without a `name` it is called by what it does."""

    path: str
    name: str | None


@dataclass(frozen=True, slots=True)
class OnMachines:
    """The cluster whose machines carry the run; `stop_when_lost`: the run ends with a machine.

    `send` are files and folders that a script needs there.
    """

    address: str
    stop_when_lost: bool = False
    send: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class K6Summary:
    """What k6 writes at the end of a script of its own: the sort of text, and a file of JSON."""

    mode: str = "compact"
    export: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """Say what is written where, and what the numbers are held to.

    A path "-" is standard output; then eyes read stderr.
    `color` None means: where the terminal can show it. Without a terminal a line says how it goes
    every `progress_every_s`; None: as often as is usual, 0: never. `format` "json" is "text" with
    the document on standard output, beside the one at `json_path`; another tool's name puts that
    tool's there. `forms` are files by the name of their form, see `formats.FILES`. `template`
    fills those that it has a form of. `webhook` is a secret. `dashboard` is a port, 0 any free one.
    """

    format: Format
    json_path: str | None
    latency: bool
    strict: bool
    quiet: bool
    progress: bool
    color: bool | None
    debug: bool
    thresholds: tuple[Threshold, ...] = ()
    against: Against | None = None
    save_baseline: str | None = None
    forms: Mapping[str, str] = field(default_factory=dict)
    template: str | None = None
    outs: tuple[Out, ...] = ()
    record: Record | None = None
    wait_for: WaitFor | None = None
    webhook: str | None = None
    dashboard: int | None = None
    k6: K6Summary = K6Summary()
    on: OnMachines | None = None
    progress_every_s: float | None = None

    @property
    def lines_every_s(self) -> float | None:
        """How often a line says how it goes: 0 where nothing is to be shown of that."""
        return self.progress_every_s if self.progress and not self.quiet else 0.0
