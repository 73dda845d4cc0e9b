"""Metrics and small pieces that every test of the help desk uses."""

from datetime import UTC, datetime

from fastbench import Rate, Response, Trend, check, random_item, sleep, uuid

from lib.config import THINK_SCALE

errors = Rate("errors")
ticket_creation_duration = Trend("ticket_creation_duration", is_time=True)

PRIORITIES = ["LOW", "MEDIUM", "HIGH", "URGENT"]


def new_ticket() -> dict[str, str]:
    return {
        "title": f"Test Ticket {uuid()}",
        "description": f"Load test ticket created at {datetime.now(UTC).isoformat()}",
        "priority": random_item(PRIORITIES),
    }


def check_response(response: Response, name: str) -> bool:
    success = check(
        response,
        {
            f"{name} status is 2xx": lambda r: 200 <= r.status < 300,
            f"{name} has body": lambda r: len(r.body) > 0,
            f"{name} response time < 500ms": lambda r: r.timings.duration < 500,
        },
    )
    errors.add(not success)
    return success


async def pause(seconds: float) -> None:
    await sleep(seconds * THINK_SCALE)
