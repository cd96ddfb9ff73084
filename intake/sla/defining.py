"""What the items of a KPI do unless they say otherwise, as an administrator defines it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import events
from intake.agents import Act, Principal
from intake.sla.checking import check_field, check_pauses, check_start
from intake.sla.promises import USUAL_START, From, Kpi, KpiDefinition


def definitions(session: Session) -> list[KpiDefinition]:
    """Every KPI; those that nobody defined as they are out of the box."""
    defined = {each.kpi: each for each in session.scalars(select(KpiDefinition))}
    return [
        defined.get(kpi) or KpiDefinition(kpi=kpi, applicable_from=USUAL_START[kpi], pauses=None)
        for kpi in Kpi
    ]


def define(
    session: Session,
    by: Principal,
    kpi: Kpi,
    *,
    applicable_from: From,
    from_field: str | None = None,
    pauses: Sequence[str] | None,
    at: datetime,
) -> KpiDefinition:
    """Say from when clocks of a KPI count, and which statuses stop them; None: those on hold.

    Items that are activated from now on take it. Raises NotAnSla, naming the field.
    """
    by.must(Act.ADMINISTER)
    check_start(kpi, applicable_from, own_success=False)
    check_field(session, applicable_from, from_field)
    check_pauses(pauses)
    definition = session.get(KpiDefinition, kpi) or KpiDefinition(kpi=kpi)
    definition.applicable_from, definition.from_field = applicable_from, from_field
    definition.pauses = None if pauses is None else list(pauses)
    session.add(definition)
    events.record(
        session,
        "kpi.defined",
        at=at,
        actor=by,
        kpi=kpi.value,
        applicable_from=applicable_from.value,
        from_field=from_field,
        pauses=definition.pauses,
    )
    return definition
