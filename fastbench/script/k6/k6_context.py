"""What users see of k6: one for all users of a worker, or with --isolate one for each."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastbench.engine.javascript import _quickjs
from fastbench.engine.javascript._quickjs import JsValue


@dataclass(slots=True)
class K6Context:
    """A global object, built-in classes, and our JavaScript over the operations, `host`."""

    realm: _quickjs.Realm
    host: JsValue
    sees_pages: bool = False  # see k6_html
    lost: list[int] = field(default_factory=list)  # what core.js waits for and never comes

    def take_lost(self) -> list[int]:
        """Return the numbers of what never comes, once."""
        lost, self.lost = self.lost, []
        return lost
