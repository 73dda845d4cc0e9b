"""The realm of one worker: what all of its users have in common."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from fastbench.engine.javascript import _quickjs
from fastbench.engine.javascript._quickjs import Json, JsValue
from fastbench.foundation import redact, units
from fastbench.machine import limits
from fastbench.plan.network.blocked import Blocked
from fastbench.script.k6.k6_context import K6Context
from fastbench.script.k6.k6_pace import Pace
from fastbench.script.k6.loading.k6_modules import K6Modules
from fastbench.script.k6.loading.k6_typescript import TypeScript
from fastbench.script.recording_context import RecordingContext, Tags
from fastbench.script.running_load import RunningLoad
from fastbench.script.spec import Spec

Take = Callable[[int, int], int]


def memory_bytes_of(given: int | None, workers: int) -> int:
    """Return what the JavaScript of one worker may hold, 0 where nothing is given nor known."""
    total = given or (limits.usable_memory_bytes() or 0) // 4 * 3
    return total // workers


class K6Realm:
    """JavaScript of this process; make it after the fork, in each worker."""

    def __init__(self, main: str, source: str, take: Take, memory_bytes: int = 0) -> None:
        self.script = main
        self.take = take
        self.options: dict[str, Any] = {}
        self.metrics: list[Any] = []  # of the script, by their number in it
        self.metric_numbers: dict[tuple[str, str, bool], int] = {}
        self.files: dict[tuple[str, bool], str | bytes] = {}
        self.throws = False  # options.throw
        self.scenarios: dict[str, Spec] = {}
        self.first_vus: dict[str, int] = {}  # by scenario
        self.now: RunningLoad | None = None  # while there is one
        self.settled = Json(b"{}")  # the options as exec.test.options has them
        self.now_ms: Callable[[], int] = int  # Date.now() of the realm
        self.secret_sources: tuple[str, ...] = ()
        self.hidden: set[str] = set()  # secrets that the script has asked for
        self.response_type = "text"
        self.pace: Pace | None = None  # of options.rps
        self.blocked: Blocked | None = None
        self.console: Callable[[str, str], None] | None = None  # where console.log() writes to
        self.join: Callable[[Any], None]  # a VU: its requests go as those of k6/http do
        self.jars: Any  # see k6_cookies
        self.shared: K6Context  # of users that have none of their own
        self.isolates = False  # has each user its own?
        self.fill: Callable[[_quickjs.Realm], K6Context]
        self.changed: Callable[[], str]  # the name of what the script changed of `shared`
        self._unix_ms: dict[str, int] = {}
        self._places: dict[tuple[str, str, Tags], RecordingContext] = {}
        self.modules = K6Modules(main, source)
        self.memory_bytes = memory_bytes
        self.realm = _quickjs.Realm(
            self.modules.full_name, self.modules.source, memory_bytes=self.memory_bytes
        )
        self.modules.typescript = TypeScript(self.realm)
        self.main: JsValue  # the script, compiled

    def define(self, name: str, call: Callable[..., Any], kind: str = "values") -> None:
        """Add an operation; it is called as `call(*arguments)`."""
        self.realm.define(name, call, kind)

    def context(self) -> K6Context:
        """Return what a new user sees; raises JsError where memory is short."""
        return self.fill(_quickjs.Realm(beside=self.realm)) if self.isolates else self.shared

    def isolate_if_changed(self) -> tuple[str, ...]:
        """Give users to come built-in objects of their own where the script has changed some.

        Return a sentence that says so. Shared, a function that wraps the one before
        it would be wrapped once more by each user.
        """
        what = "" if self.isolates else self.changed()
        if not what:
            return ()
        self.isolates = True
        return (f"The script changes {what}: each user has built-in objects of its own.",)

    @staticmethod
    def function_in(given: Any) -> str:
        """Return where a function stands among options, as in `tags.team`; "" if there is none."""
        if isinstance(given, dict):
            pairs: list[tuple[Any, Any]] = list(given.items())
        elif isinstance(given, list):
            pairs = list(enumerate(given))
        else:
            return ""
        for name, value in pairs:
            if isinstance(value, JsValue):
                return redact.printable(str(name))
            if place := K6Realm.function_in(value):
                return f"{redact.printable(str(name))}.{place}"
        return ""

    def with_cure(self, name: str, text: str) -> str:
        """Add the limit to the text of an error that is due to it, and the flag that sets it."""
        if name != "InternalError" or not text.endswith("out of memory"):
            return text
        most = units.format_bytes(self.memory_bytes)
        return f"{text}: the users of a worker may hold {most} together (--memory-limit)"

    def unix_ms(self, name: str, at_ns: int) -> int:
        """Return an instant of CLOCK_MONOTONIC in Unix time; by that name it stays the same."""
        if name not in self._unix_ms:
            self._unix_ms[name] = self.now_ms() + round((at_ns - monotonic_ns()) / 1e6)
        return self._unix_ms[name]

    def place(self, like: RecordingContext, tags: Tags) -> RecordingContext:
        """Return the place of the same group with other tags, the same one each time."""
        key = (like.scenario, like.group, tags)
        found = self._places.get(key)
        if found is None:
            if len(self._places) >= 1000:
                self._places.clear()
            found = RecordingContext(like.recorder, like.scenario, like.group, tags)
            self._places[key] = found
        return found
