"""From curl's words to ours: `fastbench [flags] curl 'https://…' -H … --data-raw …`.

1. Flags of ours stand before the word `curl`, curl's behind it. What one of curl's asks of the
   request becomes a flag of ours, and everything else goes the way of any command line.
2. What only changes what curl prints is dropped. What would change the request and is not known
   is refused by name.
3. Three differences stay: the User-Agent is ours unless one is given, Content-Type and
   Content-Length stand before the other fields, and a POST without a body says `Content-Length: 0`
   (RFC 9110 section 8.6).
"""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from fastbench.cli.args import flag_grammar
from fastbench.cli.curl import shell_words
from fastbench.cli.curl.curl_flags import CurlFlag, all_flags
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import body, placeholder_texts, urls

CURL = "curl"
COMMANDS = ("", "compare", "find")  # that take a request
ENCODINGS = "deflate, gzip, br, zstd"  # what curl's --compressed asks for

_ALWAYS_SENT = {"accept": "Accept: */*", "user-agent": "User-Agent: NAME", "host": "Host: NAME"}
_BASH = "in the browser choose Copy as cURL (bash)"
_DATA = ("--data", "--data-raw", "--data-binary", "--data-urlencode")


def expanded(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words of ours and notices; a line without `curl` is returned as it is.

    Raises UsageError for a flag of curl that cannot be carried over.
    """
    command = words[0] if words and words[0] in flag_grammar.COMMANDS else ""
    own = list(words[1:] if command else words)
    if command not in COMMANDS:
        return list(words), []
    for item in flag_grammar.items(flag_grammar.of(command, own), own):
        value = item.value or ""
        whole = value.startswith((f"{CURL} ", f"{CURL}\t"))  # a command in quotes
        if not item.name and (value == CURL or whole):
            rest = own[item.end :]
            if whole:
                rest = [*shell_words.split(value)[1:], *rest]
            elif rest == ["-"]:
                rest = pasted(sys.stdin.read())
            found, notices = translated(rest)
            start = [command] if command else []
            return [*start, *own[: item.start], *found], notices
    return list(words), []


def pasted(text: str) -> list[str]:
    """Cut a command that came on standard input."""
    if re.search(r"\^\r?\n|\^\"", text) or text.lstrip().startswith("curl.exe"):
        raise UsageError(f"The command is in the form of Windows' cmd (^); {_BASH}.")
    if re.match(r"\s*(fetch\(|\$session|Invoke-)", text):
        raise UsageError(f"The text is no command of curl; {_BASH}.")
    words = shell_words.split(text)
    return words[1:] if words[:1] == [CURL] else words


@dataclass(slots=True)
class _Request:
    """What curl's words ask for, so far."""

    words: list[str] = field(default_factory=list)  # of ours
    addresses: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)  # names of headers that curl is to leave out
    data: list[tuple[str, str]] = field(default_factory=list)  # flag of ours, value
    queries: list[str] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)
    switches: set[str] = field(default_factory=set)
    method: str = ""
    upload: str = ""
    notices: list[str] = field(default_factory=list)

    def named(self, name: str) -> bool:
        """Tell whether a header was given, or is to be left out."""
        given = [each.partition(":")[0].strip().lower() for each in self.headers]
        return name.lower() in (*given, *self.without)


def translated(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what the words behind `curl` are in ours, and notices."""
    if any(each == "^" or each.startswith(("^", "http^")) for each in words):
        raise UsageError(f"The command is in the form of Windows' cmd (^); {_BASH}.")
    wanted = _Request()
    rest = deque(words)
    while rest:
        word = rest.popleft()
        if word == "--":
            wanted.addresses += rest
            break
        if word.startswith("-") and word != "-":
            _flag(wanted, word, rest)
        elif word.strip() and word != ";":
            wanted.addresses.append(word)
    if not wanted.addresses:
        raise UsageError("The command of curl has no URL; copy it as a whole.")
    return _words(wanted), wanted.notices


def _flag(wanted: _Request, word: str, rest: deque[str]) -> None:
    """Read a long flag, or short ones in one word with what follows: `-sSXPOST`."""
    if word.startswith("--"):
        row = _known(word)
        _apply(wanted, row, _next(row, rest) if row.valued else "")
        return
    for at in range(1, len(word)):
        row = _known(f"-{word[at]}")
        if row.valued:
            _apply(wanted, row, word[at + 1 :] or _next(row, rest))
            return
        _apply(wanted, row, "")


def _known(name: str) -> CurlFlag:
    if row := all_flags().get(name):
        return row
    bare = redact.printable(name.partition("=")[0])
    raise UsageError(
        f"curl's {bare} is not known here; leave it out if the request is the same without it."
    )


def _next(row: CurlFlag, rest: deque[str]) -> str:
    if not rest:
        raise UsageError(f"curl's {row.name} needs a value after it; copy the command as a whole.")
    return rest.popleft()


def _apply(wanted: _Request, row: CurlFlag, value: str) -> None:
    """Do what a flag means; a sentence or words of ours stand in its row."""
    kind, _, text = row.what.partition(" ")
    if kind == "!":
        raise UsageError(f"curl's {row.name} cannot be carried over: {text}.")
    if kind == "?":
        wanted.notices.append(f"curl's {row.name} was left out: {text}.")
    elif kind == "=":
        wanted.words += [each.replace("{}", value) for each in text.split()]
    elif kind in _DATA:
        wanted.data.append((kind, value))
    elif kind in ("get", "head", "compressed", "globoff"):
        wanted.switches.add(kind)
    elif kind != "-":
        _valued(wanted, row, kind, value)


def _valued(wanted: _Request, row: CurlFlag, kind: str, value: str) -> None:
    """Do what a flag with a value means that is not the same word in ours."""
    match kind:
        case "url":
            wanted.addresses.append(value)
        case "method":
            wanted.method = value
        case "header":
            _header(wanted, value)
        case "cookie":
            if "=" not in value:
                raise UsageError(
                    f"curl's {row.name} names a file of cookies; write them out: "
                    f"{row.name} 'NAME=VALUE'."
                )
            wanted.cookies.append(value)
        case "referer":
            wanted.headers += [f"Referer: {value.removesuffix(';auto')}"] if value else []
        case "user":
            if ":" not in value:
                raise UsageError(f"curl's {row.name} asks for a password; write USER:PASSWORD.")
            wanted.words += ["--auth", value]
        case "range":
            wanted.headers.append(f"Range: bytes={value}")
        case "json":
            wanted.data.append(("--json", value))
        case "query":
            wanted.queries.append(value)
        case "upload":
            wanted.upload = value
        case "form_string":
            name, _, text = value.partition("=")
            quoted = text.replace("\\", "\\\\").replace('"', '\\"')
            wanted.words += ["--form", f'{name}="{quoted}"']
        case _:
            _network(wanted, row, kind, value)


def _network(wanted: _Request, row: CurlFlag, kind: str, value: str) -> None:
    """Do what a flag says of the connection."""
    if kind == "cert":
        if ":" in value and not os.path.exists(value):
            raise UsageError(f"curl's {row.name} has a passphrase, which is not supported.")
        wanted.words += ["--cert", value]
    elif value.upper() != "PEM":
        raise UsageError(f"curl's {row.name} {redact.printable(value)}: only PEM is read.")


def _header(wanted: _Request, text: str) -> None:
    """Take a header in curl's forms: `K: V`, `K;` for one without a value, `K:` for none at all."""
    if text.startswith("@"):
        wanted.words += ["--header", text]
        return
    name, colon, value = text.partition(":")
    if not colon:
        if text.endswith(";"):
            wanted.headers.append(f"{text[:-1]}:")
        return  # curl drops what has no colon
    if value.strip():
        wanted.headers.append(text)
        return
    if cure := _ALWAYS_SENT.get(name.lower()):
        raise UsageError(f"curl's -H '{name}:' leaves a header out that is always sent: {cure}.")
    wanted.without.append(name.lower())


def _words(wanted: _Request) -> list[str]:
    """Return the words of ours, once everything is read."""
    words = list(wanted.words)
    query = list(wanted.queries)
    data = _data(wanted)
    if "get" in wanted.switches and data:
        query_data = _query_of(data)
        data = []
    else:
        query_data = ""
    method = wanted.method or ("HEAD" if "head" in wanted.switches else "")
    if wanted.upload:
        method = method or "PUT"
        words += ["--body-file", wanted.upload]
    words += ["--request", method] if method else []
    if "compressed" in wanted.switches and not wanted.named("Accept-Encoding"):
        wanted.headers.append(f"Accept-Encoding: {ENCODINGS}")
    if wanted.cookies and not wanted.named("Cookie"):
        wanted.headers.append(f"Cookie: {';'.join(wanted.cookies)}")
    for each in wanted.headers:
        words += ["--header", each]
    for flag, value in data:
        words += [flag, value]
    return [*words, *(_address(wanted, each, query, query_data) for each in wanted.addresses)]


def _data(wanted: _Request) -> list[tuple[str, str]]:
    """Return the words of the body; several pieces of JSON are one text, as in curl."""
    json = [value for flag, value in wanted.data if flag == "--json"]
    untyped = "content-type" in wanted.without
    if not json and not untyped:
        return wanted.data
    what = "--json" if json else "-H 'Content-Type:'"
    texts = [value for _, value in wanted.data]
    alone = len(texts) == 1 and wanted.data[0][0] != "--data-urlencode"
    plain = all(flag == "--json" and not value.startswith("@") for flag, value in wanted.data)
    if not (alone or plain):
        raise UsageError(f"curl's {what} goes with one body here; give it as one --data-raw TEXT.")
    if json:
        for name in ("Content-Type", "Accept"):
            if not wanted.named(name):
                wanted.headers.append(f"{name}: application/json")
    if alone and wanted.data[0][0] == "--data-raw" and texts[0].startswith("@"):
        raise UsageError("A text that begins with @ needs a Content-Type; give one with -H.")
    return [("--body", "".join(texts))] if texts else []


def _query_of(data: Sequence[tuple[str, str]]) -> str:
    """Return the data of -G as a query."""
    plain = [("--data" if flag == "--body" else flag, value) for flag, value in data]
    return body.urlencoded(plain).data.decode("utf-8", "surrogateescape")


def _address(wanted: _Request, address: str, queries: Sequence[str], data: str) -> str:
    """Return a URL as curl sends it: its query, no dots in its path, and no globs."""
    if "globoff" not in wanted.switches:
        address = _without_globs(address)
    address, hash_, fragment = address.partition("#")
    more = [
        each[1:] if each.startswith("+") else _query_of([("--data-urlencode", each)])
        for each in queries
    ]
    for piece in (*more, data):
        if piece:
            address += ("&" if "?" in address else "?") + piece
    start = re.match(r"[A-Za-z]+://[^/?#]*", address)
    path = address[start.end() :].partition("?")[0] if start else ""
    if start and "/." in path:
        address = urls.join(start[0], "/", address[start.end() :])
    return address + hash_ + fragment


def _without_globs(address: str) -> str:
    """Refuse a URL that stands for several."""
    rest = placeholder_texts.sheltered(address)[0]  # of ours: no glob of curl's begins with {{
    rest = re.sub(r"\{\{[0-9]+\}\}", "", rest)
    host = re.sub(r"^([a-zA-Z]+://)?([^/@]*@)?\[[0-9a-fA-F:.%]+\]", "", rest)
    if re.search(r"(?<!\\)[\[\]{}]", host):
        raise UsageError(
            "curl makes several URLs of [ ] and { }; add -g behind `curl` if they are meant as "
            "they are, or write the URLs into a file for --urls-from-file."
        )
    return placeholder_texts.outside(address, lambda text: re.sub(r"\\([\[\]{}])", r"\1", text))
