"""What fastbench does not do, each with the way round it."""

from __future__ import annotations

from collections.abc import Sequence

COMMANDS = {
    "convert": "write the requests to a file and use --urls-from-file FILE",
    "new": "use `fastbench URL`",
    "merge": "keep one --json file per machine",
    "server": "the test server is `fastbench serve`",
}

_FILES = "use --json FILE or --csv FILE"
_FLAGS = {
    "--qps": "the rate is -R",
    "--burst-delay --burst-rate": (
        "write a burst as stages, as in -R 100 --stages 10s:100,1ms:1000,1s:1000"
    ),
    "--stage": "write all stages in one --stages, as 30s:20,1m:50,10s:0",
    "--abort-on-fail": "write --threshold 'errors<1% [abort]'",
    "--thresholds": "write --threshold once for each",
    "--output": _FILES,
    "-u --vus -i --iterations -e --env --scenario --tag --tags": (
        "scenario scripts are for `fastbench run`; here use -c, -d and -n"
    ),
    "-x --proxy": "point the URL at the server itself",
    "-h2 --h2 --http2 --http3 --h3": "HTTP/1.1 is spoken, so leave it out",
    "--redirects --redirect -disable-redirects --disable-redirects": (
        "redirects are never followed, a 3xx is an answer; name the final URL"
    ),
    "--compressed -disable-compression --disable-compression": (
        "ask for it with -H 'Accept-Encoding: gzip'; answers are not unpacked"
    ),
    "--connect-to --resolve": "give the address in the URL, with --host and --servername",
    "--curl --har": "give the URL, -m, -H and -b",
    "--percentiles": "p50 to p99.99 are in every --json document",
    "--pin": "set the number of workers with -t",
    "-U": "use --user-agent NAME",
    "-f --body-path": "use -D FILE",
    "-G --get": "write the query into the URL",
    "-I --head": "use -m HEAD",
    "--reconnect-every": "use --no-keepalive for a new connection per request",
    "--dry-run --verbose": "--debug sends one request and shows both sides",
    "--no-verify --skip-verify": "use -k",
    "--time-unit --no-dns-cache --config": "leave it out",
}


def command(word: str) -> str:
    """Return the sentence for a command that is none yet."""
    return f"`fastbench {word}` is not part of this version; {COMMANDS[word]}."


def exact(name: str) -> str:
    """Return the sentence for a flag in this very spelling, or ""."""
    cures = (cure for spellings, cure in _FLAGS.items() if name in spellings.split())
    return next((f"{name} is not part of this version; {cure}." for cure in cures), "")


def flag(word: str, known: Sequence[str]) -> str:
    """Return the sentence for a flag that is none, with its alternative or the nearest spelling.

    Only the flag is repeated, never a value glued to it.
    """
    name = word.partition("=")[0]
    short = name[:2]
    if sentence := exact(name) or (not name.startswith("--") and exact(short)):
        return sentence
    from difflib import get_close_matches

    shown = name if name.startswith("--") else short
    near = get_close_matches(shown, known, n=1, cutoff=0.75) if len(shown) > 2 else []
    cure = f"did you mean {near[0]}?" if near else "see fastbench --help for those it has."
    return f"{shown} is no flag of fastbench; {cure}"
