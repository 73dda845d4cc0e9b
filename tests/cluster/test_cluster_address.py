"""cluster_address.py: what `--on` may name, and a sentence for everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastbench.cluster.cluster_address import Local, Scheduler, Ssh, SshHost, read
from fastbench.foundation.usage_error import UsageError


@pytest.mark.parametrize(
    ("typed", "address", "encrypted"),
    [
        ("tcp://10.0.0.1:8786", "tcp://10.0.0.1:8786", False),
        ("scheduler:8786", "tcp://scheduler:8786", False),
        ("localhost:1/", "tcp://localhost:1", False),
        ("tls://dask.example.com:08786", "tls://dask.example.com:8786", True),
        ("[::1]:8786", "tcp://[::1]:8786", False),
        ("tcp://[fe80::1%eth0]:8786", "tcp://[fe80::1%eth0]:8786", False),
    ],
)
def test_the_address_of_a_scheduler(typed: str, address: str, encrypted: bool) -> None:
    found = read(typed)
    assert found == Scheduler(address) and found.encrypted is encrypted


def test_workers_on_this_machine() -> None:
    assert read("local:3") == Local(3) and read("local:64") == Local(64)


@pytest.mark.parametrize(
    "typed", ["local:", "local:0", "local:-1", "local:65", "local:x", "local:²"]
)
def test_a_wrong_number_of_workers(typed: str) -> None:
    with pytest.raises(UsageError, match=f"--on {typed}: local:3 is three workers; 1 to 64"):
        read(typed)


@pytest.mark.parametrize(
    "typed", ["", "http://h:8786", "ucx://h:8786", "a b:1", "tcp://", "ssh://h:22"]
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(UsageError, match=r"it has to be tcp://HOST:PORT, .* or ssh:hosts\.txt"):
        read(typed)


@pytest.mark.parametrize("typed", ["h:0", "h:65536", "h:http", "tcp://h:1/x", "::1", "h:"])
def test_a_port_that_is_none(typed: str) -> None:
    with pytest.raises(UsageError, match="it has to be"):
        read(typed)


def test_a_missing_port_is_named() -> None:
    with pytest.raises(UsageError, match=r"names no port: tls://h:8786 has the one that"):
        read("tls://h")


def test_a_file_of_hosts(tmp_path: Path) -> None:
    file = tmp_path / "hosts.txt"
    file.write_text("# ours\nalpha\n\n  me@10.0.0.2:2222 /opt/venv/bin/python  # slow\n[::1]:22\n")
    second = SshHost("10.0.0.2", "me", 2222, "/opt/venv/bin/python")
    assert read(f"ssh:{file}") == Ssh((SshHost("alpha"), second, SshHost("::1", port=22)))


def test_a_host_that_is_there_twice_has_two_names(tmp_path: Path) -> None:
    file = tmp_path / "hosts.txt"
    file.write_text("alpha\nbeta\nme@alpha\nalpha:22\n")
    found = read(f"ssh:{file}")
    assert isinstance(found, Ssh) and found.names == ["alpha", "beta", "alpha#2", "alpha#3"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, r"hosts\.txt cannot be read \(No such file or directory\)"),
        (b"\xff\xfe", r"hosts\.txt cannot be read \(it is no text\)"),
        (b"# nobody\n\n", r"names no host; write one a line"),
        (b"a\nb c d\n", r"hosts\.txt:2: a line is HOST, USER@HOST or USER@HOST:PORT"),
        (b"h:port\n", r"hosts\.txt:1: a line is"),
        (b"-oProxyCommand=x\n", r"hosts\.txt:1: a line is"),
    ],
)
def test_a_file_of_hosts_that_is_none(tmp_path: Path, text: bytes | None, sentence: str) -> None:
    file = tmp_path / "hosts.txt"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(UsageError, match=sentence):
        read(f"ssh:{file}")
