"""Locustfiles as scripts: the same requests as Locust sends, where it is installed."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from converting import made, refused
from own_sources import ROOT
from request_log import logging_server
from running import fastbench

SAMPLE = (Path(__file__).parent / "samples" / "locustfile.txt").read_text()
EXPECTED = {
    ("POST", "/login", "user=anna&password=x"),
    ("GET", "/products/a?page=1", ""),
    ("GET", "/products/b?page=1", ""),
    ("GET", "/missing", ""),
    ("GET", "/helper?depth=deep", ""),
    ("GET", "/about", ""),
    ("POST", "/cart", '{"product":"a","count":2}'),
    ("PUT", "/pay", "card=x+y&id=17"),
    ("HEAD", "/ping", ""),
}

USER = "from locust import HttpUser, task\nclass A(HttpUser):\n"


def test_the_tasks_of_all_users_send_what_they_send_in_locust(tmp_path: Path) -> None:
    script, said = made(tmp_path, SAMPLE, "locustfile.py")
    assert "on_stop is never called" in said and said.count("\n") == 1
    with logging_server() as server:
        flags = ("-e", f"BASE_URL={server.url}", "-u", "40", "-i", "800", "-t", "1")
        found = fastbench("run", str(script), "-q", *flags)
        assert found.code == 0, found.err
        assert set(server.came) == EXPECTED
        steps = {h["x-step"]: h["authorization"] for h in server.headers if "x-step" in h}
        logins = [each for each in server.came if each[1] == "/login"]
    assert steps == {"2": "Bearer t0"}
    assert 1 <= len(logins) <= 40  # once a user of this class, whatever its iterations
    rows = {row["name"]: row for row in found.document["requests"]}
    assert rows["/products/[id]"]["requests"] > rows["/cart"]["requests"]
    assert found.document["exceptions"] == []
    checks = {row["name"]: row["fails"] for row in found.document["checks"]}
    assert checks == {"the response is right": 0}


def test_a_pace_and_a_lone_sequence_are_one_iteration(tmp_path: Path) -> None:
    text = """
from locust import HttpUser, SequentialTaskSet, constant_pacing, task

class Steps(SequentialTaskSet):
    @task
    def one(self):
        self.client.get("/1")
    @task
    def two(self):
        with self.client.rename_request("second"):
            self.client.get("/2", unknown=1)
        self.environment.events.fire()

class User(HttpUser):
    tasks = [Steps]
    wait_time = constant_pacing(0.01)
"""
    script, said = made(tmp_path, text, "locustfile.py")
    assert "unknown= of a request (line 11)" in said
    assert "self.environment.events.fire() (line 12)" in said
    with logging_server() as server:
        found = fastbench("run", str(script), "-q", "-i", "3", "-e", f"BASE_URL={server.url}")
        assert found.code == 0, found.err
        assert [path for _, path, _ in server.came] == ["/1", "/2"] * 3
    assert "second" in {row["name"] for row in found.document["requests"]}


@pytest.mark.parametrize(
    ("content", "said"),
    {
        "def f(:": "line 1: this is no Python",
        "x = 1": "has no class of HttpUser",
        f"{USER}    @task('x')\n    def a(self): pass": (
            "x.py, line 3: a weight is a whole number from 0, as in @task(3), not 'x'."
        ),
        f"{USER}    weight = 'exit()'\n    @task\n    def a(self): pass\n{USER.replace('A', 'B')}"
        "    @task\n    def a(self): pass": "line 3: a weight is a whole number",
        f"{USER}    tasks = {{a: 2.5}}": "line 3: a weight is a whole number",
        "class A(HttpUser):\n    pass": "has no class of HttpUser",
    }.items(),
)
def test_what_is_no_locustfile_is_refused(tmp_path: Path, content: str, said: str) -> None:
    assert said in refused(tmp_path, content, "x.py")


def test_locust_itself_sends_the_same_requests(tmp_path: Path) -> None:
    places = (Path(sys.executable).parent / "locust", ROOT / "build" / "peers" / "bin" / "locust")
    locust = next((str(each) for each in places if each.exists()), shutil.which("locust"))
    if locust is None:
        pytest.skip("Locust is not installed: make peers")
    (tmp_path / "locustfile.py").write_text(SAMPLE)
    with logging_server() as server:
        words = ("--headless", "-u", "4", "-r", "100", "-t", "2s", "--host", server.url)
        subprocess.run(
            [locust, "-f", "locustfile.py", *words], cwd=tmp_path, capture_output=True, timeout=60
        )
        came = {(m, p, body.replace(": ", ":").replace(", ", ",")) for m, p, body in server.came}
    assert came - {("POST", "/logout", "")} == EXPECTED


def test_no_docstring_of_a_locustfile_becomes_code(tmp_path: Path) -> None:
    hostile = 'one \\"\\"\\" + str(print("ran")) + \\"\\"\\" two \\\\\\\\'
    content = f'''
from locust import HttpUser, task

class Shopper(HttpUser):
    """{hostile}"""

    @task
    def look(self):
        """{hostile}"""
        self.client.get("/")

    def other(self):
        """{hostile}
        and a second line {hostile}"""
        return 1
'''
    shopper = ast.parse(content).body[1]
    assert isinstance(shopper, ast.ClassDef) and '"""' in str(ast.get_docstring(shopper))
    script, _ = made(tmp_path, content, "locustfile.py")
    calls = [each for each in ast.walk(ast.parse(script.read_text())) if isinstance(each, ast.Call)]
    assert not [each for each in calls if ast.unparse(each.func) == "print"]


def test_what_is_in_a_comment_stays_there(tmp_path: Path) -> None:
    """A form feed ends no line of Python, so none begins behind it in the script either."""
    content = """
from locust import HttpUser, task

class Shopper(HttpUser):
    @task
    def look(self):
        # one\x0cprint("ran")
        self.client.get("/")

        def later():
            self.client.get("/later")
"""
    script, said = made(tmp_path, content, "locustfile.py", layout=False)
    tree = ast.parse(script.read_text())
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
    assert not [each for each in calls if ast.unparse(each.func) == "print"]
    assert "def later(): (line 10)" in said  # a request within it has nobody who awaits it
