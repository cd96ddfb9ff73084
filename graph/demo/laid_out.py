"""What Contoso says of its cases: types, topics, tags, status reasons and fields of its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import reasons, work
from intake.agents import SYSTEM, Principal
from intake.cases import Case, Chosen, OwnReason, Reason
from intake.desk import Desk
from intake.fields import CaseType, FieldKind, Topic, case_types, custom, tags, topics
from intake.fields.tags import Colour

TYPES = ("Question", "Problem", "Request", "Incident")
TOPICS = {
    "Hardware": ("Printers and scanners", "Screens"),
    "Network": ("Wi-Fi", "VPN"),
    "Accounts": ("Sign-in", "Phishing"),
    "Billing": ("Invoices", "Refunds"),
    "Software": ("Licences", "Upgrades"),
}
PARTS = "Waiting for parts"
REASONS = {PARTS: Reason.ON_HOLD, "Part replaced": Reason.PROBLEM_SOLVED}
COLOURS = {"VIP": Colour.PURPLE, "on site": Colour.BLUE, "security": Colour.RED}

# The word of a subject that tells its type, its topic, how bad it is, and the tags it gets.
SORTED = {
    "Printer": ("Incident", "Printers and scanners", "major", ("on site",)),
    "sign in": ("Problem", "Sign-in", "major", ()),
    "VPN": ("Incident", "VPN", "normal", ()),
    "Invoice": ("Question", "Invoices", "minor", ()),
    "Refund": ("Request", "Refunds", "normal", ("VIP",)),
    "mail from you": ("Question", "Phishing", "normal", ("security",)),
    "Licence": ("Request", "Licences", "minor", ()),
    "Wi-Fi": ("Problem", "Wi-Fi", "normal", ("on site",)),
    "Export": ("Problem", "Software", "normal", ()),
    "Router": ("Incident", "Upgrades", "critical", ("VIP", "security")),
    "Screen": ("Request", "Screens", "normal", ("on site",)),
    "Scanner": ("Problem", "Printers and scanners", "minor", ()),
    "Slow": ("Problem", "Upgrades", "normal", ()),
}


def plant(session: Session, *, at: datetime) -> None:
    """Lay it out on an empty desk."""
    types = {name: case_types.add_type(session, SYSTEM, name, at=at) for name in TYPES}
    for name, inside in TOPICS.items():
        wider = topics.add_topic(session, SYSTEM, name, at=at)
        for narrow in inside:
            topics.add_topic(session, SYSTEM, narrow, parent_id=wider.id, at=at)
    for tag in tags.named(session, COLOURS):
        colour = COLOURS[tag.name]
        tags.change_tag(session, SYSTEM, tag.id, name=tag.name, colour=colour, at=at)
    custom.add_field(
        session, SYSTEM, key="serial_no", label="Serial number", kind=FieldKind.TEXT, at=at,
        public=True, hint="On the back of the device",
    )  # fmt: skip
    custom.add_field(
        session, SYSTEM, key="people", label="People concerned", kind=FieldKind.NUMBER, at=at,
        type_id=types["Incident"].id,
    )  # fmt: skip

    for name, kind in REASONS.items():
        reasons.add(session, SYSTEM, name, kind, at=at)


def wait(session: Session, case: Case) -> Chosen:
    """What it waits for: broken hardware for parts, everything else for the customer."""
    if case.type is None or case.type.name != "Incident":
        return Reason.WAITING_FOR_DETAILS
    return session.scalars(select(OwnReason.id).where(OwnReason.name == PARTS)).one()


def sort(session: Session, by: Principal, case: Case, desk: Desk, *, at: datetime) -> None:
    """Say of a case what its subject tells."""
    found = next((said for word, said in SORTED.items() if word in case.subject), None)
    if found is None:
        return
    kind, topic, severity, marks = found
    said: dict[str, object] = {"severity": severity, "tags": list(marks)}
    said["type"] = session.scalar(select(CaseType.id).where(CaseType.name == kind))
    said["topic"] = session.scalar(select(Topic.id).where(Topic.name == topic))
    if kind == "Incident":
        said["number.people"] = 2 + case.number % 11
    work.change_fields(session, by, case.id, said, desk=desk, at=at)
