"""From words as people of other tools type them to ours: taken as meant, or refused with the line.

1. A line is cut into flags with their values and words of their own, as its command reads it; each
   is looked up in the tables of habits.
2. What is taken changes the words, and a notice says so. What is not is refused by one sentence,
   which ends in the whole line to type, corrected in every place, secrets masked.
3. A flag that is none is refused with the nearest one.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastbench.cli.args import aliases
from fastbench.cli.args.aliases import Alias
from fastbench.cli.args.flag_grammar import COMMANDS, OPTIONAL, Grammar, Item, dashes, items, of
from fastbench.cli.args.value_shapes import ANY, NONE, SHAPES
from fastbench.foundation import redact
from fastbench.foundation.files import SCRIPT_ENDINGS
from fastbench.foundation.nearest import nearest
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls

_MAX_CORRECTIONS = 40  # slips in one line
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_NO_SERVER = re.compile(r"(mailto|tel|data|urn|javascript|about|news|sip|ssh|git|file):")
_OR = " # "


@dataclass(frozen=True, slots=True)
class _Slip:
    """What is refused: why, and whole command lines to type instead, each with whose it is."""

    why: str
    lines: list[tuple[list[str], str]]


def read(grammar: Grammar, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words as the command takes them, and the notices; raises UsageError."""
    found, notices, slip = _read(grammar, words)
    if slip is not None:
        raise UsageError(_sentence(slip))
    return found, notices


def first(words: Sequence[str]) -> list[str]:
    """Return the words with a command of ours first, or none; raises UsageError."""
    found, slip = _first(words)
    if slip is not None:
        raise UsageError(_sentence(slip))
    return found


def _read(grammar: Grammar, words: Sequence[str]) -> tuple[list[str], list[str], _Slip | None]:
    """Take what can be taken; stop at the first that is refused."""
    found, notices = list(words), list[str]()
    for _ in range(_MAX_CORRECTIONS):
        cut = list(items(grammar, found))
        if asks := [each for each in cut if each.name in ("-h", "--help")]:
            every = asks[0].value or "".join(found[asks[0].end : asks[0].end + 1])
            return ["--help", *(["all"] if every == "all" else [])], notices, None
        changed = next(_changes(grammar, found, cut), None)
        if changed is None:
            break
        if isinstance(changed, _Slip):
            return found, notices, changed
        found, notice = changed
        notices.append(notice)
    return found, notices, None


def _changes(
    grammar: Grammar, words: list[str], cut: Sequence[Item]
) -> Iterator[tuple[list[str], str] | _Slip]:
    """Give what is not as it should be, in the order in which it tells of the rest.

    One dash for two first, then switches that would swallow the flag behind them, then whose line
    it is, then flags, whose values may seem to be words.
    """
    for look in (_dashed, _switch, _of_another, _flag, _word):
        for item in cut:
            if found := look(grammar, words, item):
                yield found


def _dashed(grammar: Grammar, words: list[str], item: Item) -> tuple[list[str], str] | None:
    """Return the words with two dashes, as flags of tools in Go have one."""
    typed = words[item.start]
    if not item.name or dashes(grammar, typed) != 2:
        return None
    name = typed.partition("=")[0]
    changed = [*words[: item.start], f"-{typed}", *words[item.start + 1 :]]
    return changed, f"{name} was read as -{name}."


def _switch(grammar: Grammar, words: list[str], item: Item) -> tuple[list[str], str] | _Slip | None:
    """Look at a flag that another tool has as a switch, and that has another flag for its value."""
    rows = grammar.table.get(item.name, ()) if item.name else ()
    if item.value is None or not item.value.startswith("-"):
        return None
    apart = any(row.when == "no value" and _fits(grammar, row, item, words) for row in rows)
    return _flag(grammar, words, item) if apart else None


def _flag(grammar: Grammar, words: list[str], item: Item) -> tuple[list[str], str] | _Slip | None:
    """Return the changed words and why, or why they are refused, or None for what is right."""
    if not item.name:
        return None
    for row in grammar.table.get(item.name, ()):
        if not _fits(grammar, row, item, words):
            continue
        lines = [_filled(each, item.value) for each in row.lines]
        if row.taken:
            shown = _filled(row.lines[0], None if row.when == "no value" else item.value)[0]
            return item.put(words, lines[0][0]), _taken(item.name, shown, row.why)
        whole = [([grammar.command, *item.put(words, new)], whose) for new, whose in lines]
        why = row.why if item.name in row.why else f"{item.name}: {row.why}"
        return _Slip(why, whole)
    return None if grammar.is_known(item.name) else _unknown(grammar, words, item)


def _fits(grammar: Grammar, row: Alias, item: Item, words: Sequence[str]) -> bool:
    known = grammar.is_known(item.name)
    others = [*words[: item.start], *words[item.end :]]
    if row.when == NONE:
        return item.value is None and item.name not in grammar.valued
    if item.equals and row.when in ("cookie", "file"):
        return False  # nobody writes curl's -b so
    if row.when == "beside a url":
        return SHAPES[row.when]("", others)
    if item.value is None:
        return row.when == ANY and (not known or item.name in OPTIONAL)
    return SHAPES[row.when](item.value, others)


def _filled(line: str, value: str | None) -> tuple[list[str], str]:
    """Return the words of a row's line, and whose meaning it is."""
    template, _, whose = line.partition(_OR)
    new: list[str] = []
    for piece in shlex.split(template):
        if piece == "{}":
            new += [] if value is None else [value]
        else:
            new.append(piece.replace("{}", value or ""))
    return new, whose


def _taken(name: str, new: Sequence[str], why: str) -> str:
    shown = shlex.join(redact.argv(["", *new])[1:])
    if not new:
        return f"{name} was ignored: {why}."
    return f"{name} was read as {shown}{f' ({why})' if why else ''}."


def _unknown(grammar: Grammar, words: list[str], item: Item) -> _Slip:
    """Refuse a flag that is none, with the nearest spelling. No value glued to it is repeated."""
    whole = f"fastbench {grammar.command}".strip()
    known = sorted({*grammar.valued, *grammar.switched, *grammar.table})
    near = [each for each in known if each == item.name.lower().replace("_", "-")]
    if len(item.name) > 2 and not near:
        near = nearest(item.name, known, 0.78)
    if not near:
        return _Slip(f"unknown option {item.name}; {whole} --help lists all options", [])
    new = [words[item.start].replace(item.name, near[0], 1), *words[item.start + 1 : item.end]]
    changed = [grammar.command, *words[: item.start], *new, *words[item.end :]]
    return _Slip(f"unknown option {item.name}; did you mean {near[0]}?", [(changed, "")])


def _of_another(grammar: Grammar, words: list[str], item: Item) -> _Slip | None:
    """Refuse a URL or a file that another command takes, with the line of that one."""
    if item.name:
        return None
    word = item.value or ""
    if grammar.command == "run" and _is_url(word):
        if any(each.endswith(SCRIPT_ENDINGS) or os.path.isdir(each) for each in words):
            line = ["run", *item.put(words, ["--base-url", word])]
            return _Slip("set the server of a script with --base-url", [(line, "")])
        return _Slip("`fastbench run` takes a script, not a URL", [(["", *words], "")])
    if "://" in word or not (grammar.urls or grammar.command == "run"):
        return None
    return _file(grammar, word, [*words[: item.start], *words[item.end :]], item, words)


def _word(grammar: Grammar, words: list[str], item: Item) -> tuple[list[str], str] | _Slip | None:
    """Look at a word without a flag: where a URL is expected, it should be one."""
    word = item.value or ""
    if item.name or "://" in word or not word:
        return None
    others = [*words[: item.start], *words[item.end :]]
    if grammar.command == "serve" and word.isdecimal():
        return _Slip("set the port with --port", [(["serve", "--port", word, *others], "")])
    if not grammar.urls:
        return None
    if whole := (None if os.path.exists(word) else urls.complete(word)):
        return item.put(words, [whole]), f"{redact.url(word)} was read as {redact.url(whole)}."
    return _no_url(grammar, word, others, item.put(words, ["-m", word]), at_first=not item.start)


def _is_url(word: str) -> bool:
    return "://" in word or (not os.path.exists(word) and urls.complete(word) is not None)


def _no_url(
    grammar: Grammar, word: str, others: list[str], as_method: list[str], *, at_first: bool
) -> _Slip | None:
    """Refuse a word that is no URL; None for what is told with the URL that it may have meant."""
    if grammar.command == "compare":
        return None  # a saved result is a side there
    shown = redact.printable(redact.text(word))
    if word in _METHODS and others:
        return _Slip(f"set the method with -m {word}", [([grammar.command, *as_method], "")])
    more = "write a URL as http://HOST:PORT/PATH"
    if os.path.isdir(word):
        lines = [(["run", *others, word], "")]
        return _Slip(f"`{shown}` is a folder; to run a script in it, use run", lines)
    if word != "-" and os.path.exists(word):
        lines = [([grammar.command, *others, "--urls-from-file", word], "")]
        return _Slip(f"`{shown}` is a file; for a list of URLs use --urls-from-file", lines)
    if word.startswith(("./", "../", "~", "/")):
        return _Slip(f"`{shown}` is a path without a server; {more}", [])
    if _NO_SERVER.match(word):
        return _Slip(f"`{shown}` is not an HTTP server; {more}", [])
    if any(mark in word for mark in ":/@"):
        return None
    near = nearest(word, COMMANDS, 0.7)
    if near and at_first and not grammar.command:
        return _Slip(
            f"unknown command `{shown}`; did you mean {near[0]}?", [([near[0], *others], "")]
        )
    if any(map(_is_url, others)):
        line = [grammar.command, *others]
        return _Slip(f"unexpected argument `{shown}`; {more}", [(line, "")])
    return _Slip(f"`{shown}` is not a URL and not a command; {more} (see fastbench --help)", [])


def _file(
    grammar: Grammar, word: str, others: list[str], item: Item, words: list[str]
) -> _Slip | None:
    """Refuse a file that this command does not read, with the line of the one that does."""
    if grammar.command == "compare":
        return None  # a saved result is a side there
    ending = os.path.splitext(word)[1].lower()
    for row in aliases.rows("file"):
        if ending not in row.flags.split() or [grammar.command, row.lines[0]] == ["run", "run {}"]:
            continue
        if urls.complete(word) and re.search("[:/]", word) and not os.path.exists(word):
            continue
        new, _ = _filled(row.lines[0], word)
        flags = new[0].startswith("-")
        if grammar.command == "run" and flags:
            continue
        line = [grammar.command, *item.put(words, new)] if flags else _of(new, others)
        return _Slip(f"{redact.printable(word)}: {row.why}", [(line, "")])
    return None


def _of(new: list[str], others: list[str]) -> list[str]:
    """Give another command its file, with the other words if it takes them."""
    line = [new[0], *others, *new[1:]]
    return line if new[0] == "run" or _of_command(line)[1] is None else new


def _first(words: Sequence[str]) -> tuple[list[str], _Slip | None]:
    """Look at the word that comes first, where it is no command of ours."""
    found = list(words)
    if not found or found[0] in COMMANDS or found[0].startswith("-"):
        return found, None
    word, rest = found[0], found[1:]
    if word == "fastbench":
        return rest, None
    for row in aliases.rows("first word"):
        if word not in row.flags.split() or os.path.exists(word):
            continue
        new: list[str] = []
        for piece in shlex.split(row.lines[0]):
            new += rest if piece == "{}" else [piece]
        if word == "attack" and any("://" in each or "-targets" in each for each in rest):
            new = rest
        if row.taken:
            return new, None
        return found, _Slip(f"{word} is not a command of fastbench: {row.why}", [(new, "")])
    return found, None


def _sentence(slip: _Slip) -> str:
    """Return why, and the lines to type, each corrected in what else is wrong in it."""
    whys, lines = [slip.why], []
    for at, (line, whose) in enumerate(slip.lines):
        settled, more = _settled(line)
        whys += more if at == 0 else []
        shown = redact.printable(shlex.join(["fastbench", *redact.argv(settled)]))
        lines.append(f"{shown} ({whose})" if whose else shown)
    said = "; ".join(dict.fromkeys(whys)).removesuffix("?")
    mark = "?" if whys[-1].endswith("?") else ";"
    if not lines:
        return f"{said}."
    return f"{said}{mark} write: {' or: '.join(lines)}"


def _settled(line: Sequence[str]) -> tuple[list[str], list[str]]:
    """Correct a line until nothing in it is refused; return it and why it was not right."""
    words = [each for at, each in enumerate(line) if at or each]
    whys: list[str] = []
    for _ in range(_MAX_CORRECTIONS):
        words, slip = _first(words)
        if slip is None:
            words, slip = _of_command(words)
        if slip is None:
            break
        whys.append(slip.why)
        if not slip.lines:
            break
        words = [each for at, each in enumerate(slip.lines[0][0]) if at or each]
    return words, whys


def _of_command(words: Sequence[str]) -> tuple[list[str], _Slip | None]:
    """Read a line that begins with its command; return it with what is taken, and what is wrong."""
    named = [*words[:1]] if words and words[0] in COMMANDS else []
    rest = words[len(named) :]
    found, _, slip = _read(of(named[0] if named else "", rest), rest)
    return [*named, *found], slip
