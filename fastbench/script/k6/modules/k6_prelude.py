"""A realm with k6's modules in it, and the script, compiled once for all users of a worker."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from fastbench.engine.client._client import Exchange
from fastbench.engine.javascript import _quickjs
from fastbench.machine import limits
from fastbench.script.k6 import k6_calls
from fastbench.script.k6.http import k6_batch, k6_cookies, k6_requests, k6_responses
from fastbench.script.k6.k6_console import ConsoleFile
from fastbench.script.k6.k6_context import K6Context
from fastbench.script.k6.k6_realm import K6Realm, Take, memory_bytes_of
from fastbench.script.k6.loading import k6_commonjs
from fastbench.script.k6.modules import (
    k6_addresses,
    k6_crypto,
    k6_execution,
    k6_files,
    k6_html,
    k6_redis,
    k6_require,
    k6_secrets,
    k6_sockets,
    k6_sql,
    k6_websockets,
    k6_x509,
)
from fastbench.script.k6.webcrypto import subtle
from fastbench.script.recording_context import PLACE
from fastbench.script.run_request import K6Words

_NOTHING = K6Words()
# Our JavaScript in the order it is evaluated; later parts stand on earlier ones.
_PARTS = (
    *("core.js", "http.js", "ws.js", "crypto.js", "jslib.js", "commonjs.js", "sql.js", "html.js"),
    *("redis.js", "files.js", "streams.js", "writable.js", "websockets.js", "webcrypto.js"),
    *("addresses.js", "execution.js"),
)
_ALWAYS = ("core.js", "http.js", "commonjs.js", "execution.js")
_ALSO_FOR = {  # what others of our scripts, or objects of theirs, have of it
    "html.js": ("html", "submitForm", "clickLink"),
    "webcrypto.js": ("crypto",),
    "streams.js": ("websockets",),
    "writable.js": ("streams", "websockets"),
}
_WORD = re.compile(r"\w+")
# Files that are read later, or names that are put together.
_LATER = re.compile(r"\bimport\s*\(|\brequire\s*\((?!\s*['\"](?:k6|https://jslib))")
# What has operations for it.
_MODULES = (
    *(k6_calls, k6_requests, k6_batch, k6_responses, k6_cookies, k6_execution, k6_sockets),
    k6_crypto,
    *(k6_require, k6_sql, k6_html, k6_redis, k6_files, k6_secrets, k6_websockets, k6_addresses),
    *(k6_x509, subtle),
)


def begin(
    main: str,
    source: str,
    env: Mapping[str, str],
    take: Take,
    said: K6Words = _NOTHING,
    workers: int = 0,
) -> K6Realm:
    """Make the realm of this process, after the fork; `workers` of the run share the memory.

    Raises JsError and UsageError.
    """
    found = K6Realm(
        main, source, take, memory_bytes_of(said.memory_bytes, workers or limits.usable_cores())
    )
    if said.console_output is not None:
        found.console = ConsoleFile(said.console_output).write
    found.secret_sources = said.secret_sources
    found.isolates = said.isolate
    for part in _MODULES:
        part.install(found)
    _prelude(found, {**os.environ, **env} if said.system_env else env)
    found.realm.fast(PLACE, Exchange)
    _quickjs.halted(lambda user: user.owner.tidy())
    _quickjs.waits(lambda user: user.owner.next_event())
    try:
        found.main = found.realm.compile(found.modules.source(main), main)
    except _quickjs.JsError as error:
        error.stack = found.modules.mapped(error.stack)
        raise
    found.modules.loaded()
    return found


def _prelude(found: K6Realm, env: Mapping[str, str]) -> None:
    """Run our own JavaScript, which makes modules over the operations, for all and for each."""
    folder = Path(__file__).parents[1] / "js"
    scripts = {name: found.realm.script((folder / name).read_text(), name) for name in _PARTS}
    own = dict(env)
    found.shared, modules = _filled(found.realm, scripts, own)
    found.modules.built_in([name for names in modules.values() for name in names])
    needed: dict[str, _quickjs.JsValue] = {}

    def fill(realm: _quickjs.Realm) -> K6Context:
        if not needed:
            needed.update((name, scripts[name]) for name in _needed(modules, found.modules.texts()))
        return _filled(realm, needed, own)[0]

    found.fill = fill
    changed = found.realm.run(
        found.realm.evaluate((folder / "builtins.js").read_text(), "builtins.js")
    )
    found.changed = lambda: str(found.realm.run(changed).copy())
    now = found.realm.evaluate("Date.now", "prelude")
    found.now_ms = lambda: int(found.realm.run(now).copy())


def _filled(
    realm: _quickjs.Realm, scripts: Mapping[str, _quickjs.JsValue], env: dict[str, str]
) -> tuple[K6Context, dict[str, list[str]]]:
    """Return what users of a realm see of k6, and which modules each of our scripts makes."""
    host = realm.evaluate("globalThis.__host", "prelude")
    modules = realm.evaluate("({})", "prelude")
    realm.evaluate("delete globalThis.__host", "prelude")
    made: dict[str, list[str]] = {}
    names: list[str] = []
    for part, script in scripts.items():
        realm.run(realm.evaluated(script), host, modules)
        before, names = names, modules.names()
        made[part] = [name for name in names if name not in before]
    realm.errors(realm.member(host, "makeError"))
    realm.dispatch(realm.member(host, "dispatch"))
    k6_responses.wrap(realm, realm.member(host, "responsePrototype"))
    for name in names:
        module = realm.member(modules, name)
        values = {each: realm.member(module, each) for each in module.names()}
        realm.native(name, {"default": module, **values})
    ours = realm.member(host, "commonjsModule")
    realm.native(k6_commonjs.MODULE, {each: realm.member(ours, each) for each in ours.names()})
    realm.run(realm.member(host, "environment"), realm.value(env))
    return K6Context(realm, host), made


def _needed(modules: Mapping[str, list[str]], texts: Iterable[str]) -> list[str]:
    """List those of our scripts that the texts of a script can ask for: it takes time and memory
    to run each for every user. All of them where a name may be put together at run time.
    """
    text = "\n".join(texts)
    if _LATER.search(text):
        return list(modules)
    words = set(_WORD.findall(text))
    return [
        part
        for part, names in modules.items()
        if part in _ALWAYS
        or words.intersection(_ALSO_FOR.get(part, ()))
        or any(_WORD.findall(name)[-1] in words for name in names)
    ]
