"""Where a command will write: looked at before the load, for afterwards the result would be lost.

1. `check` changes nothing. It refuses what cannot be a file, two forms on one path, and a path that
   is read, too; two paths are one if they lead to one file, by whatever name.
2. `prepare` makes the folders, and tries in each what writing will need.
3. Devices and pipes take what comes: they are written as they are, and opened when there is
   something to write, for a reader of a pipe must not see it end before.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

from fastbench.foundation import files, redact
from fastbench.foundation.usage_error import UsageError
from fastbench.results.history import baseline_store

if TYPE_CHECKING:
    from fastbench.cli.output.settings import Output

_STDOUT = frozenset({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
_STREAMS = ("/dev/", "/proc/")  # written as they are, to what is open behind the name
_STANDARD = ((1, "standard output"), (2, "standard error"))
_REFUSED = (  # what a path may lead to but no result goes into
    (stat.S_ISDIR, "is a folder; name a file in it"),
    (stat.S_ISSOCK, "is a socket; name a file"),
    (stat.S_ISBLK, "is a disk; name a file"),
)


@dataclass(frozen=True, slots=True)
class File:
    """A file of the command line, and the flag or word that names it."""

    flag: str
    path: str

    @property
    def shown(self) -> str:
        return redact.printable(self.path)


def named(path: str) -> str:
    """Return `-` for every name of standard output: what is meant for eyes then goes elsewhere."""
    return "-" if path in _STDOUT else path


def written(output: Output) -> list[File]:
    """List the files that a command is to write."""
    found = [File(f"--{form}", path) for form, path in output.forms.items()]
    if output.json_path is not None:
        found.insert(0, File("--json", output.json_path))
    if output.k6.export is not None:
        found.append(File("--summary-export", output.k6.export))
    found += [
        File(f"-o {each.sort}", each.where) for each in output.outs if "://" not in each.where
    ]
    if output.record is not None:
        found.append(File("--history", output.record.path))
    if output.save_baseline is not None:
        path = baseline_store.saved_path(output.save_baseline)
        found.append(File("--save-baseline", str(path)))
    return found


def read(flags: SimpleNamespace, *others: File) -> list[File]:
    """List the files that a command reads: those of its flags, and what else it names."""
    one = {
        "body_file": "-D",
        "feed": "--feed",
        "script": "-s",
        "cacert": "--cacert",
        "cert": "--cert",
        "key": "--key",
    }
    found = [File(flag, getattr(flags, dest, None) or "") for dest, flag in one.items()]
    found += [File("--urls-from-file", path) for path in getattr(flags, "urls_from_file", ())]
    found += [File(*each) for each in _with_marks(flags)]
    baseline = getattr(flags, "baseline", None)
    if baseline and not baseline_store.is_saved(baseline):  # under its name it may be replaced
        found.append(File("--baseline", baseline))
    for word in getattr(flags, "env", ()):  # a table of the script's, mostly
        name, _, value = word.partition("=")
        found.append(File(f"-e {name}", value))
    return [each for each in (*found, *others) if each.path]


def one_stdin(inputs: Iterable[File]) -> None:
    """Refuse two that read standard input: the second would find nothing. Raises UsageError."""
    both = [each.flag for each in inputs if each.path in ("-", "/dev/stdin")]
    if len(both) > 1:
        raise UsageError(f"{both[0]} and {both[1]} both read standard input; put one in a file.")


def check(outputs: Sequence[File], inputs: Iterable[File]) -> None:
    """Refuse places that cannot be written, or not without a loss; raises UsageError."""
    taken: dict[object, File] = {}
    for number, name in _STANDARD:
        if key := _regular(number):
            taken[key] = File(name, "")
    reads = {_key(each.path): each for each in inputs}
    for each in outputs:
        if each.path == "-":
            continue
        _refuse(each)
        key = _key(each.path)
        if key is None:
            continue
        other = taken.get(key)
        if other and not (each.path.startswith(_STREAMS) and not other.path):
            raise UsageError(
                f"{other.flag} and {each.flag} would both write {each.shown}; give each its own "
                "file."
            )
        if other := reads.get(key):
            raise UsageError(
                f"{each.flag} {each.shown} would overwrite what {other.flag} reads; name another "
                "file."
            )
        taken[key] = each


def prepare(outputs: Iterable[File]) -> None:
    """Make the folders of the files, and see that each can be written; raises UsageError."""
    for each in outputs:
        if each.path == "-":
            continue
        try:
            if folder := os.path.dirname(os.path.realpath(each.path)):
                os.makedirs(folder, exist_ok=True)
            in_place = each.flag.startswith(("-o ", "--history"))
            files.try_to_write(each.path, in_place=in_place)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(f"{each.flag} {each.shown} cannot be written: {reason}.") from None


def _with_marks(flags: SimpleNamespace) -> Iterator[tuple[str, str]]:
    """Give what stands behind an `@`, as in curl: the file of a body, of headers, of a form."""
    for flag, texts in (
        ("-b", [getattr(flags, "body", None) or ""]),
        ("-H", getattr(flags, "headers", ())),
        *((flag, [value]) for flag, value in getattr(flags, "data", ())),
    ):
        for text in texts:
            name, mark, path = text.partition("@")
            if mark and flag != "--data-raw" and (not name or flag == "--data-urlencode"):
                yield flag, path
    for text in getattr(flags, "forms", ()):
        value = text.partition("=")[2]
        if value[:1] in ("@", "<"):
            yield "-F", value[1:].partition(";")[0]


def _refuse(file: File) -> None:
    """Refuse what no result goes into."""
    try:
        mode = os.stat(file.path).st_mode
    except FileNotFoundError:
        if not os.path.basename(file.path):
            raise UsageError(f"{file.flag} {file.shown} names a folder; name a file.") from None
        return
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise UsageError(f"{file.flag} {file.shown} cannot be written: {reason}.") from None
    for is_so, cure in _REFUSED:
        if is_so(mode):
            raise UsageError(f"{file.flag} {file.shown} {cure}.")


def _key(path: str) -> object:
    """Return what tells one file from another, None for a device, which takes everything."""
    try:
        found = os.fstat(0) if path == "-" else os.stat(path)
    except (OSError, ValueError):
        return os.path.realpath(path) if "\0" not in path else None
    return None if stat.S_ISCHR(found.st_mode) else (found.st_dev, found.st_ino)


def _regular(number: int) -> object:
    """Return what tells the file that a standard stream goes to, None where it is no file."""
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None
