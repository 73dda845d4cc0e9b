"""--on and what belongs to it: what flags mean on several machines is said before the run."""

from __future__ import annotations

import io
import shlex
import sys
from pathlib import Path

import pytest
from commandline import invoke

from fastbench.cli.args import script_args, url_args
from fastbench.cli.output import machine_flags
from fastbench.cli.output.settings import OnMachines
from fastbench.cluster.links import cluster_thread
from fastbench.foundation.usage_error import UsageError


def _url(line: str) -> url_args.Command:
    found = url_args.parse(shlex.split(line))
    assert isinstance(found, url_args.Command)
    return found


def _script(line: str) -> script_args.Command:
    found = script_args.parse(shlex.split(line))
    assert isinstance(found, script_args.Command)
    return found


def test_a_cluster_is_named_with_what_becomes_of_a_run_without_a_machine() -> None:
    assert _url("http://localhost/").output.on is None
    assert _url("--on local:2 http://localhost/").output.on == OnMachines("local:2")
    stop = _script("--on tcp://a:1 --on-lost stop --send data --send x.csv a.py").output.on
    assert stop == OnMachines("tcp://a:1", stop_when_lost=True, send=("data", "x.csv"))


@pytest.mark.parametrize("flag", ["--on-lost stop", "--send data"])
def test_what_is_about_machines_needs_some(flag: str) -> None:
    name = flag.split()[0]
    with pytest.raises(UsageError, match=f"^{name} is about the machines of --on; give both"):
        _script(f"{flag} a.py")


def test_addresses_of_other_machines_are_theirs_to_check() -> None:
    """203.0.113.0/24 is for documentation (RFC 5737): no machine here has one of them."""
    for parse, line in ((_url, "http://localhost/"), (_script, "a.py")):
        bind = f"--bind 203.0.113.1,127.0.0.2 {line}"
        with pytest.raises(UsageError, match=r"--bind 203\.0\.113\.1: "):
            parse(bind)
        parse(f"--on local:2 {bind}")
    plan = _url("--on local:2 --bind 203.0.113.1 http://localhost/").plan
    assert plan.bind == ("203.0.113.1",)


def test_flags_that_mean_something_else_there_are_noticed() -> None:
    line = "--bind 127.0.0.2 --watch cmd:postgres http://localhost/"
    assert not any("machine" in each for each in _url(line).notices)
    said = _url(f"--on local:2 {line}").notices
    assert [each.partition(" ")[0] for each in said] == ["--bind:", "--watch"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("compare --on local:2 http://a/ http://b/", "--on is not for comparisons, whose"),
        ("compare --on-lost stop http://a/ http://b/", "--on-lost belongs to --on, which is not"),
        ("compare --script a.py --send x http://a/ http://b/", "--send belongs to --on"),
    ],
)
def test_commands_of_many_runs_refuse_machines(line: str, sentence: str) -> None:
    done = invoke(*line.split())
    assert done.returncode == 1 and sentence in done.stderr


def test_a_script_from_standard_input_is_refused_before_anything_starts() -> None:
    done = invoke("run", "--on", "tcp://127.0.0.1:1", "-", stdin="x = 1")
    assert done.returncode == 1
    assert "need the script in a file, not on standard input" in done.stderr


def test_what_is_to_be_sent_and_is_not_there_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "a.py"
    script.write_text("")
    done = invoke("run", "--on", "tcp://127.0.0.1:1", "--send", "nowhere", str(script))
    assert done.returncode == 1
    assert "--send nowhere does not exist; name a file or folder." in done.stderr


def test_the_document_says_on_which_cluster_without_its_password() -> None:
    assert "on" not in _url("http://localhost/").plan.config
    line = "--on tcp://me:secret@10.0.0.5:8786"
    for config in (_url(f"{line} http://a/").plan.config, _script(f"{line} a.py").request.config):
        assert "10.0.0.5:8786" in str(config["on"])
        assert "secret" not in str(config)


def test_debug_is_told_to_stay_here() -> None:
    for parse, line in ((_url, "http://localhost/"), (_script, "a.py")):
        told = "--debug sends from this machine, not from those of --on."
        assert told in parse(f"--on local:2 --debug {line}").notices
        assert told not in parse(f"--debug {line}").notices


def test_what_one_machine_alone_can_do_is_refused_with_several() -> None:
    with pytest.raises(UsageError, match="--format wrk tells how fast each thread of this mach"):
        _url("--on local:2 --format wrk http://localhost/")
    done = invoke("run", "--on", "local:2", "a.py", "b.py")
    assert done.returncode == 1
    assert "--on is not for several scripts: each of them would need all machines" in done.stderr


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("quiet", ["", "--quiet "])
def test_a_terminal_says_that_machines_are_reached_until_they_are(
    quiet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = _url(f"{quiet}--on tcp://127.0.0.1:1 http://localhost/").output
    said: list[str] = []

    class Refused:
        def __init__(self, address: str) -> None:
            said.append(terminal.getvalue())
            raise UsageError(address)

    terminal = _Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(cluster_thread, "ClusterThread", Refused)
    assert output.on is not None
    with pytest.raises(UsageError, match="tcp"), machine_flags.reached(output.on, output):
        raise AssertionError("there is no cluster")
    assert said == ["" if quiet else machine_flags.REACHING]
    left = "" if quiet else machine_flags.REACHING + machine_flags.ERASED
    assert terminal.getvalue() == left
