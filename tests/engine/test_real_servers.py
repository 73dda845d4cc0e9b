"""Against real servers: no errors, and counts that agree with the server's own, per method.

The server's own count may exceed ours by what was in flight at the end (it had arrived) and by what
was sent again (it had arrived twice), by nothing else, and it is never smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from commandline import at_once, measured
from real_servers import KINDS, RealServer, real_server
from running import SLOW, Run

pytestmark = pytest.mark.slow

DURATION_S = 3 if SLOW else 0.4
TIMED, CLOSING, GET, HEAD, POST = (
    f"/echo?{name}" for name in ("timed", "closing", "get", "head", "post")
)
MIX = {f"GET {GET}": 500, f"HEAD {HEAD}": 250, f"POST {POST}": 250}
BODY = "name=value&" * 20


@dataclass(frozen=True, slots=True)
class Session:
    """All runs against one server, and the server after its end."""

    server: RealServer
    timed: Run
    closing: Run
    mixed: Run


@pytest.fixture(scope="module", params=KINDS)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    with real_server(request.param) as server:
        mix = tmp_path_factory.mktemp("mix") / "urls"
        mix.write_text(
            f"2 GET {server.url(GET)}\n1 HEAD {server.url(HEAD)}\n1 POST {server.url(POST)}\n"
        )
        common = ("-c10", *server.flags)
        # The mix has one worker, whose cycle gives every request its exact share.
        timed, closing, mixed = at_once(
            (
                lambda: measured(*common, "-d", f"{DURATION_S}s", server.url(TIMED)),
                lambda: measured(*common, "-n300", "--no-keepalive", server.url(CLOSING)),
                lambda: measured(
                    *common, "-n1000", "-t1", "-b", BODY, "--urls-from-file", str(mix)
                ),
            )
        )
    return Session(server, timed, closing, mixed)


def faultless(run: Run) -> None:
    """Every answer was a 200 and nothing else happened; counts and schema were checked before."""
    # Overflows are counted for the whole machine, and other tests fill a queue on purpose.
    warned = {warning["code"] for warning in run.document["warnings"]} - {"listen_overflow"}
    assert (run.code, run.errors, warned) == (0, [], set())
    assert (run.summary["failed"], run.summary["timeouts"]) == (0, 0)
    assert run.document["status_codes"] == {"200": run.summary["ok"]}


def agrees(session: Session, run: Run, *lines: str) -> None:
    """The server's count of these lines is that of the run."""
    if session.server.total_only:
        return  # the sum over all runs is compared below
    beyond = sum(session.server.served[line] for line in lines) - run.summary["requests"]
    assert 0 <= beyond <= run.summary["in_flight_at_end"] + run.summary["retried"]


def test_a_timed_run_has_no_errors_and_agrees_with_the_server(session: Session) -> None:
    faultless(session.timed)
    agrees(session, session.timed, f"GET {TIMED}")
    assert session.timed.summary["requests"] > 50
    # Whoever has no core when the time is over ends later; nobody ends before.
    assert DURATION_S - 0.05 <= session.timed.summary["duration_s"] <= DURATION_S + 1
    assert session.timed.elapsed_s < DURATION_S + 10


def test_a_run_by_count_is_exact_for_every_method(session: Session) -> None:
    faultless(session.mixed)
    assert (session.mixed.summary["ok"], session.mixed.summary["in_flight_at_end"]) == (1000, 0)
    agrees(session, session.mixed, *MIX)
    if not (session.server.total_only or session.mixed.summary["retried"]):
        assert {line: session.server.served[line] for line in MIX} == MIX


def test_without_keepalive_every_request_has_its_connection(session: Session) -> None:
    faultless(session.closing)
    assert (session.closing.summary["ok"], session.closing.summary["retried"]) == (300, 0)
    connects = session.closing.document["latency_ms"]["connect"]["count"]
    assert 300 <= connects <= 300 + 10  # the last of each slot may have been opened for nothing
    agrees(session, session.closing, f"GET {CLOSING}")


def test_the_server_saw_nothing_that_no_run_sent(session: Session) -> None:
    runs = (session.timed, session.closing, session.mixed)
    ended = sum(run.summary["requests"] for run in runs)
    beyond = sum(run.summary["in_flight_at_end"] + run.summary["retried"] for run in runs)
    assert ended <= session.server.served.total() <= ended + beyond
