"""Flags as people of other tools type them, for `fastbench URL` and the commands that load a URL.

A row is one meaning of one flag. Read is the first row whose shape the value has (see `shapes`).
What is `taken` is read as it was meant, and said; all else is refused, with the whole line to type.
A flag of ours is listed with the values only that another tool gives it.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastbench.cli.args.value_shapes import ANY, NONE

__all__ = ["AGENTS", "FILES", "NOTES", "NO_FILE", "PLAIN", "Alias", "refused", "taken"]


@dataclass(frozen=True, slots=True)
class Alias:
    """What some spellings mean whose value has that shape.

    `lines` are the words to type instead, `{}` the value; "" leaves the flag out. Where there are
    two, " || " parts a line from whose meaning it is. `why` is said before.
    """

    flags: str
    lines: tuple[str, ...]
    why: str = ""
    when: str = ANY
    taken: bool = False


def taken(flags: str, line: str, why: str = "", when: str = ANY) -> Alias:
    """Return what is read as it was meant; the line says it in our words."""
    return Alias(flags, (line,), why, when, taken=True)


def refused(flags: str, why: str, *lines: str, when: str = ANY) -> Alias:
    """Return what is refused, and the lines to type instead."""
    return Alias(flags, lines, why, when)


_NO_HTTP2 = "HTTP/1.1 is spoken here, no other version"
_NO_REDIRECTS = "redirects are never followed, a 3xx is an answer; name the final URL"
_OF_SCRIPTS = "this is for scripts, which `fastbench run SCRIPT.py` runs"
_ALL_SHOWN = "the report always shows it"
_NOT_ENDED = "no error ends a run here"

NOTES = {  # of flags that do something else than another tool's, which nobody would notice
    "-L": "-L prints the percentile spectrum; redirects are not followed, a 3xx is an answer.",
}
NO_FILE = tuple(  # the URL was taken for it
    refused(flag, f"{flag} takes the name of a file", f"{flag} {name} {{}}", when="address")
    for flag, name in (
        ("--html", "run.html"),
        ("--md", "run.md"),
        ("--junit", "run.xml"),
        ("--csv", "run.csv"),
        ("--hdr", "run.hlog"),
        ("--history", "runs.db"),
    )
)
AGENTS = (  # of curl, in every command that sends requests
    refused(
        "-A", "-A is Accept here, curl's -A is --user-agent", "--user-agent {}", when="no media"
    ),
    refused(
        "-A",
        "-A is Accept here, curl's -A is --user-agent",
        "--user-agent {} || the user agent",
        "--accept {} || the Accept header",
        when="odd media",
    ),
)
FILES = (  # results, in every command that has some
    refused("-o", "-o follows a run, its result is --json", "--json {}", when="*.json"),
    refused("-o", "-o follows a run, its table is --csv", "--csv {}", when="*.csv"),
    refused("-o", "-o follows a run, its page is --html", "--html {}", when="*.html"),
    refused(
        "--output", "the whole result is --json FILE, a row per second --csv FILE", "--json {}"
    ),
)
PLAIN: tuple[Alias, ...] = (
    *NO_FILE,
    # What is sent.
    taken("--cookie -C", "-H 'Cookie: {}'", when="pair"),
    refused("--cookie", "cookies are typed, not read from a file", "-H 'Cookie: NAME=VALUE'"),
    refused("--cookie-jar", "cookies are kept by scripts only (fastbench run)", ""),
    refused(
        "-b",
        "-b is the body here, and curl's -b a cookie",
        "-H 'Cookie: {}' || a cookie",
        "--data {} || a form",
        "--body {} || a body of this text",
        when="cookie",
    ),
    refused("-b", "-b takes text or @FILE", "-b @{}", "--body {} || the text itself", when="file"),
    refused(
        "--json",
        "--json FILE is where the result goes, curl's --json a body",
        "-A application/json -T application/json -b {}",
        when="json",
    ),
    refused(
        "-d -z --duration",
        "-d is the duration, the body is -b",
        "--data {} || a form",
        "-b {} || a body of this text",
        when="form",
    ),
    refused("-d -z --duration", "-d is the duration, the body is -b", "-b {}", when="body"),
    refused("-d -z --duration", "-d is the duration, a body in a file is -D", "-D {}", when="file"),
    refused("-d -z --duration", "-d is the duration, a body in a file is -D", "-D {}", when="path"),
    refused(
        "-D", "-D is the file of a body here, h2load's -D the duration", "-d {}", when="duration"
    ),
    refused(
        "-p", "-p is the requests in flight here, ab's -p the file of a body", "-D {}", when="file"
    ),
    refused(
        "-p --npn-list --alpn-list",
        "-p is the requests in flight here; HTTP/1.1 is spoken",
        "",
        when="protocol",
    ),
    refused(
        "-p", "-p is the requests in flight here, ab's -p the file of a body", "-D {}", when="path"
    ),
    refused(
        "-T", "-T is a content type here, curl's -T a file to send", "-m PUT -D {}", when="file"
    ),
    taken("--upload-file", "-m PUT -D {}"),
    taken("-body", "-D {}", when="file"),  # vegeta's
    taken("--body-path", "-D {}"),
    refused("--input", "a body in a file is -D", "-D {}"),
    taken("-I --head", "-m HEAD", when=NONE),
    refused("-i", "-n counts the requests", "-n {}", when="count"),
    refused(
        "-i",
        "h2load's -i is --urls-from-file, autocannon's -i is -D",
        "--urls-from-file {} || a list of URLs",
        "-D {} || a body",
        when="file",
    ),
    refused(
        "-i --include",
        "ab's -i is -m HEAD, curl's -i is shown by --debug",
        "-m HEAD || as ab",
        "--debug || as curl",
        when=NONE,
    ),
    refused("-G --get", "write the query into the URL", "", when=NONE),
    taken("--url", "{}"),
    refused("--url-query --param", "write the query into the URL", ""),
    taken("--headers", "-H {}"),
    refused("-H", "-H is a header here, Locust's -H the server", "{}", when="scheme"),
    refused("--host", "--host is the Host header here", "{}", when="scheme"),
    taken("--referer", "-H 'Referer: {}'"),
    refused("-e", "curl's -e is a header here", "-H 'Referer: {}'", when="url"),
    refused("-e", _OF_SCRIPTS, "", when="pair"),
    refused("-e", "ab's -e is --csv", "--csv {}"),
    taken("--agent", "--user-agent {}"),
    refused("-U", "the user agent is --user-agent", "--user-agent {}"),
    refused("-A", "-A is Accept here, ab's -A is -a", "-a {}", when="credentials"),
    *AGENTS,
    taken("--compressed", "-H 'Accept-Encoding: gzip'", when=NONE),
    taken("--disable-compression", "", "nothing asks for compressed answers unless -H does", NONE),
    taken("-u", "{}", "as --url of other tools", when="scheme"),
    refused("--user", "--user takes user:password", "{}", when="scheme"),
    taken("-u --user", "-a {}", when="credentials"),
    refused("-u", "ab's -u is -m PUT -D", "-m PUT -D {}", when="file"),
    refused(
        "-u --vus --users -VUs",
        "connections are -c; VUs are of scripts (fastbench run)",
        "-c {}",
        when="count",
    ),
    refused("-u --user", "-a takes user:password, with the colon", "-a {}:"),
    taken("--oauth2-bearer", "--bearer {}"),
    refused(
        "--digest --ntlm --negotiate --anyauth --aws-session --aws-sigv4",
        "basic authentication (-a) and --bearer are sent",
        "",
        when=NONE,
    ),
    taken("--basic", "", "-a is basic authentication", NONE),
    refused(
        "-m --method",
        "-m is the method here",
        "--timeout {} || as curl's limit of time",
        "-p {} || as h2load's streams",
        when="duration",
    ),
    refused(
        "-X -m",
        "-X is the method here, ab's -X a proxy: point the URL at the server",
        "",
        when="url",
    ),
    refused(
        "--rand-regex-url", "write the URLs into a file, one a line", "--urls-from-file urls.txt"
    ),
    taken("--targets --urls-file --urls", "--urls-from-file {}"),
    refused("--max-repeat --dump-urls", "URLs stand in a file, one a line (--urls-from-file)", ""),
    refused("--curl --har", "give the URL, -m, -H and -b", ""),
    refused(
        "-f --file",
        "the scripts of Locust are not run; the same test in Python reads alike, "
        "see the examples/ folder",
        "",
        when="*.py",
    ),
    refused("-f --file", "a list of URLs is --urls-from-file", "--urls-from-file {}", when="*.txt"),
    refused("-f --file", "a body in a file is -D", "-D {}", when="file"),
    refused("-f --forever --fail", _NOT_ENDED, "", when=NONE),
    refused("--lazy --chunked", "a request is sent whole, with its length", "", when=NONE),
    refused(
        "-M --idReplacement",
        "what changes from request to request is for `fastbench run`",
        "",
        when=NONE,
    ),
    refused("--script-file --timing-script-file --lua", "wrk's scripts are -s", "-s {}"),
    # How much, how fast, how long.
    taken("--amount --iterations --number --total --num", "-n {}"),
    refused("-a", "-a is user:password here, autocannon's -a is -n", "-n {}", when="count"),
    refused("-a", "-a is user:password here", "--no-keepalive {}", when="no value"),
    taken("--qps --rps --query-per-second --overallRate", "-R {}"),
    taken("--max-workers -workers --clients --concurrency --concurrent --count", "-c {}"),
    taken("-cpus --cpus", "--workers {}"),
    refused("-w", "worker processes are -t", "-t {}", when="count"),
    refused(
        "-w",
        "curl's -w is not here: the report shows statuses and times",
        "",
        when="format of curl",
    ),
    refused("--write-out", "the report shows statuses and times", ""),
    taken("--run-time --time", "-d {}"),
    refused("-t", "-t is workers here, siege's -t is -d", "-d {}", when="time in capitals"),
    refused("-s", "-s is wrk's script here, ab's -s is --timeout", "--timeout {}", when="duration"),
    taken("-s", "--no-progress {}", when="no value"),
    refused(
        "-s", "-s is wrk's script here; of curl's switches none is needed", "", when="switches"
    ),
    taken("--silent", "--no-progress", when=NONE),
    taken("-S --show-error", "", "errors are always shown", NONE),
    taken("--max-time", "--timeout {}"),
    taken("--warm-up-time --warmup-duration", "-W {}"),
    taken("-r", "{}", f"{_NOT_ENDED}, as with ab's -r", when="no value"),
    taken("-q", "--quiet {}", when="no value"),
    refused(
        "-n",
        "-n takes the number of requests, autocannon's -n is --no-progress",
        "--no-progress {}",
        when="no value",
    ),
    refused("-rate", "0 is vegeta's for as fast as it goes: no -R", "", when="zero"),
    taken("-rate", "--rate {}"),
    refused(
        "--burst-delay --burst-rate", "write a burst as stages", "--stages 10s:100,1ms:1000,1s:1000"
    ),
    refused("--stage", "all stages stand in one --stages, as 30s:20,1m:50,10s:0", "--stages {}"),
    refused(
        "--spawn-rate --connectionRate --reconnectRate",
        "connections open one after the other with --ramp T",
        "",
    ),
    refused(
        "--reconnect-every", "--no-keepalive makes a new connection per request", "--no-keepalive"
    ),
    refused("--retry --retries --max-retries", "a failed request is an error, never repeated", ""),
    refused("--limit-rate --max-body", "answers are read whole, as fast as they come", ""),
    refused("--env --scenario --tag --tags", _OF_SCRIPTS, ""),
    taken("--latency-correction", "", "under -R response times run from the planned instant", NONE),
    refused("--pin", "the number of workers is -t", "-t {}"),
    # Where to.
    refused("-x --proxy -P --proxy-user --proxy-header", "point the URL at the server itself", ""),
    taken("-h2 --http2 --h2c", "", "HTTP/1.1 is spoken", when="false"),
    refused(
        "-h2 --h2 --http2 --http3 --h3 --h2c --http2-prior-knowledge -0 --http1.0",
        _NO_HTTP2,
        "",
        when=NONE,
    ),
    taken("--http-version", "", "HTTP/1.1 is spoken", when="http/1"),
    refused("--http-version", _NO_HTTP2, ""),
    taken("--http1 --http1.1 --h1 --fasthttp", "", "HTTP/1.1 is spoken", NONE),
    refused("--location --location-trusted --follow", _NO_REDIRECTS, "", when=NONE),
    refused(
        "--redirects --redirect --max-redirs --max-redirects", _NO_REDIRECTS, "", when="number"
    ),
    refused("--redirects --redirect --max-redirs --max-redirects", _NO_REDIRECTS, "", when=NONE),
    taken("-disable-redirects --disable-redirects", "", "redirects are never followed", NONE),
    refused(
        "--connect-to --resolve", "give the address in the URL, with --host and --servername", ""
    ),
    taken("--unix-socket --socketPath --abstract-unix-socket", "--unix {}"),
    taken("--interface --local-address --laddr", "--bind {}"),
    taken("-B", "--bind {}", when="ip"),
    refused("-B", "the server stands in the URL", "{}", when="url"),
    refused("-B --bailout", "a threshold ends a run", "--threshold 'errors<1% [abort]'"),
    taken("--ca-cert --ca --root-certs", "--cacert {}"),
    taken("-E", "--cert {}"),
    refused(
        "--cert-type --ciphers --tls-max --tlsv1.2 --tlsv1.3 -Z",
        "the version and the cipher of TLS are negotiated",
        "",
    ),
    taken(
        "--no-verify --skip-verify --insecure-skip-tls-verify --tls-skip-verify", "-k", when=NONE
    ),
    taken("--keepalive --keep-alive", "--no-keepalive", when="false"),
    taken("--keepalive --keep-alive", "", "connections are kept open anyway", when="true"),
    taken(
        "--keepalive --keep-alive --tcp-nodelay --no-pre-lookup --no-dns-cache",
        "",
        "that is so anyway",
        NONE,
    ),
    # What is held to what.
    refused(
        "--abort-on-fail", "[abort] ends the run", "--threshold 'errors<1% [abort]'", when=NONE
    ),
    refused("--thresholds", "--threshold stands once for each", "--threshold {}"),
    taken("--expectBody", "--expect-body {}"),
    # What is printed and written.
    refused(
        "-o --output",
        "points as they come are -o json=FILE, the result is --format json",
        "--format json || the result",
        "-o json=points.json || a point a second",
        when="json word",
    ),
    refused("-o --output", "a row per second is --csv FILE", "--csv run.csv", when="csv word"),
    refused("-o --output", "the report is text anyway", "", when="text word"),
    refused("-o --output", "nothing is printed with --quiet", "--quiet", when="quiet word"),
    taken("-o --output", "", "answers are dropped anyway", when="null"),
    *FILES,
    refused("--output-format", "oha's JSON is --format oha", "--format oha", when="json word"),
    refused("--output-format", "a row per second is --csv FILE", "--csv run.csv", when="csv word"),
    refused("--output-format", "nothing is printed with --quiet", "--quiet", when="quiet word"),
    refused("--output-format", "text is what is printed anyway", ""),
    refused(
        "-j",
        "there are two JSONs",
        "--format oha || in oha's shape",
        "--json || the whole result",
        when=NONE,
    ),
    refused("-g", "ab's -g is --hdr here, the histograms", "--hdr {}", when="word"),
    taken("-g --globoff", "", "brackets in a URL are sent as they are", NONE),
    refused(
        "-p --print",
        "-p is the requests in flight here; parts of the report are not chosen",
        "",
        when="parts",
    ),
    refused("--print", "parts of the report are not chosen", ""),
    taken("--no-print", "--quiet", when=NONE),
    taken("--no-tui", "--no-progress", when=NONE),
    taken("--disable-color --no-colors", "--no-color", when=NONE),
    refused(
        "--percentiles",
        "p50 to p99.99 are in every --json document, all with --latency",
        "--latency",
    ),
    taken("--renderStatusCodes --statusCodes --stats-success-breakdown", "", _ALL_SHOWN, NONE),
    taken("--headless --autostart --only-summary --no-usage-report", "", "that is so anyway", NONE),
    refused("--time-unit --fps --title --sampleInt --config", "it is not needed", ""),
    refused("--db-url", "runs are kept with --history FILE.db", "--history runs.db"),
    refused("-v", "one request in full is shown by --debug", "--debug", when="count"),
    refused(
        "-v",
        "-v beside a URL means nothing here; --debug shows one request in full",
        "--debug",
        when="beside a url",
    ),
    refused(
        "--verbose --dry-run --trace-ascii",
        "--debug sends each URL once and shows both sides",
        "--debug",
        when=NONE,
    ),
    refused("-name", "--name is what --history calls a run", ""),
    refused("-format", "vegeta's targets are one a line here: [METHOD] URL", "", when=ANY),
)
