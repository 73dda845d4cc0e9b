"""Habits of other tools: flags of scripts, reports and the server, and the word that comes first.

The rows are those of `habits`. Of a word, `{}` are all the other words of the line.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastbench.cli.args.aliases import AGENTS, FILES, NO_FILE, Alias, refused, taken
from fastbench.cli.args.value_shapes import ANY, NONE

__all__ = ["ENDINGS", "FIRST", "OTHERS", "RUN"]


_FIXED = "the script says what is sent; for one fixed request use `fastbench URL`"
_IN_OPTIONS = "write it into Options of the script"

RUN: tuple[Alias, ...] = (
    *NO_FILE,
    refused("-u", "VUs are -u, the server is --base-url", "--base-url {}", when="scheme"),
    refused("-u", "VUs are -u, basic authentication is -a", "-a {}", when="credentials"),
    refused("--user", "basic authentication is -a", "-a {}", when="credentials"),
    taken("--users", "-u {}"),
    taken("--run-time --time", "-d {}"),
    refused("--spawn-rate", "a ramp is a stage: DURATION:VUS", "-s 10s:{}"),
    taken("--headless --autostart", "", "there is no page to wait for", NONE),
    refused("-f --locustfile --file", "the script stands alone", "{}"),
    *AGENTS,
    refused("-H", "-H is a header, Locust's -H is --base-url", "--base-url {}", when="scheme"),
    refused(
        "--host",
        "--host is the Host header here, Locust's is --base-url",
        "--base-url {}",
        when="scheme",
    ),
    taken("--target", "--base-url {}"),
    taken("--cookie", "-H 'Cookie: {}'", when="pair"),
    taken("--oauth2-bearer", "--bearer {}"),
    taken("--max-time", "--timeout {}"),
    taken("--unix-socket", "--unix {}"),
    taken("--no-tui", "--no-progress", when=NONE),
    refused(
        "-o --output",
        "points as they come are -o json=FILE, the result is --format json",
        "--format json || the result",
        "-o json=points.json || a point a second",
        when="json word",
    ),
    refused(
        "-o --output",
        "points as they come are -o csv=FILE, a row per second is --csv FILE",
        "--csv run.csv || a row per second",
        "-o csv=points.csv || a point a second",
        when="csv word",
    ),
    taken("-o --output", "", "answers are not printed anyway", when="null"),
    *FILES,
    refused(
        "--summary-export", "the whole result is --json FILE, k6's summary --format k6", "--json {}"
    ),
    refused(
        "--summary-mode --summary-time-unit --summary-trend-stats",
        "the report always holds all of it",
        "",
    ),
    refused("--no-summary", "the report is left out by --quiet", "--quiet", when=NONE),
    refused(
        "-c --connections --batch --batch-per-host",
        "in a script each VU has its own connections; -u sets the VUs",
        "-u {}",
    ),
    refused("-n --requests", "in a script iterations are counted", "-i {}"),
    refused(
        "-R -r --rate --rps",
        "a rate is an executor of the script (constant-arrival-rate), and --scale multiplies it",
        "",
    ),
    refused(
        "-m -X --method --request -b --body -D --body-file --data -F --form -T --content-type"
        " --data-raw --data-binary --data-urlencode",
        _FIXED,
        "",
    ),
    refused("--urls-from-file --script", "the script says what is sent; name it alone", ""),
    refused("-W --warmup", "write a first scenario, and give the others a start_time", ""),
    refused(
        "-w --throw --drain",
        "failed requests never end an iteration; graceful_stop waits for them",
        "",
        when=NONE,
    ),
    refused(
        "-p --paused --profiling-enabled",
        "a run starts at once and has no remote control",
        "",
        when=NONE,
    ),
    refused("--address", "a run starts at once and has no remote control", ""),
    refused("-l --linger", "nothing stays behind a run", "", when=NONE),
    refused(
        "--http-debug",
        "--debug shows one iteration with every request and answer",
        "--debug",
        when="false",
    ),
    refused(
        "--http-debug",
        "--debug shows one iteration with every request and answer",
        "--debug",
        when=NONE,
    ),
    refused("--config", "write it into Options, or use -e", ""),
    refused(
        "--min-iteration-duration --setup-timeout --teardown-timeout --system-tags", _IN_OPTIONS, ""
    ),
    refused("--no-cookies-reset --no-vu-connection-reuse", _IN_OPTIONS, "", when=NONE),
    refused(
        "--execution-segment --execution-segment-sequence",
        "--scale does it on each machine",
        "--scale 50%",
    ),
    refused(
        "--abort-on-fail", "[abort] ends the run", "--threshold 'errors<1% [abort]'", when=NONE
    ),
    taken(
        "--compatibility-mode --traces-output --console-output --log-output --log-format --type",
        "",
        "it has no part here",
    ),
    taken("--include-system-env-vars", "", "-e NAME takes the shell's value", NONE),
    refused(
        "--blacklist-ip --block-hostnames --dns --hosts", "the script says where requests go", ""
    ),
    refused("-x --proxy", "point the script at the server itself", ""),
)
_TO_FORMS = "the forms are --html, --md, --junit, --csv and --hdr"
OTHERS: Mapping[str, tuple[Alias, ...]] = {
    "report": (
        refused("--type", "the tools' own JSON is --format", "--format vegeta", when="json word"),
        refused("--type", f"the report is text; {_TO_FORMS}", ""),
        refused("-o --output --out", _TO_FORMS, "--html {}", when="*.html"),
        refused("-o --output --out", _TO_FORMS, "--csv {}", when="*.csv"),
        refused("-o --output --out", _TO_FORMS, "--md {}"),
        refused("--every --buckets --title", "it is not needed", ""),
        taken("--markdown", "--md {}"),
        refused("--json", "the file is JSON already", "", when=NONE),
    ),
    "history": (
        refused("-n --limit", "the newest N are --last N", "--last {}", when="count"),
        refused("--csv --md --junit", "the forms are --html and --json", "--json"),
        refused("--format", "the form for machines is --json", "--json", when="json word"),
    ),
    "doctor": (refused("--format -o", "the form for machines is --json", "--json"),),
    "serve": (
        taken("-p -l", "--port {}", when="count"),
        taken("--bind -b --address", "--host {}"),
        taken("--unix --unix-socket --socket", "--uds {}"),
    ),
    "suite": (
        refused("-n", "--list names the runs, --dry-run checks them", "--dry-run", when=NONE),
        refused("--name --scenario --run", "one run of them is --only", "--only {}"),
        refused(
            "--json --html --md --junit",
            "every form is written into the folder of --out",
            "",
            when=ANY,
        ),
        refused("--output", "where the results go is --out", "--out {}"),
    ),
}
FIRST: tuple[Alias, ...] = (  # the first word, where it is no command
    taken("version", "--version"),
    refused("attack", "fastbench is the command itself", "{} --urls-from-file -"),
    refused(
        "vegeta wrk wrk2 hey oha ab bombardier autocannon h2load siege curl k6 artillery",
        "fastbench is the command itself",
        "{}",
    ),
    refused("quick bench load test http start get-started", "fastbench takes the URL alone", "{}"),
    refused(
        "plot graph",
        "a page with charts is written from what --json FILE kept",
        "report RESULT.json --html plot.html",
    ),
    refused("encode dump", "a saved result is written in other forms by report", "report {}"),
    refused(
        "inspect archive lint validate check",
        "a script is checked by --dry-run",
        "run --dry-run {}",
    ),
    refused("locust execute exec", "a script is run by run", "run {}"),
    refused("server mock target", "the server to benchmark is serve", "serve {}"),
    refused("diff cmp versus vs", "two servers or results are compared by compare", "compare {}"),
    refused("search max capacity", "the highest rate is found by find", "find {}"),
    refused(
        "results runs list trend", "the runs of --history are listed by history", "history runs.db"
    ),
    refused(
        "export convert html",
        "a saved result is written in other forms by report",
        "report {} --html report.html",
    ),
    refused(
        "init new create scaffold",
        "nothing is made for you; a script begins with the first "
        "of examples/, a fixed request needs none",
        "-c 10 -d 10s http://localhost:8080/",
    ),
    refused(
        "cloud login logout pause resume scale stats status",
        "a run has no remote control, and is on this machine; --dashboard follows it",
        "--dashboard http://localhost:8080/",
    ),
    refused(
        "merge", "one --json file per machine is kept, and each is read alone", "report RESULT.json"
    ),
    refused("update upgrade install", "pip does that: pip install -U fastbench-http", "--version"),
)
ENDINGS: tuple[Alias, ...] = (  # a file where a URL is expected; `{}` is the file
    refused(".py", "a script is run by run", "run {}"),
    refused(".toml", "a suite is run by suite", "suite {}"),
    refused(".db .sqlite .sqlite3", "a history is shown by history", "history {}"),
    refused(".lua", "a script of wrk is -s", "-s {}"),
    refused(".txt .urls .list", "a list of URLs is --urls-from-file", "--urls-from-file {}"),
    refused(".json .ndjson .jsonl .gz", "a saved result is shown by report", "report {}"),
    refused(
        ".js .mjs .ts",
        "k6 scripts are not run; the same test in Python has the same names, "
        "see the examples/ folder",
        "run load.py",
    ),
    refused(
        ".yml .yaml",
        "Artillery's files are not run; several runs stand in a TOML file, see examples/suite.toml",
        "suite load.toml",
    ),
    refused(
        ".har .jmx .postman_collection .http",
        "its requests are not read; write their URLs "
        "into a file, one a line, with the method before",
        "--urls-from-file urls.txt",
    ),
    refused(
        ".csv .html .md .xml .hlog",
        "it is written by a run, not read; a result is kept with --json FILE",
        "report RESULT.json",
    ),
)
