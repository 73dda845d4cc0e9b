"""The names of k6's options: which are honoured, which mean nothing here, and what is none.

1. Go reads names in any case, and so do we: `VUS` is `vus`.
2. What is not used is told by name, and the run goes on, as in k6: also a name that k6 has not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from fastbench.foundation import redact

OURS = frozenset(  # fields of our Options
    (
        *("vus", "duration", "iterations", "stages", "scenarios", "thresholds", "tags"),
        *("userAgent", "maxRedirects", "batch", "batchPerHost", "noConnectionReuse"),
        *("noVUConnectionReuse", "noCookiesReset", "discardResponseBodies", "setupTimeout"),
        *("teardownTimeout", "minIterationDuration"),
    )
)
READ_HERE = frozenset(
    (
        *("hosts", "throw", "insecureSkipTLSVerify", "tlsAuth", "tlsVersion", "tlsCipherSuites"),
        *("summaryTrendStats", "summaryTimeUnit", "rps", "httpDebug", "dns", "blacklistIPs"),
        *("blockHostnames", "noSetup", "noTeardown", "noThresholds", "handleSummaryTimeout"),
    )
)
# They say nothing of a run on one machine: of k6's cloud, and of its inner workings.
MEANINGLESS = frozenset(("cloud", "ext", "metricSamplesBufferSize"))
UNUSED: Mapping[str, str] = {
    "executionSegment": "the whole load is run",
    "executionSegmentSequence": "the whole load is run",
    "paused": "a run starts at once",
    "systemTags": "samples have all tags that are counted by",
    "features": "there is none to choose",
}
_OF_FLAGS: Mapping[str, str] = {  # in k6, too, no options of a script
    "consoleOutput": "--console-output",
    "linger": "--linger",
    "localIPs": "--local-ips",
    "noSummary": "--no-summary",
    "noUsageReport": "--no-usage-report",
    "secretSource": "--secret-source",
    "summaryExport": "--summary-export",
}
NAMES = OURS | READ_HERE | MEANINGLESS | UNUSED.keys()
_OF_SCENARIOS = (
    *("executor", "startTime", "gracefulStop", "env", "exec", "tags", "options", "vus"),
    *("iterations", "maxDuration", "duration", "startVUs", "stages", "gracefulRampDown"),
    *("rate", "timeUnit", "preAllocatedVUs", "maxVUs", "startRate"),
)


def spelled(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options, and those of their scenarios, under k6's own spelling of their names."""
    found = _spelled(given, NAMES)
    scenarios = found.get("scenarios")
    if isinstance(scenarios, Mapping):
        found["scenarios"] = {
            name: _spelled(each, _OF_SCENARIOS) if isinstance(each, Mapping) else each
            for name, each in scenarios.items()
        }
    return found


def _spelled(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    known = {name.lower(): name for name in names}
    return {known.get(name.lower(), name): value for name, value in given.items()}


def unused(given: Mapping[str, Any]) -> tuple[str, ...]:
    """Say which of a script's options are not used, and why."""
    told = []
    for name, value in given.items():
        if name in UNUSED and value not in (None, [], {}, "", False):
            told.append(f"options.{name} is not used: {UNUSED[name]}.")
        elif name in _OF_FLAGS:
            told.append(f"options.{name} is not used, as in k6: give {_OF_FLAGS[name]}.")
        elif name not in NAMES:
            told.append(_unknown(name))
    dns = given.get("dns")
    if isinstance(dns, Mapping) and dns.get("ttl") not in (None, "", "inf"):
        told.append("options.dns.ttl is not used: a name is looked up once a run.")
    return tuple(told)


def _unknown(name: str) -> str:
    near = get_close_matches(name.lower(), [each.lower() for each in NAMES], 1)
    meant = next((each for each in sorted(NAMES) if near and each.lower() == near[0]), "")
    shown = redact.printable(name)[:80]
    return f"options.{shown} is not used: k6 has no such option" + (
        f"; did you mean {meant}?" if meant else "."
    )
