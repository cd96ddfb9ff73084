"""The language of conditions: what it means, how it reads, and that SQL and Python agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pysqlite3.dbapi2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    create_engine,
    make_url,
    select,
)

from intake.conditions import (
    AT,
    All,
    BadCondition,
    Condition,
    Field,
    Fields,
    Kind,
    Operator,
    folded,
    joined,
)
from intake.conditions.fields import RELATIVE
from intake.db import Instant, one_of


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


FIELDS = Fields(
    Field("channel", Kind.CHOICE),
    Field("priority", Kind.CHOICE, choices=tuple(Priority)),
    Field("subject", Kind.TEXT),
    Field("age", Kind.NUMBER, label="age in days"),
    Field("opened_at", Kind.INSTANT),
    Field("vip", Kind.YES_NO),
    Field("account", Kind.ID),
    Field("number", Kind.ID),
    Field("tags", Kind.WORDS),
)
ADA = "0190163d-8694-739b-aea5-966c26f8ad91"
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def say(field: str, op: str, value: Any = None) -> dict[str, Any]:
    """The JSON form of one comparison."""
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


def read(form: object) -> Condition:
    return Condition.from_json(form, FIELDS)


REFUND_OR_PRESSING = {
    "all": [
        say("channel", "is", "email"),
        {
            "any": [
                say("subject", "contains any of", ["refund", "invoice"]),
                say("priority", "is at least", "high"),
            ]
        },
    ]
}


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (
            REFUND_OR_PRESSING,
            'channel is email and (subject contains any of "refund", "invoice"'
            " or priority is at least high)",
        ),
        ({"all": []}, "always"),
        ({"not": {"all": [say("vip", "is", True)]}}, "not (vip is yes)"),
        (
            {"any": [{"all": [{"any": [say("vip", "is", False), say("age", "is", 3)]}]}] * 2},
            "(vip is no or age in days is 3) or (vip is no or age in days is 3)",
        ),
        ({"any": [{"all": []}, say("tags", "is empty")]}, "always or tags is empty"),
        ({"any": [{"all": [say("tags", "is set")]}] * 2}, "tags is set or tags is set"),
        (say("age", "is between", [1, 2.5]), "age in days is between 1 and 2.5"),
        (say("priority", "is one of", ["low", "high"]), "priority is one of low, high"),
        (say("subject", "is", 'Say "yes"'), 'subject is "Say \\"yes\\""'),
        (say("account", "is not", ADA), "account is not Ada & Co."),
        (
            say("opened_at", "is after", "2026-01-01T10:00:00+01:00"),
            "opened at is after 2026-01-01 09:00 UTC",
        ),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_condition_reads_as_english(form: dict[str, Any], words: str) -> None:
    assert read(form).in_words({ADA: "Ada & Co."}) == words


HOUR = timedelta(hours=1)
MEANINGS = [
    ("opened_at", "is in the last", "4 hours", NEW_YEAR - 4 * HOUR, True),
    ("opened_at", "is in the last", "4 hours", NEW_YEAR - 5 * HOUR, False),
    ("opened_at", "is in the last", "4 hours", NEW_YEAR + HOUR, False),
    ("opened_at", "is in the next", "1 day", NEW_YEAR + 24 * HOUR, True),
    ("opened_at", "is in the next", "1 day", NEW_YEAR - HOUR, False),
    ("opened_at", "is in the next", "1 day", None, False),
    ("opened_at", "is longer ago than", "90 minutes", NEW_YEAR - 2 * HOUR, True),
    ("opened_at", "is longer ago than", "2 hours", NEW_YEAR - 2 * HOUR, False),
    ("opened_at", "is further ahead than", "1 week", NEW_YEAR + 169 * HOUR, True),
    ("opened_at", "is further ahead than", "1 week", NEW_YEAR + 168 * HOUR, False),
    ("channel", "is", "email", "email", True),
    ("channel", "is", "email", "Email", False),
    ("priority", "is at least", "normal", Priority.HIGH, True),
    ("priority", "is at least", "normal", "low", False),
    ("priority", "is at most", "normal", "low", True),
    ("priority", "is between", ["low", "normal"], "high", False),
    ("subject", "contains", "refund", "REFUND!", True),
    ("subject", "contains", "refund", "No refunds", False),
    ("subject", "contains", "reclamación", "RECLAMACION", True),
    ("subject", "contains", "strasse", "Hauptstraße; Hauptstraße", False),
    ("subject", "contains", "hauptstrasse", "Hauptstraße 7", True),
    ("subject", "contains", "order  66", "my order\n66, please", True),
    ("subject", "contains", "order 66", "order 666", False),
    ("subject", "contains", "refund", "re\u00adfund", True),
    ("subject", "contains", "退款", "我要退款。", True),
    ("subject", "contains", "C++", "I write C++.", True),
    ("subject", "contains", "100%", "100 percent", False),
    ("subject", "contains", "a_b", "axb", False),
    ("subject", "contains any of", ["refund", "invoice"], "Invoice 7", True),
    ("subject", "contains any of", ["refund", "invoice"], "Hello", False),
    ("subject", "starts with", "inv", "Invoice 7", True),
    ("subject", "starts with", "invoice 8", "Invoice 7", False),
    ("subject", "starts with", "re:", "RE: hello", True),
    ("subject", "starts with", "100%", "100 percent", False),
    ("subject", "is", "hello world", " Hello\tWORLD ", True),
    ("subject", "is", "a-b@x.example", "a_b@x.example", False),
    ("subject", "is one of", ["hello", "bye"], "Bye", True),
    ("age", "is at least", 3, Decimal("3.0"), True),
    ("age", "is", 0.1, Decimal("0.1"), True),
    ("age", "is between", [1, 3], 3, True),
    ("age", "is between", [1, 3], 3.01, False),
    ("age", "is", 0, 0, True),
    ("opened_at", "is before", "2026-01-01T00:00:00Z", NEW_YEAR, False),
    (
        "opened_at",
        "is after",
        "2026-01-01T00:00:00Z",
        datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
        False,
    ),
    ("opened_at", "is between", ["2026-01-01T00:00Z", "2026-01-01T00:00Z"], NEW_YEAR, True),
    ("vip", "is", False, False, True),
    ("account", "is", ADA, UUID(ADA), True),
    ("number", "is one of", ["7", "8"], 8, True),
    ("tags", "contains", "very important", {"Very  Important"}, True),
    ("tags", "contains", "important", {"very important"}, False),
    ("tags", "contains any of", ["a", "b"], ["b", "c"], True),
]


@pytest.mark.parametrize(("field", "op", "value", "fact", "expected"), MEANINGS)
def test_a_comparison_means_what_it_says(
    field: str, op: str, value: Any, fact: Any, expected: bool
) -> None:
    assert read(say(field, op, value)).holds({AT: NEW_YEAR, field: fact}) is expected
    assert read({"not": say(field, op, value)}).holds({AT: NEW_YEAR, field: fact}) is not expected


def test_a_choice_that_is_no_longer_one_has_no_rank() -> None:
    assert not read(say("priority", "is at least", "low")).holds({"priority": "middling"})


@pytest.mark.parametrize("missing", [None, "", " \n\u200b", "absent"])
def test_what_is_missing_is_empty_and_is_not_anything(missing: str | None) -> None:
    facts = {} if missing == "absent" else {"subject": missing}
    answers = {
        operator: read(say("subject", operator, value)).holds(facts)
        for operator, value in (
            ("is", "x"),
            ("is not", "x"),
            ("is one of", ["x"]),
            ("contains", "x"),
            ("contains any of", ["x"]),
            ("starts with", "x"),
            ("is set", None),
            ("is empty", None),
        )
    }

    assert {operator for operator, answer in answers.items() if answer} == {"is not", "is empty"}


def test_a_condition_explains_itself() -> None:
    facts = {"channel": "email", "subject": "Hello", "priority": "high"}

    assert read(REFUND_OR_PRESSING).explain(facts) == [
        ("channel is email", True),
        ('subject contains any of "refund", "invoice"', False),
        ("priority is at least high", True),
    ]


def test_a_condition_names_the_fields_it_depends_on() -> None:
    assert read(REFUND_OR_PRESSING).field_names() == {"channel", "subject", "priority"}


DEEP: Any = say("vip", "is", True)
for _ in range(5_000):
    DEEP = {"not": DEEP}


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (
            {"all": [{"all": []}, {"any": [say("chanel", "is", "email")]}]},
            'all[1].any[0]: unknown field "chanel", did you mean "channel"?',
        ),
        (say("zzz", "is", "email"), 'condition: unknown field "zzz"'),
        (
            {"any": [say("subject", "contians", "x")]},
            'any[0]: "contians" cannot be said of subject, did you mean "contains"?',
        ),
        (
            {"not": say("vip", "starts with", "x")},
            'not: "starts with" cannot be said of vip; say is, is not, is set, is empty',
        ),
        (say("channel", "is at least", "x"), 'condition: "is at least" cannot be said of channel'),
        (
            say("priority", "is", "hihg"),
            'condition: priority: "hihg" is not one of low, normal, high, did you mean "high"?',
        ),
        (say("priority", "is between", ["high", "low"]), "condition: priority: high comes after"),
        (say("age", "is between", [3, 1]), "condition: age: 3 comes after 1"),
        (say("age", "is between", [3]), 'condition: age: "is between" takes a list of two'),
        (say("age", "is", "3"), 'condition: age: "3" is not a number'),
        (say("age", "is", True), "condition: age: true is not a number"),
        (say("age", "is", float("nan")), "condition: age: NaN is not a number"),
        (say("age", "is", 10**5_000), "condition: age: a larger number is not a number up to 90"),
        (say("age", "is", [DEEP]), "condition: age: a list is not a number"),
        (say("age", "is", float("inf")), "condition: age: Infinity is not a number"),
        (say("age", "is"), "condition: age: null is not a number"),
        (say("age", "is one of", []), 'condition: age: "is one of" takes a list of 1 to 100'),
        (say("age", "is one of", [1] * 101), 'condition: age: "is one of" takes a list of 1 to'),
        (say("subject", "contains", "\u200b "), 'condition: subject: "\\u200b " is not a text'),
        (say("subject", "contains", "x" * 501), 'condition: subject: "xxx'),
        (say("subject", "contains any of", "refund"), 'condition: subject: "contains any of" take'),
        (say("opened_at", "is before", "2026-01-01"), 'condition: opened_at: "2026-01-01" is not'),
        (say("opened_at", "is before", "0001-01-01T00:00+23:00"), "condition: opened_at: "),
        (say("opened_at", "is in the last", "7 moons"), 'condition: opened_at: "7 moons" is not a'),
        (say("opened_at", "is in the last", "0 days"), "condition: opened_at: "),
        (say("opened_at", "is in the next", "9999 weeks"), "condition: opened_at: "),
        (say("opened_at", "is longer ago than", 7), "condition: opened_at: 7 is not a span"),
        (say("vip", "is in the last", "7 days"), 'condition: "is in the last" cannot be said of'),
        (say("vip", "is", "yes"), 'condition: vip: "yes" is not true or false'),
        (say("tags", "is empty", ["x"]), 'condition: tags: "is empty" takes no value'),
        (say("account", "is", ""), 'condition: account: "" is not an id'),
        ({"all": [], "any": []}, "condition: expected"),
        ({"any": []}, "condition: expected"),
        ({"all": [{}]}, "all[0]: expected"),
        ({"all": [None, 7]}, "all[0]: expected"),
        ({"field": "vip", "op": "is", "value": True, "negate": True}, "condition: expected"),
        ({"field": 7, "op": "is"}, "condition: expected"),
        ([], "condition: expected"),
        (DEEP, "not.not.not.not.not.not.not.not.not.not: a condition nests 10 deep at most"),
        ({"all": [say("vip", "is", True)] * 201}, "all[200]: a condition compares 200 times"),
    ],
    ids=lambda value: value[:50] if isinstance(value, str) else "",
)
def test_a_bad_condition_is_refused_by_its_place(form: object, message: str) -> None:
    with pytest.raises(BadCondition) as refused:
        read(form)

    assert str(refused.value).startswith(message)
    assert len(str(refused.value)) < 300


def test_a_field_without_a_column_cannot_be_searched_for() -> None:
    with pytest.raises(BadCondition, match='"vip" can be asked of one record, but not searched'):
        read(say("vip", "is", True)).as_sql({}, at=NEW_YEAR)


# SQL and Python.

TABLE = Table(
    "records",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("channel", String),
    Column("priority", one_of(Priority)),
    Column("subject", Text),
    Column("age", Double),
    Column("opened_at", Instant),
    Column("vip", Boolean),
    Column("account", Uuid),
    Column("number", Integer),
    Column("tags", Text),
    prefixes=["TEMPORARY"],
)
COLUMNS = {name: TABLE.c[name] for name in FIELDS}
IDS = [ADA, "0190163d-8694-739b-aea5-966c26f8ad92"]
PARTS = [
    "refund",
    "Réfund",
    "refunds",
    "100%",
    "1000",
    "a_b",
    "axb",
    "x\\y",
    "x/y",
    "退款",
    "ß",
    "/%",
]
TEXTS = st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=4).map(" ".join) | st.text()
SPANS = st.sampled_from(["1 minute", "3 hours", "1 day", "2 weeks"])
INSTANTS = st.timedeltas(-timedelta(days=2), timedelta(days=2)).map(lambda span: NEW_YEAR + span)
AGES = st.integers(-3, 3) | st.floats(-3, 3) | st.integers(-(2**53), 2**53)

FACTS: Mapping[str, st.SearchStrategy[Any]] = {
    "channel": st.sampled_from(["email", "phone", "Email", "%"]),
    "priority": st.sampled_from(Priority),
    "subject": TEXTS,
    "age": AGES,
    "opened_at": INSTANTS,
    "vip": st.booleans(),
    "account": st.sampled_from([UUID(each) for each in IDS]),
    "number": st.integers(6, 8),
    "tags": st.sets(TEXTS, max_size=3),
}
WANTED: Mapping[str, st.SearchStrategy[Any]] = {
    **FACTS,
    "subject": TEXTS.filter(folded),
    "tags": TEXTS.filter(folded),
    "opened_at": INSTANTS.map(datetime.isoformat),
    "account": st.sampled_from([*IDS, ADA.upper(), "nobody"]),
    "number": st.sampled_from(["7", "8", "07", "٧", "9" * 30, "x"]),
}


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    """A comparison in JSON form that `read` accepts."""
    field = draw(st.sampled_from(list(FIELDS.values())))
    operator = draw(st.sampled_from(field.operators))
    one = WANTED[field.name]
    match operator:
        case Operator.IS_SET | Operator.IS_EMPTY:
            return say(field.name, operator)
        case Operator.ONE_OF | Operator.CONTAINS_ANY:
            return say(field.name, operator, draw(st.lists(one, min_size=1, max_size=3)))
        case Operator.BETWEEN:
            ends = draw(st.lists(one, min_size=2, max_size=2))
            order = list(Priority).index if field.kind is Kind.CHOICE else None
            return say(field.name, operator, sorted(ends, key=order))
        case operator if operator in RELATIVE:
            return say(field.name, operator, draw(SPANS))
    return say(field.name, operator, draw(one))


def _groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    parts = st.lists(inner, min_size=1, max_size=3)
    return (
        st.builds(lambda some: {"all": some}, parts | st.just([]))
        | st.builds(lambda some: {"any": some}, parts)
        | st.builds(lambda one: {"not": one}, inner)
    )


CONDITIONS = st.recursive(comparisons(), _groups, max_leaves=6)
RECORDS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, values in FACTS.items()}),
    min_size=1,
    max_size=5,
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    if request.param == "sqlite":
        engine = create_engine("sqlite+pysqlite://", module=pysqlite3.dbapi2)
    else:
        url = make_url(request.getfixturevalue("postgres_url"))
        engine = create_engine(url.set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        TABLE.metadata.create_all(connection)
        connection.commit()
        yield connection
    engine.dispose()


def found(
    connection: Connection, condition: Condition, records: Sequence[Mapping[str, Any]]
) -> tuple[set[int], set[int]]:
    """The places of the records that SQL finds, and of those that it finds when told not to."""
    connection.rollback()
    rows = [{"id": number} | kept(record) for number, record in enumerate(records)]
    connection.execute(TABLE.insert(), rows)
    asked = condition.as_sql(COLUMNS, at=NEW_YEAR)
    holding, others = (
        set(connection.scalars(select(TABLE.c.id).where(where))) for where in (asked, ~asked)
    )
    return holding, others


def kept(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as its table keeps it."""
    written = {"subject": folded, "tags": joined, "age": float}
    return {
        name: None if value is None else written.get(name, lambda value: value)(value)
        for name, value in record.items()
    }


@pytest.mark.parametrize(("field", "op", "value", "fact", "expected"), MEANINGS)
def test_a_comparison_means_the_same_in_sql(
    connection: Connection, field: str, op: str, value: Any, fact: Any, expected: bool
) -> None:
    holding, others = found(connection, read(say(field, op, value)), [{field: fact}])

    assert (holding, others) == (({0}, set()) if expected else (set(), {0}))


@given(CONDITIONS, RECORDS)
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_sql_finds_what_python_says_holds(
    connection: Connection, form: dict[str, Any], records: list[dict[str, Any]]
) -> None:
    condition = read(form)

    holding, others = found(connection, condition, records)

    facts = [{AT: NEW_YEAR, **record} for record in records]
    assert holding == {n for n, each in enumerate(facts) if condition.holds(each)}
    assert others == set(range(len(records))) - holding, "nothing is unknown"


@pytest.mark.parametrize(
    ("wanted", "age"), [([0, -1.5], -2), ([0, 2**31], 2**31), ([-1.5, 2**40], -1.5)]
)
def test_one_number_does_not_bend_another_to_its_type(
    connection: Connection, wanted: list[float], age: float
) -> None:
    holding, _ = found(connection, read(say("age", "is one of", wanted)), [{"age": age}])

    assert holding == ({0} if age in wanted else set())


@given(CONDITIONS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_condition_that_is_stored_comes_back_equal(form: dict[str, Any]) -> None:
    condition = read(form)

    assert read(condition.as_json()) == condition
    assert read(condition.as_json()).in_words() == condition.in_words()


@given(st.text(), st.text())
def test_a_text_that_was_folded_is_found_in_what_holds_it(before: str, text: str) -> None:
    assert folded(text) in folded(f"{before} {text} after")
    assert folded(folded(text)) == folded(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Réfund of ORDER #66!", " refund of order # 66 ! "),
        ("ﬁne Straße İstanbul", " fine strasse istanbul "),
        ("我要a", " 我 要 a "),
        ("हिन्दी भाषा", " हिन्दी भाषा "),
        ("half a pair: \ud800.", " half a pair : . "),
        ("nul\x00byte\u2028line", " nul byte line "),
        ("", ""),
    ],
)
def test_texts_are_folded_to_words_and_signs(text: str, words: str) -> None:
    assert folded(text) == words


def test_the_empty_condition_always_holds() -> None:
    assert All().holds({})
    assert read({"all": []}) == All()
