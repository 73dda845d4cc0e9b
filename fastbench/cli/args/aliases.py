"""Flags and words of other tools, by command: what each means here, or the line to write instead.

A row of the table below is one meaning of one flag, in four columns:

    FLAGS | SHAPE | WORDS TO WRITE | REASON

The first row whose shape the value has is taken (`value_shapes`; no shape: any value). In the words
`{}` is the value, and no words leave the flag out. Words after `=` are used at once, with a notice.
Without `=` the line is refused, and shows the corrected one; ` / ` separates several of them, each
with its meaning after ` # `. A flag of ours is listed only with values that another tool gives it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from fastbench.cli.args.value_shapes import ANY

NOTES = {  # of flags that do something else than another tool's, which nobody would notice
    "-L": "-L prints the percentile spectrum; redirects are not followed, add --follow for that.",
}


@dataclass(frozen=True, slots=True)
class Alias:
    """One row: `lines` are the words to write instead, each with its meaning behind ` # `."""

    flags: str
    lines: tuple[str, ...]
    why: str = ""
    when: str = ANY
    taken: bool = False


@cache
def rows(section: str) -> tuple[Alias, ...]:
    """Return the rows of a section; a command without one has none."""
    return tuple(_rows(section))


def _rows(section: str) -> Iterator[Alias]:
    _, found, text = _TABLE.partition(f"\n[{section}]\n")
    text = text.partition("\n[")[0].replace("\n   ", " ") if found else ""
    for line in text.splitlines():
        if line.startswith("@"):
            yield from rows(line[1:])
        elif line:
            flags, when, words, why = (cell.strip() for cell in line.split("|"))
            lines = tuple(words.removeprefix("=").strip().split(" / "))
            yield Alias(flags, lines, why, when or ANY, taken=words.startswith("="))


# A line that begins with three spaces goes on with the one before; @NAME inserts a section.
_TABLE = """
[files named by mistake]
--html | address | --html run.html {} | --html needs a file name
--md | address | --md run.md {} | --md needs a file name
--junit | address | --junit run.xml {} | --junit needs a file name
--csv | address | --csv run.csv {} | --csv needs a file name
--hdr | address | --hdr run.hlog {} | --hdr needs a file name
--history | address | --history runs.db {} | --history needs a file name

[user agents]
-A | no media | --user-agent {} | -A sets Accept; for curl's -A use --user-agent
-A | odd media | --user-agent {} # the user agent / --accept {} # the Accept header
   | -A sets Accept; for curl's -A use --user-agent

[results]
-o | *.json | --json {} | -o writes points during the run; for the result use --json
-o | *.csv | --csv {} | -o writes points during the run; for a row per second use --csv
-o | *.html | --html {} | -o writes points during the run; for a page use --html
--output | | --json {} | use --json FILE for the whole result, --csv FILE for a row per second

[url]
@files named by mistake
-C | pair | = --cookie {} |
--cookie-jar | | | only scripts keep cookies (fastbench run)
-b | cookie | --cookie {} # a cookie / --data {} # a form / --body {} # a body of this text
   | -b is the body; curl's -b is a cookie
-b | file | -b @{} / --body {} # the text itself | -b takes text or @FILE
--json | json | -A application/json -T application/json -b {}
   | --json FILE saves the result; curl's --json is a body
-d -z --duration | form | --data {} # a form / -b {} # a body of this text
   | -d is the duration; use -b for a body
-d -z --duration | body | -b {} | -d is the duration; use -b for a body
-d -z --duration | file | -D {} | -d is the duration; use -D for a body from a file
-d -z --duration | path | -D {} | -d is the duration; use -D for a body from a file
-D | duration | -d {} | -D is the file of the body; h2load's -D is the duration
-p | file | -D {} | -p is the requests in flight; ab's -p is the file of the body
-p | protocol | | -p is the requests in flight; --http1 or --http2 chooses
--npn-list --alpn-list --no-tls-proto | http/1 | = --http1 |
--npn-list --alpn-list --no-tls-proto | http/2 | = --http2 |
--npn-list --alpn-list --no-tls-proto | | | --http1 or --http2 allows one alone; without them
   the server of https:// chooses
-p | path | -D {} | -p is the requests in flight; ab's -p is the file of the body
-T | file | -m PUT -D {} | -T is a content type; curl's -T is a file to upload
--upload-file | | = -m PUT -D {} |
-body | file | = -D {} |
--body-path | | = -D {} |
--input | | -D {} | use -D for a body from a file
-I --head | none | = -m HEAD |
-i | count | -n {} | use -n for the number of requests
-i | file | --urls-from-file {} # a list of URLs / -D {} # a body
   | h2load's -i is --urls-from-file, autocannon's -i is -D
-i --include | none | -m HEAD # as ab / --debug # as curl
   | for ab's -i use -m HEAD, for curl's -i use --debug
-G --get | none | | write the query into the URL
--url | | = {} |
--url-query --param | | | write the query into the URL
--headers | | = -H {} |
-H | scheme | {} | -H is a header; Locust's -H is the server
--host | scheme | {} | --host is the Host header
--referer | | = -H 'Referer: {}' |
-e | url | -H 'Referer: {}' | curl's -e is a header here
-e | pair | | this flag is for scripts, started with `fastbench run SCRIPT.py`
-e | | --csv {} | for ab's -e use --csv
--agent | | = --user-agent {} |
-U | | --user-agent {} | use --user-agent for the user agent
-A | credentials | -a {} | -A sets Accept; for ab's -A use -a
@user agents
--disable-compression | none | = | compressed responses are only requested with --compressed
-u | scheme | = {} | as --url of other tools
--user | scheme | {} | --user takes user:password
-u --user | credentials | = -a {} |
-u | file | -m PUT -D {} | for ab's -u use -m PUT -D
-u --vus --users -VUs | count | -c {}
   | use -c for connections; only scripts have VUs (fastbench run)
-u --user | | -a {}: | -a takes user:password, with the colon
--oauth2-bearer | | = --bearer {} |
--ntlm --negotiate --anyauth | none
   | | only -a, alone or with --digest, --bearer and --aws-sigv4 are supported
--basic | none | = | -a is basic authentication
-m --method | duration with unit | --timeout {} | -m is the method, or the streams of HTTP/2
-X -m | url | | -X is the method; ab's -X is a proxy: give the server's own URL
--targets --urls-file --urls | | = --urls-from-file {} |
--dump-urls | | --debug | --debug shows the first 10 requests
--curl | | | give the URL, -m, -H and -b
--har | | convert {} -o script.py | convert makes a script of a recording
-f --file | *.py | | Locust's tests do not run here; make a script of one
   with `fastbench convert locustfile.py -o script.py`
-f --file | *.txt | --urls-from-file {} | use --urls-from-file for a list of URLs
-f --file | file | -D {} | use -D for a body from a file
-f --forever --fail | none | | errors never end a run
--lazy --chunked | none | | a request is sent whole, with its length
-M --idReplacement | none | | requests that change need a script (fastbench run)
--script-file --timing-script-file --lua | | -s {} | use -s for wrk's scripts
--amount --iterations --number --total --num | | = -n {} |
-a | count | -n {} | -a is user:password; for autocannon's -a use -n
-a | no value | --no-keepalive {} | -a is user:password
--qps --rps --query-per-second --overallRate | | = -R {} |
--max-workers -workers --clients --concurrency --concurrent --count | | = -c {} |
-cpus --cpus | | = --workers {} |
-w | count | -t {} | use -t for worker processes
-w | format of curl | | curl's -w is not supported: the report shows statuses and times
--write-out | | | the report shows statuses and times
--run-time --time | | = -d {} |
-t | time in capitals | -d {} | -t is the workers; for siege's -t use -d
-s | duration | --timeout {} | -s is wrk's script; for ab's -s use --timeout
-s | no value | = --no-progress {} |
-s | switches | | -s is wrk's script; curl's switches are not needed
--silent | none | = --no-progress |
-S --show-error | none | = | errors are always shown
--max-time | | = --timeout {} |
--warm-up-time --warmup-duration | | = -W {} |
-r | no value | = {} | errors never end a run, as with ab's -r
-q | no value | = --quiet {} |
-n | no value | --no-progress {}
   | -n is the number of requests; for autocannon's -n use --no-progress
-rate | zero | | for vegeta's rate 0 (as fast as possible), leave out -R
-rate | | = --rate {} |
--stage | | --stages {} | --stages takes all stages at once, for example 30s:20,1m:50,10s:0
--spawn-rate --connectionRate --reconnectRate
   | | | use --ramp T to open the connections one after the other
--reconnect-every | | --no-keepalive | --no-keepalive makes a new connection per request
--retry --retries --max-retries | | | a failed request is an error, never repeated
--limit-rate --max-body | | | responses are read whole, as fast as they come
--env --scenario --tag --tags
   | | | this flag is for scripts, started with `fastbench run SCRIPT.py`
--latency-correction | none | = | with -R, response times start when a request was due
--pin | | -t {} | use -t for the number of workers
-P --proxy-user --proxy-header | | | user and password stand in --proxy http://USER:PASSWORD@HOST:PORT
-h2 --http2 --h2c | false | = --http1 |
-h2 --h2 --h2c --http2-prior-knowledge | none | = --http2 |
--http3 --h3 -0 --http1.0 | none | | only HTTP/1.1 and HTTP/2 are supported
--http-version | http/1 | = --http1 |
--http-version | http/2 | = --http2 |
--http-version | | | only HTTP/1.1 and HTTP/2 are supported
--h1 --fasthttp | none | = --http1 |
--location --redirects --redirect --max-redirs --max-redirects | none | = --follow |
--location-trusted | none | --follow | no secret goes to another server; give the final URL
--redirects --redirect --max-redirs --max-redirects | number | = --follow {} |
-disable-redirects --disable-redirects | none | = | redirects are only followed with --follow
--unix-socket --socketPath | | = --unix {} |
--abstract-unix-socket | | = --unix @{} |
--no-tcp-nodelay | none | = --no-delay off |
--interface --local-address --laddr | | = --bind {} |
-B | ip | = --bind {} |
-B | url | {} | give the server's URL
-B --bailout | | --threshold 'errors<1% [abort]' | use a threshold to end a run
--ca-cert --ca --root-certs | | = --cacert {} |
-E | | = --cert {} |
--cert-type --ciphers --tls-max --tlsv1.2 --tlsv1.3 -Z
   | | | version and cipher of TLS are negotiated
--no-verify --skip-verify --insecure-skip-tls-verify --tls-skip-verify | none | = -k |
--keepalive --keep-alive | false | = --no-keepalive |
--keepalive --keep-alive | true | = | connections stay open by default
--keepalive --keep-alive --tcp-nodelay --no-pre-lookup --no-dns-cache | none
   | = | this is the default
--abort-on-fail | none | --threshold 'errors<1% [abort]' | use [abort] to end the run
--thresholds | | --threshold {} | repeat --threshold for each
--expectBody | | = --expect-body {} |
-o --output | json word | --format json # the result / -o json=points.json # a point per second
   | use -o json=FILE for points during the run, --format json for the result
-o --output | csv word | --csv run.csv | use --csv FILE for a row per second
-o --output | text word | | the report is text by default
-o --output | quiet word | --quiet | use --quiet to print nothing
-o --output | null | = | responses are never written
@results
--output-format | json word | --format oha | use --format oha for oha's JSON
--output-format | csv word | --csv run.csv | use --csv FILE for a row per second
--output-format | quiet word | --quiet | use --quiet to print nothing
--output-format | | | the report is text by default
-j | none | --format oha # as oha's JSON / --json # the whole result | there are two kinds of JSON
-g | word | --hdr {} | for ab's -g use --hdr, which writes histograms
-g --globoff | none | = | brackets in a URL are sent unchanged
-p --print | parts | | -p is the requests in flight; the report is always printed whole
--print | | | the report is always printed whole
--no-print | none | = --quiet |
--no-tui | none | = --no-progress |
--disable-color --no-colors | none | = --no-color |
--percentiles | | --latency | --json always has p50 to p99.99; use --latency for all of them
--renderStatusCodes --statusCodes --stats-success-breakdown | none
   | = | the report always shows it
--headless --autostart --only-summary --no-usage-report | none | = | this is the default
--time-unit --fps --title --sampleInt --config | | | it is not needed
--db-url | | --history runs.db | use --history FILE.db to store runs
-v | count | --debug | use --debug to print one request in full
-v | beside a url | --debug | -v has no effect with a URL; use --debug to print one request in full
--verbose --dry-run --trace-ascii | none | --debug
   | --debug sends each URL once and prints request and response
-name | | | --name is the name of a run in --history
-format | | | vegeta's targets are lines of [METHOD] URL here

[run]
@files named by mistake
-u | scheme | --base-url {} | -u is the VUs; use --base-url for the server
-u | credentials | -a {} | -u is the VUs; use -a for basic authentication
--user | credentials | -a {} | use -a for basic authentication
--users | | = -u {} |
--run-time --time | | = -d {} |
--spawn-rate | | -s 10s:{} | write a ramp as a stage: DURATION:VUS
--headless --autostart | none | = | there is no page to wait for
-f --locustfile --file | | {} | give the script without a flag
@user agents
-H | scheme | --base-url {} | -H is a header; for Locust's -H use --base-url
--host | scheme | --base-url {} | --host is the Host header; for Locust's --host use --base-url
--target | | = --base-url {} |
--cookie | pair | = -H 'Cookie: {}' |
--follow | number | = --max-redirects {} |
--follow | none | = | scripts follow redirects
--oauth2-bearer | | = --bearer {} |
--max-time | | = --timeout {} |
--unix-socket | | = --unix {} |
--no-tui | none | = --no-progress |
-o --output | json word | --format json # the result / -o json=points.json # a point per second
   | use -o json=FILE for points during the run, --format json for the result
-o --output | csv word | --csv run.csv # a row per second / -o csv=points.csv # a point per second
   | use -o csv=FILE for points during the run, --csv FILE for a row per second
-o --output | null | = | responses are never printed
-o --output | *.json beside *.yml | = -o artillery={} |
@results
--summary-export | | --json {} | use --json FILE for the whole result, --format k6 for k6's summary
--summary-mode --summary-time-unit --summary-trend-stats | | | the report always has all of it
--no-summary | none | --quiet | use --quiet to leave out the report
-c --connections --batch --batch-per-host | | -u {}
   | each VU of a script has its own connections; -u sets the VUs
-n --requests | | -i {} | scripts count iterations
-R -r --rate --rps | | | a script sets its rate in an executor (constant-arrival-rate);
   --scale multiplies it
-m -X --method --request -b --body -D --body-file --data -F --form -T --content-type
   --data-raw --data-binary --data-urlencode
   | | | the script sets what is sent; for one fixed request use `fastbench URL`
--urls-from-file --script | | | the script sets what is sent; give it alone
-W --warmup | | | write a first scenario, and give the others a start_time
-w --throw --drain | none
   | | failed requests never end an iteration; graceful_stop waits for them
-p --paused | none | | a run starts at once and has no remote control
--profiling-enabled | none | = | a run has no remote control
--address | | = | a run has no remote control
-l --linger | none | = | a run always ends by itself
--http-debug | false | --debug | --debug runs one iteration and prints every request and response
--http-debug | none | --debug | --debug runs one iteration and prints every request and response
--config | | | set it in Options, or use -e
--system-tags | | = | samples have all of them
--min-iteration-duration --setup-timeout --teardown-timeout
   | | | set it in Options of the script
--no-cookies-reset --no-vu-connection-reuse | none | | set it in Options of the script
-t | scheme | = --base-url {} |
-v --variables --overrides | json | | write it into config, or read $env with -e NAME=VALUE
-p | path | | name the file in config.payload
--environment | word | = -e {} |
--scenario-name | | = --scenario {} |
--variables --overrides | | | write it into config, or read $env with -e NAME=VALUE
--payload | | | name the file in config.payload
--solo | none | | give the file a phase with arrivalCount: 1
--count --platform --platform-opt | | | a run is one, on this machine; -t sets its processes
--record | none | | there is no cloud; --history FILE.db keeps runs
--note | | | there is no cloud; --history FILE.db keeps runs
--dotenv | | | use -e NAME=VALUE
--execution-segment --execution-segment-sequence | | --scale 50% | use --scale on each machine
--abort-on-fail | none | --threshold 'errors<1% [abort]' | use [abort] to end the run
--dns | | = | each run looks names up once
--compatibility-mode | | = | all of JavaScript is there, and `global`
--traces-output | | = | runs make no traces
--log-output --log-format | | = | what a script says goes to stderr as it is
-t --type | kind of script | = | the name of a file says what it is; -t is the number of workers
--type | | = | the name of a file says what it is
--console-output | | = | it has no meaning here
--include-system-env-vars | none | = | -e NAME takes the shell's value
--blacklist-ip --block-hostnames --hosts | | | the script sets where requests go

[report]
--type | json word | --format vegeta | use --format for the JSON of other tools
--type | | | the report is text; other forms are --html, --md, --junit, --csv and --hdr
-o --output --out | *.html | --html {} | the forms are --html, --md, --junit, --csv and --hdr
-o --output --out | *.csv | --csv {} | the forms are --html, --md, --junit, --csv and --hdr
-o --output --out | | --md {} | the forms are --html, --md, --junit, --csv and --hdr
--every --buckets --title | | | it is not needed
--markdown | | = --md {} |
--json | none | | the file is JSON already

[history]
-n --limit | count | --last {} | use --last N for the newest N
--csv --md --junit | | --json | the forms are --html and --json
--format | json word | --json | use --json for other programs

[doctor]
--format -o | | --json | use --json for other programs

[serve]
-p -l | count | = --port {} |
--bind -b --address | | = --host {} |
--unix --unix-socket --socket | | = --uds {} |

[suite]
-n | none | --dry-run | --list prints the runs, --dry-run checks them
--name --scenario --run | | --only {} | use --only for one run of the suite
--json --html --md --junit | | | all forms are written into the folder of --out
--output | | --out {} | use --out for the folder of the results

[first word]
version | | = --version |
attack | | {} --urls-from-file - | fastbench is the command itself
vegeta wrk wrk2 hey oha ab bombardier autocannon h2load siege k6 artillery | | {}
   | fastbench is the command itself
quick bench load test http start get-started | | {} | give the URL without a command
plot graph | | report RESULT.json --html plot.html
   | report makes a page with charts of a file that --json wrote
encode dump | | report {} | report writes a saved result in other forms
inspect archive lint validate check | | run --dry-run {} | --dry-run checks a script
locust execute exec | | run {} | run starts a script
server mock target | | serve {} | serve starts a server to benchmark
diff cmp versus vs | | compare {} | compare compares two servers or results
search max capacity | | find {} | find searches for the highest rate
results runs list trend | | history runs.db | history lists the runs that --history stored
export html | | report {} --html report.html | report writes a saved result in other forms
init create scaffold | | new script NAME
   | new writes a script, a suite, a comparison or a job for CI, to begin with
import har har-to-k6 generate | | convert {} -o script.py
   | convert writes a script of another tool's file
cloud login logout pause resume scale stats status | | --dashboard http://localhost:8080/
   | runs are local and have no remote control; --dashboard shows a run live
update upgrade install | | --version | use pip: pip install -U fastbench-http

[file]
.py .yml .yaml .js .mjs .cjs .ts | | run {} | run starts a script
.toml | | suite {} | suite runs a suite
.db .sqlite .sqlite3 | | history {} | history shows stored runs
.lua | | -s {} | use -s for a script of wrk
.txt .urls .list | | --urls-from-file {} | use --urls-from-file for a list of URLs
.json .ndjson .jsonl .gz | | report {} | report shows a saved result
.har | | convert {} -o script.py | convert makes a script of a recording
.jmx .postman_collection .http | | --urls-from-file urls.txt | this format is not supported;
   write the URLs into a file, one per line, with the method before
.csv .html .md .xml .hlog | | report RESULT.json
   | a run writes this file but cannot read it; save a result with --json FILE
"""
