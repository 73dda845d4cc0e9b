"""One process on one core: the engine on its own thread, and the main one beside it.

1. `run` is called right after the fork, and the process ends with it: see child.py.
2. The engine thread holds no GIL and is never told anything by Python: it reads the block.
3. The main thread runs at nice 10. It ends the process when the parent is gone, where the kernel
   has not done so at once (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import math
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fastbench.engine.bridge import _core
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import environment
from fastbench.plan import hostnames
from fastbench.plan.network import proxies
from fastbench.plan.network.resolve import Reach, sources
from fastbench.plan.plan import Plan, Request, WebSocket
from fastbench.plan.workload import Pace
from fastbench.run import url_counts
from fastbench.run.child import EXIT_FAILED, QUIET_NICE, encoded

if TYPE_CHECKING:
    from fastbench.run.lua.lua_run import LuaRun
    from fastbench.run.lua.text_maker import TextMaker

LOOK_S = 0.25
UNAUTHORIZED = 401
MAX_CYCLE = 1_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """One worker's part of the load; `first_connection` counts over all workers."""

    index: int
    connections: int
    first_connection: int
    requests: int | None


def shares(plan: Plan, workers: int) -> list[Share]:
    """Split connections and requests exactly, remainders to the first workers."""
    connections = split(plan.load.connections, workers)
    total = plan.load.requests
    requests = [None] * workers if total is None else split(total, workers)
    return [Share(i, connections[i], sum(connections[:i]), requests[i]) for i in range(workers)]


def split(total: int, parts: int) -> list[int]:
    """Return `parts` whole numbers that sum to `total` and differ by at most one."""
    each, rest = divmod(total, parts)
    return [each + (i < rest) for i in range(parts)]


def lowered(counts: Sequence[int], most: int) -> list[int]:
    """Return these counts with as much taken from the highest that they sum to `most`."""
    found = list(counts)
    while sum(found) > most:
        found[found.index(max(found))] -= 1
    return found


def order(requests: tuple[Request, ...]) -> list[int]:
    """Return the cycle in which requests are sent, each as often as its weight says.

    Request i of weight w stands at (k + 1/2) / w for k = 0 .. w - 1, so that repetitions are spread
    evenly. Raises UsageError when the cycle would be too long to hold.
    """
    common = math.gcd(*(request.weight for request in requests))
    weights = [request.weight // common for request in requests]
    if sum(weights) > MAX_CYCLE:
        raise UsageError(
            f"The weights of the URLs add up to {sum(weights):,}, more than {MAX_CYCLE:,}; "
            "use smaller ones."
        )
    places = [((k + 0.5) / w, i) for i, w in enumerate(weights) for k in range(w)]
    return [i for _, i in sorted(places)]


def run(
    plan: Plan,
    reach: Reach,
    cycle: list[int],
    block: _core.Block,
    share: Share,
    channel: socket.socket,
) -> None:
    """Be a worker: load the server as the block says. The end of the channel is the end of it."""
    load = loaded(plan, reach, cycle, block, share)
    control(load.engine.run, looks=[] if load.look is None else [load.look])


def run_script(
    script: LuaRun,
    plan: Plan,
    cycle: list[int],
    block: _core.Block,
    share: Share,
    channel: socket.socket,
) -> None:
    """Be a worker whose requests a script makes; it says what the script's done() may ask for."""
    number, reach = share.index, Reach(script.threads.endpoints(share.index))
    try:
        if script.constant:
            control(engine(script.plan_of(number), reach, cycle, block, share).run)
        else:
            texts = script.texts(share.connections, share.requests)
            loaded = engine(plan, reach, cycle, block, share, texts)
            control(loaded.run, script.maker(number, texts))
        told = script.last_words(number)
    except UsageError as error:
        told = {"failed": str(error)}
    for kind, body in told.items():
        channel.sendall(encoded(kind, body))


@dataclass(frozen=True, slots=True)
class Loaded:
    """An engine, and what the main thread does beside it a few times a second, if anything."""

    engine: _core.Engine
    look: Callable[[], None] | None = None


def loaded(plan: Plan, reach: Reach, cycle: list[int], block: _core.Block, share: Share) -> Loaded:
    """Return the engine of a worker, which answers challenges where the plan says so."""
    if plan.digest is None:
        return Loaded(engine(plan, reach, cycle, block, share))
    from fastbench.plan.network import digest_challenges, digest_fields

    answers = digest_fields.answers(plan.digest, share.index)
    requests = tuple(digest_fields.authorized(each, answers) for each in plan.requests)
    nonces = _core.Nonces(
        answers.hash_name, answers.head(), answers.secret(), first=share.index, step=block.total
    )
    warm = block.total + share.index
    slots = (share.index, warm) if warm in block.warm_indices else (share.index,)

    def refused() -> int:
        return sum(block.status_codes(slot).get(UNAUTHORIZED, 0) for slot in slots)

    made = engine(replace(plan, requests=requests), reach, cycle, block, share, nonces=nonces)
    return Loaded(made, digest_challenges.Renewal(plan, answers, refused, nonces.give).look)


def engine(
    plan: Plan,
    reach: Reach,
    cycle: list[int],
    block: _core.Block,
    share: Share,
    texts: _core.TextRing | None = None,
    nonces: _core.Nonces | None = None,
) -> _core.Engine:
    load = plan.load
    first = share.first_connection % len(cycle)  # lest all workers send the same one at once
    expected = plan.expect.statuses
    urls = url_counts.of_requests(plan.requests)[1]
    requests, period = timed(plan, time.monotonic_ns())
    ok = bytes(status < 400 if expected is None else status in expected for status in range(1000))
    return _core.Engine(
        block,
        share.index,
        targets=[each.parts for each in reach.used],
        connections=share.connections,
        budget=_core.UNLIMITED if share.requests is None else share.requests,
        requests=proxies.sent(plan, requests),
        pattern=cycle[first:] + cycle[:first],
        urls=urls * (len(requests) // len(plan.requests)),
        pipeline=load.pipeline,
        keepalive=load.keepalive,
        retry=load.retry,
        timeout_ns=round(load.timeout_s * 1e9),
        connect_timeout_ns=round(load.connect_timeout_s * 1e9),
        ok_status=ok,
        status_expected=expected is not None,
        expect_body=plan.expect.body,
        sources=sources(plan),
        first=share.first_connection,
        tls_options=_tls_options(plan),
        plan=_pace(load.pace),
        drain=load.drain,
        socket=_socket(plan.websocket),
        protocols=plan.protocols,
        streams=load.streams,
        no_delay=plan.no_delay,
        period=period,
        feed=plan.feed,
        seed=plan.seed,
        wall_offset_ns=environment.unix_ns() - time.monotonic_ns(),
        texts=texts,
        through=proxies.tunnel(plan, reach),
        nonces=nonces,
    )


def timed(plan: Plan, now_ns: int) -> tuple[tuple[Request, ...], tuple[int, int, int] | None]:
    """Return the requests, of all periods of the run where they are signed anew in each.

    Those of the first are signed for now; see _core.Engine for the rest.
    """
    if plan.signing is None:
        return plan.requests, None
    from fastbench.plan import aws_signature

    unix_s = environment.unix_ns() // 1_000_000_000
    count, period_s = aws_signature.periods_of(plan)
    requests = aws_signature.signed_texts(plan.requests, plan.signing, unix_s, count, period_s)
    period_ns = period_s * 1_000_000_000
    return requests, (now_ns + period_ns, period_ns, len(plan.requests))


def _socket(websocket: WebSocket | None) -> tuple[str, int, bytes, bytes] | None:
    if websocket is None:
        return None
    offered = ",".join(websocket.subprotocols).encode("ascii")
    return websocket.mode, websocket.opcode, websocket.message, offered


def _pace(
    pace: Pace | None,
) -> tuple[bool, list[tuple[float, float, float]], float, bool, bool, int, int] | None:
    if pace is None:
        return None
    stages = [(stage.length_s, stage.first, stage.last) for stage in pace.stages]
    burst = (pace.burst, round(pace.every_s * 1e9))
    return pace.rates, stages, pace.start, pace.arrival == "poisson", pace.drop, *burst


def _tls_options(plan: Plan) -> tuple[bytes, bool, bool, bytes, bytes, bytes] | None:
    tls = plan.target.tls
    if tls is None:
        return None
    cafile, certfile, keyfile = (
        os.fsencode(path or "") for path in (tls.cafile, tls.certfile, tls.keyfile)
    )
    name = tls.servername
    return name.encode(), hostnames.is_address(name), tls.verify, cafile, certfile, keyfile


def control(
    load: Callable[[], None],
    maker: TextMaker | None = None,
    looks: Sequence[Callable[[], None]] = (),
) -> None:
    """Load on a thread of its own until that ends; leave when the parent is gone.

    Meanwhile this one makes the requests, where a script does: then it is as important. Between its
    looks for the parent it does what `looks` say.
    """
    parent = os.getppid()
    failed: list[BaseException] = []

    def drive() -> None:
        try:
            load()
        except BaseException as error:
            failed.append(error)
        finally:
            if maker is not None:
                maker.wake()

    thread = threading.Thread(target=drive, name="engine")
    thread.start()
    if maker is None:
        own = threading.get_native_id()
        nice = os.getpriority(os.PRIO_PROCESS, own)  # only root may go below what nice(1) set
        os.setpriority(os.PRIO_PROCESS, own, max(nice, QUIET_NICE))
    while thread.is_alive():
        try:
            (thread.join if maker is None else maker.work)(LOOK_S)
        except UsageError as error:
            failed.append(error)
            maker = None  # which told the engine to stop
        for look in looks:
            look()
        if os.getppid() != parent:
            os._exit(EXIT_FAILED)
    if failed:
        raise failed[0]
    if maker is not None:
        maker.finish()
