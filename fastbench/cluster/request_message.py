"""What is asked of a script, on its way to other machines.

1. It arrives as it was, but for `script`, whose files travel by themselves (sent_files); the files
   of TLS and of --secret-source, which travel in the message and are written to a private folder;
   and what is of the parent alone: `watch`, `earlier`, `start_line`, `gate`, `dry_run`, `debug`,
   and the file of --console-output.
2. `k6.made_ns`, from which options.rps counts, is an instant: the receiver's clock is told apart.
3. Of the environment, what -e names travels in `env`, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastbench.cluster import message_codec, plan_message, sent_certificates
from fastbench.cluster.message_codec import MessageError
from fastbench.cluster.sent_files import Manifest
from fastbench.foundation import redact
from fastbench.script.run_request import K6Words, RunRequest

_OF_THE_PARENT = ("watch", "earlier", "start_line", "gate", "dry_run", "debug")
_FILE = "file="


def message_of(request: RunRequest, manifest: Manifest) -> dict[str, Any]:
    """Return a request as JSON knows it; raises UsageError where a file of it is gone."""
    tls, files = sent_certificates.read(request.tls)
    k6 = request.k6
    secrets = list[str]()
    if k6 is not None:
        sources, secrets = _taken_along(k6.secret_sources)
        k6 = replace(k6, secret_sources=sources, console_output=None)
    sent = replace(request, script=manifest.script, tls=tls, k6=k6)
    return {
        "request": message_codec.pack(sent, leave=_OF_THE_PARENT),
        "files": files,
        "secrets": secrets,
    }


def request_of(message: object, tree: str, folder: str, offset_ns: int = 0) -> RunRequest:
    """Build the request of a message whose script is laid out in `tree`.

    Its files go into `folder`, which must not exist or be empty. `offset_ns` is this machine's
    clock less the parent's. Raises MessageError, OSError, and UsageError.
    """
    if not isinstance(message, dict) or set(message) != {"request", "files", "secrets"}:
        raise MessageError("expected a request and its files")
    found = message_codec.unpack(RunRequest, message["request"], leave=_OF_THE_PARENT)
    parts = found.script.split("/")
    if os.path.isabs(found.script) or ".." in parts or "\0" in found.script:
        raise MessageError("the script is not among its files")
    tls = sent_certificates.written(found.tls, message["files"], folder)
    k6 = found.k6
    if k6 is not None:
        sources = _written(k6.secret_sources, message["secrets"], folder)
        k6 = replace(k6, secret_sources=sources, made_ns=k6.made_ns + offset_ns)
    script = os.path.normpath(os.path.join(tree, found.script))
    return replace(found, script=script, tls=tls, k6=k6)


def notices(request: RunRequest) -> list[str]:
    """Say what flags mean on several machines, where that may not be what was meant."""
    said = plan_message.notices(request.unix_path, request.bind, request.watch)
    if request.k6 is not None and request.k6.console_output is not None:
        said.append("--console-output has no lines of other machines.")
    return said


def secrets(request: RunRequest) -> list[str]:
    """Name what is secret, or may be, and would be read by who listens: no value is in it."""
    found = [f"-e {redact.printable(name)}" for name in request.env]
    found += [
        f"header {redact.printable(name)}"
        for name, _ in request.headers
        if redact.secret_header(name)
    ]
    if request.tls.keyfile:
        found.append("the key of --cert")
    if any(each.login is not None for each in request.proxies.all()):
        found.append("the password of --proxy")
    if (request.k6 or K6Words()).secret_sources:
        found.append("--secret-source")
    return found


def _taken_along(sources: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Return --secret-source with numbers for the paths of files, and these."""
    numbered, files = list[str](), list[str]()
    for source in sources:
        if source.startswith(_FILE):
            words = source.removeprefix(_FILE).split(",")
            kept = [each for each in words if _is_option(each)]
            path = ",".join(each for each in words if not _is_option(each))
            content = sent_certificates.content(path.removeprefix("filename="))
            source = ",".join((f"{_FILE}{len(files)}", *kept))
            files.append(message_codec.base64_of(content))
        numbered.append(source)
    return tuple(numbered), files


def _written(sources: Sequence[str], files: object, folder: str) -> tuple[str, ...]:
    """Write the files, and return --secret-source with their paths."""
    if not isinstance(files, list):
        raise MessageError("secrets: expected a list")
    contents = {str(at): message_codec.bytes_of(each, "secrets") for at, each in enumerate(files)}
    found = []
    for source in sources:
        if source.startswith(_FILE):
            number, *kept = source.removeprefix(_FILE).split(",")
            if number not in contents:
                raise MessageError("secrets: names a file that did not come along")
            path = os.path.join(folder, f"{number}.secrets")
            sent_certificates.write(path, contents[number])
            source = ",".join((f"{_FILE}{path}", *kept))
        found.append(source)
    return tuple(found)


def _is_option(word: str) -> bool:
    return word == "default" or word.startswith("name=")
