"""The folder of an agent for one run: certificates, the script's files. Nothing of it stays.

An agent that is killed cannot remove its own. The next one of the same user does: a folder whose
lock nobody holds belongs to nobody, in whichever container its owner was.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import shutil
import tempfile

_PREFIX = "fastbench-agent-"
_LOCK = ".lock"


class PrivateFolder:
    """Make a folder (0700), after removing those that were left."""

    def __init__(self) -> None:
        for left in glob.glob(os.path.join(tempfile.gettempdir(), f"{_PREFIX}*")):
            _remove_left(left)
        made = tempfile.mkdtemp(prefix=f".{_PREFIX}")  # nobody looks at it before it is locked
        self._lock = os.open(os.path.join(made, _LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = os.path.join(os.path.dirname(made), os.path.basename(made)[1:])
        os.rename(made, self.path)

    def remove(self) -> None:
        """Remove it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_left(path: str) -> None:
    with contextlib.suppress(OSError):  # it is used, somebody else's, or gone meanwhile
        if os.lstat(path).st_uid != os.geteuid():
            return
        lock = os.open(os.path.join(path, _LOCK), os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)
