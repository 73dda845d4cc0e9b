"""What `pgbench -S` sends: one row of a hundred thousand by its key, chosen by chance."""

from fastbench import Vu, env, random_int, scenario, sql

db = sql.open(env("DATABASE_URL"), pool=64)


@scenario
async def select_only(vu: Vu) -> None:
    aid = random_int(1, 100_000)
    await db.query("SELECT abalance FROM pgbench_accounts WHERE aid = $1", aid, name="select")
