"""What `fastbench new` writes runs as it stands; what it cannot write is one sentence."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ci_files import load, steps_of
from commandline import Shown, invoke
from embedded import seen, serving
from junit_files import read
from real_servers import free_port
from request_log import logging_server

from fastbench.cli.commands.new import KINDS

BIN = str(Path(sys.executable).parent)
FEW = ("-u", "1", "-i", "1", "--quiet")


def new(folder: Path, *words: str, stdin: str = "") -> Shown:
    return invoke("new", *words, cwd=folder, stdin=stdin)


@pytest.mark.parametrize("words", [("script", "shop"), ("shop.py",)], ids=["named", "by default"])
def test_a_script_runs_as_it_stands(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = new(tmp_path, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].split() == ["fastbench", "run", "shop.py"]
    with serving("--port", "0") as (_, url):
        ran = invoke("run", "shop.py", "-e", f"BASE_URL={url}", "-d", "1s", cwd=tmp_path)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert seen(url).answers["GET /api/health 200"] >= 10
        gone = invoke("run", "shop.py", "-e", f"BASE_URL={url}/none", *FEW, cwd=tmp_path)
    assert gone.returncode == 99, "its thresholds and its check can fail"
    nobody = invoke("run", "shop.py", "-e", f"BASE_URL={url}", *FEW[:-1], cwd=tmp_path)
    assert "✗ GET /api/health is below 400" in nobody.stdout, "no response is no success"


def test_a_suite_runs_as_it_stands(tmp_path: Path) -> None:
    assert new(tmp_path, "suite", "nightly").returncode == 0
    with serving("--port", "0") as (_, url):
        words = ("suite", "nightly.toml", "--base-url", url, "--time-scale", "0.05")
        ran = invoke(*words, cwd=tmp_path)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert seen(url).answers["GET /api/health 200"] > 20
    assert all(name in ran.stdout for name in ("smoke", "rate", "full"))


def test_a_comparison_runs_as_it_stands(tmp_path: Path) -> None:
    assert new(tmp_path, "compare", "builds").returncode == 0
    env = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "RESTARTS": "1", "TIME": "4s"}
    ran = subprocess.run(
        ["sh", "builds.sh"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
    )
    # Two servers alike: no verdict but for what a busy machine leaves of it.
    assert ran.returncode in (0, 95, 96), ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    assert {"builds.json", "builds.html", "builds.md"} <= {each.name for each in tmp_path.iterdir()}


def jobs(folder: Path) -> dict[str, list[str]]:
    """Give the commands of both jobs, without what installs fastbench."""
    github = load(folder / ".github/workflows/load-test.yml")
    blocks = {step.get("name"): step["run"] for step in steps_of(github) if "run" in step}
    gitlab: dict[str, Any] = load(folder / "load-test.gitlab-ci.yml")["load-test"]
    assert gitlab["artifacts"]["reports"]["junit"] == "junit.xml"
    return {
        "github": [blocks["Start the service"], blocks["Load test"]],
        "gitlab": gitlab["script"],
    }


@pytest.mark.parametrize("kind", ["github", "gitlab"])
@pytest.mark.parametrize(("rate", "code"), [(1, 0), (10**9, 99)], ids=["holds", "fails"])
def test_the_jobs_of_a_ci_run_as_they_stand(
    tmp_path: Path, kind: str, rate: int, code: int
) -> None:
    assert new(tmp_path, "ci", "load-test").returncode == 0
    lines = [each.replace("rps>=100", f"rps>={rate}") for each in jobs(tmp_path)[kind]]
    text = "\n".join(["trap 'kill $!' EXIT", *lines])
    env = {"BASE_URL": f"http://127.0.0.1:{free_port()}", "DURATION": "1s"}
    ran = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", text],
        cwd=tmp_path,
        env=os.environ | env | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert read((tmp_path / "junit.xml").read_text()), "a test case a threshold"


CURLS = {
    "json": (
        *("-X", "PUT", "-H", "content-type: application/json"),
        *("--data-raw", '{"name": "it\'s é", "n": [1, {"a": null}]}', "-H", "X-Thing: 7"),
    ),
    "a form": ("-d", "a=1", "--data-urlencode", "b=c d&"),
    "text": ("-H", "content-type: text/plain", "--data-raw", "a\\b \"c\" 'd' {e}"),
    "a query": ("-G", "-d", "limit=3", "-d", "x={y}%20z"),
    "a method": ("-X", "DELETE"),
}  # fmt: skip


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("what", CURLS)
def test_a_script_sends_what_curl_sends(tmp_path: Path, what: str) -> None:
    with logging_server() as log:
        words = [*CURLS[what], f"{log.url}/items"]
        subprocess.run(["curl", "-s", "-o", "/dev/null", *words], check=True, timeout=20)
        headers = log.headers[0]
        by_curl = log.taken()
        done = new(tmp_path, "script", "items", "--from-curl", "curl", *words)
        assert done.returncode == 0, done.stderr
        invoke("run", "items.py", *FEW, cwd=tmp_path)
        ours = log.headers[0]
        (method, path, body) = log.taken()[0]
    assert (method, path) == by_curl[0][:2]
    if what == "json":
        assert json.loads(body) == json.loads(by_curl[0][2])
        assert ours["x-thing"] == "7"
    else:
        assert body.replace("%20", "+") == by_curl[0][2].replace("%20", "+")
    kind = headers.get("content-type")
    assert ours.get("content-type") == kind and (kind is None) == (not body)


def test_secrets_of_a_command_are_not_written(tmp_path: Path) -> None:
    pasted = """curl 'http://127.0.0.1:9/login?api_key=hunter1' \\
      -H 'authorization: Bearer hunter2' -H 'Cookie: sid=hunter3' \\
      --data-raw '{"user":"anna","password":"hunter4"}' -H 'content-type: application/json'"""
    done = new(tmp_path, "script", "login", "--from-curl", "-", stdin=pasted)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "login.py").read_text()
    assert "hunter" not in text and "anna" in text
    for name in ("API_KEY", "TOKEN", "COOKIE", "PASSWORD"):
        assert f'{name} = env("{name}", "")' in text
        assert f"-e {name}=…" in text and f"-e {name}=…" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("-d", '{"user": "anna", "password": "hunter2"}'),  # curl says that it is a form
        ("-H", "content-type: text/plain", "-d", "user=anna&password=hunter2"),
        ("-F", "user=anna", "-F", "password=hunter2", "-F", "last=anna"),
        ("-d", "user=anna", "-d", "=x", "-d", "password=hunter2"),
        ("-H", "Referer: http://x/?user=anna&token=hunter2"),
    ],
)
def test_secrets_in_a_text_are_not_written_and_sent(tmp_path: Path, words: tuple[str, ...]) -> None:
    with logging_server() as log:
        done = new(tmp_path, "x", "--from-curl", "curl", *words, f"{log.url}/items")
        assert done.returncode == 0, done.stderr
        text = (tmp_path / "x.py").read_text()
        assert "hunter2" not in text and "anna" in text
        (name,) = re.findall(r"-e (\w+)=…", done.stdout)
        ran = invoke("run", "x.py", *FEW, "-e", f"{name}=hunter2", cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        sent = str(log.headers[0]) + str(log.taken()[0][2])
    assert "hunter2" in sent and "anna" in sent


def test_a_proxy_stands_in_the_line_to_run_without_its_password(tmp_path: Path) -> None:
    words = ("--from-curl", "curl -x http://anna:hunter2@proxy:1 http://localhost/x")
    done = new(tmp_path, "x", *words)
    text = (tmp_path / "x.py").read_text()
    assert done.returncode == 0 and "hunter2" not in text + done.stdout
    assert "fastbench run --proxy 'http://***@proxy:1' x.py" in text


@pytest.mark.parametrize("name", ["größe é", "a$(touch pwned)b", "it's", "#", "folder/x y"])
def test_an_odd_name_stands_as_one_word_where_it_is_typed(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    for kind, ending in (("script", ".py"), ("suite", ".toml"), ("compare", ".sh")):
        assert new(tmp_path, kind, name).returncode == 0
        text = (tmp_path / f"{name}{ending}").read_text()
        word = shlex.quote(f"{name}{ending}".rpartition("/")[2])
        assert re.search(rf"(run|suite|sh) {re.escape(word)}", text), text


def test_what_options_cannot_say_stands_in_the_line_to_run(tmp_path: Path) -> None:
    words = ("--from-curl", "curl -k --unix-socket /run/a.sock -m 5 http://localhost/x")
    assert new(tmp_path, "socket", *words).returncode == 0
    text = (tmp_path / "socket.py").read_text()
    assert "`fastbench run --unix /run/a.sock --timeout 5s socket.py`" in text
    assert new(tmp_path, "tls", "--from-curl", "curl -k https://localhost/x").returncode == 0
    assert "    insecure_skip_tls_verify=True,\n" in (tmp_path / "tls.py").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_there_is_kept(tmp_path: Path, kind: str) -> None:
    assert new(tmp_path, kind, "once").returncode == 0
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    # One of two is enough: nothing is written.
    if kind == "ci":
        (tmp_path / ".github/workflows/once.yml").unlink()
        before.pop(tmp_path / ".github/workflows/once.yml")
    done = new(tmp_path, kind, "once")
    assert done.returncode == 1 and "exists and is kept; give another name." in done.stderr
    assert {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()} == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "give one name, as in `fastbench new script checkout`"),
        (("suite",), "give one name, as in `fastbench new suite checkout`"),
        (("load", "x"), "load is no kind of start; there are script, suite, compare, ci"),
        (("script", "none/x"), "the folder `none` is not there; make it first"),
        (("ci", "a/x"), "give a name without folders"),
        (("script", ".."), "give one name"),
        (
            ("load.js",),
            "ends in .py, not in .js; write `fastbench new script load`; a script of k6",
        ),
        (("suite", "x.yml"), "a suite ends in .toml, not in .yml; write `fastbench new suite x`."),
        (("ci", "x.sh"), "end in .yml, not in .sh; write `fastbench new ci x`."),
        (("suite", "x", "--from-url", "http://a/"), "are for a script, not for a suite"),
        (("x", "--from-url", "http://a/", "--from-curl", "curl http://a/"), "give one of them"),
        (("x", "--from-url", "ws://a/"), "scripts of WebSockets use vu.ws"),
        (("x", "--from-url", "ftp://a/"), "only http:// and https:// are supported"),
        (("x", "--from-curl", "curl http://a/ http://a/b"), "give one URL"),
        (("x", "--from-curl", "curl --aws-sigv4 x http://a/"), "--aws-sigv4"),
        (("x", "--from-curl", "curl"), "has no URL"),
        (("x", "--from-curl", ""), "one is empty"),
        (("x", "--from-url="), "one is empty"),
        (("x", "--from-curl", "curl http://a/ --data-binary @FILE"), "the body is no text"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(
    tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "FILE").write_bytes(b"\xff\xfe\x00")
    done = new(tmp_path, *words)
    assert done.returncode == 1 and sentence in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["FILE"]
