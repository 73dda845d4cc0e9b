"""Flags of k6, Locust and Artillery in a run of a script; `aliases` says how rows are written."""

from __future__ import annotations

TABLE = """
[run]
@files named by mistake
-u | scheme | --base-url {} | -u is the VUs; use --base-url for the server
-u | credentials | -a {} | -u is the VUs; use -a for basic authentication
--user | credentials | -a {} | use -a for basic authentication
--users | | = -u {} |
--run-time --time | | = -d {} |
--headless --autostart | none | = | there is no page to wait for
--only-summary | none | = --no-progress |
--processes | | = --workers {} |
-t | duration with unit | = -d {} | for Locust's -t
--master --worker | none | --on tcp://HOST:8786 | several machines are a Dask cluster
--master-host --master-port --master-bind-host --expect-workers | |
   --on tcp://HOST:8786 | several machines are a Dask cluster
--csv-full-history --csv-full | none | = | --csv FILE has a row per second
--exit-code-on-error | | --threshold 'errors<1%' | thresholds decide about the exit code
--stop-timeout | | | set graceful_stop in the scenario
--logfile --loglevel | | = | what a script says goes to stderr as it is
--reset-stats | none | | write a first scenario, and give the others a start_time
-f --locustfile --file | | {} | give the script without a flag
@user agents
-H | scheme | = --base-url {} | for Locust's -H
--host | scheme | = --base-url {} | for Locust's --host
--target | | = --base-url {} |
--cookie | pair | = -H 'Cookie: {}' |
--follow | number | = --max-redirects {} |
--follow | none | = | scripts follow redirects
--oauth2-bearer | | = --bearer {} |
--max-time | | = --timeout {} |
--unix-socket | | = --unix {} |
--no-tui | none | = --no-progress |
-o --output | json word | --format json # the result / -o json=points.json # a point per second
   | use -o json=FILE for points during the run, --format json for the result
-o --out | web dashboard | --dashboard # during the run / --html report.html # the result
   | k6's dashboard is --dashboard and --html
-o --out | cloud word | --history runs.db | there is no cloud; --history keeps runs
-o --output | csv word | --csv run.csv # a row per second / -o csv=points.csv # a point per second
   | use -o csv=FILE for points during the run, --csv FILE for a row per second
-o --output | null | = | responses are never printed
-o --output | *.json beside *.yml | = -o artillery={} |
@results
--summary-export | | --json {} | use --json FILE for the whole result, --format k6 for k6's summary
--summary-mode --summary-time-unit --summary-trend-stats | | | the report always has all of it
--no-summary | none | --quiet | use --quiet to leave out the report
-c --connections --batch --batch-per-host | | -u {}
   | each VU of a script has its own connections; -u sets the VUs
-n --requests | | -i {} | scripts count iterations
-r | number | = --spawn-rate {} | for Locust's -r
-R -r --rate --rps | | | a script sets its rate in an executor (constant-arrival-rate);
   --scale multiplies it
-m -X --method --request -b --body -D --body-file --data -F --form -T --content-type
   --data-raw --data-binary --data-urlencode
   | | | the script sets what is sent; for one fixed request use `fastbench URL`
--urls-from-file --script | | | the script sets what is sent; give it alone
-W --warmup | | | write a first scenario, and give the others a start_time
-w --throw --drain | none
   | | failed requests never end an iteration; graceful_stop waits for them
-p --paused | none | | a run starts at once and has no remote control
--profiling-enabled | none | = | a run has no remote control
--address | | = | a run has no remote control
-l --linger | none | = | a run always ends by itself
--http-debug | false | --debug | --debug runs one iteration and prints every request and response
--http-debug | none | --debug | --debug runs one iteration and prints every request and response
--config | | | set it in Options, or use -e
--system-tags | | = | samples have all of them
--min-iteration-duration --setup-timeout --teardown-timeout
   | | | set it in Options of the script
--no-cookies-reset --no-vu-connection-reuse | none | | set it in Options of the script
-t | scheme | = --base-url {} |
-v --variables --overrides | json | | write it into config, or read $env with -e NAME=VALUE
-p | path | | name the file in config.payload
--environment | word | = -e {} |
--scenario-name | | = --scenario {} |
--variables --overrides | | | write it into config, or read $env with -e NAME=VALUE
--payload | | | name the file in config.payload
--solo | none | | give the file a phase with arrivalCount: 1
--count --platform --platform-opt | | | a run is one, on this machine; -t sets its processes
--record | none | | there is no cloud; --history FILE.db keeps runs
--note | | | there is no cloud; --history FILE.db keeps runs
--dotenv | | | use -e NAME=VALUE
--execution-segment --execution-segment-sequence | | --scale 50% | use --scale on each machine
--abort-on-fail | none | --threshold 'errors<1% [abort]' | use [abort] to end the run
--dns | | = | each run looks names up once
--compatibility-mode | | = | all of JavaScript is there, and `global`
--traces-output | | = | runs make no traces
--log-output --log-format | | = | what a script says goes to stderr as it is
-t --type | kind of script | = | the name of a file says what it is; -t is the number of workers
--type | | = | the name of a file says what it is
--console-output | | = | it has no meaning here
--include-system-env-vars | none | = | -e NAME takes the shell's value
--blacklist-ip --block-hostnames --hosts | | | the script sets where requests go
"""
