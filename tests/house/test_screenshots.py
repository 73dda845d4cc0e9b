"""The pictures of the site: made of real runs in four ways; without a browser one sentence."""

from __future__ import annotations

import importlib.util
import os
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from html_pages import needs_browser

SCRIPT = Path(__file__).parents[2] / "docs" / "screenshots.py"
WIDTHS = {"": 1280, "-dark": 1280, "-phone": 400, "-phone-dark": 400}


@pytest.fixture
def screenshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("screenshots", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PICTURES", tmp_path / "pictures")
    return module


def size(file: Path) -> tuple[int, int]:
    """Return width and height of a PNG (its first chunk, PNG 11.2.2)."""
    data = file.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def test_without_a_browser_one_sentence_says_how_to_get_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "run"],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "apt-get install -y chromium" in done.stderr and done.stderr.count("\n") == 1


def test_an_unknown_picture_is_refused_with_those_there_are(
    screenshots: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert screenshots.main(["runs"]) == 1
    told = capsys.readouterr().out
    assert "no picture runs" in told and "failing" in told and "live" in told


def test_a_picture_is_old_when_what_it_shows_is_newer(screenshots: ModuleType) -> None:
    folder = screenshots.PICTURES
    folder.mkdir()
    assert set(screenshots.old()) == {*screenshots.PAGES, *screenshots.OTHERS}
    for name in screenshots.old():
        (folder / f"{name}.png").touch()
    assert screenshots.old() == []
    os.utime(folder / "run.png", (1, 1))
    assert screenshots.old() == ["run"]


@needs_browser
def test_what_cannot_be_taken_stops_no_site(
    screenshots: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: object) -> None:
        raise screenshots.Failed("no server")

    monkeypatch.setattr(screenshots, "made", fails)
    assert screenshots.main([]) == 0
    assert "not all pictures were made: Failed('no server')" in capsys.readouterr().err
    assert screenshots.main(["run"]) == 1


@needs_browser
@pytest.mark.timeout(240)
def test_a_page_is_taken_in_four_ways_and_a_terminal_in_one(screenshots: ModuleType) -> None:
    assert screenshots.main(["failing", "live"]) == 0
    made = {each.name: size(each) for each in screenshots.PICTURES.glob("*.png")}
    for way, width in WIDTHS.items():
        taken = made.pop(f"failing{way}.png")
        assert taken[0] == width and 300 < taken[1] <= screenshots.TALLEST[width] + 16
    assert list(made) in ([], ["live.png"])  # without tmux there is none
