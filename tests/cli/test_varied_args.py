"""Requests that vary, from the command line: where placeholders are taken, and where refused."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from fastbench.cli.args import url_args
from fastbench.cli.args.url_args import Command
from fastbench.cli.curl import curl_command
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.varied import reference
from fastbench.plan.varied.reference import Turn

URL = "http://localhost:8080/"


def command(line: str) -> Command:
    found = url_args.parse(shlex.split(line.replace("URL", URL)))
    assert isinstance(found, Command)
    return found


def payloads(line: str, count: int = 1) -> list[bytes]:
    """Return the first requests of a run of one URL."""
    plan = command(line).plan
    (request,) = plan.requests
    assert request.varied is not None
    turns = [Turn(number, wall_ns=10**18) for number in range(count)]
    sent = [reference.sent(request.varied, turn, plan.seed, plan.feed) for turn in turns]
    return [reference.payload(request.method, each) for each in sent]


def test_url_headers_and_body_vary() -> None:
    line = (
        "-H 'X-Id: {{seq:5}}' -b '{\"n\": {{seq}}}' -T application/json URL'a/{{seq:7}}?t={{now}}'"
    )
    first, second = payloads(line, 2)
    assert first.startswith(b"POST /a/7?t=1000000000 HTTP/1.1\r\n")
    assert b"\r\nX-Id: 5\r\n" in first and first.endswith(b'\r\nContent-Length: 8\r\n\r\n{"n": 1}')
    assert b"\r\nX-Id: 6\r\n" in second and second.endswith(b'{"n": 2}')


def test_the_same_seed_makes_the_same_requests() -> None:
    line = "--seed 7 URL'{{uuid}}'"
    assert payloads(line, 3) == payloads(line, 3) != payloads("--seed 8 URL'{{uuid}}'", 3)


def test_the_seed_stands_in_the_document_of_what_varies_alone() -> None:
    drawn = command("URL'{{uuid}}'").plan
    assert drawn.config["seed"] == drawn.seed
    assert command("--seed 7 URL'{{uuid}}'").plan.config["seed"] == 7
    assert "seed" not in command("--seed 7 URL").plan.config


def test_raw_sends_braces_as_they_are() -> None:
    line = "--raw -b '{{x}}\\{{' -H 'K: {{y}}' --expect-body '{{z}}' --host '{{h}}' URL'{{seq}}'"
    plan = command(line).plan
    assert plan.requests[0].varied is None and plan.expect.body == b"{{z}}"
    payload = plan.requests[0].payload
    assert payload.startswith(b"POST /{{seq}} ") and payload.endswith(b"\r\n\r\n{{x}}\\{{")
    assert b"Host: {{h}}\r\n" in payload and b"K: {{y}}\r\n" in payload
    form = command("--raw --data-urlencode 'a={{x}}' URL").plan.requests[0]
    assert form.body == b"a=%7B%7Bx%7D%7D"


def test_a_text_that_every_answer_must_contain_varies() -> None:
    plan = command("--expect-body 'n={{seq}}' URL'{{seq}}'").plan
    assert plan.requests[0].varied is not None
    assert reference.sent(plan.requests[0].varied, Turn(4), 0).expect == b"n=5"
    assert plan.expect.body == b"n={{seq}}"
    assert command(r"--expect-body '\{{x}}' URL").plan.expect.body == b"{{x}}"


def test_requests_of_a_list_vary_in_url_headers_and_bodies(tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text('{"a": "{{pick:q"t|q"t}}"}')
    listed = tmp_path / "list.txt"
    listed.write_text(
        "http://h/{{pick:a b|a b}}/{{seq}}\n"
        "X-Id: {{seq}}\n"
        f"@{body}\n\n"
        '{"url": "http://h/{{seq}}", "body": {"k {{seq}}": "{{pick:q\\"\\\\\\\\|q\\"\\\\\\\\}}",'
        ' "l": "\\\\{{x}}", "w": "C:\\\\\\\\{{seq}}"}}\n'
    )
    plan = command(f"--urls-from-file {listed}").plan
    first, second = (
        reference.sent(each.varied, Turn(0), 0) for each in plan.requests if each.varied
    )
    assert first.target == b"/a%20b/1" and first.body == b'{"a": "q\\"t"}'
    assert (b"X-Id", b"1") in first.fields
    assert second.body == (b'{"k 1": "q\\"\\\\", "l": "{{x}}", "w": "C:\\\\\\\\1"}')


def test_what_stands_in_a_list_is_refused_with_its_line(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("http://h/\nhttp://h/{{nope}}\n")
    with pytest.raises(UsageError, match=r"list\.txt, line 2: There is no \{\{nope\}\}"):
        command(f"--urls-from-file {listed}")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("'http://{{h}}/'", "Scheme, host and port of a URL do not vary"),
        ("URL'{{sequ}}'", "There is no {{sequ}}; did you mean {{seq}}?"),
        ("URL'{{seq'", "`{{seq` has no }} on its line"),
        ("-m '{{pick:GET|PUT}}' URL", "-m is one method, without placeholders"),
        ("-H '{{seq}}: x' URL", "The name of a header has no placeholders"),
        ("-H 'Host: {{seq}}' URL", "--host is one name"),
        ("--host '{{seq}}' URL", "--host is one name"),
        ("-H 'Connection: {{pick:close|x}}' URL", "Connection applies to the whole run"),
        ("--expect-body '{{uuid}}' URL", "--expect-body has {{uuid}}, which is another value"),
        ("-b '{{seq}}' ws://localhost:8080/", "messages of WebSockets do not vary"),
        ("ws://localhost:8080/'{{seq}}'", "messages of WebSockets do not vary"),
        ("-b '{{int:5:1}}' URL", "LOW is at most HIGH, not 5 and 1"),
        ("-b '{{ user }}' URL", "--raw sends braces as they are"),
        ("--seed -1 URL", "--seed"),
        ("--seed 9223372036854775808 URL'{{seq}}'", "--seed: `9223372036854775808` is not"),
    ],
)
def test_what_cannot_vary_is_one_sentence_with_the_cure(line: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        command(line)
    assert sentence in str(refused.value)


def test_a_command_of_curl_varies_too() -> None:
    words, _ = curl_command.expanded(
        [
            "curl",
            "http://localhost/{{pick:a b|a b}}/\\[{{seq}}",
            "-G",
            "--data-urlencode",
            "q=ä{{seq}}",
        ]
    )
    assert payloads(shlex.join(words))[0].startswith(b"GET /a%20b/[1?q=%C3%A41 HTTP/1.1\r\n")
    with pytest.raises(UsageError, match="curl makes several URLs"):
        curl_command.expanded(["curl", "http://localhost/{{seq}}/{a,b}"])


@pytest.fixture
def feed(tmp_path: Path) -> str:
    path = tmp_path / "users.csv"
    path.write_text('id,name\n1,"a\nb"\n2,c\n3,d\n')
    return str(path)


def test_rows_of_a_file_stand_in_requests_and_document(feed: str) -> None:
    plan = command(f"--feed {feed} --feed-order random URL'{{{{id}}}}'").plan
    assert plan.feed is not None and plan.feed.columns == ("id", "name")
    assert plan.config["feed"] == {"file": feed, "rows": 3, "order": "random"}


def test_a_run_of_each_row_once_ends_with_them(feed: str) -> None:
    found = command(f"--feed {feed} --feed-order once -c 2 URL'{{{{id}}}}'")
    assert found.plan.load.requests == 3 and found.plan.load.duration_s is None
    assert "the run ends with the 3 rows of" in found.notices[0]
    more = command(f"--feed {feed} --feed-order once -n 10 -c 2 URL'{{{{id}}}}'")
    assert more.plan.load.requests == 3 and "-n 10 is more than the 3 rows" in more.notices[0]
    fewer = command(f"--feed {feed} --feed-order once -n 2 -c 2 URL'{{{{id}}}}'")
    assert fewer.plan.load.requests == 2 and fewer.notices == ()


def test_a_feed_that_nothing_is_made_of_is_told(feed: str) -> None:
    found = command(f"--feed {feed} URL'{{{{seq}}}}'")
    assert found.plan.feed is None
    assert found.notices == (
        f"--feed {feed} is not used: no placeholder names a column of it "
        "({{id}}, {{name}}).",
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--feed FEED URL'{{nam}}'", "There is no {{nam}}; did you mean {{name}}?"),
        (
            "--feed FEED -H 'X: {{name}}' URL",
            "line 2: the value of `name` is for a header",
        ),
        ("--feed FEED --feed-order once -W 1s URL'{{id}}'", "leave -W out"),
        ("--feed FEED --feed-order backwards URL'{{id}}'", "--feed-order"),
        ("--feed-order random URL", "--feed-order is of rows; add --feed FILE"),
        ("--feed FEED --raw URL", "--raw has no placeholders, which --feed is for"),
        ("--feed FEED.none URL'{{id}}'", "--feed cannot read"),
        ("--feed FEED ws://localhost/", "--feed says nothing of a WebSocket"),
        ("--feed FEED --json FEED URL'{{id}}'", "would overwrite what --feed reads"),
        ("--feed - -D - URL'{{id}}'", "both read standard input"),
    ],
)
def test_rows_that_cannot_be_used_are_one_sentence(line: str, sentence: str, feed: str) -> None:
    with pytest.raises(UsageError) as refused:
        command(line.replace("FEED", feed))
    assert sentence in str(refused.value)
