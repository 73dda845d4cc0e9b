"""The page of `fastbench run --help`."""

TEXT = """\
fastbench run: load tests in Python. k6's ideas and habits, at wrk's speed.

  fastbench run [flags] SCRIPT.py      a Python file, a folder with a __main__.py, - for stdin

Examples
  fastbench run checkout.py
  fastbench run -u 50 -d 2m -e BASE_URL=http://localhost:3000 dashboard.py
  fastbench run --scenario spike --scale 0.1 --threshold 'p99<50ms' profiles.py
  fastbench run --dry-run profiles.py

Load (replaces that number in every scenario that runs, and none of its other settings)
  -u, --vus N             virtual users; of a ramp, its peak
  -d, -z, --duration T    30s, 2m, 1m30s, or seconds; of a ramp, its length in the same shape
  -i, --iterations N      iterations, shared by the VUs of a scenario
  -s, --stage T:N         a straight line to N VUs (or to rate N); repeat it, or join with commas
  --scenario NAME         run this one only; repeat it, or join with commas
  --scale F               multiply VUs, rates and shared iterations: 0.1, 2, 50%
  --time-scale F          multiply durations, stages and start times
  -t, --threads, --workers N   worker processes (one per usable core)
  --wait-for [URL,]30s    first wait until a server answers: URL, or where the load goes (30s)

Script
  -e, --env NAME=VALUE    what env("NAME") returns; -e NAME takes the shell's value
  --tag NAME=VALUE        on every sample; nearer ones win: request, scenario, --tag, Options
  --no-setup  --no-teardown
  --no-thresholds         leave those of the script out; --threshold still holds
  --max-exceptions P      the run fails (99) if more of its iterations throw: 1%, or a count
  --fail-fast             the first exception of the script ends the run
  --dry-run               load the script, print the plan, find what cannot pass or cannot fail
  --debug                 run one iteration, show every request and answer in full
                          (secrets are masked: tokens, passwords, cookies)

Requests (the script's own options are the defaults)
  --base-url URL          where relative URLs go
  -H, --header 'K: V'     on every request; also K=V, or @FILE with one a line
  -A TYPE  --user-agent NAME  --host NAME
  -a, --auth USER:PASS    basic authentication          --bearer TOKEN
  --timeout T             longest time for an answer (60s)   --connect-timeout T
  --max-redirects N       follow at most N redirects (10)
  --expect-status LIST    which statuses are ok: 200,2xx,301-303 (200-399)
  --no-keepalive          a new connection for each request
  --discard-response-bodies   do not keep bodies

Network
  -k, --insecure          do not verify the server's certificate
  --cacert FILE           trust this CA        --cert FILE, --key FILE   show a certificate
  --servername, --sni NAME   name to send and to verify
  --unix PATH             connect to a Unix socket
  --bind A[,B,…]          source addresses, also 127.0.0.2-9
  -4, --ipv4  -6, --ipv6  one address family only    --one-address   the first of several

Judging
  --threshold EXPR        'p99<50ms', 'errors<1%', 'rps>=1000', 'checks>99%', or k6's
                          'http_req_duration{name:"/a,b"}: p(95)<500'; add [warn], [abort],
                          [delay=10s], [stage=NAME], [last=30s]
  --watch pid:N|port:N|cmd:NAME   report these processes too
  --save-baseline NAME    keep the result in .fastbench/; --baseline NAME|FILE compares with it
  --fail-on-regression P  exit 96 if worse than the baseline by P or more: 5%
  --strict                exit 95 unless the verdict is ok

Output
  --format text|json|k6   k6's summary as JSON; also oha, bombardier, vegeta
  --json [FILE]           the whole result as JSON (standard output without FILE)
  --csv FILE              one row per second   --hdr FILE   histograms as an .hlog
  --html FILE             one page with charts and tables; it needs no network
  --md FILE               for a pull request   --junit FILE   a case per threshold and check
  --history FILE.db       keep the run, tell how it moved since the last one; --name NAME
  -o, --out WHERE         once a second: json= csv= (FILE[.gz]) influxdb= prometheus= otlp= (URL)
  --webhook URL           POST a line for Slack and the figures as JSON if the run fails
  --dashboard[=PORT]      a page on 127.0.0.1 that follows the run, with the charts of --html
  -q, --quiet  --no-progress  --no-color      (NO_COLOR is honoured)
  -v, --verbose           the traceback of a script that does not load
  -V, --version  -h, --help

Exit codes: 0 ok, 1 wrong flag or file, 95 not valid (--strict), 96 regression, 99 a threshold
failed, 104 the script's options, 105 interrupted, 107 an exception of the script (it does not
load, setup or teardown failed, --fail-fast, or every iteration threw), 108 abort(), 120 worker
lost, 121 output not written, 122 nothing succeeded (99 if a threshold is broken, too). A failed
run without a threshold ends with 0 unless --strict. Secrets are masked everywhere."""
