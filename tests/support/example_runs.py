"""Run a script of examples/ against an embedded server of its own, and see both sides' counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from commandline import Shown, invoke, table_at_once, validator
from embedded import Seen, seen, serving

__all__ = ["EXAMPLES", "Ran", "all_of", "ran"]

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: how it ended, its document, what the server counted meanwhile."""

    shown: Shown
    document: Mapping[str, Any]
    server: Seen

    def count(self, metric: str) -> float:
        """Give the count of a counter, or of a trend's samples."""
        return float(self.document["metrics"][metric]["values"]["count"])

    def named(self) -> Counter[str]:
        """Give the requests by method and name, over all scenarios."""
        found: Counter[str] = Counter()
        for row in self.document["requests"]:
            if row["kind"] != "http":
                continue
            found[f"{row['method']} {row['name']}"] += row["requests"]
        return found

    def iterations(self) -> dict[str, int]:
        """Give the whole iterations by scenario."""
        return {row["name"]: row["iterations"] for row in self.document["scenarios"]}

    def checks(self) -> Counter[str]:
        """Give how often each check passed; none may have failed but for being late."""
        found: Counter[str] = Counter()
        for row in self.document["checks"]:
            assert row["fails"] == 0 or "<" in row["name"], row
            found[row["name"]] += row["passes"]
        return found

    def agrees(self) -> None:
        """Assert what holds for every run: both sides count the same, and nothing went wrong."""
        summary = self.document["summary"]
        assert self.server.requests == summary["requests"] == summary["started"] > 0
        assert self.count("http_reqs") == sum(self.named().values()) == self.server.requests
        assert [row for row in self.document["scenarios"] if row["interrupted"]] == []
        assert self.document["exceptions"] == []
        assert sum(self.iterations().values()) == self.count("iterations")


def ran(script: str, *flags: str) -> Ran:
    """Run it; the exit code says what the document says of the thresholds."""
    with serving("--port", "0", "--quiet") as (_, url):
        target = ("-e", f"BASE_URL={url}")
        shown = invoke("run", str(EXAMPLES / script), *target, "--json", "-", *flags)
        server = seen(url)
    assert shown.returncode in (0, 99), shown.stderr
    document = json.loads(shown.stdout)
    validator().validate(document)
    assert shown.returncode == (99 if document["thresholdsFailed"] else 0), shown.stderr
    return Ran(shown, document, server)


def all_of(runs: Mapping[str, tuple[str, ...]]) -> dict[str, Ran]:
    """Run them side by side; a run is a script and its flags."""
    return table_at_once({name: partial(ran, *words) for name, words in runs.items()})
