"""The rules of the house, as tests: layers, sizes, banned words, signatures, names in documents."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_sources import (
    CYTHON,
    ROOT,
    cython_functions,
    python_functions,
    shown,
    sources,
    tree,
    without_comments,
)

PACKAGE = ROOT / "fastbench"
ENGINE = PACKAGE / "engine"

# Who may import whom: a part may import what stands in its row, and every row names only parts
# that stand above it, so imports point downward. A folder is one part.
LAYERS: dict[str, set[str]] = {
    "_core": set(),
    "_client": {"_core"},
    "document": set(),
    "errors": set(),
    "exits": set(),
    "histogram": set(),
    "latencies": {"document", "histogram"},
    "measured": {"document"},
    "redact": set(),
    "resolution": set(),
    "imports": set(),
    "signals": set(),
    "submetric": set(),
    "systemfiles": set(),
    "host": {"systemfiles"},
    "target": set(),
    "units": set(),
    "overall": {"measured", "resolution", "units"},
    "plan": {"errors", "redact", "units"},
    "textfile": {"plan", "redact"},
    "body": {"plan", "textfile"},
    "judging": {"measured", "plan", "submetric", "units"},
    "limits": {"plan", "systemfiles"},
    "doctor": {"limits", "redact", "systemfiles", "units"},
    "addresses": {"errors"},
    "proxies": set(),
    "hostnames": {"plan"},
    "luascript": {"plan"},
    "processes": {"plan", "systemfiles"},
    "resolve": {"plan", "signals"},
    "sources": {"plan"},
    "thresholds": {"judging", "measured", "plan", "redact", "submetric", "units"},
    "tlsfiles": {"plan"},
    "urls": {"hostnames", "plan", "redact"},
    "plainhttp": {"hostnames", "resolve", "urls"},
    "waiting": {"errors", "plainhttp", "plan", "proxies", "resolve", "signals", "units", "urls"},
    "use": set(),
    "resources": {"host", "processes", "redact", "systemfiles", "use"},
    "urllist": {"body", "plan", "textfile", "urls"},
    "request": {"body", "plan", "units", "urls"},
    "result": {
        *("addresses", "document", "errors", "histogram", "latencies", "measured", "overall"),
        *("redact", "units", "use"),
    },
    "environment": {"redact", "result", "systemfiles"},
    "webhook": {"exits", "plan", "redact", "resolution", "result", "units", "urls"},
    "compare": {"document", "histogram", "latencies", "plan", "redact", "result"},
    "history": {"document", "plan", "redact", "resolution", "result"},
    "find": {
        *("document", "histogram", "judging", "measured", "plan", "result"),
        *("resolution", "thresholds", "units"),
    },
    "report": {
        *("addresses", "compare", "errors", "exits", "find", "histogram", "history", "latencies"),
        "measured",
        *("overall", "redact", "resolution", "result", "signals", "units", "use"),
    },
    "baselines": {"document", "plan", "redact", "report", "result"},
    "conservation": {"result"},
    "steady": {"result", "units"},
    "listening": {"result"},
    "validity": {"histogram", "listening", "resolution", "result", "units", "use"},
    "sampling": {"_core", "histogram", "measured", "plan", "result", "use"},
    "byurl": {"_core", "histogram", "latencies", "measured", "plan"},
    "worker": {"_core", "byurl", "hostnames", "plan", "resolve"},
    "adding": {"_client", "_core", "judging", "measured"},
    "merged": {
        *("_client", "_core", "adding", "histogram", "judging", "latencies", "measured", "result"),
        "submetric",
    },
    "baseline": {
        *("_core", "byurl", "judging", "measured", "plan", "redact", "sampling", "submetric"),
    },
    "notices": {"addresses", "listening", "proxies", "result", "units"},
    "outcome": {
        *("_core", "byurl", "environment", "errors", "histogram", "latencies", "plan", "processes"),
        *("resolve", "resources", "result", "sampling", "steady", "use", "validity"),
        *("addresses", "conservation", "listening", "notices"),
    },
    "runner": {
        *("_core", "byurl", "errors", "histogram", "host", "limits", "outcome", "plan"),
        *("processes", "resolve", "resources", "result", "sampling", "signals", "use", "worker"),
    },
    "scenario": {
        *("_client", "_core", "body", "imports", "judging", "measured", "plan", "redact"),
        *("addresses", "hostnames", "resolve", "signals", "submetric", "textfile"),
        *("thresholds", "tlsfiles", "units", "urls"),
    },
    "campaign": {
        *("_client", "_core", "host", "judging", "limits", "measured", "merged", "outcome"),
        *("plan", "processes", "redact", "resolve", "resources", "result", "sampling"),
        *("addresses", "scenario", "signals", "thresholds", "units", "urls", "use"),
    },
    "rounds": {
        *("_core", "campaign", "compare", "document", "histogram", "plan", "processes", "redact"),
        *("result", "runner", "sampling", "scenario", "signals", "systemfiles", "units", "urls"),
        "waiting",
    },
}
LAYERS["sinks"] = {
    "byurl",
    *("_client", "_core", "adding", "baseline", "environment", "histogram", "measured", "merged"),
    *("errors", "plainhttp", "plan", "redact", "report", "resolve", "result", "sampling", "urls"),
    *("judging", "latencies", "thresholds"),
}
LAYERS["dashboard"] = {
    *("compare", "measured", "plan", "redact", "report", "resolution", "result", "sampling"),
    *("signals", "units"),
}
LAYERS["suite"] = {
    *("_core", "compare", "document", "environment", "exits", "plan", "redact", "report", "result"),
    *("rounds", "textfile", "units", "urls", "waiting"),
}
LAYERS["cli"] = set(LAYERS)
LAYERS["__main__"] = {"cli", "imports", "signals"}

# A heavy library is imported by the one part that needs it, so that nobody else pays for it.
HEAVY = {
    "aiohttp": {"dashboard", "target"},
    "orjson": {"campaign", "cli", "scenario"},
    "psutil": {"doctor", "processes"},
    "rich": {"cli"},
    "uvloop": {"scenario", "target", "worker"},
}

# A file of the engine may cimport libc and what stands before it.
ENGINE_ORDER = (
    *("kernel", "hdr", "fifo", "pace", "response", "head", "http"),
    *("addresses", "block", "tls", "worker", "byurl", "conn", "exchange", "loop", "trend", "arena"),
)

FUNCTION_LINES = {".py": 60, ".pyx": 70, ".pxd": 70}
FILE_LINES = 400

# Each word is put together here, so that this file does not hold what it looks for.
MARKERS = "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"))
NOT_ANYWHERE = {
    "a marker": rf"\b({MARKERS})\b",
    "a package registry": r"(pypi|npmjs|crates)\." + "(org|io|com)|pythonhosted" + r"\.org",
    "a home folder": r"(?<![\w.])/(home|root|Users|work)" + r"/[a-z]",
}
WALL_CLOCKS = r"\btime\.time(_ns)?\(|\bgettimeofday\b|\bdatetime\.(now|utcnow)\b|CLOCK_REALTIME"
PRINTS_OR_EXITS = r"(?<![\w.])(print|exit|quit)\(|\bsys\.exit\b|\bSystemExit\b"
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "common", "misc", "types", "base"}


def texts() -> list[Path]:
    """List everything people read: sources, documents, build files."""
    top = [path for path in ROOT.iterdir() if path.suffix in (".md", ".py", ".toml")]
    build = [ROOT / "Makefile", *(ROOT / ".ci").iterdir()]
    return [*sources(".py", *CYTHON, ".pyi", ".c", ".js", ".md"), *top, *build]


def part_of(path: Path) -> str:
    """Give the part of the package a file belongs to: its folder, or its own name."""
    first = path.relative_to(PACKAGE).parts[0]
    return Path(first).stem


def imports(path: Path) -> Iterator[str]:
    """Give the dotted names a file imports, the late ones too; submodules by their full name."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(path)}:{node.lineno} imports by a relative path"
            module = node.module or ""
            for alias in node.names:
                yield f"{module}.{alias.name}" if module == "fastbench" else module


def own_parts(path: Path) -> set[str]:
    parts = {name.split(".")[1] for name in imports(path) if name.startswith("fastbench.")}
    return {part for part in parts if not part.startswith("__")} - {part_of(path)}


def package_modules() -> list[Path]:
    """List the modules of the package but its root."""
    root = PACKAGE / "__init__.py"
    return [path for path in sources(".py", under=("fastbench",)) if path != root]


def hits(paths: list[Path], pattern: str) -> list[str]:
    """Give the lines that match, as file:line: text."""
    found = []
    for path in paths:
        text = path.read_text()
        if path.suffix in CYTHON:
            text = without_comments(text)
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{shown(path)}:{number}: {line.strip()}")
    return found


def test_the_table_of_layers_points_downward() -> None:
    above: set[str] = set()
    for part, allowed in LAYERS.items():
        assert allowed <= above, f"{part} may not name {allowed - above}: not above it"
        above.add(part)


def test_every_part_of_the_package_has_its_layer() -> None:
    parts = {part_of(path) for path in sources(".py", ".pyx", under=("fastbench",))}
    assert parts - {"__init__", "engine"} == set(LAYERS)


def test_imports_point_downward() -> None:
    wrong = [
        f"{shown(path)} imports {', '.join(sorted(own_parts(path) - LAYERS[part_of(path)]))}"
        for path in package_modules()
        if own_parts(path) - LAYERS[part_of(path)]
    ]
    assert wrong == []


def test_the_package_root_imports_nothing_at_once() -> None:
    # Names are resolved when they are asked for: `--version` pays for none of them.
    at_once = [
        ast.unparse(node)
        for node in tree(PACKAGE / "__init__.py").body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert [each for each in at_once if "__future__" not in each] == []


def test_a_heavy_library_has_one_importer() -> None:
    wrong = [
        f"{shown(path)} imports {name}"
        for path in package_modules()
        for name in {each.split(".")[0] for each in imports(path)} & set(HEAVY)
        if part_of(path) not in HEAVY[name]
    ]
    assert wrong == []


def test_the_engine_cimports_libc_and_what_stands_before_it() -> None:
    files = {path.stem for path in ENGINE.glob("*.pxd")} - {"__init__"}
    assert files == set(ENGINE_ORDER)
    wrong = []
    for name in files:
        text = without_comments((ENGINE / f"{name}.pxd").read_text())
        for module in re.findall(r"^(?:from\s+([\w.]+)\s+cimport|cimport\s+([\w.]+))", text, re.M):
            dotted = module[0] or module[1]
            place = dotted.removeprefix("fastbench.engine.")
            before = ENGINE_ORDER[: ENGINE_ORDER.index(name)]
            if place not in before and dotted.split(".")[0] not in ("libc", "posix"):
                wrong.append(f"{name}.pxd cimports {dotted}")
    assert wrong == []


def test_cimports_are_by_full_path() -> None:
    # Cython's dependency scan misses the short form: the extension would not be built anew.
    assert hits(sources(".pxd", ".pyx"), r"from fastbench\.engine cimport") == []


def test_every_engine_function_is_noexcept_and_nogil() -> None:
    functions = [each for path in ENGINE.glob("*.pxd") for each in cython_functions(path)]
    assert len(functions) > 50
    wrong = [
        f"{each.place} {each.name}"
        for each in functions
        if not re.search(r"^cdef inline .*\) noexcept nogil:$", each.signature)
    ]
    assert wrong == []


def test_the_engine_neither_raises_nor_takes_the_gil() -> None:
    pattern = r"\braise\b|\bwith gil\b|\btry\b|\bexcept\b|\bcpdef\b|\bDEF\b|\binclude\b"
    assert hits(sorted(ENGINE.glob("*.pxd")), pattern) == []


def test_functions_fit_a_screen() -> None:
    functions = [each for path in sources(".py") for each in python_functions(path)]
    cython = [each for path in sources(*CYTHON) for each in cython_functions(path)]
    assert len(functions) > 200
    limits = [(each, FUNCTION_LINES[".py"]) for each in functions]
    limits += [(each, FUNCTION_LINES[".pxd"]) for each in cython]
    long = [f"{each.place} {each.name}: {each.lines}" for each, most in limits if each.lines > most]
    assert long == []


def test_files_are_of_a_size_to_be_read() -> None:
    lengths = {
        shown(path): len(path.read_text().splitlines()) for path in sources(".py", *CYTHON, ".c")
    }
    assert {name: count for name, count in lengths.items() if count > FILE_LINES} == {}


def test_file_names_say_what_is_in_them() -> None:
    assert [shown(path) for path in sources(".py") if path.stem in NAMES_THAT_SAY_NOTHING] == []


@pytest.mark.parametrize("what", NOT_ANYWHERE)
def test_nothing_people_read_holds(what: str) -> None:
    assert hits(texts(), NOT_ANYWHERE[what]) == []


def test_only_the_command_line_prints_and_exits() -> None:
    below = [path for path in package_modules() if part_of(path) not in ("cli", "__main__")]
    assert hits(below, PRINTS_OR_EXITS) == []


def test_no_wall_clock_in_the_measurement_path() -> None:
    # environment.py names the date of a run; nothing is measured with it.
    files = sources(".py", *CYTHON, under=("fastbench",))
    assert hits([path for path in files if path.stem != "environment"], WALL_CLOCKS) == []


def test_all_names_what_is_public() -> None:
    wrong = []
    for path in package_modules():
        defined = {
            node.name
            for node in tree(path).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        listed = [
            ast.literal_eval(node.value)
            for node in tree(path).body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ]
        public = {name for name in defined if not name.startswith("_")}
        if listed and not public <= set(listed[0]):
            wrong.append(f"{shown(path)}: {sorted(public - set(listed[0]))} not in __all__")
    assert wrong == []


def test_files_named_in_documents_exist() -> None:
    folders = (ROOT, PACKAGE, ENGINE, ROOT / "tests", ROOT / "bench")
    wrong = []
    for document in [*ROOT.glob("*.md"), *sources(".md", under=("bench", "fastbench"))]:
        named = re.findall(r"`([\w./-]+\.(?:py|pyx|pxd|pyi|c|md|toml|json))`", document.read_text())
        for name in named:
            places = (*folders, document.parent)
            if not any((folder / name).exists() for folder in places):
                wrong.append(f"{shown(document)} names {name}")
    assert wrong == []
