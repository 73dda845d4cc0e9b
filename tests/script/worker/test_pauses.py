"""Pauses of the garbage collector are of the load alone."""

from __future__ import annotations

from pathlib import Path

from workers import worker

CODE = """
import gc
from fastbench import scenario, setup
gc.disable()
@setup
async def begin(vu):
    gc.collect()
@scenario(executor="per-vu-iterations", vus=1, iterations=2)
async def visit(vu):
    IN_ITERATIONS
"""


def pauses(folder: Path, in_iterations: str) -> int:
    with worker(folder, CODE.replace("IN_ITERATIONS", in_iterations)) as made:
        made.send("setup")
        made.run()
        assert made.said("setup")
        return sum(value.count for _, name, _, value in made.arena.read(0) if name == "gc.pause")


def test_pauses_before_the_load_are_not_recorded(tmp_path: Path) -> None:
    assert pauses(tmp_path, "pass") == 0, "they delayed nothing that was measured"
    assert pauses(tmp_path, "gc.collect()") == 2
