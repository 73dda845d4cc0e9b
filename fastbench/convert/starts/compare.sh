#!/bin/sh
# Is a new build faster? Starts both builds several times and loads them in turns, a few milliseconds
# each, so that what disturbs the machine disturbs both alike. The report gives the change with its
# interval, and a verdict only where the pairs carry one.
#
#     sh @FILE@
#
# Exit codes: 0 no regression, 96 a regression, 95 no valid comparison.
set -eu

# Yours: the commands that start each build. {port} is a free port that fastbench chooses.
BASE=${BASE:-'fastbench serve --quiet --port {port}'}
CANDIDATE=${CANDIDATE:-'fastbench serve --quiet --port {port}'}

# --restarts and --time are how long it takes: more of both give a narrower interval.
# --primary p99 or cpu_per_request asks for something other than requests per second.
exec fastbench compare \
    --run-base "$BASE" --run-candidate "$CANDIDATE" \
    --url 'http://127.0.0.1:{port}/api/health' \
    --restarts "${RESTARTS:-10}" --time "${TIME:-15s}" \
    --fail-on-regression 5% \
    --json @NAME@.json --html @NAME@.html --md @NAME@.md
