"""Comparisons of servers that speak different versions of HTTP say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from certificates import Authority
from commandline import invoke
from http2_library import speaking
from servers import Server, answering

from fastbench.experiments.compare import spoken
from fastbench.experiments.compare.spoken import Spoken
from fastbench.results.counts import Http2

TEN = Http2(4, 0, streams=10, stream_limit=10, goaways=0, refused=0)
FEW = Http2(4, 0, streams=10, stream_limit=2, goaways=0, refused=0)
ONE = Http2(0, 4, streams=10, stream_limit=0, goaways=0, refused=0)
NOBODY = Http2(0, 0, streams=10, stream_limit=0, goaways=0, refused=0)


@pytest.mark.parametrize(
    ("base", "candidate", "code"),
    [
        (TEN, TEN, ""),
        (None, None, ""),
        (None, ONE, ""),
        (NOBODY, TEN, ""),
        (None, TEN, "different_protocols"),
        (TEN, ONE, "different_protocols"),
        (TEN, FEW, "different_streams"),
    ],
)
def test_what_differs_is_told(base: Http2 | None, candidate: Http2 | None, code: str) -> None:
    sides = [Spoken(base, True), Spoken(candidate, True)]
    assert [each.code for each in spoken.warnings(sides)] == ([code] if code else [])


@pytest.mark.parametrize(
    ("chosen", "use", "told"), [(True, TEN, True), (False, TEN, False), (True, ONE, False)]
)
def test_what_the_servers_chose_is_told(chosen: bool, use: Http2, told: bool) -> None:
    assert bool(spoken.notes([Spoken(use, chosen)] * 2)) is told
    assert not spoken.notes([])


@pytest.mark.slow
def test_slices_of_servers_that_chose_differently(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for each in folders:
        each.mkdir()
    new, old = (Authority(each).good("127.0.0.1") for each in folders)
    new.set_alpn_protocols(["h2", "http/1.1"])
    with Server(answering(), tls=old) as base, Server(speaking(), tls=new) as candidate:
        flags = ("-k", "-c", "1", "-t", "1", "--time", "1s", "--slice", "20ms", "--json", "-")
        found = invoke("compare", *flags, base.url(), candidate.url())
    warnings = {each["code"]: each["text"] for each in json.loads(found.stdout)["warnings"]}
    assert warnings["different_protocols"] == "the base spoke HTTP/1.1, the candidate HTTP/2"
