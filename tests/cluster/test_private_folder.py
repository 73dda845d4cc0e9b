"""The folder of an agent: nothing of it stays, not even that of one that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from fastbench.cluster.agent.private_folder import PrivateFolder

KILLED = """
import os
from fastbench.cluster.agent.private_folder import PrivateFolder
folder = PrivateFolder()
open(os.path.join(folder.path, "0.key"), "w").close()
print(folder.path, flush=True)
input()
"""


def test_folders_of_killed_agents_are_removed_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "fastbench-agent-of-others").mkdir()
    words, pipe = [sys.executable, "-c", KILLED], subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        left = other.stdout.readline().strip()
        own = PrivateFolder()
        assert os.path.exists(left) and os.stat(own.path).st_mode & 0o777 == 0o700
        other.kill()
    own.remove()
    PrivateFolder().remove()
    assert [each.name for each in tmp_path.iterdir()] == ["fastbench-agent-of-others"]
