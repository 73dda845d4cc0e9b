"""Files of YAML that are endless, odd or meant to harm: one sentence with the line, at once."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from commandline import invoke

from fastbench.script.artillery import yaml_tree
from fastbench.script.artillery.yaml_tree import Refusal

LETTERS = "abcdefghij"


def bomb(row: str) -> str:
    """Return ten levels, each with the one before it nine times; `row` writes one of them."""
    rows = [f"a: &a {row.format(inner='x')}".replace("<<: x", "x: 1")]
    for below, name in pairwise(LETTERS):
        rows.append(f"{name}: &{name} {row.format(inner=f'*{below}')}")
    return "\n".join(rows)


LISTS = bomb(f"[{', '.join(['{inner}'] * 9)}]")
MAPS = bomb("{{" + ", ".join(f"k{n}: {{inner}}" for n in range(9)) + "}}")
CHAIN = "a0: &a0 {x: 1}\n" + "\n".join(f"a{n}: &a{n} {{a: *a{n - 1}}}" for n in range(1, 2000))
MERGES = bomb("{{<<: [" + ", ".join(["{inner}"] * 9) + "]}}").replace("<<: [x, x", "<<: [{x: 1}, x")
MERGES = MERGES.replace(MERGES.partition("\n")[0], "a: &a {x: 1}")
MANY, DEEP, FLAT = "more than 1,000,000 values", "more than 100 levels", "[" * 200 + "]" * 200


@pytest.fixture(params=[False, True], ids=["libyaml", "python"])
def pure(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param:
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    return bool(request.param)


def refused(text: str | bytes) -> str:
    """Return the line and the sentence of a refusal."""
    with pytest.raises(Refusal) as raised:
        yaml_tree.read(text if isinstance(text, bytes) else text.encode())
    return f"{raised.value.line}: {raised.value}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LISTS, f"7: there are {MANY} with the aliases written out; use fewer of them."),
        (MAPS, f"7: there are {MANY}"),
        (CHAIN, f"101: {DEEP} stand within each other; make it flatter."),
        (FLAT, f"1: {DEEP}"),
        ("a:\n  b: &b\n    c: *b", "2: an alias stands within what it names."),
        ("a: 1\nb: 2\na: 3", "3: a stands there twice."),
        ("a: {b: 1, b: 2}", "1: b stands there twice."),
        ("a: *b", "1: this is not YAML: found undefined alias"),
        ("a: 1\n\tb: 2", "2: this is not YAML: a tab stands at the begin of the line; indent w"),
        ("a: 1\n---\nb: 2", "2: a second document begins here; keep one in the file."),
        ("? [a]\n: 1", "1: a key is a text."),
        ("", "0: the file is empty."),
        ("# nothing\n\n", "0: the file is empty."),
        (
            b"a: 1\nb: \xe9\n",
            "2: the byte 0xe9 is not UTF-8; save the file as UTF-8.",
        ),
        (b"a: 1\0", "1: a NUL"),
        ("a: \x01", "0: this is not YAML: "),
    ],
    ids=lambda each: repr(each)[:24],
)
@pytest.mark.usefixtures("pure")
def test_what_is_too_large_or_odd_is_refused_with_its_line(text: str | bytes, said: str) -> None:
    assert refused(text).startswith(said)


def test_levels_without_end_are_refused() -> None:
    for text in ("[" * 100_000, "- " * 100_000, "{a: " * 100_000):
        assert DEEP in refused(text) or "not YAML" in refused(text)


@pytest.mark.parametrize("where", ["a: !!{} x", "a: !!{} [x]", "a: !!{} {{x: 1}}", "!!{} a: 1"])
@pytest.mark.parametrize(
    "tag", ["python/object:os.system", "python/object/apply:os.system", "python/name:os.system"]
)
@pytest.mark.usefixtures("pure")
def test_no_tag_makes_an_object(where: str, tag: str) -> None:
    assert refused(where.format(tag)) == f"1: the tag !!{tag} is not known."
    assert refused("a: !js/function x") == "1: the tag !js/function is not known."


@pytest.mark.usefixtures("pure")
def test_anchors_and_merges_used_as_they_are_meant_are_read() -> None:
    found = yaml_tree.read(
        b"base: &base {url: /, headers: {a: 1}}\n"
        b"more: &more {name: x}\n"
        b"one: {<<: *base, url: /one}\n"
        b"two: {<<: [*more, *base], <<: {z: 0}}\n"
        b"'<<': plain\n"
    )
    assert found["one"] == {"url": "/one", "headers": {"a": 1}}
    assert found["two"] == {"name": "x", "url": "/", "headers": {"a": 1}, "z": 0}
    assert found["<<"] == "plain" and found["one"].lines == {"url": 3, "headers": 1}
    assert found["one"]["headers"] is found["base"]["headers"]
    assert yaml_tree.read(MERGES.encode())["j"] == {"x": 1}  # a merge makes no value more


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_what_the_text_is(mark: str) -> None:
    assert yaml_tree.read("a: é\r\nb: 2\r\n".encode(mark)) == {"a": "é", "b": 2}


def test_a_file_with_more_values_than_can_be_is_refused_before_they_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(yaml_tree, "MAX_VALUES", 1000)
    monkeypatch.setattr(yaml, "compose", None)
    with pytest.raises(Refusal, match="use fewer"):
        yaml_tree.read(b"[" + b"1," * 3000 + b"]")


@pytest.mark.parametrize(
    ("words", "content"),
    [
        (("run",), f"config: {{target: 'http://127.0.0.1:9'}}\n{LISTS}\nscenarios: *j\n"),
        (("convert", "--from", "artillery"), f"config: {{}}\n{LISTS}\nscenarios: *j\n"),
        (("convert", "--from", "openapi"), f"openapi: 3.1.0\n{LISTS}\npaths: {{x: *j}}\n"),
        (("convert", "--from", "openapi"), f"openapi: 3.1.0\n{CHAIN}\npaths: {{x: *a1999}}\n"),
    ],
    ids=["run", "artillery", "openapi", "deep"],
)
def test_every_command_says_it_in_one_sentence(
    tmp_path: Path, words: tuple[str, ...], content: str
) -> None:
    (tmp_path / "x.yml").write_text(content)
    done = invoke(*words, str(tmp_path / "x.yml"))
    assert done.returncode != 0 and done.stdout == ""
    assert "x.yml, line " in done.stderr or "x.yml:" in done.stderr
    assert MANY in done.stderr or DEEP in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") <= 2
