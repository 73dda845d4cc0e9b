"""Put sucrase, which takes the types out of TypeScript, into the package: one file of JavaScript.

It is a dependency: fetched by npm in a pinned version, compared with its hash, and never committed.
Without npm fastbench is built without TypeScript.
"""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "fastbench" / "script" / "k6" / "js" / "sucrase"
PINNED = ROOT / ".ci" / "sucrase.txt"
ENTRY = "index"
# What types are stripped without: source maps, a list of tokens, the check of options.
LEFT_OUT = {
    "computeSourceMap": "",
    "util/formatTokens": "",
    "Options": "exports.validateOptions = () => {};",
}
REQUIRED = re.compile(r"\brequire\('(\.[^']+)'\)")
# Modules of sucrase by name, each run when it is first asked for. What the whole evaluates to is a
# function of TypeScript. It returns JavaScript of the same lines, and where each token went: pairs
# of positions, in what came out and in what went in.
AROUND = """(function () {
const defined = {%s};
const loaded = {};
const load = (name) => {
  if (loaded[name] === undefined) {
    const module = loaded[name] = { exports: {} };
    const folder = name.split('/').slice(0, -1);
    defined[name].call(module.exports, module, module.exports, (asked) => {
      const parts = [...folder];
      for (const part of asked.split('/')) {
        if (part === '..') parts.pop();
        else if (part !== '.') parts.push(part);
      }
      const found = parts.join('/');
      return load(found in defined ? found : found + '/index');
    });
  }
  return loaded[name].exports;
};
const { transform } = load('index');
const Root = load('transformers/RootTransformer').default;
const whole = Root.prototype.transform;
let pairs;
Root.prototype.transform = function () {
  const made = whole.call(this);
  made.mappings.forEach((to, i) => {
    if (to !== undefined && this.tokens.tokens[i]) pairs.push(to, this.tokens.tokens[i].start);
  });
  return made;
};
return (code) => {
  pairs = [];
  const made = transform(code, { transforms: ['typescript'], disableESTransforms: true });
  return [made.code, pairs];
};
})()
"""


def main() -> None:
    """Fetch and write it, whole or not at all."""
    package, integrity = PINNED.read_text().split()
    stamp = TARGET / "version"
    wanted = integrity + digest(Path(__file__).read_bytes())
    script = TARGET / "sucrase.js"
    if script.exists() and stamp.exists() and stamp.read_text() == wanted:
        script.touch()  # it is newer than this file: make asks
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            archive = download(package, integrity, folder)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            print(f"sucrase cannot be fetched: built without TypeScript ({error})", file=sys.stderr)
            return
        half = TARGET.with_suffix(".new")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        unpack(archive, half)
        (half / "version").write_text(wanted)
        shutil.rmtree(TARGET, ignore_errors=True)
        half.rename(TARGET)


def download(package: str, integrity: str, folder: str) -> Path:
    """Fetch the release; raises OSError, ValueError or SubprocessError."""
    npm = shutil.which("npm")
    if npm is None:
        raise ValueError("npm is not installed")
    command = [npm, "pack", "--json", "--ignore-scripts", package]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    archive = Path(folder) / json.loads(done.stdout)[0]["filename"]
    if digest(archive.read_bytes()) != integrity:
        raise ValueError("what came has another hash")
    return archive


def digest(raw: bytes) -> str:
    """Return a hash as package registries write it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(raw).digest()).decode()


def unpack(archive: Path, folder: Path) -> None:
    """Write one script of the modules that are needed, and the licence."""
    files: dict[str, str] = {}
    licence = b""
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            source = opened.extractfile(member)
            if source is None:
                continue
            name = member.name.removeprefix("package/dist/")
            if member.name == "package/LICENSE":
                licence = source.read()
            elif name.endswith(".js"):
                files[name.removesuffix(".js")] = source.read().decode()
    files |= LEFT_OUT
    wanted = needed(files)
    defined = ",\n".join(
        f"{json.dumps(name)}(module, exports, require) {{{files[name]}\n}}" for name in wanted
    )
    comment = "\n".join(f" * {line}".rstrip() for line in licence.decode().splitlines())
    (folder / "sucrase.js").write_text(f"/*!\n{comment}\n */\n{AROUND % defined}")
    (folder / "LICENSE").write_bytes(licence)


def needed(files: dict[str, str]) -> list[str]:
    """List the modules that the entry asks for, and those that they ask for."""
    found, waiting = [], [ENTRY]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.append(name)
        folder = Path(name).parent
        for asked in REQUIRED.findall(files[name]):
            parts: list[str] = []
            for part in (*folder.parts, *asked.split("/")):
                if part == "..":
                    parts.pop()
                elif part != ".":
                    parts.append(part)
            path = "/".join(parts)
            waiting.append(path if path in files else f"{path}/index")
    return sorted(found)


if __name__ == "__main__":
    main()
