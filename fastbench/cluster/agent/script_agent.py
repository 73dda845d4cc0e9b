"""A machine's part of a run of a script: its files, its workers, and what they say."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from fastbench.cluster import file_store, message_codec, plan_message, request_message
from fastbench.cluster.agent.granted_numbers import GrantedNumbers
from fastbench.cluster.agent.work import Work
from fastbench.cluster.file_store import Incoming, MissingFiles, Store
from fastbench.cluster.message_codec import MessageError
from fastbench.cluster.sent_files import Manifest
from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import host, limits
from fastbench.machine.monitor import Monitor
from fastbench.run.child import Lines
from fastbench.run.summarize import RunTerms
from fastbench.run.supervisor import Supervisor
from fastbench.script.load import hosts
from fastbench.script.parent import target_discovery, worker_channel
from fastbench.script.parent.target_discovery import Sought
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
        self._over = False  # given up: what else is on its way is of no use

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
        if self._over:
            return
        try:
            if self._incoming is None:
                self._incoming = Incoming(self._store, body["sha256"], body["size_bytes"])
            self._incoming.add(message_codec.bytes_of(body["data"], "file"))
            if body["last"]:
                with self._incoming:
                    self._incoming = None
        except MessageError as error:
            self.give_up()
            raise UsageError(f"a file of the script did not arrive: {error}") from None
        except OSError as error:
            self.give_up()
            raise UsageError(_no_room(error, self._store.folder, "XDG_CACHE_HOME")) from None

    def give_up(self) -> None:
        """Leave nothing of a file that is not there as a whole; nothing more is taken."""
        self._over = True
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            incoming.drop()

    def lay_out(self) -> str:
        """Make the tree and go to where the script is run in it; return its folder."""
        assert self._manifest is not None and self._store is not None
        tree = os.path.join(self.folder, "script")
        self._store.lay_out(self._manifest, tree)
        self._store.trim()
        os.chdir(os.path.join(tree, self._manifest.folder))
        return tree


class ScriptWork(Work):
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
        except MessageError as error:
            raise UsageError(f"the script's files cannot be laid out: {error}") from None
        except OSError as error:
            raise UsageError(_no_room(error, files.folder, "TMPDIR")) from None
        except MissingFiles:
            raise UsageError("a file of the script was damaged there; run it again") from None
        request = replace(request, bind=plan_message.of_this_machine(request.bind))
        self._host = hosts.host_of(request)
        self._total = body["total"]
        place = {name: body[name] for name in ("first", "total")}
        machine = {name: body[name] for name in ("machine", "machines")}
        region_bytes = body["region_bytes"]  # ours are no larger, where memory is short smaller
        with limits.enough_memory():
            block = _core.Block(body["count"], **place)
            self._arena = _client.Arena(
                body["count"], **place, **machine, bytes_per_worker=region_bytes
            )
        self._sought, self._verify = target_discovery.NOBODY, True
        super().__init__(block, workers, self._sought.found, self._arena)
        limits.raise_open_files()
        self._say = say
        self._offset_ns = offset_ns
        self._lines: dict[int, Lines] = {}
        self._rare = host.rare()
        self._numbers = GrantedNumbers(self._arena, say)
        self.handlers = {
            "fork": self._fork,
            "seek": self._seek,
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
        self._line_ns = self._start_ns = start_ns
        pids = [child.pid for child in self._workers.children]
        self._monitor = Monitor(pids, self._found, self._rare)
        self._monitor.start()

    def tick(self) -> None:
        """See to it that the workers do not run out of numbers."""
        self._numbers.look()

    def stop(self) -> None:
        """Let the workers stop now."""
        self._workers.say("stop", {"grace": False})

    def terms(self, body: dict[str, Any]) -> RunTerms:
        """Return those of the whole run: users are not told apart by machine."""
        return RunTerms(
            config=body["config"],
            planned=False,
            connections=0,
            steady=False,
            warmed=False,
            verified=body["verified"],
            vus=body["vus"],
        )

    def heard(self, kind: str, body: Any) -> None:
        """Learn of a server that a worker has met."""
        if kind != "server":
            return
        found = target_discovery.met(self._sought, body, self._verify, self._host.request)
        if found is not self._sought:
            self._follow(found)

    def _seek(self, body: dict[str, Any]) -> None:
        """Look for the server of the base URL, and say what is known of it."""
        self._verify = body["verify"]
        request = self._host.request
        sought = target_discovery.find(body["base_url"], self._verify, request)
        self._follow(sought)
        told = {"verified": sought.verified, "public": sought.public, "servers": sought.servers}
        self._say("sought", told)

    def _follow(self, sought: Sought) -> None:
        self._sought, self._found = sought, sought.found
        if self._monitor is not None:
            self._monitor.also(sought.found)

    def _fork(self, body: dict[str, int]) -> None:
        index = body["worker"]
        seat = partial(
            WorkerContext,
            index=index,
            workers=self._total,
            block=self._block,
            arena=self._arena,
            host=self._host,
        )
        echo = partial(self._say, "printed")
        worker_channel.start(self._workers, index, seat, echo, partial(self._dumped, index))
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


def _no_room(error: OSError, folder: str, variable: str) -> str:
    """Say where files could not be written, and by which variable they go elsewhere."""
    return (
        f"the script's files cannot be written to {folder} there ({error.strerror or error}); mend "
        f"that, or start its Dask worker with another {variable}"
    )
