"""From flags to what is sent: method, headers, body, and the rendered requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

from fastbench import __version__
from fastbench.cli.args import target_args
from fastbench.cli.args.varied_args import Varying
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import body, http_message, placeholder_texts, request, text_file, url_list, urls
from fastbench.plan.plan import Digest, Plan, Request, Signing, check_header, check_method
from fastbench.plan.request import Headers, Message
from fastbench.plan.workload import Load
from fastbench.plan.wrk_script import WrkScript

if TYPE_CHECKING:
    from fastbench.cli.output.settings import Output

MAX_RENDERED_BYTES = 1 << 30
CODINGS = "gzip, deflate, br"  # of --compressed

_KNOWN_BEFORE = {
    "follow": "--follow",
    "aws_sigv4": "--aws-sigv4",
    "rand_regex_url": "--rand-regex-url",
    "feed": "--feed",
}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})


def message(flags: SimpleNamespace, notices: list[str]) -> Message:
    """Build what the requests have in common; a wrk script may set method, headers and body."""
    streams_apart(flags)
    headers, host = _headers(flags)
    headers = (*headers, *_cookies(flags, headers), *_codings(flags, headers))
    typed = Message(
        method=_method(flags, notices),
        headers=headers,
        body=_body(flags, headers),
        host=host,
        user_agent=_or("User-Agent", flags.user_agent, f"fastbench/{__version__}"),
        accept=_or("Accept", flags.accept, "*/*"),
        content_type=flags.by_value if flags.by_value and "/" in flags.by_value else "",
        credentials=_credentials(flags),
        bearer=flags.bearer or "",
        keepalive=not flags.no_keepalive,
    )
    return typed if flags.script is None else _scripted(flags.script, typed)


def streams_apart(flags: SimpleNamespace) -> None:
    """Let `-m 100` be --streams, as in h2load: no method begins with a digit. Raises UsageError."""
    method = flags.method
    if method is None or not method[:1].isdigit():
        return
    if flags.streams is not None:
        raise UsageError("The streams of a connection are given twice; keep --streams.")
    flags.streams, flags.method = method, None


def render(
    flags: SimpleNamespace, addresses: Sequence[str], common: Message, varying: Varying
) -> tuple[tuple[Request, ...], urls.Url]:
    """Render every URL of the command line and of --urls-from-file; return the first URL too."""
    names = addresses
    if flags.rand_regex_url:
        addresses, names = varying.drawn(flags, addresses)
    parse = urls.parse if varying.raw or flags.rand_regex_url else placeholder_texts.url
    lines = [url_list.Line(parse(address)) for address in addresses]
    for path in flags.urls_from_file:
        text = text_file.read_text(path, "--urls-from-file", any_bytes=True)
        lines += url_list.read(text_file.lines(text), _named(path), raw=varying.raw)
    if not lines:
        raise UsageError(
            "There is no URL; give one, for example http://localhost:8080/ (see fastbench --help)."
        )
    first = urls.one_server(line.url for line in lines)
    rendered = []
    total_bytes = 0
    for line in lines:
        rendered.append(_rendered(line, common, varying))
        total_bytes += len(rendered[-1].payload)
        if total_bytes > MAX_RENDERED_BYTES:
            raise UsageError(
                "The requests need more than 1 GiB of memory together; use a smaller body "
                "or fewer URLs."
            )
    if flags.rand_regex_url:  # each counts for its pattern
        for at, name in enumerate(names):
            rendered[at] = replace(rendered[at], url=redact.printable(redact.url(name)))
        first = replace(first, shown=rendered[0].url)
    return tuple(rendered), first


def config(flags: SimpleNamespace, requests: Sequence[Request]) -> dict[str, object]:
    """Return how requests are made, as it goes into the document."""
    found: dict[str, object] = {"aws_sigv4": flags.aws_sigv4}
    if flags.digest:
        found["digest"] = {}  # what the server asks for is told when it did
    if flags.rand_regex_url:
        found |= {"urls": len({each.url for each in requests}), "drawn_urls": len(requests)}
        found["seed"] = int(flags.seed)
    return found


def signing(flags: SimpleNamespace, first: urls.Url, common: Message) -> Signing | None:
    """Read --aws-sigv4, with the key of -a or of the environment."""
    if flags.aws_sigv4 is None:
        if flags.aws_session is not None:
            raise UsageError("--aws-session is the token of --aws-sigv4 region:service; add it.")
        return None
    from fastbench.plan import aws_signature

    own = any(name.lower() == "authorization" for name, _ in common.headers)
    if own or common.bearer or first.userinfo is not None:
        raise UsageError("--aws-sigv4 writes Authorization itself; leave yours out.")
    typed = flags.credentials or ""
    return aws_signature.parse(flags.aws_sigv4, first.host, typed, flags.aws_session or "")


def digest(flags: SimpleNamespace, first: urls.Url, common: Message) -> Digest | None:
    """Read --digest, with user and password of -a."""
    if not flags.digest:
        return None
    own = any(name.lower() == "authorization" for name, _ in common.headers)
    if own or common.bearer or first.userinfo is not None or flags.aws_sigv4 is not None:
        raise UsageError("--digest writes Authorization itself, from -a; leave yours out.")
    user, colon, password = (flags.credentials or "").partition(":")
    if not colon:
        raise UsageError("--digest needs who it is for; give -a USER:PASS, with the colon.")
    if placeholder_texts.has_any(flags.credentials) and not flags.raw:
        raise UsageError(
            "--digest answers for one user, so -a has no placeholders there; a script gives each "
            "user a password of its own (fastbench run SCRIPT)."
        )
    return Digest(user, password)


def _named(path: str) -> str:
    return "standard input" if path == "-" else path


def _rendered(line: url_list.Line, common: Message, varying: Varying) -> Request:
    """Render one entry: its own headers replace those of all requests, its body theirs."""
    own = {name.lower() for name, _ in line.headers}
    host = next((value for name, value in line.headers if name.lower() == "host"), common.host)
    headers = [pair for pair in common.headers if pair[0].lower() not in own]
    headers += [pair for pair in line.headers if pair[0].lower() != "host"]
    message = replace(common, headers=tuple(headers), host=host)
    try:
        typed = request.render(
            line.url, message, method=line.method, weight=line.weight, body=line.body
        )
        return varying.request(typed, line.body or common.body, common.credentials)
    except UsageError as error:
        raise UsageError(f"{line.place}: {error}" if line.place else str(error)) from None


def _method(flags: SimpleNamespace, notices: list[str]) -> str:
    method: str | None = flags.method
    if method is None:
        return ""
    if placeholder_texts.has_any(method):
        raise UsageError(
            "-m is one method, without placeholders; several stand in a list for --urls-from-file."
        )
    check_method(method)
    if method not in _METHODS and method.upper() in _METHODS:
        notices.append(f"-m {method} was read as {method.upper()}; methods are upper case.")
        return method.upper()
    return method


def _headers(flags: SimpleNamespace) -> tuple[Headers, str]:
    """Return the headers but Host, and the host to send ("" for the URL's own)."""
    host = flags.host or ""
    headers = []
    for text in flags.headers:
        for name, value in _given(text):
            if name.lower() == "host":
                host = value
            else:
                headers.append((name, value))
    if placeholder_texts.has_any(host) and not flags.raw:
        raise UsageError("--host is one name, for all requests; placeholders do not stand there.")
    if re.search(r"[\s\0]", host):
        raise UsageError("--host takes one host name, without spaces or line breaks.")
    return tuple(headers), host


def _cookies(flags: SimpleNamespace, headers: Headers) -> Headers:
    """Return the header of --cookie, which may be given several times, as in curl."""
    if not flags.cookies:
        return ()
    if any(name.lower() == "cookie" for name, _ in headers):
        raise UsageError("A request has one Cookie; give --cookie or -H 'Cookie: …', not both.")
    if not all("=" in each for each in flags.cookies):
        raise UsageError("--cookie takes NAME=VALUE, no file: --cookie 'session=1; theme=dark'.")
    return (check_header("Cookie", "; ".join(each.strip(" ;") for each in flags.cookies)),)


def _codings(flags: SimpleNamespace, headers: Headers) -> Headers:
    """Return the header of --compressed, unless -H has one; answers are never unpacked."""
    own = any(name.lower() == "accept-encoding" for name, _ in headers)
    if not flags.compressed:
        return ()
    if flags.expect_body:
        raise UsageError(
            "--expect-body looks at the bytes that arrive, which --compressed has packed; leave "
            "one of them out."
        )
    return () if own else (("Accept-Encoding", CODINGS),)


def _given(text: str) -> list[tuple[str, str]]:
    """Read one -H: a header, or `@FILE` with one on each line, which `ps` does not show."""
    if not text.startswith("@"):
        return [request.parse_header(text)]
    source = text_file.read_text(text[1:], "-H", any_bytes=True)
    found = []
    for at, line in enumerate(text_file.lines(source), 1):
        try:
            found += [request.parse_header(line)] if line.strip() else []
        except UsageError as error:
            raise UsageError(f"{text[1:]}, line {at}: {error}") from None
    return found


def _body(flags: SimpleNamespace, headers: Headers) -> body.Body | None:
    given = [
        spelling
        for spelling, value in (
            ("-b", flags.body is not None),
            ("-D", flags.body_file is not None),
            ("--data", flags.data),
            ("-F", flags.forms),
        )
        if value
    ]
    if len(given) > 1:
        raise UsageError(f"A request has one body; give {given[0]} or {given[1]}, not both.")
    if flags.body is not None:
        return body.inline(flags.body)
    if flags.body_file is not None:
        return body.of_file(text_file.read_bytes(flags.body_file, "-D"))
    if flags.data:
        return body.urlencoded(flags.data, raw=flags.raw)
    if not flags.forms:
        return None
    own_type = any(name.lower() == "content-type" for name, _ in headers)
    if own_type or "/" in (flags.by_value or ""):
        raise UsageError("-F writes Content-Type itself, with its boundary; leave yours out.")
    return body.multipart(flags.forms)


def _credentials(flags: SimpleNamespace) -> str:
    credentials: str = flags.credentials or ""
    if getattr(flags, "aws_sigv4", None) is not None or getattr(flags, "digest", False):
        credentials = ""  # they are the key of the signature, or answer a challenge
    if credentials and ":" not in credentials:
        raise UsageError("-a takes user:password, with the colon.")
    if credentials and flags.bearer:
        raise UsageError("A request has one Authorization; give -a or --bearer, not both.")
    return credentials


def _scripted(path: str, typed: Message) -> Message:
    """Apply a wrk script as wrk does: its headers replace those of -H; flags keep the rest."""
    if not path.endswith(".lua") and path.endswith(".py"):
        raise UsageError(
            f"-s reads wrk's Lua scripts; a Python scenario is started with `fastbench run {path}`."
        )
    source = body.encoded(text_file.read_text(path, "-s", any_bytes=True))
    from fastbench.plan import luascript  # few runs need it

    try:
        script = luascript.read(source, path)
    except UsageError as refused:
        return replace(typed, lua=_with_functions(path, source, refused))
    own = {name.lower() for name, _ in script.headers}
    host = next((value for name, value in script.headers if name.lower() == "host"), typed.host)
    headers = [header for header in typed.headers if header[0].lower() not in own]
    headers += [header for header in script.headers if header[0].lower() != "host"]
    sent = typed.body
    if sent is None and script.body is not None:
        sent = body.Body(script.body)
    method = typed.method or ("" if typed.body is not None else script.method)
    return replace(typed, method=method, headers=tuple(headers), host=host, body=sent)


def _with_functions(path: str, source: bytes, refused: UsageError) -> tuple[str, bytes]:
    """Return a script that does more than to set three values, if there is what runs it."""
    from fastbench.run.lua import lua_state

    try:
        lua_state.library()
    except UsageError as missing:
        raise UsageError(f"{str(refused).partition(':')[0]}: {missing}") from None
    return path, source


def of_script(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part a line from what a script of wrk gets: the words behind `--`, as wrk does.

    Where no URL is before it, the first word behind it is one: that is for the caller to see.
    """
    words = list(argv)
    if "--" not in words:
        return words, []
    at = words.index("--")
    if not any(each.endswith(".lua") for each in words[:at]):
        return words, []
    return words[:at], words[at + 1 :]


def lua_script(
    flags: SimpleNamespace,
    addresses: Sequence[str],
    message: Message,
    load: Load,
    url: urls.Url,
    notices: list[str],
) -> tuple[WrkScript | None, Load]:
    """Return the script that makes the requests, if there is one, and the load in HTTP/1.1."""
    if message.lua is None:
        return None, load
    if len(addresses) != 1 or flags.urls_from_file:
        raise UsageError("A Lua script makes the requests for one URL; give it alone.")
    for name, flag in _KNOWN_BEFORE.items():
        if getattr(flags, name, None):
            raise UsageError(
                f"{flag} is for requests that are known before the run; a Lua script makes its "
                f"own: leave {flag} out."
            )
    if load.http == "2":
        notices.append("A Lua script makes requests of HTTP/1.1, so --http2 is left out.")
        load = replace(load, http="1.1")
    kept = replace(message, host=message.host or url.authority)
    own = {"Authorization"} if message.credentials or message.bearer or url.userinfo else set()
    own |= {"Host"} if message.host else set()
    own |= {"User-Agent"} if flags.user_agent is not None else set()
    own |= {"Accept"} if flags.accept is not None else set()
    own |= {"Connection"} if not message.keepalive else set()
    fields = [pair for pair in request.default_fields(url, kept) if pair[0] in own]
    data = message.body
    if kind := message.content_type or (data.content_type if data is not None else ""):
        fields.append(("Content-Type", kind))
    authority = re.split("[/?#]", addresses[0].partition("://")[2], maxsplit=1)[0]
    typed = re.search(":[0-9]+$", authority)
    words = (addresses[0], *getattr(flags, "arguments", ()))
    return WrkScript(
        path=message.lua[0],
        source=message.lua[1],
        scheme=url.scheme,
        host=url.host,
        port=url.port if typed else None,
        target=url.path,
        method=message.method or ("GET" if data is None else "POST"),
        headers=tuple((body.encoded(n), body.encoded(v)) for n, v in (*fields, *message.headers)),
        body=None if data is None else data.data,
        arguments=tuple(map(body.encoded, words)),
    ), load


def completed(
    asked: Plan, flags: SimpleNamespace, first: urls.Url, common: Message, notices: list[str]
) -> Plan:
    """Return the plan with its signature and redirects; say what HTTP/2 has no place for."""
    if asked.protocols != "http/1.1" and (names := http_message.left_out(common.headers)):
        notices.append(f"{http_message.without_place(names)}; --http1 sends it.")
    known = digest(flags, first, common)
    asked = replace(asked, signing=signing(flags, first, common), digest=known)
    return target_args.completed(asked, flags)


def apart(script: WrkScript | None, output: Output) -> WrkScript | None:
    """Keep what a script prints apart from a document on standard output."""
    if script is None:
        return None
    if output.on is not None:
        raise UsageError("A Lua script with functions runs on this machine alone; leave --on out.")
    if output.debug:
        raise UsageError(
            "--debug shows requests that are known before the run; a Lua script prints its own "
            "with print()."
        )
    documents = (*output.forms.values(), "-" if output.format == "json" else output.json_path)
    return replace(script, prints_to_stderr="-" in documents)


def _or(name: str, value: str | None, default: str) -> str:
    return default if value is None else check_header(name, value)[1]
