"""The GitHub Action and the example workflows, read as GitHub reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

__all__ = ["ACTION", "EXPRESSION", "RELEASE", "ROOT", "WORKFLOWS"]
__all__ += ["commands", "load", "steps_of", "strings"]

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "action.yml"
RELEASE = ROOT / ".github" / "workflows" / "release.yml"
WORKFLOWS = sorted((ROOT / "examples" / "ci").glob("*.yml"))
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_BOOL = "tag:yaml.org,2002:bool"


class _Loader(yaml.SafeLoader):
    """YAML 1.2, where `on` and `yes` are words, and no key stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key stands twice:\n{node.start_mark}"
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != _BOOL]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile("^(?:true|false)$"), ["t", "f"])


def load(path: Path) -> dict[str, Any]:
    """Read a file; its root is a mapping."""
    found = yaml.load(path.read_text(), _Loader)
    assert isinstance(found, dict)
    return found


def steps_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the steps of a workflow, over all its jobs, or of an action."""
    if "runs" in document:
        return list(document["runs"]["steps"])
    return [step for job in document["jobs"].values() for step in job["steps"]]


def strings(value: object) -> Iterator[str]:
    """Give every string in a document, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def commands(block: str) -> list[list[str]]:
    """List the calls of fastbench in a block of shell, as command and flags."""
    found = []
    for line in block.replace("\\\n", " ").splitlines():
        words = re.split(r"\s+", re.sub(r"'[^']*'|\"[^\"]*\"", "x", line).strip())
        if words[0] == "fastbench":
            found.append([words[1], *(word for word in words if re.match("--?[a-z]", word))])
    return found
