"""The script of completion for fish: one line for each flag, with what it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fastbench.cli.completion.completed_words import Command, Flag

_HEAD = """\
# Completion of fastbench for fish. To have it in every shell:
#   mkdir -p ~/.config/fish/completions
#   fastbench completion fish > ~/.config/fish/completions/fastbench.fish
# In this shell only:
#   fastbench completion fish | source

function __fastbench_commands
    echo {names}
end

function __fastbench_is  # the command, "" for a run of URLs
    set -l words (commandline -opc)
    if test -n "$argv[1]"
        test (count $words) -gt 1; and test "$words[2]" = "$argv[1]"
    else
        test (count $words) -lt 2; or not contains -- $words[2] {names}
    end
end

function __fastbench_at  # the command, and how many of its words there are
    __fastbench_is $argv[1]; or return
    set -l words (commandline -opc)[3..-1]
    test (count (string match -v -- '-*' $words)) -eq $argv[2]
end

complete -c fastbench -f
"""
_FIRST = "test (count (commandline -opc)) -eq 1"


def render(commands: Sequence[Command]) -> str:
    """Return the script."""
    names = " ".join(each.name for each in commands if each.name)
    lines = [
        f"complete -c fastbench -n '{_FIRST}' -a {each.name} -d {_quoted(each.told)}"
        for each in commands
        if each.name
    ]
    for command in commands:
        lines += _of_command(command)
    return _HEAD.format(names=names) + "\n".join(lines) + "\n"


def _of_command(command: Command) -> Iterator[str]:
    here = f"complete -c fastbench -n '__fastbench_is \"{command.name}\"'"
    for flag in command.flags:
        yield f"{here} {_spelled(flag)} -d {_quoted(flag.told)}"
    for place, words in enumerate(command.words):
        where = f"complete -c fastbench -n '__fastbench_at {command.name} {place}'"
        yield f"{where} -a {_quoted(' '.join(words))}"
    if command.files is not None:
        endings = command.files or ("",)
        found = "; ".join(f"__fish_complete_suffix {each}" for each in endings if each)
        yield f"{here} -k -a '({found})'" if found else f"{here} -F"


def _spelled(flag: Flag) -> str:
    parts = [f"-l {name[2:]}" if name[:2] == "--" else f"-s {name[1:]}" for name in flag.names]
    if flag.value and (not flag.optional or flag.files):
        parts.append("-r -F" if flag.files else "-x")
    if flag.words:
        parts.append(f"-a {_quoted(' '.join(flag.words))}")
    return " ".join(parts)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
