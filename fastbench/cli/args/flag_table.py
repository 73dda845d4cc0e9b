"""The flags of the commands that load a server: where the value of each goes, and its spellings.

A run of URLs and a run of a script share most of them. `find` and `compare` take the flags of a
run, refuse some of them, and have flags of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from fastbench.cli.args import aliases
from fastbench.cli.args.aliases import Alias
from fastbench.cli.args.flag_grammar import Grammar
from fastbench.cli.args.value_shapes import ANY, NONE
from fastbench.foundation.files import JAVASCRIPT


@dataclass(frozen=True)
class Flags:
    """What one command takes; each table gives the spellings by the name of the value.

    Of `one`, the last value given counts, as in getopt(3); `many` keeps all of them, and `tagged`
    each with its flag. `refused` says why, by the name of the value; without those in `needed`,
    the command would do something else.
    """

    command: str  # "" is a run of URLs
    base: str  # the run it makes, which names the section of `aliases`
    one: Mapping[str, str]
    many: Mapping[str, str]
    switches: Mapping[str, str]
    tagged: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    needed: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()  # spellings of this command alone, which are no aliases
    unset: frozenset[str] = frozenset()  # switches that are None where they are not given

    @cached_property
    def valued(self) -> dict[str, str]:
        """The name of the value of each flag that takes one, by spelling."""
        return by_name(self.one, self.many, self.tagged)

    @cached_property
    def switched(self) -> dict[str, str]:
        """The name of each switch, by spelling."""
        return by_name(self.switches)

    def names(self) -> list[str]:
        """List every flag in every spelling."""
        return sorted(self.valued | self.switched)

    def of_command(
        self,
        command: str,
        one: Mapping[str, str],
        many: Mapping[str, str] | None = None,
        *,
        switches: Mapping[str, str] | None = None,
        refused: Mapping[str, str],
        needed: frozenset[str] = frozenset(),
    ) -> Flags:
        """Return the flags of a command that takes these and its own."""
        many, switches = many or {}, switches or {}
        own = frozenset(by_name(one, many, switches))
        one, many = {**self.one, **one}, {**self.many, **many}
        switches = {**self.switches, **switches}
        taken = replace(self, command=command, one=one, many=many, switches=switches, own=own)
        return replace(taken, refused=refused, needed=needed)

    def grammar(self) -> Grammar:
        """Return how the command cuts its words."""
        rows = (*self._refusals(), *aliases.rows(self.base))
        urls = self.base == "url"
        return Grammar(self.command, self.valued, self.switched, rows, urls, own=self.own)

    def _refusals(self) -> Iterator[Alias]:
        for flags, when in ((self.valued, ANY), (self.switched, NONE)):
            for name, dest in flags.items():
                if why := self.refused.get(dest):
                    lines = () if dest in self.needed else ("",)
                    yield Alias(name, lines, why.format(name), when)


def by_name(*tables: Mapping[str, str]) -> dict[str, str]:
    """Turn tables round: what each spelling is of."""
    rows = (row for table in tables for row in table.items())
    return {name: dest for dest, spellings in rows for name in spellings.split()}


_ONE = {  # of every run
    "workers": "-t --threads --workers",
    "timeout": "--timeout",
    "connect_timeout": "--connect-timeout",
    "accept": "-A --accept",
    "credentials": "-a --auth",
    "bearer": "--bearer",
    "host": "--host",
    "user_agent": "--user-agent",
    "expect_status": "--expect-status",
    "cacert": "--cacert",
    "cert": "--cert",
    "key": "--key",
    "servername": "--servername --sni",
    "unix": "--unix",
    "proxy": "-x --proxy",
    "format": "--format",
    "json": "--json",
    "csv": "--csv",
    "hdr": "--hdr",
    "html": "--html",
    "md": "--md",
    "template": "--template",
    "junit": "--junit",
    "baseline": "--baseline",
    "save_baseline": "--save-baseline",
    "fail_on_regression": "--fail-on-regression",
    "fail_on": "--fail-on",
    "dashboard": "--dashboard",
    "history": "--history",
    "name": "--name",
    "wait_for": "--wait-for",
    "webhook": "--webhook",
    "progress_every": "--progress-every",
    "on": "--on",
    "on_lost": "--on-lost",
}
_MANY = {
    "headers": "-H --header",
    "bind": "--bind",
    "connect_to": "--connect-to",
    "resolve": "--resolve",
    "watch": "--watch",
    "thresholds": "--threshold",
    "outs": "-o --out",
}
_SWITCHES = {
    "insecure": "-k --insecure",
    "no_keepalive": "--no-keepalive --disable-keepalive",
    "ipv4": "-4 --ipv4",
    "ipv6": "-6 --ipv6",
    "one_address": "--one-address",
    "http1": "--http1 --http1.1",
    "http2": "--http2",
    "debug": "--debug",
    "latency": "-L --latency",
    "strict": "--strict",
    "quiet": "--quiet",
    "no_progress": "--no-progress",
    "no_color": "--no-color",
    "verbose": "-v",
    "version": "-V --version",
    "help": "-h --help",
}

URL = Flags(
    command="",
    base="url",
    one=_ONE
    | {
        "connections": "-c --connections",
        "requests": "-n --requests",
        "pipeline": "-p --pipeline",
        "streams": "--streams",
        "method": "-m -X --method --request",
        "body": "-b --body",
        "body_file": "-D --body-file",
        "by_value": "-T --content-type",
        "script": "-s --script",
        "expect_body": "--expect-body",
        "rate": "-R -r -q --rate",
        "ramp": "--ramp",
        "stages": "--stages",
        "shape": "--shape",
        "arrival": "--arrival",
        "burst": "--burst",
        "burst_delay": "--burst-delay",
        "burst_rate": "--burst-rate",
        "follow": "--follow",
        "max_repeat": "--max-repeat",
        "regex_count": "--rand-regex-count",
        "aws_sigv4": "--aws-sigv4",
        "aws_session": "--aws-session",
        "no_delay": "--no-delay",
        "on_overload": "--on-overload",
        "warmup": "-W --warmup",
        "ws_mode": "--ws-mode",
        "feed": "--feed",
        "feed_order": "--feed-order",
        "seed": "--seed",
    },
    many=_MANY
    | {
        "durations": "-d -z --duration",
        "urls_from_file": "--urls-from-file",
        "forms": "-F --form",
        "cookies": "--cookie",
        "subprotocols": "--ws-subprotocol",
    },
    tagged={"data": "--data --data-ascii --data-raw --data-binary --data-urlencode"},
    switches=_SWITCHES
    | {
        "no_keepalive": f"{_SWITCHES['no_keepalive']} --disableKeepAlives",
        "no_retry": "--no-retry",
        "compressed": "--compressed",
        "rand_regex_url": "--rand-regex-url",
        "latency": f"{_SWITCHES['latency']} -l --latencies",
        "digest": "--digest",
        "drain": "-w --drain",
        "binary": "--binary",
        "raw": "--raw",
    },
)
RUN = Flags(  # k6's spellings
    command="run",
    base="run",
    one=_ONE
    | {
        "vus": "-u --vus",
        "duration": "-d -z --duration",
        "iterations": "-i --iterations",
        "scale": "--scale",
        "time_scale": "--time-scale",
        "shape": "--shape",
        "spawn_rate": "--spawn-rate",
        "base_url": "--base-url",
        "max_redirects": "--max-redirects --redirects",
        "max_exceptions": "--max-exceptions",
    },
    many=_MANY
    | {
        "stages": "-s --stage --stages",
        "env": "-e --env",
        "send": "--send",
        "scenarios": "--scenario",
        "tags": "--tag --tags",
        "bind": f"{_MANY['bind']} --local-ips",
    },
    switches=_SWITCHES
    | {
        "insecure": f"{_SWITCHES['insecure']} --insecure-skip-tls-verify",
        "no_keepalive": f"{_SWITCHES['no_keepalive']} --no-connection-reuse",
        "discard_bodies": "--discard-response-bodies",
        "dry_run": "--dry-run",
        "fail_fast": "--fail-fast",
        "no_setup": "--no-setup",
        "no_teardown": "--no-teardown",
        "no_thresholds": "--no-thresholds",
        "quiet": f"-q {_SWITCHES['quiet']}",
        "no_usage_report": "--no-usage-report",  # of k6: nothing is ever reported here
        "verbose": f"{_SWITCHES['verbose']} --verbose",
    },
)
_K6_ONE = {  # of k6 and of its language: for its scripts alone
    "batch": "--batch",
    "batch_per_host": "--batch-per-host",
    "rps": "--rps",
    "min_iteration_duration": "--min-iteration-duration",
    "http_debug": "--http-debug",
    "dns": "--dns",
    "console_output": "--console-output",
    "config": "-c --config",
    "iteration_limit": "--iteration-limit",
    "memory_limit": "--memory-limit",
    "summary_trend_stats": "--summary-trend-stats",
    "summary_time_unit": "--summary-time-unit",
    "summary_mode": "--summary-mode",
    "summary_export": "--summary-export",
}
_K6_MANY = {
    "secret_sources": "--secret-source",
    "blacklist_ips": "--blacklist-ip",
    "block_hostnames": "--block-hostnames",
}
_K6_SWITCHES = {
    "isolate": "--isolate",
    "throw": "-w --throw",
    "no_vu_connection_reuse": "--no-vu-connection-reuse",
    "no_cookies_reset": "--no-cookies-reset",
    "system_env": "--include-system-env-vars",
    "no_summary": "--no-summary",
}
K6 = replace(
    RUN,
    one={**RUN.one, **_K6_ONE},
    many={**RUN.many, **_K6_MANY},
    switches={**RUN.switches, **_K6_SWITCHES},
    own=frozenset(by_name(_K6_ONE, _K6_MANY, _K6_SWITCHES)),
    unset=frozenset(_K6_SWITCHES),
)


def of_script(words: Sequence[str]) -> Flags:
    """Return the flags of a run of the script that these words name: k6's scripts have k6's."""
    return K6 if any(each.endswith(JAVASCRIPT) for each in words if each[:1] != "-") else RUN


def grammar_of(command: str, words: Sequence[str]) -> Grammar:
    """Return how these words of a run are cut."""
    return (of_script(words) if command == "run" else URL).grammar()
