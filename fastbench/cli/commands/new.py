"""`fastbench new`: a running start, with comments that say what to change."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from fastbench.cli.args import flag_grammar
from fastbench.cli.args.command_parser import Parser
from fastbench.cli.help import pager
from fastbench.convert.script_text import Converted
from fastbench.convert.starts import request_script, start_texts
from fastbench.foundation import redact
from fastbench.foundation.files import JAVASCRIPT, SCRIPT_ENDINGS
from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError

KINDS = ("script", "suite", "compare", "ci")
TRY_URL = "http://localhost:8080/api/health"  # of `fastbench serve`
# Of a request, what the Options of a script cannot say: flags of `fastbench run`.
_NETWORK = {"--unix", "--connect-to", "--bind", "--ipv4", "--ipv6", "--timeout"}
_NETWORK |= {"--connect-timeout", "--servername", "--http1", "--http2", "--proxy"}
_FILE = "SCRIPT.py"  # stands for the file in a line to type
_NEXT = {
    "script": f"fastbench run {_FILE}",
    "suite": f"fastbench suite {_FILE}",
    "compare": f"sh {_FILE}",
    "ci": f"git add {_FILE}",
}
_ENDINGS = {"script": ".py", "suite": ".toml", "compare": ".sh", "ci": ".yml"}


def parser() -> Parser:
    """Return the parser of the words."""
    made = Parser(
        "new",
        description="Write a running start, with comments that say what to change: a script in "
        "Python, a suite of runs, a comparison of two builds, or the jobs of GitHub and GitLab. "
        "As it stands, each runs against `fastbench serve`. No file is overwritten.",
    )
    made.add_argument("words", nargs="*", metavar="[script|suite|compare|ci] NAME")
    made.add_argument("--from-curl", metavar="'curl …'", help="script: of this request; - is stdin")
    made.add_argument("--from-url", metavar="URL", help="script: of a GET of this URL")
    return made


def main(argv: Sequence[str]) -> int:
    """Write what the words after `new` ask for; raises UsageError for what cannot be written."""
    words, pasted = _unquoted(argv)
    flags = parser().parse_args(_words_last(words))
    kind, name = _kind_and_name(flags.words)
    curl = pasted or flags.from_curl
    if curl == "" or flags.from_url == "":
        raise UsageError(
            "new: --from-curl takes a command of curl, --from-url a URL; one is empty."
        )
    if curl and flags.from_url:
        raise UsageError("new: --from-curl and --from-url name two requests; give one of them.")
    if (curl or flags.from_url) and kind != "script":
        raise UsageError(f"new: --from-curl and --from-url are for a script, not for a {kind}.")
    _refuse_ending(kind, name)
    stem = re.sub(r"[^\w.-]+", "-", Path(name).name).strip("-.") or "load"
    stem = re.sub(r"\.(py|toml|sh|ya?ml)$", "", stem)
    notices: list[str] = []
    line = _NEXT[kind]
    if kind == "script":
        made = _script(stem, curl, flags.from_url, notices)
        file = _ended(name, _ENDINGS[kind])
        files = {file: made.text.replace(_FILE, _word(file), 1)}
        line = made.run_line
    elif kind == "ci":
        files = _ci(name, stem)
    else:
        ending = _ENDINGS[kind]
        file = _ended(name, ending)
        files = {file: start_texts.text(f"{kind}{ending}", stem, _word(file))}
    _write(files)
    pager.notes(notices)
    return pager.write(_told(kind, line, list(files), tried=not (curl or flags.from_url)))


def _unquoted(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the words from a command of curl without quotes, behind --from-curl."""
    words = list(argv)
    for at, word in enumerate(words[:-1]):
        if word == "--from-curl" and words[at + 1] == "curl":
            return words[:at], words[at + 1 :]
    return words, []


def _words_last(words: Sequence[str]) -> list[str]:
    """Put flags first: argparse takes words without a flag in one piece."""
    found = list(flag_grammar.items(parser().grammar(), words))
    flags = [part for each in found if each.name for part in words[each.start : each.end]]
    return [*flags, "--", *(each.value or "" for each in found if not each.name)]


def _kind_and_name(words: Sequence[str]) -> tuple[str, str]:
    kind = words[0] if words and words[0] in KINDS else "script"
    names = words[1:] if words and words[0] in KINDS else words
    if len(names) == 2:
        raise UsageError(
            f"new: {printable(names[0])} is no kind of start; there are {', '.join(KINDS)}."
        )
    if len(names) != 1 or not names[0].strip("./ "):
        raise UsageError(f"new: give one name, as in `fastbench new {kind} checkout`.")
    if "\0" in names[0] or not names[0].isprintable() or names[0].startswith("-"):
        raise UsageError("new: a name is printable text that does not begin with a dash.")
    return kind, names[0]


def _refuse_ending(kind: str, name: str) -> None:
    """Raise UsageError for the ending of another kind of file: nobody means `load.js.py`."""
    stem, ending = os.path.splitext(name)
    own = _ENDINGS[kind]
    if ending == own or (kind == "ci" and ending == ".yaml"):
        return
    if ending.lower() not in (*SCRIPT_ENDINGS, *_ENDINGS.values()):
        return
    subject = {"script": "a script of fastbench ends", "ci": "the jobs of a CI end"}
    line = shlex.join(["fastbench", "new", kind, printable(stem)])
    said = f"{subject.get(kind, f'a {kind} ends')} in {own}, not in {ending}; write `{line}`"
    if kind == "script" and ending.lower() in JAVASCRIPT:
        run = shlex.join(["fastbench", "run", printable(name)])
        said += f"; a script of k6 runs as it stands: `{run}`"
    raise UsageError(f"new: {said}.")


def _ended(name: str, ending: str) -> str:
    return name if name.endswith(ending) else name.rstrip("/") + ending


def _word(file: str) -> str:
    """Return a file beside the one who types, as a word of the shell."""
    return shlex.quote(os.path.basename(file))


def _ci(name: str, stem: str) -> dict[str, str]:
    if "/" in name:
        raise UsageError("new: the jobs of a CI have fixed places; give a name without folders.")
    gitlab = f"{stem}.gitlab-ci.yml"
    return {
        f".github/workflows/{stem}.yml": start_texts.text("github.yml", stem, gitlab),
        gitlab: start_texts.text("gitlab.yml", stem, gitlab),
    }


def _script(
    stem: str, curl: str | list[str] | None, address: str | None, notices: list[str]
) -> Converted:
    """Return the script of a request; raises UsageError for one that cannot be carried over."""
    from fastbench.cli.args import url_args
    from fastbench.cli.curl import curl_command

    words, more = ["--", address or TRY_URL], ""
    if curl:
        if isinstance(curl, str):
            curl = ["curl", *curl_command.pasted(sys.stdin.read() if curl == "-" else curl)]
        words, found = curl_command.translated(curl[1:])
        notices += found
        items = flag_grammar.items(flag_grammar.of("", words), words)
        kept = [words[each.start : each.end] for each in items if each.name in _NETWORK]
        shown = redact.argv([part for each in kept for part in each])  # a proxy has a password
        more = "".join(f"{shlex.quote(part)} " for part in shown)
    command = url_args.parse(words)
    assert isinstance(command, url_args.Command)
    plan = command.plan
    if plan.websocket is not None:
        raise UsageError(
            "new: scripts of WebSockets use vu.ws: `fastbench examples copy twilio_media`."
        )
    if len(plan.requests) > 1:
        raise UsageError("new: a script begins with one request; give one URL.")
    target = plan.target
    host = f"[{target.host}]" if ":" in target.host else target.host
    plain = target.port == {"http": 80, "https": 443}[target.scheme]
    origin = f"{target.scheme}://{host}" + ("" if plain else f":{target.port}")
    return request_script.script(plan.requests[0], origin, target.tls, stem, more)


def _write(files: dict[str, str]) -> None:
    """Write all of the files or none; a file that is there is kept."""
    for file in files:
        if os.path.lexists(file):
            raise UsageError(f"new: `{printable(file)}` exists and is kept; give another name.")
        folder = os.path.dirname(file)
        if folder and not folder.startswith(".github") and not os.path.isdir(folder):
            raise UsageError(f"new: the folder `{printable(folder)}` is not there; make it first.")
    written: list[str] = []
    try:
        for file, text in files.items():
            os.makedirs(os.path.dirname(file) or ".", exist_ok=True)
            with open(file, "x", encoding="utf-8") as opened:
                written.append(file)
                opened.write(text)
    except OSError as error:
        for file in written:
            os.unlink(file)
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"new: `{printable(file)}` cannot be written: {reason}.") from error


def _told(kind: str, line: str, files: Sequence[str], *, tried: bool) -> str:
    names = " and ".join(map(printable, files))
    lines = [f"{names} {'are' if len(files) > 1 else 'is'} written. Next:"]
    if tried and kind in ("script", "suite"):
        lines.append("  fastbench serve &            a small server to try it with")
    word = " ".join(shlex.quote(printable(each)) for each in files)
    return "\n".join([*lines, f"  {line.replace(_FILE, word, 1)}"])
