"""Help: every flag is told and none that there is not, in a terminal of 80 columns."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib import import_module

import pytest
from terminal import in_terminal

from fastbench.cli import main
from fastbench.cli.args import compare_args, find_args, flag_grammar, flag_table, url_args
from fastbench.cli.args.flag_table import Flags
from fastbench.cli.manual import first_pages, help_command, help_pages
from fastbench.foundation import exit_codes

TABLES = {
    "": (flag_table.URL,),
    "run": (flag_table.RUN, flag_table.K6),
    "find": (find_args.FLAGS,),
    "compare": (compare_args.URL_FLAGS, compare_args.SCRIPT_FLAGS),
}
FLAG = re.compile(r"(?<![\w{'./-])--?[A-Za-z0-9][A-Za-z0-9.-]*")
OF_SERVERS = {"--port"}  # in commands that start a server, as examples


def taken(table: Flags) -> set[str]:
    """Return the flags of a table that its command does not refuse."""
    flags = {**table.valued, **table.switched}
    return {name for name, dest in flags.items() if dest not in table.refused}


def known(command: str) -> set[str]:
    """Return the flags of a command, those of argparse as well."""
    if command in TABLES:
        return set().union(*(taken(table) for table in TABLES[command]))
    parser = import_module(flag_grammar.module_of(command)).parser()
    return {flag for action in parser._actions for flag in action.option_strings}


EVERY = set().union(*(known(command) for command in ["", *flag_grammar.COMMANDS]))


def named(text: str) -> set[str]:
    """Return the flags that a text names: `-c100` and `-c=5` are -c."""
    found = {each.rstrip(".,") for each in FLAG.findall(text)}
    return {each if each.startswith("--") else each[:2] for each in found}


@pytest.mark.parametrize("command", TABLES)
def test_every_flag_has_one_line_on_the_page_with_all(command: str) -> None:
    page = help_pages.every_flag(command)
    told = [flag for _, found in help_pages.sections(command) for e in found for flag in e.flags]
    assert sorted(told) == sorted(known(command)), "each flag once, and none that is refused"
    for _, found in help_pages.sections(command):
        for entry in found:
            assert entry.head.split(",")[0] in page
            assert re.match(r"[A-Z0-9_a-z,=-].*\.$", entry.text), entry
            first = entry.flags[0]
            table = next(each for each in TABLES[command] if first in taken(each))
            assert bool(entry.value) == (first in table.valued or entry.value == "[all]"), entry


@pytest.mark.parametrize("command", TABLES)
def test_no_page_names_a_flag_that_there_is_not(command: str) -> None:
    for page in (first_pages.PAGES[command], help_pages.every_flag(command)):
        assert named(page) - OF_SERVERS <= EVERY
    lines = first_pages.PAGES[command].splitlines()
    own = [line.strip().partition("  ")[0] for line in lines if line.startswith("  -")]
    assert named("\n".join(own)) <= known(command)


@pytest.mark.parametrize("name", help_command.TOPICS)
def test_a_topic_names_only_flags_that_there_are(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", name]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"{name}: ")
    assert named(page) - EVERY - OF_SERVERS == set()
    assert max(map(len, page.splitlines())) <= 80
    assert len(help_command.TOPICS[name].splitlines()) <= 32, "a topic is one screen"


@pytest.mark.parametrize("command", first_pages.PAGES)
def test_the_first_page_is_a_screen(command: str) -> None:
    lines = first_pages.PAGES[command].splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80, max(lines, key=len)
    assert max(map(len, help_pages.every_flag(command).splitlines())) <= 80


def test_the_examples_of_the_first_page_are_understood() -> None:
    block = first_pages.URL.partition("Examples\n")[2].partition("\n\n")[0]
    for line in block.splitlines():
        assert isinstance(url_args.parse(shlex.split(line)[1:]), url_args.Command), line


@pytest.mark.parametrize("command", ["", "run", "compare", "find", "suite", "doctor"])
def test_help_all_is_asked_for_in_every_way(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def page(*words: str) -> str:
        assert main(list(words)) == 0
        return capsys.readouterr().out

    own = [command] if command else []
    every = page(*own, "--help", "all")
    for words in (["--help=all"], ["-h", "all"]):
        assert page(*own, *words) == every
    assert page("help", *own, "all") == every
    first = page(*own, "-h")
    assert page("help", *own) == (first if command else help_command.listed() + "\n")
    assert len(first) <= len(every)


def test_help_of_all_commands_and_topics_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    listed = capsys.readouterr().out
    for name in (*flag_grammar.COMMANDS, *help_command.TOPICS):
        assert re.search(rf"^  {name} +\w", listed, re.MULTILINE), name
    assert set(help_command.ABOUT) == set(flag_grammar.COMMANDS)


def test_a_flag_has_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "--expect-status"]) == 0
    page = capsys.readouterr().out
    assert main(["help", "expect-status"]) == 0 and capsys.readouterr().out == page
    assert page.count("--expect-status LIST") == 4 and "fastbench run\n" in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("tresholds", "`tresholds`; did you mean thresholds?"),
        ("comparre", "did you mean compare?"),
        ("xyzzy", "No command or topic is called `xyzzy`. `fastbench help` lists them."),
        ("--tresholds", "No flag is called --tresholds; did you mean --threshold?"),
    ],
)
def test_a_misspelt_word_is_told_with_the_nearest(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", *words.split()]) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and said in shown.err and shown.err.count("\n") == 1


def test_every_exit_code_has_its_line() -> None:
    topic = help_command.TOPICS["exit-codes"]
    codes = {value for value in vars(exit_codes).values() if isinstance(value, int)}
    told = {int(code) for code in re.findall(r"^ +(\d+)  ", topic, re.MULTILINE)}
    assert told == codes
    worst = [int(code) for code in re.findall(r"\d+", topic.partition("this order:")[2])]
    order = sorted(codes - {exit_codes.PASSED}, key=exit_codes._ORDER.index)
    assert worst == order


def test_a_run_loads_no_page_of_help() -> None:
    script = (
        "import sys; from fastbench.cli import main; main(['-c', 'x', 'http://h/']); "
        "print(*(name for name in sys.modules if 'cli.manual' in name or 'completion' in name))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "\n"


def test_on_a_terminal_a_long_page_goes_through_the_pager() -> None:
    pager = f"{sys.executable} -c \"import sys; print('PAGED', len(sys.stdin.read()) > 999)\""
    assert "PAGED True" in in_terminal("--help", "all", env={"PAGER": pager}).written
    assert "PAGED" not in in_terminal("--help", env={"PAGER": pager}).written, "it fits"
    for program in ("cat", "", "no-such-program"):
        assert "--aws-sigv4" in in_terminal("--help", "all", env={"PAGER": program}).written


def test_in_a_pipe_there_is_no_pager() -> None:
    done = in_terminal("--help", "all", env={"PAGER": "false"}, stdout=False)
    assert "--aws-sigv4" in done.piped and done.code == 0
