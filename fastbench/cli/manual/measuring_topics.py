"""Topics of `fastbench help`: what is measured, what it is held to, and how a run ends."""

LOAD = """\
load: how much, how long, and what that measures

  fastbench -c100 -d30s URL             a closed loop: 100 connections, each
                                        sends when it has its response
  fastbench -R 2000 -d30s URL           an open loop: 2,000 requests per second,
                                        each at its planned instant
  fastbench -n 10k URL                  exactly so many requests
  fastbench --stages 30s:50,1m:50,30s:0 URL       connections that change
  fastbench --shape spike -d5m URL      one of the usual courses of a load
  fastbench --burst 100/1s URL          100 requests at once in every second

While the server stalls, a closed loop sends fewer requests, so few of them show
the stall. With -R, a response time runs from the planned instant: it includes
the wait for a connection, as a user would have it. Percentiles for users are
those of a run with -R, below the highest rate (`fastbench find`)."""

THRESHOLDS = """\
thresholds: what a run is held to; exit 99 if one fails

  --threshold 'p99<50ms'                latency: response time with -R
  --threshold 'errors<1%'               the share of requests that failed
  --threshold 'rps>=1000'               responses per second
  --threshold 'checks>99%'              checks of a script
  --threshold 'http_req_duration{name:/login}: p(95)<200'    as in k6, in ms
  --threshold 'target_rss: max<500MB'   what the server's processes use
  --threshold 'p95<200 [stage=2]'       one stage of the load
  --threshold 'p95<200 [last=30s]'      the last seconds
  --threshold 'errors<5% [abort] [delay=10s]'     ends the run
  --threshold 'p95<200 [warn]'          a warning only
  --threshold 'p95 <200 target, <500 critical'    a goal with two limits
  --threshold 'target_cpu: max <60% good, <80% plan, else act'
  --threshold 'p95 <= 1.2 * p95[baseline]'        against an earlier run
  --threshold 'target_rss: drift<20MB'  no leak over the run

A script has them in its Options, a suite in its file. --dry-run of a script
finds those that cannot pass or cannot fail. The grammar, and a line for each
criterion of a load test plan: docs/reference/thresholds.md"""

VERDICTS = """\
verdicts: whether the figures may be quoted, and what to do

Of a run (the line Verdict of the report; --strict exits 95 unless it is ok):

  ok                The figures stand. The line says who was the bottleneck:
                    server, network, host, or none.
  client-limited    The load generator was saturated: the rate is only a lower
                    bound. Use more workers (-t), more machines (--on), or less.
  late              Requests left later than planned; the lateness is part of
                    the response times. Ask for less, or free the processors.
  noisy-host        Other programs, or the hypervisor, took processors. End
                    them (`fastbench doctor` names the busiest) and run again.
  incomplete        Interrupted, or a worker was lost: the totals are of a part.

Of a comparison (`fastbench compare`):

  different         The 99 % interval of the ratio excludes 1, and the effect is
                    at least --threshold-effect.
  equivalent        The 90 % interval lies within the threshold on both sides.
  inconclusive      Neither; the report says how long a decision would take.
                    Measure longer (--time), or accept a larger effect."""

EXIT_CODES = """\
exit-codes: how a command ends

    0  all is well; without --strict or a threshold also with failed requests
    1  a wrong flag, URL or file
   95  the run failed, or its verdict is not ok (only with --strict)
   96  worse than the baseline, with --fail-on-regression
   99  a threshold failed; `find`: no rate meets the objective
  104  wrong Options of a script
  105  interrupted; report and files cover the run so far
  107  the script does not load, its setup or teardown failed, or every
       iteration ended by an exception (with --fail-fast: any)
  108  the script called abort()
  110  a script of k6 called exec.test.fail()
  120  a worker process was lost
  121  an output was not written, or its reader closed the pipe
  122  nothing succeeded (99 if a threshold failed as well)

A suite exits with the code of its worst run, in this order: 105, 120, 108, 107,
104, 1, 122, 110, 99, 96, 95, 121. The first SIGINT or SIGTERM ends a run in
order, with its files; a second one at once."""

BASELINES = """\
baselines: is this run as good as an earlier one?

  fastbench --save-baseline main URL            saved in .fastbench/
  fastbench --baseline main URL                 compared with it
  fastbench --baseline main --fail-on-regression 5% URL          exit 96
  fastbench --threshold 'p95 <= 1.2 * p95[baseline]' --baseline main URL
  fastbench --history runs.db --name api URL    stored; the report tells how
                                                the last run of it was
  fastbench history runs.db                     the trend of each name

Two runs at different times prove little on a machine whose speed drifts: only
large changes are called different. `fastbench compare` loads both servers in
turns, and sees effects of a percent. See also: fastbench help verdicts"""

SCALE = """\
scale: more load than one process, or one machine, makes

  fastbench -t4 URL                     worker processes (one for each core)
  fastbench --on local:2 URL            two processes here, to try a cluster
  fastbench --on ssh:hosts.txt URL      hosts that you reach by SSH, one a line
  fastbench --on tcp://HOST:8786 URL    the machines of a Dask scheduler
  fastbench machines --on ADDRESS       what they are, and whether they are fit

One run on all machines: connections, rates and users are divided exactly, and
counted, judged and reported as one. `run`, `find` and `suite` take --on, too; a
script's files travel with it (--send names others). A machine that is lost is
told, and the run goes on, or ends with --on-lost stop. The extra is
fastbench-http[distributed]; the guide is docs/guides/scale.md"""

OUTPUT = """\
output: the report, files, and what is written during a run

  fastbench URL --json run.json --html run.html     files beside the report
  fastbench URL --json - | jq .summary              a document to a pipe
  fastbench report run.json --md - --junit j.xml    the same from a saved run
  fastbench URL -o csv=points.csv.gz -o prometheus=http://HOST/api/v1/write
  fastbench URL --dashboard                         a live page
  fastbench URL --format wrk                        as another tool prints it

On a terminal a live view is drawn on stderr (--no-progress leaves it out,
--quiet everything): q stops the run and reports, p pauses the view and not the
load, d shows details; docs/guides/live-view.md says of which time figures are.
Reports are as wide as the terminal, or COLUMNS; in a pipe 100 columns. Without
UTF-8 (LC_ALL=C) everything is drawn in ASCII."""

SCRIPTS = """\
scripts: users that do more than repeat a request

  fastbench new checkout                a commented script that runs at once
  fastbench run checkout.py             in Python: scenarios, checks, metrics
  fastbench run load.js                 of k6, as it stands
  fastbench run test.yml                of Artillery
  fastbench -s report.lua URL           of wrk, in Lua
  fastbench convert locustfile.py       Locust, HAR, OpenAPI, ... to Python
  fastbench examples                    lists examples; `copy NAME` copies one

  from fastbench import Options, check
  options = Options(vus=10, duration="30s",
                    thresholds={"checks": ["rate>0.99"]})

  async def default(vu):
      response = await vu.get("http://localhost:8080/api/health")
      check(response, {"status is 200": lambda r: r.status == 200})

help(fastbench) in Python has the interface. docs/reference/k6.md says what of
k6 there is, docs/reference/artillery.md what of Artillery."""

TOPICS = {
    "load": LOAD,
    "thresholds": THRESHOLDS,
    "verdicts": VERDICTS,
    "exit-codes": EXIT_CODES,
    "baselines": BASELINES,
    "scale": SCALE,
    "output": OUTPUT,
    "scripts": SCRIPTS,
}
