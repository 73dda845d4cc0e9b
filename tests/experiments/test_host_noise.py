"""Other programs beside a comparison in slices: told, with what it means for the verdict."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from commandline import invoke
from embedded import serving

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.slices import host_noise
from fastbench.results.usage import HostUse

HOG = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"
QUIET = HostUse(50.0, 60.0, 0.5, None, None, others_percent=9.9)


def test_limits_and_words() -> None:
    assert host_noise.told([]) == host_noise.told([QUIET]) == ()
    unknown = replace(QUIET, others_percent=None, steal_percent=None)
    assert host_noise.told([unknown]) == ()
    (warning,) = host_noise.told([replace(QUIET, others_percent=23.4), unknown])
    assert warning.code == "noisy_host" and warning.text == (
        "other programs took 23 % of the processors while it measured; "
        "the sides take turns, so both were hit alike where they share processors"
    )
    (warning,) = host_noise.told(
        [replace(QUIET, steal_percent=2.0), replace(QUIET, steal_percent=1.0)]
    )
    assert warning.code == "steal" and "took 1.5 % of the processors (steal)" in warning.text


def test_a_hog_is_told_and_does_not_invalidate(tmp_path: Path) -> None:
    words = ("--slice", "20ms", "--time", "1.5s", "-c1", "-t1", "--no-progress")
    hogs = max(1, (os.cpu_count() or 1) // 2)
    with (
        serving("--port", "0") as (_, one),
        serving("--port", "0") as (_, other),
        contextlib.ExitStack() as stack,
    ):
        for _ in range(hogs):
            hog = stack.enter_context(subprocess.Popen([sys.executable, "-c", HOG]))
            stack.callback(hog.kill)
        urls = (one + "/health", other + "/health")
        done = invoke("compare", *words, "--json", "out.json", *urls, cwd=tmp_path)
    found = Comparison.from_document(json.loads((tmp_path / "out.json").read_text()))
    (warning,) = [each for each in found.warnings if each.code == "noisy_host"]
    assert "both were hit alike" in warning.text and "other programs took" in done.stdout
    assert sum(pair.valid for pair in found.pairs) > 0.8 * len(found.pairs)
