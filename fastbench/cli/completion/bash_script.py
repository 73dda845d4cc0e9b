"""The script of completion for bash: a function that looks at the words typed, and no Python."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from fastbench.cli.completion.completed_words import Command, Flag

_HEAD = """\
# Completion of fastbench for bash. To have it in every shell (with bash-completion):
#   mkdir -p ~/.local/share/bash-completion/completions
#   fastbench completion bash > ~/.local/share/bash-completion/completions/fastbench
# In this shell only:
#   source <(fastbench completion bash)

_fastbench_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

_fastbench_files() {  # the files with one of these endings, and folders; all without an ending
    local each ending
    compopt -o filenames 2>/dev/null
    while IFS= read -r each; do
        [[ -d $each || $# -eq 0 ]] && COMPREPLY+=("$each") && continue
        for ending in "$@"; do [[ $each == *"$ending" ]] && COMPREPLY+=("$each") && break; done
    done < <(compgen -f -- "$cur")
}

_fastbench() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command="" place=0 at
    COMPREPLY=()
    # `--flag=value` is three words here, for = is in COMP_WORDBREAKS
    if [[ $cur == = ]]; then cur=""
    elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
"""
_TAIL = """
}

complete -F _fastbench fastbench
"""


def render(commands: Sequence[Command]) -> str:
    """Return the script."""
    named = [each for each in commands if each.name]
    names = " ".join(each.name for each in named)
    lines = [
        f"    case ${{COMP_WORDS[1]}} in {'|'.join(each.name for each in named)})",
        "        if ((COMP_CWORD > 1)); then command=${COMP_WORDS[1]}; fi ;;",
        "    esac",
        "    for ((at = 2; at < COMP_CWORD; at++)); do",
        "        [[ ${COMP_WORDS[at]} == -* ]] || ((place += 1))",
        "    done",
        '    case "$command $prev" in',
    ]
    for each in commands:
        lines += _values(each)
    lines += ["    esac", '    if [[ $cur == -* ]]; then case "$command" in']
    for each in commands:
        flags = " ".join(name for flag in each.flags for name in flag.names)
        lines.append(f'        "{each.name}") _fastbench_words "{flags}"; return ;;')
    lines += ["    esac; fi", '    case "$command $place" in']
    lines.append(f'        " 0") ((COMP_CWORD == 1)) && _fastbench_words "{names}" ;;')
    for each in named:
        lines += _places(each)
    return _HEAD + "\n".join([*lines, "    esac"]) + _TAIL


def _values(command: Command) -> list[str]:
    """Return the cases of flags that have a value, those that are completed alike in one."""
    alike: dict[str, list[str]] = {}
    for flag in command.flags:
        if flag.value and (then := _then(flag)):
            patterns = alike.setdefault(then, [])
            patterns += [f'"{command.name} {name}"' for name in flag.names]
    return [f"        {'|'.join(names)}) {then} ;;" for then, names in alike.items()]


def _then(flag: Flag) -> str:
    """Return what completes a value; one that may be left out is none unless it is a word."""
    told = [f"_fastbench_words {shlex.quote(' '.join(flag.words))}"] if flag.words else []
    told += ["_fastbench_files"] if flag.files else []
    if flag.optional and not told:
        return ""
    more = " [[ $cur == -* ]] ||" if flag.optional else ""
    if flag.optional:
        return f"if{more[:-3]}; then :; else {'; '.join(told)}; return; fi"
    return "; ".join([*told, "return"])


def _places(command: Command) -> list[str]:
    lines = [
        f'        "{command.name} {place}") _fastbench_words "{" ".join(words)}" ;;'
        for place, words in enumerate(command.words)
    ]
    if command.files is not None:
        endings = " ".join(command.files)
        lines.append(f'        "{command.name} "*) _fastbench_files {endings} ;;')
    return [line.replace("_files  ;;", "_files ;;") for line in lines]
