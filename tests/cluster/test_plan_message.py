"""Plans of real command lines on their way to another machine and back."""

from __future__ import annotations

import os
import shlex
import stat
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme
from certificates import Authority

from fastbench.cli.args import url_args
from fastbench.cluster import message_codec, plan_message, sent_feed
from fastbench.cluster.agent import url_agent
from fastbench.cluster.message_codec import MessageError
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Plan, Watch

LINES = [
    "http://localhost:8080/",
    "-c 100 -d 30s -t 4 http://127.0.0.1/a?b=c&d=%20",
    "-n 1000 -p 16 --no-retry http://[::1]:8080/",
    "-R 1000 -d 10s --timeout 500ms http://localhost/",
    "-R 0.25 -d 1m --arrival poisson --on-overload drop http://localhost/",
    "--stages 10s:100,20s:500,5s:0 http://localhost/",
    "-R 100 -n 50 http://localhost/",
    "-W 2s -d 5s --drain http://localhost/",
    "-X POST -H 'Content-Type:application/json' -b '{\"a\":1}' http://localhost/orders",
    "-H 'Authorization:Bearer abc' -H 'X:\xe4' -H X:2 http://localhost/",
    "--body-file body.bin -X PUT http://localhost/",
    "-F name=value -F file=@body.bin http://localhost/upload",
    "http://localhost/a http://localhost/b 'http://localhost/c?x=\xfc'",
    "--urls urls.txt",
    "--expect-status 200,3xx,404-410 --expect-body ok http://localhost/",
    "-a user:pass --user-agent mine http://localhost/",
    "--unix /run/app.sock http://localhost/",
    "--bind 127.0.0.1,127.0.0.2 http://localhost/",
    "--connect-to localhost:80:127.0.0.1:8080 -4 --one-address http://localhost/",
    "--proxy http://user:p%FFw@[::1]:3128 -k https://localhost:8443/",
    "--proxy socks5h://127.0.0.1 http://localhost/",
    "--http2 -m 20 http://localhost:8080/",
    "--http1 https://localhost:8443/",
    "-m 100 https://localhost:8443/",
    "--servername example.com https://127.0.0.1/",
    "ws://localhost/chat",
    "-b hello --ws-subprotocol chat.v1 --ws-subprotocol chat.v2 ws://localhost/",
    "--ws-mode hold -c 5000 wss://localhost/",
    "--keepalive=0 http://localhost/",
    "--seed 5 -a '{{seq}}:{{hex:9}}' -b '{\"a\": \"{{pick:x|y}}\"}' 'http://h/{{int:1:9:zipf}}'",
    "--feed rows.csv --feed-order random --expect-body '{{id}}' 'http://h/{{name}}?t={{now}}'",
]


def plan_of(line: str) -> Plan:
    found = url_args.parse(shlex.split(line))
    assert isinstance(found, url_args.Command)
    return found.plan


def carried(plan: Plan, folder: Path) -> Plan:
    """Send a plan as frames do."""
    return plan_message.plan_of(_message(plan), str(folder))


def _message(plan: Plan) -> Any:
    return orjson.loads(orjson.dumps(plan_message.message_of(plan)))


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "body.bin").write_bytes(bytes(range(256)))
    (tmp_path / "rows.csv").write_text('id,name\n1,"a ""b"""\n2,\n')
    (tmp_path / "urls.txt").write_text("3 http://localhost/1\nhttp://localhost/2\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("line", LINES)
def test_a_plan_arrives_as_it_was(line: str, tmp_path: Path) -> None:
    plan = plan_of(line)
    returned = carried(plan, tmp_path / "tls")
    assert returned == plan
    assert [each.payload for each in returned.requests] == [each.payload for each in plan.requests]
    assert not (tmp_path / "tls").exists()


def test_rows_that_are_not_where_they_are_said_to_be_are_refused(tmp_path: Path) -> None:
    message = _message(plan_of("--feed rows.csv 'http://h/{{name}}'"))
    feed = message["feed"]
    wrong = (
        {"n_rows": 3},
        {"longest": [1, 1]},
        {"columns": ["id"]},
        {"order": "backwards"},
        {"data": message_codec.base64_of(zlib.compress(b"id,name"))},
        {"cells": feed["data"]},
        {"cells": "AAAA"},
        {"data": None},
    )
    for each in wrong:
        with pytest.raises(MessageError, match="feed"):
            plan_message.plan_of({**message, "feed": {**feed, **each}}, str(tmp_path / "x"))


def test_too_many_rows_for_a_message_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_feed, "MAX_BYTES", 10)
    with pytest.raises(UsageError, match=r"--feed rows.csv is .* use fewer rows"):
        _message(plan_of("--feed rows.csv 'http://h/{{name}}'"))


def test_a_rate_without_end_arrives_as_one() -> None:
    plan = plan_of("-R 100 -n 50 http://localhost/")
    assert plan.load.pace is not None and plan.load.pace.stages[-1].length_s == float("inf")
    assert b"inf" in orjson.dumps(plan_message.message_of(plan))


def test_a_path_that_is_no_utf_8_arrives(tmp_path: Path) -> None:
    plan = plan_of("http://localhost/")
    path = os.fsdecode(b"/run/\xff.sock")
    plan = replace(plan, target=replace(plan.target, unix_path=path))
    assert carried(plan, tmp_path).target.unix_path == path


def test_what_is_watched_stays_with_the_parent(tmp_path: Path) -> None:
    plan = plan_of("--watch port:5432,cmd:postgres http://localhost/")
    assert plan.watch
    assert carried(plan, tmp_path) == replace(plan, watch=())


@pytest.fixture
def certified(tmp_path: Path) -> tuple[str, str, str]:
    """Give the paths of an authority, a certificate and its key."""
    authority = Authority(tmp_path)
    mine = authority.ca.issue_cert("client")
    assert isinstance(mine, trustme.LeafCert)
    cert = authority.pem("cert.pem", *mine.cert_chain_pems)
    return authority.cafile, cert, authority.pem("key.pem", mine.private_key_pem)


def test_certificates_travel_and_lie_where_nobody_else_looks(
    certified: tuple[str, str, str], tmp_path: Path
) -> None:
    ca, cert, key = certified
    plan = plan_of(f"--cacert {ca} --cert {cert} --key {key} https://localhost/")
    message = _message(plan)
    before = [Path(each).read_bytes() for each in (ca, cert, key)]
    for each in (ca, cert, key):
        os.unlink(each)
    folder = tmp_path / "there"
    umask = os.umask(0)
    try:
        returned = plan_message.plan_of(message, str(folder))
    finally:
        os.umask(umask)
    tls = returned.target.tls
    assert tls is not None
    paths = [Path(each or "") for each in (tls.cafile, tls.certfile, tls.keyfile)]
    assert [each.read_bytes() for each in paths] == before
    assert {each.parent for each in paths} == {folder}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in paths} == {0o600}
    assert replace(returned, target=plan.target) == plan
    assert replace(returned.target, tls=plan.target.tls) == plan.target
    own = plan.target.tls
    assert own is not None
    assert replace(tls, cafile=own.cafile, certfile=own.certfile, keyfile=own.keyfile) == own


def test_who_looks_a_name_up_writes_no_files(
    certified: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first machine is sent the plan twice: to find the server, and to load it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    ca, cert, key = certified
    plan = plan_of(f"--cacert {ca} --cert {cert} --key {key} https://127.0.0.1:8443/")
    message = _message(plan)
    before = sorted(tmp_path.iterdir())
    found = url_agent.reached({"plan": message})
    assert found["reach"]["used"][0]["host"] == "127.0.0.1"
    assert sorted(tmp_path.iterdir()) == before
    assert plan_message.plan_of(message, str(tmp_path / "there")).target.tls is not None


def test_one_file_for_certificate_and_key_is_sent_once(
    certified: tuple[str, str, str], tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(Path(each).read_bytes() for each in certified[1:]))
    plan = plan_of(f"--cert {both} https://localhost/")
    assert len(_message(plan)["files"]) == 1
    tls = carried(plan, tmp_path / "there").target.tls
    assert tls is not None and tls.certfile == tls.keyfile and tls.cafile is None


def test_a_folder_that_is_not_ours_alone_is_closed_or_refused(
    certified: tuple[str, str, str], tmp_path: Path
) -> None:
    plan = plan_of(f"--cacert {certified[0]} https://localhost/")
    open_to_all = tmp_path / "open"
    open_to_all.mkdir(0o755)
    carried(plan, open_to_all)
    assert stat.S_IMODE(open_to_all.stat().st_mode) == 0o700
    with pytest.raises(FileExistsError):  # what lies there already may be read by others
        carried(plan, open_to_all)
    link = tmp_path / "link"
    link.symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(FileExistsError):
        carried(plan, link)


def test_a_file_that_is_gone_or_no_certificate_is_refused(
    certified: tuple[str, str, str], tmp_path: Path
) -> None:
    plan = plan_of(f"--cacert {certified[0]} https://localhost/")
    with open(certified[0], "ab") as opened:
        opened.truncate(5 << 20)
    with pytest.raises(UsageError, match="over 4 MiB"):
        plan_message.message_of(plan)
    os.unlink(certified[0])
    with pytest.raises(UsageError, match="No such file or directory; other machines need it"):
        plan_message.message_of(plan)


@pytest.mark.parametrize("number", ["1", "-1", "../0", "\u0661", "/etc/passwd", "0" * 5000 + "1"])
def test_a_path_in_a_message_is_refused(
    number: str, certified: tuple[str, str, str], tmp_path: Path
) -> None:
    message = _message(plan_of(f"--cacert {certified[0]} https://localhost/"))
    message["plan"]["target"]["tls"]["cafile"] = number
    with pytest.raises(MessageError, match="a file that did not come along"):
        plan_message.plan_of(message, str(tmp_path / "there"))
    assert not (tmp_path / "there").exists()


def test_a_path_without_files_is_refused(tmp_path: Path) -> None:
    message = _message(plan_of("https://localhost/"))
    message["plan"]["target"]["tls"]["cafile"] = "/etc/hostname"
    with pytest.raises(MessageError, match="a file that did not come along"):
        plan_message.plan_of(message, str(tmp_path / "there"))
    for wrong in (None, {}, {"plan": {}, "files": [], "more": 1}):
        with pytest.raises(MessageError):
            plan_message.plan_of(wrong, str(tmp_path / "there"))


def test_a_plan_that_nobody_may_ask_for_is_refused_there_too(tmp_path: Path) -> None:
    message = _message(plan_of("http://localhost/"))
    message["plan"]["load"]["connections"] = 0
    with pytest.raises(UsageError, match="-c must be between"):
        plan_message.plan_of(message, str(tmp_path))


def test_each_machine_sends_from_the_addresses_it_has() -> None:
    assert plan_message.of_this_machine(()) == ()
    assert plan_message.of_this_machine(("203.0.113.1", "127.0.0.3")) == ("127.0.0.3",)
    with pytest.raises(UsageError, match=r"--bind has no address of this machine, of 2 given: "):
        plan_message.of_this_machine(("203.0.113.1", "203.0.113.2"))


def test_flags_that_mean_something_else_on_several_machines_are_explained() -> None:
    assert plan_message.notices(None, (), ()) == []
    said = plan_message.notices("/run/app.sock", (), (Watch("cmd", "postgres"),))
    assert said[0].startswith("--unix /run/app.sock is on each machine the socket of that name")
    assert said[1].startswith("--watch looks for processes on this machine alone")
    assert len(plan_message.notices(None, ("127.0.0.1",), ())) == 1


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("http://localhost/?page=2", []),
        ("-H 'Authorization:Bearer abcdef' http://localhost/", ["header Authorization"]),
        ("-a u:p http://localhost/a http://localhost/b", ["header Authorization"]),
        ("http://localhost/?token=abcdef", ["a value in the URL"]),
        ('-b \'{"password": "hunter2"}\' http://localhost/', ["a value in the body"]),
    ],
)
def test_secrets_are_named_and_not_shown(line: str, named: list[str]) -> None:
    assert plan_message.secrets(plan_of(line)) == named


def test_a_key_is_a_secret(certified: tuple[str, str, str]) -> None:
    _, cert, key = certified
    plan = plan_of(f"--cert {cert} --key {key} https://localhost/")
    assert plan_message.secrets(plan) == ["the key of --cert"]
