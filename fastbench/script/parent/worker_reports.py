"""What workers told of a run, kept until its end; and what is to be said of a broken script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastbench.results.addresses import AddressRow
from fastbench.results.metric_values import Thrown
from fastbench.results.result import Warning_
from fastbench.script.exceptions import Broken, ScriptError
from fastbench.script.parent.worker_channel import ScriptWorker


@dataclass(slots=True)
class Notes:
    """Exceptions, the first of each sort; warnings, each once; ends of scenarios, the latest."""

    threw: dict[tuple[str, str, str], Thrown] = field(default_factory=dict)
    warnings: list[Warning_] = field(default_factory=list)
    ends_ns: dict[str, int] = field(default_factory=dict)
    addresses: list[AddressRow] = field(default_factory=list)

    def take_thrown(self, row: Thrown) -> None:
        """Keep an exception if it is the first of its sort."""
        self.threw.setdefault((row.type, row.place, row.scenario), row)

    def take_warning(self, body: Mapping[str, Any]) -> None:
        """Keep a warning that was not given yet."""
        warning = Warning_(body["code"], body["text"], body.get("hint", ""))
        if warning not in self.warnings:
            self.warnings.append(warning)

    def take_monitor(self, body: Mapping[str, Any]) -> None:
        """Keep how often a monitor failed."""
        failed, calls = body["failed"], body["calls"]
        times = f"{failed} of its {calls} calls" if calls > 1 else "its only call"
        text = f"the monitor {body['name']} failed in {times}: {body['text']}"
        hint = "the load was not affected; see what it asks for, or catch the exception there"
        self.take_warning({"code": "monitor_failed", "text": text, "hint": hint})

    def take_addresses(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Keep which addresses took connections of a worker."""
        self.addresses += [AddressRow(**row) for row in rows]

    def take_ends(self, ends_ns: Mapping[str, int]) -> None:
        """Keep when the last iterations of a worker's scenarios ended."""
        for name, end_ns in ends_ns.items():
            self.ends_ns[name] = max(end_ns, self.ends_ns.get(name, 0))

    def take_broken(self, broken: Broken) -> str:
        """Keep what broke in setup or teardown; return it as a sentence."""
        kind, colon, rest = broken.text.partition(": ")
        if colon:
            place, stage = broken.spot.place, broken.stage
            self.take_thrown(Thrown(kind, place, rest, stage, 1, broken.traceback))
        return f"{broken.stage} failed at {broken.spot.place}: {broken.text}"


def refusal_of_ended(child: ScriptWorker, script: str, machine: str) -> ScriptError:
    """Say that the process of a worker ended while the script was loaded; where, if elsewhere."""
    where = f"{machine}: " if machine else ""
    return ScriptError(
        f"{where}{script}: its process ended {child.how} while the script was loaded; take what "
        "ends processes out of the top of the script."
    )
