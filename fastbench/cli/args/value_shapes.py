"""What the value of a flag looks like: where two tools share one, its value tells which is meant.

A shape is a name, for the tables of habits, and a question: does this value have it, beside those
other words? A value that is missing is None.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence

from fastbench.foundation import units
from fastbench.plan import hostnames, urls

ANY, NONE = "any", "none"  # of a flag that takes whatever comes, and of one that takes no value
Shape = Callable[[str, Sequence[str]], bool]

# The registry of media types, top level (IANA; RFC 6838 section 4.2); `*/*` is of Accept.
_MEDIA = "application audio example font haptics image message model multipart text video *"
_PAIR = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+=[^&=;\s]*")  # of Cookie (RFC 6265 section 4.2.1)
_PARTS = re.compile(r"(i|p|r|intro|progress|result)(,(i|p|r|intro|progress|result))*")
_BODY_WORDS = frozenset({"-T", "--content-type", "-s", "--script", "--urls-from-file", "-m", "-X"})
_BODY_WORDS |= {"--method", "--request"}


def _number(value: str, words: Sequence[str]) -> bool:
    return bool(re.fullmatch(r"[0-9]+(\.[0-9]+)?", value))


def _count(value: str, words: Sequence[str]) -> bool:
    return _is(units.parse_count, value)


def _duration(value: str, words: Sequence[str]) -> bool:
    return _is(units.parse_duration_s, value) and not os.path.exists(value)


def _is(parse: Callable[[str], object], value: str) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return True


def _url(value: str, words: Sequence[str]) -> bool:
    return "://" in value or (urls.complete(value) is not None and not os.path.exists(value))


def _address(value: str, words: Sequence[str]) -> bool:
    """A URL for sure: it has a scheme, a port or this machine's name."""
    sure = ":" in value or value.partition("/")[0] == "localhost"
    return "://" in value or (sure and _url(value, words))


def _no_value(value: str, words: Sequence[str]) -> bool:
    """What follows is a word of its own: the flag was meant as a switch."""
    return value.startswith("-") or _url(value, words)


def _path(value: str, words: Sequence[str]) -> bool:
    """The name of a file, there or not, and nothing else."""
    numbers = _number(value, words) or _is(units.parse_duration_s, value)
    return not (numbers or _no_value(value, words)) and bool(re.search(r"[./]", value))


def _word(value: str, words: Sequence[str]) -> bool:
    return not value.startswith("-") and ":" not in value and not value.startswith("localhost")


def _json(value: str, words: Sequence[str]) -> bool:
    return value.lstrip()[:1] in ("{", "[", '"', "@") and value != "@"


def _body(value: str, words: Sequence[str]) -> bool:
    return value.startswith(("{", "[", "@")) or "=" in value


def _file(value: str, words: Sequence[str]) -> bool:
    return os.path.isfile(value)


def _credentials(value: str, words: Sequence[str]) -> bool:
    return ":" in value and "/" not in value.partition(":")[0]


def _no_media(value: str, words: Sequence[str]) -> bool:
    """No list of media ranges (RFC 9110 section 12.5.1): a space or `(` after the slash, say."""
    ranges = (each.partition(";")[0].strip() for each in value.split(","))
    return bool(value) and not all(re.fullmatch(r"[^\s/()]+/[^\s/()]+", each) for each in ranges)


def _odd_media(value: str, words: Sequence[str]) -> bool:
    ranges = (each.strip().partition("/")[0].lower() for each in value.split(","))
    known = {*_MEDIA.split()}
    return bool(value) and not all(each in known or each.startswith("x-") for each in ranges)


def _cookie(value: str, words: Sequence[str]) -> bool:
    """NAME=VALUE, in a line that says nothing of a body (its method, its type, a script)."""
    if not all(_PAIR.fullmatch(each) for each in re.split("; ?", value)):
        return False
    named = {word.partition("=")[0] if word.startswith("--") else word[:2] for word in words}
    typed = any(word.lower().startswith(("content-type", "-hcontent-type")) for word in words)
    return not typed and not named & _BODY_WORDS and "--urls-from-file" not in words


def _switches(value: str, words: Sequence[str]) -> bool:
    """Name curl's switches, glued behind its -s."""
    return bool(re.fullmatch("[SLkfivI]+", value)) and not os.path.exists(value)


def _beside(value: str, words: Sequence[str]) -> bool:
    return any(_url(word, words) for word in words if not word.startswith("-"))


def _of_artillery(value: str, words: Sequence[str]) -> bool:
    """Name a report beside a file of Artillery."""
    named = any(word.endswith((".yml", ".yaml")) for word in words)
    return named and "=" not in value and value.endswith(".json")


def _one_of(*texts: str) -> Shape:
    return lambda value, words: value.lower() in texts


def _ends(*endings: str) -> Shape:
    return lambda value, words: "=" not in value and value.lower().endswith(endings)


SHAPES: Mapping[str, Shape] = {
    ANY: lambda value, words: True,
    "number": _number,
    "count": _count,
    "kind of script": lambda value, words: value in ("js", "archive"),
    "duration": _duration,
    "duration with unit": lambda value, words: (
        _duration(value, words) and not value.replace(".", "").isdecimal()
    ),
    "time in capitals": lambda value, words: bool(re.fullmatch("[0-9]+[SMH]", value)),
    "zero": lambda value, words: bool(re.fullmatch(r"0+(/.*)?", value)),
    "url": _url,
    "address": _address,
    "scheme": lambda value, words: value.startswith(("http://", "https://")),
    "ip": lambda value, words: (
        hostnames.is_ipv4(value) or (value.count(":") > 1 and "/" not in value)
    ),
    "no value": _no_value,
    "json": _json,
    "pair": lambda value, words: bool(_PAIR.match(value)),
    "form": lambda value, words: bool(_PAIR.match(value)) and not value.startswith(("{", "[")),
    "body": _body,
    "file": _file,
    "path": _path,
    "word": _word,
    "cookie": _cookie,
    "credentials": _credentials,
    "no media": _no_media,
    "odd media": _odd_media,
    "switches": _switches,
    "beside a url": _beside,
    "*.json beside *.yml": _of_artillery,
    "parts": lambda value, words: bool(_PARTS.fullmatch(value)),
    "format of curl": lambda value, words: "%{" in value or value.startswith("\\n"),
    "protocol": _one_of("h2", "h2c", "http/1.1", "http/2", "h2-14"),
    "tls version": _one_of("ssl2", "ssl3", "tls1", "tls1.1", "tls1.2", "tls1.3", "all"),
    "web dashboard": lambda value, words: value.partition("=")[0] == "web-dashboard",
    "cloud word": _one_of("cloud"),
    "http/1": _one_of("1.1", "1", "http/1.1"),
    "http/2": _one_of("2", "2.0", "http/2", "http/2.0", "h2", "h2c"),
    "false": _one_of("false", "0"),
    "true": _one_of("true", "1"),
    "json word": _one_of("json", "j"),
    "csv word": _one_of("csv"),
    "text word": _one_of("text", "plain-text", "pt", "plain"),
    "quiet word": _one_of("quiet", "none"),
    "null": _one_of("/dev/null", "nul"),
    "*.json": _ends(".json"),
    "*.csv": _ends(".csv"),
    "*.html": _ends(".html", ".htm"),
    "*.txt": _ends(".txt", ".urls", ".list"),
    "*.py": _ends(".py"),
}
