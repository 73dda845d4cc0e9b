"""Flags of other tools for the other commands; words and files where a command or a URL is due."""

from __future__ import annotations

TABLE = """
[report]
--type | json word | --format vegeta | use --format for the JSON of other tools
--type | | | the report is text; other forms are --html, --md, --junit, --csv and --hdr
-o --output --out | *.html | --html {} | the forms are --html, --md, --junit, --csv and --hdr
-o --output --out | *.csv | --csv {} | the forms are --html, --md, --junit, --csv and --hdr
-o --output --out | | --md {} | the forms are --html, --md, --junit, --csv and --hdr
--every --buckets --title | | | it is not needed
--markdown | | = --md {} |
--json | none | | the file is JSON already

[history]
-n --limit | count | --last {} | use --last N for the newest N
--csv --md --junit | | --json | the forms are --html and --json
--format | json word | --json | use --json for other programs

[doctor]
--format -o | | --json | use --json for other programs

[serve]
-p -l | count | = --port {} |
--bind -b --address | | = --host {} |
--unix --unix-socket --socket | | = --uds {} |

[suite]
-n | none | --dry-run | --list prints the runs, --dry-run checks them
--name --scenario --run | | --only {} | use --only for one run of the suite
--json --html --md --junit | | | all forms are written into the folder of --out
--output | | --out {} | use --out for the folder of the results

[first word]
version | | = --version |
attack | | {} --urls-from-file - | fastbench is the command itself
vegeta wrk wrk2 hey oha ab bombardier autocannon h2load siege k6 artillery | | {}
   | fastbench is the command itself
quick bench load test http start get-started | | {} | give the URL without a command
plot graph | | report RESULT.json --html plot.html
   | report makes a page with charts of a file that --json wrote
encode dump | | report {} | report writes a saved result in other forms
inspect archive lint validate check | | run --dry-run {} | --dry-run checks a script
locust | | run {} | first make a script of the locustfile:
   fastbench convert locustfile.py -o script.py
execute exec | | run {} | run starts a script
jmeter | | new script NAME | plans of JMeter are not read; new writes a script to begin with
server mock target | | serve {} | serve starts a server to benchmark
diff cmp versus vs | | compare {} | compare compares two servers or results
search max capacity | | find {} | find searches for the highest rate
results runs list trend | | history runs.db | history lists the runs that --history stored
export html | | report {} --html report.html | report writes a saved result in other forms
init create scaffold | | new script NAME
   | new writes a script, a suite, a comparison or a job for CI, to begin with
import har har-to-k6 generate | | convert {} -o script.py
   | convert writes a script of another tool's file
cloud login logout pause resume scale stats status | | --dashboard http://localhost:8080/
   | runs are local and have no remote control; --dashboard shows a run live
update upgrade install | | --version | use pip: pip install -U fastbench-http

[file]
.py .yml .yaml .js .mjs .cjs .ts | | run {} | run starts a script
.toml | | suite {} | suite runs a suite
.db .sqlite .sqlite3 | | history {} | history shows stored runs
.lua | | -s {} | use -s for a script of wrk
.txt .urls .list | | --urls-from-file {} | use --urls-from-file for a list of URLs
.json .ndjson .jsonl .gz | | report {} | report shows a saved result
.har | | convert {} -o script.py | convert makes a script of a recording
.jmx | | new script NAME | plans of JMeter are not read; new writes a script to begin with
.postman_collection .http | | --urls-from-file urls.txt | this format is not supported;
   write the URLs into a file, one per line, with the method before
.csv .html .md .xml .hlog | | report RESULT.json
   | a run writes this file but cannot read it; save a result with --json FILE
"""
