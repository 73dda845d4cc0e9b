"""What require() asks Python for: what a name leads to, and a file of CommonJS as a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastbench.engine.javascript._quickjs import JsError, JsValue
from fastbench.script.k6.k6_calls import owner

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm


def install(realm: K6Realm) -> None:
    """Add the operations; a function is compiled once, for all users of a worker."""
    scripts: dict[str, JsValue] = {}

    def commonjs(name: str) -> JsValue:
        if name not in scripts:
            source = realm.modules.function(name)
            try:
                scripts[name] = realm.realm.script(source, name)
            except JsError as error:
                where = realm.modules.mapped(error.stack).strip().removeprefix("at ")
                raise JsError(f"{error.text.partition(': ')[2]} ({where})", error.name) from None
        return owner().context.realm.evaluated(scripts[name])

    realm.define("commonjs", commonjs)
    realm.define("resolve", realm.modules.resolved)
