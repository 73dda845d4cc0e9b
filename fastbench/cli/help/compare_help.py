"""The page of `fastbench compare --help`."""

TEXT = """\
fastbench compare: is build B faster? Both are loaded in turns, so drift affects both equally.

  fastbench compare [flags] BASE CANDIDATE [CANDIDATE…]   URLs, or two saved results
  fastbench compare --run-base CMD --run-candidate CMD --url URL [flags]

Examples
  fastbench compare http://localhost:8001/api http://localhost:8002/api
  fastbench compare --run-base './old --port {port}' --run-candidate './new --port {port}' \\
      --url http://127.0.0.1:{port}/api --fail-on-regression 5%
  fastbench compare -R 2000 --time 30s http://localhost:8001/ http://localhost:8002/
  fastbench compare --script checkout.py http://localhost:8001 http://localhost:8002
  fastbench compare main new.json

Sides
  --run-base CMD  --run-candidate CMD   start both servers, several times: see --restarts
  --url URL               address of these servers; {port} here and in CMD becomes a free port
  --pin [CORES]           keep these servers on CORES (1, or 1-3), the load on the others
                          (default: the last one)
  --wait-for URL          a server is ready when this URL responds with a status below 400
                          (default: when its port accepts connections)
  --unix PATH             connect to this Unix socket; given once for each side, in their order,
                          each has its own, and one URL is enough
  --script FILE           load both by this script, with the flags of `fastbench run`; the URL
                          of the side becomes --base-url and env("BASE_URL")
  BASE and CANDIDATE may also be saved runs: files of `fastbench --json FILE URL`, or names
  of --save-baseline
  Up to 7 candidates, all URLs, are loaded in turns with the base, in slices: they share --time,
  each has a verdict, and the confidence is that of all of them together

Measuring, in slices: both servers are alive, and loaded in turns for some milliseconds
  --time T, -d T          measured time, of all servers and all starts together
                          (15s; of several starts, 4s times their number)
  --slice T|auto          length of a slice, 20ms or more (auto: a pilot run finds it)
  --stop-when sure|P      end as soon as the verdict is different or equivalent (sure), or half
                          of the interval's width is at most P (0.5%); either: sure,0.5%.
                          It looks ten times, and the 99 % hold for all looks together
  --restarts N            start both servers N times, slices within each; the start is then the
                          sample: 1, or at least 8 (10 with --run-base, else 1)
  -W, --warmup T          load before the slices of servers that it starts (1s)

Measuring by visits: trials of seconds that alternate, one server loaded, or started, at a time;
for WebSockets, -n, stages of connections and slow scripts, or when one of these asks for it:
  --visits
  --pairs N               trials per side, at least 8 (12)
  --visit T, -d T         measured time per trial (3s), each after a warm-up (-W, 1s)
  --max-time T            start no pair that would end after T

Measuring, always
  --seed N                seed of the random order (random, and recorded)
  and the load, request and network flags of `fastbench --help`: -c -R -m --http1 --http2 -H -b …

Pass or fail
  --primary NAME          the metric that decides: requests_per_s, p50, p90, p99, mean
                          or cpu_per_request; also --metric. Default: p99 with -R, else
                          requests_per_s. A latency without -R is measured at one common rate,
                          which a pilot run finds
  --threshold-effect P    the smallest difference that matters (2%)
  --fail-on-regression P  exit 96 if a candidate is worse by P or more: 5%

Output
  --json [FILE]           everything as JSON (standard output without FILE)  --format text|json
  --html FILE  --md FILE  one page with charts; Markdown for a pull request comment
  --save-baseline NAME    save the candidate in .fastbench/: its median trial; after slices
                          one that is run for it
  --progress-every T      without a terminal, a line every T on how it goes (10s); 0: none
  --quiet  --no-progress  --no-color  -V, --version  -h, --help

The verdict is: different (the 99 % interval of the ratio excludes 1, and the effect is at least
--threshold-effect), equivalent (the 90 % interval is within the threshold), or inconclusive.
Two saved results were not measured in alternation, so drift may explain a difference: below 10 %
they are never called different.

Exit codes: 0 any verdict, 1 wrong flag or file, 96 regression, 104 wrong Options of the script,
105 interrupted, 107 the script does not load, 121 output not written, 122 nothing succeeded."""
