"""Wrong command lines: exit 1, one line on stderr, and the cure in it."""

from __future__ import annotations

import resource
import shlex
from functools import partial
from pathlib import Path

import pytest
from commandline import Shown, invoke, table_at_once

URL = "http://127.0.0.1:1/"
FILES = {
    "empty": "",
    "two-servers": "http://a/\nhttp://b/\n",
    "weight": "http://a/\n0 http://a/\n",
    "spaced": "http://a/b c\n",
    "no-header": "X-A: 1\nnonsense\n",
    "split-header": "X-A: 1\rX-B 2\n",
    "nul-header": "X-A: 1\0\n",
    "logic.lua": 'wrk.method = "POST"\nfunction request() return "" end\n',
    "open.lua": 'wrk.method = "POST\n',
}
COUNT = "write a whole number: 100, 10k or 1M"
DURATION = "write 30s, 2m, 1m30s or 500ms"
SPLIT = "which would split the request; remove it"
NO_FILE = "no such file or directory"

# URL stands for a URL nobody listens at; what follows is in the sentence.
LOADS = {
    "": "give one, for example http://localhost:8080/",
    "-c": "-c needs a value after it; see fastbench --help",
    "URL --connections": "--connections needs a value after it; see fastbench --help",
    "-c URL": COUNT,
    "-c 0 URL": "-c must be between 1 and 1000000, not 0",
    "-c -1 URL": COUNT,
    "-c ten URL": COUNT,
    "-t 0 URL": "-t must be between 1 and 1024",
    "-n 1e3 URL": COUNT,
    "-d 0 URL": "must be longer than 0 and at most 365d, for example -d 10s",
    "-d -3s URL": DURATION,
    "-z 400d URL": "at most 365d, for example -d 10s",
    "--timeout 0 URL": "--timeout must be longer than 0",
    "--timeout soon URL": DURATION,
    "-t 5s --timeout 2s URL": "keep --timeout",
    "-p 4 --no-keepalive URL": "leave --no-keepalive out",
}
REQUESTS = {
    "-m 'GET /' URL": "one word of letters, digits or -, for example POST",
    "-m 'GET\r\nX: y' URL": "one word of letters, digits or -, for example POST",
    "-H nonsense URL": "-H needs 'Name: value'",
    "-H 'Bad Name: x' URL": "write 'Name: value'",
    "-H 'X-A: a\r\nX-B: b' URL": SPLIT,
    "-H @split-header URL": "split-header, line 2: -H needs 'Name: value'",
    "-H @nul-header URL": "nul-header, line 1: a NUL, which text does not have",
    "-H 'Content-Length: 5' URL": "leave it out",
    "-H Transfer-Encoding=chunked -b x URL": "leave Transfer-Encoding out",
    "--host 'a b' URL": "one host name, without spaces or line breaks",
    "--bearer 'a\r\nX: y' URL": SPLIT,
    "-b @nowhere URL": f"-b cannot read `nowhere`: {NO_FILE}",
    "-b x -D empty URL": "give -b or -D, not both",
    "-D . URL": "-D cannot read `.`: is a directory",
    "--data x -F a=b URL": "give --data or -F, not both",
    "-F nonsense URL": "-F needs `name=value`, `name=@file` or `name=<file`",
    "-F file=@nowhere URL": f"-F cannot read `nowhere`: {NO_FILE}",
    "-F 'a=b;what=c' URL": "put a value with ; in quotes",
    "-F a=b -T text/plain URL": "leave yours out",
    "-T nonsense URL": "a content type such as text/plain, or a time such as 30s",
    "-a user URL": "-a takes user:password, with the colon",
    "-a u:p --bearer t URL": "give -a or --bearer, not both",
    "-s nowhere.lua URL": f"-s cannot read `nowhere.lua`: {NO_FILE}",
    "-s logic.lua URL": "logic.lua: what request() returned is no request of HTTP/1.1: there is",
    "-s logic.lua --debug URL": "--debug shows requests that are known before the run; a Lua",
    "-s logic.lua --follow 2 URL": "--follow is for requests that are known before the run; a Lua",
    "-s logic.lua URL URL": "A Lua script makes the requests for one URL; give it alone.",
    "-s open.lua URL": "open.lua, line 1: unfinished string near '\"POST'.",
    "-s scenario.py URL": "`fastbench run scenario.py`",
}
ADDRESSES = {
    "web": "`web` is not a URL and not a command",
    "mailto:a@b": "is not an HTTP server",
    "''": "write one such as http://localhost:8080/",
    "ftp://h/": "only http:// and https:// are supported",
    "unix:///run/s": "name the socket with --unix FILE",
    "http://": "write one, for example http://localhost:8080/",
    "http://h:99999/": "not a number from 1 to 65535",
    "http://h:80:90/": "has two ports, 80 and 90; give one.",
    "'http://h/a b'": "write a space as %20",
    "'http://h/ HTTP/1.1\r\nX: y'": "write a space as %20",
    "http://ex_am!ple/": "1 to 63 letters, digits or -",
    "URL http://127.0.0.1:2/": "run fastbench once for each server",
    "--urls-from-file nowhere": f"--urls-from-file cannot read `nowhere`: {NO_FILE}",
    "--urls-from-file empty": "write one per line, `[WEIGHT] [METHOD] URL`",
    "--urls-from-file two-servers": "run fastbench once for each server",
    "--urls-from-file weight": "weight, line 2: a weight is between 1 and 10000",
    "--urls-from-file spaced": "line 1: expected `[WEIGHT] [METHOD] URL`",
    "-4 -6 URL": "give one of them",
    "--bind 192.0.2.1 URL": "`ip address` lists the addresses of this machine",
    "--bind 127.0.0.9-2 URL": "as in 127.0.0.2-9",
    "--bind 127.0.0.1,::1 URL": "give addresses of one family",
    "--bind 127.0.0.1 --unix s URL": "leave --bind or --unix out",
    f"--unix /{'a' * 107} URL": "use a shorter link to it",
}
OUTPUTS = {
    "--expect-status 20 URL": "statuses such as 200,2xx,301-303",
    "--expect-status 300-200 URL": "swap the numbers",
    "-m HEAD --expect-body x URL": "leave --expect-body or HEAD out",
    "--format xml URL": "--format takes one of text, wrk, json",
    "--json= URL": "needs the name of a file, or - for standard output",
    "--json - --csv - URL": "name a file",
    "--format json --html - URL": "name a file",
    "--html= URL": "needs the name of a file",
    "--quiet=5 URL": "leave what follows it out",
    "-v URL": "use --debug to print one request in full",
}
# What other tools call it, and what later versions will have.
HABITS = {
    "-d '{\"a\": 1}' URL": f"write: fastbench -b '{{\"a\": 1}}' {URL}",
    "--conections 5 URL": "did you mean --connections?",
    "--nonsense URL": "fastbench --help lists all options",
    "-o json URL": f"write: fastbench --format json {URL} (the result) or: ",
    "-U agent URL": f"write: fastbench --user-agent agent {URL}",
    "--stage 10s:5 URL": f"write: fastbench --stages 10s:5 {URL}",
    "--wait-for soon URL": "write http://soon instead",
    "--webhook soon URL": "takes an http:// or https:// URL",
    "suite nowhere.toml": f"suite cannot read `nowhere.toml`: {NO_FILE}",
    "--threshold 'p99<5potatoes' URL": "write 30s, 2m, 1m30s or 500ms",
    "-u 5 -i 10 URL": f"write: fastbench -c 5 -n 10 {URL}",
    "--location-trusted URL": "give the final URL",
    "--follow=x URL": "--follow",
    "--follow 1001 URL": "--follow",
    "--resolve a:80 URL": "is not HOST:PORT:ADDRESS; write --resolve",
    "--resolve a:80:b.org URL": "is not HOST:PORT:ADDRESS; write --resolve",
    "--resolve a:80:127.0.0.1 --unix /tmp/x URL": "--unix and --resolve both say where",
    "--cookie jar.txt URL": "--cookie takes NAME=VALUE, no file",
    "--cookie a=b -H 'cookie: c=d' URL": "give --cookie or -H 'Cookie: …', not both",
    "--compressed --expect-body x URL": "leave one of them out",
    "--no-delay maybe URL": "--no-delay takes on or off",
    "--burst 5 URL": "--burst takes N/T",
    "--burst 5/0 URL": "--burst needs a time longer than 0",
    "--burst 0/1s URL": "--burst must be",
    "--burst 5/1s -R 10 URL": "--burst says when requests start; leave out -R",
    "--burst 5/1s --stages 1s:5 URL": "leave out --stages",
    "--burst 5/1s --arrival poisson URL": "leave out --arrival",
    "--burst 5/1s --shape spike URL": "leave out --shape",
    "--burst-rate 5 URL": "Write bursts as --burst N/T",
    "--burst 5/1s --burst-delay 1s URL": "Write bursts as --burst N/T",
    "find --slo p99<1s --burst 5/1s URL": "is not for `fastbench find`",
    "find --slo p99<1s --burst-delay 1s URL": "is not for `fastbench find`",
    "--connect-to a:80 URL": "is not HOST:PORT:HOST2:PORT2; write --connect-to",
    "--connect-to a:80:: URL": "leads nowhere; write --connect-to",
    "--connect-to a:0:b:80 URL": "a port is from 1 to 65535, not 0",
    "--connect-to a:80:b!:80 URL": "is not a valid name",
    "--connect-to a:80:b:80 --unix /tmp/x URL": "both say where to connect",
    "--curl 'curl URL'": "give the URL, -m, -H and -b",
    "run scenario.py": "give the path of a script",
    "compare URL": "give a base and a candidate",
    "server": "write: fastbench serve",
    "serve --port 70000": "give 0 to 65535, 0 for any free one",
    "serve --nonsense": "fastbench serve --help lists all options",
    "serve --uds ''": "--uds /run/app.sock",
    "serve --host 192.0.2.1": "name another with --host and --port, or --uds",
}
# These say what is wrong and not what to do about it, or not where.
MORE = {
    "-6 http://127.0.0.1/": "leave -6 out",
    "--bind ::1 http://127.0.0.1/": "give",
    "http://[nonsense]/": "http://[::1]",
    "--http3 URL": f"write: fastbench {URL}",
    "--user-agent 'a\r\nX: y' URL": "User-Agent",
    "-H @no-header URL": "no-header, line 2",
}
TABLE = LOADS | REQUESTS | ADDRESSES | OUTPUTS | HABITS | MORE


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    """Type every line of the table, several at once."""
    folder = tmp_path_factory.mktemp("files")
    for name, text in FILES.items():
        (folder / name).write_text(text, newline="")
    return table_at_once({line: partial(invoke, *words(line), cwd=folder) for line in TABLE})


def words(line: str) -> list[str]:
    return [word.replace("URL", URL) for word in shlex.split(line)]


def is_one_sentence(done: Shown) -> None:
    """Exit 1, nothing on stdout, and one line that starts with our name on stderr."""
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("fastbench: ") and len(done.stderr) > 40
    assert done.stderr.endswith("\n") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("line", TABLE)
def test_a_wrong_line_is_one_sentence_with_the_cure(line: str, refusals: dict[str, Shown]) -> None:
    is_one_sentence(refusals[line])
    assert TABLE[line] in refusals[line].stderr


def test_nothing_is_written_for_a_wrong_line(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text("old")
    is_one_sentence(invoke("--json", "out.json", "--csv", "new", "-c0", URL, cwd=tmp_path))
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_too_few_files_are_refused_with_the_arithmetic() -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    done = invoke("-c", "1000", "-t", "2", URL, limits=few)
    is_one_sentence(done)
    assert "500 connections in one worker need 532 open files" in done.stderr
    assert "lower -c, spread them over more workers with -t" in done.stderr
