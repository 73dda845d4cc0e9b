"""Secrets as k6/secrets has them: --secret-source mock=… and file=…; logs do not show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.script.k6.k6_calls import K6Error

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm

SHOWN = "***SECRET_REDACTED***"


def install(realm: K6Realm) -> None:
    """Add the operation; raises UsageError for a source that cannot be read."""
    sources = read(realm.secret_sources)

    def secret(source: str, key: str) -> str:
        if not sources:
            raise K6Error("no secret sources are configured")
        if source not in sources:
            raise K6Error(f'no secret source with name "{source}" is configured')
        if key not in sources[source]:
            raise K6Error("no value")
        found = sources[source][key]
        if found:
            realm.hidden.add(found)
        return found

    realm.define("secret", secret)


def read(texts: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    """Return the secrets of sources such as `mock=default,user=ann` by their names.

    One is `default`, too: the one that says so, or the only one. Raises UsageError.
    """
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        kind, _, rest = text.partition("=")
        if kind not in ("mock", "file"):
            raise UsageError(
                f"--secret-source {redact.printable(kind)}=… is not there: it is mock=NAME=VALUE "
                "or file=PATH."
            )
        words = rest.split(",")
        name = next((each[5:] for each in words if each.startswith("name=")), "")
        default = "default" in words or len(texts) == 1
        words = [each for each in words if each != "default" and not each.startswith("name=")]
        secrets = _pairs(words) if kind == "mock" else _file(words)
        if not name and not default:
            raise UsageError(f"--secret-source {kind}=… needs a name: add ,name=NAME or ,default.")
        for each in filter(None, (name, "default" if default else "")):
            if each in found:
                raise UsageError(f"--secret-source: there are two sources named {each}.")
            found[each] = secrets
    return found


def _pairs(words: Sequence[str]) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError("--secret-source: each secret is NAME=VALUE.")
        found[name] = value
    return found


def _file(words: Sequence[str]) -> dict[str, str]:
    path = ",".join(words).removeprefix("filename=")
    try:
        with open(path, encoding="utf-8") as opened:
            lines = [line.strip() for line in opened]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(
            f"--secret-source file={redact.printable(path)} cannot be read: {reason}."
        ) from None
    return _pairs([line for line in lines if line and not line.startswith("#")])
