"""Signatures for AWS, held to the values that AWS publishes, and sent anew as time goes on."""

from __future__ import annotations

import calendar
import re
import threading
import time
from dataclasses import replace

import pytest
from commandline import invoke
from servers import OK, Peer, Server, answering

from fastbench.cli.args import url_args
from fastbench.cluster import plan_message
from fastbench.engine.bridge import _core
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import aws_signature
from fastbench.plan.network import resolve
from fastbench.plan.plan import Plan, Request, Signing
from fastbench.run import worker

# The test suite of AWS, "AWS Signature Version 4 Test Suite", and the example of Amazon S3's API.
SUITE = Signing("us-east-1", "service", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SUITE_S = calendar.timegm((2015, 8, 30, 12, 36, 0))
HOST = (b"Host", b"example.amazonaws.com")
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfI"
    "eoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0"
    "wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDry"
    "pNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)


def asking(
    target: str = "/", *fields: tuple[bytes, bytes], method: str = "GET", host: bytes = HOST[1]
) -> Request:
    return Request(method, target.encode(), ((b"Host", host), *fields), None, "http://h/", 1)


KNOWN = {
    "get-vanilla": (asking(), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "post-vanilla": (
        asking(method="POST"),
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    "get-vanilla-query-order-key-case": (
        asking("/?Param2=value2&Param1=value1"),
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "get-header-key-duplicate": (
        asking("/", (b"My-Header1", b"value2,value2,value1")),
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    "the same, in several fields": (
        asking(
            "/",
            (b"My-Header1", b"value2"),
            (b"my-header1", b" value2  "),
            (b"My-Header1", b"value1"),
        ),
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    "get-header-value-multiline": (
        asking("/", (b"My-Header1", b"value1,value2,value3")),
        "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790",
    ),
    "post-header-value-case": (
        asking("/", (b"My-Header1", b"VALUE1"), method="POST"),
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    ),
    "get-slashes": (
        asking("//./"),
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-relative": (
        asking("/example/.."),
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
}


def authorization(request: Request) -> str:
    return dict(request.fields)[b"Authorization"].decode()


@pytest.mark.parametrize("name", KNOWN)
def test_the_values_that_aws_publishes(name: str) -> None:
    request, signature = KNOWN[name]
    found = authorization(aws_signature.signed(request, SUITE, SUITE_S))
    assert found.endswith(f", Signature={signature}")
    assert found.startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
    )


def test_a_token_is_sent_and_signed() -> None:
    request = aws_signature.signed(asking(method="POST"), replace(SUITE, token=TOKEN), SUITE_S)
    assert authorization(request).endswith(
        "SignedHeaders=host;x-amz-date;x-amz-security-token, "
        "Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
    )
    assert dict(request.fields)[b"X-Amz-Security-Token"].decode() == TOKEN


def test_the_example_of_s3() -> None:
    signing = Signing("us-east-1", "s3", "AKIAIOSFODNN7EXAMPLE", SUITE.secret.replace("+", "/"))
    asked = asking("/test.txt", (b"Range", b"bytes=0-9"), host=b"examplebucket.s3.amazonaws.com")
    found = aws_signature.signed(asked, signing, calendar.timegm((2013, 5, 24, 0, 0, 0)))
    assert authorization(found).endswith(
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )
    other = aws_signature.signed(found, signing, calendar.timegm((2013, 5, 24, 0, 0, 0)))
    assert authorization(other) == authorization(found), "what was signed may be signed again"


@pytest.mark.parametrize(
    ("text", "host", "found"),
    [
        ("us-east-1:execute-api", "h", ("us-east-1", "execute-api")),
        ("aws:amz:eu-west-3:s3", "h", ("eu-west-3", "s3")),
        ("aws:eu-west-3:S3", "h", ("eu-west-3", "s3")),
        ("aws:amz", "b.s3.us-west-2.amazonaws.com", ("us-west-2", "s3")),
        ("aws:amz:eu-west-1", "x.es.us-west-2.amazonaws.com", ("eu-west-1", "es")),
    ],
)
def test_region_and_service_are_read_as_curl_and_oha_do(
    text: str, host: str, found: tuple[str, str]
) -> None:
    read = aws_signature.parse(text, host, "K:S:T", "", {})
    assert (read.region, read.service) == found and (read.key, read.secret) == ("K", "S:T")


def test_the_key_may_come_from_the_environment() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "K", "AWS_SECRET_ACCESS_KEY": "S", "AWS_SESSION_TOKEN": "T"}
    assert aws_signature.parse("r:s", "h", "", "", environ) == Signing("r", "s", "K", "S", "T")
    assert aws_signature.parse("r:s", "h", "A:B", "", environ) == Signing("r", "s", "A", "B", "")
    with pytest.raises(UsageError, match="set AWS_ACCESS_KEY_ID"):
        aws_signature.parse("r:s", "h", "", "", {})
    with pytest.raises(UsageError, match="takes region:service"):
        aws_signature.parse("aws:amz", "h", "K:S", "", {})


def test_each_period_of_a_run_is_signed_and_too_many_are_refused() -> None:
    requests = (asking(), asking("/b"))
    assert aws_signature.periods(requests, 119) == (3, 60)
    assert aws_signature.periods(requests, 7200) == (32, 240)
    assert aws_signature.periods(requests, None) == (92, 240)
    texts = aws_signature.signed_texts(requests, SUITE, SUITE_S, 3, 60)
    dates = [dict(each.fields)[b"X-Amz-Date"] for each in texts]
    assert (
        dates == [b"20150830T123600Z"] * 2 + [b"20150830T123700Z"] * 2 + [b"20150830T123800Z"] * 2
    )
    with pytest.raises(UsageError, match="fewer URLs"):
        aws_signature.periods(requests * 30_000, 300)


def planned(*words: str) -> Plan:
    found = url_args.parse(["--aws-sigv4", "eu-west-1:es", "-a", "KEY:SECRET", *words])
    assert not isinstance(found, str)
    return found.plan


@pytest.mark.parametrize("version", [(), ("--http2",)])
def test_the_engine_sends_what_is_signed_for_its_time(
    version: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A period of a second: each answered request has a signature of the second it was sent in."""
    from http2_library import speaking

    seen: list[tuple[float, bytes]] = []

    def plain(peer: Peer) -> None:
        while True:
            seen.append((time.time(), peer.request()))
            peer.pause(0.02)
            peer.send(OK)

    monkeypatch.setattr(aws_signature, "PERIOD_S", 1)
    with Server(speaking() if version else plain) as server:
        plan = planned("-c1", "-t1", "-d", "2600ms", *version, server.url("/x?b=1&a=2"))
        block = _core.Block(1)
        share = worker.shares(plan, 1)[0]
        engine = worker.engine(plan, resolve.reach(plan), worker.order(plan.requests), block, share)
        now = time.monotonic_ns()
        block.open_start_line(now, now, now + 2_600_000_000)
        thread = threading.Thread(target=engine.run)
        thread.start()
        thread.join()
    counted = block.counters(0)
    assert counted["ok"] > 20 and counted["failed"] == counted["timeouts"] == 0
    if version:
        return
    dates = set()
    for at_s, head in seen:
        (text,) = re.findall(rb"\r\nX-Amz-Date: (\w+)\r\n", head)
        dates.add(text)
        signed_s = calendar.timegm(time.strptime(text.decode(), "%Y%m%dT%H%M%SZ"))
        assert -0.5 < at_s - signed_s < 2.5
        whole = aws_signature.signed(plan.requests[0], plan.signing, signed_s)  # type: ignore[arg-type]
        assert whole.payload == head
    assert len(dates) == 3


def test_a_run_and_debug_are_signed_and_secrets_stay_inside() -> None:
    with Server(answering()) as server:
        words = ("--aws-sigv4", "eu-west-1:es", "-a", "KEY:SECRET", "--aws-session", "TOKEN")
        run = invoke("-n4", "-c2", "--json", "-", *words, server.url())
        head = server.seen.last.decode()
        debug = invoke("--debug", *words, server.url())
    assert run.returncode == debug.returncode == 0, run.stderr + debug.stderr
    assert "Credential=KEY/" in head and "X-Amz-Security-Token: TOKEN\r\n" in head
    assert "SECRET" not in head + run.stdout + run.stderr + debug.stdout
    assert "TOKEN" not in run.stdout + run.stderr + debug.stdout
    assert '"aws_sigv4": "eu-west-1:es"' in run.stdout
    assert "the key of --aws-sigv4" in plan_message.secrets(planned(server.url()))
    assert plan_message.plan_of(plan_message.message_of(planned("http://h/")), None).signing


def test_both_sides_of_a_comparison_are_signed() -> None:
    with Server(answering()) as one, Server(answering()) as other:
        words = ("--slice", "20ms", "--time", "1s", "--aws-sigv4", "r:s", "-a", "K:S")
        shown = invoke("compare", *words, one.url(), other.url())
    assert shown.returncode in (0, 96), shown.stderr
    for server in (one, other):
        assert b"Credential=K/" in server.seen.last and server.seen.requests > 20


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--follow", "http://h/"), "give the final URL, not --follow"),
        (("ws://h/",), "leave it out with ws://"),
        (("-H", "Authorization: x", "http://h/"), "leave yours out"),
        (("http://u:p@h/",), "leave yours out"),
        (("-d", "365d", "http://h/"), "fewer URLs, a smaller body or a shorter -d"),
    ],
)
def test_what_cannot_be_signed_is_refused(words: tuple[str, ...], said: str) -> None:
    shown = invoke("--aws-sigv4", "r:s", "-a", "K:S", *words)
    assert shown.returncode == 1 and said in shown.stderr and shown.stderr.count("\n") == 1
    assert "add it" in invoke("--aws-session", "t", "http://h/").stderr


@pytest.mark.parametrize(
    ("credentials", "token", "what"),
    [("K\nX-Admin:S", "", "key"), ("K:S\n", "", "secret"), ("K:S", "a\rb", "session token")],
)
def test_a_key_that_would_split_the_request_is_refused(
    credentials: str, token: str, what: str
) -> None:
    with pytest.raises(UsageError, match=f"The {what} of --aws-sigv4 has a line break"):
        aws_signature.parse("r:s", "h", credentials, token, {})
