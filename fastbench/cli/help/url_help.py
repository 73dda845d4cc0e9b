"""The page of `fastbench --help`."""

TEXT = """\
fastbench: a benchmarker for HTTP services. wrk's command line, numbers you can trust.

  fastbench [flags] URL [URL …]     benchmark one server (http:// or https://; ws:// or wss://)
  fastbench run SCRIPT.py           load tests in Python (fastbench run --help)
  fastbench compare BASE CANDIDATE  is build B faster? (fastbench compare --help)
  fastbench find URL                the highest rate that meets an objective (find --help)
  fastbench suite FILE.toml         many runs, one after the other, one summary (suite --help)
  fastbench report RESULT.json      a saved result as HTML, Markdown, JUnit, ... (report --help)
  fastbench merge, history          runs at the same time as one; those of --history, with trend
  fastbench new NAME, examples      a script, suite, comparison or CI job to begin with; and more
  fastbench doctor, machines, …     check this machine or those of --on; serve, convert (--help)

Examples
  fastbench -c100 -d30s http://localhost:8080/api/health
  fastbench -n 10k -b '{"name": "x"}' -T application/json http://localhost:8080/items
  fastbench -c64 -d30s curl 'https://app.test/api' -H 'accept: */*'   pasted from a browser

Load
  -c, --connections N     open connections, in total for all workers (10)
  -d, -z, --duration T    how long to measure: 30s, 2m, 1m30s, or seconds (10s)
  -n, --requests N        how many to send: 1000, 10k, 1M; with -d, the first limit ends the run
  -t, --threads, --workers N   worker processes (one per usable core)
  --on tcp://HOST:8786    on machines of a Dask cluster (docs/guides/scale.md)   --on-lost stop
  -p, --pipeline N        requests in flight on each connection (1)   --no-keepalive  one each
  --http1  --http2        that alone; https:// lets the server choose   -m, --streams N  of HTTP/2
  -R, -r, -q, --rate N    total requests per second: 1000, 1k, 0.5, 100/1m
  --arrival constant|poisson  under -R   --on-overload queue|drop   --burst N/T  N at once every T
  --ramp T                from 0 to -R, or from 1 to -c, in T   --shape spike  10x: see run --help
  --stages T:N,T:N,…      change linearly to N within T: N is a rate with -R, else connections
  -W, --warmup T          load for T before the measurement; excluded from the results
  -w, --drain  --no-retry     at the end, wait for responses in flight;  never send twice
  --wait-for [URL,]30s    before the run, wait at most 30s until URL (or the first URL) responds

Request
  -m, -X, --method NAME   default: GET, or POST if there is a body
  -H, --header 'K: V'     also K=V, or @FILE with one per line; replaces a default header
  -b, --body TEXT|@FILE, -D, --body-file FILE  a body;  --data, --data-urlencode TEXT  as in curl
  -F, --form NAME=VALUE   multipart field; NAME=@FILE uploads, NAME=<FILE reads; ;type= ;filename=
  -T TYPE  -A TYPE        Content-Type, Accept          --user-agent NAME   --cookie 'K=V; K2=V2'
  -a, --auth USER:PASS    basic; with --digest by digest  --bearer TOKEN   --aws-sigv4 REGION:NAME
  --host NAME             Host header only, not where to connect   --compressed   Accept-Encoding
  --urls-from-file FILE   lines of [WEIGHT] [METHOD] URL, headers, @BODY; JSON   --rand-regex-url
  --feed FILE.csv         {{column}} of its rows in URL, header, body; without it {{seq}} {{uuid}}
                          {{int:1:9}} {{hex:8}} {{pick:a|b}} {{now}} {{env:X}}; --raw: braces
  --feed-order in-order|random|once|per-connection   --seed N same again  --follow [N] redirects
  --ws-mode echo|push|hold   on ws://: send, receive, stay open   --ws-subprotocol NAME --binary
  -s, --script FILE.lua   a script of wrk, with its functions; it gets what follows --

Network
  --timeout T             longest wait for a response (2s)   --connect-timeout T   to connect (2s)
  -k, --insecure          do not verify   --servername, --sni NAME   to send and to verify
  --cacert FILE           trust this CA   --cert, --key FILE   of the client   -x, --proxy URL|env
  --unix PATH|@NAME  --connect-to HOST:PORT:HOST2:PORT2  --resolve HOST:PORT:ADDRESS  where to
  --bind A[,B,…]          source addresses; ranges 127.0.0.2-9, A-B; 10.0.0.0/28
  -4, --ipv4  -6, --ipv6  one family only   --one-address  only the first   --no-delay off  Nagle

Pass or fail
  --expect-status LIST    statuses that count as ok: 200,2xx,301-303 (below 400)
  --expect-body TEXT      text that every response body must contain
  --watch pid:N|port:N|cmd:NAME   also show cpu and memory of a process, such as a database
  --threshold TEXT        exit 99 if it fails: 'p99<50ms', 'errors<1%', 'rps>=1000', or as in k6:
                          'http_req_duration: p(95)<200 [last=30s] [stage=2] [abort]'; goals:
                          'p95 <200 target, <500 critical' (--fail-on target), '<2 good, <5 plan'
  --save-baseline NAME    save the result in .fastbench/; --baseline NAME|FILE compares with it
  --fail-on-regression P  exit 96 if worse than the baseline by P or more: 5%
  --strict                exit 95 if the run failed or its verdict is not ok
  --debug                 send each URL once (at most 10), print request and response, exit

Output
  --latency, -L, -l       the HdrHistogram percentile spectrum (--format wrk: percentiles)
  --format text|wrk|json|oha|bombardier|vegeta|k6   print in the format of another tool
  --json [FILE]           the whole result as JSON (standard output without FILE)
  --csv FILE              one row per second   --hdr FILE   histograms as an .hlog
  --html FILE             a page with charts   --md FILE   Markdown   --junit FILE   test cases
  --template plan|FILE    fills --md or --html: the results page of a plan, or your own Jinja2
  --history FILE.db       store the run, compare it with the previous one of --name NAME
  -o, --out TARGET        every second: json= csv= (FILE[.gz]) influxdb= prometheus= otlp= (URL)
  --webhook URL           notify on failure: POST a Slack message, and the figures as JSON
  --dashboard[=PORT]      a live page on 127.0.0.1 during the run, with the charts of --html
  --quiet --no-progress  --progress-every T (10s) logs  --no-color  -V, --version  -h, --help

Exit codes: 0 ok, 1 wrong flag or file, 95 failed or not valid (with --strict), 96 regression,
99 threshold failed, 105 interrupted, 120 worker lost, 121 output not written, 122 nothing
succeeded. Without --strict or a threshold, a run with errors exits 0. Secrets are masked."""
