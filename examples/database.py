"""Four queries of an inbox, each with its own limit, and no table read from end to end.

Run it: `fastbench run examples/database.py -e DATABASE_URL=postgresql://user:password@host/name`
It needs `pip install 'fastbench-http[postgres]'`. The tables are in a schema of their own, made and
dropped by the run; `-e SCHEMA=public` takes those that are there.
"""

from fastbench import Options, Vu, check, env, random_int, scenario, setup, sleep, sql, teardown

SCHEMA = env("SCHEMA", "loadtest")
THINK_S = float(env("THINK_S", "0.1"))
BUSINESSES, CONVERSATIONS, MESSAGES = 100, 2_000, 40_000

db = sql.open(env("DATABASE_URL", "postgresql://postgres@localhost/postgres"), timeout="10s")

options = Options(
    vus=20,
    duration="1m",
    thresholds={
        "db_query_duration{query:load_conversations}": ["p(95)<50"],
        "db_query_duration{query:load_messages}": ["p(95)<100"],
        "db_query_duration{query:search_messages}": ["p(95)<500"],
        "db_query_duration{query:count_by_channel}": ["p(95)<1000"],
        "db_errors": ["count==0"],
        "checks": ["rate==1"],
    },
)

QUERIES = {
    "load_conversations": f"""
        SELECT * FROM {SCHEMA}.conversations WHERE business_id = $1
        ORDER BY last_message_at DESC LIMIT 50""",
    "load_messages": f"""
        SELECT * FROM {SCHEMA}.messages WHERE conversation_id = $1
        ORDER BY created_at DESC LIMIT 100""",
    "search_messages": f"""
        SELECT * FROM {SCHEMA}.messages WHERE business_id = $1 AND content ILIKE '%number 7%'
        LIMIT 50""",
    "count_by_channel": f"""
        SELECT channel, COUNT(*) AS message_count, COUNT(DISTINCT conversation_id) AS conversations
        FROM {SCHEMA}.messages
        WHERE business_id = $1 AND created_at > NOW() - INTERVAL '30 days' GROUP BY channel""",
}
TABLES = f"""
    CREATE SCHEMA loadtest;
    CREATE TABLE loadtest.conversations (
        id text PRIMARY KEY, business_id text NOT NULL, last_message_at timestamptz NOT NULL);
    CREATE TABLE loadtest.messages (
        id bigint PRIMARY KEY, business_id text NOT NULL, conversation_id text NOT NULL,
        channel text NOT NULL, content text NOT NULL, created_at timestamptz NOT NULL);
    INSERT INTO loadtest.conversations
        SELECT 'conversation ' || i, 'business ' || i % {BUSINESSES}, NOW() - i * INTERVAL '1 min'
        FROM generate_series(0, {CONVERSATIONS - 1}) AS i;
    INSERT INTO loadtest.messages
        SELECT i, 'business ' || i % {BUSINESSES}, 'conversation ' || i % {CONVERSATIONS},
            (ARRAY['whatsapp', 'email', 'sms'])[1 + i % 3], 'message number ' || i,
            NOW() - i * INTERVAL '2 min'
        FROM generate_series(0, {MESSAGES - 1}) AS i;
    CREATE INDEX by_business ON loadtest.conversations (business_id, last_message_at DESC);
    CREATE INDEX by_conversation ON loadtest.messages (conversation_id, created_at DESC);
    CREATE INDEX by_time ON loadtest.messages (business_id, created_at);
    ANALYZE loadtest.conversations;
    ANALYZE loadtest.messages;
"""


def subject(query: str, number: int) -> str:
    """Return whose rows a query reads."""
    if query == "load_messages":
        return env("CONVERSATION_ID", f"conversation {number % CONVERSATIONS}")
    return env("BUSINESS_ID", f"business {number % BUSINESSES}")


@setup
async def prepare(vu: Vu) -> None:
    if SCHEMA == "loadtest":
        await db.exec("DROP SCHEMA IF EXISTS loadtest CASCADE")
        await db.exec(TABLES, name="seed")
    for name, text in QUERIES.items():
        plan = await db.explain(text, subject(name, 1))
        check(plan, {f"{name}: no sequential scan": lambda p: not p.sequential_scans})


@scenario
async def inbox(vu: Vu) -> None:
    for name, text in QUERIES.items():
        rows = await db.query(text, subject(name, random_int(0, CONVERSATIONS - 1)), name=name)
        check(rows, {f"{name}: has rows": lambda found: len(found) > 0})
    await sleep(THINK_S)


@teardown
async def clean_up(vu: Vu) -> None:
    if SCHEMA == "loadtest":
        await db.exec("DROP SCHEMA IF EXISTS loadtest CASCADE")
