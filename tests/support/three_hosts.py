"""Fixtures of the tests that load from three hosts: these, a cluster of Dask on them, a server.

    pytest_plugins = ["three_hosts"]

The clock of one host is ahead by an hour, always: nothing may depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dask_hosts import DaskHosts
from host_runs import Server
from hosts import Hosts


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with Hosts(3, clock_ahead_s={1: 3600}) as found:
        yield found


@pytest.fixture(scope="module")
def cluster(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskHosts]:
    with DaskHosts(hosts, tmp_path_factory.mktemp("dask")) as found:
        yield found


@pytest.fixture
def server(hosts: Hosts) -> Iterator[Server]:
    with Server(hosts.server) as found:
        yield found
