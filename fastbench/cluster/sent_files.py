"""The files that a script needs on other machines: a list of paths, sizes and SHA-256.

1. Where its text tells for certain what it needs (see script_needs), that alone; else its folder as
   well, but for what is hidden, made by tools or written by us. --send FILE or FOLDER replaces the
   folder, and takes what it names as it is.
2. Paths are relative to the common ancestor of all files, so that `../data/users.csv` leads to the
   same file there. An empty pyproject.toml marks the project's root where nothing else does (see
   foundation/imports).
   So is the working directory of whoever runs a script below it, since `open("load/users.csv")`
   begins there: `folder` is where to run the script there.
3. Links are followed, and arrive as the files they lead to. One that leads out of the folder is
   left out, and told.
4. A folder that is everybody's, as the home folder or /tmp, is never sent as a whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from fastbench.cluster import script_needs
from fastbench.cluster.python_needs import Needs
from fastbench.foundation import imports, units
from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError
from fastbench.results.history.history_store import APPLICATION_ID
from fastbench.script.load import loader

MAX_FILES = 20_000
MAX_BYTES = 512 << 20
CHUNK_BYTES = 1 << 20
EMPTY = hashlib.sha256().hexdigest()
_MARK = "pyproject.toml"
_OF_EVERY_SHELL = frozenset(("HOME", "HOSTNAME", "LANG", "PATH", "PWD", "SHELL", "TMPDIR", "USER"))
_CURE = (
    "move the script with what it needs into a folder of its own, or name what it needs with "
    "--send FILE or FOLDER"
)
_OURS = re.compile(rb'\A\s*\{\s*"schema":\s*"fastbench[./]|\At_s,span_s,requests,')
_OUR_PAGE = re.compile(rb"\A<!doctype html>.*\xc2\xb7 fastbench</title>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SentFile:
    """Name a file: `path` is relative, with `/` between its parts."""

    path: str
    size_bytes: int
    sha256: str
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """List what a script needs. `script` and `folder` (where it is run) are relative paths.

    `root` is the folder here that all paths are relative to; `notices` are sentences for the user.
    Neither is sent.
    """

    script: str
    folder: str
    files: tuple[SentFile, ...]
    root: str = ""
    notices: tuple[str, ...] = ()

    def path_of(self, sha256: str) -> str:
        """Return where a file of that content is here; raises KeyError."""
        for each in self.files:
            if each.sha256 == sha256:
                return os.path.join(self.root, each.path)
        raise KeyError(sha256)


def gather(script: str, more: Sequence[str] = (), passed: Collection[str] = ()) -> Manifest:
    """List the files of a script; `more` are those of --send, `passed` the variables of -e.

    Raises UsageError for what is not there, too many or too large.
    """
    if script == loader.STDIN:
        raise UsageError("Other machines need the script in a file, not on standard input.")
    place = loader.find(script)
    needs = script_needs.find(place.file)
    walk = _Walk(set(needs.files))
    notices = []
    for each in more:
        walk.named(each)
    if not more and not needs.certain:
        if _is_wide(place.folder):
            notices.append(
                f"{printable(place.folder)} is not sent as a whole: other machines get the script "
                f"and what it names, {units.plural(len(walk.paths), 'file')}; {_CURE}."
            )
        else:
            walk.folder(place.folder)
    notices += [*walk.notices(), *_told(needs, passed)]
    typed = os.path.abspath(script)
    return _manifest(typed, place.folder, walk.paths, tuple(notices))


def chunks(path: str) -> Iterator[bytes]:
    """Give the content of a file in pieces of at most 1 MiB; raises OSError."""
    with open(path, "rb") as opened:
        while data := opened.read(CHUNK_BYTES):
            yield data


@dataclass(slots=True)
class _Walk:
    """Collect absolute paths of files."""

    paths: set[str]
    size_bytes: int = 0
    _outside: list[str] = field(default_factory=list)
    _unread: list[str] = field(default_factory=list)

    def named(self, typed: str) -> None:
        """Take a file or folder that --send names, the folder with all that is in it."""
        path = os.path.abspath(typed)
        if os.path.isdir(path):
            self._folder(path, path, (os.path.realpath(path),), everything=True)
        elif os.path.isfile(path):
            self._take(path)
        else:
            raise UsageError(f"--send {printable(typed)} does not exist; name a file or folder.")

    def folder(self, path: str) -> None:
        """Take what a script's folder holds of the user's own."""
        self._folder(path, path, (os.path.realpath(path),), everything=False)

    def notices(self) -> Iterator[str]:
        """Say what was left out."""
        if self._outside:
            yield (
                f"{_listed(self._outside)}: a link that leads out of the script's folder is not "
                "sent; name what it leads to with --send."
            )
        if self._unread:
            yield f"{_listed(self._unread)}: cannot be read, and is not sent."

    def _folder(self, path: str, top: str, above: tuple[str, ...], *, everything: bool) -> None:
        with os.scandir(path) as entries:
            found = sorted(entries, key=lambda each: each.name)
        for entry in found:
            if _is_skipped(entry, everything):
                continue
            if entry.is_symlink() and not everything and not self._follows(entry, top):
                continue
            if not entry.is_dir():
                self._file(entry.path, everything)
            elif (real := os.path.realpath(entry.path)) not in above:  # else a loop of links
                try:
                    self._folder(entry.path, top, (*above, real), everything=everything)
                except PermissionError:
                    self._unread.append(entry.path)

    def _follows(self, entry: os.DirEntry[str], top: str) -> bool:
        real = os.path.realpath(entry.path)
        inside = _is_within(real, os.path.realpath(top))
        if not inside and os.path.exists(real) and entry.path not in self.paths:
            self._outside.append(entry.path)
        return inside

    def _file(self, path: str, everything: bool) -> None:
        if not os.path.isfile(path):  # a socket, a pipe, a link that leads nowhere
            return
        if not os.access(path, os.R_OK):
            self._unread.append(path)
        elif everything or path in self.paths or not _is_ours(path):
            self._take(path)

    def _take(self, path: str) -> None:
        self.paths.add(path)
        self.size_bytes += os.path.getsize(path)
        _check_limits(len(self.paths), self.size_bytes)


def _manifest(
    typed: str, folder: str, paths: Collection[str], notices: tuple[str, ...]
) -> Manifest:
    """Put relative paths and hashes to files."""
    here = os.getcwd()
    folders = {os.path.dirname(each) for each in paths}
    if os.path.isdir(typed):
        folders.add(os.path.dirname(typed))  # a package that is run is known by its folder's name
    if _is_within(typed, here):
        folders.add(here)
    root = os.path.commonpath(folders)
    files, size_bytes = list[SentFile](), 0
    for path in sorted(paths):
        try:
            found = _sent_file(path, os.path.relpath(path, root))
        except OSError as error:
            raise UsageError(
                f"{printable(path)} cannot be read: {error.strerror}; other machines need it, too."
            ) from None
        size_bytes += found.size_bytes
        _check_limits(len(files) + 1, size_bytes)
        files.append(found)
    files += _mark(imports.project_root(folder), root, files)
    return Manifest(
        script=os.path.relpath(typed, root),
        folder=os.path.relpath(here if _is_within(here, root) else folder, root),
        files=tuple(files),
        root=root,
        notices=notices,
    )


def _mark(project: str | None, root: str, files: Sequence[SentFile]) -> list[SentFile]:
    """Return what makes the project's root, or else that of all files, one."""
    at = project if project is not None and _is_within(project, root) else root
    prefix = "" if at == root else os.path.relpath(at, root) + "/"
    tops = {
        each.path.removeprefix(prefix).partition("/")[0]
        for each in files
        if each.path.startswith(prefix)
    }
    return [] if tops & set(imports.ROOT_MARKS) else [SentFile(f"{prefix}{_MARK}", 0, EMPTY)]


def _sent_file(path: str, name: str) -> SentFile:
    digest, size_bytes = hashlib.sha256(), 0
    for data in chunks(path):
        digest.update(data)
        size_bytes += len(data)
        _check_limits(0, size_bytes)
    executable = bool(os.stat(path).st_mode & stat.S_IXUSR)
    return SentFile(name, size_bytes, digest.hexdigest(), executable)


def _check_limits(count: int, size_bytes: int) -> None:
    if count > MAX_FILES:
        raise UsageError(
            f"The script's folder has over {MAX_FILES:,} files, too many to be sent: {_CURE}."
        )
    if size_bytes > MAX_BYTES:
        raise UsageError(
            f"The script's files are over {units.format_bytes(MAX_BYTES)} together, too much to be "
            f"sent: {_CURE}."
        )


def _is_skipped(entry: os.DirEntry[str], named: bool) -> bool:
    """Tell whether what a folder holds is hidden, or made by tools."""
    name = entry.name
    if name.startswith(".") or name == "__pycache__" or name.endswith(".pyc"):
        return True
    if name == "node_modules":
        return not named  # what is imported of them is known
    return entry.is_dir() and os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))


def _is_ours(path: str) -> bool:
    """Tell whether a file is a document, series, page or history that fastbench wrote."""
    if not path.endswith((".json", ".csv", ".html", ".db")):
        return False
    try:
        with open(path, "rb") as opened:
            head = opened.read(1 << 14)
    except OSError:
        return False
    if head.startswith(b"SQLite format 3\0"):
        return head[68:72] == APPLICATION_ID.to_bytes(4, "big")  # sqlite.org/fileformat.html
    return bool(_OURS.match(head) or _OUR_PAGE.match(head))


def _is_wide(folder: str) -> bool:
    """Tell whether a folder is one that things of all kinds lie in."""
    home = os.path.realpath(os.path.expanduser("~"))
    real = os.path.realpath(folder)
    wide = {home, os.path.realpath(tempfile.gettempdir()), "/tmp", "/var/tmp"}
    return real in wide or _is_within(home, real)  # /, or where the homes are


def _is_within(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder


def _told(needs: Needs, passed: Collection[str]) -> Iterator[str]:
    """Say what the script names that stays here."""
    if needs.absolute:
        yield (
            f"{_listed(sorted(needs.absolute))}: the script names it by an absolute path; it is "
            "not sent, each machine must have it there."
        )
    kept = sorted((needs.variables & set(os.environ)) - set(passed) - _OF_EVERY_SHELL)
    if kept:
        flags = " ".join(f"-e {name}" for name in kept[:4])
        yield (
            f"The script reads {_listed(kept)} from the environment, which stays here; add "
            f"{flags} to send it."
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"
