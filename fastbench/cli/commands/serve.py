"""`fastbench serve`: the embedded server, to have something to benchmark."""

from __future__ import annotations

import os

from fastbench.cli.args.command_parser import Parser
from fastbench.cli.help import pager
from fastbench.foundation.usage_error import UsageError


def parser() -> Parser:
    """Return the parser of the words."""
    made = Parser(
        "serve",
        description="Run a small test server (HTTP, WebSocket) until Ctrl-C. GET / lists routes.",
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    made.add_argument("--port", default="8080", help="port, or 0 for any free port (%(default)s)")
    made.add_argument("--uds", metavar="PATH", help="listen on a Unix socket instead")
    made.add_argument("--quiet", action="store_true", help="print only the address")
    made.add_argument(
        "--with-parent", action="store_true", help="exit when the parent process exits"
    )
    return made


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65535):
        raise UsageError(f"--port {text!r} is not a port: give 0 to 65535, 0 for any free one")
    return int(text)


def _serve(argv: list[str]) -> None:
    flags = parser().parse_args(argv)
    port = _port(flags.port)
    if flags.uds == "":
        raise UsageError("--uds needs a path: --uds /run/app.sock")
    from fastbench.server.server import die_with_parent, serve

    if flags.with_parent:
        die_with_parent()

    def ready(address: str) -> None:
        more = "" if flags.quiet else "\nGET / lists the routes; Ctrl-C ends it"
        pager.write(f"listening on {address}{more}")  # it serves, whether anybody reads this or not

    try:
        serve(flags.host, port, flags.uds, ready)
    except OSError as error:
        place = flags.uds or f"{flags.host}:{port}"
        number = error.errno or 0  # negative for a name that does not resolve, None for long paths
        why = os.strerror(number) if number > 0 else error.strerror or str(error)
        raise UsageError(
            f"cannot listen on {place}: {why}; name another with --host and --port, or --uds"
        ) from error


def main(argv: list[str]) -> int:
    """Serve until SIGINT or SIGTERM; return 0, or 1 after one sentence about what was wrong."""
    try:
        _serve(argv)
    except UsageError as error:
        pager.notes([str(error)])
        return 1
    except KeyboardInterrupt:  # Ctrl-C before the loop took the signals over
        return 0
    return 0
