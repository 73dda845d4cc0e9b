"""`Options(…)`: what a script asks for, validated where it is written, as values for the parent.

1. `Options` is what a script makes; `Settings` is what it means: seconds, tuples, no choices left.
2. `Declared` is everything worker 0 found in the script, and goes to the parent as JSON. The
   parent and every worker apply the command line to it with the same pure function.
3. `load` of Settings are k6's shortcuts vus, duration, iterations and stages. They are meant for
   scenarios without an executor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import plan, urls, workload
from fastbench.plan.body import field_text
from fastbench.plan.network import proxies, tls_files
from fastbench.plan.plan import Tls
from fastbench.plan.proxy import NO_PROXIES, Proxies
from fastbench.results.metric_values import Kind
from fastbench.script import expected, spec, values
from fastbench.script.run_request import NO_TLS
from fastbench.script.spec import Spec
from fastbench.script.values import Stages

if TYPE_CHECKING:
    from typing import Never

LOAD = ("vus", "duration", "iterations", "stages")
Thresholds = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Load:
    """Hold k6's shortcuts; None where not given."""

    vus: int | None = None
    duration_s: float | None = None
    iterations: int | None = None
    stages: Stages | None = None
    stage_names: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Load()


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold the options of a run, with k6's defaults.

    `thresholds` are as written: expressions, or mappings with `threshold`, `abort_on_fail`,
    `delay` and `level`. `goals` are those of goal(), as the command
    line has them; `derived` the formulas of names.
    `expected` are spans of statuses that are no failure, None for 200-399.
    """

    load: Load = field(default_factory=Load)
    thresholds: Thresholds = field(default_factory=dict)
    goals: tuple[str, ...] = ()
    derived: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    base_url: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    user_agent: str | None = None
    timeout_s: float = 60.0
    connect_timeout_s: float | None = None
    max_redirects: int = 10
    expected: tuple[tuple[int, int], ...] | None = None
    tls: Tls = NO_TLS
    batch: int = 20
    batch_per_host: int = 6
    no_connection_reuse: bool = False
    proxies: Proxies = NO_PROXIES
    http: workload.HttpVersion = ""  # for https what TLS agrees on, for http 1.1
    no_vu_connection_reuse: bool = False
    no_cookies_reset: bool = False
    discard_response_bodies: bool = False
    group_ids: bool = True
    whole_urls: bool = False  # of scripts of k6: names of requests have the query
    around_named: bool = True  # what setup and teardown record has them as its scenario
    setup_timeout_s: float = 60.0
    teardown_timeout_s: float = 60.0
    min_iteration_duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Declared:
    """Hold what a script declares. `metrics` are its own, by name.

    `warnings` are of the files it read.
    `loads` are by scenario: the shortcuts in the Options of the module that declares it, where that
    is not the script itself. `lost` tells what else of such Options is not used. `summary`: it has
    a handleSummary(), as scripts of k6 may. `looks`: it may ask what all users have done so far.
    """

    options: Settings
    scenarios: tuple[Spec, ...]
    setup: bool = False
    teardown: bool = False
    metrics: Mapping[str, Kind] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    loads: Mapping[str, Load] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    summary: bool = False
    looks: bool = False


class Options:
    """How a script is run: `options = Options(…)` at its top; the command line overrides it.

    A time is seconds, or a text such as "500ms", "30s" or "5m".

    Args:
        vus: How many users, for scenarios that name no executor.
        duration: How long they run.
        iterations: How many iterations all of them make together.
        stages: Pairs of length and number of users: `[("30s", 50), ("2m", 50), ("10s", 0)]`; a
            third member is the stage's name.
        scenarios: k6's form: `{"name": {"executor": "constant-vus", "exec": "function", …}}`.
        thresholds: What must hold, by metric: `{"http_req_duration": ["p(95)<200"]}` (ms). The long
            form of a limit is a mapping: `threshold`, `abort_on_fail`, `delay` (a time), `level`.
        tags: Tags of all samples.
        base_url: What stands before a path in `vu.get("/path")`.
        headers: Headers of all requests, by name.
        user_agent: The User-Agent; "" sends none; default fastbench and its version.
        timeout: Time limit of a whole request; default 60 s.
        connect_timeout: Time limit of connecting, TLS included; default 30 s.
        max_redirects: How many redirects are followed; default 10, 0 for none.
        expected_statuses: Statuses that are no failure: 404, [200, 404]; default 200 to 399.
        insecure_skip_tls_verify: Accept any certificate of a server.
        cacert: File of certificates (PEM) to trust instead of the system's.
        cert: File of the client's certificate (PEM).
        key: File of its private key (PEM), where it is not in `cert`.
        batch: How many requests of one `vu.batch` are under way at once; default 20.
        batch_per_host: How many of those to one host; default 6.
        no_connection_reuse: Close the connection after each request.
        proxy: The URL of a proxy, or "env" for those that the environment names.
        http: "1.1" or "2" speaks nothing else; default: https servers choose, http is 1.1.
        no_vu_connection_reuse: Close the connections of a user after each iteration.
        no_cookies_reset: Keep the cookies of a user from iteration to iteration.
        discard_response_bodies: Keep no bodies: `response.body` is empty.
        group_ids: Name requests by their URLs with ids as `{id}`; default True.
        setup_timeout: Time limit of `setup`; default 60 s.
        teardown_timeout: Time limit of `teardown`; default 60 s.
        min_iteration_duration: A user whose iteration was shorter waits for the rest; default 0.

    Attributes:
        given: The names of the options that are not the default.
        scenarios: The scenarios, by name.
        settings: What the options mean, as values.

    Raises:
        UsageError: A value cannot be used, with what would be right.

    Example::

        options = Options(
            base_url=env("BASE_URL", "http://localhost:8080"),
            vus=2,
            duration="1s",
            thresholds={"http_req_failed": ["rate<0.5"], "checks": ["rate>0.9"]},
        )

        @scenario
        async def browse(vu: Vu) -> None:
            response = await vu.get("/api/health")
            check(response, {"status is 200": lambda r: r.status == 200})
    """

    __slots__ = ("given", "scenarios", "settings")

    given: tuple[str, ...]
    scenarios: dict[str, tuple[Spec, str]]
    settings: Settings

    def __init__(
        self,
        *,
        vus: int | None = None,
        duration: str | float | None = None,
        iterations: int | None = None,
        stages: Iterable[Any] | None = None,
        scenarios: Mapping[str, Mapping[str, Any]] | None = None,
        thresholds: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        base_url: str | None = None,
        headers: Mapping[str, str | bytes] | None = None,
        user_agent: str | None = None,
        timeout: str | float = 60.0,
        connect_timeout: str | float | None = None,
        max_redirects: int = 10,
        expected_statuses: Any = None,
        insecure_skip_tls_verify: bool = False,
        cacert: str | None = None,
        cert: str | None = None,
        key: str | None = None,
        batch: int = 20,
        batch_per_host: int = 6,
        no_connection_reuse: bool = False,
        proxy: str | None = None,
        http: Literal["1.1", "2"] | None = None,
        no_vu_connection_reuse: bool = False,
        no_cookies_reset: bool = False,
        discard_response_bodies: bool = False,
        group_ids: bool = True,
        setup_timeout: str | float = 60.0,
        teardown_timeout: str | float = 60.0,
        min_iteration_duration: str | float = 0.0,
        **unknown: Never,
    ) -> None:
        switch, count = values.switch, values.count
        self.given, self.scenarios = _given(locals()), _scenarios(scenarios)
        self.settings = Settings(
            load=_load(vus, duration, iterations, stages),
            thresholds=_thresholds(thresholds),
            tags=values.strings(tags or {}, "tags of Options"),
            base_url=_base_url(base_url),
            headers=_headers(headers),
            user_agent=_user_agent(user_agent),
            timeout_s=_time_limit(timeout, "timeout"),
            connect_timeout_s=_time_limit(connect_timeout, "connect_timeout"),
            max_redirects=count(max_redirects, "max_redirects", least=0, most=1000),
            expected=_expected(expected_statuses),
            tls=_tls(insecure_skip_tls_verify, cacert, cert, key),
            batch=count(batch, "batch", most=workload.MAX_CONNECTIONS),
            batch_per_host=count(batch_per_host, "batch_per_host", most=workload.MAX_CONNECTIONS),
            no_connection_reuse=switch(no_connection_reuse, "no_connection_reuse"),
            proxies=_proxies(proxy),
            http=_http(http),
            no_vu_connection_reuse=switch(no_vu_connection_reuse, "no_vu_connection_reuse"),
            no_cookies_reset=switch(no_cookies_reset, "no_cookies_reset"),
            discard_response_bodies=switch(discard_response_bodies, "discard_response_bodies"),
            group_ids=switch(group_ids, "group_ids"),
            **_lengths(setup_timeout, teardown_timeout, min_iteration_duration),
        )


def _given(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of what is not the default; raises UsageError for what is no option."""
    known = Options.__init__.__kwdefaults__ or {}
    values.refuse_unknown(arguments["unknown"], tuple(known), "Options")
    return tuple(name for name, default in known.items() if arguments[name] != default)


def _load(vus: Any, duration: Any, iterations: Any, stages: Any) -> Load:
    ends = {"duration": duration, "iterations": iterations, "stages": stages}
    given = [name for name, value in ends.items() if value is not None]
    if "stages" in given and len(given) > 1:
        other = next(name for name in given if name != "stages")
        raise UsageError(
            f"Options have stages and {other}, but both set the end of the run; keep one."
        )
    return Load(
        None if vus is None else values.count(vus, "vus", most=workload.MAX_CONNECTIONS),
        None if duration is None else values.duration_s(duration, "duration"),
        None if iterations is None else values.count(iterations, "iterations"),
        None if stages is None else values.stages(stages, "stages", whole=True),
        () if stages is None else values.stage_names(stages, "stages"),
    )


def _scenarios(given: Any) -> dict[str, tuple[Spec, str]]:
    """Return each scenario with the name of its function."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError('scenarios is a mapping such as {"load": {"executor": "constant-vus"}}.')
    found = {}
    for name, settings in given.items():
        if not isinstance(settings, Mapping):
            raise UsageError(
                f'Scenario {name} is a mapping such as {{"executor": "constant-vus"}}.'
            )
        function = values.text(settings.get("exec", "default"), f"exec of scenario {name}")
        found[name] = (spec.read(name, function, settings), function)
    return found


def _thresholds(given: Any) -> dict[str, tuple[str | Mapping[str, Any], ...]]:
    """Check the form; what the expressions mean is checked with the metrics there are."""
    advice = 'write {"http_req_duration": ["p(95)<200"]}'
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"thresholds is a mapping from metric to limits; {advice}.")
    found: dict[str, tuple[str | Mapping[str, Any], ...]] = {}
    for metric, limits in given.items():
        several = [limits] if isinstance(limits, str | Mapping) else limits
        if not isinstance(metric, str) or not isinstance(several, list | tuple) or not several:
            raise UsageError(f"The thresholds of {metric} are a list of limits; {advice}.")
        for limit in several:
            expression = limit.get("threshold") if isinstance(limit, Mapping) else limit
            if not isinstance(expression, str) or not expression:
                raise UsageError(f"A threshold of {metric} needs its expression; {advice}.")
        found[metric] = tuple(several)
    return found


def _user_agent(given: str | None) -> str | None:
    # An empty one sends none.
    return given if given in (None, "") else values.text(given, "user_agent")


def _base_url(given: Any) -> str | None:
    if given is None:
        return None
    address = values.text(given, "base_url")
    urls.parse(address)
    return address


def _lengths(setup: Any, teardown: Any, iteration: Any) -> dict[str, Any]:
    return {
        "setup_timeout_s": values.duration_s(setup, "setup_timeout"),
        "teardown_timeout_s": values.duration_s(teardown, "teardown_timeout"),
        "min_iteration_duration_s": values.duration_s(iteration, "min_iteration_duration"),
    }


def _proxies(given: Any) -> Proxies:
    return NO_PROXIES if given is None else proxies.read(values.text(given, "proxy"), flag="proxy")


def _http(given: Any) -> workload.HttpVersion:
    if given not in (None, "1.1", "2"):
        raise UsageError('http is "1.1" or "2"; without it https servers choose, in TLS.')
    return given or ""


def _headers(given: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(given, Mapping):
        given = {
            name: field_text(value) if isinstance(value, bytes) else value
            for name, value in given.items()
        }
    pairs = values.strings(given or {}, "headers of Options")
    return tuple(plan.check_header(name, value) for name, value in pairs.items())


def _time_limit(given: Any, name: str) -> Any:
    if given is None:
        return None
    found_s = values.duration_s(given, name)
    if not 0 < found_s <= workload.MAX_TIMEOUT_S:
        raise UsageError(f"{name} must be longer than 0 and at most {workload.MAX_TIMEOUT_S:.0f}s.")
    return found_s


def _expected(given: Any) -> tuple[tuple[int, int], ...] | None:
    return None if given is None else expected.read(given).spans


def _tls(insecure: Any, cacert: Any, cert: Any, key: Any) -> Tls:
    files = {"cacert": cacert, "cert": cert, "key": key}
    for name, value in files.items():
        if value is not None:
            values.text(value, name)
    verify = not values.switch(insecure, "insecure_skip_tls_verify")
    found = Tls(verify, cacert, cert, key or cert, servername="")
    if cacert or cert:
        tls_files.check(found)
    return found
