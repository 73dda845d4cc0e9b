"""The examples with several profiles and the help desk's folder, scaled down, beside the server."""

from __future__ import annotations

import pytest
from example_runs import Ran, all_of

SHAPES = {
    "constant_load": ("-eSCENARIO=constant_load", "--time-scale=0.003"),
    "ramp_up": ("--scenario=ramp_up", "--time-scale=0.001"),
    "stress_test": ("-eSCENARIO=stress_test", "--time-scale=0.001"),
    "spike_test": ("--scenario=spike_test", "--time-scale=0.006"),
    "soak_test": ("-eSCENARIO=soak_test", "--time-scale=0.0003"),
}
# The script and its flags; each takes about a second.
RUNS: dict[str, tuple[str, ...]] = {
    "smoke": ("messaging.py", "--scenario=smoke", "-eTHINK_S=0.01"),
    "profiles": (
        *("messaging.py", "--scenario=load", "--scenario=spike", "--scenario=conversation"),
        *("--time-scale=0.02", "--scale=0.2", "-eTHINK_S=0.1"),
    ),
    "helpdesk/smoke": ("helpdesk/smoke.py", "--time-scale=0.01", "-eTHINK_SCALE=0.05"),
    "helpdesk/load": (
        *("helpdesk/load.py", "--time-scale=0.0012", "--scale=0.1", "-eTHINK_SCALE=0.05"),
    ),
    "helpdesk/spike": (
        *("helpdesk/stress.py", "-ePROFILE=spike", "--time-scale=0.004", "--scale=0.04"),
        "-eTHINK_SCALE=0.1",
    ),
    **{name: ("profiles.py", "--scale=0.1", "-eTHINK_S=0.1", *SHAPES[name]) for name in SHAPES},
}


@pytest.fixture(scope="module")
def runs() -> dict[str, Ran]:
    return all_of(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_both_sides_count_the_same(runs: dict[str, Ran], name: str) -> None:
    runs[name].agrees()


def test_smoke_does_everything_five_times_and_cleans_up(runs: dict[str, Ran]) -> None:
    run = runs["smoke"]
    assert run.iterations() == {"smoke": 5}
    assert run.server.answers == {
        "POST /auth/register 201": 1,
        "POST /auth/login 200": 1,
        "GET /auth/me 200": 5,
        "POST /messages/send 200": 5,
        "GET /messages/conversations 200": 5,
        "GET /messages/conversations/ID 200": 5,
        "PATCH /messages/conversations/ID/read 200": 5,
        "POST /messages/conversations/ID/reply 200": 5,
        "GET /analytics/summary 200": 5,
        "DELETE /admin/cleanup-test-data 200": 1,
    }
    assert run.count("auth_successes") == 1
    assert run.count("successful_requests") == 2 + 5 * 7
    assert run.count("message_send_duration") == run.count("analytics_duration") == 5
    assert run.checks()["test data removed"] == 1
    assert run.named()["GET /messages/conversations/{id}"] == 5


def test_profiles_run_together_and_keep_apart(runs: dict[str, Ran]) -> None:
    run = runs["profiles"]
    peaks = {row["name"]: row["vus_max"] for row in run.document["scenarios"]}
    assert peaks == {"load": 2, "spike": 10, "conversation": 4}
    users = run.count("auth_successes")
    assert users == run.server.totals["logins"] == run.server.totals["registered"]
    assert run.server.totals["messages"] == run.count("message_send_duration") + run.count(
        "conversation_fetch_duration"
    )
    tagged = [each for each in run.document["thresholds"] if "endpoint:" in each]
    assert len(tagged) == 2
    assert run.server.answers["DELETE /admin/cleanup-test-data 200"] == 1


@pytest.mark.parametrize("name", SHAPES)
def test_each_shape_can_be_chosen(runs: dict[str, Ran], name: str) -> None:
    run = runs[name]
    iterations = run.iterations()
    assert list(iterations) == [name]
    assert run.server.answers == {
        "GET /rest/v1/conversations 200": iterations[name],
        "GET /rest/v1/messages 200": iterations[name],
        "POST /functions/v1/NAME 200": iterations[name],
    }
    assert run.count("conversation_duration") == iterations[name]


def test_help_desk_smoke(runs: dict[str, Ran]) -> None:
    run = runs["helpdesk/smoke"]
    iterations = run.iterations()["smoke"]
    assert run.server.answers == {
        "GET /health 200": iterations,
        "GET /api/v1/health 200": iterations,
    }


def test_tickets_live_in_groups_beside_the_knowledge_base(runs: dict[str, Ran]) -> None:
    run = runs["helpdesk/load"]
    iterations = run.iterations()
    tickets = iterations["ticket_operations"]
    assert run.count("tickets_created") == run.server.totals["tickets_created"] == tickets
    assert run.server.totals["comments"] == run.server.totals["tickets_changed"] == tickets
    assert run.named()["GET /api/v1/tickets/{id}"] == tickets
    assert run.named()["POST /api/v1/tickets/{id}/comments"] == tickets
    # Each user logs in once and keeps the token.
    peak = {row["name"]: row["vus_max"] for row in run.document["scenarios"]}["ticket_operations"]
    assert run.server.totals["logins"] == run.count("login_duration") == peak == 10
    groups = {row["group"] for row in run.document["checks"]}
    assert "::Ticket CRUD Operations::Add Comment" in groups
    assert iterations["knowledge_base_browsing"] == run.named()["GET search articles"]


def test_a_mix_of_operations_under_a_spike(runs: dict[str, Ran]) -> None:
    run = runs["helpdesk/spike"]
    names = {"login", "list tickets", "create ticket", "search tickets"}
    assert {f"{each.partition(' ')[2]}" for each in run.named()} >= names
    created = run.server.totals["tickets_created"]
    assert created == run.named()["POST create ticket"] == run.checks()["create ticket"] > 0
