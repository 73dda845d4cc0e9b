"""The flags of a run of URLs; `find` and `compare` take most of them."""

from __future__ import annotations

from fastbench.cli.manual.flag_entries import Sections, Told

LOAD: Told = {
    "connections": ("N", "Open connections, in total over all workers (10)."),
    "durations": (
        "T",
        "How long to measure: 30s, 2m, 1m30s, 500ms, or seconds (10s; with -n until all are "
        "answered).",
    ),
    "requests": (
        "N",
        "How many requests to send: 1000, 10k, 1M. With -d, the first limit ends the run.",
    ),
    "workers": ("N", "Worker processes (one for each usable core)."),
    "rate": (
        "N",
        "Requests per second, in total, each at its planned instant: 1000, 1k, 0.5, 100/1m. "
        "Response times then include the wait for a connection. Without it, each connection "
        "sends when it has its response.",
    ),
    "arrival": ("constant|poisson", "With -R: evenly spaced, or at random instants (constant)."),
    "on_overload": (
        "queue|drop",
        "With -R, when no connection is free: the request waits, or is dropped and counted "
        "(queue).",
    ),
    "burst": ("N/T", "N requests at once every T, on plan: 100/1s."),
    "burst_delay": ("T", "As oha has it: the time between bursts."),
    "burst_rate": ("N", "As oha has it: the requests of a burst (1)."),
    "ramp": ("T", "Begin with a ramp of T: from 0 to -R, or from 1 to -c connections."),
    "stages": (
        "T:N,T:N,...",
        "Change linearly to N within each T: N is a rate with -R, else connections. Their sum is "
        "the length of the run.",
    ),
    "shape": (
        "normal|peak|spike|sustained|ramp",
        "The load by factor over time: normal 1x; peak 3x; spike 1x, 10x for 5m, 1x; sustained 2x "
        "for 1h; ramp 0 to 10x in 30m. -d is its whole length.",
    ),
    "warmup": ("T", "Load for T before the measurement; its figures are kept apart (none)."),
    "pipeline": ("N", "Requests in flight on each connection of HTTP/1.1 (1)."),
    "streams": ("N", "Streams of each connection of HTTP/2 (1); also -m N."),
    "no_keepalive": ("", "A new connection for each request."),
    "drain": ("", "At the end, wait for the responses in flight."),
    "no_retry": (
        "",
        "Never send a request again that met the end of an idle connection (one is sent again "
        "once).",
    ),
    "wait_for": (
        "[URL,]T",
        "Before the run, wait at most T until URL (or the first URL) responds.",
    ),
}
MACHINES: Told = {
    "on": (
        "ADDRESS",
        "Run on the machines of a cluster: tcp://HOST:8786 (a Dask scheduler), local:N, ssh:FILE.",
    ),
    "on_lost": (
        "continue|stop",
        "What becomes of the run when a machine is lost (continue).",
    ),
}
REQUEST: Told = {
    "method": (
        "NAME",
        "The method (GET, or POST if there is a body). -m with a number is --streams.",
    ),
    "headers": (
        "'NAME: VALUE'",
        "A header; also NAME=VALUE, or @FILE with one on each line. It replaces a default one; "
        "may be repeated.",
    ),
    "body": ("TEXT|@FILE", "The body: a text, or the content of a file."),
    "body_file": ("FILE", "The body: the content of a file."),
    "data": ("TEXT", "Data of a form, as in curl: @FILE reads a file; repeated, joined by &."),
    "forms": (
        "NAME=VALUE",
        "A field of a multipart form; NAME=@FILE uploads, NAME=<FILE reads; ;type= and ;filename= "
        "may follow.",
    ),
    "by_value": (
        "TYPE",
        "The Content-Type: application/json. A duration, as wrk2 has it, is --timeout.",
    ),
    "accept": ("TYPE", "The header Accept."),
    "user_agent": ("NAME", "The header User-Agent (fastbench/VERSION)."),
    "host": ("NAME", "The header Host alone; it does not say where to connect."),
    "cookies": ("'NAME=VALUE; ...'", "The header Cookie; may be repeated."),
    "compressed": ("", "Ask for compressed responses (Accept-Encoding)."),
    "credentials": ("USER:PASS", "Basic authentication; with --digest by digest."),
    "digest": ("", "Answer challenges of digest authentication, with the credentials of -a."),
    "bearer": ("TOKEN", "The header Authorization with a bearer token."),
    "aws_sigv4": ("REGION:SERVICE", "Sign each request for AWS, with the keys of -a KEY:SECRET."),
    "aws_session": ("TOKEN", "The session token of temporary AWS keys."),
    "follow": (
        "[N]",
        "Follow at most N redirects once before the run, and load where they lead (10).",
    ),
    "urls_from_file": (
        "FILE",
        "A mix of URLs: lines of [WEIGHT] [METHOD] URL with headers and @BODY below, or JSON; - "
        "is standard input.",
    ),
    "rand_regex_url": ("", "The URL is a regular expression, from which URLs are drawn."),
    "regex_count": ("N", "How many URLs are drawn (10000)."),
    "max_repeat": ("N", "How often * and + repeat at most (4)."),
    "script": ("FILE.lua", "A script of wrk with its functions; it gets the words behind --."),
}
VARIED: Told = {
    "feed": ("FILE", "Rows of a .csv, .jsonl or .txt file: {{column}} in URL, headers and body."),
    "feed_order": (
        "in-order|random|once|per-connection",
        "Which row a request takes (in-order).",
    ),
    "seed": ("N", "Make the same requests again as a run with this seed (random, and recorded)."),
    "raw": ("", "Send {{ and }} as they are."),
}
WEBSOCKETS: Told = {
    "ws_mode": (
        "echo|push|hold",
        "Of ws:// and wss://: send and wait for the echo, receive what comes, or stay open (echo).",
    ),
    "subprotocols": ("NAME", "Ask for this subprotocol; may be repeated."),
    "binary": ("", "Send the message as a binary one."),
}
NETWORK: Told = {
    "timeout": ("T", "The longest wait for a response (2s); then it counts as a timeout."),
    "connect_timeout": ("T", "The longest wait for a connection with its TLS (2s)."),
    "http1": ("", "HTTP/1.1 alone. Without it, https:// lets the server choose."),
    "http2": ("", "HTTP/2 alone, also without TLS."),
    "insecure": ("", "Do not verify the server's certificate."),
    "servername": ("NAME", "The name to send in TLS, and to verify (the host of the URL)."),
    "cacert": ("FILE", "Trust the authorities of this PEM file."),
    "cert": ("FILE", "The certificate of the client, PEM."),
    "key": ("FILE", "Its private key, PEM."),
    "proxy": (
        "URL|env",
        "Go through a proxy: http://[USER:PASS@]HOST:PORT, socks5://HOST:PORT or "
        "socks5h://HOST:PORT; env takes it from HTTP_PROXY and its like.",
    ),
    "unix": ("PATH|@NAME", "Connect to this Unix socket."),
    "connect_to": (
        "HOST:PORT:HOST2:PORT2",
        "Connect to HOST2:PORT2 for requests to HOST:PORT, as in curl; may be repeated.",
    ),
    "resolve": (
        "HOST:PORT:ADDRESS",
        "Take these addresses (A,B,...) for a name, as in curl; may be repeated.",
    ),
    "bind": (
        "A,B,...",
        "Source addresses, in turns: addresses, ranges 127.0.0.2-9 or A-B, networks 10.0.0.0/28.",
    ),
    "ipv4": ("", "IPv4 alone."),
    "ipv6": ("", "IPv6 alone."),
    "one_address": ("", "Only the first address of a name (all, in turns)."),
    "no_delay": ("on|off", "TCP_NODELAY; off lets Nagle's algorithm wait (on)."),
}
JUDGED: Told = {
    "expect_status": (
        "LIST",
        "Statuses that count as ok: 200,2xx,301-303 (below 400).",
    ),
    "expect_body": ("TEXT", "A text that the body of every response must contain."),
    "thresholds": (
        "TEXT",
        "Exit 99 if it does not hold: 'p99<50ms', 'errors<1%', 'rps>=1000'; as in k6: "
        "'http_req_duration: p(95)<200 [last=30s] [stage=2] [abort]'; goals: 'p95 <200 target, "
        "<500 critical'; levels: '<2 good, <5 plan'. May be repeated.",
    ),
    "fail_on": (
        "target|plan|act|critical",
        "Which levels of goals fail the run: several, joined by commas (critical).",
    ),
    "save_baseline": ("NAME", "Save the result in .fastbench/ as a baseline."),
    "baseline": ("NAME|FILE", "Compare the result with a baseline, or a file of --json."),
    "fail_on_regression": (
        "P",
        "Exit 96 if the result is worse than the baseline by P or more: 5%.",
    ),
    "strict": ("", "Exit 95 if the run failed, or its verdict is not ok."),
    "watch": (
        "pid:N|port:N|cmd:NAME",
        "Show processor and memory of these processes, too; may be repeated.",
    ),
}
OUTPUT: Told = {
    "format": (
        "text|wrk|json|oha|bombardier|vegeta|k6",
        "What is printed: our report, or that of another tool (text).",
    ),
    "latency": ("", "Print the HdrHistogram percentile spectrum; with --format wrk, percentiles."),
    "json": (
        "[FILE]",
        "The whole result as JSON; on standard output without FILE. The next word is FILE unless "
        "it is a URL.",
    ),
    "csv": ("FILE", "One row for each second."),
    "html": ("FILE", "One self-contained page with charts and tables."),
    "md": ("FILE", "Markdown, for the comment of a pull request."),
    "junit": ("FILE", "JUnit XML: a test case for each threshold, check and URL."),
    "hdr": ("FILE", "Histograms as an HdrHistogram log (.hlog)."),
    "template": (
        "plan|FILE",
        "What fills --md or --html: the results page of a plan, or your own Jinja2.",
    ),
    "outs": (
        "TARGET",
        "Every second to: json=FILE, csv=FILE (.gz), influxdb=URL, prometheus=URL, otlp=URL; may "
        "be repeated.",
    ),
    "history": ("FILE.db", "Store the run, and compare it with the last one of the same name."),
    "name": ("NAME", "Its name in the history (the URL)."),
    "webhook": ("URL", "Notify on failure: POST a message for Slack, with the figures."),
    "dashboard": ("[=PORT]", "A live page on 127.0.0.1 during the run (any free port)."),
    "debug": ("", "Send each URL once (at most 10), print request and response, and exit."),
    "quiet": ("", "Print nothing but errors."),
    "no_progress": ("", "No live view, and no lines in its place."),
    "progress_every": (
        "T",
        "Without a terminal, a line every T that says how the run goes (10s); 0: none.",
    ),
    "no_color": ("", "No colors, as with NO_COLOR."),
    "verbose": ("", "Alone: print the version."),
    "version": ("", "Print the version."),
    "help": ("[all]", "Print this help; all: with every flag."),
}

URL: Sections = {
    "Load": LOAD,
    "Several machines": MACHINES,
    "Request": REQUEST,
    "Requests that vary": VARIED,
    "WebSockets": WEBSOCKETS,
    "Network": NETWORK,
    "Pass or fail": JUDGED,
    "Output": OUTPUT,
}
