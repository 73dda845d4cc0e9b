"""Files are written whole or not at all, and the series is safe for a spreadsheet."""

from __future__ import annotations

import csv
import errno
import io
import os
import resource
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import samples
from shapes import MIB

from fastbench.foundation.errors import KINDS
from fastbench.foundation.files import write_atomic
from fastbench.report.export import csv_series
from fastbench.results.result import Result


def test_a_file_is_written_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_atomic(str(path), b"first")
    write_atomic(str(path), b"second, longer")
    assert path.read_bytes() == b"second, longer"
    assert os.listdir(tmp_path) == ["result.json"]


def test_a_name_without_folder_means_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_atomic("result.json", b"x")
    assert (tmp_path / "result.json").read_bytes() == b"x"


def test_a_reader_never_sees_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    seen = []
    sync = os.fsync

    def look(descriptor: int) -> None:
        seen.append(path.read_bytes())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    write_atomic(str(path), b"new")
    assert seen[0] == b"old", "the data must be safe before the name points to it"
    assert path.read_bytes() == b"new"


def test_a_failure_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["result.json"]


def test_a_file_size_limit_is_an_error_and_not_a_short_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_atomic(str(path), bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["result.json"]


def test_a_full_device_is_an_error() -> None:
    with pytest.raises(OSError, match="No space left on device"):
        write_atomic("/dev/full", b"{}")


def test_a_missing_folder_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(str(tmp_path / "none" / "result.json"), b"{}")
    with pytest.raises(IsADirectoryError):
        write_atomic(str(tmp_path), b"{}")
    with pytest.raises(IsADirectoryError):
        write_atomic(f"{tmp_path}/none/", b"{}")
    with pytest.raises(FileNotFoundError):
        write_atomic("", b"{}")
    assert os.listdir(tmp_path) == []


def test_a_pipe_is_written_directly(tmp_path: Path) -> None:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    received = []
    reader = threading.Thread(target=lambda: received.append(Path(path).read_bytes()))
    reader.start()
    write_atomic(path, b"through")
    reader.join()
    assert received == [b"through"]
    assert stat.S_ISFIFO(os.stat(path).st_mode)


def test_a_link_keeps_pointing_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "result.json"
    real.write_bytes(b"old")
    link = tmp_path / "latest.json"
    link.symlink_to(real)
    write_atomic(str(link), b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_the_mode_is_kept_or_as_usual(tmp_path: Path) -> None:
    kept, fresh, usual = (tmp_path / name for name in ("kept", "fresh", "usual"))
    kept.write_bytes(b"old")
    kept.chmod(0o600)
    write_atomic(str(kept), b"new")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    write_atomic(str(fresh), b"new")
    usual.write_bytes(b"")
    assert fresh.stat().st_mode == usual.stat().st_mode


def rows(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_series.render(result))))


def test_the_series_reads_as_it_always_did(golden: Callable[[str, str], None]) -> None:
    golden("series_failing.csv", csv_series.render(samples.failing()))


def test_a_row_of_the_series_holds_a_second() -> None:
    result = samples.failing()
    table = rows(result)
    assert len(table) == len(result.series) == 30
    for row, second in zip(table, result.series, strict=True):
        assert float(row["t_s"]) == second.t_s
        assert float(row["requests_per_s"]) == second.requests
        assert int(row["ok"]) + int(row["failed"]) + int(row["timeouts"]) == second.requests
        assert (row["reset_errors"], row["timeout_errors"]) == ("2", "1")
    assert all(f"{kind}_errors" in table[0] for kind in KINDS)


def test_a_second_without_answers_has_empty_percentiles() -> None:
    result = samples.good()
    silent = replace(result.series[0], requests=0, ok=0, p50_ms=None, p99_ms=None)
    (row,) = rows(replace(result, series=(silent,)))
    assert (row["requests"], row["p50_ms"], row["p99_ms"]) == ("0", "", "")


def test_a_second_without_plan_and_samples_leaves_their_cells_empty() -> None:
    row = rows(samples.good())[0]
    assert (row["scheduled"], row["response_p50_ms"], row["response_p99_ms"]) == ("", "", "")
    used = [name for name in row if name.startswith(("client_", "host_", "target_"))]
    assert used == [
        "client_cpu_percent",
        "host_cpu_percent",
        "target_cpu_percent",
        "target_rss_bytes",
        "target_fds",
        "target_threads",
    ]
    assert {row[name] for name in used} == {""}


def test_a_planned_second_shows_schedule_and_response_time() -> None:
    row = rows(samples.planned())[3]
    assert (row["scheduled"], row["dropped"]) == ("1000", "2")
    assert (row["response_p50_ms"], row["response_p99_ms"]) == ("38.0", "760.5")
    assert rows(samples.warmed())[2]["connections"] == "16"


def test_what_was_used_is_the_mean_of_the_cores_and_the_sum_of_the_targets() -> None:
    row = rows(samples.watched())[2]
    assert (row["client_cpu_percent"], row["host_cpu_percent"]) == ("26.0", "90.0")
    assert row["target_cpu_percent"] == "136.5"
    assert row["target_rss_bytes"] == str(25 * MIB + 2 * 4096)
    assert (row["target_fds"], row["target_threads"]) == ("184", "5")
    unseen = samples.watched().series[2]
    assert unseen.use is not None
    unseen = replace(unseen, use=replace(unseen.use, targets=()))
    (row,) = rows(replace(samples.watched(), series=(unseen,)))
    assert (row["client_cpu_percent"], row["target_cpu_percent"]) == ("26.0", "")


def test_no_series_is_a_header_alone() -> None:
    assert csv_series.render(samples.refused()).count("\n") == 1


def test_nothing_a_spreadsheet_would_run_is_in_a_cell() -> None:
    for line in csv.reader(io.StringIO(csv_series.render(samples.hostile()))):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in line)
    for start in "=+-@\t\r":
        assert csv_series.cell(f"{start}cmd") == f"'{start}cmd"
    assert [csv_series.cell(value) for value in ("plain", -1, 0.5, None)] == [
        "plain",
        "-1",
        "0.5",
        "",
    ]
