"""What can be written on a case, and that conditions find it alike in Python and in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from intake import work
from intake.agents import SYSTEM, Act, NotAllowed, Principal, Role
from intake.around import FIELDS
from intake.cases import Case, Priority, Severity
from intake.conditions import BadCondition, Operator, folded
from intake.conditions.fields import RELATIVE
from intake.db import new_id
from intake.facts import CASE_COLUMNS, CASE_FIELDS, check_condition, facts_of, read_condition
from intake.fields import (
    CaseTag,
    CustomField,
    FieldKind,
    FieldValue,
    WrongField,
    answers,
    case_types,
    custom,
    tags,
    topics,
)
from intake.queues import Queue
from tests.desk import NOON, DeskUnderTest, email

CHOICES = ["Ground floor", "First floor", "Roof"]
TEXTS = st.lists(
    st.sampled_from(["toner", "Tóner", "100%", "a_b", "axb", "退款", "|", "ß"]), max_size=3
).map(" ".join)
INSTANTS = st.timedeltas(-timedelta(days=2), timedelta(days=2)).map(lambda span: NOON + span)
VALUES: Mapping[FieldKind, st.SearchStrategy[Any]] = {
    FieldKind.TEXT: TEXTS,
    FieldKind.NUMBER: st.integers(-3, 3) | st.floats(-3, 3),
    FieldKind.CHOICE: st.sampled_from(CHOICES),
    FieldKind.CHOICES: st.lists(st.sampled_from(CHOICES), unique=True),
    FieldKind.DAY: INSTANTS.map(lambda at: at.date().isoformat()),
    FieldKind.INSTANT: INSTANTS.map(datetime.isoformat),
    FieldKind.YES_NO: st.booleans(),
}
NAMES = {f"{kind}.its_{kind}": VALUES[kind] for kind in FieldKind}
WANTED = {
    **NAMES,
    "text.its_text": TEXTS.filter(folded),
    "choices.its_choices": st.sampled_from(CHOICES),
    "tags": TEXTS.filter(folded),
    "severity": st.sampled_from([each.value for each in Severity]),
    "priority": st.sampled_from([each.value for each in Priority]),
    "subject": TEXTS.filter(folded),
}


def say(field: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    """A comparison of a field that an administrator may have laid out, or of a tag."""
    name = draw(st.sampled_from(sorted(WANTED)))
    field, one = CASE_FIELDS[name], WANTED[name]
    operator = draw(st.sampled_from(field.operators))
    match operator:
        case Operator.IS_SET | Operator.IS_EMPTY:
            return say(name, operator)
        case Operator.ONE_OF | Operator.CONTAINS_ANY:
            return say(name, operator, draw(st.lists(one, min_size=1, max_size=3)))
        case Operator.BETWEEN:
            ends = draw(st.lists(one, min_size=2, max_size=2))
            order = field.choices.index if field.choices else None
            return say(name, operator, sorted(ends, key=order))
        case operator if operator in RELATIVE:
            return say(name, operator, draw(st.sampled_from(["1 hour", "2 days", "20 weeks"])))
    return say(name, operator, draw(one))


CONDITIONS = st.recursive(
    comparisons(),
    lambda inner: (
        st.builds(lambda some: {"any": some}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda one: {"not": one}, inner)
    ),
    max_leaves=4,
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "custom": st.fixed_dictionaries({}, optional={k: VALUES[k] for k in FieldKind}),
            "tags": st.lists(TEXTS.filter(folded).filter(lambda t: len(t) <= 40), max_size=3),
            "severity": st.sampled_from(Severity),
            "priority": st.sampled_from(Priority),
            "subject": TEXTS,
        }
    ),
    min_size=1,
    max_size=4,
)


def lay_out(session: Session) -> dict[FieldKind, CustomField]:
    """One custom field of each kind."""
    return {
        kind: custom.add_field(
            session, SYSTEM, key=f"its_{kind}", label=f"Its {kind}", kind=kind, at=NOON,
            choices=CHOICES if kind in (FieldKind.CHOICE, FieldKind.CHOICES) else (),
        )
        for kind in FieldKind
    }  # fmt: skip


def write_down(
    session: Session, queue: Queue, number: int, said: Mapping[str, Any],
    fields: Mapping[FieldKind, CustomField],
) -> Case:  # fmt: skip
    case = Case(
        id=new_id(), number=number, subject=said["subject"], channel="email",
        queue_id=queue.id, opened_at=NOON, updated_at=NOON,
        severity=said["severity"], priority=said["priority"],
    )  # fmt: skip
    case.tags = tags.named(session, said["tags"])
    for kind, form in said["custom"].items():
        value = answers.read(fields[kind], form)
        if value is not None:
            case.custom[f"its_{kind}"] = FieldValue.of(fields[kind], value)
    session.add(case)
    return case


def test_sql_finds_the_cases_of_which_python_says_that_a_condition_holds(
    desk: DeskUnderTest,
) -> None:
    with desk.transaction() as session:
        fields = lay_out(session)

    @given(CONDITIONS, RECORDS)
    @settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
    def agree(form: dict[str, Any], records: list[dict[str, Any]]) -> None:
        with desk.transaction() as session:
            for table in (FieldValue, CaseTag, Case):
                session.execute(delete(table))
            cases = [
                write_down(session, desk.queue, number, said, fields)
                for number, said in enumerate(records)
            ]
            session.flush()
            session.expire_all()
            condition = read_condition(form)
            asked = condition.as_sql(CASE_COLUMNS, at=NOON)
            holding = set(session.scalars(select(Case.number).where(asked)))
            others = set(session.scalars(select(Case.number).where(~asked)))

            assert holding == {c.number for c in cases if condition.holds(facts_of(c, at=NOON))}
            assert others == {c.number for c in cases} - holding, "nothing is unknown"

    agree()


def test_facts_are_read_from_other_tables_only_when_a_condition_asks(
    desk: DeskUnderTest,
) -> None:
    desk.accepts(email())
    with desk.transaction() as session:
        case = session.scalars(select(Case)).one()
        facts = facts_of(case, at=NOON)
        assert read_condition(say("severity", "is", "normal")).holds(facts)
        assert not {"tags", "custom"} & set(case.__dict__)

        assert read_condition(say("tags", "is empty")).holds(facts)
        assert "tags" in case.__dict__


def test_every_fact_of_a_case_but_texts_around_it_can_be_searched_for(
    desk: DeskUnderTest,
) -> None:
    desk.has_customer("bob@example.com", allotment=3)
    desk.accepts(email("bob@example.com", sender_doubt="spf"))
    with desk.transaction() as session:
        case = session.scalars(select(Case)).one()
        facts = facts_of(case, at=NOON)
        for name in CASE_COLUMNS:
            condition = read_condition(say(name, "is set"))
            found = session.scalar(select(Case).where(condition.as_sql(CASE_COLUMNS, at=NOON)))
            assert (found is not None) is condition.holds(facts), name
        for name, value in (("remaining", 2), ("sender_certain", False), ("language", "nl")):
            for op in ("is", "is not"):
                condition = read_condition(say(name, op, value))
                found = session.scalar(select(Case).where(condition.as_sql(CASE_COLUMNS, at=NOON)))
                assert (found is not None) is condition.holds(facts), (name, op)
    unsearched = {field.name for field in FIELDS if field.unsearchable}
    assert set(CASE_FIELDS) - set(CASE_COLUMNS) == unsearched
    with pytest.raises(BadCondition, match=r"not searched for: names are .* the account"):
        read_condition(say("account_name", "contains", "x")).as_sql(CASE_COLUMNS, at=NOON)


def test_a_condition_that_is_stored_asks_only_for_fields_that_are_there(
    desk: DeskUnderTest,
) -> None:
    with desk.transaction() as session:
        lay_out(session)

        check_condition(session, say("number.its_number", "is at least", 2))
        with pytest.raises(BadCondition, match=r'did you mean "number\.its_number"'):
            check_condition(session, say("number.its_numbre", "is at least", 2))
        with pytest.raises(BadCondition, match=r"unknown field"):
            check_condition(session, say("colour.its_number", "is", 2))


@pytest.mark.parametrize(
    ("kind", "form", "value"),
    [
        (FieldKind.TEXT, "  toner  ", "toner"),
        (FieldKind.TEXT, " \u200b ", None),
        (FieldKind.NUMBER, "2,5", 2.5),
        (FieldKind.NUMBER, 3.0, 3),
        (FieldKind.CHOICE, "Roof", "Roof"),
        (FieldKind.CHOICES, ["Roof", "Ground floor", "Roof"], ["Ground floor", "Roof"]),
        (FieldKind.CHOICES, [], None),
        (FieldKind.DAY, "2026-02-28", "2026-02-28"),
        (FieldKind.INSTANT, "2026-03-02T13:00+01:00", "2026-03-02T12:00:00+00:00"),
        (FieldKind.YES_NO, "yes", True),
        (FieldKind.YES_NO, False, False),
    ],
)
def test_what_is_typed_becomes_a_value(kind: FieldKind, form: object, value: object) -> None:
    field = CustomField(key="it", kind=kind, choices=CHOICES)

    assert answers.read(field, form) == value
    assert value is None or answers.read(field, answers.read(field, form)) == value


@pytest.mark.parametrize(
    ("kind", "form", "why"),
    [
        (FieldKind.TEXT, "x" * 2001, r"\.it: at most 2000 characters"),
        (FieldKind.TEXT, 7, r"\.it: write a text"),
        (FieldKind.NUMBER, "seven", r"\.it: write a number"),
        (FieldKind.NUMBER, float("nan"), r"\.it: a number up to"),
        (FieldKind.NUMBER, True, r"\.it: write a number"),
        (FieldKind.CHOICE, "Rof", r'\.it: choose one of .*did you mean "Roof"'),
        (FieldKind.CHOICES, {"Roof": 1}, r"\.it: give a list"),
        (FieldKind.DAY, "2026-02-30", r"\.it: write a day"),
        (FieldKind.INSTANT, "2026-03-02T13:00", r"\.it: write an instant with its zone"),
        (FieldKind.YES_NO, "maybe", r"\.it: say yes or no"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_field(
    kind: FieldKind, form: object, why: str
) -> None:
    with pytest.raises(WrongField, match=why):
        answers.read(CustomField(key="it", kind=kind, choices=CHOICES), form)


def test_a_condition_asks_for_a_topic_and_all_that_is_inside_it(desk: DeskUnderTest) -> None:
    admin, asked = desk.principal("Ada", Role.ADMINISTRATOR), {}
    with desk.transaction() as session:
        hardware = topics.add_topic(session, admin, "Hardware", at=NOON).id
        printers = topics.add_topic(session, admin, "Printers", parent_id=hardware, at=NOON).id
        laser = topics.add_topic(session, admin, "Laser", parent_id=printers, at=NOON).id
        billing = topics.add_topic(session, admin, "Billing", at=NOON).id
    for topic in (hardware, printers, laser, billing, None):
        [receipt] = desk.accepts(email(f"{topic}@example.com"))
        assert receipt.case
        asked[topic] = receipt.case.id
        with desk.transaction() as session:
            said = {"topic": str(topic) if topic else None}
            work.change_fields(session, admin, receipt.case.id, said, desk=desk.settings, at=NOON)

    def found(form: dict[str, Any]) -> set[Any]:
        condition = read_condition(form)
        with desk.db.reading() as session:
            chosen = select(Case.id).where(condition.as_sql(CASE_COLUMNS, at=NOON))
            ids = set(session.scalars(chosen))
            every = session.scalars(select(Case))
            assert ids == {case.id for case in every if condition.holds(facts_of(case, at=NOON))}
        return {topic for topic, id in asked.items() if id in ids}

    within = say("topic", "is within", str(hardware))
    narrower = say("topic", "is within", str(printers))
    assert found(within) == {hardware, printers, laser}
    assert found({"not": within}) == {billing, None}
    assert found({"all": [within, {"not": narrower}]}) == {hardware}
    assert found(say("topic", "is", str(hardware))) == {hardware}
    assert found(say("topic", "is within", "nothing of ours")) == set()
    with desk.transaction() as session:
        topics.change_topic(
            session, admin, printers, name="Printers", parent_id=billing, at=NOON
        )  # fmt: skip
    assert found(within) == {hardware}
    with pytest.raises(BadCondition, match='"is within" cannot be said of type'):
        read_condition(say("type", "is within", str(hardware)))


def test_topics_are_a_tree_without_circles(desk: DeskUnderTest) -> None:
    admin = desk.principal("Ada", Role.ADMINISTRATOR)
    with desk.transaction() as session:
        hardware = topics.add_topic(session, admin, "Hardware", at=NOON)
        printers = topics.add_topic(session, admin, "Printers", parent_id=hardware.id, at=NOON)
        topics.add_topic(session, admin, "Billing", at=NOON)

        assert topics.path_of(session, printers.id) == "Hardware › Printers"
        inside = set(session.scalars(topics.within(hardware.id)))
        assert inside == {hardware.id, printers.id}
        with pytest.raises(WrongField, match="parent: a topic cannot be inside itself"):
            topics.change_topic(
                session, admin, hardware.id, name="Hardware", parent_id=printers.id, at=NOON
            )
        with pytest.raises(WrongField, match="name: “Printers” is there already"):
            topics.add_topic(session, admin, "PRINTERS", parent_id=hardware.id, at=NOON)
        topics.archive_topic(session, admin, hardware.id, at=NOON)
        assert [placed.path for placed in topics.tree(session)] == ["Billing"]
        assert len(topics.tree(session, archived=True)) == 3


def test_tags_that_differ_by_case_and_accents_are_one(desk: DeskUnderTest) -> None:
    admin = desk.principal("Ada", Role.ADMINISTRATOR)
    with desk.transaction() as session:
        [urgent, vip] = tags.named(session, ["VIP", "Úrgent"])
        assert [urgent, vip] == tags.named(session, ["urgent", " vip "])
        assert [tag.name for tag in tags.suggest(session, "urg")] == ["Úrgent"]
        with pytest.raises(WrongField, match="tags: “VIP” is there already"):
            tags.change_tag(session, admin, urgent.id, name="vip", colour=tags.Colour.RED, at=NOON)
        with pytest.raises(WrongField, match="tags: write 1 to 40"):
            tags.named(session, ["x" * 41])


def test_merged_tags_are_on_each_case_once(desk: DeskUnderTest) -> None:
    admin = desk.principal("Ada", Role.ADMINISTRATOR)
    [both, one] = [receipt.case for receipt in desk.accepts(email(), email())]
    assert both
    assert one
    with desk.transaction() as session:
        [survivor, other] = tags.named(session, ["one", "other"])
        session.get_one(Case, both.id).tags = [survivor, other]
        session.get_one(Case, one.id).tags = [other]
    with desk.transaction() as session:
        tags.merge_tags(session, admin, survivor.id, other.id, at=NOON)

    assert {(row.case_id, row.tag_id) for row in desk.all(CaseTag)} == {
        (both.id, survivor.id), (one.id, survivor.id),
    }  # fmt: skip
    assert [tag.name for tag in desk.all(tags.Tag)] == ["one"]


def test_only_an_administrator_lays_out_what_is_asked(desk: DeskUnderTest) -> None:
    manager = desk.principal("Marta", Role.MANAGER)
    with desk.transaction() as session, pytest.raises(NotAllowed):
        case_types.add_type(session, manager, "Question", at=NOON)
    assert Principal(manager.kind, acts=frozenset(Act)).may(Act.ADMINISTER)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"key": "Seats"}, "key: a small letter"),
        ({"label": " "}, "label: write 1 to 80"),
        ({"kind": FieldKind.CHOICE}, "choices: give 1 to 200"),
        ({"choices": ["a"]}, "choices: a field of kind number has none"),
        ({"type_id": new_id()}, "type: there is no such type"),
    ],
)
def test_a_custom_field_that_cannot_be_is_refused(
    desk: DeskUnderTest, wrong: dict[str, Any], why: str
) -> None:
    form: dict[str, Any] = {"key": "seats", "label": "Seats", "kind": FieldKind.NUMBER}
    with desk.transaction() as session:
        custom.add_field(session, SYSTEM, **form, at=NOON)
        with pytest.raises(WrongField, match="key: there is a field seats already"):
            custom.add_field(session, SYSTEM, **form, at=NOON)
        with pytest.raises(WrongField, match=why):
            custom.add_field(
                session, SYSTEM, **{**form, "key": "other", "label": "Other", **wrong}, at=NOON
            )


def test_an_instant_is_kept_to_the_moment() -> None:
    field = CustomField(key="it", kind=FieldKind.INSTANT, choices=[])
    kept = FieldValue.of(field, answers.read(field, "2026-03-02T13:00:00+01:00"))

    assert kept.fact(FieldKind.INSTANT) == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert kept.fact(FieldKind.DAY) is None
