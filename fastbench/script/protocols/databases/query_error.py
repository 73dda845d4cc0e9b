"""What a database refuses, as one exception of all drivers: QueryError with its SQLSTATE."""

from __future__ import annotations

# Conditions of ISO/IEC 9075-2 and of appendix A of PostgreSQL's manual, in words.
CONDITIONS = {
    "08001": "no connection",
    "08003": "connection lost",
    "08006": "connection lost",
    "22P02": "invalid text representation",
    "22000": "invalid value",
    "22001": "text too long",
    "22012": "division by zero",
    "23000": "constraint violation",
    "23502": "not null violation",
    "23503": "foreign key violation",
    "23505": "unique violation",
    "23514": "check violation",
    "25006": "read-only",
    "25P01": "no transaction",
    "25P02": "transaction failed",
    "28000": "sign-in refused",
    "28P01": "invalid password",
    "3D000": "no such database",
    "40001": "serialization failure",
    "40P01": "deadlock",
    "42501": "no permission",
    "42601": "syntax error",
    "42703": "no such column",
    "42P01": "no such table",
    "42P07": "table exists",
    "53300": "too many connections",
    "55P03": "locked",
    "57014": "timed out",
    "57P01": "server shut down",
    "HY000": "database error",
}
UNKNOWN = "HY000"  # ISO/IEC 9075-3: a general error


class QueryError(Exception):
    """Raised by a query that failed, `sql.QueryError`; its operation counts as failed.

    Attributes:
        sqlstate: Five characters on every database (ISO/IEC 9075), "23505" for example.
        text: What the database says.
        constraint: Name of the constraint that was violated ("tickets_pkey"; of SQLite its
            columns), else None.
        lost: True if the connection is of no use any more.

    Example::

        db = sql.open(env("DATABASE_URL"))

        @scenario
        async def main(vu: Vu) -> None:
            try:
                await db.exec("INSERT INTO tickets (id, title) VALUES ($1, $2)", 1, "again")
            except sql.QueryError as error:
                check(error, {"a duplicate": lambda e: e.sqlstate.startswith("23")})
    """

    def __init__(
        self, sqlstate: str, text: str, constraint: str | None = None, *, lost: bool = False
    ) -> None:
        """`lost` says that the connection is of no use any more; of some states that is known."""
        self.sqlstate = sqlstate
        self.constraint = constraint
        self.text = text
        self.lost: bool = lost or sqlstate.startswith(("08", "57P"))
        super().__init__(f"{self.reason}: {text}")

    @property
    def reason(self) -> str:
        """SQLSTATE, condition and constraint in words; failures are counted by it."""
        words = " ".join(filter(None, (self.sqlstate, CONDITIONS.get(self.sqlstate, ""))))
        return f"{words} ({self.constraint})" if self.constraint else words
