"""Send the files of a script to the machines that lack them, to several machines side by side.

A machine counts as served once all of its files are on the way to it, so that no more than
MACHINES_AT_ONCE times what one line holds (machine_link.MAX_WAITING) is in memory, however many
machines there are.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from fastbench.cluster import message_codec, sent_files
from fastbench.cluster.links.machine_link import MachineLink
from fastbench.cluster.sent_files import Manifest
from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError

MACHINES_AT_ONCE = 8


async def send_all(manifest: Manifest, missing: Mapping[MachineLink, list[str]]) -> None:
    """Send each machine what it lacks, by the SHA-256 of the files.

    Raises UsageError for a file that cannot be read, or that was written to.
    """
    some = asyncio.Semaphore(MACHINES_AT_ONCE)

    async def send(machine: MachineLink, names: list[str]) -> None:
        async with some:
            for name in names:
                if not machine.lost:
                    await _send(machine, manifest.path_of(name), name)
            await machine.handed_on()

    sending = [asyncio.create_task(send(*each)) for each in missing.items()]
    try:
        await asyncio.gather(*sending)
    finally:
        for each in sending:
            each.cancel()


async def _send(machine: MachineLink, path: str, name: str) -> None:
    try:
        size_bytes = left_bytes = os.path.getsize(path)
        chunks = sent_files.chunks(path)
        # A disk, or one of the network, may be slow: the lines to all machines go on meanwhile.
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            left_bytes -= len(chunk)
            body: dict[str, Any] = {"sha256": name, "size_bytes": size_bytes}
            body |= {"last": left_bytes <= 0, "data": message_codec.base64_of(chunk)}
            await machine.post_in_turn("file", body)
            if machine.lost:
                return
    except OSError as error:
        raise UsageError(f"{printable(path)} cannot be read: {error.strerror}.") from None
    if left_bytes:
        raise UsageError(f"{printable(path)} was written to while it was sent; run it again.")
