"""From flags to how much: connections, rates over time, the length of a run and its limits."""

from __future__ import annotations

import math
from types import SimpleNamespace

from fastbench.cli.args import flag_values as values
from fastbench.foundation import units
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import workload
from fastbench.plan.workload import Pace, Stage


def load(flags: SimpleNamespace, notices: list[str]) -> workload.Load:
    timeout_s = _timeout_s(flags, notices)
    requests = values.count("-n", flags.requests)
    duration_s = values.duration_s("-d", flags.durations[-1] if flags.durations else None)
    connections = values.count("-c", flags.connections)
    if flags.shape is not None and (flags.burst or flags.burst_delay or flags.burst_rate):
        raise UsageError("--burst says when requests start; leave out --shape.")
    if flags.shape is not None:
        from fastbench.plan.load_shapes import SHAPES

        pace, stages_s = _shaped(flags, connections, duration_s, notices)
        most = (connections or workload.DEFAULT_CONNECTIONS) * SHAPES[flags.shape].peak
        connections = round(most)
    else:
        pace, stages_s = _pace(flags, connections, duration_s, requests, notices)
    if duration_s is None:
        duration_s = stages_s
    if duration_s is None and requests is None:
        duration_s = workload.DEFAULT_DURATION_S
    if pace is not None and not pace.rates:
        connections = round(pace.peak)
    if connections is None:  # no more than can have a request; only what was typed is told
        most = workload.DEFAULT_CONNECTIONS
        connections = most if requests is None else max(1, min(most, requests))
    connect_timeout_s = values.duration_s("--connect-timeout", flags.connect_timeout)
    fitted, lowered = workload.fit(
        workload.Load(
            connections=connections,
            workers=values.count("-t", flags.workers),
            duration_s=duration_s,
            requests=requests,
            pipeline=1 if flags.pipeline is None else values.count("-p", flags.pipeline) or 0,
            keepalive=not flags.no_keepalive,
            retry=not flags.no_retry,
            timeout_s=timeout_s,
            connect_timeout_s=timeout_s if connect_timeout_s is None else connect_timeout_s,
            pace=pace,
            warmup_s=values.duration_s("-W", flags.warmup) or 0.0,
            drain=flags.drain,
            http=version(flags),
            streams=1 if flags.streams is None else values.count("-m", flags.streams) or 0,
        )
    )
    notices += lowered
    return fitted


def version(flags: SimpleNamespace) -> workload.HttpVersion:
    """Read --http1 and --http2."""
    if flags.http1 and flags.http2:
        raise UsageError("--http1 and --http2 exclude each other; give one.")
    return "1.1" if flags.http1 else "2" if flags.http2 else ""


def _timeout_s(flags: SimpleNamespace, notices: list[str]) -> float:
    """Return --timeout; `-t 30s` (hey, oha, bombardier) and `-T 30s` (wrk) mean it too."""
    given = [flags.timeout] if flags.timeout is not None else []
    workers = flags.workers
    if workers is not None and not workers.isdecimal() and values.is_duration(workers):
        notices.append(
            f"-t {workers} was read as --timeout {workers}; a bare number sets the workers."
        )
        given.append(workers)
        flags.workers = None
    by_value = flags.by_value
    if by_value is not None and "/" not in by_value:
        if not values.is_duration(by_value):
            raise UsageError("-T takes a content type such as text/plain, or a time such as 30s.")
        given.append(by_value)
    if len(given) > 1:
        raise UsageError("The time limit of a request is given twice; keep --timeout.")
    return (
        workload.DEFAULT_TIMEOUT_S if not given else values.duration_s("--timeout", given[0]) or 0.0
    )


def _pace(
    flags: SimpleNamespace,
    connections: int | None,
    duration_s: float | None,
    requests: int | None,
    notices: list[str],
) -> tuple[Pace | None, float | None]:
    """Return the plan of -R, --ramp and --stages, and how long the stages are together."""
    rate = _rate(flags, notices)
    if bursts := _bursts(flags, rate, connections, notices):
        return bursts, None
    if flags.ramp is not None and flags.stages is not None:
        raise UsageError(
            "--ramp cannot be combined with --stages; write it as the first stage, such as 10s:100."
        )
    for name, value in (("--arrival", flags.arrival), ("--on-overload", flags.on_overload)):
        if value is not None and rate is None:
            raise UsageError(f"{name} needs a planned rate; add one with -R.")
    stages: tuple[Stage, ...]
    stages_s = None
    if flags.stages is not None:
        if duration_s is not None:
            raise UsageError("--stages set the length of the run; leave out -d.")
        start = connections or 1 if rate is None else rate
        stages = _stages(flags.stages, start, whole=rate is None)
        stages_s = sum(stage.length_s for stage in stages)
    elif flags.ramp is not None:
        peak = rate or connections or workload.DEFAULT_CONNECTIONS
        stages = _ramp(flags.ramp, 1 if rate is None else 0, peak, duration_s, requests)
    elif rate is not None:
        stages = (Stage(math.inf, rate, rate),)
    else:
        return None, None
    return _spaced(flags, stages, rates=rate is not None), stages_s


def _bursts(
    flags: SimpleNamespace, rate: float | None, connections: int | None, notices: list[str]
) -> Pace | None:
    """Return the plan of --burst N/T, or of oha's --burst-rate N and --burst-delay T."""
    text = flags.burst
    if flags.burst_delay is not None or flags.burst_rate is not None:
        if text is not None or flags.burst_delay is None:
            raise UsageError("Write bursts as --burst N/T, for example --burst 100/1s.")
        text = f"{flags.burst_rate or 1}/{flags.burst_delay}"
    if text is None:
        return None
    others = {"-R": rate, "--ramp": flags.ramp, "--stages": flags.stages}
    others |= {"--arrival": flags.arrival}
    if other := next((name for name, value in others.items() if value is not None), ""):
        raise UsageError(f"--burst says when requests start; leave out {other}.")
    number, slash, every = text.partition("/")
    if not slash:
        raise UsageError("--burst takes N/T: N requests at once every T, for example 100/1s.")
    burst = values.count("--burst", number, 1, workload.MAX_BURST) or 0
    every_s = values.duration_s("--burst", every) or 0.0
    if not 0 < every_s <= workload.MAX_DURATION_S:
        raise UsageError("--burst needs a time longer than 0 after the /, for example 100/1s.")
    if burst > (many := connections or workload.DEFAULT_CONNECTIONS) * _in_flight(flags):
        notices.append(
            f"--burst {text} has {units.plural(many, 'connection')}, so the rest of each burst "
            f"waits for one; for all at once add -c {burst}."
        )
    stage = Stage(math.inf, burst / every_s, burst / every_s)
    drop = values.choice("--on-overload", flags.on_overload, ("queue", "drop")) == "drop"
    return Pace(True, (stage,), "burst", drop, burst, every_s)


def _in_flight(flags: SimpleNamespace) -> int:
    """Return how many requests a connection may carry at a time."""
    given = values.count("-m", flags.streams) or 1, values.count("-p", flags.pipeline) or 1
    return max(given)


def _spaced(flags: SimpleNamespace, stages: tuple[Stage, ...], *, rates: bool) -> Pace:
    arrival = values.choice("--arrival", flags.arrival, ("constant", "poisson"))
    overload = values.choice("--on-overload", flags.on_overload, ("queue", "drop"))
    spaced: workload.Arrival = "poisson" if arrival == "poisson" else "constant"
    return Pace(rates, stages, spaced, overload == "drop")


def _shaped(
    flags: SimpleNamespace, connections: int | None, duration_s: float | None, notices: list[str]
) -> tuple[Pace | None, float | None]:
    """Return the plan of --shape over -R, or else over -c, and its length if it has one.

    -d is the length of all of it.
    """
    from fastbench.plan.load_shapes import SHAPES

    shape = SHAPES[values.choice("--shape", flags.shape, SHAPES) or ""]
    ends = ("stages", "ramp", "requests") if shape.timed else ("stages", "ramp")
    for name in ends:
        if getattr(flags, name) is not None:
            flag = "-n" if name == "requests" else f"--{name}"
            raise UsageError(f"--shape {shape.name} says how the load changes; leave out {flag}.")
    rate = _rate(flags, notices)
    for name, value in (("--arrival", flags.arrival), ("--on-overload", flags.on_overload)):
        if value is not None and rate is None:
            raise UsageError(f"{name} needs a planned rate; add one with -R.")
    level = rate or connections or workload.DEFAULT_CONNECTIONS
    faster = duration_s / shape.length_s if shape.timed and duration_s is not None else 1.0
    stages = tuple(
        Stage(part.length_s * faster, level * part.first, level * part.last, part.name)
        for part in shape.parts
    )
    words = []
    for name in dict.fromkeys(stage.name for stage in stages):
        own = [stage for stage in stages if stage.name == name]
        length_s = sum(stage.length_s for stage in own)
        words.append(_part(own[0].first, own[-1].last, length_s, name, rates=rate is not None))
    most = round((connections or workload.DEFAULT_CONNECTIONS) * shape.peak)
    more = f", at most {units.plural(most, 'connection')}" if rate is not None else ""
    notices.append(f"--shape {shape.name}: {', '.join(words)}{more}.")
    stages_s = sum(stage.length_s for stage in stages) if shape.timed else None
    return _spaced(flags, stages, rates=rate is not None), stages_s


def _part(first: float, last: float, length_s: float, name: str, *, rates: bool) -> str:
    shown = units.format_rate if rates else "{:,.0f}".format
    begin, end = shown(first), shown(last)
    level = end if first == last else f"{begin} to {end}"
    length = f" for {units.format_s(length_s)}" if math.isfinite(length_s) else ""
    return f"{name} {level}{'' if rates else ' connections'}{length}"


def _rate(flags: SimpleNamespace, notices: list[str]) -> float | None:
    """Return the requests per second of all workers together."""
    rate = values.rate("-R", flags.rate)
    if flags.hey_rate:
        notices.append("-q is the total rate of all connections; in hey it is per connection.")
    if rate == 0 and flags.stages is None:
        raise UsageError("-R 0 sends no requests; give requests per second, for example 1000.")
    return rate


def _ramp(
    text: str, first: float, last: float, duration_s: float | None, requests: int | None
) -> tuple[Stage, ...]:
    ramp_s = values.duration_s("--ramp", text) or 0.0
    if duration_s is None and requests is None:
        duration_s = workload.DEFAULT_DURATION_S
    if ramp_s <= 0:
        raise UsageError("--ramp must be longer than 0, for example 10s.")
    if duration_s is not None and ramp_s > duration_s:
        raise UsageError(
            f"--ramp {units.format_s(ramp_s)} is longer than the run; give a longer -d, "
            f"for example -d {units.format_s(ramp_s + workload.DEFAULT_DURATION_S)}."
        )
    return Stage(ramp_s, first, last), Stage(math.inf, last, last)


def _stages(text: str, first: float, *, whole: bool) -> tuple[Stage, ...]:
    """Read `30s:20,1m:50,10s:0`: each stage goes in a straight line to its target."""
    found = []
    for piece in text.split(","):
        length_s, last = values.stage(piece) or (0.0, 0.0)
        if length_s <= 0:
            raise UsageError(
                "--stages takes DURATION:TARGET pairs, for example 30s:20,1m:50,10s:0."
            )
        if whole and last != int(last):
            raise UsageError(
                f"--stages {piece.strip()}: a number of connections is whole; for rates add -R."
            )
        found.append(Stage(length_s, first, last))
        first = last
    return tuple(found)
