"""The page of `fastbench compare --help`."""

TEXT = """\
fastbench compare: is build B faster? Both are visited in turns, so that drift hits both alike.

  fastbench compare [flags] BASE CANDIDATE     two URLs, or two saved results
  fastbench compare --run-base CMD --run-candidate CMD --url URL [flags]

Examples
  fastbench compare http://localhost:8001/api http://localhost:8002/api
  fastbench compare --run-base './old --port {port}' --run-candidate './new --port {port}' \\
      --url http://127.0.0.1:{port}/api --fail-on-regression 5%
  fastbench compare -R 2000 --visit 5s http://localhost:8001/ http://localhost:8002/
  fastbench compare --script checkout.py http://localhost:8001 http://localhost:8002
  fastbench compare main new.json

Sides
  --run-base CMD  --run-candidate CMD   start a server for each visit and stop it after it
  --url URL               where these servers answer; {port} in it and in CMD is a free port
  --wait-for URL          ready when this answers below 400 (else when the address is open)
  --script FILE.py        visit under a scenario; the flags are those of `fastbench run`, and each
                          side's URL is --base-url and BASE_URL
  BASE and CANDIDATE may be files of --json, or names of --save-baseline

Measuring
  --pairs N               visits to each side, 8 at least (12)
  --visit T, -d T         measured length of each visit (3s)
  -W, --warmup T          load before it that does not count (1s); of a script all of its load in
                          that time, a run of its own with setup and teardown
  --max-time T            begin no pair that would end later
  --seed N                which side comes first in each pair (drawn, and recorded)
  and every flag of load, request and network of `fastbench --help`: -c -R -H -b -k …

Judging
  --primary NAME          what decides: requests_per_s, p50, p99, mean or cpu_per_request; also
                          --metric. Without -R the default is requests_per_s in a closed loop; a
                          latency gets one common rate, found by a pilot. With -R it is p99
  --threshold-effect P    the smallest difference that counts (2%)
  --fail-on-regression P  exit 96 if the candidate is worse by P or more: 5%

Output
  --json [FILE]           everything as JSON (standard output without FILE)  --format text|json
  --html FILE  --md FILE  a page with pictures, or Markdown for the comment of a pull request
  --save-baseline NAME    keep the candidate in .fastbench/: of visits, the one in the middle
  --quiet  --no-progress  --no-color  -V, --version  -h, --help

The verdict is different (the 99 % interval excludes 1, and the effect counts), equivalent (within
the threshold for sure), or inconclusive. Two saved results were not interleaved, so drift cannot
be excluded: below 10 % they are never called different.

Exit codes: 0 whatever the verdict, 1 wrong flag or file, 96 regression, 104 the script's options,
105 interrupted, 107 the script does not load, 121 output not written, 122 nothing succeeded."""
