"""Try an installed fastbench: `python try_wheel.py` in the environment where it is installed.

It needs trustme, and neither a compiler nor a checkout. Served, benchmarked over TLS and asked by
scripts of k6; ends with an AssertionError if something is not as it should be.
"""

import asyncio
import json
import ssl
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

COMMAND = Path(sysconfig.get_path("scripts"), "fastbench")
LIMIT_S = 60
REQUESTS = 200
K6 = """
import http from 'k6/http';
import { check } from 'k6';
export const options = { vus: 2, iterations: 20, thresholds: { checks: ['rate==1'] } };
export default function ()%s {
  const answer%s = http.get(`${__ENV.BASE_URL}/api/health`);
  check(answer, { 'it answers': (r) => r.status === 200 });
}
"""
SCRIPTS = {"load.js": K6 % ("", ""), "load.ts": K6 % (": void", ": any")}
# The engine alone: Python's own ssl would load the system's OpenSSL beside it.
LOADED = """
import fastbench.engine.bridge._core
found = {line.split()[-1] for line in open("/proc/self/maps")}
print(*sorted(each for each in found if "libssl" in each or "libcrypto" in each))
"""


def main() -> None:
    """Try all of it in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        libraries = run(folder, sys.executable, "-c", LOADED).split()
        inside = [Path(each).parent.name == "fastbench_http.libs" for each in libraries]
        assert len(inside) == 2 and all(inside), f"OpenSSL is not that of the wheel: {libraries}"
        with served() as url:
            over_tls(folder, int(url.rpartition(":")[2]))
            for file, text in SCRIPTS.items():
                (folder / file).write_text(text)
                run(folder, COMMAND, "run", "--quiet", "-e", f"BASE_URL={url}", file)
        run(folder, COMMAND, "examples", "copy", "health")
    print(f"works: {', '.join(Path(each).name for each in libraries)}, TLS, {', '.join(SCRIPTS)}")


def over_tls(folder: Path, port: int) -> None:
    """Benchmark the server at a port over TLS; every request succeeds."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def benchmarked() -> None:
        server = await asyncio.start_server(relay(port), "127.0.0.1", 0, ssl=context)
        async with server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/health"
            flags = ("-c", "2", "-n", str(REQUESTS), "--cacert", "ca.pem", "--json", "tls.json")
            await asyncio.to_thread(run, folder, COMMAND, *flags, url)

    asyncio.run(benchmarked())
    summary = json.loads((folder / "tls.json").read_text())["summary"]
    assert summary["ok"] == summary["requests"] == REQUESTS, summary


def relay(
    port: int,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return what carries a connection to another port, both ways."""

    async def carried(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(one_way(reader, back), one_way(there, writer))

    return carried


async def one_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Write what is read, up to its end."""
    try:
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@contextmanager
def served() -> Iterator[str]:
    """Run `fastbench serve`; give its address."""
    words = [COMMAND, "serve", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


def run(folder: Path, *words: str | Path) -> str:
    """Run a program in the folder; return what it printed. Raises AssertionError if it fails."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


if __name__ == "__main__":
    main()
