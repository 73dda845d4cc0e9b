"""The flags of `fastbench find` and `fastbench compare`; the others are those of a run of URLs."""

from __future__ import annotations

from fastbench.cli.manual import url_entries
from fastbench.cli.manual.flag_entries import Sections, Told, without

SEARCH: Told = {
    "slo": (
        "TEXT",
        "The objective: p99<50ms, p(99.9)<1s, avg<5ms, max<2s, errors<1%, first_byte: p95<9ms; "
        "may be repeated. errors<1% is added, unless another limit for errors is given.",
    ),
    "first": ("N", "The first rate (100)."),
    "most": ("N", "The highest rate to try (none)."),
    "precision": ("P", "Stop when the two rates are this close (2%)."),
    "durations": ("T", "Measured time at each rate (5s)."),
    "warmup": ("T", "Load at the same rate before that; not measured (1s)."),
    "max_time": ("T", "End the search after T, with the result so far."),
    "connections": ("N", "Open connections (100), each with --streams of HTTP/2."),
}
FORMAT = ("text|json", "What is printed: our report, or the document (text).")
_RUN = without(url_entries.URL, {*SEARCH, "format"})
FIND: Sections = {
    "Search": SEARCH,
    **_RUN,
    "Output": {"format": FORMAT, **_RUN["Output"]},
}

SIDES: Told = {
    "run_base": ("CMD", "Start the server of the base with this command."),
    "run_candidate": ("CMD", "Start the server of the candidate with this command."),
    "server_url": ("URL", "Their address; {port} here and in CMD becomes a free port."),
    "pin": (
        "[CORES]",
        "Keep these servers on CORES (1, or 1-3), the load on the others (the last core).",
    ),
    "wait_for": (
        "URL",
        "A server is ready when this URL responds with a status below 400 (when its port accepts "
        "connections).",
    ),
    "sockets": (
        "PATH",
        "Connect to this Unix socket; given once for each side, in their order, each has its own.",
    ),
    "load_script": (
        "FILE",
        "Load both sides by this script, with the flags of `fastbench run`; the URL of the side "
        "is its --base-url.",
    ),
}
SLICES: Told = {
    "time": (
        "T",
        "Measured time, of all servers and all starts together (15s; of several starts 4s times "
        "their number).",
    ),
    "slice": ("T|auto", "The length of a slice, 20ms or more (auto: a pilot run finds it)."),
    "stop_when": (
        "sure|P",
        "End as soon as the verdict is different or equivalent (sure), or half of the interval's "
        "width is at most P (0.5%); either: sure,0.5%.",
    ),
    "restarts": (
        "N",
        "Start both servers N times; a start is then the sample: 1, or at least 8 (10 with "
        "--run-base, else 1).",
    ),
    "warmup": ("T", "Load before the slices of servers that it starts, or before a visit (1s)."),
    "seed": ("N", "The seed of the random order (random, and recorded)."),
}
VISITS: Told = {
    "visits": ("", "Measure in trials of seconds, one server at a time."),
    "pairs": ("N", "Trials of each side, at least 8 (12)."),
    "visit": ("T", "Measured time of a trial (3s)."),
    "max_time": ("T", "Start no pair that would end after T."),
}
VERDICT: Told = {
    "primary": (
        "requests_per_s|p50|p90|p99|mean|cpu_per_request",
        "The metric that decides (p99 with -R, else requests_per_s). Latencies without -R are "
        "measured at one rate that all sides reach.",
    ),
    "effect": ("P", "The smallest difference that matters (2%)."),
    "fail_on_regression": ("P", "Exit 96 if a candidate is worse by P or more: 5%."),
}
_JUDGED = ("expect_status", "expect_body", "watch", "fail_on")
_SHARED = without(url_entries.URL, {*SIDES, *SLICES, *VERDICT, "unix", "durations", "format"})
COMPARE: Sections = {
    "Sides": SIDES,
    "Measuring in slices: all servers are alive, and loaded in turns": SLICES,
    "Measuring in visits": VISITS,
    **_SHARED,
    "Load": {"durations": ("T", "Of slices --time, of visits --visit."), **_SHARED["Load"]},
    "Pass or fail": {**VERDICT, **{name: url_entries.JUDGED[name] for name in _JUDGED}},
    "Output": {
        "save_baseline": (
            "NAME",
            "Save the candidate in .fastbench/: its median trial; after slices one that is run "
            "for it.",
        ),
        "format": FORMAT,
        **_SHARED["Output"],
    },
}
