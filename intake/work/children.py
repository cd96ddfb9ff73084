"""Cases that belong to another: a parent, and the children that part of its work is done in.

A family has two levels and no more: a child has no children, so there are no cycles. Each child is
a case of its own, with its own queue, clocks and terms.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from intake import checklists, entitlements, events, history, queues, terms
from intake.acting import done, must_be_open, record
from intake.agents import Act, Principal
from intake.cases import (
    ActivityKind,
    Case,
    ChildrenClose,
    Direction,
    State,
)
from intake.desk import Desk
from intake.errors import IntakeError, NotFound
from intake.nouns import noun
from intake.queues import Queue
from intake.visibility import one_visible, visible_to
from intake.work.opening import NOTHING_MORE, Says, announce, begin, blank, fill_in
from intake.work.writing import write

INHERITED: dict[str, tuple[str, ...]] = {
    "customer": ("contact_id", "account_id"),
    "product": ("product_id",),
    "contract": ("contract_id", "contract_line_id"),
    "priority": ("priority",),
    "severity": ("severity",),
    "type": ("type_id",),
    "topic": ("topic_id",),
    "owner": ("owner_id",),
    "tags": ("tags",),
    "queue": (),
}
"""What a child may inherit, and in which fields of a case it lies."""


class WrongFamily(IntakeError):
    """These cases cannot be parent and child; the text says why."""

    code = "wrong-family"


class OpenChildren(IntakeError):
    """The parent is closed only after its children."""

    code = "open-children"


def open_child(
    session: Session,
    by: Principal,
    parent_id: UUID,
    subject: str,
    text: str,
    *,
    desk: Desk,
    at: datetime,
    queue_id: UUID | None = None,
    takes_term: bool = True,
    says: Says = NOTHING_MORE,
    version: int | None = None,
) -> Case:
    """Open a case for a part of the work. It begins with what the desk lets children inherit,
    and is covered, routed and promised like any other.

    Raises WrongFamily for a child of a child, or one more than the desk lets a case have, and what
    `open_case` raises of what it `says` beside what it inherits.
    """
    parent = _locked(session, by, parent_id)[parent_id]
    history.expect_version(session, parent, version)
    _must_take(session, parent, desk)
    # A case is whole only once it has a queue.
    with session.no_autoflush:
        child = blank(session, subject, parent.channel, at)
        _inherit(child, parent, desk)
        known = fill_in(session, child, says)
        child.no_decrement = not takes_term
        terms.claim(session, child, desk, at=at)
        where = queue_id or _inherited(session, parent, desk)
        queue = begin(session, child, text, at, where, f"opened in case {parent.number}")
    session.flush()
    checklists.begin(session, child)
    write(session, child, by, ActivityKind.NOTE, Direction.INTERNAL, text or child.subject, at)
    events.record(
        session, "case.opened", at=at, actor=by, case_id=child.id, number=child.number,
        channel=child.channel, queue=queue.name, refusal=child.decision["refusal"],
        parent=parent.number, **known,
    )  # fmt: skip
    announce(session, child, queue, desk, at)
    done(session, parent, by, "case.child_opened", at, child=child.number)
    return child


def link_child(
    session: Session,
    by: Principal,
    parent_id: UUID,
    child_id: UUID,
    *,
    desk: Desk,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Make an open case the child of another, the parent, whose `version` that is.

    Raises WrongFamily; the child stays as it is.
    """
    if parent_id == child_id:
        raise WrongFamily(f"{noun.a} is no child of itself")
    cases = _locked(session, by, parent_id, child_id)
    parent, child = cases[parent_id], cases[child_id]
    history.expect_version(session, parent, version)
    if child.parent_id == parent.id:
        return child
    if child.parent_id is not None:
        raise WrongFamily(f"{noun} {child.number} is a child already; unlink it first")
    if _children(session, child):
        raise WrongFamily(f"{noun} {child.number} has children; a family has two levels")
    _must_take(session, parent, desk)
    child.parent_id = parent.id
    done(session, parent, by, "case.child_linked", at, child=child.number)
    return done(session, child, by, "case.linked", at, parent=parent.number)


def unlink_child(
    session: Session, by: Principal, child_id: UUID, *, at: datetime, version: int | None = None
) -> Case:
    """Let a child be a case of its own again."""
    parent_id = session.scalar(select(Case.parent_id).where(Case.id == child_id))
    if parent_id is None:
        one_visible(session, by, child_id)
        raise WrongFamily(f"it is no child of another {noun}")
    cases = _locked(session, by, parent_id, child_id, closed_too=True)
    parent, child = cases[parent_id], cases[child_id]
    history.expect_version(session, child, version)
    must_be_open(child)
    child.parent_id = None
    if parent.open:
        done(session, parent, by, "case.child_unlinked", at, child=child.number)
    else:
        record(session, parent, by, "case.child_unlinked", at, child=child.number)
    return done(session, child, by, "case.unlinked", at, parent=parent.number)


def set_children_close(
    session: Session,
    by: Principal,
    case_id: UUID,
    policy: ChildrenClose | None,
    *,
    at: datetime,
    version: int | None = None,
) -> Case:
    """Say how the children of this case are closed; None: as the desk has it."""
    case = _locked(session, by, case_id)[case_id]
    history.expect_version(session, case, version)
    case.children_close = policy
    said = policy.value if policy else ""
    return done(session, case, by, "case.children_close_set", at, policy=said)


def policy_of(case: Case, desk: Desk) -> ChildrenClose:
    """How the children of this case are closed."""
    return case.children_close or ChildrenClose(desk.children_close)


def hold_family(session: Session, by: Principal, case_id: UUID) -> None:
    """Lock a case that is to end, and its children, in the order in which a merge locks them."""
    by.must(Act.WORK)
    family = select(Case.id).where(or_(Case.id == case_id, Case.parent_id == case_id))
    session.scalars(family.order_by(Case.id).with_for_update(of=Case, key_share=True)).all()


def must_come_last(session: Session, case: Case, desk: Desk) -> None:
    """Raises OpenChildren while a child is open that must end before this case."""
    if policy_of(case, desk) is not ChildrenClose.BEFORE_PARENT:
        return
    if waiting := _open_children(session, case):
        numbers = ", ".join(str(number) for _id, number in waiting)
        raise OpenChildren(f"{noun} {case.number} is closed only after its children: {numbers}")


def ending_with(session: Session, by: Principal, case: Case, desk: Desk) -> list[Case]:
    """The open children that end with this case, locked like it.

    Raises OpenChildren where they must end before, or where one is not for this agent to see.
    """
    must_come_last(session, case, desk)
    if policy_of(case, desk) is not ChildrenClose.WITH_PARENT:
        return []
    waiting = _open_children(session, case)
    if not waiting:
        return []
    ids = [id for id, _number in waiting]
    found = session.scalars(
        visible_to(by)
        .where(Case.id.in_(ids))
        .order_by(Case.id)
        .with_for_update(of=Case, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    if len(found) < len(ids):
        raise OpenChildren(
            f"{noun} {case.number} is closed with its children, and one is not for you to see; ask "
            "a manager to close it"
        )
    entitlements.locked(session, {c.entitlement_id for c in (case, *found) if c.entitlement_id})
    return list(found)


def _locked(
    session: Session, by: Principal, *ids: UUID, closed_too: bool = False
) -> dict[UUID, Case]:
    """These cases, locked in the order of their ids. Raises NotFound or NotOpen."""
    by.must(Act.WORK)
    rows = session.scalars(
        visible_to(by)
        .where(Case.id.in_(ids))
        .order_by(Case.id)
        .with_for_update(of=Case, key_share=True)
        .execution_options(populate_existing=True)
    )
    found = {case.id: case for case in rows}
    if len(found) < len(ids):
        raise NotFound(f"there is no such {noun}")
    if not closed_too:
        for case in found.values():
            must_be_open(case)
    return found


def _must_take(session: Session, parent: Case, desk: Desk) -> None:
    if parent.parent_id is not None:
        raise WrongFamily(f"{noun} {parent.number} is a child itself; a family has two levels")
    if _children(session, parent) >= desk.children_most:
        raise WrongFamily(f"{noun} {parent.number} has {desk.children_most} children, and no more")


def _children(session: Session, case: Case) -> int:
    own = select(func.count()).where(Case.parent_id == case.id, Case.merged_into_id.is_(None))
    return session.scalar(own) or 0


def _open_children(session: Session, case: Case) -> Collection[tuple[UUID, int]]:
    waiting = select(Case.id, Case.number).where(
        Case.parent_id == case.id, Case.state == State.ACTIVE
    )
    return [(id, number) for id, number in session.execute(waiting.order_by(Case.number))]


def _inherited(session: Session, parent: Case, desk: Desk) -> UUID | None:
    """The queue that a child has of its parent, which may wait in none itself any more."""
    if "queue" not in desk.child_inherits:
        return None
    return queues.in_use(session, session.get_one(Queue, parent.queue_id)).id


def _inherit(child: Case, parent: Case, desk: Desk) -> None:
    child.parent_id, child.mailbox = parent.id, parent.mailbox
    for name in desk.child_inherits:
        for field in INHERITED[name]:
            value = getattr(parent, field)
            setattr(child, field, list(value) if field == "tags" else value)
