"""Flags as people of other tools type them, for `fastbench URL` and the commands that load a URL.

A row is one meaning of one flag. Read is the first row whose shape the value has (see `shapes`).
What is `taken` is read as it was meant, and said; all else is refused, with the whole line to type.
A flag of ours is listed with the values only that another tool gives it.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastbench.cli.shapes import ANY, NONE

__all__ = ["NOTES", "NO_FILE", "PLAIN", "Habit"]


@dataclass(frozen=True, slots=True)
class Habit:
    """What some spellings mean whose value has that shape.

    `lines` are the words to type instead, `{}` the value; "" leaves the flag out. Where there are
    two, " || " parts a line from whose meaning it is. `why` is said before.
    """

    flags: str
    lines: tuple[str, ...]
    why: str = ""
    when: str = ANY
    taken: bool = False


def _taken(flags: str, line: str, why: str = "", when: str = ANY) -> Habit:
    return Habit(flags, (line,), why, when, taken=True)


def _refused(flags: str, why: str, *lines: str, when: str = ANY) -> Habit:
    return Habit(flags, lines, why, when)


_NO_HTTP2 = "HTTP/1.1 is spoken here, no other version"
_NO_REDIRECTS = "redirects are never followed, a 3xx is an answer; name the final URL"
_OF_SCRIPTS = "this is for scripts, which `fastbench run SCRIPT.py` runs"
_ALL_SHOWN = "the report always shows it"
_NOT_ENDED = "no error ends a run here"

NOTES = {  # of flags that do something else than another tool's, which nobody would notice
    "-L": "-L prints the percentile spectrum; redirects are not followed, a 3xx is an answer.",
}
NO_FILE = tuple(  # the URL was taken for it
    _refused(flag, f"{flag} takes the name of a file", f"{flag} {name} {{}}", when="address")
    for flag, name in (
        ("--html", "run.html"),
        ("--md", "run.md"),
        ("--junit", "run.xml"),
        ("--csv", "run.csv"),
        ("--hdr", "run.hlog"),
        ("--history", "runs.db"),
    )
)
PLAIN: tuple[Habit, ...] = (
    *NO_FILE,
    # What is sent.
    _taken("--cookie -C", "-H 'Cookie: {}'", when="pair"),
    _refused("--cookie", "cookies are typed, not read from a file", "-H 'Cookie: NAME=VALUE'"),
    _refused("--cookie-jar", "cookies are kept by scripts only (fastbench run)", ""),
    _refused(
        "-b",
        "-b is the body here, and curl's -b a cookie",
        "-H 'Cookie: {}' || a cookie",
        "--data {} || a form",
        "--body {} || a body of this text",
        when="cookie",
    ),
    _refused("-b", "-b takes text or @FILE", "-b @{}", "--body {} || the text itself", when="file"),
    _refused(
        "--json",
        "--json FILE is where the result goes, curl's --json a body",
        "-A application/json -T application/json -b {}",
        when="json",
    ),
    _refused(
        "-d -z --duration",
        "-d is the duration, the body is -b",
        "--data {} || a form",
        "-b {} || a body of this text",
        when="form",
    ),
    _refused("-d -z --duration", "-d is the duration, the body is -b", "-b {}", when="body"),
    _refused(
        "-d -z --duration", "-d is the duration, a body in a file is -D", "-D {}", when="file"
    ),
    _refused(
        "-d -z --duration", "-d is the duration, a body in a file is -D", "-D {}", when="path"
    ),
    _refused(
        "-D", "-D is the file of a body here, h2load's -D the duration", "-d {}", when="duration"
    ),
    _refused(
        "-p", "-p is the requests in flight here, ab's -p the file of a body", "-D {}", when="file"
    ),
    _refused(
        "-p --npn-list --alpn-list",
        "-p is the requests in flight here; HTTP/1.1 is spoken",
        "",
        when="protocol",
    ),
    _refused(
        "-p", "-p is the requests in flight here, ab's -p the file of a body", "-D {}", when="path"
    ),
    _refused(
        "-T", "-T is a content type here, curl's -T a file to send", "-m PUT -D {}", when="file"
    ),
    _taken("--upload-file", "-m PUT -D {}"),
    _taken("-body", "-D {}", when="file"),  # vegeta's
    _taken("--body-path", "-D {}"),
    _refused("--input", "a body in a file is -D", "-D {}"),
    _taken("-I --head", "-m HEAD", when=NONE),
    _refused("-i", "-n counts the requests", "-n {}", when="count"),
    _refused(
        "-i",
        "h2load's -i is --urls-from-file, autocannon's -i is -D",
        "--urls-from-file {} || a list of URLs",
        "-D {} || a body",
        when="file",
    ),
    _refused(
        "-i --include",
        "ab's -i is -m HEAD, curl's -i is shown by --debug",
        "-m HEAD || as ab",
        "--debug || as curl",
        when=NONE,
    ),
    _refused("-G --get", "write the query into the URL", "", when=NONE),
    _taken("--url", "{}"),
    _refused("--url-query --param", "write the query into the URL", ""),
    _taken("--headers", "-H {}"),
    _refused("-H", "-H is a header here, Locust's -H the server", "{}", when="scheme"),
    _refused("--host", "--host is the Host header here", "{}", when="scheme"),
    _taken("--referer", "-H 'Referer: {}'"),
    _refused("-e", "curl's -e is a header here", "-H 'Referer: {}'", when="url"),
    _refused("-e", _OF_SCRIPTS, "", when="pair"),
    _refused("-e", "ab's -e is --csv", "--csv {}"),
    _taken("--agent", "--user-agent {}"),
    _refused("-U", "the user agent is --user-agent", "--user-agent {}"),
    _refused("-A", "-A is Accept here, ab's -A is -a", "-a {}", when="credentials"),
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
    _taken("--compressed", "-H 'Accept-Encoding: gzip'", when=NONE),
    _taken("--disable-compression", "", "nothing asks for compressed answers unless -H does", NONE),
    _taken("-u --user", "-a {}", when="credentials"),
    _refused("-u", "ab's -u is -m PUT -D", "-m PUT -D {}", when="file"),
    _refused(
        "-u --vus --users -VUs",
        "connections are -c; VUs are of scripts (fastbench run)",
        "-c {}",
        when="count",
    ),
    _refused("-u --user", "-a takes user:password, with the colon", "-a {}:"),
    _taken("--oauth2-bearer", "--bearer {}"),
    _refused(
        "--digest --ntlm --negotiate --anyauth --aws-session --aws-sigv4",
        "basic authentication (-a) and --bearer are sent",
        "",
        when=NONE,
    ),
    _taken("--basic", "", "-a is basic authentication", NONE),
    _refused(
        "-m --method",
        "-m is the method here",
        "--timeout {} || as curl's limit of time",
        "-p {} || as h2load's streams",
        when="duration",
    ),
    _refused(
        "-X -m",
        "-X is the method here, ab's -X a proxy: point the URL at the server",
        "",
        when="url",
    ),
    _refused(
        "--rand-regex-url", "write the URLs into a file, one a line", "--urls-from-file urls.txt"
    ),
    _taken("--targets --urls-file --urls", "--urls-from-file {}"),
    _refused("--max-repeat --dump-urls", "URLs stand in a file, one a line (--urls-from-file)", ""),
    _refused("--curl --har", "give the URL, -m, -H and -b", ""),
    _refused(
        "-f --file",
        "the scripts of Locust are not run; the same test in Python reads alike, "
        "see the examples/ folder",
        "",
        when="*.py",
    ),
    _refused(
        "-f --file", "a list of URLs is --urls-from-file", "--urls-from-file {}", when="*.txt"
    ),
    _refused("-f --file", "a body in a file is -D", "-D {}", when="file"),
    _refused("-f --forever --fail", _NOT_ENDED, "", when=NONE),
    _refused("--lazy --chunked", "a request is sent whole, with its length", "", when=NONE),
    _refused(
        "-M --idReplacement",
        "what changes from request to request is for `fastbench run`",
        "",
        when=NONE,
    ),
    _refused("--script-file --timing-script-file --lua", "wrk's scripts are -s", "-s {}"),
    # How much, how fast, how long.
    _taken("--amount --iterations --number --total --num", "-n {}"),
    _refused("-a", "-a is user:password here, autocannon's -a is -n", "-n {}", when="count"),
    _refused("-a", "-a is user:password here", "--no-keepalive {}", when="no value"),
    _taken("--qps --rps --query-per-second --overallRate", "-R {}"),
    _taken("--max-workers -workers --clients --concurrency --concurrent --count", "-c {}"),
    _taken("-cpus --cpus", "--workers {}"),
    _refused("-w", "worker processes are -t", "-t {}", when="count"),
    _refused(
        "-w",
        "curl's -w is not here: the report shows statuses and times",
        "",
        when="format of curl",
    ),
    _refused("--write-out", "the report shows statuses and times", ""),
    _taken("--run-time --time", "-d {}"),
    _refused("-t", "-t is workers here, siege's -t is -d", "-d {}", when="time in capitals"),
    _refused(
        "-s", "-s is wrk's script here, ab's -s is --timeout", "--timeout {}", when="duration"
    ),
    _taken("-s", "--no-progress {}", when="no value"),
    _refused(
        "-s", "-s is wrk's script here; of curl's switches none is needed", "", when="switches"
    ),
    _taken("--silent", "--no-progress", when=NONE),
    _taken("-S --show-error", "", "errors are always shown", NONE),
    _taken("--max-time", "--timeout {}"),
    _taken("--warm-up-time --warmup-duration", "-W {}"),
    _taken("-r", "{}", f"{_NOT_ENDED}, as with ab's -r", when="no value"),
    _taken("-q", "--quiet {}", when="no value"),
    _refused(
        "-n",
        "-n takes the number of requests, autocannon's -n is --no-progress",
        "--no-progress {}",
        when="no value",
    ),
    _refused("-rate", "0 is vegeta's for as fast as it goes: no -R", "", when="zero"),
    _taken("-rate", "--rate {}"),
    _refused(
        "--burst-delay --burst-rate", "write a burst as stages", "--stages 10s:100,1ms:1000,1s:1000"
    ),
    _refused("--stage", "all stages stand in one --stages, as 30s:20,1m:50,10s:0", "--stages {}"),
    _refused(
        "--spawn-rate --connectionRate --reconnectRate",
        "connections open one after the other with --ramp T",
        "",
    ),
    _refused(
        "--reconnect-every", "--no-keepalive makes a new connection per request", "--no-keepalive"
    ),
    _refused("--retry --retries --max-retries", "a failed request is an error, never repeated", ""),
    _refused("--limit-rate --max-body", "answers are read whole, as fast as they come", ""),
    _refused("--env --scenario --tag --tags", _OF_SCRIPTS, ""),
    _taken(
        "--latency-correction", "", "under -R response times run from the planned instant", NONE
    ),
    _refused("--pin", "the number of workers is -t", "-t {}"),
    # Where to.
    _refused("-x --proxy -P --proxy-user --proxy-header", "point the URL at the server itself", ""),
    _taken("-h2 --http2 --h2c", "", "HTTP/1.1 is spoken", when="false"),
    _refused(
        "-h2 --h2 --http2 --http3 --h3 --h2c --http2-prior-knowledge -0 --http1.0",
        _NO_HTTP2,
        "",
        when=NONE,
    ),
    _taken("--http-version", "", "HTTP/1.1 is spoken", when="http/1"),
    _refused("--http-version", _NO_HTTP2, ""),
    _taken("--http1 --http1.1 --h1 --fasthttp", "", "HTTP/1.1 is spoken", NONE),
    _refused("--location --location-trusted --follow", _NO_REDIRECTS, "", when=NONE),
    _refused(
        "--redirects --redirect --max-redirs --max-redirects", _NO_REDIRECTS, "", when="number"
    ),
    _refused("--redirects --redirect --max-redirs --max-redirects", _NO_REDIRECTS, "", when=NONE),
    _taken("-disable-redirects --disable-redirects", "", "redirects are never followed", NONE),
    _refused(
        "--connect-to --resolve", "give the address in the URL, with --host and --servername", ""
    ),
    _taken("--unix-socket --socketPath --abstract-unix-socket", "--unix {}"),
    _taken("--interface --local-address --laddr", "--bind {}"),
    _taken("-B", "--bind {}", when="ip"),
    _refused("-B", "the server stands in the URL", "{}", when="url"),
    _refused("-B --bailout", "a threshold ends a run", "--threshold 'errors<1% [abort]'"),
    _taken("--ca-cert --ca --root-certs", "--cacert {}"),
    _taken("-E", "--cert {}"),
    _refused(
        "--cert-type --ciphers --tls-max --tlsv1.2 --tlsv1.3 -Z",
        "the version and the cipher of TLS are negotiated",
        "",
    ),
    _taken(
        "--no-verify --skip-verify --insecure-skip-tls-verify --tls-skip-verify", "-k", when=NONE
    ),
    _taken("--keepalive --keep-alive", "--no-keepalive", when="false"),
    _taken("--keepalive --keep-alive", "", "connections are kept open anyway", when="true"),
    _taken(
        "--keepalive --keep-alive --tcp-nodelay --no-pre-lookup --no-dns-cache",
        "",
        "that is so anyway",
        NONE,
    ),
    # What is held to what.
    _refused(
        "--abort-on-fail", "[abort] ends the run", "--threshold 'errors<1% [abort]'", when=NONE
    ),
    _refused("--thresholds", "--threshold stands once for each", "--threshold {}"),
    _taken("--expectBody", "--expect-body {}"),
    # What is printed and written.
    _refused(
        "-o --output",
        "points as they come are -o json=FILE, the result is --format json",
        "--format json || the result",
        "-o json=points.json || a point a second",
        when="json word",
    ),
    _refused("-o --output", "a row per second is --csv FILE", "--csv run.csv", when="csv word"),
    _refused("-o --output", "the report is text anyway", "", when="text word"),
    _refused("-o --output", "nothing is printed with --quiet", "--quiet", when="quiet word"),
    _taken("-o --output", "", "answers are dropped anyway", when="null"),
    _refused("-o", "-o follows a run, its result is --json", "--json {}", when="*.json"),
    _refused("-o", "-o follows a run, its table is --csv", "--csv {}", when="*.csv"),
    _refused("-o", "-o follows a run, its page is --html", "--html {}", when="*.html"),
    _refused(
        "--output", "the whole result is --json FILE, a row per second --csv FILE", "--json {}"
    ),
    _refused("--output-format", "oha's JSON is --format oha", "--format oha", when="json word"),
    _refused("--output-format", "a row per second is --csv FILE", "--csv run.csv", when="csv word"),
    _refused("--output-format", "nothing is printed with --quiet", "--quiet", when="quiet word"),
    _refused("--output-format", "text is what is printed anyway", ""),
    _refused(
        "-j",
        "there are two JSONs",
        "--format oha || in oha's shape",
        "--json || the whole result",
        when=NONE,
    ),
    _refused("-g", "ab's -g is --hdr here, the histograms", "--hdr {}", when="word"),
    _taken("-g --globoff", "", "brackets in a URL are sent as they are", NONE),
    _refused(
        "-p --print",
        "-p is the requests in flight here; parts of the report are not chosen",
        "",
        when="parts",
    ),
    _refused("--print", "parts of the report are not chosen", ""),
    _taken("--no-print", "--quiet", when=NONE),
    _taken("--no-tui", "--no-progress", when=NONE),
    _taken("--disable-color --no-colors", "--no-color", when=NONE),
    _refused(
        "--percentiles",
        "p50 to p99.99 are in every --json document, all with --latency",
        "--latency",
    ),
    _taken("--renderStatusCodes --statusCodes --stats-success-breakdown", "", _ALL_SHOWN, NONE),
    _taken(
        "--headless --autostart --only-summary --no-usage-report", "", "that is so anyway", NONE
    ),
    _refused("--time-unit --fps --title --sampleInt --config", "it is not needed", ""),
    _refused("--db-url", "runs are kept with --history FILE.db", "--history runs.db"),
    _refused("-v", "one request in full is shown by --debug", "--debug", when="count"),
    _refused(
        "-v",
        "-v beside a URL means nothing here; --debug shows one request in full",
        "--debug",
        when="beside a url",
    ),
    _refused(
        "--verbose --dry-run --trace-ascii",
        "--debug sends one request and shows both sides",
        "--debug",
        when=NONE,
    ),
    _refused("-name", "--name is what --history calls a run", ""),
    _refused("-format", "vegeta's targets are one a line here: [METHOD] URL", "", when=ANY),
)
