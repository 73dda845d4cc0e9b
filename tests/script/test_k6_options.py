"""Options and functions of a script of k6 that keep requests back, or mark the run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from k6_texts import run_text
from running import Run
from servers import OK, Server, answering

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.network.blocked import BLOCKED_NAME
from fastbench.plan.network.resolve import ResolveError
from fastbench.script.k6 import k6_settings
from fastbench.script.k6.k6_pace import NUMBER, Pace

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering(OK)) as running:
        yield running


def run(folder: Path, text: str, server: Server, *more: str) -> Run:
    head = "import http from 'k6/http';\nconst URL = __ENV.URL;\n"
    return run_text(folder, head + text, server, "--no-summary", *more, workers=2)


def counter() -> Pace:
    taken = iter(range(1_000_000))
    return Pace(10, 5 * SECOND_NS, lambda number, limit: next(taken) if number == NUMBER else -1)


def test_turns_are_evenly_apart_and_those_that_passed_are_lost() -> None:
    pace = counter()
    begun_ns = 5 * SECOND_NS
    assert [pace.next_ns(begun_ns) - begun_ns for _ in range(3)] == [0, 10**8, 2 * 10**8]
    later_ns = begun_ns + 7 * SECOND_NS
    assert [pace.next_ns(later_ns) - later_ns for _ in range(3)] == [0, 10**8, 2 * 10**8]


def test_rps_is_the_most_over_all_workers(tmp_path: Path, server: Server) -> None:
    text = """
export const options = { rps: 50, vus: 6, iterations: 26 };
export default function () { http.get(`${URL}/`); }
"""
    found = run(tmp_path, text, server)
    assert found.code == 0, found.err
    assert found.summary["ok"] == 26
    assert found.summary["duration_s"] >= 24 / 50
    faster = run(tmp_path, text, server, "--rps", "0")
    assert faster.summary["duration_s"] < 24 / 50


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("a.test", True),
        ("b.a.test", False),
        ("x.wild.test", True),
        ("wild.test", False),
        ("127.0.0.1", False),
    ],
)
def test_a_blocked_name_is_never_asked(host: str, refused: bool) -> None:
    found = k6_settings.blocked({"blockHostnames": ["a.test", "*.Wild.test"]})
    assert found is not None
    if not refused:
        found.check_name(host)
        return
    with pytest.raises(ResolveError, match=BLOCKED_NAME):
        found.check_name(host)


def test_a_pattern_has_its_star_in_front() -> None:
    with pytest.raises(UsageError, match=r"blockHostnames has a\.\*\.test"):
        k6_settings.blocked({"blockHostnames": ["a.*.test"]})


def test_a_run_that_is_marked_as_failed_goes_on_and_is_110(tmp_path: Path, server: Server) -> None:
    text = """
import exec from 'k6/execution';
export const options = { iterations: 3, thresholds: { http_reqs: ['count>100'] } };
export default function () { exec.test.fail('odd answer'); http.get(`${URL}/`); }
"""
    found = run(tmp_path, text, server)
    assert found.code == 110
    assert found.document["summary"]["ended"] == "marked_failed"
    assert found.summary["ok"] == 3
    assert "error: test marked as failed: odd answer" in found.err
    reasons = [each["text"] for each in found.document["outcome"]["reasons"]]
    assert "the script marked the run as failed: odd answer" in json.dumps(
        [reasons, found.document["validity"]]
    )


def test_stages_are_told_and_tagged_by_jslib(tmp_path: Path, server: Server) -> None:
    text = """
import { check } from 'k6';
import exec from 'k6/execution';
import {
  normalDistributionStages, tagWithCurrentStageIndex, tagWithCurrentStageProfile, parseDuration,
} from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';
export const options = {
  stages: [{ duration: '100ms', target: 1 }, { duration: '10m', target: 1 }],
};
const bell = normalDistributionStages(10, 60, 4);
export default function () {
  tagWithCurrentStageIndex(); tagWithCurrentStageProfile();
  const { stage, stage_profile } = exec.vu.metrics.tags;
  if (stage !== '1') return;
  check(null, {
    steady: () => stage_profile === 'steady',
    bell: () => bell.map((each) => each.target).join() === '1,6,10,6,1,0',
    lengths: () => bell.map((each) => each.duration).join() === '10s,10s,10s,10s,10s,10s',
    parsed: () => parseDuration('1h2m3s4ms') === 3723004,
  });
  exec.test.abort();
}
"""
    found = run(tmp_path, text, server)
    checks = {row["name"]: (row["passes"] > 0, row["fails"]) for row in found.document["checks"]}
    assert checks == dict.fromkeys(("steady", "bell", "lengths", "parsed"), (True, 0))


def test_a_rate_that_is_no_count_is_refused(tmp_path: Path, server: Server) -> None:
    text = "export const options = { rps: 1.5 }; export default function () {}"
    found = run(tmp_path, text, server)
    assert found.code == 104 and "rps is a whole number" in found.err


def test_a_run_whose_iterations_all_threw_passes_only_where_that_is_allowed(
    tmp_path: Path, server: Server
) -> None:
    text = """
export const options = { iterations: 3 };
export default function () { http.get(`${URL}/`); throw new Error('no'); }
"""
    found = run(tmp_path, text, server)
    assert found.code == 107
    assert "--max-exceptions 100%" in json.dumps(found.document["validity"])
    for limit in ("50%", "2"):
        assert run(tmp_path, text, server, "--max-exceptions", limit).code == 107
    allowed = run(tmp_path, text, server, "--max-exceptions", "100%")
    assert allowed.code == 0 and allowed.summary["ok"] == 3
