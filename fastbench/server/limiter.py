"""A rate limit: so many requests per window and key, counted from the key's first request on."""

from __future__ import annotations

import math
from collections.abc import Callable

KEYS_MAX = 10_000  # the key whose window began first is forgotten first


class Limiter:
    """Counts by key; `clock` gives seconds that never go back."""

    def __init__(self, requests: int, window_s: float, clock: Callable[[], float]) -> None:
        self._requests = requests
        self._window_s = window_s
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}

    def wait_s(self, key: str) -> int:
        """Count a request: 0 when it may pass, else in how many whole seconds to come again."""
        now_s = self._clock()
        start_s, count = self._windows.get(key, (now_s, 0))
        left_s = start_s + self._window_s - now_s
        if left_s <= 0:
            del self._windows[key]  # a new window goes to the end
            start_s, count, left_s = now_s, 0, self._window_s
        if count >= self._requests:
            return max(1, math.ceil(left_s))
        self._windows[key] = (start_s, count + 1)
        if len(self._windows) > KEYS_MAX:
            del self._windows[next(iter(self._windows))]
        return 0
