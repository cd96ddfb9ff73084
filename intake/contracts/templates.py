"""Contract templates: the terms that many contracts share, frozen once one of them uses them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import String, exists, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.contracts.records import Allotment, Contract, Discount, Frequency, WrongTerm
from intake.db import Base, new_id, one_of, refers_to
from intake.errors import IntakeError, NotFound

ABBREVIATION_LENGTH = 20


class TemplateFrozen(IntakeError):
    """A contract uses this template, so it says for good what it says now."""

    code = "template-frozen"


class ContractTemplate(Base):
    """What contracts of one sort agree on."""

    __tablename__ = "contract_templates"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    abbreviation: Mapped[str] = mapped_column(String(ABBREVIATION_LENGTH), unique=True)
    description: Mapped[str] = mapped_column(default="")
    billing_frequency: Mapped[Frequency] = mapped_column(one_of(Frequency))
    allotment: Mapped[Allotment] = mapped_column(one_of(Allotment))
    discount_mode: Mapped[Discount] = mapped_column(one_of(Discount))
    calendar_id: Mapped[UUID | None] = mapped_column(refers_to("service_calendars.id"))
    """The hours it covers; None: around the clock."""
    sla_id: Mapped[UUID | None] = mapped_column(refers_to("slas.id"))
    """The service level, which the entitlements of its contracts carry."""
    created_at: Mapped[datetime]


class Changeable(StrEnum):
    """The fields of a template that may be changed while no contract uses it."""

    NAME = "name"
    ABBREVIATION = "abbreviation"
    DESCRIPTION = "description"
    BILLING_FREQUENCY = "billing_frequency"
    ALLOTMENT = "allotment"
    DISCOUNT_MODE = "discount_mode"
    CALENDAR = "calendar_id"
    SLA = "sla_id"


def add_template(
    session: Session,
    *,
    name: str,
    abbreviation: str,
    at: datetime,
    billing_frequency: Frequency = Frequency.ANNUALLY,
    allotment: Allotment = Allotment.CASES,
    discount_mode: Discount = Discount.PERCENTAGE,
    **more: Any,
) -> ContractTemplate:
    """A new template. Raises WrongTerm for a name or abbreviation that is empty or taken."""
    template = ContractTemplate(
        id=new_id(),
        name=name.strip(),
        abbreviation=abbreviation.strip(),
        billing_frequency=billing_frequency,
        allotment=allotment,
        discount_mode=discount_mode,
        created_at=at,
        **more,
    )
    _check(session, template)
    session.add(template)
    return template


def change_template(session: Session, template_id: UUID, **fields: Any) -> ContractTemplate:
    """Change a template that no contract uses yet. Raises TemplateFrozen when one does."""
    template = locked_template(session, template_id)
    if session.scalar(select(exists().where(Contract.template_id == template_id))):
        raise TemplateFrozen(
            f"{template.name} is used by a contract and cannot change; make a new template"
        )
    for name, value in fields.items():
        setattr(template, Changeable(name).value, value)
    with session.no_autoflush:
        _check(session, template)
    return template


def locked_template(session: Session, template_id: UUID) -> ContractTemplate:
    """That template, held so that it cannot change while a contract is made from it."""
    statement = select(ContractTemplate).where(ContractTemplate.id == template_id)
    template = session.scalar(statement.with_for_update().execution_options(populate_existing=True))
    if template is None:
        raise NotFound("there is no such contract template")
    return template


def _check(session: Session, template: ContractTemplate) -> None:
    for field, value, longest in (
        ("name", template.name, 120),
        ("abbreviation", template.abbreviation, ABBREVIATION_LENGTH),
    ):
        if not value:
            raise WrongTerm(f"{field}: a contract template needs one")
        if len(value) > longest:
            raise WrongTerm(f"{field}: at most {longest} characters")
        column = getattr(ContractTemplate, field)
        same = select(exists().where(column == value, ContractTemplate.id != template.id))
        if session.scalar(same):
            raise WrongTerm(f"{field}: another contract template is called {value!r}")
    for reference in ("calendar_id", "sla_id"):
        id = getattr(template, reference)
        [key] = inspect(ContractTemplate).columns[reference].foreign_keys
        if id is not None and not session.scalar(select(exists().where(key.column == id))):
            raise WrongTerm(f"{reference}: there is no such {reference.removesuffix('_id')}")
