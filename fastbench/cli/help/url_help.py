"""The page of `fastbench --help`."""

TEXT = """\
fastbench: a benchmarker for HTTP services. wrk's command line, and a number you can trust.

  fastbench [flags] URL [URL …]     benchmark one server (http:// or https://)
  fastbench run SCRIPT.py           load tests in Python (fastbench run --help)
  fastbench compare BASE CANDIDATE  is build B faster? (fastbench compare --help)
  fastbench find URL                the highest rate that holds an objective (find --help)
  fastbench suite FILE.toml         runs of one file in order, one table (suite --help)
  fastbench serve                   start a small server to benchmark
  fastbench report RESULT.json      a saved result as HTML, Markdown, JUnit, ... (report --help)
  fastbench history FILE.db         the runs of --history and their trend (history --help)
  fastbench doctor                  check this machine before a run

Examples
  fastbench -c100 -d30s http://localhost:8080/api/health
  fastbench -n 10k -b '{"name": "x"}' -T application/json http://localhost:8080/items
  fastbench -c64 --cacert ca.pem --expect-body '"ok"' --json run.json https://app.test/

Load
  -c, --connections N     open connections, over all workers (10)
  -d, -z, --duration T    how long: 30s, 2m, 1m30s, or seconds (10s)
  -n, --requests N        how many: 1000, 10k, 1M; alone: no time limit; with -d: first wins
  -t, --threads, --workers N   worker processes (one per usable core)
  -p, --pipeline N        requests in flight on each connection (1)
  -R, -r, -q, --rate N    requests per second of all connections together: 1000, 1k, 0.5, 100/1m
  --arrival constant|poisson   how they follow each other (constant)
  --on-overload queue|drop     one that finds no free connection waits (queue) or is dropped
  --ramp T                from 0 to -R, or from 1 to -c, within the first T of the run
  --stages T:N,T:N,…      straight lines to each N: a rate with -R, else connections
  -W, --warmup T          load for T before -d begins: shown, never counted
  -w, --drain             at the end, wait for the answers under way
  --wait-for [URL,]30s    first wait until a server answers: URL, or the first one loaded (30s)
  --no-keepalive          a new connection for each request
  --no-retry              a request lost to a closing idle connection counts as an error

Request
  -m, -X, --method NAME   GET, or POST when there is a body
  -H, --header 'K: V'     also K=V, or @FILE with one a line; replaces the default of that name
  -b, --body TEXT|@FILE   body, byte for byte; -D, --body-file FILE is the same from a file
  --data, --data-urlencode TEXT   form fields, joined with &, as in curl
  -F, --form NAME=VALUE   multipart field; NAME=@FILE uploads, NAME=<FILE reads; ;type= ;filename=
  -T TYPE  -A TYPE        Content-Type, Accept          --user-agent NAME
  -a, --auth USER:PASS    basic authentication          --bearer TOKEN
  --host NAME             Host header only; the URL still says where to connect
  --urls-from-file FILE   a mix: [WEIGHT] [METHOD] URL, below it headers, @BODY; or lines of JSON
  -s, --script FILE.lua   a wrk script that only sets wrk.method, wrk.headers and wrk.body

Network
  --timeout T             longest time for an answer (2s); also -T 5s, -t 5s
  --connect-timeout T     longest time to connect (as --timeout)
  -k, --insecure          do not verify the server's certificate
  --cacert FILE           trust this CA        --cert FILE, --key FILE   show a certificate
  --servername, --sni NAME   name to send and to verify
  --unix PATH             connect to a Unix socket; the URL gives Host and path
  --bind A[,B,…]          source addresses, also 127.0.0.2-9
  -4, --ipv4  -6, --ipv6  one address family only    --one-address   the first of several

Judging
  --expect-status LIST    which statuses are ok: 200,2xx,301-303 (below 400)
  --expect-body TEXT      bytes every body must contain
  --watch pid:N|port:N|cmd:NAME   report these processes too, a database say
  --threshold TEXT        exit 99 if broken: 'p99<50ms', 'errors<1%', 'rps>=1000'; k6's, too:
                          'http_req_duration: p(95)<200'; more in brackets: 'p99<9ms [last=30s]'
                          [stage=2] [warn] [abort] [delay=10s]
  --save-baseline NAME    keep the result in .fastbench/; --baseline NAME|FILE compares with it
  --fail-on-regression P  exit 96 if worse than the baseline by P or more: 5%
  --strict                exit 95 unless the verdict is ok
  --debug                 send each URL once (10 at most), show both sides, exit

Output
  --latency, -L, -l       the HdrHistogram percentile spectrum; percentiles with --format wrk
  --format text|wrk|json|oha|bombardier|vegeta|k6   the shape of another tool, for what reads it
  --json [FILE]           the whole result as JSON (standard output without FILE)
  --csv FILE              one row per second   --hdr FILE   histograms as an .hlog
  --html FILE             one page with charts and tables; it needs no network
  --md FILE               for a pull request   --junit FILE   a case per threshold and check
  --history FILE.db       keep the run, tell how it moved since the last one; --name NAME
  -o, --out WHERE         once a second: json= csv= (FILE[.gz]) influxdb= prometheus= otlp= (URL)
  --webhook URL           POST a line for Slack and the figures as JSON if the run fails
  --dashboard[=PORT]      a page on 127.0.0.1 that follows the run, with the charts of --html
  --quiet  --no-progress  --no-color (or NO_COLOR)       -V, --version  -h, --help

Exit codes: 0 ok (a failed run, too, unless --strict or a threshold), 1 wrong flag or file, 95 not
valid (--strict), 96 regression, 99 threshold broken, 105 interrupted, 120 worker lost, 121 output
not written, 122 nothing succeeded. Secrets are masked. Other tools' flags are read as meant."""
