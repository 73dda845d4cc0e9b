"""The site of these pages: `make docs` builds it with Sphinx, MyST and furo in build/docs/html.

The pages stay plain Markdown, which GitHub shows as well: what only Sphinx needs is here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject

import fastbench

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
SCREENSHOTS = ROOT / "build" / "docs" / "screenshots"
# In a page: <!-- screenshot: run.png The page of a run -->, <!-- include: ARCHITECTURE.md -->
SCREENSHOT = re.compile(r"^<!-- screenshot: (?P<file>[\w-]+\.png) (?P<text>.+) -->$", re.MULTILINE)
INCLUDE = re.compile(r"^<!-- include: (?P<file>\S+) -->$", re.MULTILINE)
LINK = re.compile(r"\[(?P<text>[^\]\[]+)\]\((?P<path>[\w./-]+)(?P<anchor>#[\w-]+)?\)")
# The pages of documents that are elsewhere, because who comes to the repository looks there.
PAGE_OF = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "internals/architecture.md",
    "CONTRIBUTING.md": "internals/contributing.md",
    "CHANGELOG.md": "internals/changelog.md",
    "bench/README.md": "internals/benchmarks.md",
    "examples/README.md": "guides/examples.md",
}

project = "fastbench"
author = "the authors of fastbench"
release = version = fastbench.__version__
language = "en"
html_title = f"fastbench {release}"
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["conf.py", "screenshots.py", "_static"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a page may begin a part with a deeper heading
highlight_language = "python"  # of the examples in docstrings; blocks of pages name theirs

# Of docstrings: `word` is code, and what an object has stands beside what makes it.
default_role = "code"
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90

linkcheck_timeout = 10
linkcheck_anchors = False  # pages of others build theirs with scripts

# Classes whose objects a script is given: how they are made is none of its business.
GIVEN = {"Vu", "Response", "StreamedResponse", "Socket", "Cookies", "Cookie"}

# The folders of the site, in the order of the navigation. What is named first comes first.
NAVIGATION = {
    "Begin": ["install", "quick-start", "ci", "*"],
    "Coming from": ["coming-from/*"],
    "Guides": ["guides/scripts", "guides/reading-a-report", "guides/verdicts", "guides/*"],
    "Reference": ["reference/thresholds", "reference/exit-codes", "reference/*"],
    "API": ["reference/api/index", "reference/api/*"],
    "Internals": ["internals/architecture", "internals/*"],
}


def navigation() -> str:
    """Write a hidden toctree for each folder; a page that is not there yet is no error."""
    parts, seen = [], {"index"}
    for caption, patterns in NAVIGATION.items():
        names = []
        for pattern in patterns:
            found = sorted(path.relative_to(DOCS) for path in DOCS.glob(f"{pattern}.md"))
            names += [each.with_suffix("").as_posix() for each in found]
        names = [name for name in dict.fromkeys(names) if name not in seen]
        seen.update(names)
        if names:
            listed = "\n".join(names)
            parts.append(f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n")
    return "\n".join(parts)


def add_what_sphinx_needs(app: Sphinx, name: str, source: list[str]) -> None:
    """Add the navigation, included documents and pictures; let links lead out of this folder."""
    page = DOCS / f"{name}.md"
    text, home = source[0], page.parent
    if found := INCLUDE.search(text):
        home = (ROOT / found["file"]).parent
        text = (ROOT / found["file"]).read_text()
    text = LINK.sub(lambda link: relinked(page, home, link), text)
    text = SCREENSHOT.sub(lambda found: picture(page, found), text)
    source[0] = f"{text}\n{navigation()}" if name == "index" else text


def without_its_making(
    app: Sphinx, kind: str, name: str, thing: object, options: object, made: str | None, to: str
) -> tuple[str, str] | None:
    """Leave the arguments out of what a class of GIVEN is shown with."""
    given = kind == "class" and name.rpartition(".")[2] in GIVEN
    return ("", "") if given and made else None


def relinked(page: Path, home: Path, link: re.Match[str]) -> str:
    """Rewrite a link of a document in folder `home` for a page that shows it.

    A document outside leads to the page that includes it, any other file to a copy of it.
    """
    path = Path(os.path.normpath(home / link["path"]))
    included = PAGE_OF.get(path.relative_to(ROOT).as_posix()) if path.exists() else None
    if included is not None:
        path = DOCS / included
    target = os.path.relpath(path, page.parent)
    if path.is_dir():
        return link["text"]
    if path.suffix == ".md" and not path.is_relative_to(DOCS):
        return f"{{download}}`{link['text'].replace('`', '')} <{target}>`"
    return f"[{link['text']}]({target}{link['anchor'] or ''})"


def picture(page: Path, found: re.Match[str]) -> str:
    """Show a picture that `screenshots.py` made; without a browser there is none."""
    path = SCREENSHOTS / found["file"]
    return f"![{found['text']}]({os.path.relpath(path, page.parent)})" if path.exists() else ""


def setup(app: Sphinx) -> None:
    """Sphinx calls this with the site."""
    app.add_lexer("csv", TextLexer)  # Pygments has none
    app.connect("source-read", add_what_sphinx_needs)
    app.connect("autodoc-process-signature", without_its_making)
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"  # napoleon makes variables of them
