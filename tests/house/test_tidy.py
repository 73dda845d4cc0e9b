"""The rules of the house, as tests: layers, sizes, banned words, signatures, names in documents."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from own_sources import (
    CYTHON,
    ROOT,
    cython_functions,
    python_functions,
    shown,
    sources,
    statements,
    tree,
    without_comments,
)

PACKAGE = ROOT / "fastbench"
ENGINE = PACKAGE / "engine"

# Which room may import which: a room names only rooms that stand above it, so imports point
# downward, and data flows down the list. A room may name itself.
RUNS = {"foundation", "engine", "plan", "results", "machine", "run", "script"}
ROOMS: dict[str, set[str]] = {
    "foundation": set(),
    "engine": set(),
    "plan": {"foundation"},
    "results": {"foundation", "plan"},
    "machine": {"foundation", "plan", "results"},
    "run": {"foundation", "engine", "plan", "results", "machine"},
    "script": {"foundation", "engine", "plan", "results", "machine", "run"},
    "cluster": RUNS,
    "experiments": {*RUNS, "cluster"},
    "report": {"foundation", "results", "experiments"},
    "outputs": {*RUNS, "experiments", "report"},
    "server": set(),
    "convert": {"foundation", "plan", "results", "script"},
}
ROOMS["cli"] = set(ROOMS)
ROOMS["__main__"] = {"foundation", "cli"}
VIEWS = {"cli.output.lines", "cli.output.live"}

# Which part of a room may import which other; files beside its folders are a part of its name.
PARTS: dict[str, set[str]] = {
    **{"plan.varied": {"plan"}, "plan.network": {"plan", "plan.varied"}},
    **{f"results.{each}": {"results"} for each in ("thresholds", "assessment", "merging")},
    **{"run.lua": set(), "run": {"run.lua"}, "results.history": {"results"}},
    **{"script.http": {"script"}, "script.api": {"script", "script.http"}},
    "script.protocols.databases": {"script"},
    "script.protocols": {"script", "script.api", "script.http", "script.protocols.databases"},
    **{f"script.k6.{each}": set() for each in ("gjson", "html", "loading")},
    "script.k6": {"script", "script.api", "script.http", "script.k6.loading"},
    "script.k6.http": {"script", "script.api", "script.http", "script.k6", "script.k6.gjson"},
    "script.k6.webcrypto": {"script", "script.k6"},
    "script.k6.modules": {
        *("script", "script.api", "script.http", "script.protocols", "script.k6", "script.k6.html"),
        *("script.k6.http", "script.k6.loading", "script.k6.webcrypto"),
    },
    "script.artillery": {
        *("script", "script.api", "script.http", "script.k6", "script.k6.modules"),
        "script.protocols",
    },
    "script.load": {"script", "script.api", "script.artillery", "script.k6", "script.k6.modules"},
    "script.worker": {"script", "script.api", "script.http", "script.load"},
    "script.parent": {"script", "script.api", "script.load", "script.worker"},
    **{f"cluster.{each}": {"cluster"} for each in ("agent", "links")},
    "cluster.parent": {"cluster", "cluster.links"},
    **{"experiments.trials": {"experiments.compare"}, "outputs.replay": {"outputs"}},
    "experiments.slices": {"experiments.compare", "experiments.trials"},
    "experiments.suite": {"experiments.compare", "experiments.trials"},
    **{"report.text": {"report"}, "report.html.charts": set(), "cli.output.lines": set()},
    **{f"report.{each}": {"report", "report.text"} for each in ("markdown", "export")},
    **{"report.html": {"report", "report.text", "report.html.charts"}, "cli.output.live": set()},
    **{f"convert.{each}": {"convert"} for each in ("har", "openapi", "locust", "k6", "artillery")},
    **{"convert.starts": {"convert", "convert.har"}, "cli.args.other_tools": set()},
    "cli.output": {"cli.help", *VIEWS},
    "cli.args": {"cli.args.other_tools", "cli.help", "cli.output"},
    **{"cli.debug": {"cli.help", "cli.output"}, "cli.manual": {"cli.args", "cli.help"}},
    **{"cli.curl": {"cli.args"}, "cli.completion": {"cli.args", "cli.help", "cli.manual"}},
    "cli.commands": {"cli.args", "cli.curl", "cli.debug", "cli.help", "cli.output", *VIEWS},
    "cli": {"cli.args", "cli.commands", "cli.curl", "cli.debug", "cli.help"},
}
MAX_ROOMS = 14
MAX_FILES = 20

# A heavy library is imported by the one part that needs it, so that nobody else pays for it.
SCRIPTS = {f"script.{p}" for p in ("api", "artillery", "http", "parent", "protocols", "worker")}
HEAVY = {
    "distributed": {"cluster"},
    "aiohttp": {"outputs.dashboard", "server"},
    "orjson": {"cli.commands", "cli.output", "cluster", "run", *SCRIPTS},
    "psutil": {"machine"},
    "uvloop": {"script.worker", "server"},
}

# A file of the engine may cimport libc and what stands before it.
ENGINE_NAMES = """kernel hdr fifo pace varied.values texts.atomics varied.digest varied.pieces
    http1.response http1.head codec http1.http websocket.utf8 websocket.frames websocket.upgrade
    http2.huffman http2.hpack http2.meaning http2.head_block http2.field_block http2.request_block
    http2.frame http2.head_text http2.stream http2.message http2.session block proxy.tunnel tls
    proxy.passage rules addresses texts.request_end texts.timers texts.answer_stream texts.text_ring
    worker texts.telling varied.request_text byurl tally conn http1.exchange texts.supply
    http2.lingering
    http2.session_life http2.multiplex traffic websocket.talk websocket.dialogue loop slices trend
    arena"""
ENGINE_ORDER = ENGINE_NAMES.split()

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
EXTENSIONS = {"_core", "_client", "_quickjs"}
OTHERS = r"\._(?!core\b|client\b|quickjs\b)[a-z]"  # names with an underscore, but these
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "common", "misc", "types", "base"}


def texts() -> list[Path]:
    """List everything people read: sources, documents, build files."""
    top = [path for path in ROOT.iterdir() if path.suffix in (".md", ".py", ".toml")]
    build = [ROOT / "Makefile", *(ROOT / ".ci").iterdir()]
    return [*sources(".py", *CYTHON, ".pyi", ".c", ".js", ".md"), *top, *build]


def module_of(path: Path) -> str:
    """Give the name of a module within the package; that of a folder for its `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    """Give every module of the package but its root by name; extensions, too."""
    found = {module_of(path): path for path in sources(".py", ".pyx", under=("fastbench",))}
    return {name: path for name, path in found.items() if name}


def part_of(module: str) -> str:
    """Give the part a module belongs to: its folder, or its own name where it is one."""
    path = modules()[module]
    return module if path.stem == "__init__" else module.rpartition(".")[0] or module


@cache
def imports(path: Path) -> list[str]:
    """Give the dotted names a file imports, the late ones too; submodules by their full name."""
    names: list[str] = []
    for node in statements(tree(path)):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(path)}:{node.lineno} imports by a relative path"
            module = node.module or ""
            full = [f"{module}.{alias.name}" for alias in node.names]
            names += (n if n.removeprefix("fastbench.") in modules() else module for n in full)
    return names


@cache
def own_imports(module: str) -> set[str]:
    """Give the modules of the package that a module imports."""
    if modules()[module].suffix != ".py":
        return set()
    names = {name.removeprefix("fastbench.") for name in imports(modules()[module])}
    return (names & set(modules())) - {module}


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


@pytest.mark.parametrize("table", [ROOMS, PARTS], ids=["rooms", "parts"])
def test_the_tables_point_downward(table: dict[str, set[str]]) -> None:
    above = {part for part in map(part_of, modules()) if part not in table}
    for part, allowed in table.items():
        assert allowed <= above, f"{part} may not name {allowed - above}: not above it"
        above.add(part)


def test_rooms_are_those_of_the_table_and_small_enough() -> None:
    rooms = {module.partition(".")[0] for module in modules()}
    assert rooms == set(ROOMS) and len(rooms - {"__main__"}) <= MAX_ROOMS
    files = sources(".py", *CYTHON, under=("fastbench",))
    counts = Counter(path.parent for path in files if path.stem != "__init__")
    assert {shown(each): n for each, n in counts.items() if n > MAX_FILES} == {}


def test_imports_point_downward() -> None:
    wrong = []
    for module in modules():
        part, room = part_of(module), module.partition(".")[0]
        for other in sorted(own_imports(module)):
            of_other, other_room = part_of(other), other.partition(".")[0]
            if other_room != room and other_room not in ROOMS[room]:
                wrong.append(f"{module} imports {other}: {room} may not import {other_room}")
            if other_room == room and of_other != part and of_other not in PARTS.get(part, ()):
                wrong.append(f"{module} imports {other}: {part} may not import {of_other}")
    assert wrong == []


def test_no_modules_import_each_other() -> None:
    left = {module: own_imports(module) for module in modules()}
    while free := [module for module, needs in left.items() if not needs & left.keys()]:
        for module in free:
            del left[module]
    assert left == {}, "each of these is part of a cycle, or imports one"


def test_no_two_files_have_one_name() -> None:
    names = Counter(path.stem for path in modules().values() if path.stem != "__init__")
    assert [name for name, count in names.items() if count > 1] == []


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
        if part_of(module_of(path)) not in HEAVY[name]
    ]
    assert wrong == []


def engine_files() -> dict[str, Path]:
    """Return the files of the engine by their names in it, but those of its two extensions."""
    return {
        ".".join(path.relative_to(ENGINE).with_suffix("").parts): path
        for path in ENGINE.rglob("*.pxd")
        if path.stem != "__init__" and not path.stem.startswith("_")
    }


def test_the_engine_cimports_libc_and_what_stands_before_it() -> None:
    files = engine_files()
    assert set(files) == set(ENGINE_ORDER)
    wrong = []
    for name, path in files.items():
        text = without_comments(path.read_text())
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
    functions = [each for path in engine_files().values() for each in cython_functions(path)]
    assert len(functions) > 50
    wrong = [
        f"{each.place} {each.name}"
        for each in functions
        if not re.search(r"^cdef inline .*\) noexcept nogil:$", each.signature)
    ]
    assert wrong == []


def test_the_engine_neither_raises_nor_takes_the_gil() -> None:
    pattern = r"\braise\b|\bwith gil\b|\btry\b|\bexcept\b|\bcpdef\b|\bDEF\b|\binclude\b"
    assert hits(sorted(engine_files().values()), pattern) == []


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
    below = [
        path
        for path in package_modules()
        if module_of(path).partition(".")[0] not in ("cli", "__main__")
    ]
    assert hits(below, PRINTS_OR_EXITS) == []


def test_no_wall_clock_in_the_measurement_path() -> None:
    # environment.py names the date of a run; nothing is measured with it.
    files = sources(".py", *CYTHON, under=("fastbench",))
    assert hits([path for path in files if path.stem != "environment"], WALL_CLOCKS) == []


def test_a_name_with_an_underscore_stays_in_its_module() -> None:
    """What has none is public; so `__all__` is only where names of other modules are passed on."""
    wrong = []
    for name, path in modules().items():
        if path.suffix != ".py":
            continue
        private = [full for full in imports(path) if re.search(OTHERS, full)]
        borrowed = {
            alias.asname or alias.name
            for node in statements(tree(path))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fastbench")
            for alias in node.names
        }
        private = [each for each in borrowed - EXTENSIONS if re.match("_[a-z]", each)]
        private += [
            ast.unparse(node)
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            if node.value.id in borrowed and re.match("_[a-z]", node.attr)
        ]
        private += [
            "__all__ of its own names"
            for node in tree(path).body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            if not set(ast.literal_eval(node.value)) & borrowed
        ]
        wrong += [f"{name}: {each}" for each in private]
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


def test_modules_that_tests_are_of_exist() -> None:
    there = {path.name for path in sources(".py", under=("fastbench", "bench"))}
    wrong = []
    for path in (each for each in sources(".py") if each.stem.startswith("test_")):
        first = (ast.get_docstring(tree(path)) or "").partition("\n")[0]
        named = re.findall(r"(?<![\w.])[\w/]+\.py\b", first)
        wrong += [f"{shown(path)} names {n}" for n in named if n.rpartition("/")[2] not in there]
    assert wrong == []
