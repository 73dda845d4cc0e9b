"""Files by their content: sent once, laid out as they were, and nowhere else."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from fastbench.cluster import file_store, sent_files
from fastbench.cluster.file_store import Incoming, MissingFiles, Store
from fastbench.cluster.message_codec import MessageError
from fastbench.cluster.sent_files import Manifest, SentFile


def hash_of(data: bytes) -> str:
    return sha256(data).hexdigest()


def listing(files: dict[str, bytes], script: str = "a.py", folder: str = ".") -> Manifest:
    """Return a manifest of files with these contents."""
    return Manifest(
        script,
        folder,
        tuple(SentFile(path, len(data), hash_of(data)) for path, data in files.items()),
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "cache" / "files"))


def _filled(store: Store, *contents: bytes) -> None:
    for each in contents:
        store.put(hash_of(each), each)


def _seen(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _send(manifest: Manifest, store: Store) -> int:
    """Send what is missing as parent and agent do; return how many files that were."""
    wanted = file_store.missing(manifest, store)
    sizes = {each.sha256: each.size_bytes for each in manifest.files}
    for each in wanted:
        with Incoming(store, each, sizes[each]) as incoming:
            for data in sent_files.chunks(manifest.path_of(each)):
                incoming.add(data)
    return len(wanted)


def test_a_tree_arrives_as_it_was_and_is_sent_once(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made"
    files = {"load/test.js": b"open('../data/big.bin');", "data/big.bin": os.urandom(3 << 20)}
    files |= {"load/again.bin": files["data/big.bin"], "load/empty.txt": b""}
    for name, data in files.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(data)
    (made / "load" / "test.js").chmod(0o755)
    monkeypatch.chdir(made)
    manifest = sent_files.gather("load/test.js", ["load", "data"])
    assert _send(manifest, store) == 2  # equal ones once, and an empty one not at all
    store.lay_out(manifest, str(tmp_path / "one"))
    found = _seen(tmp_path / "one")
    assert found == {**files, "pyproject.toml": b""}
    assert _send(manifest, store) == 0
    store.lay_out(manifest, str(tmp_path / "two"))
    modes = {
        name: stat.S_IMODE((tmp_path / "two" / name).stat().st_mode)
        for name in (".", "load", "load/test.js", "data/big.bin")
    }
    assert modes == {".": 0o700, "load": 0o700, "load/test.js": 0o700, "data/big.bin": 0o600}


def test_a_run_that_writes_to_its_files_changes_no_other(tmp_path: Path, store: Store) -> None:
    _filled(store, b"as it was")
    manifest = listing({"a.py": b"as it was"})
    for name in ("one", "two"):
        store.lay_out(manifest, str(tmp_path / name))
        assert (tmp_path / name / "a.py").read_bytes() == b"as it was"
        (tmp_path / name / "a.py").write_bytes(b"changed")


@pytest.mark.parametrize(
    "path",
    [
        *("../x", "/etc/x", "a/../../x", "a/./x", "./x", "", ".", "..", "a//x", "a/", "x\0y"),
        *("\ud800", "n" * 256, "/".join(["n" * 200] * 20)),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str, tmp_path: Path, store: Store) -> None:
    _filled(store, b"x")
    hostile = listing({"a.py": b"x", path: b"x"})
    with pytest.raises(MessageError, match="leads out of its folder, or has no proper name"):
        store.lay_out(hostile, str(tmp_path / "tree"))
    for wrong in (listing({"a.py": b"x"}, script=path), listing({"a.py": b"x"}, folder=path)):
        if path != ".":
            with pytest.raises(MessageError):
                store.lay_out(wrong, str(tmp_path / "tree"))
    assert not (tmp_path / "tree").exists()


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (listing({"a.py": b"", "b": b"", "b/c": b""}), "is a folder as well"),
        (listing({"a.py": b""}, folder="a.py"), "is a folder as well"),
        (listing({"b.py": b""}), "is not among its files"),
        (listing({"b.py": b""}, script="."), "is not among its files"),
        (replace(listing({}), files=(SentFile("a.py", 0, sent_files.EMPTY),) * 2), "listed twice"),
        (replace(listing({}), files=(SentFile("a.py", -1, "0" * 64),)), "no size or no hash"),
        (replace(listing({}), files=(SentFile("a.py", 1, "../../a"),)), "no size or no hash"),
        (replace(listing({}), files=(SentFile("a.py", 1 << 40, "0" * 64),)), "are too large"),
        (listing({f"{n}.py": b"" for n in range(20_002)}), "too many files"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(
    manifest: Manifest, sentence: str, tmp_path: Path, store: Store
) -> None:
    with pytest.raises(MessageError, match=sentence):
        store.lay_out(manifest, str(tmp_path / "tree"))
    assert not (tmp_path / "tree").exists()


def test_a_tree_is_laid_out_in_a_new_folder_alone(tmp_path: Path, store: Store) -> None:
    """Not through a link that lies in its place, nor over what is there."""
    _filled(store, b"x")
    (tmp_path / "link").symlink_to(tmp_path / "cache", target_is_directory=True)
    (tmp_path / "there").mkdir()
    for name in ("link", "there"):
        with pytest.raises(FileExistsError):
            store.lay_out(listing({"a.py": b"x"}), str(tmp_path / name))


def test_where_it_runs_is_there(tmp_path: Path, store: Store) -> None:
    store.lay_out(listing({"a.py": b""}, folder="x/y"), str(tmp_path / "tree"))
    assert (tmp_path / "tree" / "x" / "y").is_dir()


def test_another_content_than_said_is_refused_and_leaves_nothing(store: Store) -> None:
    said = hash_of(b"good")
    for data in (b"evil", b"goo", b"good and more", b""):
        with pytest.raises(MessageError), Incoming(store, said, 4) as incoming:
            incoming.add(data)
    with pytest.raises(KeyboardInterrupt), Incoming(store, said, 4) as incoming:
        incoming.add(b"go")
        raise KeyboardInterrupt
    assert os.listdir(store.folder) == [] and not store.has(said)
    for name in ("../../x", "", "A" * 64, said.upper(), said + "\n"):
        with pytest.raises(MessageError, match="64 hexadecimal digits"):
            store.put(name, b"x")


def test_what_is_missing_is_said_and_a_damaged_file_is_sent_again(
    tmp_path: Path, store: Store
) -> None:
    manifest = listing({"a.py": b"one", "b": b"two"})
    _filled(store, b"two")
    with pytest.raises(MissingFiles) as absent:
        store.lay_out(manifest, str(tmp_path / "tree"))
    assert absent.value.hashes == (hash_of(b"one"),)
    assert not (tmp_path / "tree").exists()
    Path(store.folder, hash_of(b"one")).write_bytes(b"damaged")
    with pytest.raises(MissingFiles) as absent:
        store.lay_out(manifest, str(tmp_path / "tree"))
    assert absent.value.hashes == (hash_of(b"one"),)
    assert file_store.missing(manifest, store) == [hash_of(b"one")]


def test_the_store_is_ours_alone(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(0o755)
    assert stat.S_IMODE(os.stat(Store(str(tmp_path / "open")).folder).st_mode) == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "open", target_is_directory=True)
    with pytest.raises(PermissionError, match="is not a folder of this user"):
        Store(str(tmp_path / "link"))
    (tmp_path / "file").write_text("")
    with pytest.raises(PermissionError):
        Store(str(tmp_path / "file"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_store_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, -1)
    with pytest.raises(PermissionError, match="is not a folder of this user"):
        Store(str(tmp_path / "theirs"))


def test_a_file_that_is_larger_than_its_manifest_says_is_not_laid_out(
    tmp_path: Path, store: Store
) -> None:
    _filled(store, b"x" * 100)
    small = replace(listing({}), files=(SentFile("a.py", 1, hash_of(b"x" * 100)),))
    with pytest.raises(MissingFiles):
        store.lay_out(small, str(tmp_path / "tree"))
    assert (tmp_path / "tree" / "a.py").stat().st_size == 0


def test_its_place_follows_the_xdg_base_directories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h")
    for cache, expected in (("/c", "/c"), ("", "/h/.cache"), ("relative", "/h/.cache")):
        monkeypatch.setenv("XDG_CACHE_HOME", cache)
        assert file_store.default_folder() == f"{expected}/fastbench/files"


def test_what_was_unused_longest_goes_first_and_nothing_of_the_last_hour(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "files"), limit_bytes=25)
    contents = [bytes([each]) * 10 for each in range(5)]
    _filled(store, *contents)
    hashes = [hash_of(each) for each in contents]
    now_s = os.stat(store.folder).st_mtime
    for name, age_s in zip(hashes, (9000, 8000, 7000, 60, 9500), strict=True):
        os.utime(os.path.join(store.folder, name), times=(now_s - age_s,) * 2)
    assert store.has(hashes[4])  # which makes it the newest
    partial = Path(store.folder, f"{hashes[0]}.1-ab.part")
    partial.write_bytes(b"broken off")
    os.utime(partial, times=(now_s - 4000,) * 2)
    store.trim()
    assert sorted(os.listdir(store.folder)) == sorted(hashes[3:])
    store = Store(store.folder, limit_bytes=1)
    store.trim()
    assert sorted(os.listdir(store.folder)) == sorted(hashes[3:])
