"""A machine's part of a run of a script: its files, its workers, and what they say."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from fastbench.cluster import file_store, message_codec, plan_message, request_message
from fastbench.cluster.agent.granted_numbers import GrantedNumbers
from fastbench.cluster.file_store import Incoming, MissingFiles, Store
from fastbench.cluster.machine_report import MachineReport
from fastbench.cluster.message_codec import MessageError
from fastbench.cluster.sent_files import Manifest
from fastbench.cluster.worker_memory import MemorySource
from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.machine import host, limits
from fastbench.machine.monitor import Monitor
from fastbench.plan.plan import UsageError
from fastbench.results import json_codec
from fastbench.run import sampling, summarize
from fastbench.run.child import Lines
from fastbench.run.snapshot import Snapshot
from fastbench.run.supervisor import Supervisor
from fastbench.script.load import hosts
from fastbench.script.parent import target_discovery, worker_channel
from fastbench.script.parent.worker_channel import ScriptWorker
from fastbench.script.worker.worker_process import WorkerContext

Say = Callable[[str, object], None]


class Files:
    """What the parent sends of a script's files, and the tree that is made of them."""

    def __init__(self, say: Say, folder: str) -> None:
        self.folder = folder
        self._say = say
        self._store: Store | None = None
        self._manifest: Manifest | None = None
        self._incoming: Incoming | None = None

    def expect(self, body: dict[str, Any]) -> None:
        """Learn what there is; say what is not here yet."""
        self._manifest = message_codec.unpack(Manifest, body, leave=("root", "notices"))
        try:
            self._store = Store(file_store.default_folder())
        except OSError:  # no home, or not ours: for this run alone
            self._store = Store(os.path.join(self.folder, "files"))
        self._say("missing", sorted(file_store.missing(self._manifest, self._store)))

    def take(self, body: dict[str, Any]) -> None:
        """Keep a part of a file; `size_bytes` comes with the first one, `last` with the last."""
        assert self._store is not None
        try:
            if self._incoming is None:
                self._incoming = Incoming(self._store, body["sha256"], body["size_bytes"])
            self._incoming.add(message_codec.bytes_of(body["data"], "file"))
            if body["last"]:
                with self._incoming:
                    self._incoming = None
        except (MessageError, OSError) as error:
            raise UsageError(f"a file of the script did not arrive: {error}") from None

    def lay_out(self) -> str:
        """Make the tree and go to where the script is run in it; return its folder."""
        assert self._manifest is not None and self._store is not None
        tree = os.path.join(self.folder, "script")
        self._store.lay_out(self._manifest, tree)
        self._store.trim()
        os.chdir(os.path.join(tree, self._manifest.folder))
        return tree


class ScriptWork:
    """The workers of a script on this machine. The parent says what each of them does."""

    def __init__(
        self,
        body: dict[str, Any],
        files: Files,
        workers: Supervisor[ScriptWorker],
        say: Say,
        offset_ns: Callable[[], int],
    ) -> None:
        try:
            tree, private = files.lay_out(), os.path.join(files.folder, "private")
            request = request_message.request_of(body["request"], tree, private, offset_ns())
        except (MessageError, OSError) as error:
            raise UsageError(f"the script's files cannot be laid out: {error}") from None
        except MissingFiles:
            raise UsageError("a file of the script was damaged there; run it again") from None
        request = replace(request, bind=plan_message.of_this_machine(request.bind))
        self._host = hosts.host_of(request)
        self._total = body["total"]
        place = {name: body[name] for name in ("first", "total")}
        machine = {name: body[name] for name in ("machine", "machines")}
        try:
            self._block = _core.Block(body["count"], **place)
            region_bytes = body["region_bytes"]  # ours are no larger, where memory is short smaller
            self._arena = _client.Arena(
                body["count"], **place, **machine, bytes_per_worker=region_bytes
            )
        except MemoryError as error:
            raise UsageError(f"{error}; free some memory, or use fewer workers (-t).") from None
        limits.raise_open_files()
        self._workers = workers
        self._say = say
        self._offset_ns = offset_ns
        self._start_ns = 0
        self._lines: dict[int, Lines] = {}
        self._monitor: Monitor | None = None
        self._rare = host.rare()
        self._sought = target_discovery.NOBODY
        self._numbers = GrantedNumbers(self._arena, say)
        self.memory = MemorySource(self._block, self._arena)
        self.handlers: Mapping[str, Callable[[Any], None]] = {
            "fork": self._fork,
            "grant": self._numbers.grant,
            "close_grants": self._numbers.close,
            "tell_left": self._numbers.tell_left,
            "tell": self._tell,
        }

    def ready(self) -> bool:
        """Return true: the workers themselves say when they are ready."""
        return True

    def begin(self, *, line_ns: int, start_ns: int, stop_ns: int) -> None:
        """Watch the machine from now on; the workers have been told."""
        self._start_ns = start_ns
        pids = [child.pid for child in self._workers.children]
        self._monitor = Monitor(pids, self._sought.found, self._rare)
        self._monitor.start()

    def tick(self) -> None:
        """See to it that the workers do not run out of numbers."""
        self._numbers.look()

    def stop(self) -> None:
        """Let the workers stop now."""
        self._workers.say("stop", {"grace": False})

    def used(self) -> dict[str, Any]:
        """Take a sample of the machine."""
        assert self._monitor is not None
        cpu_s = {str(each.index): each.cpu_s for each in self._workers.children}
        return {"use": json_codec.plain(self._monitor.sample()), "cpu_s": cpu_s}

    def summed_up(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """Judge this machine's part as if it were a run of its own; `body` has the terms."""
        if self._monitor is None:
            return None
        self._monitor.sample()
        observed = summarize.Observed(
            terms=summarize.RunTerms(
                config=body["config"],
                planned=False,
                connections=0,
                steady=False,
                warmed=False,
                verified=body["verified"],
                vus=body["vus"],
            ),
            block=self._block,
            workers=self._workers,
            line_ns=self._start_ns,
            start_ns=self._start_ns,
            end_ns=time.monotonic_ns(),
            series=sampling.Series(Snapshot(0.0, 0.0, {}, {})),
            monitor=self._monitor,
            found=self._sought.found,
            gave_up=False,
            thread_rates=(),
        )
        schedules = tuple(self._monitor.schedule(i) for i in range(len(self._workers.children)))
        return MachineReport.of(summarize.result(observed), schedules).message()

    def _fork(self, body: dict[str, int]) -> None:
        index = body["worker"]

        def context(channel: socket.socket, dump_fd: int) -> WorkerContext:
            return WorkerContext(
                index=index,
                workers=self._total,
                channel=channel,
                dump_fd=dump_fd,
                block=self._block,
                arena=self._arena,
                host=self._host,
            )

        echo = partial(self._say, "printed")
        worker_channel.start(self._workers, index, context, echo, partial(self._dumped, index))
        self._say("forked", {"worker": index, "pid": self._workers.children[-1].pid})

    def _dumped(self, index: int, found: bytes) -> None:
        self._say("dumped", {"worker": index, "text": found.decode("utf-8", "replace")})

    def _tell(self, body: dict[str, Any]) -> None:
        """Pass lines on to a worker; the start line is one of this machine's clock there."""
        lines = self._lines.setdefault(body["worker"], Lines())
        for kind, said in lines.feed(body["lines"].encode("utf-8", "surrogateescape")):
            if kind == "begin":  # all that is in it are instants, 0 for none
                said = {name: at and at + self._offset_ns() for name, at in said.items()}
            for child in self._workers.children:
                if child.index == body["worker"]:
                    child.quit = child.quit or kind == "quit"
                    child.send(kind, said)
