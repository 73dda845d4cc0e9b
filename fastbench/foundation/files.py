"""Write a file whole or not at all; devices and pipes are written as they are."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from fastbench.foundation import signals

JAVASCRIPT = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
SCRIPT_ENDINGS = (".py", *JAVASCRIPT, ".yml", ".yaml")  # of files that `fastbench run` runs

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
    with signals.held():  # one that comes meanwhile must not leave the temporary file
        _replace(target, _temporary(folder), data, mode)
    _sync_folder(folder)


def try_to_write(path: str, *, in_place: bool = False) -> None:
    """Do what writing will need, and leave everything as it was: raises the OSError it would have.

    A stream is not opened, nor a file that is written `in_place`: only its permissions are seen.
    """
    mode = _mode(path)
    if mode is not None and (in_place or is_stream(path)):
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if is_stream(path):
            return
    folder, name = os.path.split(os.path.realpath(path))
    if len(os.fsencode(name)) > os.pathconf(folder, "PC_NAME_MAX"):
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    temporary = _temporary(folder)
    with signals.held():
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        os.unlink(temporary)
    if mode is not None:
        _see_sticky(path, folder)


def _see_sticky(path: str, folder: str) -> None:
    """Raise where others' files may not be replaced, as in /tmp (unlink(2), EPERM)."""
    place, file, user = os.stat(folder), os.stat(path), os.geteuid()
    if place.st_mode & stat.S_ISVTX and user not in (0, place.st_uid, file.st_uid):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def _temporary(folder: str) -> str:
    return os.path.join(folder, f".fastbench-{os.getpid()}-{os.urandom(4).hex()}")


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
