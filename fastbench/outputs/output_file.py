"""A file that grows as the run goes: whole lines only, also when the disk is full."""

from __future__ import annotations

import os
import stat
import zlib

from fastbench.foundation import files
from fastbench.outputs.point import OutputError
from fastbench.outputs.queue import Output

_GZIP = 16 + zlib.MAX_WBITS
OPEN = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
OPEN_STREAM = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC  # /dev/stderr may lead to a file with a past


class OutFile:
    """An open file; a name that ends in .gz is compressed, and readable at any time."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, OPEN_STREAM if files.is_stream(path) else OPEN, 0o666)
        self._regular = stat.S_ISREG(os.fstat(self._fd).st_mode)
        self._at = 0
        self._why = "it is closed"
        self._gzip = zlib.compressobj(wbits=_GZIP) if path.endswith(".gz") else None

    def write(self, lines: bytes) -> None:
        """Write whole lines; raises OutputError, and then none of them stands in the file."""
        if self._fd < 0:
            raise OutputError(self._why)
        if self._gzip is not None:
            lines = self._gzip.compress(lines) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
        self._write(lines)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            self._give_up((error.strerror or str(error)).lower())
            raise OutputError(self._why) from None
        self._at += len(data)

    def _give_up(self, why: str) -> None:
        """Cut off what was written in part. Of a compressed stream nothing could follow it."""
        self._why = why
        if self._regular:
            os.ftruncate(self._fd, self._at)
        self.close()

    def finish(self, lines: bytes = b"") -> None:
        """Write the last lines, make all of it durable, close."""
        if lines:
            self.write(lines)
        if self._fd < 0:
            raise OutputError(self._why)
        if self._gzip is not None:
            self._write(self._gzip.flush())
        try:
            if self._regular:
                os.fsync(self._fd)
        except OSError as error:
            raise OutputError((error.strerror or str(error)).lower()) from None
        finally:
            self.close()

    def close(self) -> None:
        """Close it; may be called again."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


class FileOutput(Output):
    """An output that is a file. Raises OSError when that cannot be made."""

    is_file = True

    def __init__(self, path: str, shown: str) -> None:
        self.shown = shown
        self._file = OutFile(path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
