"""Several candidates as Markdown: a row for each, then each one's report, folded."""

from __future__ import annotations

from fastbench.experiments.compare.comparisons_document import Comparisons
from fastbench.report import candidates
from fastbench.report.markdown import markdown_comparison
from fastbench.report.markdown.markdown_markup import escaped, table


def render(found: Comparisons) -> str:
    """Return the Markdown, ending in a newline."""
    ended = candidates.ended(found)
    name = candidates.metric_name(found)
    heads = ("", name, "Change", candidates.sure(found), "p, corrected", "")
    rows = [(escaped(found.base), candidates.base_figure(found), "base", "", "", "")]
    rows += [
        (escaped(row.label), row.typical, row.change, row.interval, row.p, _word(row.word))
        for row in candidates.rows(found)
    ]
    sections = [
        f"## fastbench: {len(found.each)} candidates against {escaped(found.base)}",
        *([f"**{escaped(ended)}**"] if ended else []),
        "\n".join(table(heads, rows)),
        f"- {candidates.together(found)}",
    ]
    whole = "\n\n".join(sections) + "\n"
    return "\n".join((whole, *map(markdown_comparison.render, found.each)))


def _word(word: str) -> str:
    return f"**{word}**" if word in ("worse", "REGRESSION") else word
