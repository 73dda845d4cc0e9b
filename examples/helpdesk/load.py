"""Ticket operations by a rising number of agents, beside steady readers of the knowledge base.

Run it: `fastbench run examples/helpdesk/load.py -e BASE_URL=http://localhost:8080`
"""

from fastbench import Options, Vu, scenario

from api.knowledge_base import browse
from api.tickets import life_of_a_ticket
from lib.auth import login
from lib.config import BASE_URL, STAGES, THRESHOLDS

options = Options(base_url=BASE_URL, thresholds=THRESHOLDS)


@scenario(
    executor="ramping-vus",
    start_vus=0,
    stages=STAGES["load"],
    graceful_ramp_down="30s",
)
async def ticket_operations(vu: Vu) -> None:
    token = await login(vu)
    await life_of_a_ticket(vu, token)


@scenario(
    executor="constant-arrival-rate",
    rate=50,
    time_unit="1s",
    duration="15m",
    pre_allocated_vus=20,
    max_vus=100,
)
async def knowledge_base_browsing(vu: Vu) -> None:
    await browse(vu)
