"""What a machine keeps of a script's files that did not arrive: nothing; and what it says."""

from __future__ import annotations

import errno
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fastbench.cluster import message_codec
from fastbench.cluster.agent.script_agent import Files
from fastbench.cluster.file_store import Incoming
from fastbench.cluster.sent_files import Manifest, SentFile
from fastbench.foundation.usage_error import UsageError

DATA = b"x" * 1000


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Files:
    """The files of a run that lacks one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = Files(lambda kind, body: None, str(tmp_path / "run"))
    sent = SentFile("a.py", len(DATA), sha256(DATA).hexdigest())
    manifest = Manifest("a.py", ".", (sent,))
    found.expect(message_codec.pack(manifest, leave=("root", "notices")))
    return found


def part(data: bytes, *, last: bool = False) -> dict[str, Any]:
    body = {"sha256": sha256(DATA).hexdigest(), "size_bytes": len(DATA), "last": last}
    return body | {"data": message_codec.base64_of(data)}


def kept(tmp_path: Path) -> list[str]:
    return [each.name for each in (tmp_path / "cache" / "fastbench" / "files").iterdir()]


def test_a_full_disk_is_a_sentence_with_the_cure_and_gets_no_fuller(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.take(part(DATA[:400]))
    assert len(kept(tmp_path)) == 1

    def full(self: Incoming, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Incoming, "add", full)
    with pytest.raises(UsageError) as raised:
        files.take(part(DATA[400:800]))
    store = tmp_path / "cache" / "fastbench" / "files"
    assert str(raised.value) == (
        f"the script's files cannot be written to {store} there (No space left on device); mend "
        "that, or start its Dask worker with another XDG_CACHE_HOME"
    )
    monkeypatch.undo()
    files.take(part(DATA[800:], last=True))  # it was on its way
    assert kept(tmp_path) == []


def test_a_parent_that_goes_leaves_no_part_of_a_file(files: Files, tmp_path: Path) -> None:
    files.take(part(DATA[:400]))
    files.give_up()
    assert kept(tmp_path) == []
