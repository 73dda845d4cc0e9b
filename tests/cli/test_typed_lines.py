"""Lines as people of other tools type them: wrk, hey, oha, bombardier, ab, vegeta, k6, Locust,
Artillery, autocannon, siege, h2load and curl. None is misread.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import typed_lines
from typed_lines import URL, lines_of, read, typed

from fastbench.cli.args import url_args


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with what the lines name."""
    return typed_lines.folder(tmp_path, monkeypatch)


TAKEN = {  # what becomes of it
    "-I URL": "-m HEAD URL",
    "-u user:pass URL": "-a user:pass URL",
    "-u http://h:9101/ -n 5": "http://h:9101/ -n 5",
    "--user user:pass URL": "-a user:pass URL",
    "-C a=b URL": "--cookie a=b URL",
    "--location URL": "--follow URL",
    "--redirects 5 URL": "--follow 5 URL",
    "--max-redirs 3 URL": "--follow 3 URL",
    "--abstract-unix-socket name URL": "--unix @name URL",
    "--no-tcp-nodelay URL": "--no-delay off URL",
    "run --follow load.py": "run load.py",
    "--max-time 5 URL": "--timeout 5 URL",
    "--amount 1000 URL": "-n 1000 URL",
    "--qps 100 URL": "-R 100 URL",
    "--http-version 1.1 URL": "--http1 URL",
    "--http-version 2 URL": "--http2 URL",
    "--h2 URL": "--http2 URL",
    "--alpn-list=h2 URL": "--http2 URL",
    "--npn-list http/1.1 URL": "--http1 URL",
    "--no-tls-proto=h2c URL": "--http2 URL",
    "--no-tui URL": "--no-progress URL",
    "-R 10 --latency-correction URL": "-R 10 URL",
    "-o /dev/null URL": "URL",
    "-s URL": "--no-progress URL",
    "-r -n 10 -c 2 URL": "-n 10 -c 2 URL",
    "-q -n 10 URL": "--quiet -n 10 URL",
    "-kI URL": "-k -m HEAD URL",
    "-rate=100 -duration=2s URL": "--rate 100 --duration=2s URL",
    "-workers=10 -keepalive=false URL": "-c 10 --no-keepalive URL",
    "-host a.test -disable-keepalive -cpus 2 URL": (
        "--host a.test --disable-keepalive --workers 2 URL"
    ),
    "localhost:8080/x": "http://localhost:8080/x",
    ":8080/x": "http://localhost:8080/x",
    "example.com": "http://example.com",
    "[::1]:8080/": "http://[::1]:8080/",
    "--json localhost:8080": "--json http://localhost:8080",
    "--json out.res localhost:8080": "--json out.res http://localhost:8080",
    "find localhost:8080 --slo 'p99<1s'": "find http://localhost:8080 --slo 'p99<1s'",
    "compare localhost:1 localhost:2": "compare http://localhost:1 http://localhost:2",
    "version": "--version",
    "run --users 5 load.py": "run -u 5 load.py",
    "run --target http://h load.py": "run --base-url http://h load.py",
    "serve -p 9000": "serve --port 9000",
}


@pytest.mark.parametrize("line", TAKEN)
def test_a_line_of_another_tool_is_read_as_it_was_meant(line: str) -> None:
    command, found, notices = read(line)
    expected = shlex.split(TAKEN[line].replace("URL", URL))
    assert [*([command] if command else []), *found] == expected
    assert notices or line == "version", "it is said"
    assert not any("pass" in each for each in notices)


AS_THEY_ARE = [  # ours, and read as it stands
    "-c=100 URL",
    "-c 1k -d 30 URL",
    "-d 1m30s -n 10k -R 1k/s URL",
    "--duration 30s --connections=5 URL",
    "URL -c 5 -d 1s",
    "-c 5 -- URL",
    "-A text/html,application/xhtml+xml;q=0.9 URL",
    "-A '*/*' URL",
    "-A x-own/type URL",
    "-b '{\"a\": 1}' URL",
    "-X POST -b a=1 URL",
    "-T text/plain -b a=1 URL",
    "-b a=1 -H 'Content-Type: text/x' URL",
    "-b=a=1 URL",
    "--body a=1 URL",
    "-b 'two words' URL",
    "-H 'X-B:2' -HX-A:1 URL",
    "--host a.test URL",
    "-m PROPFIND URL",
    "-r 100 -p 4 URL",
    "-R 0 --stages 1s:10 URL",
    "--data-raw @x --data-binary a=1 URL",
    "-a user:pass URL",
    "-o json=p.json -o csv=p.csv URL",
    "-t 5s URL",
    "-D body.json URL",
    "--urls-from-file urls.txt",
    "compare x.json x.json",
    "run -u 10 -d 30s -o json=p.json load.py",
]


@pytest.mark.parametrize("line", AS_THEY_ARE)
def test_what_is_ours_is_left_as_it_stands(line: str) -> None:
    command, found, notices = read(line)
    expected = shlex.split(line.replace("URL", URL))
    assert (found, notices) == (expected[bool(command) :], [])


REFUSED = {  # and every line that is said instead
    "--json '{\"a\": 1}' URL": [
        "fastbench -A application/json -T application/json -b '{\"a\": 1}' URL"
    ],
    "--json=@body.json URL": [
        "fastbench -A application/json -T application/json -b @body.json URL"
    ],
    "-m 10s URL": ["fastbench --timeout 10s URL"],
    "-A 'Mozilla/5.0 (X11)' URL": ["fastbench --user-agent 'Mozilla/5.0 (X11)' URL"],
    "-A curl/8.0 URL": ["fastbench --user-agent curl/8.0 URL", "fastbench --accept curl/8.0 URL"],
    "-A user:pass URL": ["fastbench -a '***' URL"],
    "-u 10 -d 5s URL": ["fastbench -c 10 -d 5s URL"],
    "-b k=v URL": [
        "fastbench --cookie '***' URL",
        "fastbench --data k=v URL",
        "fastbench --body k=v URL",
    ],
    "-b body.json URL": ["fastbench -b @body.json URL", "fastbench --body body.json URL"],
    "-o json URL": ["fastbench --format json URL", "fastbench -o json=points.json URL"],
    "-o out.json URL": ["fastbench --json out.json URL"],
    "-p r URL": ["fastbench URL"],
    "-p body.json -T text/plain URL": ["fastbench -D body.json -T text/plain URL"],
    "-p none.json URL": ["fastbench -D none.json URL"],
    "-a 1000 URL": ["fastbench -n 1000 URL"],
    "-a URL": ["fastbench --no-keepalive URL"],
    "--user URL": ["fastbench URL"],
    "run -u URL load.py": ["fastbench run --base-url URL load.py"],
    "-j URL": ["fastbench --format oha URL", "fastbench --json URL"],
    "--output-format json URL": ["fastbench --format oha URL"],
    "--http-version 3 URL": ["fastbench URL"],
    "--http3 URL": ["fastbench URL"],
    "--dump-urls 10 URL": ["fastbench --debug URL"],
    "-s 30 -g plot.tsv URL": ["fastbench --timeout 30 --hdr plot.tsv URL"],
    "-sSL URL": ["fastbench URL"],
    "-t1M -c25 URL": ["fastbench -d 1M -c25 URL"],
    "-w 4 URL": ["fastbench -t 4 URL"],
    "-D 10 URL": ["fastbench -d 10 URL"],
    "-d body.json URL": ["fastbench -D body.json URL"],
    "-d a=1 -X POST URL": ["fastbench --data a=1 -X POST URL", "fastbench -b a=1 -X POST URL"],
    "-n -c 5 URL": ["fastbench --no-progress -c 5 URL"],
    "--html URL": ["fastbench --html run.html URL"],
    "run load.py --csv URL": ["fastbench run load.py --csv run.csv --base-url URL"],
    "--proxy-user -c 5 URL": ["fastbench -c 5 URL"],
    "-v URL": ["fastbench --debug URL"],
    "--proxy-user u:p URL": ["fastbench URL"],
    "--location-trusted URL": ["fastbench --follow URL"],
    "GET URL": ["fastbench -m GET URL"],
    "-c 5 10 URL": ["fastbench -c 5 URL"],
    "--conections 5 -d 1s URL": ["fastbench --connections 5 -d 1s URL"],
    "--Max_Time 5 URL": ["fastbench --timeout 5 URL"],
    "--conections 5 --duratoin 1s --http3 URL": ["fastbench --connections 5 --duration 1s URL"],
    "attack -rate=100 -duration=2s": ["fastbench --rate 100 --duration=2s --urls-from-file -"],
    "attack -targets=targets -rate 5": ["fastbench --urls-from-file targets --rate 5"],
    "vegeta attack -rate=0 URL": ["fastbench URL"],
    "k6 run --vus 10 --duration 30s load.py": ["fastbench run --vus 10 --duration 30s load.py"],
    "artillery quick --count 10 --num 20 URL": ["fastbench -c 10 -n 20 URL"],
    "locust -f load.py --headless -u 10 --host http://h": [
        "fastbench run load.py -u 10 --base-url http://h"
    ],
    "srve": ["fastbench serve"],
    "load.py -u 10": ["fastbench run -u 10 load.py"],
    "load.py URL": ["fastbench run --base-url URL load.py"],
    "x.json": ["fastbench report x.json"],
    "urls.txt -c 10": ["fastbench --urls-from-file urls.txt -c 10"],
    "targets -c 10": ["fastbench -c 10 --urls-from-file targets"],
    "run URL -u 10 -d 5s": ["fastbench URL -c 10 -d 5s"],
    "run load.py -n 10 -c 5": ["fastbench run load.py -i 10 -u 5"],
    "find -R 5 -L URL": ["fastbench find URL"],
    "compare URL URL --threshold x": ["fastbench compare URL URL"],
    "report -type=json x.json": ["fastbench report --format vegeta x.json"],
    "serve 9000": ["fastbench serve --port 9000"],
    "serve --prot 9000": ["fastbench serve --port 9000"],
    "history runs.db --lst 5": ["fastbench history runs.db --last 5"],
    "suite --onyl a x.toml": ["fastbench suite --only a x.toml"],
    "doctor --jsno": ["fastbench doctor --json"],
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_line_that_would_be_misread_is_refused_with_the_whole_line_to_type(line: str) -> None:
    _, sentence = typed(line)
    assert lines_of(sentence) == [each.replace("URL", URL) for each in REFUSED[line]], sentence


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("mailto:a@b.test", "is not an HTTP server"),
        ("/x", "is a path without a server"),
        ("./x", "is a path without a server"),
        ("../x/y", "is a path without a server"),
        ("web", "is not a URL and not a command"),
        ("ftp://h/", "only http:// and https:// are supported"),
        ("--frobnicate 5 URL", "unknown option --frobnicate; fastbench --help lists"),
        ("run --frobnicate load.py", "fastbench run --help lists all options"),
        ("-c URL", "-c: `http://h:8080/x` is not a count"),
        ("-c 5", "There is no URL"),
    ],
)
def test_nothing_is_glued_to_what_is_no_address(line: str, says: str) -> None:
    _, sentence = typed(line)
    assert says in sentence and "write: " not in sentence and "http://." not in sentence


def test_what_does_something_else_here_is_said() -> None:
    (notice,), _ = typed("-L URL")
    assert "spectrum" in notice and "redirects are not followed" in notice


def test_help_is_shown_whatever_else_stands_there() -> None:
    assert url_args.parse(["--http2", "-o", "json", "--help"]) == "help"
