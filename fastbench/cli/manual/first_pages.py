"""The first pages of help: what most people need of a command. At most 40 lines of 80 columns."""

URL = """\
fastbench: a benchmarker for HTTP services. wrk's flags, numbers you can trust.

  fastbench [flags] URL...          benchmark a server (http, https, ws, wss)
  fastbench run SCRIPT              load tests in Python, of k6, of Artillery
  fastbench compare A B             is build B faster?
  fastbench find URL --slo TEXT     the highest rate that meets an objective
  fastbench suite FILE.toml         many runs, one summary
  fastbench report RESULT.json      a saved result as HTML, Markdown, JUnit, ...
  fastbench new, examples           a script or suite to begin with
  and history, merge, convert, serve, doctor, machines, completion, help

Examples
  fastbench -c100 -d30s http://localhost:8080/api/health
  fastbench -R 2000 -d1m --threshold 'p99<50ms' http://localhost:8080/
  fastbench -b '{"id": 1}' -T application/json http://localhost:8080/items

Flags that most people use
  -c, --connections N     open connections, in total (10)
  -d, --duration T        how long to measure: 30s, 2m, 1m30s (10s)
  -n, --requests N        how many requests to send: 1000, 10k, 1M
  -R, --rate N            requests per second, in total; response times count
  -t, --threads N         worker processes (one for each usable core)
  -W, --warmup T          load for T before the measurement
  -X, --method NAME       the method (GET; POST if there is a body)
  -H, --header 'K: V'     a header; may be repeated
  -b, --body TEXT|@FILE   the body, and -T TYPE its content type
  -a, --auth USER:PASS    basic authentication; --bearer TOKEN
  -k, --insecure          do not verify the certificate
  --timeout T             the longest wait for a response (2s)
  --threshold TEXT        exit 99 if it does not hold; may be repeated
  --json [FILE], --html FILE        the whole result; a page with charts
  --debug                 send a request once, and show all of it

More
  fastbench --help all              every flag
  fastbench help                    topics, such as `fastbench help thresholds`
  fastbench help COMMAND            the page of a command, as COMMAND --help"""

RUN = """\
fastbench run: load tests in Python, with k6's concepts and flags.

  fastbench run [flags] SCRIPT.py   a Python file, a folder with __main__.py, -
  fastbench run [flags] LOAD.js     a script of k6, as it stands
  fastbench run [flags] TEST.yml    Artillery's; -e ENVIRONMENT
  fastbench run [flags] A.py B.py   at the same time; flags apply to each

Examples
  fastbench run checkout.py
  fastbench run -u 50 -d 2m -e BASE_URL=http://localhost:3000 dashboard.py
  fastbench run --scenario spike --scale 0.1 --threshold 'p99<50ms' profiles.py

Flags that most people use (load flags override the script in every scenario)
  -u, --vus N             virtual users; of a ramp, its peak
  -d, --duration T        30s, 2m, 1m30s, or seconds; a ramp keeps its shape
  -i, --iterations N      iterations, shared by the users of a scenario
  -s, --stage T:N         change linearly to N users within T; may be repeated
  --scenario NAME         run this scenario only
  --scale F               multiply users, rates and iterations: 0.1, 2, 50%
  -e, --env NAME=VALUE    what env("NAME") returns
  --base-url URL          what relative URLs begin with
  --threshold TEXT        exit 99 if it does not hold; may be repeated
  --dry-run               print the plan without load
  --debug                 run one iteration, and show every request
  -k, --insecure          do not verify the certificate
  --json [FILE], --html FILE, --junit FILE      results as files
  -o, --out TARGET        every second to json=, csv=, influxdb=, otlp=, ...
  -q, --quiet             print nothing but errors

More
  fastbench run --help all          every flag, those of k6 as well
  fastbench new NAME                a commented script that runs as it stands
  fastbench help thresholds         what a threshold can say
  fastbench help exit-codes         0 ok, 99 a threshold failed, 107 the script"""

COMPARE = """\
fastbench compare: is build B faster? Both are loaded in turns.

  fastbench compare [flags] BASE CANDIDATE [CANDIDATE...]    URLs, saved results
  fastbench compare --run-base CMD --run-candidate CMD --url URL [flags]

Examples
  fastbench compare http://localhost:8001/api http://localhost:8002/api
  fastbench compare --run-base './v1 --port {port}' \\
      --run-candidate './v2 --port {port}' --url http://127.0.0.1:{port}/
  fastbench compare --script checkout.py http://localhost:1 http://localhost:2

Flags that most people use
  --run-base CMD, --run-candidate CMD   start both servers, several times
  --url URL               their address; {port} becomes a free port
  --time T                measured time of all servers together (15s)
  --stop-when sure        end as soon as the verdict is different or equivalent
  --restarts N            starts of each server (10 with --run-base, else 1)
  --visits                in trials of seconds, one server at a time
  -c, --connections N     open connections of each server (10)
  -R, --rate N            requests per second; then p99 decides
  --primary NAME          the metric that decides: p50, p99, cpu_per_request
  --threshold-effect P    the smallest difference that matters (2%)
  --fail-on-regression P  exit 96 if a candidate is worse by P or more
  --json [FILE], --html FILE, --md FILE         results as files

The verdict is different (the 99 % interval of the ratio excludes 1, and the
effect is at least --threshold-effect), equivalent (the 90 % interval lies
within it), or inconclusive. Up to 7 candidates are judged together.

More
  fastbench compare --help all      every flag
  fastbench help verdicts           what each verdict means, and what to do"""

FIND = """\
fastbench find: the highest rate that meets an objective, with an interval.

  fastbench find [flags] URL --slo 'p99<50ms'

Examples
  fastbench find http://localhost:8080/api/health --slo 'p99<50ms'
  fastbench find --slo 'p95<20ms' --slo 'errors<0.1%' --from 1k http://app.test/

Flags that most people use
  --slo TEXT              the objective: p99<50ms, avg<5ms, errors<1%, ...
  --from N, --to N        the first rate (100); the highest to try (none)
  --precision P           stop when passed and failed are this close (2%)
  -d, --duration T        measured time at each rate (5s)
  -W, --warmup T          load at the same rate before that (1s)
  --max-time T            end the search after T, with the result so far
  -c, --connections N     open connections (100)
  -t, --threads N         worker processes (one for each usable core)
  -H, --header 'K: V', -b, --body TEXT|@FILE    the request
  --json [FILE], --html FILE                    results as files
  --strict                exit 95 if the load generator or the machine disturbed

The rate doubles until the objective fails; a binary search then narrows the gap
between the last rate that passed and the first that failed, and both are
measured again. Latencies are response times. A rate also fails if the server
does not reach it, if requests queue up, or if some get no response.

More
  fastbench find --help all         every flag
  fastbench help load               rates, connections, and what they measure"""

PAGES = {"": URL, "run": RUN, "compare": COMPARE, "find": FIND}
