"""The page of `fastbench find --help`."""

TEXT = """\
fastbench find: the highest rate that holds an objective, with its interval.

  fastbench find [flags] URL --slo 'p99<50ms'

Examples
  fastbench find http://localhost:8080/api/health --slo 'p99<50ms'
  fastbench find --slo 'p95<20ms' --slo 'errors<0.1%' --from 1k --precision 5% http://app.test/

The rate doubles while the objective holds; between the last rate that held and the first that
failed it is halved in equal ratios until the two are close; then both are measured again. Latencies
are response times: from the instant at which a request was due, so that waiting counts. A rate
that the server cannot take up fails, too; so does one at which requests pile up or stay unanswered.

Search
  --slo TEXT              what a rate has to hold: p99<50ms, p(99.9)<1s, avg<5ms, max<2s, errors<1%,
                          first_byte: p95<9ms; repeat it. errors<1% unless it says how many
  --from N                the first rate (100)          --to N   the highest rate to try
  --precision P           how close the border is found (2%)
  -d, --duration T        how long each rate is measured (5s)
  -W, --warmup T          load before that, at the same rate (1s)
  --max-time T            end after so long with what there is
  -c, --connections N     open connections (100); -t N worker processes
  --arrival constant|poisson

Every flag about requests, the network and what is ok is that of a plain run (fastbench --help).

Output
  --json [FILE]           the search as JSON, fastbench.find/1 (standard output without FILE)
  --html FILE             a page with the knee and every run
  --strict                exit 95 when the client was the limit, or the machine was noisy
  --quiet  --no-progress  --no-color

Exit codes: 0 found, 1 wrong flag or file, 95 not valid (--strict), 99 no rate holds the objective,
105 interrupted, 121 output not written, 122 nothing succeeded."""
