"""The examples that are one plan each, scaled down: client and `fastbench serve` count the same."""

from __future__ import annotations

from functools import partial

import pytest
from commandline import invoke, table_at_once
from example_runs import EXAMPLES, Ran, all_of

MIB = 1 << 20
FUNCTIONS = {"whatsapp": "whatsapp-send", "email": "email-send-smtp", "sms": "sms-send"}

CAMPAIGN = "campaign/campaign"
SHORT = ("--time-scale=0.003", "--scale=0.005", "-eTHINK_S=0.1", "-eREPLY_PERCENT=100")

# The script and its flags; each takes about a second.
RUNS: dict[str, tuple[str, ...]] = {
    "health": ("health.py", "--time-scale=0.01", "--scale=0.2"),
    "dashboard": ("dashboard_load.py", "--time-scale=0.001", "--scale=0.02", "-eTHINK_S=0.05"),
    "messages": ("message_send.py", "--time-scale=0.005", "--scale=0.1"),
    "cold": ("cold_start.py", "-i2", "-ePAUSE_S=0.01"),
    "upload": ("file_upload.py", "--time-scale=0.003", "--scale=0.08", "-eTHINK_S=0.2"),
    "signed": ("signed_upload.py", "--time-scale=0.02", "--scale=0.3", "-eTHINK_S=0.1"),
    "stream": ("stream.py", "--time-scale=0.03", "-eTHINK_S=0.1"),
    "payment": ("payment.py", "--time-scale=0.008", "-eTHINK_S=0.2"),
    "limit": ("rate_limit.py", "--time-scale=0.02", "--scale=50"),
    "campaign": (CAMPAIGN + ".py", *SHORT),
    "campaign of k6": (CAMPAIGN + ".js", *SHORT),
    "auth": ("auth_flow.py", "-u3", "-i6", "-t2", "-eTHINK_S=0.01"),
    "auth by one worker": ("auth_flow.py", "-u3", "-i6", "-t1", "-eTHINK_S=0.01"),
}


@pytest.fixture(scope="module")
def runs() -> dict[str, Ran]:
    return all_of(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_both_sides_count_the_same(runs: dict[str, Ran], name: str) -> None:
    runs[name].agrees()


def test_health(runs: dict[str, Ran]) -> None:
    run = runs["health"]
    assert run.document["scenarios"][0]["vus_max"] == 10
    assert run.checks()["status 200"] == run.server.answers["GET /api/health 200"]
    assert run.count("iteration_duration") == run.iterations()["health"]


def test_dashboard_reads_the_messages_of_the_first_conversation(runs: dict[str, Ran]) -> None:
    run = runs["dashboard"]
    users = run.iterations()["dashboard"]
    assert run.named() == {"GET conversations": users, "GET messages": users}
    assert run.server.answers == {
        "GET /rest/v1/conversations 200": users,
        "GET /rest/v1/messages 200": users,
    }
    assert run.checks()["messages loaded"] == users
    assert run.document["metrics"]["errors"]["values"]["fails"] == users
    assert "http_req_duration{name:messages}" in "".join(run.document["thresholds"])


def test_messages_go_out_at_the_rate_of_each_channel(runs: dict[str, Ran]) -> None:
    run = runs["messages"]
    # 60, 30 and 10 a second for 1.5 s, started exactly; a slow machine may drop some of them.
    planned = {"whatsapp": 90, "email": 45, "sms": 15}
    dropped = {row["name"]: row["dropped_iterations"] for row in run.document["scenarios"]}
    sent = run.iterations()
    assert {name: sent[name] + dropped[name] for name in sent} == planned
    assert [
        run.server.totals[each] for each in ("whatsapp-send", "email-send-smtp", "sms-send")
    ] == [
        sent["whatsapp"],
        sent["email"],
        sent["sms"],
    ]
    assert run.checks()["email send success"] == sent["email"]
    assert len(run.document["thresholds"]) == 5


def test_cold_and_warm_starts_are_told_apart(runs: dict[str, Ran]) -> None:
    run = runs["cold"]
    assert run.iterations() == {"cold_start": 2}
    assert run.server.totals["cold_starts"] == 5
    cold = [row for row in run.document["thresholds"].items() if "start:cold" in row[0]]
    # The server takes 100 ms to start a function; the other half of the calls finds it started.
    assert [judged["ok"] and judged["observed"] >= 100 for _, judged in cold] == [True]
    assert run.checks()["sms-send cold start < 3s"] == 2
    assert run.count("http_reqs") == 20


@pytest.mark.parametrize("name", ["campaign", "campaign of k6"])
def test_the_users_of_a_campaign_sign_in_once(runs: dict[str, Ran], name: str) -> None:
    run = runs[name]
    opened = run.iterations()["campaign"]
    assert run.named() == {
        "POST login": 50,
        **dict.fromkeys(("GET list", "GET conversation", "POST reply"), opened),
    }
    assert run.server.totals == {"logins": 50, "messages": opened}
    assert run.document["scenarios"][0]["vus_max"] == 50
    assert run.checks()["messages loaded"] == opened
    if name == "campaign":
        (row,) = (row for row in run.document["requests"] if row["kind"] == "custom")
        assert (row["name"], row["requests"], row["failed"]) == ("open dashboard", opened, 0)
    else:
        assert run.count("dashboard_duration") == opened


def test_uploads_arrive_whole(runs: dict[str, Ran]) -> None:
    run = runs["upload"]
    uploads = run.iterations()["upload"]
    assert run.named() == {"POST upload": uploads}
    assert run.server.totals == {"uploads": uploads, "upload_bytes": uploads * MIB}
    assert uploads * MIB < run.count("data_sent") < uploads * (MIB + 1024)


def test_what_is_signed_is_timed_beside_its_upload(runs: dict[str, Ran]) -> None:
    run = runs["signed"]
    uploads = run.iterations()["sign"]
    assert run.named() == {"POST upload": uploads}
    assert run.server.totals["uploads"] == uploads
    rows = {row["name"]: row for row in run.document["requests"] if row["kind"] == "custom"}
    assert {name: (row["requests"], row["failed"]) for name, row in rows.items()} == {
        "sign and upload": (uploads, 0),
        "sign document": (uploads, 0),
    }
    whole, step = (rows[name]["latency"]["p50"] for name in ("sign and upload", "sign document"))
    assert whole > step > 0


def test_a_stream_is_told_by_its_first_token_and_the_gaps_after_it(runs: dict[str, Ran]) -> None:
    run = runs["stream"]
    asked = run.iterations()["ask"]
    assert run.named() == {"POST chat": asked}
    assert run.checks()["answered in full"] == run.checks()["says something"] == asked
    assert run.count("http_stream_first_event") == asked
    assert run.count("http_stream_gap") == 20 * asked, "to [DONE]"
    assert run.count("http_stream_events") == 21 * asked
    metrics = run.document["metrics"]
    first, gap = (metrics[f"http_stream_{name}"]["values"] for name in ("first_event", "gap"))
    # Timers of a loop may come a millisecond early.
    assert first["min"] >= 39 and 40 > gap["avg"] >= 9, "as the server pauses"
    assert [row["name"] for row in run.document["gauges"]] == ["requests_seen_by_server"]


def test_every_payment_gets_its_address(runs: dict[str, Ran]) -> None:
    run = runs["payment"]
    checkouts = run.iterations()["checkout"]
    assert checkouts >= 20
    assert run.server.totals["checkouts"] == run.checks()["has url"] == checkouts


def test_the_rate_limit_is_met_and_is_no_failure(runs: dict[str, Ran]) -> None:
    run = runs["limit"]
    limited = run.iterations()["rate_limit_test"] - 1000
    assert limited > 0
    assert run.server.answers == {
        "GET /rest/v1/conversations 200": 1000,
        "GET /rest/v1/conversations 429": limited,
    }
    assert (run.count("allowed"), run.count("limited")) == (1000, limited)
    assert run.checks()["has retry-after header"] == limited
    assert run.shown.returncode == 0  # http_req_failed: rate==0


def test_the_auth_flow_in_its_groups(runs: dict[str, Ran]) -> None:
    run = runs["auth"]
    assert run.server.answers == {
        "POST /api/v1/auth/login 200": 6,
        "POST /api/v1/auth/refresh 200": 6,
        "GET /api/v1/user/me 200": 12,
    }
    groups = {row["group"] for row in run.document["checks"]}
    outer = "::Authentication Flow"
    steps = ("Login", "Access Protected Resource", "Refresh Token")
    assert groups == {f"{outer}::{step}" for step in steps}
    assert run.count("login_duration") == 6
    assert run.count("group_duration") == 6 * 5


def test_one_worker_or_two_count_the_same(runs: dict[str, Ran]) -> None:
    two, one = runs["auth"], runs["auth by one worker"]
    assert (len(two.document["workers"]), len(one.document["workers"])) == (2, 1)
    assert two.server == one.server
    assert (two.named(), two.checks(), two.iterations()) == (
        one.named(),
        one.checks(),
        one.iterations(),
    )
    for metric, found in two.document["metrics"].items():
        if found["type"] == "trend" or metric in ("http_reqs", "iterations"):
            assert two.count(metric) == one.count(metric), metric


def test_no_example_is_found_wanting_before_it_runs() -> None:
    scripts = [path for path in EXAMPLES.rglob("*.py") if "\noptions = " in path.read_text()]
    assert len(scripts) == 23
    shown = table_at_once(
        {path: partial(invoke, "run", "--dry-run", str(path)) for path in scripts}
    )
    for path, done in shown.items():
        assert (done.returncode, "0 errors, 0 warnings" in done.stdout) == (0, True), path
        assert f"`{path.name}`" in (EXAMPLES / "README.md").read_text()
