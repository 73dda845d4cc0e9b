"""The flags of `fastbench run`: of scripts in Python, of k6 and of Artillery."""

from __future__ import annotations

from fastbench.cli.manual import url_entries
from fastbench.cli.manual.flag_entries import Sections, Told

LOAD: Told = {
    "vus": ("N", "Virtual users; of a ramp, its peak (as the script says)."),
    "duration": (
        "T",
        "How long: 30s, 2m, 1m30s, or seconds; a ramp keeps its shape (as the script says).",
    ),
    "iterations": ("N", "Iterations, shared by the users of a scenario."),
    "stages": (
        "T:N",
        "Change linearly to N users (or to a rate of N) within T; may be repeated, or joined by "
        "commas. In scripts of k6 -d, -i and -s make one scenario of `default`, as in k6.",
    ),
    "spawn_rate": (
        "N",
        "Start the users of -u so many a second, and keep them until -d ends, as in Locust.",
    ),
    "scenarios": ("NAME", "Run this scenario only; may be repeated, or joined by commas."),
    "scale": ("F", "Multiply users, rates and shared iterations: 0.1, 2, 50%."),
    "time_scale": ("F", "Multiply durations, stages and start times: 0.1, 2, 50%."),
    "shape": url_entries.LOAD["shape"],
    "workers": url_entries.LOAD["workers"],
    "wait_for": (
        "[URL,]T",
        "Before the run, wait at most T until URL (or --base-url) responds.",
    ),
}
MACHINES: Told = {
    **url_entries.MACHINES,
    "send": ("FILE|FOLDER", "What the script needs there, instead of its folder; repeated."),
}
SCRIPT: Told = {
    "env": ("NAME=VALUE", 'What env("NAME") returns; -e NAME takes it from the shell. Repeated.'),
    "tags": (
        "NAME=VALUE",
        "A tag of every sample; those of a request and of a scenario come before it.",
    ),
    "no_setup": ("", "Leave out the script's setup."),
    "no_teardown": ("", "Leave out the script's teardown."),
    "no_thresholds": ("", "Leave out the script's thresholds; --threshold still applies."),
    "max_exceptions": (
        "P",
        "Fail (exit 99) if more iterations end by an exception: 1%, or a count.",
    ),
    "fail_fast": ("", "End the run at the first exception of the script."),
    "dry_run": (
        "",
        "Print the plan without load, and find thresholds that cannot pass or cannot fail.",
    ),
    "debug": (
        "",
        "Run one iteration, and print every request and response; tokens, passwords and cookies "
        "are masked.",
    ),
    "verbose": ("", "Print the traceback if the script does not load."),
    "no_usage_report": ("", "Of k6; nothing is ever reported."),
}
REQUESTS: Told = {
    "base_url": ("URL", "What relative URLs begin with."),
    **{name: url_entries.REQUEST[name] for name in ("headers", "accept", "user_agent", "host")},
    "credentials": ("USER:PASS", "Basic authentication."),
    "bearer": url_entries.REQUEST["bearer"],
    "timeout": ("T", "The longest wait for a response (60s)."),
    "connect_timeout": ("T", "The longest wait for a connection."),
    "max_redirects": ("N", "Follow at most N redirects (10)."),
    "expect_status": ("LIST", "Statuses that count as ok: 200,2xx,301-303 (200-399)."),
    "no_keepalive": ("", "A new connection for each request."),
    "discard_bodies": ("", "Do not keep the bodies of responses."),
}
NETWORK: Told = {
    name: told
    for name, told in url_entries.NETWORK.items()
    if name not in ("timeout", "connect_timeout", "no_delay")
}
JUDGED: Told = {
    "thresholds": (
        "TEXT",
        "Exit 99 if it does not hold: 'p99<50ms', 'errors<1%', 'rps>=1000', 'checks>99%'; as in "
        "k6: 'http_req_duration{name:\"/a\"}: p(95)<500', 'operation_duration{kind:sql}: "
        "p(95)<20'; options [warn], [abort], [delay=10s], [stage=NAME], [last=30s]; goals and "
        "levels: see `fastbench help thresholds`. May be repeated.",
    ),
    **{
        name: told
        for name, told in url_entries.JUDGED.items()
        if name not in ("thresholds", "expect_status", "expect_body")
    },
}
OUTPUT: Told = {
    **{
        name: told
        for name, told in url_entries.OUTPUT.items()
        if name not in ("debug", "verbose", "latency")
    },
    "format": (
        "text|json|k6|k6-text|artillery|oha|bombardier|vegeta",
        "What is printed: our report, or that of another tool; k6 is its JSON summary, k6-text "
        "its text to the letter (text).",
    ),
    "latency": ("", "Print the HdrHistogram percentile spectrum."),
}
K6: Told = {
    "batch": ("N", "Requests that batch() has under way at most (20)."),
    "batch_per_host": ("N", "The same for each host (6)."),
    "rps": ("N", "Requests per second at most, over all users."),
    "min_iteration_duration": ("T", "The least time of an iteration."),
    "http_debug": ("[headers|full]", "Print requests and responses (headers)."),
    "dns": ("ttl=T,select=S,policy=P", "How names are resolved, as in k6."),
    "console_output": ("FILE", "Where console.log() writes, instead of stderr."),
    "config": ("FILE", "Options as JSON; what the script says comes before them."),
    "iteration_limit": ("T", "How long an iteration may compute; waiting is not counted."),
    "memory_limit": (
        "SIZE",
        "What the JavaScript of all workers may hold: 2GiB (three quarters of what is free).",
    ),
    "summary_trend_stats": ("LIST", "Columns of times in the summary: avg,med,p(95)."),
    "summary_time_unit": ("s|ms|us", "The unit of times in the summary."),
    "summary_mode": ("compact|legacy", "The text of --format k6-text (compact)."),
    "summary_export": ("FILE", "k6's summary as JSON."),
    "secret_sources": ("SOURCE", "mock=NAME=VALUE,... or file=PATH, for k6/secrets; repeated."),
    "blacklist_ips": ("NETWORK", "Refuse connections to these networks; repeated."),
    "block_hostnames": ("PATTERN", "Refuse these names; repeated."),
    "isolate": ("", "Built-in objects of its own for each user."),
    "throw": ("", "Requests that fail throw."),
    "no_vu_connection_reuse": ("", "New connections for each iteration."),
    "no_cookies_reset": ("", "Keep cookies from one iteration to the next."),
    "system_env": ("", "__ENV has the variables of the shell, too."),
    "no_summary": ("", "Print no summary."),
}

RUN: Sections = {
    "Load (each overrides this one setting in every scenario that runs)": LOAD,
    "Several machines": MACHINES,
    "Script": SCRIPT,
    "Requests (the defaults are the script's Options)": REQUESTS,
    "Network": NETWORK,
    "Pass or fail": JUDGED,
    "Output": OUTPUT,
    "Scripts of k6 only": K6,
}
