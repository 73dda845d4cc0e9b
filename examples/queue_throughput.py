"""100 jobs a minute into a queue of RQ: how long do they wait, how many do its workers finish?

Run it beside the workers: `rq worker high --url redis://localhost:6379/0`, then
`fastbench run examples/queue_throughput.py -e REDIS_URL=redis://localhost:6379/0`
How many were stored, and how many a second, is in the report, the row `enqueue high`.
It needs `pip install 'fastbench-http[rq]'`. `-e TASK=module.function` names a job of your own.
"""

from fastbench import Options, Vu, check, env, rq, scenario, teardown

TASK = env("TASK", "operator.mul")  # x * 2, which any worker can import

jobs = rq.queue(env("QUEUE", "high"), env("REDIS_URL", "redis://localhost:6379/0"))

options = Options(
    thresholds={
        "operation_duration{name:enqueue high}": ["p(95)<50"],
        "jobs_finished": ["rate>0.83"],  # 50 a minute
        "jobs_failed": ["count==0"],
        "job_queue_wait": ["p(95)<5000"],
        "job_run_time": ["p(95)<1000"],
        "checks{check:job finished}": ["rate==1"],
    },
)


@scenario(executor="shared-iterations", vus=1, iterations=100, max_duration="1m")
async def burst(vu: Vu) -> None:
    """100 jobs as fast as one producer can store them; nobody waits for them."""
    await jobs.enqueue(TASK, vu.iteration, 2)


@scenario(
    executor="constant-arrival-rate",
    rate=100,
    time_unit="1m",
    duration="2m",
    pre_allocated_vus=20,
    max_vus=100,
)
async def steady(vu: Vu) -> None:
    job = await jobs.enqueue(TASK, vu.iteration, 2)
    outcome = await job.finished("30s")
    check(outcome, {"job finished": lambda o: o.ok})


@teardown
async def clean_up(vu: Vu) -> None:
    await jobs.clear()  # what no worker took, and what RQ keeps of those that have ended
