"""What runs use that were started together: read by one of them, held against what they burn."""

from __future__ import annotations

import subprocess
import sys

import pytest

TICK_S = 0.03  # of two readings, and one more
pytestmark = pytest.mark.alone

# Starts one that burns with a worker that ends, one that burns alone, and at last the run, which
# reads what they use from its start on: of all, and of those that are not known otherwise.
FAMILY = """
import os, time
from fastbench.machine.runs_beside import VARIABLE, RunsBeside

def burn(cpu_s):
    end_s = time.process_time() + cpu_s
    while time.process_time() < end_s:
        sum(range(1000))

def forked(work):
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    return pid

def with_a_worker():
    os.read(begin, 1)
    os.waitpid(forked(lambda: burn(0.2)), 0)
    burn(0.1)
    os.write(done, b".")
    time.sleep(60)

def alone():
    burn(0.1)  # before the start
    os.write(done, b".")
    os.read(begin, 1)
    burn(0.2)
    os.write(done, b".")
    time.sleep(60)

def run():
    whole, unknown = RunsBeside(), RunsBeside()
    os.read(ended, 1)
    whole.start(())
    unknown.start((known,))
    os.write(go, b"..")
    burn(0.3)  # its own
    os.read(ended, 1), os.read(ended, 1)
    whole.sample(())
    unknown.sample((known,))
    print(whole.cpu_s, unknown.cpu_s, flush=True)

begin, go = os.pipe()
ended, done = os.pipe()
assert RunsBeside().cpu_s is None
os.environ[VARIABLE] = str(os.getpid())
others = [forked(with_a_worker), forked(alone)]
known = others[1]
os.waitpid(forked(run), 0)
for pid in others:
    os.kill(pid, 9)
"""


def test_what_runs_beside_it_use_is_told_apart() -> None:
    shown = subprocess.run([sys.executable, "-c", FAMILY], capture_output=True, text=True)
    assert not shown.stderr
    whole_s, unknown_s = map(float, shown.stdout.split())
    assert whole_s == pytest.approx(0.5, abs=3 * TICK_S)
    assert unknown_s == pytest.approx(0.3, abs=2 * TICK_S)
