"""Write a file whole or not at all; devices and pipes are written as they are."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat

from fastbench import signals

__all__ = ["is_stream", "write_atomic"]

# Behind these names there may be a pipe or another process's file: a rename would miss it.
_DIRECT = ("/dev/", "/proc/")


def write_atomic(path: str, data: bytes) -> None:
    """Write `data` to `path` through a temporary file beside it, fsync and rename(2).

    The old content or the new is there at any time, never a part. A symbolic link keeps pointing
    to the file, and the file keeps its mode. Raises OSError; nothing is left behind then.
    """
    mode = _mode(path)
    if is_stream(path):
        with open(path, "wb") as file:
            file.write(data)
        return
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".fastbench-{os.getpid()}-{secrets.token_hex(4)}")
    with signals.held():  # one that comes meanwhile must not leave the temporary file
        _replace(target, temporary, data, mode)
    _sync_folder(folder)


def is_stream(path: str) -> bool:
    """Tell whether a path is a device or a pipe, or no name of a file at all."""
    mode = _mode(path)
    whole = os.path.basename(path) and not path.startswith(_DIRECT)
    return not whole or not (mode is None or stat.S_ISREG(mode))


def _replace(target: str, temporary: str, data: bytes, mode: int | None) -> None:
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with open(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, stat.S_IMODE(mode))
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.rename(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _sync_folder(folder: str) -> None:
    """Make the rename itself durable; some file systems refuse, and the data is safe already."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
