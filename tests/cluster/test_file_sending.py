"""Files of a script go to several machines side by side, to no more than so many."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Any, cast

import pytest

from fastbench.cluster import message_codec
from fastbench.cluster.links.machine_link import MachineLink
from fastbench.cluster.parent import file_sending
from fastbench.cluster.parent.file_sending import MACHINES_AT_ONCE
from fastbench.cluster.sent_files import Manifest, SentFile
from fastbench.foundation.usage_error import UsageError

LIMIT_S = 20
LARGE = bytes(range(256)) * 10_000  # more than two pieces


class Way:
    """The way to some machines: the first piece to each of them waits for `together` of these."""

    def __init__(self, together: int) -> None:
        self.together = asyncio.Barrier(together)
        self.busy = self.most = 0


class Machine:
    """A machine that hears what it is sent; `lost` after so many pieces."""

    def __init__(self, way: Way, *, lost_after: int | None = None) -> None:
        self.way = way
        self.lost_after = lost_after
        self.lost = ""
        self.pieces = 0
        self.heard: defaultdict[str, bytes] = defaultdict(bytes)
        self.whole: list[str] = []

    async def post_in_turn(self, kind: str, body: dict[str, Any]) -> None:
        assert kind == "file"
        way = self.way
        self.pieces += 1
        if self.pieces == 1:
            way.busy += 1
            way.most = max(way.most, way.busy)
            await way.together.wait()
        self.heard[body["sha256"]] += message_codec.bytes_of(body["data"], "data")
        if body["last"]:
            self.whole.append(body["sha256"])
        if self.pieces == self.lost_after:
            self.lost = "it was silent for 4.5s"

    async def handed_on(self) -> None:
        await asyncio.sleep(0)
        self.way.busy -= 1


def files(folder: Path, **contents: bytes) -> Manifest:
    sent = []
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        sent.append(SentFile(name, len(content), hashlib.sha256(content).hexdigest()))
    return Manifest(sent[0].path, ".", tuple(sent), str(folder))


def sent(manifest: Manifest, machines: list[Machine]) -> None:
    names = [each.sha256 for each in manifest.files]

    async def all_of_them() -> None:
        asked = {cast(MachineLink, each): names for each in machines}
        async with asyncio.timeout(LIMIT_S):
            await file_sending.send_all(manifest, asked)

    asyncio.run(all_of_them())


def test_all_that_may_be_at_once_are_at_once_and_each_gets_all(tmp_path: Path) -> None:
    manifest = files(tmp_path, script=b"import users", large=LARGE)
    way = Way(MACHINES_AT_ONCE)
    machines = [Machine(way) for _ in range(3 * MACHINES_AT_ONCE)]
    sent(manifest, machines)
    assert way.most == MACHINES_AT_ONCE
    whole = {each.sha256: (tmp_path / each.path).read_bytes() for each in manifest.files}
    for machine in machines:
        assert machine.heard == whole
        assert machine.whole == list(whole)


def test_a_machine_that_is_lost_is_sent_no_more_and_holds_nobody_up(tmp_path: Path) -> None:
    manifest = files(tmp_path, large=LARGE, script=b"import users")
    way = Way(2)
    lost, other = Machine(way, lost_after=1), Machine(way)
    sent(manifest, [lost, other])
    assert lost.whole == [] and len(other.whole) == 2


def test_a_file_that_has_gone_is_a_sentence(tmp_path: Path) -> None:
    manifest = files(tmp_path, script=b"import users")
    (tmp_path / "script").unlink()
    with pytest.raises(UsageError, match=r"script cannot be read: No such file or directory\.$"):
        sent(manifest, [Machine(Way(1))])
