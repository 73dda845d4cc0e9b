"""A script loads from the tree that was laid out for it, where nothing of the original is left."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from commandline import invoke

from fastbench.cluster import file_store, sent_files
from fastbench.cluster.file_store import Incoming, Store
from fastbench.cluster.sent_files import Manifest

PYTHON = {
    "shop/.git/config": "",
    "shop/common.py": "BASE = 'http://localhost:1'\n",
    "shop/load/steps/__init__.py": "",
    "shop/load/steps/pay.py": "from .cards import CARD\n",
    "shop/load/steps/cards.py": "CARD = 'visa'\n",
    "shop/load/checkout.py": (
        "from fastbench import Options, data, scenario\n"
        "import common\n"
        "from steps import pay\n"
        "users = data('../../data/users.csv')\n"
        "plans = open('shop/plans.txt').read().split()\n"
        "options = Options(base_url=common.BASE)\n"
        "vus = len(users) + len(plans)\n"
        "@scenario(executor='shared-iterations', vus=vus, iterations=40)\n"
        "async def buy(vu):\n"
        "    await vu.get('/' + pay.CARD)\n"
    ),
    "shop/plans.txt": "a b c d",
    "data/users.csv": "name\nann\nbob\neve\n",
}
K6 = {
    "load/test.js": (
        "import http from 'k6/http';\n"
        "import { SharedArray } from 'k6/data';\n"
        "import { url } from '../lib/x.js';\n"
        "const users = new SharedArray('users', () => open('../data/users.csv').split('\\n'));\n"
        "export const options = { vus: users.length, iterations: 40 };\n"
        "export default function () { http.get(url); }\n"
    ),
    "lib/x.js": "export { url } from './y.js';",
    "lib/y.js": "const pack = require('pack');\nexport const url = pack.url;",
    "node_modules/pack/package.json": '{"main": "main.js"}',
    "node_modules/pack/main.js": "module.exports = { url: 'http://localhost:1/' };",
    "data/users.csv": "ann\nbob\neve\nada\nkim\nlea\nmax",
}


def _laid_out(files: dict[str, str], script: str, there: Path) -> Manifest:
    """Write files, send them to a machine of its own, and remove them here."""
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    manifest = sent_files.gather(script)
    store = Store(str(there / "store"))
    for sha256 in file_store.missing(manifest, store):
        path = Path(manifest.path_of(sha256))
        with Incoming(store, sha256, path.stat().st_size) as incoming:
            for data in sent_files.chunks(str(path)):
                incoming.add(data)
    for name in files:
        shutil.rmtree(name.partition("/")[0], ignore_errors=True)
    store.lay_out(manifest, str(there / "tree"))
    return manifest


@pytest.mark.parametrize(
    ("files", "script"), [(PYTHON, "shop/load/checkout.py"), (K6, "load/test.js")]
)
def test_it_runs_as_it_did(
    files: dict[str, str], script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    manifest = _laid_out(files, script, tmp_path)
    assert os.listdir(".") == []
    tree = tmp_path / "tree"
    done = invoke(
        *("run", "--dry-run", "-t1", str(tree / manifest.script)), cwd=tree / manifest.folder
    )
    assert done.returncode == 0, done.stderr
    assert "7 VUs" in done.stdout and "40" in done.stdout
