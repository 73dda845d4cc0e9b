"""Flags of other tools in a run of URLs, and some of all commands; see `aliases` for the rows."""

from __future__ import annotations

TABLE = """
[files named by mistake]
--html | address | --html run.html {} | --html needs a file name
--md | address | --md run.md {} | --md needs a file name
--junit | address | --junit run.xml {} | --junit needs a file name
--csv | address | --csv run.csv {} | --csv needs a file name
--hdr | address | --hdr run.hlog {} | --hdr needs a file name
--history | address | --history runs.db {} | --history needs a file name

[user agents]
-A | no media | --user-agent {} | -A sets Accept; for curl's -A use --user-agent
-A | odd media | --user-agent {} # the user agent / --accept {} # the Accept header
   | -A sets Accept; for curl's -A use --user-agent

[results]
-o | *.json | --json {} | -o writes points during the run; for the result use --json
-o | *.csv | --csv {} | -o writes points during the run; for a row per second use --csv
-o | *.html | --html {} | -o writes points during the run; for a page use --html
--output | | --json {} | use --json FILE for the whole result, --csv FILE for a row per second

[url]
@files named by mistake
-C | pair | = --cookie {} |
--cookie-jar | | | only scripts keep cookies (fastbench run)
-b | cookie | --cookie {} # a cookie / --data {} # a form / --body {} # a body of this text
   | -b is the body; curl's -b is a cookie
-b | file | -b @{} / --body {} # the text itself | -b takes text or @FILE
--json | json | -A application/json -T application/json -b {}
   | --json FILE saves the result; curl's --json is a body
-d -z --duration | form | --data {} # a form / -b {} # a body of this text
   | -d is the duration; use -b for a body
-d -z --duration | body | -b {} | -d is the duration; use -b for a body
-d -z --duration | file | -D {} | -d is the duration; use -D for a body from a file
-d | url | {} | -d is the duration; ab's -d is not needed
-d -z --duration | path | -D {} | -d is the duration; use -D for a body from a file
-D | duration | -d {} | -D is the file of the body; h2load's -D is the duration
-p | file | -D {} | -p is the requests in flight; ab's -p is the file of the body
-p | protocol | | -p is the requests in flight; --http1 or --http2 chooses
--npn-list --alpn-list --no-tls-proto | http/1 | = --http1 |
--npn-list --alpn-list --no-tls-proto | http/2 | = --http2 |
--npn-list --alpn-list --no-tls-proto | | | --http1 or --http2 allows one alone; without them
   the server of https:// chooses
-p | path | -D {} | -p is the requests in flight; ab's -p is the file of the body
-T | file | -m PUT -D {} | -T is a content type; curl's -T is a file to upload
--upload-file | | = -m PUT -D {} |
-body | file | = -D {} |
--body-path | | = -D {} |
--input | | -D {} | use -D for a body from a file
-I --head | none | = -m HEAD |
-i | count | -n {} | use -n for the number of requests
-i | file | --urls-from-file {} # a list of URLs / -D {} # a body
   | h2load's -i is --urls-from-file, autocannon's -i is -D
-i --include | none | -m HEAD # as ab / --debug # as curl
   | for ab's -i use -m HEAD, for curl's -i use --debug
-G --get | none | | write the query into the URL
--url | | = {} |
--url-query --param | | | write the query into the URL
--headers | | = -H {} |
-H | scheme | {} | -H is a header; Locust's -H is the server
--host | scheme | {} | --host is the Host header
--referer | | = -H 'Referer: {}' |
-e | url | -H 'Referer: {}' | curl's -e is a header here
-e | pair | | this flag is for scripts, started with `fastbench run SCRIPT.py`
-e | | --csv {} | for ab's -e use --csv
--agent | | = --user-agent {} |
-U | no value | = {} | with -R service and response times are shown
--u_latency --batch_latency | none | = | with -R service and response times are shown
-U | | --user-agent {} | use --user-agent for the user agent
-A | credentials | -a {} | -A sets Accept; for ab's -A use -a
@user agents
--disable-compression | none | = | compressed responses are only requested with --compressed
-u | scheme | = {} | as --url of other tools
--user | scheme | {} | --user takes user:password
-u --user | credentials | = -a {} |
-u | file | -m PUT -D {} | for ab's -u use -m PUT -D
-u --vus --users -VUs | count | -c {}
   | use -c for connections; only scripts have VUs (fastbench run)
-u --user | | -a {}: | -a takes user:password, with the colon
--oauth2-bearer | | = --bearer {} |
--ntlm --negotiate --anyauth | none
   | | only -a, alone or with --digest, --bearer and --aws-sigv4 are supported
--basic | none | = | -a is basic authentication
-m --method | duration with unit | --timeout {} | -m is the method, or the streams of HTTP/2
-X | url | -x {} # ab's -X, a proxy / {} # the server | -X is the method
-m | url | {} | -m is the method
--targets --urls-file --urls | | = --urls-from-file {} |
--dump-urls | | --debug | --debug shows the first 10 requests
--curl | | | give the URL, -m, -H and -b
--har | | convert {} -o script.py | convert makes a script of a recording
-f | tls version | | version and cipher of TLS are negotiated
-f --file | *.py | | Locust's tests do not run here; make a script of one
   with `fastbench convert locustfile.py -o script.py`
-f --file | *.txt | --urls-from-file {} | use --urls-from-file for a list of URLs
-f --file | file | -D {} | use -D for a body from a file
-f --forever --fail | none | | errors never end a run
--lazy --chunked | none | | a request is sent whole, with its length
-M --idReplacement | none | | requests that change need a script (fastbench run)
--script-file --timing-script-file --lua | | -s {} | use -s for wrk's scripts
--amount --iterations --number --total --num | | = -n {} |
-a | count | -n {} | -a is user:password; for autocannon's -a use -n
-a | no value | --no-keepalive {} | -a is user:password
--qps --rps --query-per-second --overallRate | | = -R {} |
--max-workers --max-connections -workers --clients --concurrency --concurrent --count | | = -c {} |
-cpus --cpus | | = --workers {} |
-w | count | -t {} | use -t for worker processes
-w | format of curl | | curl's -w is not supported: the report shows statuses and times
--write-out | | | the report shows statuses and times
--run-time --time | | = -d {} |
-t | time in capitals | -d {} | -t is the workers; for siege's -t use -d
-s | duration | --timeout {} | -s is wrk's script; for ab's -s use --timeout
-s | no value | = --no-progress {} |
-s | switches | | -s is wrk's script; curl's switches are not needed
--silent | none | = --no-progress |
-S --show-error | none | = | errors are always shown
--max-time | | = --timeout {} |
--warm-up-time --warmup-duration | | = -W {} |
-r | no value | = {} | errors never end a run, as with ab's -r
-q | no value | = --quiet {} |
-n | no value | --no-progress {}
   | -n is the number of requests; for autocannon's -n use --no-progress
-rate | zero | | for vegeta's rate 0 (as fast as possible), leave out -R
-rate | | = --rate {} |
--stage | | --stages {} | --stages takes all stages at once, for example 30s:20,1m:50,10s:0
--spawn-rate --connectionRate --reconnectRate
   | | | use --ramp T to open the connections one after the other
--reconnect-every | | --no-keepalive | --no-keepalive makes a new connection per request
--retry --retries --max-retries | | | a failed request is an error, never repeated
--limit-rate --max-body | | | responses are read whole, as fast as they come
--env --scenario --tag --tags
   | | | this flag is for scripts, started with `fastbench run SCRIPT.py`
--wait-ongoing-requests-after-deadline | none | = --drain |
--latency-correction | none | = | with -R, response times start when a request was due
--pin | | -t {} | use -t for the number of workers
-P --proxy-user --proxy-header | | | user and password stand in --proxy http://USER:PASSWORD@HOST:PORT
-h2 --http2 --h2c | false | = --http1 |
-h2 --h2 --h2c --http2-prior-knowledge | none | = --http2 |
--http3 --h3 -0 --http1.0 | none | | only HTTP/1.1 and HTTP/2 are supported
--http-version | http/1 | = --http1 |
--http-version | http/2 | = --http2 |
--http-version | | | only HTTP/1.1 and HTTP/2 are supported
--h1 --fasthttp | none | = --http1 |
--location --redirects --redirect --max-redirs --max-redirects | none | = --follow |
--location-trusted | none | --follow | no secret goes to another server; give the final URL
--redirects --redirect --max-redirs --max-redirects | number | = --follow {} |
-disable-redirects --disable-redirects | none | = | redirects are only followed with --follow
--unix-socket --socketPath | | = --unix {} |
--abstract-unix-socket | | = --unix @{} |
--no-tcp-nodelay | none | = --no-delay off |
--interface --local-address --laddr | | = --bind {} |
-B | ip | = --bind {} |
-B | url | {} | give the server's URL
-B --bailout | | --threshold 'errors<1% [abort]' | use a threshold to end a run
--ca-cert --ca --root-certs | | = --cacert {} |
-E | | = --cert {} |
-Z | | | for oha's -Z use --feed; ab's -Z is negotiated with the server
--cert-type --ciphers --tls-max --tlsv1.2 --tlsv1.3
   | | | version and cipher of TLS are negotiated
--no-verify --skip-verify --insecure-skip-tls-verify --tls-skip-verify | none | = -k |
--keepalive --keep-alive | false | = --no-keepalive |
--keepalive --keep-alive | true | = | connections stay open by default
--keepalive --keep-alive --tcp-nodelay --no-pre-lookup --no-dns-cache | none
   | = | this is the default
--abort-on-fail | none | --threshold 'errors<1% [abort]' | use [abort] to end the run
--thresholds | | --threshold {} | repeat --threshold for each
--expectBody | | = --expect-body {} |
-o --output | json word | --format json # the result / -o json=points.json # a point per second
   | use -o json=FILE for points during the run, --format json for the result
-o --output | csv word | --csv run.csv | use --csv FILE for a row per second
-o --output | text word | | the report is text by default
-o --output | quiet word | --quiet | use --quiet to print nothing
-o --output | null | = | responses are never written
@results
--output-format | json word | --format oha | use --format oha for oha's JSON
--output-format | csv word | --csv run.csv | use --csv FILE for a row per second
--output-format | quiet word | --quiet | use --quiet to print nothing
--output-format | | | the report is text by default
-j | none | --format oha # as oha's JSON / --json # the whole result | there are two kinds of JSON
-g | word | --hdr {} | for ab's -g use --hdr, which writes histograms
-g --globoff | none | = | brackets in a URL are sent unchanged
-p --print | parts | | -p is the requests in flight; the report is always printed whole
--print | | | the report is always printed whole
--no-print | none | = --quiet |
--no-tui | none | = --no-progress |
--disable-color --no-colors | none | = --no-color |
--percentiles | | --latency | --json always has p50 to p99.99; use --latency for all of them
--renderStatusCodes --statusCodes --stats-success-breakdown | none
   | = | the report always shows it
--headless --autostart --only-summary --no-usage-report | none | = | this is the default
--time-unit --fps --title --sampleInt --config | | | it is not needed
--db-url | | --history runs.db | use --history FILE.db to store runs
-v | count | --debug | use --debug to print one request in full
-v | beside a url | --debug | -v has no effect with a URL; use --debug to print one request in full
--verbose --dry-run --trace-ascii | none | --debug
   | --debug sends each URL once and prints request and response
-name | | | --name is the name of a run in --history
-format | | = | what a file of targets is shows in it
--dns-ttl --resolvers | | = | each run looks names up once
--session-tickets | none | = | it is not needed
--prometheus-addr | | -o prometheus=http://localhost:9090/api/v1/write
   | metrics are sent to a server of Prometheus, which asks for none
"""
