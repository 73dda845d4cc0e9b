"""Pictures for these pages: real runs against `fastbench serve`, as pages and in a terminal.

    make docs                              makes those that are older than what they show
    python docs/screenshots.py             the same alone, into build/docs/screenshots
    python docs/screenshots.py run find    these only, whether they are old or not

Each page is taken in four ways: NAME.png (1280 px wide), NAME-dark.png, NAME-phone.png (400 px) and
NAME-phone-dark.png. Without Chromium one sentence says how to get it, and the site has no pictures.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import browser  # noqa: E402
import terminal_pictures  # noqa: E402

PICTURES = ROOT / "build" / "docs" / "screenshots"
SHOWN = ("fastbench/report", "fastbench/outputs/dashboard", "fastbench/cli/output")
WAYS = {
    "": (1280, False),
    "-dark": (1280, True),
    "-phone": (400, False),
    "-phone-dark": (400, True),
}
TALLEST = {1280: 1500, 400: 1700}  # pixels of a page; a picture ends where a part of it ends
LIMIT_S = 180.0
PORT = "8080"  # if it is free
ENDS = (
    "[...document.querySelectorAll('main > *, figure')].map(e => e.getBoundingClientRect().bottom)"
)
# A page that follows a run has nothing to show before its first event.
FILLED = """new Promise(done => {
  const look = () => document.querySelector('#figures:empty') ? setTimeout(look, 50) : done();
  setTimeout(done, 5000);
  look();
})"""
NO_BROWSER = "docs/screenshots.py: no pictures without Chromium: apt-get install -y chromium"

SHOP = '''"""A shop: people who buy, and others who only search."""

from fastbench import Options, check, group, scenario, sleep

options = Options(
    thresholds={
        "http_req_duration": ["p(95)<100"],
        "http_req_duration{name:basket}": ["p(99)<150"],
        "http_req_failed": ["rate<0.01"],
        "checks": ["rate>0.99"],
    }
)


@scenario(executor="constant-vus", vus=8, duration="8s")
async def buyers(vu):
    with group("browse"):
        home = await vu.get("/api/health", name="home")
        check(home, {"the shop is open": lambda answer: answer.status == 200})
        await vu.get("/bytes/20000", name="article")
    with group("buy"):
        basket = await vu.post("/echo", json={"item": 3}, name="basket")
        check(basket, {"the basket holds it": lambda answer: answer.status == 200})
    await sleep(0.05)


@scenario(executor="constant-arrival-rate", rate=80, duration="8s", pre_allocated_vus=10)
async def visitors(vu):
    await vu.get("/delay/5", name="search")
'''
SUITE = """[suite]
name = "nightly"
base_url = "{url}"
[[run]]
name = "health"
url = "/api/health"
connections = 10
rate = 500
duration = "2s"
thresholds = ["p99<200ms", "errors<1%"]
[[run]]
name = "shop"
script = "shop.py"
thresholds = ["checks>99%"]
[[run]]
name = "search"
url = "/delay/30"
connections = 10
duration = "2s"
thresholds = ["p95<20ms"]
[[run]]
name = "two sizes of an answer"
compare = ["/bytes/1000", "/bytes/50000"]
pairs = 8
duration = "0.3s"
"""
MIXED = "90 {url}/api/health\n8 {url}/bytes/20000\n2 {url}/status/503\n"


class Failed(Exception):
    """A run of which there is no picture."""


class Studio:
    """A folder with the files of the runs, and the server that they load."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        (folder / "shop.py").write_text(SHOP)
        (folder / "nightly.toml").write_text(SUITE.format(url=url))
        (folder / "mixed.txt").write_text(MIXED.format(url=url))

    def run(self, *words: str) -> None:
        """Run a command; what it says is shown where it was a wrong one, or did not end."""
        told = [word.replace("URL", self.url) for word in words]
        command = [sys.executable, "-m", "fastbench", *told]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        if done.returncode in (1, 104, 107):
            raise Failed(f"{' '.join(told)}: {done.stderr}")

    def page(self, name: str, *words: str) -> Path:
        """Run a command that writes a page, and return it."""
        self.run(*words, "--quiet", "--html", f"{name}.html")
        return self.folder / f"{name}.html"


def run(studio: Studio) -> Path:
    flags = ("-c", "50", "-R", "2000", "-d", "8s", "-W", "1s", "--json", "run.json")
    limits = ("--threshold", "p99<200ms", "--threshold", "errors<1%")
    return studio.page("run", "URL/api/health", *flags, *limits)


def failing(studio: Studio) -> Path:
    flags = ("--urls-from-file", "mixed.txt", "-c", "20", "-d", "6s")
    limits = ("--threshold", "errors<1%", "--threshold", "p95<50ms")
    return studio.page("failing", *flags, *limits)


def overloaded(studio: Studio) -> Path:
    return studio.page("overloaded", "URL/limited/300", "-c", "20", "-R", "1000", "-d", "6s")


def script(studio: Studio) -> Path:
    return studio.page("script", "run", "shop.py", "--base-url", "URL")


def websocket(studio: Studio) -> Path:
    address = studio.url.replace("http", "ws") + "/ws/echo"
    return studio.page("websocket", address, "-c", "20", "-d", "5s")


def compare(studio: Studio) -> Path:
    sides = ("URL/bytes/1000", "URL/bytes/50000")
    return studio.page("compare", "compare", *sides, "--time", "8s")


def candidates(studio: Studio) -> Path:
    sides = ("URL/bytes/1000", "URL/bytes/1001", "URL/bytes/90000")
    return studio.page("candidates", "compare", *sides, "--time", "9s")


def find(studio: Studio) -> Path:
    flags = ("--slo", "p99<50ms", "-d", "1s", "-W", "0.5s", "--precision", "5%")
    return studio.page("find", "find", "URL/limited/700", *flags)


def suite(studio: Studio) -> Path:
    studio.run("suite", "nightly.toml", "--out", "nightly", "--quiet")
    return studio.folder / "nightly" / "index.html"


def history(studio: Studio) -> Path:
    for _ in range(6):
        flags = ("-c", "20", "-R", "800", "-d", "1s", "--quiet", "--history", "runs.db")
        studio.run("URL/api/health", *flags)
    studio.run("history", "runs.db", "--html", "history.html")
    return studio.folder / "history.html"


PAGES: dict[str, Callable[[Studio], Path]] = {
    each.__name__: each
    for each in (
        *(run, failing, overloaded, script, websocket),
        *(compare, candidates, find, suite, history),
    )
}


def taken(chromium: browser.Browser, page: Path | str, name: str) -> None:
    """Take the beginning of a page in all ways."""
    for way, (width, dark) in WAYS.items():
        chromium.look(width, dark=dark)
        chromium.open(page)
        chromium.ask(FILLED)
        ends = chromium.ask(ENDS)
        shown = [end for end in ends if end <= TALLEST[width]]
        height = max(shown, default=TALLEST[width]) + 16
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        answer = chromium.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        (PICTURES / f"{name}{way}.png").write_bytes(base64.b64decode(answer["data"]))


def dashboard(chromium: browser.Browser, studio: Studio) -> None:
    """Take the page of a run while it lasts."""
    flags = ("-c", "50", "-R", "2000", "-d", "20s", "--threshold", "p99<200ms", "--dashboard")
    command = [sys.executable, "-m", "fastbench", f"{studio.url}/api/health", *flags]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=studio.folder
    ) as running:
        try:
            assert running.stderr is not None
            address = _address(running.stderr)
            time.sleep(6)  # a curve needs its seconds
            taken(chromium, address, "dashboard")
        finally:
            running.terminate()


def _address(told: IO[str]) -> str:
    for line in told:
        if found := re.search(r"http://127\.0\.0\.1:\d+/\S*", line):
            return found[0]
    raise Failed("the run ended before it named its dashboard")


def terminal(chromium: browser.Browser, studio: Studio) -> None:
    """Take the report in text of the run that is taken as a page."""
    if not (studio.folder / "run.json").exists():
        run(studio)
    document = json.loads((studio.folder / "run.json").read_text())
    terminal_pictures.report(chromium, document, PICTURES / "terminal.png")


def live(chromium: browser.Browser, studio: Studio) -> None:
    """Take a terminal while a run lasts, where there is tmux."""
    words = (f"{studio.url}/api/health", "-c50", "-R2000", "-d30s", "--threshold", "p99<200ms")
    command = (sys.executable, "-m", "fastbench", *words)
    terminal_pictures.live(chromium, command, studio.folder, PICTURES / "live.png", after_s=8)


OTHERS = {"dashboard": dashboard, "terminal": terminal, "live": live}


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Start the embedded server; yields its address. What others have on its port is not asked."""
    for port in (PORT, "0"):
        command = [sys.executable, "-m", "fastbench", "serve", "--port", port, "--with-parent"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            try:
                assert server.stdout is not None
                if found := re.search(r"http://\S+", server.stdout.readline()):
                    yield found[0].rstrip("/")
                    return
            finally:
                server.terminate()
    raise Failed("`fastbench serve` did not start")


def old() -> list[str]:
    """Return the names of the pictures that are missing, or older than what they show."""
    sources = [path for folder in SHOWN for path in (ROOT / folder).rglob("*") if path.is_file()]
    of_python = [each for each in sources if each.suffix in (".py", ".css", ".js")]
    newest = max(path.stat().st_mtime for path in (*of_python, Path(__file__)))
    pictures = {name: PICTURES / f"{name}.png" for name in (*PAGES, *OTHERS)}
    return [
        name
        for name, path in pictures.items()
        if not path.exists() or path.stat().st_mtime < newest
    ]


def main(names: Sequence[str]) -> int:
    if unknown := set(names) - {*PAGES, *OTHERS}:
        known = ", ".join((*PAGES, *OTHERS))
        print(f"docs/screenshots.py: no picture {', '.join(unknown)}; there are {known}.")
        return 1
    if browser.chromium() is None:
        print(NO_BROWSER, file=sys.stderr)
        return 0
    todo = list(names) or old()
    if not todo:
        return 0
    print(f"fastbench: pictures of {', '.join(todo)}: up to 4 min", file=sys.stderr)
    PICTURES.mkdir(parents=True, exist_ok=True)
    try:
        made(todo)
    except (AssertionError, OSError, subprocess.SubprocessError, Failed) as error:
        print(f"docs/screenshots.py: not all pictures were made: {error!r}", file=sys.stderr)
        return 1 if names else 0  # the site is built without them
    return 0


def made(todo: Sequence[str]) -> None:
    """Make the pictures of these names, one after the other."""
    with (
        tempfile.TemporaryDirectory(prefix="fastbench-pictures-") as name,
        serving() as url,
        browser.opened(Path(name) / "profile") as chromium,
    ):
        folder = Path(name) / "runs"
        folder.mkdir()
        studio = Studio(folder, url)
        for each in todo:
            if each in PAGES:
                taken(chromium, PAGES[each](studio), each)
            else:
                OTHERS[each](chromium, studio)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
