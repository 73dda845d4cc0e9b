"""One request, as it would be sent, as a script in Python with comments."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from fastbench.convert.expressions import quoted, text
from fastbench.convert.har import har_bodies
from fastbench.convert.har.har_file import Entry
from fastbench.convert.har.har_secrets import Secrets, secret_field
from fastbench.convert.script_text import Converted, ScriptText, f_string
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Request, Tls

MAX_BODY_BYTES = 100_000
_VERBS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
_LOAD = """
    # How much: ten users at once, for ten seconds. Instead: stages=[("30s", 50), ("2m", 50)]
    # changes their number over time; `-u 50 -d 2m` on the command line wins over both.
    vus=10,
    duration="10s",
    # What must hold: the exit code is 99 if it does not.
    thresholds={
        "http_req_duration": ["p(95)<500"],  # ms
        "http_req_failed": ["rate<0.01"],
        "checks": ["rate>0.99"],
    },
"""


def script(request: Request, origin: str, tls: Tls | None, name: str, more: str = "") -> Converted:
    """Return the script; `origin` is scheme and authority, `name` that of its scenario.

    `more` are flags that the request needs and a script cannot say: they stand in its line to run.

    Secrets of the request are read from the environment. Raises UsageError for a body that is no
    text, or too long to be read in a script.
    """
    entry = _entry(request, origin)
    made = ScriptText(f"Load test of {request.method} {redact.url(entry.url)}")
    made.use("Options", "Vu", "check", "env", "scenario", "sleep")
    secrets = Secrets(made)
    call = _call(entry, made, secrets)
    _options(made, entry.origin, tls)
    body = made.function()
    body.line("@scenario")
    with body.block(f"async def {made.name(name, 'load')}(vu: Vu) -> None:"):
        body.comment("One iteration of one user. Another request may use what this one answered:")
        body.comment('`response.json("items.0.id")`.')
        body.line(f"response = await {call}")
        body.comment("A check is counted and ends nothing.")
        passes = "lambda r: 0 < r.status < 400"  # 0: there was no response
        body.line(f'check(response, {{"{_label(entry)} is below 400": {passes}}})')
        body.comment("What the user does before the next iteration, in seconds.")
        body.line("await sleep(0.1)")
    values = "".join(f" -e {each}=…" for each in secrets.names)
    made.run_line = f"fastbench run {more}SCRIPT.py{values}"
    made.notes.append("`--dry-run` shows the plan, `--debug` one iteration with all it says.")
    if secrets.names:
        made.notes.append(
            f"Secrets are not in this file; they come from the environment or from -e: "
            f"{', '.join(secrets.names)}."
        )
    return made.converted()


def _entry(request: Request, origin: str) -> Entry:
    """Return the request as one of a recording, whose bodies and secrets are known already."""
    fields = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.fields]
    body = request.body or b""
    if len(body) > MAX_BODY_BYTES:
        raise UsageError(
            "new: the body has more than 100,000 bytes; write a script without it, and send it "
            'with data=open("FILE", "rb").read().'
        )
    try:
        written = body.decode()
    except UnicodeDecodeError:
        raise UsageError(
            "new: the body is no text; write a script without it, and send it with "
            'data=open("FILE", "rb").read().'
        ) from None
    kind = next((value for name, value in fields if name.lower() == "content-type"), "")
    parts = urlsplit(origin + request.target.decode("latin-1"))
    return Entry(
        number=0,
        page="",
        start_s=0,
        took_s=0,
        method=request.method,
        url=parts.geturl(),
        parts=parts,
        headers=fields,
        body=written,
        body_type=kind,
        params=[],
        status=200,
        answer_headers=[],
        answer="",
        answer_type="",
        resource="",
    )


def _label(entry: Entry) -> str:
    shown = f"{entry.method} {entry.parts.path or '/'}"
    return "".join(c if c.isprintable() and c not in '"\\' else "_" for c in shown)


def _call(entry: Entry, made: ScriptText, secrets: Secrets) -> str:
    """Return the call that sends the request."""

    def written(value: object, name: str) -> str:
        if isinstance(value, str) and value and secret_field(name):
            return secrets.constant(name, value)
        return text(value)

    sent = har_bodies.of(entry, written, secrets.text)
    if sent.uses_file:
        made.use("file")
    arguments = [_target(entry, secrets), *sent.arguments]
    own: list[str] = []
    for name, value in entry.headers:
        if _given(entry, name.lower(), value, sent.type):
            continue
        if redact.secret_header(name):
            argument = secrets.header(name, value)
            (own if argument.startswith(('"', "'")) else arguments).append(argument)
        else:
            own.append(f"{quoted(name)}: {secrets.text(value)}")
    arguments += [f"headers={{{', '.join(own)}}}"] if own else []
    if entry.parts.query:
        arguments.append(f"name={quoted(_label(entry))}")
    if entry.method in _VERBS:
        return f"vu.{entry.method.lower()}({', '.join(arguments)})"
    return f"vu.request({quoted(entry.method)}, {', '.join(arguments)})"


def _given(entry: Entry, name: str, value: str, body_type: str | None) -> bool:
    """Tell whether the client of scripts sends this header by itself."""
    match name:
        case "host":
            return value == entry.parts.netloc
        case "accept":
            return value == "*/*"
        case "user-agent":
            return value.startswith("fastbench/")
        case "content-type":
            return body_type is not None or not entry.body
        case _:
            return name in ("content-length", "connection")


def _target(entry: Entry, secrets: Secrets) -> str:
    """Return path and query, with the secrets of the query as variables."""
    parts: list[str | tuple[str]] = [entry.parts.path or "/"]
    for at, pair in enumerate(entry.parts.query.split("&") if entry.parts.query else ()):
        name, mark, value = pair.partition("=")
        parts.append(f"{'&' if at else '?'}{name}{mark}")
        secret = value and secret_field(unquote(name))
        parts.append((secrets.constant(unquote(name), value),) if secret else value)
    return f_string(parts)


def _options(made: ScriptText, origin: str, tls: Tls | None) -> None:
    block = made.constants
    block.empty()
    block.raw("options = Options(")
    block.raw("    # Where: `-e BASE_URL=https://staging.example` tests another server.")
    block.raw(f'    base_url=env("BASE_URL", {quoted(origin)}),')
    block.raw(_LOAD.strip("\n"))
    if tls is not None:
        files = {"cacert": tls.cafile, "cert": tls.certfile, "key": tls.keyfile}
        given = {name: path for name, path in files.items() if path}
        if not tls.verify:
            block.raw("    insecure_skip_tls_verify=True,")
        for name, path in given.items():
            block.raw(f"    {name}={quoted(path)},")
    block.raw(")")
