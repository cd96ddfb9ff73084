"""Where the words are kept by which cases are found; `intake.indexing` fills it, `search` reads.

Triggers note in `search_waiting` what was written, in the same transaction and for every writer;
finding its words is a worker's affair, so that taking a message in waits for none of it.
`search_entries` says whose words a row holds. On SQLite the words are in `search_words`, an FTS5
table that keeps no text and whose row number is the entry's; on PostgreSQL beside the entry.

What finds them must cost the same whatever there is, for words of every case too. FTS5 reads the
rows of a whole word from the newest on, but collects all rows of an unfinished one first: so those
of two and three letters have an index of their own, and `search_vocabulary` tells which words begin
like longer ones. PostgreSQL's GIN knows no order; `entries_with` fetches a bounded number of rows
through it, and through nothing else, however many the planner may expect.

Accents and case are folded on both: by the tokenizer of FTS5, and by `words_of` on PostgreSQL,
which also takes the text apart where FTS5 does, so that an address is three words on both.
"""

# ruff: noqa: S608  every name in these statements is written in this file

from __future__ import annotations

from alembic import op

# What an entry is of: the table, and the columns whose words it has.
SOURCES = {
    "activity": ("activities", "author_name", "author_address", "subject", "new_text"),
    "file": ("attachments", "name"),
    "case": ("cases", "subject"),
    "contact": ("contacts", "name"),
    "point": ("contact_points", "value"),
    "account": ("accounts", "name"),
}


def create() -> None:
    """Make the tables and what notes what waits, for the dialect of the migration."""
    statements = _sqlite() if op.get_bind().dialect.name == "sqlite" else _postgresql()
    for statement in statements:
        op.get_bind().exec_driver_sql(statement)


def _sqlite() -> list[str]:
    made = [
        "CREATE TABLE search_waiting (id INTEGER PRIMARY KEY, kind TEXT NOT NULL,"
        " of CHAR(32) NOT NULL)",
        "CREATE TABLE search_entries (id INTEGER PRIMARY KEY, kind TEXT NOT NULL,"
        " of CHAR(32) NOT NULL, UNIQUE (kind, of))",
        "CREATE VIRTUAL TABLE search_words USING fts5(words, content='', contentless_delete=1,"
        " detail=none, prefix='2 3', tokenize='unicode61 remove_diacritics 2')",
        "CREATE VIRTUAL TABLE search_vocabulary USING fts5vocab('search_words', 'instance')",
    ]
    for kind, (table, *columns) in SOURCES.items():
        waits = f"INSERT INTO search_waiting (kind, of) VALUES ('{kind}', new.id)"
        mine = f"FROM search_entries WHERE kind = '{kind}' AND of = old.id"
        made += [
            f"CREATE TRIGGER search_{table}_added AFTER INSERT ON {table} BEGIN {waits}; END",
            f"CREATE TRIGGER search_{table}_changed AFTER UPDATE OF {', '.join(columns)}"
            f" ON {table} BEGIN {waits}; END",
            f"CREATE TRIGGER search_{table}_gone AFTER DELETE ON {table} BEGIN"
            f" DELETE FROM search_words WHERE rowid = (SELECT id {mine}); DELETE {mine}; END",
        ]
    return made


# What separates words but would let the parser see one token: addresses, paths, signs, tags.
APART = "@._-/:+#~=&?<>"
WORDS_OF = rf"""
CREATE FUNCTION words_of(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT to_tsvector('simple', translate(
    CASE WHEN said ~ '[^\u0001-\u007f]'
      THEN regexp_replace(normalize(said, NFKD), '[\u0300-\u036f]', '', 'g') ELSE said END,
    '{APART}', repeat(' ', {len(APART)})))
$$"""

ENTRIES_WITH = """
CREATE FUNCTION entries_with(asked tsquery, most integer)
RETURNS TABLE (kind text, of uuid) LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_indexscan = off AS $$
  SELECT kind, of FROM search_entries WHERE words @@ asked LIMIT most
$$"""


def _postgresql() -> list[str]:
    made = [
        WORDS_OF,
        "CREATE TABLE search_waiting (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " kind text NOT NULL, of uuid NOT NULL)",
        "CREATE TABLE search_entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " kind text NOT NULL, of uuid NOT NULL, words tsvector NOT NULL, UNIQUE (kind, of))",
        "CREATE INDEX ix_search_entries_words ON search_entries USING gin (words)",
        ENTRIES_WITH,
    ]
    for kind, (table, *columns) in SOURCES.items():
        waits = "INSERT INTO search_waiting (kind, of)"
        mine = f"FROM search_entries WHERE kind = '{kind}' AND of = OLD.id"
        made += [
            _function(f"search_{table}_added", f"{waits} SELECT '{kind}', id FROM fresh"),
            _function(f"search_{table}_changed", f"{waits} VALUES ('{kind}', NEW.id)"),
            _function(f"search_{table}_gone", f"DELETE {mine}"),
            f"CREATE TRIGGER search_added AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh"
            f" FOR EACH STATEMENT EXECUTE FUNCTION search_{table}_added()",
            f"CREATE TRIGGER search_changed AFTER UPDATE OF {', '.join(columns)} ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION search_{table}_changed()",
            f"CREATE TRIGGER search_gone AFTER DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION search_{table}_gone()",
        ]
    return made


def _function(name: str, statement: str) -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {statement}; RETURN NULL; END $$"
    )
