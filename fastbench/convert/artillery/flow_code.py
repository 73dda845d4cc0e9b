"""A flow of Artillery as statements: requests, captures, expectations, pauses and loops."""

from __future__ import annotations

import re
from typing import Any

from fastbench.convert.expressions import quoted, text
from fastbench.convert.script_text import Block, ScriptText, f_string
from fastbench.script.artillery import known_keys
from fastbench.script.artillery.yaml_tree import Map, Seq

METHODS = ("delete", "get", "head", "options", "patch", "post", "put")
_LOG = "print"  # what is written into the script
_HOLE = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_PATH = re.compile(r"[A-Za-z_$][\w$]*((\.[\w$-]+)|(\[[0-9]+\]))*")
_SIMPLE_JSON = re.compile(r"\$?\.?((?:[\w-]+|\[[0-9]+\])(?:\.[\w-]+|\[[0-9]+\])*)")
_DIGITS = re.compile(r"[0-9]{1,9}")
_BODIES = ("json", "body", "form", "formData")
_IGNORED = {"url", "name", "capture", "expect", "match", "gzip", "ifTrue", "probability"}


class FlowCode:
    """Write one flow; `known` are the variables it has, by their names in the file."""

    def __init__(
        self, script: ScriptText, block: Block, target: str, headers: Map | None = None
    ) -> None:
        """`headers` are those of all requests that have something to fill in."""
        self.script, self.block, self._target = script, block, target
        self._headers = headers or Map()
        self.known: dict[str, str] = {}
        self._taken = {"vu", "response", "data"}

    def variable(self, name: str) -> str:
        """Return the variable for a name of the file."""
        if name not in self.known:
            self.known[name] = self.script.name(name)
            self.script.taken.discard(self.known[name])  # another flow may have it, too
            while self.known[name] in self._taken:
                self.known[name] += "_"
            self._taken.add(self.known[name])
        return self.known[name]

    def steps(self, steps: Seq) -> None:
        """Write the steps, in their order."""
        for each, line in zip(steps, steps.lines, strict=True):
            self._step(each, line)

    def _step(self, given: Any, line: int) -> None:
        if not isinstance(given, Map) or not given:
            self.script.left(self.block, f"the step {given}", line)
            return
        for name in METHODS:
            if isinstance(given.get(name), Map):
                self._request(name, given[name])
                return
        if "think" in given:
            seconds = known_keys.parse_time_s(given["think"])
            value = text(seconds) if seconds is not None else f"float({self.value(given['think'])})"
            self.script.use("sleep")
            self.block.line(f"await sleep({value.removesuffix('.0')})")
        elif "log" in given:
            self.block.line(f"{_LOG}({self.value(given['log'])})")
        elif "loop" in given:
            self._loop(given)
        elif "group" in given and isinstance(given["group"], Map):
            self.script.use("group")
            name = str(given["group"].get("name", "group"))
            with self.block.block(f"async with group({quoted(name)}):"):
                self.steps(given["group"].get("steps") or Seq())
        elif isinstance(given.get("parallel"), Seq):
            self.script.left(self.block, "parallel: these are sent one after another", line)
            self.steps(given["parallel"])
        else:
            self.script.left(self.block, f"the step {next(iter(given))}: {_short(given)}", line)

    def _loop(self, given: Map) -> None:
        steps = given["loop"]
        if not isinstance(steps, Seq) or "whileTrue" in given:
            self.script.left(self.block, "a loop with whileTrue", given.line)
            return
        if "over" in given:
            over = given["over"]
            source = self.value(over if not isinstance(over, str) else f"{{{{ {over} }}}}")
            name = self.variable(str(given.get("loopValue", "$loopElement")).lstrip("$"))
            self.known["$loopElement"] = name
            with self.block.block(f"for {name} in {source}:"):
                self.steps(steps)
            return
        count = given.get("count", 1)
        name = self.variable("loop_count") if "$loopCount" in str(steps) else "_"
        self.known["$loopCount"] = name
        both = re.fullmatch(r"\s*([0-9]+)\s*-\s*([0-9]+)\s*", str(count))
        if both:
            turns = f"{int(both[1])}, {int(both[2])}"  # the last is not among them
        elif str(count).strip() == "-1":
            with self.block.block("while True:"):
                self.steps(steps)
            return
        else:
            value = self.value(count)
            turns = str(int(value)) if _DIGITS.fullmatch(value) else f"int({value})"
        with self.block.block(f"for {name} in range({turns}):"):
            self.steps(steps)

    # Requests.

    def _request(self, method: str, given: Map) -> None:
        if "probability" in given:
            self.script.modules.add("random")
            chance = f"random.random() * 100 < {self.value(given['probability'])}"
            with self.block.block(f"if {chance}:"):
                self._send(method, given)
        elif "ifTrue" in given:
            name = str(given["ifTrue"]).strip()
            if name not in self.known:
                self.script.left(self.block, f"only if {name}", given.lines["ifTrue"])
                self._send(method, given)
                return
            with self.block.block(f"if {self.known[name]}:"):
                self._send(method, given)
        else:
            self._send(method, given)

    def _send(self, method: str, given: Map) -> None:
        arguments = [self.value(_without_target(str(given.get("url", "/")), self._target))]
        bodies = [key for key in _BODIES if given.get(key) is not None]
        given = self._with_headers(given)
        for key, value in given.items():
            if key in bodies[1:]:
                what = f"{key} of a request that has {bodies[0]}: {_short(value)}"
                self.script.left(self.block, what, given.lines[key])
            elif key not in _IGNORED and not (key in _BODIES and value is None):
                arguments += self._argument(method, key, value, given.lines[key])
        if "name" in given:
            arguments.append(f"name={self.value(given['name'])}")
        elif "{{" in str(given.get("url")):
            shown = _HOLE.sub(r"{\1}", _without_target(str(given["url"]), self._target))
            arguments.append(f"name={quoted(f'{method.upper()} {shown}')}")
        answer = "response = " if {"capture", "expect", "match"} & set(given) else ""
        self.block.line(f"{answer}await vu.{method}({', '.join(arguments)})")
        self._captures(given)
        self._checks(method, given)

    def _with_headers(self, given: Map) -> Map:
        """Return a request with the headers of all requests that it does not have itself."""
        own = given.get("headers")
        names = {str(name).lower() for name in own} if isinstance(own, Map) else set()
        more = {name: v for name, v in self._headers.items() if str(name).lower() not in names}
        if not more:
            return given
        both = Map(given.line)
        both.update({**more, **(own if isinstance(own, Map) else {})})
        found = Map(given.line)
        found.update({**given, "headers": both})
        found.lines = {**given.lines, "headers": given.line}
        return found

    def _argument(self, method: str, key: str, value: Any, line: int) -> list[str]:
        plain = {"headers": "headers", "qs": "params", "cookie": "cookies"}
        if key in plain:
            return [f"{plain[key]}={self.value(value)}"]
        if key == "json" and value is not None:
            return [f"json={self.value(value)}"]
        if key in ("body", "form") and method not in ("get", "head", "options"):
            return [f"data={self.value(value)}"]
        if key == "auth" and isinstance(value, Map):
            user, word = self.value(value.get("user", "")), self.value(value.get("pass", ""))
            return [f"auth=({user}, {word})"]
        if key == "followRedirect":
            return ["redirects=0"] if value is False else []
        if key == "formData" and isinstance(value, Map):
            return [f"data={self._form(value)}"]
        self.script.left(self.block, f"{key} of a request: {_short(value)}", line)
        return []

    def _form(self, given: Map) -> str:
        found, files = [], False
        for name, value in given.items():
            if isinstance(value, Map) and "fromFile" in value:
                self.script.use("file")
                self.script.from_modules.add(("pathlib", "Path"))
                path, files = str(value["fromFile"]), True
                content = f"(Path(__file__).parent / {quoted(path)}).read_bytes()"
                found.append(f"{quoted(name)}: file({content}, {quoted(path.rpartition('/')[2])})")
            else:
                inner = value.get("value") if isinstance(value, Map) else value
                found.append(f"{quoted(name)}: {self.value(inner)}")
        if not files:
            self.script.left(
                self.block, "formData without a file is sent as an URL-encoded form", given.line
            )
        return f"{{{', '.join(found)}}}"

    def _captures(self, given: Map) -> None:
        for each in known_keys.one_or_more(given, "capture"):
            name = str(each.get("as", "captured")) if isinstance(each, Map) else "captured"
            source = self._extracted(each) if isinstance(each, Map) else None
            if source is None:
                self.script.left(self.block, f"the capture {_short(each)}", given.line)
                source = '""'
            self.block.line(f"{self.variable(name)} = {source}")

    def _extracted(self, given: Map) -> str | None:
        """Return what reads a value from the answer, None for what is not read."""
        if "json" in given:
            found = _SIMPLE_JSON.fullmatch(str(given["json"]))
            if str(given["json"]) == "$":
                return "response.json()"
            return f"response.json({quoted(found[1])})" if found else None
        if "header" in given:
            return f'response.headers.get({quoted(str(given["header"]))}, "")'
        if "regexp" in given:
            self.script.modules.add("re")
            group = str(given.get("group", "1" if "(" in str(given["regexp"]) else "0"))
            number = str(int(group)) if _DIGITS.fullmatch(group) else quoted(group)
            pattern = _raw(str(given["regexp"]))
            return f"getattr(re.search({pattern}, response.text), 'group', str)({number})"
        return None

    def _checks(self, method: str, given: Map) -> None:
        label = str(given.get("name") or f"{method.upper()} {given.get('url', '')}")
        label = _HOLE.sub(r"{\1}", label)
        tests = []
        for each in known_keys.one_or_more(given, "expect"):
            for kind, value in each.items() if isinstance(each, Map) else ():
                test = self._expected(kind, value)
                if test is None:
                    line = each.lines[kind]
                    self.script.left(self.block, f"expect {kind}: {_short(value)}", line)
                else:
                    tests.append(f"{quoted(f'{label}: {kind} {_short(value)}')}: lambda r: {test}")
        for each in known_keys.one_or_more(given, "match"):
            source = self._extracted(each) if isinstance(each, Map) else None
            if source is None:
                self.script.left(self.block, f"match {_short(each)}", given.line)
                continue
            wanted = self.value(each.get("value"))
            tests.append(f"{quoted(f'{label}: match')}: {source} == {wanted}")
        if tests:
            self.script.use("check")
            self.block.line(f"check(response, {{{', '.join(tests)}}})")

    def _expected(self, kind: str, value: Any) -> str | None:
        if kind == "statusCode":
            if isinstance(value, Seq):
                statuses = tuple(int(each) for each in value if _DIGITS.fullmatch(str(each)))
                return f"r.status in {statuses!r}" if len(statuses) == len(value) else None
            known = _DIGITS.fullmatch(str(value))
            return f"r.status == {self.value(int(value) if known else value)}"
        if kind == "notStatusCode" and _DIGITS.fullmatch(str(value)):
            return f"r.status != {int(value)}"
        if kind == "contentType":
            return f'{self.value(value)} in r.headers.get("Content-Type", "")'
        if kind == "hasHeader":
            return f"{self.value(value)} in r.headers"
        if kind == "headerEquals" and isinstance(value, Seq) and len(value) == 2:
            return f"r.headers.get({self.value(value[0])}) == {self.value(value[1])}"
        if kind in ("hasProperty", "notHasProperty"):
            return f"r.json({quoted(str(value))}) is {'not ' * (kind[0] == 'h')}None"
        if kind == "matchesRegexp":
            self.script.modules.add("re")
            return f"re.search({_raw(str(value))}, r.text) is not None"
        return None

    # Values.

    def value(self, value: Any) -> str:
        """Return a value of the file as an expression, its templates filled in."""
        if isinstance(value, dict):
            inner = (f"{self.value(str(key))}: {self.value(each)}" for key, each in value.items())
            return f"{{{', '.join(inner)}}}"
        if isinstance(value, list):
            return f"[{', '.join(map(self.value, value))}]"
        if not isinstance(value, str) or "{{" not in value:
            return text(value)
        if whole := _HOLE.fullmatch(value):
            return self._hole(whole[1])
        pieces: list[str | tuple[str]] = []
        for at, piece in enumerate(_HOLE.split(value)):
            source = self._hole(piece) if at % 2 else ""
            pieces.append((source,) if source not in ("", '""') else "" if at % 2 else piece)
        return f_string(pieces)

    def _hole(self, inner: str) -> str:
        """Return what stands between the brackets as an expression."""
        if call := re.fullmatch(r"\$randomNumber\(\s*(-?[0-9]+)\s*,\s*(-?[0-9]+)\s*\)", inner):
            self.script.use("random_int")
            return f"random_int({int(call[1])}, {int(call[2])})"
        if call := re.fullmatch(r"\$randomString\(\s*([0-9]*)\s*\)", inner):
            self.script.modules |= {"random", "string"}
            letters = "string.ascii_letters + string.digits"
            return f'"".join(random.choices({letters}, k={int(call[1] or 10)}))'
        if found := re.fullmatch(r"\$(?:env|processEnvironment)\.(\w+)", inner):
            self.script.use("env")
            return f'env({quoted(found[1])}, "")'
        if inner in ("$uuid", "$uuid()"):
            return f"{self.script.use('uuid')}()"
        if inner == "target":
            self.script.use("env")
            return f'env("BASE_URL", {quoted(self._target)})'
        name = re.split(r"[.\[]", inner)[0]
        if not _PATH.fullmatch(inner) or name not in self.known:
            self.script.left(self.block, f"{{{{ {inner} }}}} has no value here")
            return '""'
        steps = re.findall(r"\.([\w$-]+)|\[([0-9]+)\]", inner[len(name) :])
        rest = "".join(f"[{quoted(key)}]" if key else f"[{int(index)}]" for key, index in steps)
        return f"{self.known[name]}{rest}"


def _without_target(url: str, target: str) -> str:
    found = re.sub(r"^\{\{\s*target\s*\}\}", "", url)
    return found.removeprefix(target) or "/" if target else found or "/"


def _raw(pattern: str) -> str:
    plain = '"' not in pattern and not pattern.endswith("\\") and pattern.isprintable()
    return f'r"{pattern}"' if plain else quoted(pattern)


def _short(value: Any) -> str:
    shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return " ".join(shown.split())[:60]
