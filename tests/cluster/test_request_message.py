"""What is asked of a script, on its way to another machine and back."""

from __future__ import annotations

import os
import shlex
import stat
from dataclasses import replace
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any

import orjson
import pytest
from certificates import Authority

from fastbench.cli.args import script_args
from fastbench.cluster import request_message
from fastbench.cluster.message_codec import MessageError
from fastbench.cluster.sent_files import Manifest
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.network.blocked import Blocked
from fastbench.plan.plan import Watch
from fastbench.script.run_request import K6Words, RunRequest

MANIFEST = Manifest("load/a.py", ".", ())
LINES = [
    "load/a.py",
    "-u 50 -d 2m -e BASE_URL=http://localhost -e 'ODD=\xfc \xe9' load/a.py",
    "-i 100 --scenario a,b --scale 0.5 --time-scale 2 load/a.py",
    "-s 30s:20,1m:50 --tag build=1 --tag a=b load/a.py",
    "--shape peak load/a.py",
    "--threshold 'p99<50ms' --threshold 'checks>99% [abort]' --fail-on target load/a.py",
    "-H 'Authorization:Bearer x' -H X:1 --user-agent me --timeout 5s --max-redirects 0 load/a.py",
    "--expect-status 200,404 --base-url http://localhost:1 --no-keepalive load/a.py",
    "--unix /run/app.sock load/a.py",
    "--bind 127.0.0.1 --connect-to a:1:b:2 -4 --one-address load/a.py",
    "--no-setup --no-teardown --no-thresholds --fail-fast -t 3 load/a.py",
    "-k load/a.py",
    "-e staging load/a.yml",
    "-u 5 -d 10s --rps 100 --iteration-limit 5s --memory-limit 100MiB load/a.js",
    "--secret-source mock=key=value,name=one --no-setup load/a.js",
]


def request_of(line: str) -> RunRequest:
    found = script_args.parse(shlex.split(line))
    assert isinstance(found, script_args.Command)
    return found.request


def _message(request: RunRequest) -> Any:
    return orjson.loads(orjson.dumps(request_message.message_of(request, MANIFEST)))


def carried(request: RunRequest, folder: Path, offset_ns: int = 0) -> RunRequest:
    return request_message.request_of(_message(request), "/tree", str(folder), offset_ns)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("line", LINES)
def test_a_request_arrives_as_it_was(line: str, tmp_path: Path) -> None:
    request = request_of(line)
    returned = carried(request, tmp_path / "private")
    assert returned.script == "/tree/load/a.py"
    assert replace(returned, script=request.script) == replace(request, earlier=None)
    assert not (tmp_path / "private").exists()


def test_everything_that_workers_need_is_sent() -> None:
    """Who adds a field to RunRequest decides whether it is the parent's alone."""
    here = {"watch", "earlier", "start_line", "gate", "dry_run", "debug"}
    sent = set(_message(RunRequest("load/a.py"))["request"])
    assert sent == set(RunRequest.__slots__) - here


def test_what_is_of_the_parent_stays_there(tmp_path: Path) -> None:
    request = RunRequest(
        "load/a.js",
        watch=(Watch("port", "80"),),
        earlier=lambda: None,
        start_line="/tmp/line",
        debug=True,
        k6=K6Words(console_output="/var/log/k6.log"),
    )
    returned = carried(request, tmp_path)
    assert (returned.watch, returned.earlier, returned.start_line) == ((), None, None)
    assert not returned.debug
    assert returned.k6 is not None and returned.k6.console_output is None
    assert request_message.notices(request) == [
        "--watch looks for processes on this machine alone, not on those of --on.",
        "--console-output has no lines of other machines.",
    ]


def test_networks_and_free_values_arrive(tmp_path: Path) -> None:
    network = ip_network("10.0.0.0/8")
    assert isinstance(network, IPv4Network)
    words = K6Words(
        file={"stages": [{"duration": "1s", "target": 5}], "odd": "\ud800", "rate": 1.5},
        flags={"vus": 3, "tags": {"a": None}},
        iteration_limit_s=float("inf"),
        made_ns=10**15,
    )
    request = RunRequest(
        "load/a.js", blocked=Blocked(frozenset(("*.a", "b")), (network,)), k6=words
    )
    returned = carried(request, tmp_path, offset_ns=-5)
    assert returned.blocked == request.blocked
    assert returned.k6 == replace(words, made_ns=10**15 - 5)  # the same instant on its clock


def test_certificates_and_secrets_travel_into_a_private_folder(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (tmp_path / "secrets.txt").write_text("key=hunter2\n")
    request = request_of(
        f"--cacert {authority.cafile} --secret-source file=secrets.txt,name=one,default "
        "--secret-source mock=a=b,name=two load/a.js"
    )
    message = _message(request)
    assert b"secrets.txt" not in orjson.dumps(message["request"]["k6"])
    folder = tmp_path / "private"
    returned = request_message.request_of(message, "/tree", str(folder))
    assert returned.k6 is not None
    first, second = returned.k6.secret_sources
    assert first == f"file={folder}/0.secrets,name=one,default" and second == "mock=a=b,name=two"
    assert (folder / "0.secrets").read_text() == "key=hunter2\n"
    assert returned.tls.cafile == f"{folder}/0.pem"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}
    os.unlink("secrets.txt")
    with pytest.raises(UsageError, match=r"secrets\.txt cannot be read"):
        request_message.message_of(request, MANIFEST)


@pytest.mark.parametrize(
    "change",
    [
        {"script": "/etc/passwd"},
        {"script": "../a.py"},
        {"script": "a\0.py"},
        {"script": None},
        {"vus": "many"},
        {"headers": [["one"]]},
        {"extra": 1},
        {"tls": {"verify": True}},
    ],
)
def test_a_message_that_is_not_of_ours_is_refused(
    change: dict[str, object], tmp_path: Path
) -> None:
    message = _message(request_of("load/a.py"))
    message["request"].update(change)
    with pytest.raises(MessageError):
        request_message.request_of(message, "/tree", str(tmp_path / "private"))


def test_a_secret_that_did_not_come_along_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secrets.txt").write_text("key=hunter2\n")
    message = _message(request_of("--secret-source file=secrets.txt load/a.js"))
    wrongs: list[object] = [[], {}, [1]]
    for wrong in wrongs:
        with pytest.raises(MessageError):
            request_message.request_of(
                message | {"secrets": wrong}, "/tree", str(tmp_path / "private")
            )
    message["request"]["k6"]["secret_sources"] = ["file=/etc/passwd"]
    with pytest.raises(MessageError, match="a file that did not come along"):
        request_message.request_of(message, "/tree", str(tmp_path / "private"))


def test_secrets_are_named_and_not_shown() -> None:
    line = "-e TOKEN=abc -H 'Authorization:Bearer x' -H X:1 --secret-source mock=a=b load/a.js"
    assert request_message.secrets(request_of(line)) == [
        "-e TOKEN",
        "header Authorization",
        "--secret-source",
    ]
    assert request_message.secrets(request_of("load/a.py")) == []
