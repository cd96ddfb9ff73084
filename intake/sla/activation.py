"""From draft to promise: an SLA is checked as a whole, put in force, changed by new versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from intake import events
from intake.agents import Act, Principal
from intake.cases import Case
from intake.db import Base, new_id
from intake.errors import IntakeError, NotFound
from intake.sla.checking import NotAnSla, check, check_draft
from intake.sla.promises import (
    USUAL_START,
    KpiDefinition,
    Sla,
    SlaItem,
    SlaState,
    with_items,
)

LONGEST_NAME = 120


class InForce(IntakeError):
    """An SLA that is or was in force is not edited: clocks run by its words. The text begins with
    the field that says so."""

    code = "sla-in-force"


def draft(
    session: Session,
    by: Principal,
    name: str,
    items: Sequence[SlaItem],
    *,
    chosen_when: dict[str, Any] | None = None,
    slack: bool = False,
    at: datetime,
) -> Sla:
    """A new SLA that promises nothing yet; `slack` says whether a workspace is connected. Raises
    NotAnSla, naming the field."""
    by.must(Act.ADMINISTER)
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise NotAnSla(f"name: an SLA has one of 1 to {LONGEST_NAME} characters")
    if session.scalar(select(Sla.id).where(Sla.name == name).limit(1)) is not None:
        raise NotAnSla(f"name: there is an SLA “{name}” already; revise it")
    check_draft(session, items, chosen_when, slack=slack, at=at)
    sla = Sla(id=new_id(), name=name, version=1, state=SlaState.DRAFT, chosen_when=chosen_when)
    session.add(sla)
    sla.items = _in_order(items)
    session.flush()
    _record(session, "sla.drafted", sla, by, at)
    return sla


def rewrite(
    session: Session,
    by: Principal,
    sla_id: UUID,
    items: Sequence[SlaItem],
    *,
    chosen_when: dict[str, Any] | None = None,
    slack: bool = False,
    at: datetime,
) -> Sla:
    """Replace what a draft says. Raises NotAnSla; InForce on any other: revise it instead."""
    by.must(Act.ADMINISTER)
    sla = _draft(session, sla_id)
    check_draft(session, items, chosen_when, slack=slack, at=at)
    for old in sla.items:
        session.delete(old)
    sla.chosen_when = chosen_when
    sla.items = _in_order(items)
    session.flush()
    _record(session, "sla.rewritten", sla, by, at)
    return sla


def discard(session: Session, by: Principal, sla_id: UUID, *, at: datetime) -> None:
    """Forget a draft: nothing ever ran by it. Raises InForce on any other."""
    by.must(Act.ADMINISTER)
    sla = _draft(session, sla_id)
    for item in sla.items:
        session.delete(item)
    session.flush()
    session.delete(sla)
    _record(session, "sla.discarded", sla, by, at)


def revise(session: Session, by: Principal, sla_id: UUID, *, at: datetime) -> Sla:
    """The next version of an SLA, as a draft that says the same."""
    by.must(Act.ADMINISTER)
    old = _locked(session, sla_id)
    family = select(Sla.version, Sla.state).where(Sla.name == old.name)
    versions = session.execute(family).all()
    if any(state is SlaState.DRAFT for _version, state in versions):
        raise InForce(f"state: “{old.name}” has a draft already; edit that one")
    new = Sla(
        id=new_id(),
        family_id=old.family,
        name=old.name,
        version=max(version for version, _state in versions) + 1,
        state=SlaState.DRAFT,
        chosen_when=old.chosen_when,
    )
    session.add(new)
    new.items = _in_order([copy_of(item) for item in old.items])
    session.flush()
    _record(session, "sla.revised", new, by, at)
    return new


def activate(
    session: Session, by: Principal, sla_id: UUID, *, slack: bool = False, at: datetime
) -> Sla:
    """Put a draft in force, in the place of the version before it. Raises NotAnSla.

    Running clocks keep the version they started with; what is opened from now on gets this one.
    """
    by.must(Act.ADMINISTER)
    sla = _locked(session, sla_id)
    if sla.state is not SlaState.DRAFT:
        raise InForce(f"state: “{sla.name}” is {sla.state} already")
    definitions = {d.kpi: d for d in session.scalars(select(KpiDefinition))}
    for item in sla.items:
        _settle_usual(item, definitions.get(item.kpi))
    check(session, sla, slack=slack, at=at)
    family = select(Sla).where(Sla.name == sla.name, Sla.state == SlaState.ACTIVE)
    for before in session.scalars(family.with_for_update()):
        sla.is_default = sla.is_default or before.is_default
        before.state, before.is_default = SlaState.RETIRED, False
        _hand_over(session, before, sla)
    sla.state = SlaState.ACTIVE
    if sla.is_default:
        _only_default(session, sla)
    _record(session, "sla.activated", sla, by, at)
    session.flush()
    return sla


def retire(session: Session, by: Principal, sla_id: UUID, *, at: datetime) -> Sla:
    """Take an SLA out of force: it starts no more clocks, and those that run go on."""
    by.must(Act.ADMINISTER)
    sla = _locked(session, sla_id)
    if sla.state is not SlaState.ACTIVE:
        raise InForce(f"state: “{sla.name}” is {sla.state}; only what is in force is retired")
    sla.state, sla.is_default = SlaState.RETIRED, False
    _record(session, "sla.retired", sla, by, at)
    return sla


def make_default(session: Session, by: Principal, sla_id: UUID, *, at: datetime) -> Sla:
    """The SLA of cases that no rule and no entitlement chooses one for."""
    by.must(Act.ADMINISTER)
    sla = _locked(session, sla_id)
    if sla.state is not SlaState.ACTIVE:
        raise NotAnSla(f"state: “{sla.name}” is {sla.state}; only an active SLA can be the default")
    sla.is_default = True
    _only_default(session, sla)
    _record(session, "sla.made_default", sla, by, at)
    return sla


def _settle_usual(item: SlaItem, definition: KpiDefinition | None) -> None:
    """Write down what the KPI says now, so that a later change of it moves no running clock."""
    usual = definition or KpiDefinition(kpi=item.kpi, applicable_from=USUAL_START[item.kpi])
    item.usual = [
        *(("applicable_from", "from_field") if item.applicable_from is None else ()),
        *(("pauses",) if item.pauses is None else ()),
    ]
    for name in item.usual:
        setattr(item, name, getattr(usual, name))


def _in_order(items: Sequence[SlaItem]) -> list[SlaItem]:
    for position, item in enumerate(items, start=1):
        item.position = position
    return list(items)


def copy_of(item: SlaItem) -> SlaItem:
    """An item that says the same, what its KPI says included, and belongs to no SLA yet."""
    left = {"id", "sla_id", "usual", *(item.usual or ())}
    names = [column.key for column in SlaItem.__table__.columns if column.key not in left]
    return SlaItem(id=new_id(), **{name: getattr(item, name) for name in names})


def _hand_over(session: Session, before: Sla, after: Sla) -> None:
    """Let entitlements, contracts and whatever else names an SLA name its new version.

    Cases and items stay: they say which version a clock runs by.
    """
    stay = {Case.__table__, SlaItem.__table__}
    for table in Base.metadata.tables.values():
        for column in table.columns:
            names = {key.target_fullname for key in column.foreign_keys}
            if table not in stay and "slas.id" in names:
                session.execute(update(table).where(column == before.id).values({column: after.id}))


def _only_default(session: Session, sla: Sla) -> None:
    session.execute(
        update(Sla)
        .where(Sla.id != sla.id, Sla.is_default)
        .values(is_default=False)
        .execution_options(synchronize_session="fetch")
    )


def _draft(session: Session, sla_id: UUID) -> Sla:
    sla = _locked(session, sla_id)
    if sla.state is not SlaState.DRAFT:
        raise InForce(f"state: “{sla.name}” is {sla.state}: revise it, and edit the new draft")
    return sla


def _locked(session: Session, sla_id: UUID) -> Sla:
    found = session.scalar(select(Sla).where(Sla.id == sla_id).with_for_update())
    if found is None:
        raise NotFound("there is no such SLA")
    return with_items(session, sla_id)


def _record(session: Session, kind: str, sla: Sla, by: Principal, at: datetime) -> None:
    events.record(
        session, kind, at=at, actor=by, sla=str(sla.id), name=sla.name, version=sla.version
    )
