"""A recording of a browser as a script: pages are groups, pauses sleeps, tokens variables."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from fastbench.convert.expressions import quoted, text
from fastbench.convert.har import har_bodies, har_file, har_parallel, har_selection
from fastbench.convert.har.har_file import Entry, Recording
from fastbench.convert.har.har_secrets import Secrets, secret_field
from fastbench.convert.har.har_selection import Selection
from fastbench.convert.har.har_values import Source, Values
from fastbench.convert.script_text import Block, Converted, ScriptText, constant_name, f_string
from fastbench.foundation import redact

_MIN_PAUSE_S, _MAX_PAUSE_S = 0.3, 120.0
_VERBS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
_OWN = re.compile(  # headers that a browser adds, or the client itself
    r":.*|host|connection|content-length|cookie|accept-encoding|user-agent|sec-.*|origin|referer"
    r"|upgrade-insecure-requests|cache-control|pragma|if-none-match|if-modified-since|dnt|priority"
    r"|te|keep-alive|proxy-.*|x-chrome-.*|x-client-data|save-data|purpose|transfer-encoding|range"
)


def convert(
    content: str,
    shown: str,
    *,
    hosts: Collection[str] = (),
    all_hosts: bool = False,
    static: bool = False,
) -> Converted:
    """Return the script of a recording; raises UsageError for what is none."""
    recording = har_file.read(content, shown)
    chosen = har_selection.select(recording, hosts=hosts, all_hosts=all_hosts, static=static)
    return _Writer(recording, chosen, shown).written()


@dataclass(slots=True)
class _Writer:
    recording: Recording
    chosen: Selection
    shown: str
    script: ScriptText = field(init=False)
    secrets: Secrets = field(init=False)
    values: Values = field(init=False)
    origins: dict[str, str] = field(default_factory=dict)  # an origin's constant, "" is base_url
    variables: dict[str, str] = field(default_factory=dict)  # a value's variable
    captures: dict[int, list[tuple[str, Source]]] = field(default_factory=dict)  # by entry
    helpers: set[str] = field(default_factory=set)
    sources: dict[int, set[int]] = field(default_factory=dict)  # whose answers an entry needs
    used: set[int] = field(default_factory=set)  # of the entry that is looked at
    calls: dict[int, tuple[str, str]] = field(default_factory=dict)  # by entry, with what is lost

    def written(self) -> Converted:
        by = f" by {self.recording.creator}" if self.recording.creator else ""
        self.script = script = ScriptText(f"A session recorded{by}: {self.shown}.")
        self.secrets = Secrets(script)
        self.values = Values(self.chosen.entries)
        script.use("Options", "check", "env", "scenario")
        first = self.chosen.entries[0]
        self.origins[first.origin] = ""
        common = self._common_headers()
        self._options(first, common)
        self._place_origins()
        body = script.function()
        body.line("@scenario")
        with body.block("async def session(vu):"):
            self._cookies(body)
            self._pages(body, common)
        self._helper_functions()
        self._notes()
        return script.converted()

    def _options(self, first: Entry, common: dict[str, str]) -> None:
        url = quoted(first.origin)
        headers = f", headers={text(common)}" if common else ""
        self.script.constants.line(
            f'options = Options(base_url=env("BASE_URL", {url}){headers}, thresholds='
            '{"http_req_failed": ["rate<0.01"], "checks": ["rate>0.99"]})'
        )
        self.script.constants.empty()

    def _place_origins(self) -> None:
        for entry in self.chosen.entries:
            if entry.origin not in self.origins:
                wanted = f"{entry.host.partition('.')[0]}_url"
                name = self.script.name(constant_name(wanted, "HOST").lower()).upper()
                self.origins[entry.origin] = name
                self.script.constants.line(f"{name} = env({quoted(name)}, {quoted(entry.origin)})")

    def _common_headers(self) -> dict[str, str]:
        """Return the headers that all requests have alike."""
        alike = dict(self._headers(self.chosen.entries[0]))
        for entry in self.chosen.entries[1:]:
            own = dict(self._headers(entry))
            alike = {name: value for name, value in alike.items() if own.get(name) == value}
        return (
            {
                name: value
                for name, value in alike.items()
                if name != "content-type" and not redact.secret_header(name)
            }
            if len(self.chosen.entries) > 1
            else {}
        )

    @staticmethod
    def _headers(entry: Entry) -> list[tuple[str, str]]:
        """Return the headers of a request that a script has to give."""
        return [
            (name.lower(), value)
            for name, value in entry.headers
            if not _OWN.fullmatch(name.lower())
            and not (name.lower() == "accept" and (value == "*/*" or "text/html" in value))
        ]

    def _cookies(self, body: Block) -> None:
        """Set the cookies that the browser had before the recording."""
        known: set[str] = set()
        before: dict[str, str] = {}
        for entry in self.chosen.entries:
            for pair in entry.header("cookie").split(";"):
                name, mark, value = pair.strip().partition("=")
                if mark and name not in known and not re.match(r"_g(a|id|at|cl)", name):
                    before.setdefault(name, value)
            for each in (entry, *entry.followed):
                known |= {
                    value.partition("=")[0].strip()
                    for name, value in each.answer_headers
                    if name.lower() == "set-cookie"
                }
        for name, value in before.items():
            constant = self.secrets.constant(f"COOKIE_{name}", value)
            with body.block(f"if {constant}:"):
                body.line(f"vu.cookies.set({quoted(name)}, {constant})")

    def _pages(self, body: Block, common: dict[str, str]) -> None:
        pages: list[tuple[str, list[Entry]]] = []
        for entry in self.chosen.entries:
            if not pages or pages[-1][0] != entry.page:
                pages.append((entry.page, []))
            pages[-1][1].append(entry)
        # Sources are found first, so that an answer's variables stand right behind it.
        for entry in self.chosen.entries:
            self.used = self.sources[entry.number] = set()
            self.calls[entry.number] = self._request(entry, common)
        end_s = self.chosen.entries[0].start_s
        for page, entries in pages:
            end_s = self._pause(body, entries[0], end_s)
            if not page:
                self._entries(body, entries, end_s, common)
                end_s = max(_end_s(each) for each in entries)
                continue
            self.script.use("group")
            with body.block(f"async with group({quoted(self._title(page, entries[0]))}):"):
                self._entries(body, entries, end_s, common)
            end_s = max(_end_s(each) for each in entries)

    def _title(self, page: str, first: Entry) -> str:
        title = self.recording.titles.get(page, "")
        if not title or "://" in title:
            title = f"{first.method} {first.parts.path or '/'}"
        return " ".join(title.replace("::", ":").split())[:80]

    def _pause(self, body: Block, entry: Entry, end_s: float) -> float:
        """Write the time that the user took to think; return when the next request begins."""
        pause_s = entry.start_s - end_s
        if pause_s >= _MIN_PAUSE_S:
            self.script.use("sleep")
            if "PACE" not in self.secrets.script.taken:
                self.script.taken.add("PACE")
                self.script.constants.line('PACE = float(env("PACE", "1"))')
            body.line(
                f"await sleep({min(pause_s, _MAX_PAUSE_S):.2g} * PACE)"
                if pause_s < 10
                else f"await sleep({min(pause_s, _MAX_PAUSE_S):.0f} * PACE)"
            )
        return max(end_s, entry.start_s)

    def _entries(
        self, body: Block, entries: list[Entry], end_s: float, common: dict[str, str]
    ) -> None:
        for at, several in enumerate(har_parallel.groups(entries, self.sources)):
            if at:
                self._pause(body, several[0], end_s)
            if len(several) > 1:
                self._batch(body, several)
            for number, entry in enumerate(several):
                call, lost = self.calls[entry.number]
                response = "response"
                if len(several) > 1:
                    response = f"responses[{number}]"
                elif lost:
                    self._lost(body, entry, lost)
                if len(several) == 1:
                    body.short(f"response = await {call}")
                self._answered(body, entry, response)
                end_s = max(end_s, _end_s(entry))

    def _batch(self, body: Block, several: list[Entry]) -> None:
        """Write requests that the browser sent at the same time."""
        for entry in several:
            if lost := self.calls[entry.number][1]:
                self._lost(body, entry, lost)
        calls = ", ".join(self.calls[entry.number][0] for entry in several)
        body.line(f"responses = await vu.batch([{calls}])")

    def _lost(self, body: Block, entry: Entry, lost: str) -> None:
        self.script.left(body, f"{entry.method} {entry.parts.path}: {lost}")

    def _answered(self, body: Block, entry: Entry, response: str) -> None:
        """Write what is checked of an answer, and what is read from it."""
        status = entry.last.status
        expected = 200 if status == 304 else status
        label = quoted(f"{entry.method} {self._label(entry)} is {expected}")
        body.short(f"check({response}, {{{label}: lambda r: r.status == {expected}}})")
        captures = self.captures.get(entry.number, ())
        if captures and response != "response":
            body.short(f"response = {response}")
        for name, source in captures:
            body.short(f"{name} = {source.expression}")

    def _label(self, entry: Entry) -> str:
        """Return the path with the names of variables for what they stand for."""
        steps = []
        for step in (entry.parts.path or "/").split("/"):
            found = self.values.source(unquote(step), "id", entry)
            steps.append(f"{{{self._variable(found)}}}" if found else step)
        return "/".join(steps)

    def _request(self, entry: Entry, common: dict[str, str]) -> tuple[str, str]:
        """Return the call that sends a request, and what of it is lost."""

        def written(value: object, name: str) -> str:
            if source := self.values.source(value, name, entry):
                variable = self._variable(source)
                return (
                    variable
                    if type(source.value) is type(value)
                    else (f"str({variable})" if isinstance(value, str) else variable)
                )
            if isinstance(value, str) and value and secret_field(name):
                return self.secrets.constant(name, value)
            return text(value)

        sent = har_bodies.of(entry, written, self.secrets.text)
        if sent.uses_file:
            self.script.use("file")
        arguments = [self._url(entry), *sent.arguments]
        arguments += self._header_arguments(entry, common, sent.type)
        label = self._label(entry)
        if label != entry.parts.path or entry.parts.query:
            arguments.append(f"name={quoted(f'{entry.method} {label}')}")
        if entry.last.status >= 400:
            arguments.append(f"expected={entry.last.status}")
        elif 300 <= entry.last.status < 400 and entry.last.status != 304:
            arguments.append("redirects=0")
        if entry.method in _VERBS:
            return f"vu.{entry.method.lower()}({', '.join(arguments)})", sent.lost
        return f"vu.request({quoted(entry.method)}, {', '.join(arguments)})", sent.lost

    def _variable(self, source: Source) -> str:
        self.used.add(source.entry.number)
        key = f"{source.entry.number} {source.expression}"
        found = self.variables.get(key)
        if found is None:
            found = self.variables[key] = self.script.name(source.name)
            self.captures.setdefault(source.entry.number, []).append((found, source))
            self.helpers.update(each for each in source.helper.split(",") if each)
        return found

    def _url(self, entry: Entry) -> str:
        parts: list[str | tuple[str]] = []
        if constant := self.origins[entry.origin]:
            parts.append((constant,))
        for at, step in enumerate((entry.parts.path or "/").split("/")):
            parts.append("/" if at else "")
            parts.append(self._piece(step, unquote(step), "id", entry))
        for at, pair in enumerate(entry.parts.query.split("&") if entry.parts.query else ()):
            name, mark, value = pair.partition("=")
            parts.append(f"{'&' if at else '?'}{name}{mark}")
            plain = unquote(value.replace("+", " "))
            parts.append(self._piece(value, plain, name, entry))
        return f_string(parts)

    def _piece(self, raw: str, plain: str, name: str, entry: Entry) -> str | tuple[str]:
        """Return a piece of a URL: its variable, its secret, or as it stands."""
        source = self.values.source(plain, name, entry) if plain else None
        if source is not None:
            variable = self._variable(source)
        elif name != "id" and plain and secret_field(name):
            variable = self.secrets.constant(name, plain)
        else:
            return raw
        if quote(plain, safe="") == plain:
            return (variable,)
        self.helpers.add("quote")
        return (f'quote({variable}, safe="")',)

    def _header_arguments(
        self, entry: Entry, common: dict[str, str], body_type: str | None
    ) -> list[str]:
        found, own = [], []
        for name, value in self._headers(entry):
            if common.get(name) == value or (name == "content-type" and body_type is not None):
                continue
            scheme, _, bare = value.partition(" ")
            if name == "authorization" and (source := self.values.source(bare, "token", entry)):
                variable = self._variable(source)
                if scheme.lower() == "bearer":
                    found.append(f"bearer={variable}")
                else:
                    own.append(f"{quoted(name)}: {f_string([f'{scheme} ', (variable,)])}")
            elif source := self.values.source(value, name, entry):
                own.append(f"{quoted(name)}: {self._variable(source)}")
            elif redact.secret_header(name):
                written = self.secrets.header(name, value)
                (own if written.startswith(('"', "'")) else found).append(written)
            else:
                own.append(f"{quoted(name)}: {quoted(value)}")
        referer = entry.header("referer")
        if body_type and "json" not in body_type and referer.startswith(entry.origin):
            # Frameworks refuse a form without it (Django over https).
            own.append(f'"referer": {quoted(referer.partition("?")[0])}')
        return [*found, *([f"headers={{{', '.join(own)}}}"] if own else [])]

    def _helper_functions(self) -> None:
        for name in ("quote", "unquote"):
            if name in self.helpers:
                self.script.from_modules.add(("urllib.parse", name))
        if "found" in self.helpers:
            self.script.modules |= {"html", "re"}
            body = self.script.function()
            with body.block("def found(pattern, text):"):
                body.raw('"""Return what the pattern captures, an empty text where it is not."""')
                body.line("match = re.search(pattern, text)")
                body.line('return html.unescape(match[1]) if match else ""')

    def _notes(self) -> None:
        script, chosen = self.script, self.chosen
        flags = "".join(f" -e {name}=…" for name in self.secrets.names)
        script.run_line = f"fastbench run SCRIPT.py -u 10 -d 1m{flags}"
        if self.secrets.names:
            script.notes.append(
                "Secrets of the recording are not in this file; they come from the environment or "
                f"from -e: {', '.join(self.secrets.names)}."
            )
        if "PACE" in script.taken:
            script.notes.append("PACE multiplies the pauses of the recording; 0 leaves them out.")
        if chosen.other_hosts:
            hosts = ", ".join(f"{host} ({n})" for host, n in chosen.other_hosts.most_common(20))
            script.notes.append(f"Left out, with their requests: other hosts {hosts}.")
            script.remarks.append(f"other hosts were left out (--all-hosts keeps them): {hosts}")
        for reason, count in chosen.dropped.items():
            script.notes.append(f"Left out: {count} {reason}.")
            if "WebSocket" in reason:
                script.remarks.append(f"left out: {count} {reason}")


def _end_s(entry: Entry) -> float:
    return max(each.start_s + each.took_s for each in (entry, *entry.followed))
