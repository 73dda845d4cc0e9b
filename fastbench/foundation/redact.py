"""Keep secrets out of everything that is written, and control characters off the terminal."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote

MASK = "***"
MAX_TEXT = 8192

_HEADERS = frozenset({"cookie", "set-cookie", "x-api-key"})
_HEADER_PARTS = ("authorization", "token", "secret", "password", "apikey", "api-key")
_KEYS = frozenset({"key", "sig", "api_key", "api-key", "apikey"})
_KEY_PARTS = ("token", "secret", "password", "passwd", "signature", "api_key", "apikey")

_USERINFO = re.compile(r"[^/?#]*@")
# A password with an unescaped / ? or #: what stands for the port is no number.
_BROKEN_USERINFO = re.compile(r"[^/?#@:\[]*:(?![0-9]*(?:[/?#]|$)).*@")
_URL = re.compile(r"://[^\s\"<>`]+")
# A pair as in a query or a form, or with its value in quotes, as in the source of a script.
_FORM_NAME = re.compile(r"(?<![\w.%\[\]~-])([\w.%\[\]~-]+)(?:=|\s*=\s*(?=[\"']))")
_FORM_VALUE = re.compile(r"([^&\s\"'`]+)|\"([^\"]+)|'([^']+)")
_JSON_PAIR = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,{}\[\]"]+)')

# C0, DEL, C1; and what reorders, hides or breaks text in a terminal: bidi controls, zero-width
# characters, line and paragraph separators (Unicode TR 36 section 2.5).
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_CONTROL_BUT_LINES = re.compile(_CONTROL.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))
_SURROGATE = re.compile("[\ud800-\udfff]")

_SECRET_FLAGS = ("-a", "--auth", "--bearer", "--webhook", "--cookie", "--aws-session")
_HEADER_FLAGS = ("-H", "--header")
_BODY_FLAGS = (
    "-b",
    "--body",
    "--data",
    "--data-ascii",
    "--data-raw",
    "--data-binary",
    "-F",
    "--form",
    "--data-urlencode",
    "-d",
    "-z",
    "--duration",
)
_SWITCHES = frozenset("klLvVh46w")  # may stand before a flag with a value in one word: -ka user:pw


def printable(text: str, *, lines: bool = False) -> str:
    """Strip control characters from text that came from elsewhere, before a terminal sees it.

    `lines` keeps line feeds and tabs. Bytes that were not text become U+FFFD, so that the result
    can always be encoded.
    """
    stripped = (_CONTROL_BUT_LINES if lines else _CONTROL).sub("", text)
    return _SURROGATE.sub("\ufffd", stripped)


def fault(error: Exception) -> str:
    """Return what a fault of ours says, in one line."""
    words = printable(" ".join(str(error).split()))
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def escaped_json(document: bytes) -> bytes:
    """Return a JSON document in which what `printable` strips is escaped: it says the same.

    A file that is looked at in a terminal must not drive it, and a reader needs every character.
    """
    shown = _CONTROL_BUT_LINES.sub(lambda found: f"\\u{ord(found[0]):04x}", document.decode())
    return shown.encode()


def secret_header(name: str) -> bool:
    """Tell whether the value of a header is a secret."""
    lowered = name.strip().lower()
    return lowered in _HEADERS or any(part in lowered for part in _HEADER_PARTS)


def secret_key(name: str) -> bool:
    """Tell whether the value of a query, form or JSON key is a secret."""
    lowered = unquote(name).strip().lower()
    return lowered in _KEYS or any(part in lowered for part in _KEY_PARTS)


def header(name: str, value: str) -> str:
    """Return the value as it may be shown: masked, or with secrets in a URL masked."""
    return MASK if secret_header(name) else text(value)


def field_line(line: str) -> str:
    """Return a line of a head as it may be shown; pseudo-fields of HTTP/2 begin with a colon."""
    if line.startswith(":"):
        return text(line)
    name, colon, value = line.partition(":")
    return f"{name}{colon} {header(name, value.strip())}"


def url(address: str) -> str:
    """Mask the userinfo and the values of secret query keys; works on malformed URLs too."""
    scheme, slashes, rest = address.partition("://")
    if slashes and (match := _BROKEN_USERINFO.match(rest) or _USERINFO.match(rest)):
        rest = f"{MASK}@{rest[match.end() :]}"
    start, mark, query = _cut(scheme + slashes + rest)
    pieces = re.split("([&#?])", query)
    return start + mark + "".join(_query_piece(piece) for piece in pieces)


def text(words: str) -> str:
    """Mask what looks like a secret in free text: URLs, `key=value` and JSON pairs.

    Of a text too long to be searched in no time only its length is told.
    """
    if len(words) > MAX_TEXT:
        return f"({len(words):,} characters)"
    masked = _mask_form(_URL.sub(lambda match: url(match[0]), words))
    return _JSON_PAIR.sub(_json_pair, masked)


def argv(words: Sequence[str]) -> list[str]:
    """Return a command line as it may be shown: credentials, secret headers and URLs masked."""
    shown = []
    flag = ""
    for word in words:
        if flag:
            shown.append(_value(flag, word))
            flag = ""
            continue
        masked, flag = _word(word)
        shown.append(masked)
    return shown


def values(words: str, secrets: Iterable[str]) -> str:
    """Mask every occurrence of the given secrets, as a server may echo them."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= 4:  # a shorter one would mask half the page and protect nothing
            words = words.replace(secret, MASK)
    return words


def secrets_in(head: str, body: str = "") -> tuple[str, ...]:
    """List the secret values of a request: headers, their credentials, query, form and JSON."""
    request_line, *lines = head.split("\r\n")
    found = []
    for line in lines:
        name, _, value = line.partition(":")
        if secret_header(name):
            found += _credentials(value.strip())
    for piece in re.split("[?&#;\\s]", request_line):
        key, _, value = piece.partition("=")
        if value and secret_key(key):
            found += [value, unquote(value)]
    found += [body[start:end] for start, end in _form_secrets(body)]
    for match in _JSON_PAIR.finditer(body):
        if secret_key(match[1].strip('"')):
            found.append(match[3].strip('"'))
    return tuple(dict.fromkeys(found))


def _credentials(value: str) -> list[str]:
    """Take a header value apart: scheme and credentials, user and password, cookie pairs."""
    found = [value]
    scheme, _, credentials = value.partition(" ")
    if credentials:
        found.append(credentials.strip())
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(credentials, validate=True).decode("utf-8", "surrogateescape")
        except (binascii.Error, ValueError):
            return found
        found += [pair, *pair.split(":", 1)[1:]]
    else:
        found += [pair.partition("=")[2] for pair in value.split("; ")]
    return [secret for secret in found if secret]


def _cut(address: str) -> tuple[str, str, str]:
    """Cut a URL before its query or fragment."""
    match = re.search("[?#]", address)
    if match is None:
        return address, "", ""
    return address[: match.start()], match[0], address[match.end() :]


def _query_piece(piece: str) -> str:
    """Mask from the first secret key to the end: `;` may part pairs or belong to a value."""
    at = 0
    for pair in piece.split(";"):
        key, equals, value = pair.partition("=")
        if equals and value and secret_key(key):
            return piece[: at + len(key) + 1] + MASK
        at += len(pair) + 1
    return piece


def _form_secrets(words: str) -> Iterator[tuple[int, int]]:
    """Find where the values of secret keys start and end; `a=1;token=2` has two pairs."""
    end = 0
    for name in _FORM_NAME.finditer(words):
        if name.start() < end or not secret_key(name[1]):
            continue
        if value := _FORM_VALUE.match(words, name.end()):
            end = value.end()
            yield value.span(value.lastindex or 0)


def _mask_form(words: str) -> str:
    shown, at = "", 0
    for start, end in _form_secrets(words):
        shown += words[at:start] + MASK
        at = end
    return shown + words[at:]


def _json_pair(match: re.Match[str]) -> str:
    return f'{match[1]}{match[2]}"{MASK}"' if secret_key(match[1].strip('"')) else match[0]


def _word(word: str) -> tuple[str, str]:
    """Mask one word of a command line; return it with the flag whose value comes next, or ""."""
    flags = _SECRET_FLAGS + _HEADER_FLAGS + _BODY_FLAGS
    if word in flags:
        return word, word
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        if any(part in name.lower() for part in _HEADER_PARTS):  # no flag of ours; still a secret
            return (f"{name}={MASK}", "") if equals else (word, "-a")
        return (f"{name}={_value(name, value)}" if equals else word), ""
    if word.startswith("-"):
        letters = word[1:].lstrip("".join(_SWITCHES))
        flag, value = f"-{letters[:1]}", letters[1:]
        if flag in flags and not value:
            return word, flag
        if flag in flags:
            return word[: len(word) - len(value)] + _value(flag, value), ""
    return _plain(word), ""


def _plain(word: str) -> str:
    """Mask a word that is no flag: a URL, maybe without its scheme."""
    if "://" in word:
        return url(word)
    if "@" in word[1:]:  # before one at the beginning nothing can stand
        return url(f"http://{word}").removeprefix("http://")
    return text(word)


def _value(flag: str, value: str) -> str:
    if flag in _SECRET_FLAGS:
        return MASK
    if flag in _HEADER_FLAGS:
        value = value.removeprefix("=")  # -H=NAME:VALUE, as Go's flags are written
        name = re.split("[:=]", value, maxsplit=1)[0]
        if len(name) == len(value):  # no header at all: what stands there may be anything
            return value if value.startswith("@") else MASK
        return f"{value[: len(name) + 1]}{MASK}" if secret_header(name) else text(value)
    return text(value) if flag in _BODY_FLAGS else _plain(text(value))
