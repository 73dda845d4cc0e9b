"""Files that came from another machine, by their SHA-256: sent once, and laid out for each run.

1. The store is a folder of ours alone (0700) under $XDG_CACHE_HOME, else ~/.cache. A file enters it
   whole and with the content its name says, or not at all: it is written beside, then renamed.
   Several processes may use one store at once.
2. It has a limit: what has not been used longest is removed, but nothing of the last hour.
3. A run gets copies, no links: a script may write to its files, and the next run has them as they
   were. They are hashed on the way, so that a damaged one is found, removed and sent again.
4. Nothing that a manifest says leads out of the folder it is laid out in: paths are checked, the
   folder is new, and there are no links in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterable
from types import TracebackType

from fastbench.cluster.message_codec import MessageError
from fastbench.cluster.sent_files import (
    EMPTY,
    MAX_BYTES,
    MAX_FILES,
    Manifest,
    SentFile,
    chunks,
)

STORE_BYTES = 2 * MAX_BYTES
RECENT_S = 3600.0
_HASH = re.compile(r"[0-9a-f]{64}")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_UNFINISHED = ".part"


class MissingFiles(Exception):
    """Files that a manifest lists and the store does not have: they are to be sent again."""

    def __init__(self, hashes: Iterable[str]) -> None:
        self.hashes = tuple(hashes)
        super().__init__(", ".join(self.hashes))


def default_folder() -> str:
    """Return where the store of this user is."""
    cache = os.environ.get("XDG_CACHE_HOME") or ""
    if not os.path.isabs(cache):  # the XDG base directory specification ignores others
        cache = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "fastbench", "files")


class Store:
    """Keep files in `folder`, which is made; raises OSError, also for one of somebody else."""

    def __init__(self, folder: str, limit_bytes: int = STORE_BYTES) -> None:
        os.makedirs(os.path.dirname(folder) or ".", exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(f"{folder} is not a folder of this user")
        os.chmod(folder, 0o700)
        self.folder = folder
        self._limit_bytes = limit_bytes

    def has(self, sha256: str) -> bool:
        """Tell whether a file is there; it counts as used now."""
        if sha256 == EMPTY:
            return True
        try:
            os.utime(self._path(sha256))
        except FileNotFoundError:
            return False
        return True

    def put(self, sha256: str, data: bytes) -> None:
        """Take in a file at once; see `Incoming`."""
        with Incoming(self, sha256, len(data)) as incoming:
            incoming.add(data)

    def lay_out(self, manifest: Manifest, folder: str) -> None:
        """Make the tree of a manifest in `folder`, which must not exist; it gets the mode 0700.

        Raises MessageError for a manifest that leads elsewhere, MissingFiles, and OSError; what
        was made is the caller's to remove.
        """
        check(manifest)
        if absent := missing(manifest, self):
            raise MissingFiles(absent)
        os.mkdir(folder, 0o700)
        for each in manifest.files:
            path = os.path.join(folder, each.path)
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            self._copy(each, path)
        os.makedirs(os.path.join(folder, manifest.folder), 0o700, exist_ok=True)
        self.trim()

    def trim(self) -> None:
        """Remove what is unused longest, down to the limit, and what was broken off.

        Nothing of the last hour is removed: another run may be about to lay it out.
        """
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # another process trims, too
                    seen = entry.stat(follow_symlinks=False)
                    found.append((seen.st_mtime, seen.st_size, entry.path))
        os.utime(self.folder)
        before = os.stat(self.folder).st_mtime - RECENT_S  # by the clock of the file system
        left_bytes = sum(size_bytes for _, size_bytes, _ in found)
        for used, size_bytes, path in sorted(found):
            if used > before:
                break
            if left_bytes > self._limit_bytes or path.endswith(_UNFINISHED):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                left_bytes -= size_bytes

    def _path(self, sha256: str) -> str:
        if not _HASH.fullmatch(sha256):
            raise MessageError("a file is known by 64 hexadecimal digits")
        return os.path.join(self.folder, sha256)

    def _copy(self, file: SentFile, path: str) -> None:
        digest, left_bytes = hashlib.sha256(), file.size_bytes
        mode = 0o700 if file.executable else 0o600
        with open(os.open(path, _NEW, mode), "wb") as opened:
            if file.sha256 == EMPTY:
                return
            try:
                for data in chunks(self._path(file.sha256)):
                    digest.update(data)
                    left_bytes -= len(data)
                    if left_bytes < 0:
                        break
                    opened.write(data)
            except FileNotFoundError:
                raise MissingFiles((file.sha256,)) from None
        if left_bytes or digest.hexdigest() != file.sha256:
            os.unlink(self._path(file.sha256))
            raise MissingFiles((file.sha256,))


class Incoming:
    """Take in a file of a known hash and size piece by piece; use it with `with`.

    The end of the block puts it into the store, or raises MessageError if it is another file than
    it should be. An exception leaves nothing behind.
    """

    def __init__(self, store: Store, sha256: str, size_bytes: int) -> None:
        self._sha256, self._left_bytes = sha256, size_bytes
        self._path = store._path(sha256)
        self._partial = f"{self._path}.{os.getpid()}-{os.urandom(4).hex()}{_UNFINISHED}"
        self._digest = hashlib.sha256()
        self._file = open(os.open(self._partial, _NEW, 0o600), "wb")  # noqa: SIM115

    def add(self, data: bytes) -> None:
        """Add a piece of at most 1 MiB or, of a file that comes at once, all of it."""
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            raise MessageError("a file is longer than was said")
        self._digest.update(data)
        self._file.write(data)

    def drop(self) -> None:
        """Give it up: nothing of it stays."""
        with contextlib.suppress(OSError):  # what is written at the end finds no room either
            self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._partial)

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
            if kind is None:
                if self._left_bytes or self._digest.hexdigest() != self._sha256:
                    raise MessageError("a file arrived as another one: it changed on its way")
                os.rename(self._partial, self._path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._partial)


def missing(manifest: Manifest, store: Store) -> list[str]:
    """Return the hashes of what the store does not have, each once; they are the ones to send."""
    hashes = dict.fromkeys(each.sha256 for each in manifest.files)
    return [each for each in hashes if not store.has(each)]


def check(manifest: Manifest) -> None:
    """Refuse a manifest whose paths lead elsewhere or meet, or that is too large: MessageError."""
    if len(manifest.files) > MAX_FILES + 1:  # and the mark of the root
        raise MessageError("the script has too many files")
    if sum(each.size_bytes for each in manifest.files) > MAX_BYTES:
        raise MessageError("the script's files are too large")
    files, folders = set[str](), set[str]()
    for each in manifest.files:
        _check_path(each.path)
        if each.size_bytes < 0 or not _HASH.fullmatch(each.sha256):
            raise MessageError("a file of the script has no size or no hash")
        if each.path in files:
            raise MessageError("a file of the script is listed twice")
        files.add(each.path)
        parts = each.path.split("/")
        folders.update("/".join(parts[:at]) for at in range(1, len(parts)))
    for path in (manifest.script, manifest.folder):
        if path != ".":
            _check_path(path)
    if files & (folders | {manifest.folder}):
        raise MessageError("a file of the script is a folder as well")
    if manifest.script not in files | folders:
        raise MessageError("the script is not among its files")


def _check_path(path: str) -> None:
    try:
        raw = os.fsencode(path)
    except UnicodeEncodeError:
        raw = b""
    parts = raw.split(b"/")
    if (
        b"\0" in raw
        or len(raw) > 2048
        or any(part in (b"", b".", b"..") or len(part) > 255 for part in parts)
    ):
        raise MessageError("a file of the script leads out of its folder, or has no proper name")
