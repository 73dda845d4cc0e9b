"""What the command line of `fastbench run` asks for: frozen values, before the script is known.

None, an empty tuple or an empty mapping mean "not given": then the script decides. What both may
say is merged by `cli_overrides.applied`, the only place where the command line meets the script.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from fastbench.plan.network.blocked import Blocked
from fastbench.plan.plan import ConnectTo, Family, Tls, Watch
from fastbench.plan.proxy import NO_PROXIES, Proxies
from fastbench.plan.workload import HttpVersion

if TYPE_CHECKING:
    from fastbench.results.thresholds.baseline_terms import Earlier
    from fastbench.script.slice_gate import SliceGate

# An empty servername means: the name of each origin. Nothing asked is what Tls() of plan says.
NO_TLS = Tls(verify=True, cafile=None, certfile=None, keyfile=None, servername="")


@dataclass(frozen=True, slots=True)
class K6Words:
    """Hold what is said in k6's words to one of its scripts: options by k6's names.

    Those of a `file` stand below the script's, those of the `environment` and `flags` above it.
    """

    file: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)
    system_env: bool = True  # __ENV has what the shell has
    secret_sources: tuple[str, ...] = ()  # each as --secret-source has it
    console_output: str | None = None  # the file that console.log() writes to
    iteration_limit_s: float = 0.0  # what an iteration may compute for, 0 for ever
    isolate: bool = False  # each user has built-in classes of its own
    memory_bytes: int | None = None  # of the JavaScript of all workers; None is what is free
    made_ns: int = field(default_factory=monotonic_ns)  # one instant for all workers


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Hold the words of a run. `config` is all of them, redacted and JSON-ready.

    `environment` is the one of an Artillery file that -e names.
    `script` is the path as typed, also that of a package with a `__main__.py`. `stages` are pairs
    of a length and a target. `scale` multiplies VUs, rates and shared iterations, `time_scale`
    lengths and start times, `shape` is a name of load_shapes. `headers` go with every request and
    replace the script's of the same name. `earlier` reads the run before, which thresholds may name
    as [baseline]. `apart`: count by the tags of requests and samples, for outputs. At `start_line`
    it waits for the runs beside it. With a `gate` iterations begin while that is open.
    """

    script: str
    vus: int | None = None
    duration_s: float | None = None
    iterations: int | None = None
    stages: tuple[tuple[float, float], ...] = ()
    scenarios: tuple[str, ...] = ()
    scale: float = 1.0
    time_scale: float = 1.0
    shape: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    environment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    thresholds: tuple[str, ...] = ()
    workers: int | None = None
    base_url: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    user_agent: str | None = None
    timeout_s: float | None = None
    connect_timeout_s: float | None = None
    max_redirects: int | None = None
    keepalive: bool = True
    http: HttpVersion = ""
    discard_bodies: bool = False
    expect: frozenset[int] | None = None
    tls: Tls = NO_TLS
    unix_path: str | None = None
    bind: tuple[str, ...] = ()
    family: Family = 0
    one_address: bool = False
    connect_to: tuple[ConnectTo, ...] = ()
    proxies: Proxies = NO_PROXIES
    blocked: Blocked | None = None
    watch: tuple[Watch, ...] = ()
    no_setup: bool = False
    no_teardown: bool = False
    no_thresholds: bool = False
    fail_on: tuple[str, ...] = ()
    fail_fast: bool = False
    debug: bool = False
    dry_run: bool = False
    verbose: bool = False
    apart: bool = False
    earlier: Earlier | None = None
    start_line: str | None = None
    gate: SliceGate | None = None
    k6: K6Words | None = None
    config: Mapping[str, object] = field(default_factory=dict)
