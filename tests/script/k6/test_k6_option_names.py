"""Every option of k6 is honoured, told of, or means nothing here; what is no option is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from beside_k6 import find_k6
from k6_texts import run_text
from servers import OK, Server, answering

from fastbench.foundation.usage_error import UsageError
from fastbench.script.k6 import k6_network, k6_option_names, k6_options, k6_settings
from fastbench.script.run_request import K6Words

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

# lib/options.go of k6 1.1; the last two came with k6 2.
ALL = (
    *("paused", "vus", "duration", "iterations", "stages", "scenarios", "executionSegment"),
    *("executionSegmentSequence", "noSetup", "setupTimeout", "noTeardown", "teardownTimeout"),
    *("rps", "dns", "maxRedirects", "userAgent", "batch", "batchPerHost", "httpDebug"),
    *("insecureSkipTLSVerify", "tlsCipherSuites", "tlsVersion", "tlsAuth", "throw", "thresholds"),
    *("blacklistIPs", "blockHostnames", "hosts", "noConnectionReuse", "noVUConnectionReuse"),
    *("minIterationDuration", "cloud", "ext", "summaryTrendStats", "summaryTimeUnit"),
    *("systemTags", "tags", "metricSamplesBufferSize", "noCookiesReset", "discardResponseBodies"),
    *("handleSummaryTimeout", "features"),
)
# Of each that has an effect, a value that k6 refuses, or that shows in what a run is to do.
HONOURED: dict[str, Any] = {
    "vus": "many", "duration": "x", "iterations": "many", "stages": 5, "scenarios": 5,
    "setupTimeout": "x", "teardownTimeout": "x", "rps": "many", "dns": {"select": "x"},
    "maxRedirects": "many", "batch": "many", "batchPerHost": "many", "httpDebug": 5,
    "tlsCipherSuites": ["x"], "tlsVersion": "x", "tlsAuth": ["x"], "thresholds": 5,
    "blacklistIPs": ["x"], "blockHostnames": ["a*b"], "minIterationDuration": "x",
    "summaryTrendStats": ["x"], "summaryTimeUnit": "x", "tags": 5, "handleSummaryTimeout": "x",
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering(OK)) as running:
        yield running


def test_every_name_of_k6_is_known_and_no_other() -> None:
    own = {"noThresholds"}  # in k6 a flag and K6_NO_THRESHOLDS alone
    assert {*ALL, *own} == k6_option_names.NAMES
    shown = {*json.loads(json.dumps(k6_options.settled({})))} - {"consoleOutput", "localIPs"}
    assert shown <= set(ALL)


@pytest.mark.parametrize("name", HONOURED)
def test_what_is_wrong_with_an_option_is_said_in_its_name(name: str) -> None:
    given = {name: HONOURED[name]}
    with pytest.raises(UsageError) as refused:
        k6_settings.options_of(given)
        k6_settings.rate_of(given.get("rps"))
        k6_settings.blocked(given)
        k6_network.read(given)
    assert name.lower() in str(refused.value).lower().replace("_", "")


@pytest.mark.parametrize("name", sorted(k6_option_names.UNUSED))
def test_what_has_no_effect_is_told(name: str) -> None:
    (said,) = k6_option_names.unused({name: ["x"], "cloud": {"x": 1}, "vus": 1})
    assert said.startswith(f"options.{name} is not used: ")
    assert not k6_option_names.unused({name: None})


def test_one_network_and_one_name_alone_are_lists_of_one() -> None:
    found = k6_options.settled({"blacklistIPs": "10.0.0.1/8", "blockHostnames": "*.x.y"})
    assert (found["blacklistIPs"], found["blockHostnames"]) == (["10.0.0.0/8"], ["*.x.y"])
    assert k6_options.settled({"blacklistIPs": ""})["blacklistIPs"] is None


def test_the_summary_has_as_long_as_options_say() -> None:
    times = (None, "3s", 1500, "1m30s")
    found = [k6_settings.summary_limit_s({"handleSummaryTimeout": each}) for each in times]
    assert found == [120, 3, 1.5, 90]


def test_names_are_read_in_any_case_as_go_does() -> None:
    own = {"VUS": 2, "scenarios": {"Own": {"Executor": "constant-vus", "MAXVUS": 1, "x": 1}}}
    found, _ = k6_settings.joined(own, K6Words())
    inner = {"executor": "constant-vus", "maxVUs": 1, "x": 1}
    assert found["scenarios"] == {"Own": inner}
    assert k6_option_names.spelled({"noVuConnectionREUSE": True}) == {"noVUConnectionReuse": True}


@pytest.mark.parametrize(
    ("dns", "family", "one"),
    [
        ({}, 0, False),
        ({"policy": "onlyIPv4", "select": "first"}, 4, True),
        ({"policy": "onlyIPv6", "select": "random"}, 6, False),
        ({"policy": "preferIPv6"}, 0, False),
    ],
)
def test_dns_chooses_addresses(dns: dict[str, str], family: int, one: bool) -> None:
    found = k6_network.read({"dns": dns})
    assert (found.family, found.one_address) == (family, one)


def test_a_time_to_live_of_names_is_told() -> None:
    (said,) = k6_option_names.unused({"dns": {"ttl": "1m"}})
    assert said == "options.dns.ttl is not used: a name is looked up once a run."
    assert not k6_option_names.unused({"dns": {"ttl": "inf"}})


SCRIPT = """
import http from 'k6/http';
export const options = { Iterations: 2, itterations: 9, localIPs: '127.0.0.2', zzz: 1 };
export default function () { http.get(`${__ENV.URL}/`); }
"""


def test_a_typo_is_told_with_what_was_meant_and_the_run_goes_on(
    tmp_path: Path, server: Server
) -> None:
    found = run_text(tmp_path, SCRIPT, server)
    assert (found.code, found.summary["ok"]) == (0, 2)
    for said in (
        "options.itterations is not used: k6 has no such option; did you mean iterations?",
        "options.localIPs is not used, as in k6: give --local-ips.",
        "options.zzz is not used: k6 has no such option.",
    ):
        assert said in found.err


@pytest.mark.skipif(find_k6() is None, reason="k6 is not installed (PyPI has it)")
def test_k6_itself_knows_these_names_and_runs_with_others(tmp_path: Path) -> None:
    from subprocess import run

    names = [name for name in ALL if name not in ("handleSummaryTimeout", "features")]
    path = tmp_path / "script.js"

    def told(options: str) -> tuple[int, str]:
        path.write_text(f"export const options = {options};\nexport default function () {{}}")
        words = [str(find_k6()), "run", "--quiet", "--no-usage-report", str(path)]
        done = run(words, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
        return done.returncode, done.stderr

    nothing = ", ".join(f"{name}: undefined" for name in names)
    code, said = told(f"{{ {nothing}, Iterations: 1 }}")
    assert code == 0 and "unknown" not in said
    known = json.dumps({"vus": 1, "iterations": 1, "noSetup": True, "zzz": 1})
    code, said = told(known)
    assert code == 0 and "unknown field" in said and "zzz" in said
