"""The file of --console-output: what a script logs, in logfmt as k6 writes it."""

from __future__ import annotations

import json
import os
import re
import time

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.script import remarks

_LEVELS = {"log": "info", "warn": "warning"}
_PLAIN = re.compile(r"[A-Za-z0-9\-._/@^+]+")


class ConsoleFile:
    """Add lines to a file that all workers write: each line goes out whole."""

    def __init__(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self._fd = os.open(path, flags, 0o644)
        except OSError as error:
            raise UsageError(
                f"--console-output {redact.printable(path)} cannot be written: {error.strerror}."
            ) from None

    def write(self, level: str, text: str) -> None:
        """Add what was logged; k6 leaves out debug, and the texts that are empty."""
        if level == "debug":
            return
        zone = time.strftime("%z")
        zone = "Z" if zone == "+0000" else f"{zone[:-2]}:{zone[-2:]}"
        said = [f'time="{time.strftime("%Y-%m-%dT%H:%M:%S")}{zone}"']
        said.append(f"level={_LEVELS.get(level, level)}")
        if text:
            shown = text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
            said.append(f"msg={shown}")
        try:
            os.write(self._fd, f"{' '.join(said)}\n".encode("utf-8", "replace"))
        except OSError as error:  # no reason for the script to fail
            remarks.tell(
                "console_output",
                f"lines of --console-output were not written: {error.strerror}",
                "look for room on the disk",
            )
