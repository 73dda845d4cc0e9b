"""limited.py: a token bucket gives its rate, keeps the order, and bounds its queue."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient
from made_up_server import Clock, using

from fastbench.server import limited
from fastbench.server.limited import BUCKETS_MAX, RATE_MAX, Bucket, Limited


def test_those_that_come_at_once_are_spaced_by_the_rate() -> None:
    bucket = Bucket(100, 1, Clock())
    waits = [bucket.take(10.0) for _ in range(4)]
    assert [taken for taken, _ in waits] == [True] * 4
    assert [wait_s for _, wait_s in waits] == pytest.approx([0.0, 0.01, 0.02, 0.03])


def test_those_that_come_slower_never_wait() -> None:
    clock = Clock()
    bucket = Bucket(100, 1, clock)
    for _ in range(50):
        assert bucket.take(0.0) == (True, 0.0)
        clock.now_s += 0.0101


def test_a_burst_is_saved_up_and_used_up() -> None:
    clock = Clock()
    bucket = Bucket(100, 3, clock)
    assert [bucket.take(0.0)[0] for _ in range(5)] == [True, True, True, False, False]
    clock.now_s += 0.02001  # two more tokens
    assert [bucket.take(0.0)[0] for _ in range(3)] == [True, True, False]
    clock.now_s += 60  # never more than three
    assert [bucket.take(0.0)[0] for _ in range(4)] == [True, True, True, False]


def test_a_refused_request_takes_no_token() -> None:
    clock = Clock()
    bucket = Bucket(10, 1, clock)
    bucket.take(0.0)
    for _ in range(100):
        taken, wait_s = bucket.take(0.05)
        assert (taken, round(wait_s, 6)) == (False, 0.1)
    clock.now_s += 0.1001
    assert bucket.take(0.0) == (True, 0.0)


def test_over_the_rate_answers_wait_or_are_rejected() -> None:
    async def story(client: TestClient, clock: Clock) -> None:  # type: ignore[type-arg]
        async def ask(path: str) -> tuple[int, str | None]:
            async with client.get(path) as response:
                return response.status, response.headers.get("Retry-After")

        assert await ask("/limited/2?over=reject") == (200, None)
        assert await ask("/limited/2?over=reject") == (429, "1")
        assert await ask("/limited/3?over=reject") == (200, None)  # a bucket of its own
        assert await ask("/limited/2?over=reject&burst=2") == (200, None)
        async with client.get("/limited/200") as first, client.get("/limited/200") as second:
            assert (await first.json(), await second.json()) == ({"waited_ms": 0}, {"waited_ms": 5})

    using(story)


def test_a_full_queue_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "QUEUE_S", 0.001)

    async def story(client: TestClient, clock: Clock) -> None:  # type: ignore[type-arg]
        statuses = []
        for _ in range(2):
            async with client.get("/limited/100") as response:
                statuses.append(response.status)
        assert statuses == [200, 503]

    using(story)


@pytest.mark.parametrize(
    "path", ["0", str(RATE_MAX + 1), "1.5", "5?burst=0", "5?burst=x", "5?over=hang"]
)
def test_a_rate_that_is_none_is_refused(path: str) -> None:
    async def story(client: TestClient, clock: Clock) -> None:  # type: ignore[type-arg]
        async with client.get(f"/limited/{path}") as response:
            assert response.status == 400
            assert "error" in await response.json()

    using(story)


def test_there_are_never_more_than_so_many_buckets() -> None:
    kept = Limited(Clock())
    for rate in range(1, BUCKETS_MAX + 5):
        kept._bucket(rate, 1)
    assert len(kept._buckets) == BUCKETS_MAX
    assert (1, 1) not in kept._buckets
