"""How a database would find what a statement asks for: which index, and whether it sorts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite

from tests.desk import DeskUnderTest


def plan(
    desk: DeskUnderTest, statement: Any, *, bitmaps: bool = False, as_it_is: bool = False
) -> str:
    """The plan in words; with `bitmaps`, PostgreSQL may put several indexes together. `as_it_is`
    says that there are rows enough for it to choose by itself."""
    dialect = sqlite.dialect() if desk.db.dialect == "sqlite" else postgresql.dialect()
    asked = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    with desk.transaction() as session:
        if desk.db.dialect == "postgresql" and as_it_is:
            # A bitmap gives no order; where it looks cheaper is by the sample that was drawn.
            session.execute(text(f"SET LOCAL enable_bitmapscan = {'on' if bitmaps else 'off'}"))
            rows = session.execute(text(f"EXPLAIN {asked}"))
        elif desk.db.dialect == "postgresql":
            # So few rows are read faster without any index; what is asked is whether one fits.
            session.execute(text("SET LOCAL enable_seqscan = off"))
            session.execute(text(f"SET LOCAL enable_bitmapscan = {'on' if bitmaps else 'off'}"))
            rows = session.execute(text(f"EXPLAIN {asked}"))
        else:
            rows = session.execute(text(f"EXPLAIN QUERY PLAN {asked}"))
        return "\n".join(str(row[-1]) for row in rows)
