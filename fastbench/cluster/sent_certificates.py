"""Certificates and keys of a run on their way: read here, written to a private folder there.

Keys have no password (plan/tls_files refuses those that do), so they are as secret on their way as
they are in their file: see `plan_message.secrets`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import replace

from fastbench.cluster.message_codec import MessageError, base64_of, bytes_of
from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Tls

MAX_BYTES = 4 << 20  # of one file; all authorities that Debian trusts are 220 KiB


def read(tls: Tls) -> tuple[Tls, list[str]]:
    """Return it with numbers for paths, and the files by number, as base64; raises UsageError.

    A file that is named twice, as one that holds certificate and key, is sent once.
    """
    paths = [path for path in _paths(tls) if path]
    places = {path: str(number) for number, path in enumerate(dict.fromkeys(paths))}
    return _replaced(tls, places), [base64_of(content(path)) for path in places]


def written(tls: Tls, files: object, folder: str) -> Tls:
    """Write the files into `folder`, which is made or must be ours, and return their paths.

    The folder gets the mode 0700, the files 0600. Raises MessageError for numbers that no file has,
    and OSError; a file that is there already is not overwritten.
    """
    if not isinstance(files, list):
        raise MessageError("files: expected a list")
    contents = {str(number): bytes_of(each, "files") for number, each in enumerate(files)}
    if not contents.keys() >= {number for number in _paths(tls) if number}:
        raise MessageError("tls: names a file that did not come along")
    if not contents:
        return tls
    paths = {number: os.path.join(folder, f"{number}.pem") for number in contents}
    for number, data in contents.items():
        write(paths[number], data)
    return _replaced(tls, paths)


def write(path: str, data: bytes) -> None:
    """Write a file that only we can read, in a folder that only we can look into.

    Raises OSError, also for what is there already and for a folder of somebody else.
    """
    _private(os.path.dirname(path))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "wb") as opened:
        opened.write(data)


def _paths(tls: Tls) -> tuple[str | None, ...]:
    return tls.cafile, tls.certfile, tls.keyfile


def _replaced(tls: Tls, places: Mapping[str, str]) -> Tls:
    cafile, certfile, keyfile = (places.get(path or "") for path in _paths(tls))
    return replace(tls, cafile=cafile, certfile=certfile, keyfile=keyfile)


def content(path: str) -> bytes:
    """Return what stands in a file that travels within a message; raises UsageError."""
    shown = printable(path)
    try:
        with open(path, "rb") as opened:
            found = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{shown} cannot be read: {error.strerror}; other machines need it, too."
        ) from None
    if len(found) > MAX_BYTES:
        raise UsageError(
            f"{shown} is over {MAX_BYTES >> 20} MiB, too large to be sent to other machines; "
            "give a file with what this run needs alone."
        )
    return found


def _private(folder: str) -> None:
    """Make a folder that only we can look into; one of others', or a link, is refused."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise
        os.chmod(folder, 0o700)
