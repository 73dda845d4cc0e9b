"""`fastbench completion bash|zsh|fish`: print the script that completes commands and flags."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from fastbench import __version__
from fastbench.cli.args.command_parser import Parser
from fastbench.cli.completion import completed_words
from fastbench.cli.help import pager

_EPILOG = """\
bash   fastbench completion bash \\
           > ~/.local/share/bash-completion/completions/fastbench
zsh    fastbench completion zsh > ~/.zfunc/_fastbench    (~/.zfunc is in $fpath)
fish   fastbench completion fish > ~/.config/fish/completions/fastbench.fish"""


def parser() -> Parser:
    """Return the parser of the words."""
    made = Parser(
        "completion",
        description="Print a script that completes commands, flags, their values and files when "
        "you press TAB. It is text: no Python starts at a TAB. Write it again after an update.",
        epilog=_EPILOG,
    )
    made.add_argument("shell", choices=completed_words.SHELLS, help="the shell that you use")
    return made


def main(argv: Sequence[str]) -> int:
    """Print the script; raises UsageError for wrong words."""
    shell = parser().parse_args(argv).shell
    module = import_module(f"fastbench.cli.completion.{shell}_script")
    script: str = module.render(completed_words.commands())
    first, rest = script.split("\n", 1) if shell == "zsh" else ("", script)
    mark = f"# It is of fastbench {__version__}.\n"
    return pager.write(f"{first}\n{mark}{rest}".strip("\n"))
