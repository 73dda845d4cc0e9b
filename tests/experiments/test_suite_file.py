"""suite_file.py: the file of a suite, from TOML to words, and each way to get it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastbench.cli import main
from fastbench.cli.commands import run_url
from fastbench.experiments.suite import suite_file
from fastbench.experiments.suite.suite_file import Overrides, Suite
from fastbench.foundation import exit_codes
from fastbench.foundation.usage_error import UsageError

URL_RUN = '[[run]]\nname = "a"\nurl = "http://h/"\n'
SCRIPT_RUN = '[[run]]\nname = "a"\nscript = "x.py"\n'


def read(tmp_path: Path, text: str, overrides: Overrides | None = None) -> Suite:
    path = tmp_path / "nightly.toml"
    path.write_text(text, encoding="utf-8")
    return suite_file.read(str(path), overrides or Overrides())


def words(tmp_path: Path, text: str, overrides: Overrides | None = None) -> str:
    (entry,) = read(tmp_path, text, overrides).entries
    return " ".join(entry.words)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (URL_RUN, "http://h/"),
        (URL_RUN + "duration = 30\nconnections = 50\nrate = 0.5", "-d 30 -c 50 -R 0.5 http://h/"),
        (URL_RUN + 'duration = "1m"\nrequests = "10k"', "-d 1m -n 10k http://h/"),
        (URL_RUN + 'warmup = "5s"\nwait_for = "30s"', "-W 5s --wait-for 30s http://h/"),
        (URL_RUN + 'thresholds = ["p99<9ms"]\nargs = ["-k"]',
         "--threshold p99<9ms -k http://h/"),
        ('[[run]]\nname = "a"\nurl = ["http://h/1", "http://h/2"]', "http://h/1 http://h/2"),
        ('[[run]]\nname = "a"\nurl = "-x"', "-- -x"),
        ('[[run]]\nname = "a"\nurls_from_file = ["a.txt", "b.txt"]\nrequests = 9',
         "-n 9 --urls-from-file a.txt --urls-from-file b.txt"),
        (URL_RUN + 'urls_from_file = "a.txt"', "--urls-from-file a.txt http://h/"),
        ('suite.base_url = "http://h/"\n[[run]]\nname = "a"\nurl = "/x"', "http://h/x"),
        ('suite.thresholds = "errors<1%"\n' + URL_RUN + 'thresholds = "p99<9ms"',
         "--threshold errors<1% --threshold p99<9ms http://h/"),
        ('suite.args = ["--strict"]\n' + URL_RUN + 'args = ["-k"]', "--strict -k http://h/"),
        (URL_RUN + 'method = "POST"\nheaders = ["A: 1", "B: 2"]\nbody = "{}"\nexpect_status = 201\n'
         'content_type = "application/json"',
         "-m POST --body {} -T application/json -H A: 1 -H B: 2 --expect-status 201 http://h/"),
        (URL_RUN + 'headers = { A = "1", B = 2 }\ndata = ["a=1", "b=2"]\ntimeout = "2s"',
         "--data a=1 --data b=2 -H A: 1 -H B: 2 --timeout 2s http://h/"),
        (URL_RUN + 'form = ["a=1"]\nauth = "u:p"', "-F a=1 -a u:p http://h/"),
        ('[[run]]\nname = "a"\ncompare = ["http://a/", "http://b/"]\nmethod = "PUT"',
         "compare -m PUT http://a/ http://b/"),
        (SCRIPT_RUN + 'headers = { A = "1" }\nexpect_status = "2xx"',
         "run -H A: 1 --expect-status 2xx x.py"),
        (URL_RUN + 'http = "2"\nstreams = 10', "--streams 10 --http2 http://h/"),
        (URL_RUN + "http = 1.1", "--http1 http://h/"),
        ('[[run]]\nname = "a"\ncompare = ["http://a/", "http://b/"]\nhttp = 2',
         "compare --http2 http://a/ http://b/"),
        (SCRIPT_RUN, "run x.py"),
        (SCRIPT_RUN + 'shape = "spike"', "run --shape spike x.py"),
        (URL_RUN + 'shape = "spike"\nrate = 50', "-R 50 --shape spike -d 720 http://h/"),
        (URL_RUN + 'shape = "peak"', "--shape peak http://h/"),
        (URL_RUN + 'shape = "spike"\nduration = "1m"', "-d 1m --shape spike http://h/"),
        (SCRIPT_RUN + 'vus = 5\niterations = 10\nscenario = ["one", "two"]',
         "run -u 5 -i 10 --scenario one --scenario two x.py"),
        (SCRIPT_RUN + 'scale = 0.5\ntime_scale = "10%"', "run --scale 0.5 --time-scale 10% x.py"),
        ('[suite]\nenv = { A = "1", B = 2 }\ntags = { t = "x" }\n' + SCRIPT_RUN
         + 'env = { B = "3" }', "run -e A=1 -e B=3 --tag t=x x.py"),
        ('suite.base_url = "http://h"\n' + SCRIPT_RUN, "run --base-url http://h x.py"),
        ('suite.base_url = "http://h"\n' + SCRIPT_RUN + 'base_url = "http://own"',
         "run --base-url http://own x.py"),
        ('[[run]]\nname = "a"\ncompare = ["http://a/", "http://b/"]\npairs = 6\nduration = "1s"',
         "compare --visit 1s --pairs 6 http://a/ http://b/"),
        ('suite.on = "h:1"\n' + URL_RUN, "--on h:1 http://h/"),
        ('suite.on = "h:1"\n' + URL_RUN + 'on = "local:2"', "--on local:2 http://h/"),
        ('suite.on = "h:1"\n' + SCRIPT_RUN + 'on = ""', "run x.py"),
        ('suite.on = "h:1"\n[[run]]\nname = "a"\ncompare = ["http://a/", "http://b/"]',
         "compare http://a/ http://b/"),
        ('suite.thresholds = ["p99<1s"]\n[[run]]\nname = "a"\ncompare = []\n'
         'args = ["--run-base", "x"]', "compare --run-base x"),
    ],
)  # fmt: skip
def test_an_entry_is_the_words_of_a_command_line(tmp_path: Path, text: str, line: str) -> None:
    assert words(tmp_path, text) == line


@pytest.mark.parametrize(
    ("text", "overrides", "line"),
    [
        (URL_RUN + 'duration = "10s"\nrate = "1k"\nconnections = 50',
         Overrides(scale=0.01, time_scale=0.1),
         "-d 1.000000000 -c 1 -R 10.000000000 http://h/"),
        (SCRIPT_RUN + 'scale = "50%"', Overrides(scale=0.1, time_scale=0.01),
         "run --scale 50% --scale 0.05 --time-scale 0.01 x.py"),
        (SCRIPT_RUN + 'env = { A = "1" }', Overrides(env=("A=2",)), "run -e A=1 -e A=2 x.py"),
        ('suite.base_url = "http://h"\n' + SCRIPT_RUN, Overrides(base_url="http://new"),
         "run --base-url http://new x.py"),
        ('suite.base_url = "http://h"\n[[run]]\nname = "a"\nurl = "/x"',
         Overrides(base_url="http://new/"), "http://new/x"),
        ('suite.on = "h:1"\n' + SCRIPT_RUN + 'on = "h:2"', Overrides(on="local:3"),
         "run --on local:3 x.py"),
        (URL_RUN + 'on = ""', Overrides(on="local:3"), "http://h/"),
        (URL_RUN + 'on = "h:2"', Overrides(on=""), "http://h/"),
    ],
)  # fmt: skip
def test_the_command_line_wins(tmp_path: Path, text: str, overrides: Overrides, line: str) -> None:
    assert words(tmp_path, text, overrides) == line


def test_what_the_file_says_of_the_whole(tmp_path: Path) -> None:
    plain = read(tmp_path, URL_RUN)
    assert (plain.name, plain.folder) == ("nightly", str(tmp_path))
    assert plain.out == str(tmp_path / "nightly-results")
    assert (plain.wait_for, plain.pause_s, plain.stop_on_failure) == (None, 0.0, False)
    told = read(
        tmp_path,
        '[suite]\nname = "Night"\nout = "../out"\nwait_for = "http://h/,5s"\npause = "2s"\n'
        "stop_on_failure = true\n" + URL_RUN,
    )
    assert told.name == "Night" and told.out == str(tmp_path / "../out")
    assert told.wait_for is not None and told.wait_for.limit_s == 5.0
    assert (told.pause_s, told.stop_on_failure) == (2.0, True)


def test_names_become_names_of_files_that_are_safe_and_not_taken(tmp_path: Path) -> None:
    given = [
        "health",
        "Health",
        "index",
        "../../etc/passwd",
        "<b>é</b>",
        ".hidden",
        "\u202e",
        "a b",
    ]
    text = "".join(f'[[run]]\nname = {name!r}\nurl = "http://h/"\n' for name in given[:6])
    text += '[[run]]\nname = "\\u202e"\nurl = "http://h/"\n[[run]]\nname = "a b"\nurl = "http://h/"'
    found = read(tmp_path, text).entries
    assert [each.name for each in found] == given
    assert [each.stem for each in found] == [
        *("health", "Health-2", "index-2", "etc-passwd", "b-b", "hidden", "run", "a-b"),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[suite", "nightly.toml is not TOML: "),
        ("", "has no run; write [[run]]"),
        ("run = 5", "has no run; write [[run]]"),
        ("run = [5]", "[[run]] 1 is not a table"),
        ("suite = 5\n" + URL_RUN, "write [suite] above its keys"),
        ("[suit]\n" + URL_RUN, "there is no key `suit`; did you mean suite?"),
        ("[suite]\nwait = '5s'\n" + URL_RUN, "no key `wait`; did you mean wait_for?"),
        ("[suite]\nwebhook = 'http://h/s3cr3t'\n" + URL_RUN, "give it as --webhook URL"),
        ("[suite]\nstop_on_failure = 'yes'\n" + URL_RUN, "true or false, without quotes"),
        ("[suite]\npause = 'soon'\n" + URL_RUN, "pause: `soon` is not a duration"),
        ("[suite]\nwait_for = 'soon'\n" + URL_RUN, "write http://soon instead"),
        ("[suite]\nenv = 'A=1'\n" + SCRIPT_RUN, 'env is a table, for example { NAME = "value" }'),
        ("[[run]]\nurl = 'http://h/'", "[[run]] 1 needs a name"),
        ("[[run]]\nname = ' '\nurl = 'http://h/'", "[[run]] 1 needs a name"),
        ("[[run]]\nname = 5\nurl = 'http://h/'", "name is a text; write it in quotes"),
        (SCRIPT_RUN + "method = 'PUT'", "a run with a script has no method; it has name, script"),
        (URL_RUN + "headers = 5", "headers is a list of texts"),
        (URL_RUN + URL_RUN, "there is a run of the name `a` already"),
        (
            "[[run]]\nname = 'a'",
            "has one of url, script, compare, urls_from_file, not none of them",
        ),
        (URL_RUN + "script = 'x.py'", "not both url and script"),
        (URL_RUN + "conections = 5", "no key `conections`; did you mean connections?"),
        (URL_RUN + "http = 3", 'http is "1.1" or "2"'),
        (URL_RUN + "zzz = 5", "no key `zzz`; there is name, url, http, thresholds"),
        (URL_RUN + "vus = 5", "a run with a url has no vus; it has name, url"),
        (SCRIPT_RUN + "connections = 5", "a run with a script has no connections"),
        (URL_RUN + "connections = true", "connections is a number, or a text in quotes"),
        (URL_RUN + "thresholds = [5]", "thresholds is a list of texts"),
        ("[[run]]\nname = 'a'\nurl = ''", "url is empty"),
        ("[[run]]\nname = 'a'\nscript = []", "script is empty"),
        ("[[run]]\nname = 'a'\nurl = '/x'", "`/x` is only a path; write base_url into [suite]"),
    ],
)
def test_a_slip_is_one_sentence_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith((str(tmp_path), "[suite]"))
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("rate = 'fast'", "rate: `fast` is not a rate"),
        ("duration = 'x'", "duration: `x` is not a dur"),
    ],
)
def test_what_cannot_be_scaled_is_told(tmp_path: Path, key: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        words(tmp_path, URL_RUN + key, Overrides(scale=0.5, time_scale=0.5))
    assert sentence in str(caught.value)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xfe\xff\xfe")
    with pytest.raises(UsageError, match=r"x\.toml, line 1: the byte 0xfe is not UTF-16"):
        suite_file.read(str(path), Overrides())
    with pytest.raises(UsageError, match=r"suite cannot read `.*`: is a directory"):
        suite_file.read(str(tmp_path), Overrides())


# What is worse than what.


@pytest.mark.parametrize(
    ("codes", "found"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 121], 121),
        ([121, 95], 95),
        ([95, 96], 96),
        ([96, 99, 0], 99),
        ([99, 122], 122),
        ([122, 1], 1),
        ([1, 104], 104),
        ([104, 107], 107),
        ([107, 108], 108),
        ([108, 120], 120),
        ([99, -9], 120),
        ([70], 120),
        ([-9, 105, 99], 105),
    ],
)
def test_the_worst_of_several_exit_codes(codes: list[int], found: int) -> None:
    assert exit_codes.worst(codes) == found
    assert exit_codes.meaning(found)


def test_every_way_a_run_ends_has_its_word() -> None:
    lost = [
        ended for ended, code in run_url.EXIT_CODES.items() if exit_codes.meaning(code) == "lost"
    ]
    assert lost == ["worker_lost"]


@pytest.mark.parametrize(
    "args",
    ['"--script=trial.py", "-u", "5"', '"--script", "visit.py", "-u", "5"', '"--script=post.lua"'],
)
def test_a_script_of_a_comparison_is_told_as_its_command_line_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: str
) -> None:
    (tmp_path / "visit.py").write_text("")
    (tmp_path / "post.lua").write_text('wrk.method = "POST"\n')
    file = tmp_path / "suite.toml"
    url = '"http://127.0.0.1:1/"'
    file.write_text(f'[[run]]\nname = "a"\ncompare = [{url}, {url}]\nargs = [{args}]\n')
    monkeypatch.chdir(tmp_path)
    assert main(["suite", str(file), "--list"]) == 0
