"""Secrets that would travel without TLS are told before they do."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import cast

import pytest

from fastbench.cli.args import url_args
from fastbench.cli.commands import run_url
from fastbench.cluster import sent_in_clear
from fastbench.cluster.clock_offset import Offset
from fastbench.cluster.links import cluster_thread
from fastbench.cluster.links.machine_link import MachineLink


@pytest.mark.parametrize(
    ("address", "readable"),
    [
        ("tcp://10.0.0.7:4321", True),
        ("tcp://[fd00::7]:4321", True),
        ("tcp://load1:4321", True),
        ("tls://10.0.0.7:4321", False),
        ("tcp://127.0.0.1:4321", False),
        ("tcp://127.8.0.1:4321", False),
        ("tcp://[::1]:4321", False),
        ("tcp://localhost:4321", False),
        ("inproc://10.0.0.7/1/2", False),
    ],
)
def test_what_passes_a_network_unencrypted_is_told(address: str, readable: bool) -> None:
    assert bool(sent_in_clear.warning([address], ["-e TOKEN"])) is readable
    assert sent_in_clear.warning([address], []) == ""


def test_one_machine_in_the_network_is_enough_and_secrets_are_named() -> None:
    addresses = ["tcp://127.0.0.1:1", "tcp://10.0.0.7:1"]
    told = sent_in_clear.warning(addresses, [f"-e NAME_{each}" for each in range(9)])
    assert told == (
        "The cluster has no TLS: whoever listens on the way to the machines can read -e NAME_0, "
        "-e NAME_1, -e NAME_2, -e NAME_3 and more; give scheduler and workers certificates, and "
        "use --on tls://… (docs/guides/scale.md)."
    )


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_a_run_says_it_before_it_begins(
    scheme: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = MachineLink("m1", f"{scheme}://10.0.0.7:1", None, offset=Offset(0, 1, 2))
    cluster = SimpleNamespace(machines=[machine], address=f"{scheme}://10.0.0.5:8786")
    monkeypatch.setattr(cluster_thread, "ClusterThread", lambda address: nullcontext(cluster))
    line = f"--on {scheme}://10.0.0.5:8786 --bearer s3cr3t http://localhost/"
    command = cast(url_args.Command, url_args.parse(line.split()))
    with run_url.pool_of(command.plan, command.output) as pool:
        assert pool is not None
    told = capsys.readouterr().err
    assert ("can read header Authorization; " in told) is (scheme == "tcp")
    assert "s3cr3t" not in told
