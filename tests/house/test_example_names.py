"""The examples keep the names of checks and metrics that their plans use."""

from __future__ import annotations

from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = {
    "rate_limit.py": ("rate limit triggered", "has retry-after header"),
    "cold_start.py": ("{function} cold start < 3s", "Testing {function} cold start..."),
    "file_upload.py": ("upload success", "upload time < 2s", "test-file-{vu.id}-"),
    "dashboard_load.py": ("messages loaded", "messages response time < 1s", '"errors"'),
    "message_send.py": ("whatsapp send success", "email send success", "sms send success"),
    "payment.py": ("checkout created", "has url", "response time < 2s"),
    "realtime.py": ("message received", "status is 101"),
    "auth_flow.py": (
        *("login_duration", "login successful", "has access token"),
        *("protected resource accessible", "refresh successful"),
    ),
    "messaging.py": (
        *("auth_successes", "auth_failures", "message_send_duration", "analytics_duration"),
        *("conversation_fetch_duration", "api_errors", "successful_requests"),
    ),
    "health.py": ("status 200", "response time < 200ms"),
    "helpdesk/lib/helpers.py": (
        *('Rate("errors")', "ticket_creation_duration"),
        *("status is 2xx", "has body", "response time < 500ms"),
    ),
    "helpdesk/stress.py": (
        *("list tickets", "create ticket", "get ticket details"),
        *("search tickets", "get dashboard"),
    ),
    "helpdesk/smoke.py": ("health check passed", "API accessible"),
    "concurrent_calls.py": ("Current active: ", "Reset to 0"),
    "helpdesk/api/tickets.py": ("tickets_created", "ticket_create_duration"),
    "helpdesk/database.py": ("db_queries_executed", "list_tickets executed"),
    "helpdesk/realtime.py": (
        "WebSocket connected",
        "ws_connections",
        "ws_messages_received",
        "ws_message_latency",
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_the_names_of_its_plan(name: str) -> None:
    source = (EXAMPLES / name).read_text(encoding="utf-8")
    assert [each for each in NAMES[name] if each not in source] == []
