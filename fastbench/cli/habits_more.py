"""Habits of other tools: flags of scripts, reports and the server, and the word that comes first.

The rows are those of `habits`. Of a word, `{}` are all the other words of the line.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastbench.cli.habits import NO_FILE, Habit
from fastbench.cli.shapes import ANY, NONE

__all__ = ["ENDINGS", "FIRST", "OTHERS", "RUN"]


def _taken(flags: str, line: str, why: str = "", when: str = ANY) -> Habit:
    return Habit(flags, (line,), why, when, taken=True)


def _refused(flags: str, why: str, *lines: str, when: str = ANY) -> Habit:
    return Habit(flags, lines, why, when)


_FIXED = "the script says what is sent; for one fixed request use `fastbench URL`"
_IN_OPTIONS = "write it into Options of the script"

RUN: tuple[Habit, ...] = (
    *NO_FILE,
    _refused("-u", "VUs are -u, basic authentication is -a", "-a {}", when="credentials"),
    _refused("--user", "basic authentication is -a", "-a {}", when="credentials"),
    _taken("--users", "-u {}"),
    _taken("--run-time --time", "-d {}"),
    _refused("--spawn-rate", "a ramp is a stage: DURATION:VUS", "-s 10s:{}"),
    _taken("--headless --autostart", "", "there is no page to wait for", NONE),
    _refused("-f --locustfile --file", "the script stands alone", "{}"),
    _refused(
        "-A", "-A is Accept here, curl's -A is --user-agent", "--user-agent {}", when="no media"
    ),
    _refused(
        "-A",
        "-A is Accept here, curl's -A is --user-agent",
        "--user-agent {} || the user agent",
        "--accept {} || the Accept header",
        when="odd media",
    ),
    _refused("-H", "-H is a header, Locust's -H is --base-url", "--base-url {}", when="scheme"),
    _refused(
        "--host",
        "--host is the Host header here, Locust's is --base-url",
        "--base-url {}",
        when="scheme",
    ),
    _taken("--target", "--base-url {}"),
    _taken("--cookie", "-H 'Cookie: {}'", when="pair"),
    _taken("--oauth2-bearer", "--bearer {}"),
    _taken("--max-time", "--timeout {}"),
    _taken("--unix-socket", "--unix {}"),
    _taken("--no-tui", "--no-progress", when=NONE),
    _refused(
        "-o --output",
        "points as they come are -o json=FILE, the result is --format json",
        "--format json || the result",
        "-o json=points.json || a point a second",
        when="json word",
    ),
    _refused(
        "-o --output",
        "points as they come are -o csv=FILE, a row per second is --csv FILE",
        "--csv run.csv || a row per second",
        "-o csv=points.csv || a point a second",
        when="csv word",
    ),
    _taken("-o --output", "", "answers are not printed anyway", when="null"),
    _refused("-o", "-o follows a run, its result is --json", "--json {}", when="*.json"),
    _refused("-o", "-o follows a run, its table is --csv", "--csv {}", when="*.csv"),
    _refused("-o", "-o follows a run, its page is --html", "--html {}", when="*.html"),
    _refused(
        "--output", "the whole result is --json FILE, a row per second --csv FILE", "--json {}"
    ),
    _refused(
        "--summary-export", "the whole result is --json FILE, k6's summary --format k6", "--json {}"
    ),
    _refused(
        "--summary-mode --summary-time-unit --summary-trend-stats",
        "the report always holds all of it",
        "",
    ),
    _refused("--no-summary", "the report is left out by --quiet", "--quiet", when=NONE),
    _refused(
        "-c --connections --batch --batch-per-host",
        "in a script each VU has its own connections; -u sets the VUs",
        "-u {}",
    ),
    _refused("-n --requests", "in a script iterations are counted", "-i {}"),
    _refused(
        "-R -r --rate --rps",
        "a rate is an executor of the script (constant-arrival-rate), and --scale multiplies it",
        "",
    ),
    _refused(
        "-m -X --method --request -b --body -D --body-file --data -F --form -T --content-type"
        " --data-raw --data-binary --data-urlencode",
        _FIXED,
        "",
    ),
    _refused("--urls-from-file --script", "the script says what is sent; name it alone", ""),
    _refused("-W --warmup", "write a first scenario, and give the others a start_time", ""),
    _refused(
        "-w --throw --drain",
        "failed requests never end an iteration; graceful_stop waits for them",
        "",
        when=NONE,
    ),
    _refused(
        "-p --paused --profiling-enabled",
        "a run starts at once and has no remote control",
        "",
        when=NONE,
    ),
    _refused("--address", "a run starts at once and has no remote control", ""),
    _refused("-l --linger", "nothing stays behind a run", "", when=NONE),
    _refused(
        "--http-debug",
        "--debug shows one iteration with every request and answer",
        "--debug",
        when="false",
    ),
    _refused(
        "--http-debug",
        "--debug shows one iteration with every request and answer",
        "--debug",
        when=NONE,
    ),
    _refused("--config", "write it into Options, or use -e", ""),
    _refused(
        "--min-iteration-duration --setup-timeout --teardown-timeout --system-tags", _IN_OPTIONS, ""
    ),
    _refused("--no-cookies-reset --no-vu-connection-reuse", _IN_OPTIONS, "", when=NONE),
    _refused(
        "--execution-segment --execution-segment-sequence",
        "--scale does it on each machine",
        "--scale 50%",
    ),
    _refused(
        "--abort-on-fail", "[abort] ends the run", "--threshold 'errors<1% [abort]'", when=NONE
    ),
    _taken(
        "--compatibility-mode --traces-output --console-output --log-output --log-format --type",
        "",
        "it has no part here",
    ),
    _taken("--include-system-env-vars", "", "-e NAME takes the shell's value", NONE),
    _refused(
        "--blacklist-ip --block-hostnames --dns --hosts", "the script says where requests go", ""
    ),
    _refused("-x --proxy", "point the script at the server itself", ""),
)
_TO_FORMS = "the forms are --html, --md, --junit, --csv and --hdr"
OTHERS: Mapping[str, tuple[Habit, ...]] = {
    "report": (
        _refused("--type", "the tools' own JSON is --format", "--format vegeta", when="json word"),
        _refused("--type", f"the report is text; {_TO_FORMS}", ""),
        _refused("-o --output --out", _TO_FORMS, "--html {}", when="*.html"),
        _refused("-o --output --out", _TO_FORMS, "--csv {}", when="*.csv"),
        _refused("-o --output --out", _TO_FORMS, "--md {}"),
        _refused("--every --buckets --title", "it is not needed", ""),
        _taken("--markdown", "--md {}"),
        _refused("--json", "the file is JSON already", "", when=NONE),
    ),
    "history": (
        _refused("-n --limit", "the newest N are --last N", "--last {}", when="count"),
        _refused("--csv --md --junit", "the forms are --html and --json", "--json"),
        _refused("--format", "the form for machines is --json", "--json", when="json word"),
    ),
    "doctor": (_refused("--format -o", "the form for machines is --json", "--json"),),
    "serve": (
        _taken("-p -l", "--port {}", when="count"),
        _taken("--bind -b --address", "--host {}"),
        _taken("--unix --unix-socket --socket", "--uds {}"),
    ),
    "suite": (
        _refused("-n", "--list names the runs, --dry-run checks them", "--dry-run", when=NONE),
        _refused("--name --scenario --run", "one run of them is --only", "--only {}"),
        _refused(
            "--json --html --md --junit",
            "every form is written into the folder of --out",
            "",
            when=ANY,
        ),
        _refused("--output", "where the results go is --out", "--out {}"),
    ),
}
FIRST: tuple[Habit, ...] = (  # the first word, where it is no command
    _taken("version", "--version"),
    _refused("attack", "fastbench is the command itself", "{} --urls-from-file -"),
    _refused(
        "vegeta wrk wrk2 hey oha ab bombardier autocannon h2load siege curl k6 artillery",
        "fastbench is the command itself",
        "{}",
    ),
    _refused("quick bench load test http start get-started", "fastbench takes the URL alone", "{}"),
    _refused(
        "plot graph",
        "a page with charts is written from what --json FILE kept",
        "report RESULT.json --html plot.html",
    ),
    _refused("encode dump", "a saved result is written in other forms by report", "report {}"),
    _refused(
        "inspect archive lint validate check",
        "a script is checked by --dry-run",
        "run --dry-run {}",
    ),
    _refused("locust execute exec", "a script is run by run", "run {}"),
    _refused("server mock target", "the server to benchmark is serve", "serve {}"),
    _refused("diff cmp versus vs", "two servers or results are compared by compare", "compare {}"),
    _refused("search max capacity", "the highest rate is found by find", "find {}"),
    _refused(
        "results runs list trend", "the runs of --history are listed by history", "history runs.db"
    ),
    _refused(
        "export convert html",
        "a saved result is written in other forms by report",
        "report {} --html report.html",
    ),
    _refused(
        "init new create scaffold",
        "nothing is made for you; a script begins with the first "
        "of examples/, a fixed request needs none",
        "-c 10 -d 10s http://localhost:8080/",
    ),
    _refused(
        "cloud login logout pause resume scale stats status",
        "a run has no remote control, and is on this machine; --dashboard follows it",
        "--dashboard http://localhost:8080/",
    ),
    _refused(
        "merge", "one --json file per machine is kept, and each is read alone", "report RESULT.json"
    ),
    _refused("update upgrade install", "pip does that: pip install -U fastbench-http", "--version"),
)
ENDINGS: tuple[Habit, ...] = (  # a file where a URL is expected; `{}` is the file
    _refused(".py", "a script is run by run", "run {}"),
    _refused(".toml", "a suite is run by suite", "suite {}"),
    _refused(".db .sqlite .sqlite3", "a history is shown by history", "history {}"),
    _refused(".lua", "a script of wrk is -s", "-s {}"),
    _refused(".txt .urls .list", "a list of URLs is --urls-from-file", "--urls-from-file {}"),
    _refused(".json .ndjson .jsonl .gz", "a saved result is shown by report", "report {}"),
    _refused(
        ".js .mjs .ts",
        "k6 scripts are not run; the same test in Python has the same names, "
        "see the examples/ folder",
        "run load.py",
    ),
    _refused(
        ".yml .yaml",
        "Artillery's files are not run; several runs stand in a TOML file, see examples/suite.toml",
        "suite load.toml",
    ),
    _refused(
        ".har .jmx .postman_collection .http",
        "its requests are not read; write their URLs "
        "into a file, one a line, with the method before",
        "--urls-from-file urls.txt",
    ),
    _refused(
        ".csv .html .md .xml .hlog",
        "it is written by a run, not read; a result is kept with --json FILE",
        "report RESULT.json",
    ),
)
