"""How much of a limit is left, as a bar: filled up to what was observed, with a line at the limit.

Bars of all thresholds have one scale, whatever their units: the limit stands at the same place.
"""

from __future__ import annotations

from fastbench.report.html.html_markup import Markup, el
from fastbench.report.html.html_plot import line
from fastbench.results.metric_values import Judgement

LIMIT = 75.0  # percent of the width: what is beyond shows how far a limit was missed
MAX_USED = 100.0


def bar(judgement: Judgement) -> Markup | str:
    """Return the bar; nothing where a share says nothing, of a limit of 0, or without samples."""
    if judgement.margin is None:
        return ""
    used = min(MAX_USED, max(1.0, LIMIT * (1.0 - judgement.margin)))
    kind = "good" if judgement.ok else "bad" if judgement.level == "fail" else "warn"
    return el(
        "svg",
        el("title", _told(judgement.margin)),
        el("rect", width="100%", height="8", y="4", class_="track"),
        el("rect", width=f"{used:.2f}%", height="8", y="4", class_="used"),
        line("limit", f"{LIMIT:g}%", f"{LIMIT:g}%", "0", "16"),
        class_=f"margin {'warn' if judgement.ok and judgement.near else kind}",
        role="img",
    )


def _told(margin: float) -> str:
    left = f"{abs(100 * margin):.3g} % of the limit"
    return f"{left} are left" if margin >= 0 else f"beyond it by {left}"
