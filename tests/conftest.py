"""Options of the suite: `--update-golden` rewrites the expected outputs under tests/golden/.

What fails is run once more by itself (`make test`). The second try may pass; what failed at first
is kept in build/failed-at-first-*.txt and named below the second try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import browser
import databases
import hypothesis
import pytest
from running import SLOW

GOLDEN = Path(__file__).parent / "golden"

# A rule is tried with few examples where everybody waits for it, with many under FASTBENCH_SLOW=1.
# How long an example takes says something of the machine, and nothing of the rule.
hypothesis.settings.register_profile(
    "fastbench",
    max_examples=1000 if SLOW else 25,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("fastbench")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write what tests/golden/ compares with"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the file of that name, or write it with --update-golden."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Browser]:
    """Open a browser for the tests of one file."""
    with browser.opened(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Keep the names of what failed; name those of the first try below the second one."""
    tried = "-".join(config.option.markexpr.split()) or "all"
    path = GOLDEN.parents[1] / "build" / f"failed-at-first-{tried}.txt"
    if getattr(config.option, "lf", False):  # not there without the cache
        names = path.read_text().splitlines() if path.exists() else []
        terminalreporter.write_line(f"failed at first: {', '.join(names) or 'nothing'}")
        return
    bad = [each for kind in ("failed", "error") for each in terminalreporter.getreports(kind)]
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{each.nodeid}\n" for each in bad))


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis of the module's own."""
    with databases.redis() as found:
        yield found
