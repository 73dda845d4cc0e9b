"""JUnit reports as build servers read them: a strict parser, and a schema of our own."""

from __future__ import annotations

import functools
from pathlib import Path
from xml.etree import ElementTree as Xml

import xmlschema

__all__ = ["outcomes", "read", "wrong"]

SCHEMA = Path(__file__).with_name("junit.xsd")


@functools.cache
def schema() -> xmlschema.XMLSchema10:
    return xmlschema.XMLSchema10(SCHEMA)


def wrong(root: Xml.Element) -> list[str]:
    """Return what the schema says against a report, shortly."""
    return [f"{error.path}: {error.reason}" for error in schema().iter_errors(root)]


def read(text: str | bytes) -> Xml.Element:
    """Return the root of a report that is well-formed, holds to the schema and adds up."""
    root = Xml.fromstring(text.encode() if isinstance(text, str) else text)
    assert wrong(root) == []
    for suites in ([root], list(root)):
        for each in suites:
            cases = list(each.iter("testcase"))
            assert each.get("tests") == str(len(cases))
            for kind in ("failure", "error"):
                found = sum(case.find(kind) is not None for case in cases)
                assert each.get(f"{kind}s") == str(found)
    return root


def outcomes(root: Xml.Element) -> dict[str, str]:
    """Return what became of each case, by name: "passed", "failure" or "error"."""
    return {
        case.get("name", ""): next(
            (part.tag for part in case if part.tag in ("failure", "error", "skipped")), "passed"
        )
        for case in root.iter("testcase")
    }
