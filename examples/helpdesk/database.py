"""The help desk's queries, straight at its database: SQLite as it is, or PostgreSQL.

Run it: `fastbench run examples/helpdesk/database.py -e DATABASE_URL=postgresql://user@host/name`
Without an address it is `helpdesk.db` in the current folder. PostgreSQL needs
`pip install 'fastbench-http[postgres]'`. The tickets of the test are removed at the end.
"""

from fastbench import Counter, Options, Vu, check, env, random_int, scenario, setup, sql, teardown

from lib.helpers import pause

ADDRESS = env("DATABASE_URL", "sqlite:///helpdesk.db")
ORGANIZATION = "org_loadtest"
TICKETS = 1_000
PAGE = 20

queries_executed = Counter("db_queries_executed")
db = sql.open(ADDRESS, pool=20)

options = Options(
    vus=20,
    duration="5m",
    thresholds={
        "db_query_duration": ["p(95)<100"],
        "db_query_duration{query:list_tickets}": ["p(95)<100"],
        "db_errors": ["count==0"],
        "checks": ["rate>0.99"],
    },
)

TABLES = """
    CREATE TABLE IF NOT EXISTS users (id text PRIMARY KEY, name text NOT NULL);
    CREATE TABLE IF NOT EXISTS tickets (
        id text PRIMARY KEY, title text NOT NULL, status text NOT NULL,
        organization_id text NOT NULL, assignee_id text, created_at timestamp NOT NULL);
    CREATE INDEX IF NOT EXISTS tickets_by_organization
        ON tickets (organization_id, created_at);
"""
# What the two databases say differently: an age in hours, a search for words, seconds until now.
if ADDRESS.startswith("sqlite"):
    AGO = "datetime('now', -$5 || ' hours')"
    SEARCH = "title LIKE '%' || $2 || '%'"
    AGE_S = "(julianday('now') - julianday(created_at)) * 86400"
else:
    AGO = "NOW() - $5 * INTERVAL '1 hour'"
    SEARCH = "to_tsvector('english', title) @@ plainto_tsquery('english', $2)"
    AGE_S = "EXTRACT(EPOCH FROM (NOW() - created_at))"

LIST_TICKETS = f"""
    SELECT t.*, u.name AS assignee_name FROM tickets t LEFT JOIN users u ON t.assignee_id = u.id
    WHERE t.organization_id = $1 ORDER BY t.created_at DESC LIMIT {PAGE} OFFSET $2"""
SEARCH_TICKETS = f"SELECT * FROM tickets WHERE organization_id = $1 AND {SEARCH} LIMIT {PAGE}"
TICKET_STATS = f"""
    SELECT status, COUNT(*) AS count, AVG({AGE_S}) AS avg_age_seconds
    FROM tickets WHERE organization_id = $1 GROUP BY status"""


async def clear(connection: sql.Transaction | sql.Database) -> None:
    await connection.exec("DELETE FROM tickets WHERE organization_id = $1", ORGANIZATION)


@setup
async def seed(vu: Vu) -> None:
    await db.exec(TABLES, name="create tables")
    async with db.transaction("seed") as tx:
        await clear(tx)
        for number in range(TICKETS):
            await tx.exec(
                "INSERT INTO tickets (id, title, status, organization_id, created_at) "
                f"VALUES ($1, $2, $3, $4, {AGO})",
                *(f"loadtest_{number}", f"Load Test Ticket {number}"),
                *("OPEN" if number % 3 else "CLOSED", ORGANIZATION, number % 720),
                name="insert ticket",
            )
    plan = await db.explain(LIST_TICKETS, ORGANIZATION, 0)
    check(plan, {"tickets by index": lambda p: "tickets_by_organization" in p.indexes})


@scenario
async def queries(vu: Vu) -> None:
    offset = random_int(0, TICKETS // PAGE - 1) * PAGE
    page = await db.query(LIST_TICKETS, ORGANIZATION, offset, name="list_tickets")
    queries_executed.add(1, {"query": "list_tickets"})
    check(page, {"list_tickets executed": lambda rows: len(rows) == PAGE})

    found = await db.query(SEARCH_TICKETS, ORGANIZATION, "test", name="search_tickets")
    queries_executed.add(1, {"query": "search_tickets"})
    check(found, {"search_tickets executed": lambda rows: len(rows) == PAGE})

    stats = await db.query(TICKET_STATS, ORGANIZATION, name="ticket_stats")
    queries_executed.add(1, {"query": "ticket_stats"})
    check(stats, {"ticket_stats executed": lambda rows: sum(r["count"] for r in rows) == TICKETS})
    await pause(0.1)


@teardown
async def clean_up(vu: Vu) -> None:
    await clear(db)
    await db.close()
