"""config of an Artillery file: the server, the phases, what every request gets, the plugins.

1. The environment of `-e NAME` is laid over config first, then templates are filled in from
   variables of the shell and of -e ($env, $processEnvironment), $environment, $dirname and $testId.
2. Names of a user's variables stay templates where every request fills them in: headers, cookies.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls
from fastbench.plan.workload import MAX_TIMEOUT_S
from fastbench.script import remarks
from fastbench.script.artillery import known_keys, phases
from fastbench.script.artillery.phases import Phase
from fastbench.script.artillery.templates import Template, Vars
from fastbench.script.artillery.yaml_tree import Map, Refusal, Seq

if TYPE_CHECKING:
    from fastbench.script.artillery.js_processor import JsProcessor

Take = Callable[[int, int], int]
Hooks = tuple[tuple[str, int], ...]  # names of functions, with their lines
TIMEOUT_S = 10.0  # Artillery's
_KEYS = (
    *(
        "apdex",
        "defaults",
        "engine",
        "engines",
        "ensure",
        "environments",
        "http",
        "payload",
        "phases",
    ),
    *("plugins", "processor", "socketio", "target", "timeout", "tls", "variables", "ws"),
)
_REFUSED = {
    "includeFiles": "is for Artillery's cloud; it is not supported",
    "mode": "is not supported: arrivals are evenly spaced",
    "statsInterval": "is not supported: the series of a run has a row a second",
    "phasesFile": "is not supported",
}
_ENGINES = ("http", "socketio", "ws")
_HTTP = ("cookieJarOptions", "defaults", "extendedMetrics", "maxSockets", "pool", "timeout")
_HTTP_REFUSED = {"proxy": "is not supported; give the server's own address"}
_DEFAULTS = ("cookie", "headers", "strictCapture", "think")
_TLS = ("ca", "cert", "key", "rejectUnauthorized", "servername")
_TLS_REFUSED = {
    "pfx": "is not supported; give cert and key as PEM files",
    "passphrase": "is not supported; give a key without one",
}
_PLUGINS = ("apdex", "ensure", "expect", "metrics-by-endpoint")
_EXPECT = (
    *("expectDefault200", "formatter", "outputFormat", "reportFailuresAsErrors"),
    "useOnlyRequestNames",
)
_BY_ENDPOINT = ("groupDynamicURLs", "stripQueryString", "suppressOutput", "useOnlyRequestNames")
_BY_ENDPOINT_REFUSED = {
    "ignoreUnnamedRequests": "is not supported: every request has a row",
    "metricsNamespace": "is not supported",
}
_PLUGIN_REFUSED = {
    name: "is not supported"
    for name in ("cloudwatch", "datadog", "fake-data", "hls", "memory-inspector", "slack")
} | {
    "publish-metrics": "is not supported; outputs are named on the command line, as -o prometheus=",
    "publish-metrics-prometheus": "is not supported; write -o prometheus= on the command line",
}


@dataclass(frozen=True, slots=True)
class ExpectPlugin:
    """How expectations count: what a request without any expects, and whether they end a user."""

    default_200: bool = False
    failures_are_errors: bool = False


@dataclass(slots=True)
class TestConfig:
    """Hold what config says; `folder` is that of the file."""

    __test__ = False  # it is no test of pytest's

    folder: str
    target: str | None = None
    environment: str | None = None
    phases: list[Phase] = field(default_factory=list)
    timeout_s: float = TIMEOUT_S
    pool: bool = False
    max_sockets: int = 1
    engine: str = "http"
    headers: Mapping[str, Any] = field(default_factory=dict)
    cookies: Mapping[str, Any] = field(default_factory=dict)
    strict_capture: bool = True
    jitter: Any = None
    tls: Map = field(default_factory=Map)
    expect: ExpectPlugin | None = None
    strips_query: bool = True
    groups_urls: bool = True
    ensure: Map | None = None
    variables: Map = field(default_factory=Map)
    payload: Seq = field(default_factory=Seq)
    ws: Map = field(default_factory=Map)
    socketio: Map = field(default_factory=Map)
    fixed: Vars = field(default_factory=dict)  # variables that every user has
    processor: JsProcessor | None = None
    hooks: Mapping[str, Hooks] = field(default_factory=dict)  # of the scenario that is read
    checks: bool = False  # a request expects something
    _files: dict[str, bytes] = field(default_factory=dict)

    def file_bytes(self, path: str, reads: Callable[[str, str], bytes]) -> bytes:
        """Return what stands in a file that is sent; it is read once."""
        if path not in self._files:
            self._files[path] = reads(path, "formData")
        return self._files[path]


def read(
    script: Map,
    file: str,
    environment: str | None,
    env: Mapping[str, str],
    take: Take = lambda shared, limit: -1,
) -> TestConfig:
    """Read config; `env` are the pairs of -e. Raises Refusal."""
    given = known_keys.mapping(script, "config", "the file")
    folder = os.path.dirname(os.path.abspath(file))
    given = _in_environment(given, environment)
    shell = {**os.environ, **env}
    fixed = {
        "$env": shell,
        "$processEnvironment": shell,
        "$environment": environment,
        "$dirname": folder,
        "$scenarioFile": file,
        "$testId": uuid.uuid4().hex,
    }
    given = _filled(given, fixed)
    known_keys.refuse_unknown(given, _KEYS, "config", _REFUSED)
    found = TestConfig(folder, environment=environment, fixed=fixed)
    found.target = _target(given)
    fixed["target"] = found.target
    found.phases = phases.read(given)
    _read_http(given, found)
    _read_plugins(given, found)
    if (path := known_keys.text(given, "processor", "config")) is not None:
        found.processor = _processor(os.path.join(folder, path), given, env, take)
    found.tls = known_keys.mapping(given, "tls", "config")
    known_keys.refuse_unknown(found.tls, _TLS, "tls", _TLS_REFUSED)
    found.variables = known_keys.mapping(given, "variables", "config")
    found.payload = known_keys.one_or_more(given, "payload")
    found.ws = known_keys.mapping(given, "ws", "config")
    found.socketio = known_keys.mapping(given, "socketio", "config")
    found.engine = engine(given, "config", found.engine)
    for name, line in known_keys.mapping(given, "engines", "config").lines.items():
        if name not in _ENGINES:
            raise Refusal(line, f"the engine {redact.printable(name)} is not supported.")
    return found


def _processor(path: str, given: Map, env: Mapping[str, str], take: Take) -> JsProcessor:
    from fastbench.script.artillery.js_processor import JsProcessor

    return JsProcessor(os.path.abspath(path), given.lines["processor"], env, take)


def engine(given: Map, what: str, default: str) -> str:
    """Return the engine of a scenario."""
    name = known_keys.text(given, "engine", what) or default
    if name not in _ENGINES:
        shown = redact.printable(name)
        raise Refusal(
            given.lines["engine"],
            f"the engine {shown} is not supported; there are http, ws and socketio.",
        )
    return name


def _in_environment(given: Map, name: str | None) -> Map:
    """Lay the environment of that name over config."""
    several = known_keys.mapping(given, "environments", "config")
    if name is None:
        return given
    if name not in several:
        there = f"the environments {', '.join(several)}" if several else "no environments"
        line = given.lines.get("environments", given.line)
        what = f"-e {redact.printable(name)}: config has {there}; a variable is -e NAME=VALUE."
        raise Refusal(line, what)
    return merged(given, known_keys.mapping(several, name, "environments"))


def merged(below: Map, above: Map) -> Map:
    """Return two mappings as one; mappings within are joined, everything else is replaced."""
    found = Map(below.line)
    for key, value in below.items():
        found.put(key, value, below.lines[key])
    for key, value in above.items():
        old = found.get(key)
        both = isinstance(old, Map) and isinstance(value, Map)
        found.put(key, merged(old, value) if both else value, above.lines[key])  # type: ignore[arg-type]
    return found


def _filled(value: Any, fixed: Vars) -> Any:
    """Fill in the templates that are known when the file is read; the others stay."""
    if isinstance(value, Map):
        found = Map(value.line)
        for key, each in value.items():
            found.put(key, _filled_text(each, value.lines[key], fixed), value.lines[key])
        return found
    if isinstance(value, Seq):
        members = Seq(value.line)
        for each, line in zip(value, value.lines, strict=True):
            members.put(_filled_text(each, line, fixed), line)
        return members
    return value


def _filled_text(value: Any, line: int, fixed: Vars) -> Any:
    if isinstance(value, str) and "{{" in value and "$" in value and _all_known(value):
        return Template(value, line).render(fixed)
    return _filled(value, fixed)


def _all_known(text: str) -> bool:
    """Tell whether a text has templates of the file alone, and none of a user."""
    holes = [each.partition("}}")[0].strip(" {") for each in text.split("{{")[1:]]
    own = ("$env.", "$processEnvironment.", "$environment", "$dirname", "$testId", "$scenarioFile")
    return all(each.startswith(own) for each in holes)


def _target(given: Map) -> str | None:
    target = known_keys.text(given, "target", "config")
    if target is None:
        return None
    line = given.lines["target"]
    try:
        urls.parse(re.sub("^ws(s?):", r"http\1:", target))
    except UsageError as error:
        raise Refusal(line, f"target: {error}") from None
    return target.rstrip("/") if target.count("/") == 3 else target


def _read_http(given: Map, found: TestConfig) -> None:
    http = known_keys.mapping(given, "http", "config")
    known_keys.refuse_unknown(http, _HTTP, "http", _HTTP_REFUSED)
    jar = known_keys.mapping(http, "cookieJarOptions", "http")
    if jar:
        line = http.lines["cookieJarOptions"]
        raise Refusal(line, "cookieJarOptions are not supported: cookies follow RFC 6265.")
    timeout = known_keys.time_s(given, "timeout", "config")
    timeout = known_keys.time_s(http, "timeout", "http") if timeout is None else timeout
    found.timeout_s = timeout or TIMEOUT_S
    if found.timeout_s > MAX_TIMEOUT_S:
        line = http.lines.get("timeout", given.lines.get("timeout", 0))
        raise Refusal(line, f"timeout is at most {MAX_TIMEOUT_S:.0f} s.")
    found.pool = bool(known_keys.number(http, "pool", "http"))
    found.max_sockets = max(1, int(known_keys.number(http, "maxSockets", "http") or 1))
    known_keys.flag(http, "extendedMetrics", "http")
    for whose, what in ((given, "config"), (http, "http")):
        defaults = known_keys.mapping(whose, "defaults", what)
        known_keys.refuse_unknown(defaults, _DEFAULTS, "defaults")
        found.headers = known_keys.mapping(defaults, "headers", "defaults") or found.headers
        found.cookies = known_keys.mapping(defaults, "cookie", "defaults") or found.cookies
        found.strict_capture &= known_keys.flag(defaults, "strictCapture", "defaults", True)
        think = known_keys.mapping(defaults, "think", "defaults")
        known_keys.refuse_unknown(think, ("jitter",), "think of defaults")
        found.jitter = think.get("jitter", found.jitter)
    for value in (*found.headers.values(), *found.cookies.values()):
        if isinstance(value, Map | Seq):
            raise Refusal(value.line, "headers and cookies of defaults are texts.")


def _read_plugins(given: Map, found: TestConfig) -> None:
    plugins = known_keys.mapping(given, "plugins", "config")
    known_keys.refuse_unknown(plugins, _PLUGINS, "plugins", _PLUGIN_REFUSED)
    if "apdex" in plugins:
        remarks.tell(
            "apdex",
            f"line {plugins.lines['apdex']}: apdex is not measured",
            "hold http.response_time to a limit with ensure",
        )
    if "expect" in plugins:
        expect = known_keys.mapping(plugins, "expect", "plugins")
        known_keys.refuse_unknown(expect, _EXPECT, "the plugin expect")
        found.expect = ExpectPlugin(
            known_keys.flag(expect, "expectDefault200", "expect"),
            known_keys.flag(expect, "reportFailuresAsErrors", "expect"),
        )
    by = known_keys.mapping(plugins, "metrics-by-endpoint", "plugins")
    known_keys.refuse_unknown(by, _BY_ENDPOINT, "metrics-by-endpoint", _BY_ENDPOINT_REFUSED)
    unnamed = "metrics-by-endpoint" not in plugins  # then Artillery adds it itself, for its report
    found.strips_query = known_keys.flag(by, "stripQueryString", "metrics-by-endpoint", unnamed)
    found.groups_urls = known_keys.flag(by, "groupDynamicURLs", "metrics-by-endpoint", True)
    if "ensure" in given:
        found.ensure = known_keys.mapping(given, "ensure", "config")
    elif "ensure" in plugins:
        found.ensure = known_keys.mapping(plugins, "ensure", "plugins")
