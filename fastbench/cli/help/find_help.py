"""The page of `fastbench find --help`."""

TEXT = """\
fastbench find: the highest rate that meets an objective, with an interval.

  fastbench find [flags] URL --slo 'p99<50ms'

Examples
  fastbench find http://localhost:8080/api/health --slo 'p99<50ms'
  fastbench find --slo 'p95<20ms' --slo 'errors<0.1%' --from 1k --precision 5% http://app.test/

The rate doubles until the objective fails. A binary search then narrows the gap between the last
rate that passed and the first that failed, and both are measured again. Latencies are response
times: they start when a request was due, so they include its wait for a connection. A rate also
fails if the server does not reach it, if requests queue up, or if some get no response.

Search
  --slo TEXT              the objective: p99<50ms, p(99.9)<1s, avg<5ms, max<2s, errors<1%,
                          first_byte: p95<9ms; may be repeated. errors<1% is always added,
                          unless you give another limit for errors
  --from N                the first rate (100)          --to N   the highest rate to try
  --precision P           stop when the two rates are this close (2%)
  -d, --duration T        measured time per rate (5s)
  -W, --warmup T          load at the same rate before that, excluded (1s)
  --max-time T            end the search after T, with the result so far
  -c, --connections N     open connections (100), each with -m streams of HTTP/2;
                          -t N worker processes
  --arrival constant|poisson
  --on tcp://HOST:8786    every run on the machines of a Dask cluster (docs/guides/scale.md);
                          one that loses a machine is measured again, with --on-lost stop the
                          search ends

The flags for requests, network and expected responses are those of `fastbench --help`.

Output
  --json [FILE]           the search as JSON, fastbench.find/1 (standard output without FILE)
  --html FILE             one page with the latency curve and every run
  --strict                exit 95 if the load generator was saturated or the machine noisy
  --quiet  --no-progress  --no-color   --progress-every T  a line every T without a terminal (10s)

Exit codes: 0 found, 1 wrong flag or file, 95 not valid (--strict), 99 no rate meets the
objective, 105 interrupted, 120 a run was lost, 121 output not written, 122 nothing succeeded."""
