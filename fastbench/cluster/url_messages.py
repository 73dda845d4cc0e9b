"""What parent and machines say to each other of a run of URLs alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastbench.cluster import plan_message
from fastbench.plan.network.resolve import Reach
from fastbench.plan.plan import Plan
from fastbench.results import json_codec
from fastbench.run.worker import Share


def find_message(plan: Plan) -> dict[str, Any]:
    """Return the question where the server of a plan is."""
    return {"plan": plan_message.message_of(replace(plan, feed=None))}


def reach_of(body: object) -> Reach:
    """Read addresses back."""
    found: Reach = json_codec.read(Reach, body, "reach")
    return found


def load_message(
    plan: Plan, reach: Reach, shares: list[Share], total: int, urls: int
) -> dict[str, Any]:
    """Return what one machine has to do; `shares` are those of its workers, of `total`."""
    return {
        "plan": plan_message.message_of(plan),
        "reach": json_codec.plain(reach),
        "shares": [json_codec.plain(each) for each in shares],
        "total": total,
        "urls": urls,
    }
