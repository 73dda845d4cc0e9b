"""--on and what belongs to it: the machines that carry a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

from fastbench.cli.output.settings import OnMachines, Output
from fastbench.foundation import redact, stdio
from fastbench.foundation.usage_error import UsageError

if TYPE_CHECKING:
    from fastbench.cluster.links.cluster_thread import ClusterThread

REACHING = "reaching the machines"
ERASED = "\r\x1b[K"  # ECMA-48: to the first column, and erased from there (8.3.41)


def read(flags: SimpleNamespace) -> OnMachines | None:
    """Read --on, --on-lost and --send; raises UsageError for what does not fit together."""
    send = tuple(getattr(flags, "send", ()))  # of scripts
    if flags.on is None:
        for flag in ["--on-lost"] * (flags.on_lost is not None) + ["--send"] * bool(send):
            raise UsageError(f"{flag} is about the machines of --on; give both, or neither.")
        return None
    if flags.on_lost not in (None, "continue", "stop"):
        raise UsageError("--on-lost takes continue or stop: what becomes of a run without one.")
    if flags.format == "wrk":
        raise UsageError(
            "--format wrk tells how fast each thread of this machine is, ten times a second; with "
            "--on use text or json."
        )
    return OnMachines(flags.on, stop_when_lost=flags.on_lost == "stop", send=send)


def notices(flags: SimpleNamespace) -> list[str]:
    """Say what of the line does not go to the machines."""
    if flags.on is None or not flags.debug:
        return []
    return ["--debug sends from this machine, not from those of --on."]


def config(on: OnMachines | None) -> dict[str, object]:
    """Return what the document echoes; a run of this machine alone has nothing to say."""
    return {} if on is None else {"on": redact.printable(redact.url(on.address))}


@contextmanager
def reached(on: OnMachines, output: Output) -> Iterator[ClusterThread]:
    """Open the machines of a run; a terminal says so meanwhile, as its view begins after that.

    Raises UsageError when there is no cluster, or no machine of it can be used.
    """
    told = output.progress and not output.quiet and stdio.draws(sys.stderr)
    with ExitStack() as opened:
        if told:
            print(REACHING, end="", file=sys.stderr, flush=True)
        try:
            from fastbench.cluster.links.cluster_thread import ClusterThread  # Dask takes seconds

            cluster = opened.enter_context(ClusterThread(on.address))
        finally:
            if told:
                print(ERASED, end="", file=sys.stderr, flush=True)
        yield cluster
