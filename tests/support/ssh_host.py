"""A server of SSH that runs what it is told, for hosts of namespaces: `python ssh_host.py FOLDER`.

Who has the key of the folder is let in. `keys` makes what lies there, as ~/.ssh has it: the
client's key and a list of hosts that it knows, to which `trust` adds. It says where it listens.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import asyncssh

__all__ = ["keys", "trust"]


def keys(home: Path) -> Path:
    """Make the keys of a client and of its servers in a home folder; return the servers' folder."""
    folder = home / ".ssh"
    folder.mkdir()
    client, server = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    client.write_private_key(folder / "id_ed25519")
    server.write_private_key(folder / "server")
    client.write_public_key(folder / "authorized")
    server.write_public_key(folder / "server.pub")
    (folder / "known_hosts").touch()
    return folder


def trust(folder: Path, addresses: Sequence[tuple[str, str]]) -> None:
    """Let the client know servers by their hosts and ports."""
    public = (folder / "server.pub").read_text()
    rows = [f"[{host}]:{port} {public}" for host, port in addresses]
    (folder / "known_hosts").write_text("".join(rows))


async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Run one command until it or its connection ends."""
    pipe = asyncio.subprocess.PIPE
    shell = await asyncio.create_subprocess_shell(
        process.command or "true", stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    await process.redirect(stdin=shell.stdin, stdout=shell.stdout, stderr=shell.stderr)
    ended, closed = asyncio.create_task(shell.wait()), asyncio.create_task(process.wait_closed())
    await asyncio.wait((ended, closed), return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        process.exit(ended.result())
    else:
        os.killpg(shell.pid, signal.SIGKILL)


async def serve(folder: Path) -> None:
    server = await asyncssh.listen(
        "0.0.0.0",
        0,
        server_host_keys=[str(folder / "server")],
        authorized_client_keys=str(folder / "authorized"),
        process_factory=run,
        encoding=None,
    )
    sys.stdout.write(f"{server.get_port()}\n")
    sys.stdout.flush()
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
