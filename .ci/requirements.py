"""Print requirements from pyproject.toml: "build", "run" or the name of an extra, any number."""

import sys
import tomllib
from pathlib import Path

pyproject = tomllib.loads(Path(__file__).parent.with_name("pyproject.toml").read_text())
groups = {
    "build": pyproject["build-system"]["requires"],
    "run": pyproject["project"]["dependencies"],
    **pyproject["project"]["optional-dependencies"],
}
if not sys.argv[1:] or (unknown := [name for name in sys.argv[1:] if name not in groups]):
    wanted = f"there is no extra {unknown[0]}" if sys.argv[1:] else "no extra is named"
    sys.exit(f"{wanted}; there are: {', '.join(sorted(groups))}.")
for name in sys.argv[1:]:
    print(*groups[name], sep="\n")
