"""Secrets of a file and of the shell: sent, and in nothing that is written."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from commandline import invoke
from converting import made
from request_log import logging_server

SECRETS = {
    "TOKEN": "tok-4f9a1c77",
    "PASSWORD": "pw-88aa12cd",
    "KEY": "key-0d3e5f61",
    "LOGIN_SECRET": "login-71c2b3a4",
    "SESSION_TOKEN": "cookie-9e8d7c6b",
}
TEST = """
config:
  target: http://localhost:8080
  phases: [{duration: 0.2, arrivalCount: 2}]
  plugins: {expect: {}}
  http:
    defaults:
      headers: {authorization: "Bearer {{ $env.TOKEN }}"}
  variables: {login: "{{ $env.LOGIN_SECRET }}"}
before:
  flow: [post: {url: /login, json: {password: "{{ $env.PASSWORD }}"}}]
scenarios:
  - name: buy
    flow:
      - get: {url: "/list?token={{ $env.TOKEN }}", expect: {statusCode: 200}}
      - get:
          url: "/list?api_key={{ $processEnvironment.KEY }}"
          headers: {x-api-key: "{{ $env.KEY }}"}
      - post: {url: /form, form: {user: ann, password: "{{ $processEnvironment.PASSWORD }}"}}
      - post: {url: /json, json: {secret: "{{ login }}"}, cookie: {sid: "{{ $env.SESSION_TOKEN }}"}}
      - get: {url: /auth, auth: {user: ann, pass: "{{ $env.PASSWORD }}"}}
      - get: {url: /missing, expect: {statusCode: 200}}
"""


def hidden(text: str) -> list[str]:
    """Return the secrets that a text has."""
    pair = base64.b64encode(f"ann:{SECRETS['PASSWORD']}".encode()).decode()
    return [name for name, value in {**SECRETS, "BASIC": pair}.items() if value in text]


@pytest.mark.parametrize("where", ["shell", "-e"])
def test_no_secret_is_in_what_is_written(
    tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test.yml").write_text(TEST)
    words = [word for name, value in SECRETS.items() for word in ("-e", f"{name}={value}")]
    if where == "shell":
        words = []
        for name, value in SECRETS.items():
            monkeypatch.setenv(name, value)
    files = {name: tmp_path / name for name in ("run.json", "run.html", "run.md", "report.json")}
    outs = ("--json", str(files["run.json"]), "--html", str(files["run.html"]))
    more = ("--md", str(files["run.md"]), "-o", str(files["report.json"]))
    with logging_server() as server:
        run = ("run", str(tmp_path / "test.yml"), "--target", server.url, *words)
        done = invoke(*run, *outs, *more)
        told = [str(each) for each in (*server.came, *server.headers)]
        assert hidden("\n".join(told)) == [*SECRETS, "BASIC"]  # all of them were sent
        debug = invoke(*run, "--debug")
        dry = invoke(*run, "--dry-run")
    for found in (done, debug, dry):
        assert hidden(found.stdout + found.stderr) == [], found.stdout + found.stderr
    for name, path in files.items():
        assert hidden(path.read_text()) == [], name


def test_a_converted_test_reads_secrets_from_where_the_file_does(tmp_path: Path) -> None:
    script, said = made(tmp_path, TEST, "test.yml", layout=False)
    text = script.read_text()
    for name in ("KEY", "LOGIN_SECRET", "PASSWORD", "SESSION_TOKEN"):
        assert f'env("{name}"' in text
    assert hidden(text + said) == []
