"""What of k6's modules is more than k6's core: JavaScript and operations, for the prelude."""

from __future__ import annotations

from fastbench.script.k6 import k6_html
from fastbench.script.k6.modules import (
    k6_addresses,
    k6_files,
    k6_redis,
    k6_secrets,
    k6_sql,
    k6_websockets,
)
from fastbench.script.k6.webcrypto import subtle

PARTS = (
    *("sql.js", "html.js", "redis.js", "files.js"),
    *("streams.js", "writable.js", "websockets.js", "webcrypto.js", "addresses.js"),
)
MODULES = (k6_sql, k6_html, k6_redis, k6_files, k6_secrets, k6_websockets, k6_addresses, subtle)
