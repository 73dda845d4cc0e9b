"""Does it answer at all? Three users for a minute.

Run it: `fastbench run examples/helpdesk/smoke.py -e BASE_URL=http://localhost:8080`
"""

from fastbench import Options, Vu, check, scenario

from lib.config import BASE_URL
from lib.helpers import pause

options = Options(
    base_url=BASE_URL,
    vus=3,
    duration="1m",
    thresholds={"http_req_failed": ["rate<0.01"], "http_req_duration": ["p(95)<500"]},
)


@scenario
async def smoke(vu: Vu) -> None:
    health = await vu.get("/health")
    check(health, {"health check passed": lambda r: r.status == 200})
    api = await vu.get("/api/v1/health")
    check(api, {"API accessible": lambda r: r.status == 200})
    await pause(1)
