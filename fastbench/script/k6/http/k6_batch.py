"""`http.batch()`: requests that are sent together, and what stands for those that are none.

An entry that cannot be read keeps all of its batch from being sent, as in k6: those before it have
empty responses, its own says why, those behind it have none.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from fastbench.script.k6.http import k6_requests, k6_urls
from fastbench.script.k6.http.k6_requests import K6Response
from fastbench.script.k6.k6_calls import in_iteration

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm

_EMPTY = K6Response(k6_urls.NoResponse(), "none", k6_urls.Fault(0, ""))


def install(realm: K6Realm) -> None:
    """Add the operation."""
    realm.define("batch", _batch)


async def _batch(requests: list[Any]) -> list[Any]:
    """Send requests, each as method, URL, body and params, or a text that says why it is none."""
    user = in_iteration("http.batch()")
    assert user.vu is not None
    for at, each in enumerate(requests):
        fault = k6_urls.Fault(0, each) if isinstance(each, str) else k6_urls.unread(each[1])
        if fault is not None:
            return [*[_EMPTY] * at, k6_requests.unsent(user, fault, fault.text)]
    most = user.vu.maker.settings.batch
    begun: deque[Any] = deque()
    answers = []
    for request in requests:
        if len(begun) >= most:
            answers.append(await begun.popleft())
        begun.append(k6_requests.begun(user, request))
    while begun:
        answers.append(await begun.popleft())
    return answers
