"""What a script measures itself: counters, gauges, rates and trends.

A metric is declared once per name, while the script loads; its values go into shared memory of a
fixed size (`recorder`), so memory does not grow with samples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN, GIVE_WAY, MOVED, Kind
from fastbench.script.recording_context import PLACE, RecordingContext

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
MAX_VALUE = 1e290  # of one sample: no run has enough of them for a sum without end


class _Declared:
    """The metrics of the script of this process."""

    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}
        self.open = True
        self.gives_way = False


_declared = _Declared()


def begin() -> None:
    """Forget the metrics of another script; call before a script is loaded."""
    _declared.kinds = {}
    _declared.open = True
    _declared.gives_way = False


def give_way() -> None:
    """Let the script's own metrics have names that ours have and k6's do not."""
    _declared.gives_way = True


def name_of(built_in: str) -> str:
    """Return the name of a metric of ours; another one where the script has one of that name."""
    moved = MOVED + built_in
    return moved if moved in _declared.kinds else built_in


def close() -> None:
    """Take no new metrics from now on: the script is loaded."""
    _declared.open = False


def declared() -> dict[str, Kind]:
    """Return the metrics that the script declared."""
    return dict(_declared.kinds)


def kind_of(name: str) -> Kind:
    """Return what a metric was declared as."""
    return _declared.kinds[name]


class _Metric:
    """A metric of the script. Tags of a sample join those of its scenario and group."""

    __slots__ = ("name",)
    _type = ""

    def __init__(self, name: str, contains: str = "default") -> None:
        self.name: str = name
        _declare(name, Kind(self._type, contains))

    def _record(self, value: Any, tags: Mapping[str, object] | None) -> None:
        place: RecordingContext | None = PLACE.get(None)
        if place is None:
            raise RuntimeError(
                f"{self.name}.add() works only during the run: call it in a scenario, in setup or "
                "in teardown"
            )
        if tags:
            recorder: Any = place.recorder
            recorder.tagged(self.name, place, tags).add(value)
            return
        cell = place.cells.get(self)
        if cell is None:
            recorder = place.recorder
            cell = place.cells[self] = recorder.custom(self.name, place, place.tags)
        cell.add(value)


def _declare(name: object, kind: Kind) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(f"A metric's name has only letters, digits and _, not {name!r}.")
    ours = BUILT_IN.get(name)
    if ours is not None and not (_declared.gives_way and name in GIVE_WAY):
        raise UsageError(f"{name} is a built-in metric; give yours another name.")
    there = _declared.kinds.get(name)
    if there is None and not _declared.open:
        raise UsageError(
            f"The metric {name} is declared too late; declare it at the top of the script."
        )
    if there is not None and there != kind:
        raise UsageError(f"The metric {name} is a {there.type} already; give one another name.")
    _declared.kinds[name] = kind
    if ours is not None:
        _declared.kinds[MOVED + name] = ours


def _finite(name: str, value: float) -> float:
    try:
        takes = isfinite(value) and abs(value) <= MAX_VALUE
    except OverflowError:  # an int with more digits than a float can say
        takes = False
    if not takes:
        shown = f"{value}" if isinstance(value, float) else "that"
        raise ValueError(f"{name}.add() takes finite numbers, up to {MAX_VALUE:g}, not {shown}")
    return value


class Counter(_Metric):
    """A metric that adds up its values; a threshold has its `count` and its `rate` (1/s).

    Args:
        name: Letters, digits and _; thresholds and reports use it.
        contains: What its values are: "default", "time" (ms) or "data" (bytes).

    Attributes:
        name: Its name.

    Raises:
        UsageError: The name is taken, or the metric is declared after the script was loaded.

    Example::

        sent_bytes = Counter("sent_bytes", contains="data")

        @scenario
        async def main(vu: Vu) -> None:
            response = await vu.get("/api/health")
            sent_bytes.add(len(response.body))
    """

    __slots__ = ()
    _type = "counter"

    def add(self, value: float, tags: Mapping[str, object] | None = None) -> None:
        """Add a number.

        Args:
            value: What is added.
            tags: Tags of this sample, beside those of scenario and group.

        Raises:
            ValueError: The value is no finite number.
            RuntimeError: The run has not begun: no scenario, setup or teardown runs.

        Example::

            sent_bytes = Counter("sent_bytes", contains="data")

            @scenario
            async def main(vu: Vu) -> None:
                response = await vu.get("/api/health")
                sent_bytes.add(len(response.body))
        """
        self._record(_finite(self.name, value), tags)


class Gauge(_Metric):
    """A metric that keeps its last value, the least and the greatest.

    Args:
        name: Letters, digits and _; thresholds and reports use it.
        contains: What its values are: "default", "time" (ms) or "data" (bytes).

    Attributes:
        name: Its name.

    Raises:
        UsageError: The name is taken, or the metric is declared after the script was loaded.

    Example::

        queue = Gauge("queue_depth")

        @scenario
        async def main(vu: Vu) -> None:
            response = await vu.get("/api/health")
            queue.add(len(response.headers))
    """

    __slots__ = ()
    _type = "gauge"

    def add(self, value: float, tags: Mapping[str, object] | None = None) -> None:
        """Set the value.

        Args:
            value: The value now.
            tags: Tags of this sample, beside those of scenario and group.

        Raises:
            ValueError: The value is no finite number.
            RuntimeError: The run has not begun: no scenario, setup or teardown runs.

        Example::

            queue = Gauge("queue_depth")

            @scenario
            async def main(vu: Vu) -> None:
                response = await vu.get("/api/health")
                queue.add(len(response.headers))
        """
        self._record(_finite(self.name, value), tags)


class Rate(_Metric):
    """A metric that tells which share of its values was true.

    Args:
        name: Letters, digits and _; thresholds and reports use it.
        contains: What its values are: "default", "time" (ms) or "data" (bytes).

    Attributes:
        name: Its name.

    Raises:
        UsageError: The name is taken, or the metric is declared after the script was loaded.

    Example::

        cached = Rate("cached")

        @scenario
        async def main(vu: Vu) -> None:
            response = await vu.get("/api/health")
            cached.add("Age" in response.headers)
    """

    __slots__ = ()
    _type = "rate"

    def add(self, value: object, tags: Mapping[str, object] | None = None) -> None:
        """Count one value as true or as false.

        Args:
            value: Anything; its truth counts.
            tags: Tags of this sample, beside those of scenario and group.

        Raises:
            RuntimeError: The run has not begun: no scenario, setup or teardown runs.

        Example::

            cached = Rate("cached")

            @scenario
            async def main(vu: Vu) -> None:
                response = await vu.get("/api/health")
                cached.add("Age" in response.headers)
        """
        self._record(bool(value), tags)


class Trend(_Metric):
    """A metric that keeps the distribution of its values: percentiles, least, greatest, average.

    Args:
        name: Letters, digits and _; thresholds and reports use it.
        is_time: Its values are times in ms; reports show them so.

    Attributes:
        name: Its name.

    Raises:
        UsageError: The name is taken, or the metric is declared after the script was loaded.

    Example::

        waited = Trend("waited", is_time=True)

        @scenario
        async def main(vu: Vu) -> None:
            response = await vu.get("/api/health")
            waited.add(response.timings.waiting)  # ms
    """

    __slots__ = ()
    _type = "trend"

    def __init__(self, name: str, is_time: bool = False) -> None:
        super().__init__(name, "time" if is_time else "default")

    def add(self, value: float, tags: Mapping[str, object] | None = None) -> None:
        """Count one value.

        Args:
            value: The value; of a time, ms.
            tags: Tags of this sample, beside those of scenario and group.

        Raises:
            ValueError: The value is no finite number.
            RuntimeError: The run has not begun: no scenario, setup or teardown runs.

        Example::

            waited = Trend("waited", is_time=True)

            @scenario
            async def main(vu: Vu) -> None:
                response = await vu.get("/api/health")
                waited.add(response.timings.waiting)  # ms
        """
        self._record(_finite(self.name, value), tags)
