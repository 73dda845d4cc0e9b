"""--connect-to: where connections go, and what stays that of the URL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from certificates import Authority
from commandline import invoke
from running import fastbench
from servers import Server, answering

from fastbench.plan.network import connect_to
from fastbench.plan.network.connect_to import addresses, parse, parse_resolve, where


@pytest.mark.parametrize(
    ("rules", "host", "port", "found"),
    [
        (("a.org:80:b.org:81",), "a.org", 80, ("b.org", 81)),
        (("A.org:80:B.org:81",), "a.org", 80, ("b.org", 81)),
        (("a.org:80:b.org:81",), "a.org", 443, ("a.org", 443)),
        (("a.org:80:b.org:81",), "c.org", 80, ("c.org", 80)),
        (("a.org::b.org:",), "a.org", 8080, ("b.org", 8080)),
        ((":443::8443",), "a.org", 443, ("a.org", 8443)),
        (("::127.0.0.1:3000",), "a.org", 443, ("127.0.0.1", 3000)),
        (("a:1:b:2", "::c:3"), "a", 1, ("b", 2)),
        (("::c:3", "a:1:b:2"), "a", 1, ("c", 3)),
        (("[::1]:80:[::2]:81",), "::1", 80, ("::2", 81)),
        (("b:2:c:3", "a:1:b:2"), "a", 1, ("b", 2)),
        ((), "a", 1, ("a", 1)),
    ],
)
def test_the_first_rule_that_fits(
    rules: tuple[str, ...], host: str, port: int, found: tuple[str, int]
) -> None:
    assert where(parse(rules), host, port) == found


@pytest.mark.parametrize("text", ["a:80:b:81", ":::1", "[::1]:80:[::2]:81", "a::b:", "::b:1"])
def test_a_rule_is_shown_as_it_is_written(text: str) -> None:
    (rule,) = connect_to.parse([text])
    assert rule.text == text and connect_to.parse([rule.text]) == (rule,)


def test_a_run_of_urls_keeps_host_and_server_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with Server(answering(), tls=authority.good("shop.example")) as server:
        rule = f"shop.example:443:127.0.0.1:{server.port}"
        flags = ("--connect-to", rule, "--cacert", authority.cafile, "-n9", "-c1", "-t1")
        run = fastbench(*flags, "--wait-for", "5s", "https://shop.example/a")
    assert (run.code, run.summary["ok"]) == (0, 9), run.err
    assert server.seen.last.startswith(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n")
    assert run.document["config"]["connect_to"] == [rule]
    assert f"--connect-to {rule}" in run.out


def test_a_script_and_debug_go_there_too(tmp_path: Path) -> None:
    script = tmp_path / "one.py"
    script.write_text(
        "from fastbench import scenario\n"
        "@scenario\n"
        "async def one(vu):\n"
        "    assert (await vu.get('http://api.example/x')).status == 200\n"
    )
    with Server(answering()) as server:
        rule = ("--connect-to", f"api.example:80:127.0.0.1:{server.port}")
        shown = invoke("run", *rule, "-i5", "-u1", "--json", "-", str(script))
        bugs = invoke("run", *rule, "--debug", str(script))
        other = invoke("--debug", *rule, "http://api.example/y")
    assert (shown.returncode, bugs.returncode, other.returncode) == (0, 0, 0), shown.stderr
    document = json.loads(shown.stdout)
    assert document["summary"]["ok"] == 5 and document["config"]["connect_to"] == [rule[1]]
    assert f"(127.0.0.1 port {server.port})" in other.stdout
    assert server.seen.lines == {b"GET /x HTTP/1.1": 6, b"GET /y HTTP/1.1": 1}
    assert b"\r\nHost: api.example\r\n" in server.seen.last


@pytest.mark.parametrize(
    ("rules", "host", "port", "found"),
    [
        (("a.org:80:127.0.0.1",), "a.org", 80, ("127.0.0.1",)),
        (("A.org:80:127.0.0.1,[::1]",), "a.org", 80, ("127.0.0.1", "::1")),
        (("a.org:80:127.0.0.1",), "a.org", 81, ()),
        (("*:80:127.0.0.2",), "b.org", 80, ("127.0.0.2",)),
        (("+b.org:80:::1", "*:80:127.0.0.2"), "b.org", 80, ("::1",)),
    ],
)
def test_addresses_are_those_of_the_first_rule(
    rules: tuple[str, ...], host: str, port: int, found: tuple[str, ...]
) -> None:
    assert addresses(parse_resolve(rules), host, port) == found
    assert where(parse_resolve(rules), host, port) == (host, port), "it is no other server"


def test_a_name_that_is_resolved_by_hand_has_all_its_addresses(tmp_path: Path) -> None:
    script = tmp_path / "one.py"
    script.write_text(
        "from fastbench import scenario\n"
        "@scenario\n"
        "async def one(vu):\n"
        "    await vu.get('http://two.invalid:PORT/x')\n"
    )
    with Server(answering(), host="0.0.0.0") as server:
        rule = f"two.invalid:{server.port}:127.0.0.2,127.0.0.3"
        url = f"http://two.invalid:{server.port}/"
        run = fastbench("--resolve", rule, "--wait-for", "5s", "-n8", "-c4", "-t1", url)
        turned = fastbench(
            "--connect-to", f"a.invalid:80:two.invalid:{server.port}", "--resolve", rule, "-n8",
            "-c4", "-t1", "http://a.invalid/",
        )  # fmt: skip
        script.write_text(script.read_text().replace("PORT", str(server.port)))
        shown = invoke("run", "--resolve", rule, "-i5", "-u1", "--json", "-", str(script))
    assert (run.code, run.summary["ok"], turned.summary["ok"]) == (0, 8, 8), run.err
    assert {row["address"]: row["connections"] for row in run.document["addresses"]} == {
        f"127.0.0.2:{server.port}": 2, f"127.0.0.3:{server.port}": 2,
    }  # fmt: skip
    assert run.document["config"]["resolve"] == [rule] and f"--resolve {rule}" in run.out
    assert json.loads(shown.stdout)["summary"]["ok"] == 5, shown.stderr
    assert json.loads(shown.stdout)["config"]["resolve"] == [rule]
