"""Redis as k6/x/redis has it, over that of all scripts: one pool for each address and worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastbench.script.k6.k6_calls import K6Error, owner
from fastbench.script.protocols import redis

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm

POOL = 100
TIMEOUT_S = 30.0
_NODE = frozenset(("socket", "username", "password", "database"))
_RETRIES = frozenset(("maxRetries", "minRetryBackoff", "maxRetryBackoff"))
_SOCKET = frozenset(("host", "port", "tls", "dialTimeout", "readTimeout", "poolSize"))
_OF_GO = frozenset(
    (
        *("writeTimeout", "minIdleConns", "maxConnAge", "poolTimeout", "idleTimeout"),
        "idleCheckFrequency",
    )
)


def install(realm: K6Realm) -> None:
    """Add the operations."""
    stores: list[redis.Store] = []
    numbers: dict[str, int] = {}

    def open_store(options: Any) -> int:
        url, more = (options, {}) if isinstance(options, str) else _read(options)
        key = repr((url, sorted(more.items())))
        if key not in numbers:
            base = redis.settings(POOL, TIMEOUT_S, "redis.Client()")
            checked = redis.checked(url, "redis.Client()")
            words = base | {"protocol": 2, "encoding_errors": "replace"} | more
            stores.append(redis.Store(checked, words, plain=True))
            numbers[key] = len(stores) - 1
        return numbers[key]

    def call(id: int, number: int, words: list[str]) -> None:
        owner().aside(id, _answer(stores[number], words))

    realm.define("redisOpen", open_store)
    realm.define("redisCall", call)


async def _answer(store: redis.Store, words: list[str]) -> Any:
    """Do a command; raises K6Error with what Redis says."""
    try:
        return await store.execute_command(*words)
    except redis.RedisError as error:
        text = str(error)
        first = text.partition(" ")[0]
        if type(error) is redis.ResponseError and not first.isupper():
            text = f"ERR {text}"  # as the server said it
        raise K6Error(text) from None


def _read(options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the URL and the options of redis-py for an object of k6's; raises K6Error."""
    for name in ("cluster", "masterName"):
        if name in options:
            raise K6Error(f"invalid options; {name} is not supported: give the URL of one Redis")
    socket = options.get("socket") or {}
    given = [(name, _NODE | _RETRIES) for name in options]
    given += [(name, _SOCKET | _OF_GO) for name in socket]
    for name, known in given:
        if name not in known:
            raise K6Error(f'invalid options; reason: json: unknown field "{name}"')
    user, password = (quote(str(options.get(name) or "")) for name in ("username", "password"))
    about = f"{user}:{password}@" if password else ""
    tls = socket.get("tls")
    place = f"{socket.get('host') or 'localhost'}:{int(socket.get('port') or 6379)}"
    scheme = "redis" if tls is None else "rediss"
    more: dict[str, Any] = {}
    for name, ours in (
        ("dialTimeout", "socket_connect_timeout"),
        ("readTimeout", "socket_timeout"),
    ):
        if socket.get(name):
            more[ours] = socket[name] / 1e3
    if socket.get("poolSize"):
        more["max_connections"] = int(socket["poolSize"])
    if tls:
        if tls.get("cert") or tls.get("key"):
            raise K6Error("invalid options; tls.cert and tls.key are not supported")
        if tls.get("ca"):
            more["ssl_ca_data"] = "\n".join(tls["ca"])
    return f"{scheme}://{about}{place}/{int(options.get('database') or 0)}", more
