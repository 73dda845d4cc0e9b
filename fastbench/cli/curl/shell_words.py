"""Cut the text of a command as bash does: a command that was copied, not typed into a shell.

Known are plain words, '…', "…", $'…' with its escapes, a backslash and a backslash before a line's
end. What would start a program or read a variable is refused (bash(1), QUOTING).
"""

from __future__ import annotations

import re

from fastbench.foundation.usage_error import UsageError

_PIECE = re.compile(
    r"""(?P<gap>(?:\s|\\\r?\n)+)"""
    r"""|\$'(?P<ansi>(?:[^'\\]|\\.)*)'"""
    r"""|'(?P<single>[^']*)'"""
    r"""|\$?"(?P<double>(?:[^"\\]|\\.)*)\""""
    r"""|\\(?P<escaped>.)"""
    r"""|(?P<end>[;&|<>()\n])"""
    r"""|(?P<plain>[^\s'"\\;&|<>()]+)""",
    re.DOTALL,
)
_ANSI = re.compile(
    r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|(.))", re.DOTALL
)
_LETTERS = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
_IN_DOUBLE = re.compile(r"\\([$`\"\\]|\r?\n)")


def split(text: str) -> list[str]:
    """Return the words of one command; raises UsageError for what is none.

    A `;` at the end is dropped, as a browser writes it after each of several commands.
    """
    words, word = list[str](), ""
    open_ = False  # a word has begun, even if it is empty: ''
    at, text = 0, text.strip().rstrip(";").rstrip()
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            raise UsageError(
                f"The command has an open quote ({text[at : at + 12]}…); copy it as a whole."
            )
        kind, at = piece.lastgroup or "", piece.end()
        if kind == "end":
            raise UsageError(
                f"The text has more than one command (`{piece['end']}`); give one command of curl."
            )
        if kind == "gap":
            words += [word] if open_ else []
            word, open_ = "", False
        else:
            word, open_ = word + _meant(kind, piece[kind]), True
    return [*words, word] if open_ else words


def _meant(kind: str, text: str) -> str:
    """Return what the text between quotes says."""
    if kind == "ansi":
        return _joined(_ANSI.sub(_ansi, text))
    if kind in ("double", "plain") and re.search(r"(?<!\\)(`|\$[\w({])", text):
        raise UsageError(
            "The command has a variable or a program of the shell ($… or `…`), which are not "
            "read; type the command into the shell behind `fastbench curl`."
        )
    if kind == "double":
        return _IN_DOUBLE.sub(lambda found: "" if "\n" in found[1] else found[1], text)
    return text


def _ansi(found: re.Match[str]) -> str:
    byte, short, long, octal, letter = found.groups()
    if short or long:
        return chr(min(int(short or long, 16), 0x10FFFF))
    if byte or octal:
        # A byte of UTF-8, of which several may make one character: put together below.
        return bytes([int(byte, 16) if byte else int(octal, 8) & 0xFF]).decode(
            "ascii", "surrogateescape"
        )
    return _LETTERS.get(letter, letter if letter in "\\'\"?" else f"\\{letter}")


def _joined(text: str) -> str:
    """Put bytes that were written one by one, and halves of a pair (\\ud83d\\ude00), together."""
    if text.isascii() or text.isprintable():
        return text
    pair = re.compile("[\ud800-\udbff][\udc00-\udfff]")
    text = pair.sub(lambda both: both[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
