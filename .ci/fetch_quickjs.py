"""Put the sources of quickjs-ng into build/quickjs: those that a pinned release on PyPI contains.

It is compiled into our own extension, so it is fetched with its hash and never committed. Without
it fastbench is built without JavaScript.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "build" / "quickjs"
# The release is without three generated files; what they hold is removed from the realm (users.c).
GENERATED = {
    "array-fromasync": "array_fromasync",
    "iterator-zip": "iterator_zip",
    "iterator-zip-keyed": "iterator_zip_keyed",
}


def download(folder: str) -> Path:
    """Fetch the release; raises OSError or CalledProcessError."""
    command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes"]
    subprocess.run([*command, "-d", folder, "-r", str(ROOT / ".ci" / "quickjs.txt")], check=True)
    return next(Path(folder).glob("*.tar.gz"))


def unpack(archive: Path, folder: Path) -> None:
    """Take the C sources and the licence."""
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            path = Path(member.name)
            if path.parent.name == "upstream-quickjs" or path.name == "LICENSE":
                source = opened.extractfile(member)
                if source is not None:
                    (folder / path.name).write_bytes(source.read())
    for name, array in GENERATED.items():
        text = f"static const uint8_t qjsc_builtin_{array}[] = {{0}};\n"
        (folder / f"builtin-{name}.h").write_text(text)


def main() -> None:
    """Fetch and unpack, whole or not at all."""
    if (TARGET / "quickjs.c").exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            archive = download(folder)
        except (OSError, subprocess.CalledProcessError, StopIteration):
            print("quickjs-ng cannot be fetched: built without JavaScript", file=sys.stderr)
            return
        half = TARGET.with_suffix(".new")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        unpack(archive, half)
        shutil.rmtree(TARGET, ignore_errors=True)
        half.rename(TARGET)


if __name__ == "__main__":
    main()
