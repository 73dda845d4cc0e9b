"""Completion in real shells: what TAB makes of a line, and no flag that there is not."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import LIMIT_S

from fastbench.cli.args import flag_grammar
from fastbench.cli.commands import examples
from fastbench.cli.completion import bash_script, completed_words, fish_script, zsh_script
from fastbench.cli.manual import help_command

SCRIPTS = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
# A shell as it starts without files of its user, and what makes it ready.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "bind 'set bell-style none'; source {}"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; source {}"),
}
SAYS = 'fastbench() {{ printf "GOT<%s>\\n" "$*"; }}; printf "%s" REA; echo DY\n'


def script(shell: str, folder: Path) -> Path:
    path = folder / f"completion.{shell}"
    path.write_text(SCRIPTS[shell].render(completed_words.commands()))
    return path


class Typing:
    """A shell at a terminal; `fastbench` is a function that says what it was called with."""

    def __init__(self, shell: str, folder: Path) -> None:
        if not shutil.which(shell):
            pytest.skip(f"{shell} is not installed; make test installs it as root")
        self._fd, terminal = pty.openpty()
        argv, ready = SHELLS[shell]
        told = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "PS1": "$ "}
        self._shell = subprocess.Popen(
            argv, stdin=terminal, stdout=terminal, stderr=terminal, cwd=folder, env=told,
            start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        self.screen = ""
        self._type(ready.format(script(shell, folder)) + "; " + SAYS.format())
        self._read(r"READY")

    def complete(self, typed: str) -> str:
        """Return what a line is after TAB."""
        self.screen = ""
        self._type(f"fastbench {typed}\t")
        self._type("\n")
        return self._read(r"GOT<([^>]*)>")[1]

    def _type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def _read(self, wanted: str) -> re.Match[str]:
        end_s = time.monotonic() + LIMIT_S
        while not (found := re.search(wanted, self.screen)):
            assert select.select([self._fd], [], [], end_s - time.monotonic())[0], self.screen
            self.screen += os.read(self._fd, 65536).decode(errors="replace")
        return found

    def close(self) -> None:
        self._shell.kill()
        self._shell.wait()
        os.close(self._fd)


@pytest.fixture(scope="module", params=SHELLS)
def typing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Typing]:
    folder = tmp_path_factory.mktemp(request.param)
    for name in ("shop.py", "shop.txt", "nightly.toml", "result.json"):
        (folder / name).touch()
    with contextlib.closing(Typing(request.param, folder)) as found:
        yield found


LINES = {  # as typed, and as completed
    "doct": "doctor",
    "--expect-st": "--expect-status",
    "--html": "--html",
    "-c5 --connections-no": "-c5 --connections-no",
    "--on-overload dr": "--on-overload drop",
    "--shape=sp": "--shape=spike",
    "--json res": "--json result.json",
    "--template pl": "--template plan",
    "run sho": "run shop.py",
    "run --scen": "run --scenario",
    "run --format k6-": "run --format k6-text",
    "run -c nig": "run -c nightly.toml",
    "suite nig": "suite nightly.toml",
    "suite --on": "suite --on",
    "compare --stop-when su": "compare --stop-when sure",
    "report --format bomb": "report --format bombardier",
    "examples co": "examples copy",
    "examples copy helpd": "examples copy helpdesk",
    "help thr": "help thresholds",
    "new scr": "new script",
    "completion zs": "completion zsh",
}


@pytest.mark.parametrize("typed", LINES)
def test_a_line_is_completed(typing: Typing, typed: str) -> None:
    assert typing.complete(typed).rstrip(" =") == LINES[typed]


@pytest.fixture(scope="module")
def fish(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if not shutil.which("fish"):
        pytest.skip("fish is not installed; make test installs it as root")
    folder = tmp_path_factory.mktemp("fish")
    for name in ("shop.py", "shop.txt", "nightly.toml", "result.json"):
        (folder / name).touch()
    return script("fish", folder), folder


def in_fish(fish: tuple[Path, Path], typed: str) -> dict[str, str]:
    """Return what fish offers for a line, each with its description."""
    path, folder = fish
    asked = f"source {path}; complete -C 'fastbench {typed}'"
    told = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb"}
    done = subprocess.run(
        ["fish", "--no-config", "-c", asked],
        cwd=folder, env=told, capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    assert done.stderr == ""
    rows = (line.partition("\t") for line in done.stdout.splitlines())
    return {word: about for word, _, about in rows}


@pytest.mark.parametrize("typed", [line for line in LINES if LINES[line] != line])
def test_fish_offers_it(fish: tuple[Path, Path], typed: str) -> None:
    offered = in_fish(fish, typed)
    word = LINES[typed].rpartition(" ")[2]
    assert word in offered
    if word.startswith("--") and "=" not in word:
        assert len(offered[word]) > 5, "a flag has its description"


def test_fish_offers_nothing_that_does_not_belong_there(fish: tuple[Path, Path]) -> None:
    assert "--vus" not in in_fish(fish, "--") and "--vus" in in_fish(fish, "run --")
    assert set(in_fish(fish, "")) >= set(flag_grammar.COMMANDS)
    assert "shop.txt" not in in_fish(fish, "-c ")
    assert set(in_fish(fish, "examples copy ")) >= set(examples.names())
    assert set(in_fish(fish, "help ")) >= set(help_command.TOPICS)


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_command_prints_the_script(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fastbench", "completion", shell], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"fastbench completion {shell}" in done.stdout, "its head says how it is installed"
    assert not re.search(r"python3?\b(?!,)", done.stdout), "nothing starts Python at a TAB"
    if shell == "zsh":
        assert done.stdout.startswith("#compdef fastbench\n")
    if shutil.which(shell):
        syntax = subprocess.run([shell, "-n"], input=done.stdout, capture_output=True, text=True)
        assert (syntax.returncode, syntax.stderr) == (0, "")


@pytest.mark.parametrize("command", completed_words.commands(), ids=lambda each: each.name)
def test_every_flag_of_every_command_is_there(command: completed_words.Command) -> None:
    known = {name for flag in command.flags for name in flag.names}
    scripts = {
        shell: module.render([command]) for shell, module in SCRIPTS.items() if shell != "zsh"
    }
    plain = completed_words.Command("", "", ())
    scripts["zsh"] = zsh_script.render([plain, command])
    for name in known:
        assert re.search(rf'[" ]{name}[" ]', scripts["bash"])
        assert f"-l {name[2:]} " in scripts["fish"] or f"-s {name[1:]} " in scripts["fish"]
        assert re.search(rf"[)*']{name}[+=]?\[", scripts["zsh"])
    assert len(known) == sum(len(flag.names) for flag in command.flags), "none stands twice"
    for flag in command.flags:
        assert flag.told and len(flag.told) <= 72
