"""Check as their users' editors would, with mypy and pyright (both strict), what scripts import.

Examples, the start of `fastbench new`, and the examples of docstrings have no error; a name that
fastbench does not have is one. pyright also judges how complete the types of public names are.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "types"
BIN = Path(sys.executable).parent
EXPORTED = r"fastbench\.[A-Za-z]\w*"
MISSPELT = "from fastbench import chek\n\nchek(1, {})\n"
CONFIG = {
    "typeCheckingMode": "strict",
    # Examples have constants by case, as `AGO` for SQLite and for PostgreSQL.
    "reportConstantRedefinition": False,
    # An example shows what a call gives, and need not use it.
    **dict.fromkeys(("reportUnusedImport", "reportUnusedVariable"), False),
    "reportUnnecessaryIsInstance": False,
    "include": ["../../examples", "docs", "starts", "misspelt"],
    "executionEnvironments": [
        {"root": root} for root in ("../../examples/helpdesk", "../../examples", "docs", "starts")
    ],
}


def write() -> None:
    """Write what is checked beside the examples."""
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from doc_examples import examples

    shutil.rmtree(FOLDER, ignore_errors=True)
    for name in ("docs", "starts", "misspelt"):
        (FOLDER / name).mkdir(parents=True)
    for each in examples():
        (FOLDER / "docs" / f"{each.name}.py").write_text(each.script())
    (FOLDER / "misspelt" / "misspelt_name.py").write_text(MISSPELT)
    (FOLDER / "pyrightconfig.json").write_text(json.dumps(CONFIG))
    made = [sys.executable, "-m", "fastbench", "new", "script", "checkout"]
    subprocess.run(made, cwd=FOLDER / "starts", check=True, stdout=subprocess.DEVNULL)


def said_by_mypy() -> list[str]:
    """Return the errors of mypy; the examples of the help desk import what stands beside them."""
    lone = [*sorted((ROOT / "examples").glob("*.py")), ROOT / "examples" / "campaign"]
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context"]
    lines = []
    for what in ([*lone, *(FOLDER / each for each in ("docs", "starts", "misspelt"))],
                 [ROOT / "examples" / "helpdesk"]):  # fmt: skip
        done = subprocess.run([*command, *map(str, what)], cwd=ROOT, capture_output=True, text=True)
        lines += [*done.stdout.splitlines(), *done.stderr.splitlines()]
    return [line for line in lines if ": note: " not in line]


def said_by_pyright() -> list[str]:
    """Return the errors of pyright, as mypy writes them."""
    command = [str(BIN / "pyright"), "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, "-p", str(FOLDER)], cwd=ROOT, capture_output=True, text=True)
    if not done.stdout.startswith("{"):
        return [done.stdout + done.stderr]
    return [
        f"{each['file']}:{each['range']['start']['line'] + 1}: {each['message']}"
        for each in json.loads(done.stdout)["generalDiagnostics"]
        if each["severity"] == "error"
    ]


def judging() -> subprocess.Popen[str]:
    """Begin to judge the types of all that is exported: that takes longer than all the rest."""
    # It asks the Python of the path where fastbench is, and sees no package in its own folder.
    found = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [str(BIN / "pyright"), "--verifytypes", "fastbench", "--ignoreexternal"]
    return subprocess.Popen(
        [*command, "--outputjson"], cwd=FOLDER, env=found, stdout=subprocess.PIPE, text=True
    )


def incomplete(judge: subprocess.Popen[str]) -> list[str]:
    """Return the names of `fastbench` whose types are not known, and what causes that."""
    out, _ = judge.communicate()
    symbols = json.loads(out)["typeCompleteness"]["symbols"]
    names = {each["name"]: each["isTypeKnown"] for each in symbols}
    if len([name for name in names if re.fullmatch(EXPORTED, name)]) < 30:
        return ["pyright does not see what fastbench exports"]
    if not [name for name in names if names[name] is False and re.fullmatch(EXPORTED, name)]:
        return []
    causes = (
        f"{each['name']}: {told['message']}"
        for each in symbols
        if each["name"].startswith("fastbench.script.") and not each["isTypeKnown"]
        for told in each["diagnostics"]
    )
    return [cause for cause in causes if "partially" not in cause]


def failures() -> list[str]:
    """Check everything, and return what is wrong."""
    write()
    judge = judging()
    wrong = []
    for checker, lines in (("mypy", said_by_mypy()), ("pyright", said_by_pyright())):
        meant = [line for line in lines if "misspelt_name.py:1:" in line and "chek" in line]
        if not meant:
            wrong.append(f"{checker} does not see that fastbench has no `chek`")
        wrong += [f"{checker}: {line}" for line in lines if "misspelt_name.py" not in line]
    return wrong + incomplete(judge)


if found := failures():
    sys.exit("\n".join(found))
