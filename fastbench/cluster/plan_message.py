"""A plan on its way to other machines: everything that its workers need, and nothing else.

1. It arrives as it was (`==`), but for the paths of certificates and keys, whose files travel with
   it, and `watch`, which stays with the parent.
2. Addresses are no part of it: a machine looks the server's name up (resolve.reach), as its network
   sees it. The path of a Unix socket is each machine's own.
3. The rows of --feed travel with it, packed: the memory as it is, and where each value is.
4. --bind may name addresses of all machines: each sends from those it has (`of_this_machine`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastbench.cluster import message_codec, sent_certificates, sent_feed
from fastbench.cluster.message_codec import MessageError
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.network import source_addresses
from fastbench.plan.plan import Plan, Watch


def message_of(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON knows it, with its files; raises UsageError where one is gone."""
    files: list[str] = []
    tls = plan.target.tls
    if tls is not None:
        tls, files = sent_certificates.read(tls)
    sent = replace(plan, target=replace(plan.target, tls=tls), watch=(), feed=None)
    feed = None if plan.feed is None else sent_feed.message_of(plan.feed)
    return {"plan": message_codec.pack(sent, leave=("feed",)), "files": files, "feed": feed}


def plan_of(message: object, folder: str | None) -> Plan:
    """Build the plan of a message; files go into `folder`, see sent_certificates.written.

    Without one they are left out: who looks a name up needs none. Raises MessageError, OSError, and
    UsageError as Plan itself does.
    """
    if not isinstance(message, dict) or set(message) != {"plan", "files", "feed"}:
        raise MessageError("expected a plan, its files and rows")
    plan = message_codec.unpack(Plan, message["plan"], leave=("feed",))
    if message["feed"] is not None:
        plan = replace(plan, feed=sent_feed.feed_of(message["feed"]))
    tls = plan.target.tls
    if tls is None:
        return plan
    if folder is None:
        tls = replace(tls, cafile=None, certfile=None, keyfile=None)
    else:
        tls = sent_certificates.written(tls, message["files"], folder)
    return replace(plan, target=replace(plan.target, tls=tls))


def of_this_machine(bind: tuple[str, ...]) -> tuple[str, ...]:
    """Return the addresses of --bind that this machine has; raises UsageError for none of them."""
    found, refused = [], ""
    for address in bind:
        try:
            source_addresses.check((address,))
        except UsageError as error:
            refused = refused or str(error)
        else:
            found.append(address)
    if bind and not found:
        raise UsageError(
            f"--bind has no address of this machine, of {len(bind)} given: name one of each "
            f"machine, or leave it out ({refused.rstrip('.')})."
        )
    return tuple(found)


def notices(unix_path: str | None, bind: tuple[str, ...], watch: tuple[Watch, ...]) -> list[str]:
    """Say what flags mean on several machines, where that may not be what was meant."""
    said = []
    if unix_path is not None:
        said.append(
            f"--unix {redact.printable(unix_path)} is on each machine the socket of that name "
            "there, so each loads a server of its own."
        )
    if bind:
        said.append("--bind: each machine sends from those of the addresses that it has.")
    if watch:
        said.append("--watch looks for processes on this machine alone, not on those of --on.")
    return said


def secrets(plan: Plan) -> list[str]:
    """Name what is secret in a plan and would be read by who listens: no value is in it."""
    found: dict[str, None] = {}
    for request in plan.requests:
        for name, _ in request.fields:
            shown = name.decode("latin-1")
            if redact.secret_header(shown):
                found[f"header {redact.printable(shown)}"] = None
        line = f"{request.method} {request.target.decode('latin-1')}"
        body = (request.body or b"")[: redact.MAX_TEXT].decode("latin-1")
        if redact.secrets_in(line):
            found["a value in the URL"] = None
        if redact.secrets_in("", body):
            found["a value in the body"] = None
    if plan.signing is not None:
        found["the key of --aws-sigv4"] = None
    if plan.digest is not None:
        found["the password of --digest"] = None
    if plan.target.tls is not None and plan.target.tls.keyfile:
        found["the key of --cert"] = None
    if plan.proxy is not None and plan.proxy.login is not None:
        found["the password of --proxy"] = None
    return list(found)
