"""The forms a result can be written in, by the name of their flag: with a run, or from a saved one.

What renders a form is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

from fastbench.cli.output import destinations
from fastbench.foundation.usage_error import UsageError
from fastbench.results.result import Result

if TYPE_CHECKING:
    from fastbench.experiments.compare.compare_document import Comparison
    from fastbench.experiments.compare.comparisons_document import Comparisons
    from fastbench.experiments.find.find_document import Found

FILES = {  # flag: (the module that renders it, what it is)
    "html": ("html.html_report", "one self-contained page with charts and tables"),
    "md": ("markdown.markdown_report", "Markdown, for a pull request comment"),
    "junit": ("export.junit", "JUnit XML: a test case per threshold, check and URL"),
    "csv": ("export.csv_series", "one row per second"),
    "hdr": ("export.hlog", "histograms as an HdrHistogram log"),
}
COMPARED = {"html": "html.html_comparison", "md": "markdown.markdown_comparison"}  # of a comparison
SEVERAL = {"html": "html.html_comparisons", "md": "markdown.markdown_comparisons"}  # candidates
FOUND = {"html": "html.html_find"}  # of a search
JUDGING = ("html", "md", "junit")  # they say too how a run stands beside its baseline
PEERS = ("oha", "bombardier", "vegeta", "k6", "k6-text", "artillery")


def of_flags(flags: object) -> dict[str, str]:
    """Return the files that the flags name, by form; "-" is standard output."""
    paths = {form: path for form in FILES if (path := getattr(flags, form)) is not None}
    if empty := [form for form, path in paths.items() if not path]:
        raise UsageError(f"--{empty[0]} needs the name of a file, or - for standard output.")
    return {form: destinations.named(path) for form, path in paths.items()}


def listed(known: Iterable[str] = FILES) -> str:
    """Return the flags as a sentence names them."""
    *first, last = (f"--{form}" for form in known)
    return f"{', '.join(first)} and {last}" if first else last


def check_template(name: str, files: Mapping[str, str]) -> str:
    """Return a template that can fill one of these files, by form; raises UsageError."""
    from fastbench.report.markdown import results_template

    wanted = results_template.forms(name)
    if files.keys().isdisjoint(wanted):
        raise UsageError(f"--template fills the file of --{wanted[0]}; add --{wanted[0]} FILE.")
    try:
        results_template.check(name)
    except results_template.Unfillable as error:
        raise UsageError(str(error)) from None
    return name


def filled(template: str, form: str, result: Result, beside: Comparison | None = None) -> bytes:
    """Return a result in the form of that flag, from the template if that is of this form.

    Raises OSError for one that cannot be filled: the run is over, and its other files are there.
    """
    from fastbench.report.markdown import results_template

    if form not in results_template.forms(template):
        return rendered(form, result, beside)
    try:
        return results_template.render(result, template, form=form).encode()
    except results_template.Unfillable as error:
        raise OSError(0, str(error).rstrip(".")) from None


def rendered(form: str, result: Result, beside: Comparison | None = None) -> bytes:
    """Return a result in the form of that flag, with what it was compared with."""
    module = import_module(f"fastbench.report.{FILES[form][0]}")
    render = cast(Callable[..., str], module.render)
    return (render(result, beside) if form in JUDGING else render(result)).encode()


def compared(form: str, found: Comparison, runs: tuple[Result, Result] | None = None) -> bytes:
    """Return a comparison in the form of that flag; `runs` are two saved results."""
    return _of(COMPARED[form], found, runs)


def several(form: str, found: Comparisons) -> bytes:
    """Return the comparisons of several candidates in the form of that flag."""
    return _of(SEVERAL[form], found)


def searched(form: str, found: Found) -> bytes:
    """Return a search for the highest rate in the form of that flag."""
    return _of(FOUND[form], found)


def _of(name: str, *what: object) -> bytes:
    module = import_module(f"fastbench.report.{name}")
    return cast(Callable[..., str], module.render)(*what).encode()


def as_peer(tool: str, result: Result) -> Mapping[str, object]:
    """Return the JSON-ready object that another tool would have written."""
    module = import_module(f"fastbench.report.export.{tool}")
    return cast(Callable[[Result], Mapping[str, object]], module.document)(result.main)


def as_k6_text(result: Result) -> bytes:
    """Return k6's summary of a result that no script of k6 has made."""
    from fastbench.report.export import k6

    return k6.text(result.main, k6.SummaryForm()).encode()
