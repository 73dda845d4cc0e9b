"""What stands around a run: waiting for its server before it, telling of its failure after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fastbench.cli.output import delivery
from fastbench.foundation import exit_codes, redact
from fastbench.plan.proxy import NO_PROXIES, Proxies

if TYPE_CHECKING:
    from fastbench.cli.output.settings import Output
    from fastbench.plan.network.readiness import WaitFor
    from fastbench.plan.plan import ConnectTo, Family, Plan
    from fastbench.plan.urls import Url
    from fastbench.results.result import Result
    from fastbench.script.run_request import RunRequest


class _Way(NamedTuple):
    """How a server is reached."""

    unix_path: str | None = None
    family: Family = 0
    bind: tuple[str, ...] = ()
    connect_to: tuple[ConnectTo, ...] = ()
    proxies: Proxies = NO_PROXIES


def plain_is_ready(plan: Plan, output: Output) -> bool:
    """Wait for the server of a plain run; false when it did not come."""
    if output.wait_for is None:
        return True
    from fastbench.plan.urls import Url

    target, first = plan.target, plan.requests[0]
    path = first.payload.split(b" ", 2)[1]
    own = Url(target.scheme, target.host, target.port, path, None, target.url)
    where = _Way(
        target.unix_path, plan.family, plan.bind, plan.connect_to, Proxies(plan.proxy, plan.proxy)
    )
    return _is_ready(
        output.wait_for, own, where, output, target.url, several=len(plan.requests) > 1
    )


def script_is_ready(request: RunRequest, output: Output) -> bool:
    """Wait for the server of a script; raises UsageError where nobody says which it is."""
    if output.wait_for is None:
        return True
    own, before = None, request.proxies
    if output.wait_for.url is None:
        own, before = _base_url(request)
    where = _Way(request.unix_path, request.family, request.bind, request.connect_to, before)
    return _is_ready(output.wait_for, own, where, output, request.script)


def _is_ready(
    wait: WaitFor,
    own: Url | None,
    where: _Way,
    output: Output,
    name: str,
    *,
    several: bool = False,
) -> bool:
    """Wait; `where` is how the run's own server is reached.

    Of several URLs the first is waited for, which may be one that never is ready.
    """
    from fastbench.foundation.units import format_s
    from fastbench.plan.network import proxies, readiness, resolve

    url = wait.url or own
    assert url is not None  # one of both is always there

    def late() -> None:
        if not output.quiet:
            limit = format_s(wait.limit_s)
            delivery.tell(f"waiting for {redact.printable(url.shown)}, at most {limit}")

    way = where if wait.url is None else _Way()
    problem = readiness.until_ready(
        url,
        wait.limit_s,
        unix_path=way.unix_path,
        family=resolve.family_of(way.family, way.bind),
        rules=way.connect_to,
        proxy=proxies.of(where.proxies, url.scheme, url.host, url.port),
        late=late,
    )
    if problem:
        sentence = f"--wait-for: {problem}"
        if several and wait.url is None:
            sentence += " It is the first of several URLs; --wait-for URL,30s waits for another."
        delivery.tell(redact.printable(sentence))
        tell_of_failure(output, name, exit_codes.NOTHING, sentence)
    return not problem


def _base_url(request: RunRequest) -> tuple[Url, Proxies]:
    """Return where a script's relative URLs go, and through which proxies."""
    from fastbench.foundation.usage_error import UsageError
    from fastbench.plan import urls

    address, before = request.base_url, request.proxies
    if address is None:
        from fastbench.script import parent

        options = parent.declared(request).options
        address = options.base_url
        before = before if before.all() else options.proxies
    if address is None:
        raise UsageError(
            "--wait-for without a URL uses the base_url of the script, which has none; "
            "write --wait-for URL,30s."
        )
    return urls.parse(address), before


def tell_of_result(output: Output, result: Result, code: int) -> None:
    """Tell the webhook of a run that failed."""
    if not code or output.webhook is None:
        return
    from fastbench.outputs import webhook
    from fastbench.report.load_heading import load_of

    load = load_of(result)
    name = load.script or load.url + load.more or "a run"
    _send(output.webhook, webhook.of_result(result, name, code))


def tell_of_failure(output: Output, name: str, code: int, sentence: str) -> None:
    """Tell the webhook of a run that has no result."""
    if not code or output.webhook is None:
        return
    from fastbench.outputs import webhook

    _send(output.webhook, webhook.of_failure(name, code, sentence))


def _send(address: str, message: dict[str, object]) -> None:
    from fastbench.outputs import webhook

    if problem := webhook.send(address, message):
        delivery.tell(problem)
