"""source_addresses.py: what --bind takes."""

from __future__ import annotations

import pytest

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.network import source_addresses


@pytest.mark.parametrize(
    ("texts", "addresses"),
    [
        ([], ()),
        (["127.0.0.1"], ("127.0.0.1",)),
        (["127.0.0.2-4"], ("127.0.0.2", "127.0.0.3", "127.0.0.4")),
        (["127.0.0.2-2,127.0.0.9", "::1"], ("127.0.0.2", "127.0.0.9", "::1")),
        (["127.0.0.1, 127.0.0.1"], ("127.0.0.1",)),
        (["127.0.0.254-127.0.1.1"], ("127.0.0.254", "127.0.0.255", "127.0.1.0", "127.0.1.1")),
        (["fd00::e-fd00::10"], ("fd00::e", "fd00::f", "fd00::10")),
        (
            ["10.0.0.6/30,10.0.0.2/31,10.0.0.9/32"],
            ("10.0.0.5", "10.0.0.6", "10.0.0.2", "10.0.0.3", "10.0.0.9"),
        ),
        (["fd00::/127"], ("fd00::", "fd00::1")),
        (["0:0:0:0:0:0:0:1"], ("::1",)),
    ],
)
def test_source_addresses_are_lists_and_ranges(
    texts: list[str], addresses: tuple[str, ...]
) -> None:
    assert source_addresses.parse(texts) == addresses


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "1.2.3", "1.2.3.4,", "127.0.0.9-2", "127.0.0.2-256", "127.0.0.2-x",
     "127.0.0.2-", "::1-5", "127.0.0.3-127.0.0.2", "127.0.0.1-::1",
     "10.0.0.0/33", "x/8", "127.0.0.2-٣", "a\0b", "\udce9"],
)  # fmt: skip
def test_what_is_no_source_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--bind takes"):
        source_addresses.parse([text])


def test_source_addresses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_addresses, "MAX_ADDRESSES", 3)
    with pytest.raises(UsageError, match="at most 3 addresses, not 14"):
        source_addresses.parse(["10.0.0.0/28"])
    with pytest.raises(UsageError, match="at most 3 addresses, not 4"):
        source_addresses.parse(["127.0.0.1-4"])


def test_source_addresses_are_of_one_family() -> None:
    assert source_addresses.family(()) == 0
    assert source_addresses.family(["127.0.0.1", "127.0.0.2"]) == 4
    assert source_addresses.family(["::1"]) == 6
    with pytest.raises(UsageError, match="mixes IPv4 and IPv6"):
        source_addresses.family(["::1", "127.0.0.1"])


def test_an_address_of_another_machine_is_refused() -> None:
    source_addresses.check(["127.0.0.1", "127.0.0.2"])
    with pytest.raises(UsageError, match=r"--bind 192\.0\.2\.1: cannot assign requested address"):
        source_addresses.check(["192.0.2.1"])  # TEST-NET-1, RFC 5737
