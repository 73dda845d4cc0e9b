"""One user of a flow: its variables and its connections, and how it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastbench.engine.client._client import Response
from fastbench.script.api.vu import Vu
from fastbench.script.artillery.templates import Vars

# What Node.js calls an error of the network, by the kind that it is for us.
_CODES = {
    "dns": "ENOTFOUND",
    "connect_refused": "ECONNREFUSED",
    "connect_timeout": "ETIMEDOUT",
    "timeout": "ETIMEDOUT",
    "reset": "ECONNRESET",
    "truncated": "ECONNRESET",
}


class FlowFailed(Exception):
    """End a user: `code` is what Artillery counts as errors.CODE."""

    def __init__(self, code: str, line: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.line = line
        self.text = text


class FlowContext:
    """What the steps of one user share; `vars` are its variables, by name."""

    __slots__ = ("scenario", "socket", "sockets", "vars", "vu")

    def __init__(self, vu: Vu, vars: Vars, scenario: str = "") -> None:
        self.vu = vu
        self.scenario = scenario
        self.vars = vars
        self.socket: Any = None  # of the engine ws
        self.sockets: Any = None  # of the engine socketio


class ReceivedAnswer:
    """An answer, read as JSON once, when it is asked for."""

    __slots__ = ("_document", "_known", "_missing", "response")

    def __init__(self, response: Response, missing: object) -> None:
        self.response = response
        self._missing = missing
        self._known = False
        self._document: Any = None

    @property
    def status(self) -> int:
        """The status."""
        return self.response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The fields of its head, whatever their case."""
        return self.response.headers

    @property
    def text(self) -> str:
        """The body as a text."""
        return self.response.text

    @property
    def document(self) -> Any:
        """The body as JSON; what stands for none where it is none."""
        if not self._known:
            self._known = True
            try:
                self._document = self.response.json()
            except ValueError:
                self._document = self._missing
        return self._document


def failure_of(response: Response, line: int) -> FlowFailed:
    """Return what a request without an answer does to its user."""
    code = _CODES.get(response.error_kind) or response.error_code or response.error_kind
    return FlowFailed(code, line, response.error)
