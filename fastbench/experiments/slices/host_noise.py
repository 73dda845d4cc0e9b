"""What other programs and other guests took of the processors while slices ran, as warnings. Pure.

The limits are those of a plain run (results/assessment/verdict.py). Such a run is not valid; a
comparison in slices is: what lasts longer than a slice hits both sides alike, and what is shorter
hits either by chance, so that the interval is wider. What sits on the processor of one server alone
hits that server: servers that share processors (--pin) are safe from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from fastbench.results.assessment.verdict import OTHERS_PERCENT, STEAL_PERCENT
from fastbench.results.result import Warning_
from fastbench.results.usage import HostUse

ALIKE = "the sides take turns, so both were hit alike where they share processors"


def told(hosts: Sequence[HostUse]) -> tuple[Warning_, ...]:
    """Return what is to be said of one or more runs in slices."""
    found = []
    others = _mean(host.others_percent for host in hosts)
    if others > OTHERS_PERCENT:
        text = f"other programs took {others:.0f} % of the processors while it measured; {ALIKE}"
        hint = "end them for a narrower interval (`fastbench doctor` names the busiest)"
        found.append(Warning_("noisy_host", text, hint))
    steal = _mean(host.steal_percent for host in hosts)
    if steal > STEAL_PERCENT:
        text = (
            f"other guests of this virtual machine's host took {steal:.1f} % of the processors "
            f"(steal) while it measured; {ALIKE}"
        )
        hint = "for a narrower interval measure at another time, or on a machine of your own"
        found.append(Warning_("steal", text, hint))
    return tuple(found)


def _mean(percents: Iterable[float | None]) -> float:
    """Return the mean of what is known, 0 without any."""
    known = [percent for percent in percents if percent is not None]
    return fmean(known) if known else 0.0
