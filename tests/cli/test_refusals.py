"""url_args.py: every slip is one sentence with the cure."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.cli.args import flag_table
from fastbench.cli.args.url_args import Command, parse
from fastbench.foundation.usage_error import UsageError

URL = "http://localhost:8080/"


def refusal(*argv: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse(argv)
    sentence = str(caught.value)
    assert sentence.endswith(".") or ": fastbench" in sentence, sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "There is no URL; give one"),
        ("-c", "-c needs a value after it"),
        ("-c x URL", "-c: `x` is not a count; write a whole number: 100, 10k or 1M."),
        ("-c 0 URL", "-c must be between 1 and"),
        ("-c -5 URL", "-c: `-5` is not a count"),
        ("-n 1.5 URL", "-n: `1.5` is not a count"),
        ("-t x URL", "-t: `x` is not a count"),
        ("-t 5000 URL", "-t must be between 1 and 1024"),
        ("-d 1y URL", "-d: `1y` is not a duration; write 30s, 2m, 1m30s or 500ms."),
        ("-d 0 URL", "-d must be longer than 0"),
        ("--timeout 0s URL", "--timeout must be longer than 0"),
        ("-t 3s --timeout 2s URL", "given twice; keep --timeout"),
        ("-T x URL", "-T takes a content type"),
        ("-X proxy:80 URL", "fastbench -x proxy:80 http://localhost:8080/ (ab's -X, a proxy)"),
        ("-f TLS1.2 URL", "-f: version and cipher of TLS are negotiated; write: fastbench http"),
        ("-d URL", "-d is the duration; ab's -d is not needed; write: fastbench http"),
        ("-Z body.txt URL", "for oha's -Z use --feed"),
        ("plan.jmx", "plans of JMeter are not read"),
        ("jmeter -n -t plan.jmx", "plans of JMeter are not read"),
        ("-p 2 --no-keepalive URL", "leave --no-keepalive out"),
        ("-m 'GET /' URL", "A method is one word"),
        ("-H nonsense URL", "-H needs 'Name: value'"),
        ("-H @/nowhere URL", "-H cannot read `/nowhere`"),
        (
            "--threshold 'http_req_duration{name:/a}:p(95)<5' URL",
            "no URL of this run is that; there is /.",
        ),
        (
            "--threshold 'ws_sessions{name:/a}>5' ws://localhost/",
            "counts nothing by tags; hold the whole run to it with `ws_sessions>5`",
        ),
        ("-b @/nowhere URL", "-b cannot read `/nowhere`"),
        ("-D /nowhere URL", "-D cannot read `/nowhere`"),
        ("-b x -D y URL", "give -b or -D, not both"),
        ("--data x -F y=z URL", "give --data or -F, not both"),
        ("-F a=b -T text/x URL", "-F writes Content-Type itself"),
        ("-F a=b -H content-type:x URL", "-F writes Content-Type itself"),
        ("-a user URL", "-a takes user:password"),
        ("-a u:p --bearer t URL", "give -a or --bearer, not both"),
        ("--host 'a b' URL", "--host takes one host name"),
        ("-s x.py URL", "`fastbench run x.py`"),
        ("-s /nowhere.lua URL", "-s cannot read"),
        ("--urls-from-file /nowhere", "--urls-from-file cannot read"),
        ("--expect-status 99 URL", "--expect-status takes statuses such as"),
        ("--expect-status 100 URL", "--expect-status takes statuses such as"),
        ("--expect-status 300-200 URL", "is in the wrong order"),
        ("-m HEAD --expect-body x URL", "response to HEAD has no body"),
        ("-4 -6 URL", "-4 and -6 exclude each other"),
        ("-6 http://127.0.0.1/", "-6 does not fit 127.0.0.1"),
        ("-4 http://[::1]/", "-4 does not fit ::1"),
        ("--bind ::1 http://127.0.0.1/", "--bind has IPv6 addresses, but the target is IPv4"),
        ("--bind 127.0.0.1 --unix /s URL", "leave --bind or --unix out"),
        ("--key k https://h/", "add --cert FILE"),
        ("--servername a/b https://h/", "--servername a/b` is not a valid name"),
        ("--cacert /nowhere https://h/", "--cacert cannot read"),
        ("--format xml URL", "--format takes one of text, wrk, json"),
        ("-", "`-` is not a URL and not a command"),
        ("-kc", "-c needs a value after it"),
        ("-ky URL", "unknown option -y; fastbench --help lists"),
        ("-b", "-b needs a value after it"),
        ("--json= URL", "needs the name of a file"),
        ("--wait-for 5x URL", "--wait-for: `5x` is not a duration"),
        ("--wait-for host:80 URL", "write http://host:80 instead"),
        ("--webhook hooks.test/s3cr3t URL", "--webhook takes an http:// or https:// URL"),
        ("--json load.py URL", "load.py: run starts a script; "),
        ("--json - --csv - URL", "can go to standard output; name a file"),
        ("-v URL", "use --debug to print one request in full"),
        ("--quiet=5 URL", "--quiet takes no value"),
        ("URL http://other/", "share scheme, host and port"),
        ("--conections 5 URL", "unknown option --conections; did you mean --connections? write: "),
        ("-y URL", "unknown option -y; fastbench --help lists"),
        ("--http3 URL", "--http3: only HTTP/1.1 and HTTP/2 are supported"),
        ("-m 10 URL", "add it, or write --timeout 10 for a limit of time"),
        ("--http1 --http2 URL", "exclude each other"),
        ("--http2 -m 1.5 URL", "-m: `1.5` is not a count"),
        ("--http2 -p 2 URL", "with --http2 give -m for several streams"),
        ("--http1 -m 2 URL", "in HTTP/1.1 give -p"),
        ("--http2 -m 2 --no-keepalive URL", "-m needs connections that stay open"),
        ("--http2 -m 2 --streams 3 URL", "given twice; keep --streams"),
    ],
)
def test_a_slip_is_refused_with_the_cure(line: str, sentence: str) -> None:
    assert sentence in refusal(*[URL if word == "URL" else word for word in shlex.split(line)])


@pytest.mark.parametrize(
    "argv",
    [
        ["-d", '{"a": "b"}', "-z", "5s", URL],
        ['-d{"a": "b"}', "-z", "5s", URL],
        ["--duration", '{"a": "b"}', "-z", "5s", URL],
        ['--duration={"a": "b"}', "-z", "5s", URL],
    ],
)
def test_a_body_given_as_duration_prints_the_line_to_type(argv: list[str]) -> None:
    line = refusal(*argv).partition("write: ")[2]
    assert line == f"""fastbench -b '{{"a": "b"}}' -z 5s {URL}"""
    corrected = parse(shlex.split(line)[1:])
    assert isinstance(corrected, Command)
    assert corrected.plan.requests[0].payload.endswith(b'\r\n\r\n{"a": "b"}')


@pytest.mark.parametrize("value", ["@body.json", "a=b&c=d", "[1, 2]"])
def test_other_bodies_given_as_duration_are_told_too(value: str) -> None:
    assert refusal("-d", value, URL).startswith("-d is the duration; use -b for a body; write: ")


some_words = st.sampled_from(
    [*flag_table.URL.names(), "--", "5", "1s", "x", "a=b", "A: b", "{}", "", "200", "127.0.0.1",
     URL, "https://h/", "-c5", "-d1s", "-kL", "--json=x", "-T", "\udce9", "a\r\nb", "-é", "--é=1"]
)  # fmt: skip


@given(st.lists(some_words | st.text(max_size=10), max_size=8))
def test_any_words_are_a_run_or_one_sentence(argv: list[str]) -> None:
    if "-" in argv or "@-" in argv:
        return  # reads standard input
    try:
        parsed = parse(argv)
    except UsageError as error:
        assert "\n" not in str(error)
        str(error).encode("utf-8")
    else:
        assert parsed in ("help", "version") or isinstance(parsed, Command)
