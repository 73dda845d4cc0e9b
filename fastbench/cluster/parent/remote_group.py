"""The workers of a script on the machines of a cluster, as script/parent wants them.

Setup and teardown run in the first worker of the first machine. The parent has the script, too: it
reads what it needs for judging there, and sends it to the machines that do not have it.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fastbench.cluster import message_codec, request_message, sent_in_clear
from fastbench.cluster.limits_of_silence import ANSWER_S
from fastbench.cluster.links.cluster_thread import ClusterThread, awaited
from fastbench.cluster.parent import file_sending
from fastbench.cluster.parent.cluster_monitor import ClusterMonitor
from fastbench.cluster.parent.leases import Leases
from fastbench.cluster.parent.remote_workers import RemoteWorkers
from fastbench.cluster.sent_files import Manifest
from fastbench.cluster.worker_memory import MemoryTarget
from fastbench.foundation import signals
from fastbench.foundation.units import plural
from fastbench.foundation.usage_error import UsageError
from fastbench.machine.processes import Found
from fastbench.results.machine_row import Machines
from fastbench.results.result import Result
from fastbench.run.worker import lowered
from fastbench.run.worker_pool import StartLine
from fastbench.script import running_load
from fastbench.script.api.options import Settings
from fastbench.script.api.recorder import Recorder
from fastbench.script.parent import worker_channel
from fastbench.script.parent.group import Group
from fastbench.script.parent.target_discovery import NOBODY, Sought
from fastbench.script.parent.worker_channel import Echo, ScriptWorker
from fastbench.script.run_request import RunRequest
from fastbench.script.schedule import Share

LEFT_S = 2.0  # for machines to say what they did not use
SEND_S = 120.0  # for the files of a script
TELL_NS = 1_000_000_000  # from one word on what other machines do to the next
STALE_S = 1.5  # a look every second, and its way


class RemoteGroup(Group):
    """Workers on other machines."""

    new_every_s = 1.0

    def __init__(
        self,
        cluster: ClusterThread,
        request: RunRequest,
        manifest: Manifest,
        echo: Echo,
        notice: Callable[[str], None],
        *,
        stop_when_lost: bool = False,
    ) -> None:
        self._all = RemoteWorkers(cluster, notice, stop_when_lost=stop_when_lost)
        machines = self._all.machines
        wanted = self._all.number([request.workers or each.cores for each in machines])
        super().__init__(request, wanted, elsewhere=True)
        self.lead_ns = self._all.lead_ns
        self.behind_ns = self._all.behind_ns
        self.stale_s = STALE_S + self.behind_ns / 1e9
        self._tell_ns = 0  # when the machines are told of each other next, if the script may look
        self._notice = notice
        self._leases = Leases(machines)
        self._shared: dict[int, Share] = {}
        out_fd, self._printed_fd = os.pipe()
        os.set_blocking(self._printed_fd, False)
        self.workers.hear(out_fd, worker_channel.echoed(echo))
        with signals.heard(signals.leave_cleanly):  # files may be on their way for long
            self._request = self._send_files(request, manifest)
            self._load([0])
        self.fork(0)

    def _send_files(self, request: RunRequest, manifest: Manifest) -> dict[str, Any]:
        """Send the machines what they do not have; return what they are to load."""
        addresses = [each.address for each in self._all.machines]
        told = sent_in_clear.warning(addresses, request_message.secrets(request))
        for sentence in (*manifest.notices, *request_message.notices(request), told):
            if sentence:
                self._notice(sentence)
        packed = message_codec.pack(manifest, leave=("root", "notices"))
        asked = [each.ask("files", packed, "missing") for each in self._all.machines]
        missing = dict(zip(self._all.machines, awaited(asked, ANSWER_S), strict=True))
        for machine, names in missing.items():
            if names is None:
                raise UsageError(self._all.why(machine))
        self._all.cluster.call(file_sending.send_all(manifest, missing))
        return request_message.message_of(request, manifest)

    def _load(self, places: Sequence[int]) -> None:
        """Let machines get ready to fork."""
        memory, asked = MemoryTarget(self.block, self.arena), []
        for at in places:
            machine, span = self._all.machines[at], self._all.span(at)
            machine.apply = memory.apply
            machine.on["printed"] = self._printed
            machine.on["dumped"] = self._dumped
            machine.on["forked"] = self._forked
            machine.on["need"] = partial(self._leases.need, machine)
            body = {"first": span.start, "count": len(span), "total": self._all.first[-1]}
            body |= {"machine": at, "machines": len(self._all.machines)}
            body |= {"region_bytes": self.arena.region_bytes}  # no larger: it is followed here
            asked.append(machine.ask("load_script", body | {"request": self._request}, "started"))
        for at, answer in zip(places, awaited(asked, SEND_S), strict=True):
            if answer is None:
                raise UsageError(self._all.why(self._all.machines[at]))

    def fork(self, index: int) -> None:
        """Let the machine that it belongs to start the worker of this index."""
        machine = self._all.machines[self._place_of(index)]
        self._all.join(machine, [ScriptWorker(index)], self.workers)
        machine.post("fork", {"worker": index})

    def monitor(self, found: Found) -> ClusterMonitor:
        """Return who adds up what the machines tell of themselves."""
        return self._all.monitor()

    def servers(self, settings: Settings) -> Sought:
        """Let each machine look for the server, see its report; the first one says what it is."""
        body = {"base_url": settings.base_url, "verify": settings.tls.verify}
        asked = [each.ask("seek", body, "sought") for each in self._all.machines]
        found = next((each for each in awaited(asked, ANSWER_S) if each is not None), None)
        if found is None:
            return NOBODY
        return Sought(NOBODY.found, found["verified"], found["public"], tuple(found["servers"]))

    def allow_users(self, most: int) -> None:
        """Give all machines as many workers; raises UsageError for fewer users than machines."""
        machines = self._all.machines
        if most < len(machines):
            raise UsageError(
                f"--on: {plural(most, 'user')} for {len(machines)} machines would leave some idle; "
                f"use -u {len(machines)} at least."
            )
        counts = [len(self._all.span(at)) for at in range(len(machines))]
        self.wanted = self._all.number(lowered(counts, most))
        self._all.terms = {"vus": most, "verified": None, "config": {}}
        self._load(range(1, len(machines)))

    def share_out(self, shares: Sequence[Sequence[Share]]) -> None:
        """Grant the machines their first parts of what they share."""
        found = [each for of_worker in shares for each in of_worker if each.shared is not None]
        self._shared = {each.shared: each for each in found if each.shared is not None}
        self._leases.begin({at: each.iterations or 0 for at, each in self._shared.items()})

    def begin(self, line: StartLine) -> None:
        """Let the machines look every second from now on."""
        self._all.begin(line)
        if self.declared is not None and self.declared.looks:
            self._tell_ns = line.start_ns + TELL_NS + self.behind_ns

    def look(self) -> bool:
        """Tell whether the run ends, because a machine is lost."""
        if self._tell_ns and time.monotonic_ns() >= self._tell_ns:
            self._tell_ns += TELL_NS
            self._tell_elsewhere()
        return self._all.look()

    def machines(self) -> Machines:
        """Return how the machines stand."""
        return self._all.standing()

    def _tell_elsewhere(self) -> None:
        """Tell the workers of each machine what those of the others have done so far."""
        spans = [self._all.span(at) for at in range(len(self._all.machines))]
        vus = [sum(self.block.counters(index)["active"] for index in span) for span in spans]
        counted = [running_load.counts(self.arena, span) for span in spans]
        everything = sum(counted, running_load.Counts())
        for span, own_vus, own in zip(spans, vus, counted, strict=True):
            rows = [(*key, count) for key, count in (everything - own).items()]
            for child in self.workers.children:
                if child.index in span and not child.gone:
                    child.send("elsewhere", {"vus": sum(vus) - own_vus, "counts": rows})

    def loaded(self) -> None:
        """Count the iterations as dropped that no machine was granted, or too late."""
        dropped = Counter(self._leases.rest())
        if not dropped:
            return
        asked = [each.ask("tell_left", {}, "left") for each in self._all.machines]
        for left in awaited(asked, LEFT_S):
            dropped.update({int(shared): count for shared, count in (left or {}).items()})
        book = self.arena.writer(self.arena.workers - 1)
        recorder = Recorder(book, (), lambda *told: None, slot=(self.block, 0))
        for shared, count in dropped.items():
            if count:
                scenario = self._shared[shared].scenario
                recorder.counter("dropped_iterations", scenario, ()).add(count)

    def told(self, result: Result) -> Result:
        """Add the table of machines, and judge by what each of them saw."""
        return self._all.told(result, self.block)

    def whose(self, worker: int) -> str:
        """Name the machine of a worker."""
        return self._all.machines[self._place_of(worker)].name

    def lost(self, worker: int) -> str:
        """Say why the machine of a worker is lost; "" if it is not."""
        machine = self._all.machines[self._place_of(worker)]
        return self._all.why(machine) if machine.lost else ""

    def close(self) -> None:
        """Leave nobody behind; a second time does nothing."""
        first = not self._closed
        super().close()
        if first:
            os.close(self._printed_fd)

    def _place_of(self, worker: int) -> int:
        places = range(len(self._all.machines))
        return next(at for at in places if worker in self._all.span(at))

    # From the cluster's thread.

    def _printed(self, text: str) -> None:
        try:
            os.write(self._printed_fd, text.encode("utf-8", "replace"))
        except OSError:  # nobody reads so fast, or the run is over: it is lost
            return

    def _dumped(self, body: dict[str, Any]) -> None:
        for child in self.workers.children:
            if child.index == body["worker"]:
                child.take_dump(body["text"].encode())

    def _forked(self, body: dict[str, int]) -> None:
        for child in self.workers.children:
            if child.index == body["worker"]:
                child.pid = body["pid"]
