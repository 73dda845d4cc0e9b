"""The script of completion for zsh: a call of _arguments for each command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fastbench.cli.completion.completed_words import Command, Flag

_HEAD = """\
#compdef fastbench
# Completion of fastbench for zsh. To have it in every shell:
#   mkdir -p ~/.zfunc && fastbench completion zsh > ~/.zfunc/_fastbench
# and in ~/.zshrc, before compinit: fpath=(~/.zfunc $fpath)
# In this shell only, after compinit:
#   source <(fastbench completion zsh)

"""
_BEGIN = """\
_fastbench() {
    local -a commands
    commands=(
"""
_MIDDLE = """\
    )
    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
        _describe -t commands command commands
        return
    fi
    case $words[2] in
"""
_TAIL = """\
    esac
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _fastbench "$@"
else compdef _fastbench fastbench
fi
"""


def render(commands: Sequence[Command]) -> str:
    """Return the script."""
    plain, *named = commands
    both = {
        _or_file(flag): " ".join(flag.words)
        for each in commands
        for flag in each.flags
        if flag.words and flag.files
    }
    functions = [
        f"{name}() {{ _alternative 'words:word:({words})' 'files:file:_files'; }}\n\n"
        for name, words in both.items()
    ]
    names = [f"        {_quoted(f'{each.name}:{each.told}')}\n" for each in named]
    cases = []
    for each in named:
        cases.append(f"    {each.name})\n        shift words; (( CURRENT-- ))\n")
        cases.append(_arguments(each))
    cases.append("    *)\n" + _arguments(plain))
    begin = _HEAD + "".join(functions) + _BEGIN
    return begin + "".join(names) + _MIDDLE + "".join(cases) + _TAIL


def _arguments(command: Command) -> str:
    specs = [spec for flag in command.flags for spec in _specs(flag)]
    for place, words in enumerate(command.words, 1):
        specs.append(f"{place}:word:({' '.join(words)})")
    if command.files is not None:
        endings = "|".join(each.removeprefix(".") for each in command.files)
        # Without one of these endings, all files are shown.
        pattern = f"({endings})" if len(command.files) > 1 else endings  # (a) is a qualifier
        glob = f' -g "*.{pattern}"' if endings else ""
        specs.append(f"*:file:_files{glob}")
    elif not command.name:
        specs.append("*:URL:_urls")
    lines = "".join(f" \\\n            {_quoted(spec)}" for spec in specs)
    return f"        _arguments -s -S{lines}\n        ;;\n"


def _specs(flag: Flag) -> Iterator[str]:
    """Give a spec for each spelling; one excludes the others, unless the flag may be repeated."""
    others = " ".join(flag.names)
    before = "*" if flag.repeated else f"({others})"
    told = flag.told.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    for name in flag.names:
        joined = ""
        if flag.value:
            joined = "=" if name[:2] == "--" else "+"
        yield f"{before}{name}{joined}[{told}]{_value(flag)}"


def _value(flag: Flag) -> str:
    if not flag.value:
        return ""
    begin = "::" if flag.optional else ":"
    called = flag.value.strip("[]=").replace(":", "\\:").replace("[", "").replace("]", "")
    words = f"({' '.join(flag.words)})"
    if flag.words and flag.files:
        return f"{begin}{called}:{_or_file(flag)}"
    action = words if flag.words else "_files" if flag.files else " "
    return f"{begin}{called}:{action}"


def _or_file(flag: Flag) -> str:
    """Return the name of the function that completes words, or a file."""
    return f"_fastbench_{'_'.join(flag.words)}_or_file"


def _quoted(text: str) -> str:
    escaped = text.replace("'", "'\\''")
    return f"'{escaped}'"
