"""destinations.py: what cannot be written, or would cost a file, is told before the load."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from commandline import Shown, invoke
from samples import good_json
from servers import Server, answering

from fastbench.cli import main
from fastbench.cli.output import destinations, formats
from fastbench.cli.output.destinations import File
from fastbench.foundation.usage_error import UsageError

URL = "http://127.0.0.1:9/"
SCRIPT = "from fastbench import scenario\n\n\n@scenario()\nasync def main(vu): ...\n"
EVERY = ("--json", *(f"--{form}" for form in formats.FILES))
OUTS = ("-o json", "-o csv")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with what command lines name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "regular").write_text("old")
    for name in ("urls.txt", "body.json", "headers", "post.lua", "users.csv", "ca.pem"):
        (tmp_path / name).write_text("x")
    (tmp_path / "load.py").write_text(SCRIPT)
    (tmp_path / "urls.txt").write_text(f"{URL}\n")
    (tmp_path / "headers").write_text("X-A: 1\n")
    (tmp_path / "post.lua").write_text('wrk.method = "POST"\n')
    (tmp_path / "before.json").write_text(good_json())
    return tmp_path


@pytest.fixture
def no_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a load would begin."""

    def begun(*_: object, **__: object) -> None:
        pytest.fail("the load began")

    monkeypatch.setattr("fastbench.run.runner.run", begun)
    monkeypatch.setattr("fastbench.script.parent.run", begun)
    monkeypatch.setattr("fastbench.cli.commands.find._search", begun)
    monkeypatch.setattr("fastbench.cli.commands.compare._compare_live", begun)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the one sentence by which a command line is refused."""
    assert main(words) == 1, words
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("fastbench: ") and said.err.count("\n") == 1
    return said.err.removeprefix("fastbench: ").rstrip("\n")


def flag(spelled: str, path: str) -> list[str]:
    """Type an output as it is typed."""
    name, _, sort = spelled.partition(" ")
    return [name, f"{sort}={path}"] if sort else [name, path]


# Places that no file can have.


PLACES = {
    "folder": "is a folder; name a file in it.",
    "none/": "names a folder; name a file.",
    "regular/out": "cannot be written: not a directory.",
    "/proc/out": "cannot be written: ",
    "socket": "is a socket; name a file.",
    "x" * 300: "cannot be written: file name too long.",
}
COMMANDS: dict[str, tuple[str, ...]] = {
    "": (URL,),
    "run": ("load.py",),
    "compare": (URL, "http://127.0.0.1:10/"),
    "find": ("--slo", "p99<1s", URL),
}
HAVE = {
    "": (*EVERY, *OUTS, "--history"),
    "run": (*EVERY, *OUTS, "--history"),
    "compare": ("--json", "--html", "--md"),
    "find": ("--json", "--html"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("command", "spelled"), [(name, each) for name in HAVE for each in HAVE[name]]
)
def test_a_place_that_cannot_be_written_is_told_before_the_load(
    command: str,
    spelled: str,
    place: str,
    here: Path,
    no_load: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("socket")
        words = [command] if command else []
        said = refused(capsys, *words, *flag(spelled, place), *COMMANDS[command])
    if spelled == "--history" and place in ("folder", "socket"):
        assert said == f"{place} is not a file, so it is not a history; name one."
    else:
        assert said.startswith(f"{spelled} {place} {PLACES[place]}"), said
    assert (here / "regular").read_text() == "old"
    assert not any(path.name.startswith(".fastbench") for path in here.rglob("*"))


def test_a_file_that_may_not_be_written_is_told(
    here: Path, no_load: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everything
    for words in (("--json", "/dev/full"), ("-o", "json=regular")):
        assert "cannot be written: permission denied." in refused(capsys, *words, URL)


def test_files_of_others_in_a_shared_folder_are_told(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.chmod(stat.S_IRWXU | stat.S_ISVTX)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(UsageError, match="operation not permitted"):
        destinations.prepare([File("--json", "regular")])
    destinations.prepare([File("--json", "not there yet")])


@pytest.mark.parametrize("words", [("history", "none.db"), ("report", "before.json")])
def test_the_commands_that_read_look_first_too(
    words: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, *words, "--html", "folder")
    assert said == "--html folder is a folder; name a file in it."


# Two of one, and what is read.


def links(here: Path) -> Iterator[tuple[str, str]]:
    """Give two names of one file, in every way."""
    (here / "link").symlink_to("regular")
    (here / "to folder").symlink_to("folder")
    (here / "dangling").symlink_to("made later")
    yield "regular", "./regular"
    yield "regular", "folder/../regular"
    yield "regular", "link"
    yield "new", str(here / "new")
    yield "folder/new", "to folder/new"
    yield "made later", "dangling"


@pytest.mark.parametrize("spelled", ["--html", "--csv", *OUTS, "--history"])
def test_two_outputs_have_two_files(
    spelled: str, here: Path, no_load: None, capsys: pytest.CaptureFixture[str]
) -> None:
    for one, other in links(here):
        if spelled == "--history" and one == "regular":
            continue  # which is none
        said = refused(capsys, "--json", one, *flag(spelled, other), URL)
        assert said.endswith(f"would both write {other}; give each its own file.") or (
            said == f"--json and {spelled} would both write {one}; give each its own file."
        )
        assert "--json" in said and spelled in said


INPUTS = {  # by what names the file: a line, and the file
    "-D": ("-D body.json URL", "body.json"),
    "-b": ("-b @body.json URL", "body.json"),
    "-H": ("-H @headers URL", "headers"),
    "-F": ("-F up=@body.json;type=text/plain URL", "body.json"),
    "--data": ("--data @body.json URL", "body.json"),
    "--data-urlencode": ("--data-urlencode q@body.json URL", "body.json"),
    "-s": ("-s post.lua URL", "post.lua"),
    "--urls-from-file": ("--urls-from-file urls.txt", "urls.txt"),
    "--baseline": ("--baseline before.json URL", "before.json"),
    "fastbench run": ("run load.py", "load.py"),
    "-e USERS": ("run -e USERS=users.csv load.py", "users.csv"),
    "fastbench compare": ("compare before.json before.json", "before.json"),
    "--script": ("compare --script load.py http://a/ http://b/", "load.py"),
    "fastbench report": ("report before.json", "before.json"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_what_is_read_is_not_overwritten(
    name: str, here: Path, no_load: None, capsys: pytest.CaptureFixture[str]
) -> None:
    line, file = INPUTS[name]
    before = (here / file).read_bytes()
    words = [URL if word == "URL" else word for word in line.split()]
    command = words[:1] if words[0] in ("run", "compare", "report") else []
    said = refused(capsys, *command, "--html", f"./{file}", *words[len(command) :])
    assert said == (f"--html ./{file} would overwrite what {name} reads; name another file.")
    assert (here / file).read_bytes() == before


def test_certificates_are_not_overwritten(here: Path) -> None:
    from types import SimpleNamespace

    typed = SimpleNamespace(cacert="ca.pem", cert="headers", key="post.lua")
    for path in vars(typed).values():
        with pytest.raises(UsageError, match="would overwrite"):
            destinations.check([File("--json", path)], destinations.read(typed))


def test_a_baseline_may_take_the_place_of_the_one_it_was_compared_with(here: Path) -> None:
    (here / ".git").mkdir()
    kept = here / ".fastbench" / "baselines" / "main.json"
    kept.parent.mkdir(parents=True)
    kept.write_bytes((here / "before.json").read_bytes())
    with Server(answering()) as server:
        words = ("-n9", "-c1", "--baseline", "main", "--save-baseline", "main", server.url())
        done = invoke(*words, cwd=here)
    assert (done.returncode, "saved as the baseline main" in done.stderr) == (0, True)


def test_runs_of_a_suite_do_not_write_one_file(
    here: Path, no_load: None, capsys: pytest.CaptureFixture[str]
) -> None:
    def suite(first: str, second: str) -> str:
        runs = "".join(
            f'[[run]]\nname = "{name}"\nurl = "{URL}"\nargs = {words}\n'
            for name, words in (("one", first), ("two", second))
        )
        (here / "all.toml").write_text(runs)
        return refused(capsys, "suite", "all.toml")

    said = suite('["--csv", "x.csv"]', '["--hdr", "./x.csv"]')
    assert said == "one: --csv and two: --hdr would both write ./x.csv; give each its own file."
    said = suite('["--csv", "all.toml"]', "[]")
    assert said == (
        "one: --csv all.toml would overwrite what fastbench suite reads; name another file."
    )
    said = suite('["--csv", "body.json"]', '["-D", "body.json"]')
    assert said == "one: --csv body.json would overwrite what two: -D reads; name another file."
    said = suite("[]", '["--csv", "regular/x.csv"]')
    assert (
        said == "all.toml, [[run]] 2 `two`: --csv regular/x.csv cannot be written: not a directory."
    )
    said = suite("[]", '["--csv", "all-results/summary.md"]')
    assert said.startswith("the suite and two: --csv would both write ")


# What is made, and what is left alone.


def test_folders_are_made_in_every_command(here: Path) -> None:
    with Server(answering()) as server:
        few = ("-n9", "-c1", server.url())
        done = invoke("--json", "a/b/r.json", "--hdr", "c/r.hlog", *few, cwd=here)
        assert (done.returncode, done.stderr) == (0, "")
    done = invoke("report", "a/b/r.json", "--html", "d/e/r.html", cwd=here)
    assert (done.returncode, done.stderr) == (0, "")
    assert all((here / name).is_file() for name in ("a/b/r.json", "c/r.hlog", "d/e/r.html"))


def test_one_request_for_the_eyes_makes_no_folder(here: Path) -> None:
    with Server(answering()) as server:
        done = invoke("--debug", "--json", "a/r.json", server.url(), cwd=here)
    assert done.returncode == 0 and not (here / "a").exists()


def test_a_run_that_is_refused_leaves_the_old_files(
    here: Path, no_load: None, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, "-o", "json=regular", "--json", "folder", URL)
    assert (here / "regular").read_text() == "old"


# Devices, pipes and the standard streams.


def streams(here: Path) -> dict[str, Callable[[str], Shown]]:
    """Type what goes to standard output, under each of its names."""
    return {
        path: lambda url, path=path: invoke("-n9", "-c1", "--json", path, url)  # type: ignore[misc]
        for path in ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
    }


def test_every_name_of_standard_output_is_one(here: Path) -> None:
    with Server(answering()) as server:
        for path, typed in streams(here).items():
            done = typed(server.url())
            assert json.loads(done.stdout)["summary"]["ok"] == 9, path
            assert "9 ok" in done.stderr, "the report goes where no document stands"
        twice = invoke("--json", "/dev/stdout", "--csv", "-", server.url())
    assert twice.returncode == 1 and "can go to standard output" in twice.stderr


def test_what_stderr_holds_already_stays(here: Path) -> None:
    with Server(answering()) as server, open(here / "log", "w") as log:
        log.write("before\n")
        log.flush()
        command: Sequence[str] = ("-n9", "-c1", "--quiet", "--csv", "/dev/stderr")
        import subprocess
        import sys

        done = subprocess.run(
            [sys.executable, "-m", "fastbench", *command, server.url()], stderr=log, timeout=60
        )
    assert done.returncode == 0
    first, second, *_ = (here / "log").read_text().splitlines()
    assert (first, second.split(",")[0]) == ("before", "t_s")


def test_a_report_and_a_form_do_not_share_the_file_of_a_redirection(here: Path) -> None:
    with open(here / "out", "wb") as out:
        done = invoke("--html", "out", URL, stdout=out, cwd=here)
    assert (done.returncode, done.stderr) == (
        1,
        "fastbench: standard output and --html would both write out; give each its own file.\n",
    )


def test_the_null_device_takes_everything(here: Path) -> None:
    places = [word for each in (*EVERY, *OUTS) for word in flag(each, "/dev/null")]
    with Server(answering()) as server:
        done = invoke("-n9", "-c1", *places, server.url())
    assert (done.returncode, done.stderr) == (0, "") and "9 ok" in done.stdout


def test_a_pipe_is_not_opened_before_there_is_something_to_write(here: Path) -> None:
    os.mkfifo("pipe")
    destinations.prepare([File("--json", "pipe")])  # nobody reads it: opening would wait
    with pytest.raises(UsageError, match="would both write"):
        destinations.check([File("--json", "pipe"), File("--csv", "./pipe")], [])
