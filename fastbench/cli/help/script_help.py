"""The page of `fastbench run --help`."""

TEXT = """\
fastbench run: load tests in Python, with k6's concepts and flags.

  fastbench run [flags] SCRIPT.py      a Python file, a folder with a __main__.py, - for stdin
  fastbench run [flags] LOAD.js        a script of k6, as it stands (docs/reference/k6.md)
  fastbench run [flags] TEST.yml       Artillery's; -e ENVIRONMENT, -o FILE.json is its own report
  fastbench run [flags] A.py B.py      at the same time: flags apply to each; --json out.json is
                                       the common result, out.A.json and out.B.json their own

Examples
  fastbench run checkout.py
  fastbench run -u 50 -d 2m -e BASE_URL=http://localhost:3000 dashboard.py
  fastbench run --scenario spike --scale 0.1 --threshold 'p99<50ms' profiles.py
  fastbench run --dry-run profiles.py

Load (overrides this one setting in every scenario that runs)
  -u, --vus N             virtual users; for a ramp, its peak
  -d, -z, --duration T    30s, 2m, 1m30s, or seconds; a ramp keeps its shape
  -i, --iterations N      iterations, shared by the VUs of a scenario
  -s, --stage T:N         change linearly to N VUs (or rate N) in T; repeat, or join with commas
                          (in scripts of k6 -d, -i, -s make one scenario of `default`, as in k6,
                          whose other flags and K6_… work as well: docs/reference/k6.md)
  --scenario NAME         run only this scenario; repeat, or join with commas
  --scale F               multiply VUs, rates and shared iterations: 0.1, 2, 50%
  --time-scale F          multiply durations, stages and start times
  --shape NAME            the script's load by factor: normal 1x; peak 3x; spike 1x, 10x for 5m,
                          1x; sustained 2x for 1h; ramp 0 to 10x in 30m; -d is its whole length
  -t, --threads, --workers N   worker processes (one per usable core)
  --on tcp://HOST:8786    on machines of a Dask cluster (docs/guides/scale.md)   --on-lost stop
  --send FILE|FOLDER      what the script needs there, instead of its folder; repeat
  --wait-for [URL,]30s    before the run, wait at most 30s until URL (or base_url) responds

Script
  -e, --env NAME=VALUE    what env("NAME") returns; -e NAME takes it from the shell
  --tag NAME=VALUE        on every sample; priority: request, scenario, --tag, Options
  --no-setup  --no-teardown  --no-thresholds   leave out the script's; --threshold still applies
  --max-exceptions P      fail (exit 99) if more iterations throw an exception: 1%, or a count
  --fail-fast             end the run at the first exception of the script
  --dry-run               print the plan without load; find thresholds that cannot pass or fail
  --debug                 run one iteration, print every request and response in full
                          (tokens, passwords and cookies are masked)

Requests (defaults are the script's Options)
  --base-url URL          prefix of relative URLs
  -H, --header 'K: V'     on every request; also K=V, or @FILE with one per line
  -A TYPE  --user-agent NAME  --host NAME
  -a, --auth USER:PASS    basic authentication          --bearer TOKEN
  --timeout T             longest wait for a response (60s)   --connect-timeout T
  --max-redirects N       follow at most N redirects (10)
  --expect-status LIST    statuses that count as ok: 200,2xx,301-303 (200-399)
  --no-keepalive          a new connection for each   --discard-response-bodies   do not keep them
  --http2  --http1        of https:// TLS agrees on one, http:// is HTTP/1.1

Network
  -k, --insecure          do not verify the certificate   --servername, --sni NAME   its name
  --cacert FILE           trust this CA        --cert FILE, --key FILE   client certificate
  -x, --proxy URL|env     http://[USER:PASS@]HOST:PORT or socks5[h]://…; env: HTTP_PROXY, …
  --unix PATH|@NAME  --connect-to HOST:PORT:HOST2:PORT2  --resolve HOST:PORT:ADDRESS  where to
  --bind A[,B,…]          source addresses; ranges 127.0.0.2-9, A-B; 10.0.0.0/28
  -4, --ipv4  -6, --ipv6  one address family only    --one-address   only the first address

Pass or fail
  --threshold EXPR        'p99<50ms', 'errors<1%', 'rps>=1000', 'checks>99%', or as in k6:
                          'http_req_duration{name:"/a,b"}: p(95)<500',
                          'operation_duration{kind:sql}: p(95)<20' (vu.operation); options:
                          [warn], [abort], [delay=10s], [stage=NAME], [last=30s]; goals:
                          'p95 <200 target, <500 critical' warns, or fails with --fail-on target;
                          levels: 'target_cpu max <60% good, <80% plan, else act' (--fail-on act)
  --watch pid:N|port:N|cmd:NAME   also show cpu and memory of these processes
  --save-baseline NAME    save the result in .fastbench/; --baseline NAME|FILE compares with it
  --fail-on-regression P  exit 96 if worse than the baseline by P or more: 5%
  --strict                exit 95 if the run failed or its verdict is not ok

Output
  --format text|json|k6|k6-text   k6: its JSON summary, or its text to the letter; also artillery,
                          oha, bombardier, vegeta
  --json [FILE]           the whole result as JSON (standard output without FILE)
  --csv FILE              one row per second   --hdr FILE   histograms as an .hlog
  --html FILE             one self-contained page with charts and tables
  --md FILE               Markdown             --junit FILE   a test case per threshold and check
  --template plan|FILE    what fills --md or --html: the results page of a plan, your own Jinja2
  --history FILE.db       store the run, compare it with the previous one of --name NAME
  -o, --out TARGET        every second: json= csv= (FILE[.gz]) influxdb= prometheus= otlp= (URL)
  --webhook URL           notify on failure: POST a Slack message, and the figures as JSON
  --dashboard[=PORT]      a live page on 127.0.0.1 during the run, with the charts of --html
  --progress-every T      without a terminal, a line every T on how it goes (10s); 0: none
  -q, --quiet  --no-progress  --no-color      (NO_COLOR is honoured)
  -v, --verbose           print the traceback if the script does not load
  -V, --version  -h, --help

Exit codes: 0 ok, 1 wrong flag or file, 95 run failed or not valid (only with --strict),
96 regression, 99 threshold failed, 104 wrong Options of the script, 105 interrupted, 107 script
exception (at load, in setup or teardown, with --fail-fast, or in every iteration), 108 abort(),
110 exec.test.fail(), 120 worker lost, 121 output not written, 122 nothing succeeded (99 if a
threshold failed as well).
Without --strict or a threshold, a run with errors exits 0. Secrets are masked everywhere."""
