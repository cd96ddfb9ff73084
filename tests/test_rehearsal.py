"""What would be: asked of the rules that decide, with nothing written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from intake import rehearsal, work
from intake.agents import Principal
from intake.db import Base
from intake.entitlements import (
    Allocation,
    DecreaseOn,
    EntitlementTemplate,
    Overdraw,
    Refusal,
    Unlisted,
)
from intake.errors import IntakeError
from tests.desk import NOON, DeskUnderTest, email


def rows(desk: DeskUnderTest) -> dict[str, list[tuple[Any, ...]]]:
    """Everything the database holds."""
    with desk.db.reading() as session:
        return {
            name: sorted(map(tuple, session.execute(table.select())), key=repr)
            for name, table in Base.metadata.tables.items()
        }


@pytest.mark.parametrize("channel", ["email", "facebook"])
def test_a_preview_says_what_a_case_would_be_told_and_writes_nothing(
    desk: DeskUnderTest, channel: str
) -> None:
    ada = desk.has_customer()
    desk.has_entitlement(ada.account_id, total=2, channels={"email": 2})
    before = rows(desk)

    with desk.transaction() as session:
        told = rehearsal.preview(
            session, contact_id=ada.id, channel=channel, desk=desk.settings, at=NOON
        )

    assert rows(desk) == before
    [receipt] = desk.accepts(email(channel=channel))
    assert receipt.case is not None
    assert told.words == receipt.case.decision["words"]
    assert (told.refusal is None) == (channel == "email")


def test_a_preview_knows_the_days_of_an_entitlement(desk: DeskUnderTest) -> None:
    ada = desk.has_customer()
    desk.has_entitlement(ada.account_id, total=2, ends_on=date(2026, 3, 31))

    refusals = []
    with desk.db.reading() as session:
        for at in (NOON, NOON + timedelta(days=30)):
            told = rehearsal.preview(
                session, account_id=ada.account_id, channel="email", desk=desk.settings, at=at
            )
            refusals.append(told.refusal)

    assert refusals == [None, Refusal.EXPIRED]


def test_a_preview_of_nobody_is_refused(desk: DeskUnderTest) -> None:
    with (
        pytest.raises(IntakeError, match="name a contact or an account"),
        desk.db.reading() as session,
    ):
        rehearsal.preview(session, channel="email", desk=desk.settings, at=NOON)


def year(desk: DeskUnderTest, by: Principal) -> None:
    """Twelve cases of 2025, one a month; every third by phone; each took an hour and a half."""
    for month in range(1, 13):
        at = datetime(2025, month, 10, 12, tzinfo=UTC)
        channel = "phone" if month % 3 == 0 else "email"
        [receipt] = desk.accepts(email(at=at, channel=channel))
        assert receipt.case is not None
        with desk.transaction() as session:
            work.resolve(
                session, by, receipt.case.id, "done", desk=desk.settings,
                at=at + timedelta(days=1), billable_minutes=90,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("terms", "covered", "taken", "overage", "refused", "used_up_on"),
    [
        ({"total": 12}, 12, 12, 0, {}, None),
        ({"total": 5}, 5, 5, 0, {Refusal.USED_UP: 7}, date(2025, 6, 10)),
        ({"total": 1, "period_months": 1}, 12, 12, 0, {}, None),
        (
            {"total": 12, "channels": {"email": 12}, "unlisted": Unlisted.DENY},
            8, 8, 0, {Refusal.CHANNEL_NOT_COVERED: 4}, None,
        ),
        (
            {"total": 600, "allocation": Allocation.HOURS, "decrease_on": DecreaseOn.RESOLUTION},
            7, 600, 30, {Refusal.USED_UP: 5}, date(2025, 7, 11),
        ),
        (
            {"total": 600, "allocation": Allocation.HOURS, "decrease_on": DecreaseOn.RESOLUTION,
             "overdraw": Overdraw.ALLOW},
            7, 630, 0, {Refusal.USED_UP: 5}, date(2025, 8, 10),
        ),
        (
            {"total": 600, "allocation": Allocation.HOURS, "decrease_on": DecreaseOn.RESOLUTION,
             "restricted": False},
            12, 1080, 0, {}, None,
        ),
    ],
    ids=["enough", "five", "one a month", "mail only", "hours", "hours overdrawn", "hours open"],
)  # fmt: skip
def test_last_years_cases_are_counted_on_other_terms_and_nothing_is_written(
    desk: DeskUnderTest,
    terms: dict[str, Any],
    covered: int,
    taken: int,
    overage: int,
    refused: dict[Refusal, int],
    used_up_on: date | None,
) -> None:
    ada = desk.has_customer()
    year(desk, desk.principal())
    template = EntitlementTemplate(name="Other", **{"unlisted": Unlisted.ALLOW, **terms})
    desk._add(template)
    before = rows(desk)

    with desk.transaction() as session:
        answer = rehearsal.replay(
            session, session.merge(template, load=False), account_id=ada.account_id,
            since=date(2025, 1, 1), until=date(2026, 1, 1), desk=desk.settings,
        )  # fmt: skip

    assert rows(desk) == before
    assert (answer.cases, answer.covered, answer.taken) == (12, covered, taken)
    assert (answer.overage, answer.refused, answer.used_up_on) == (overage, refused, used_up_on)
    assert sum(answer.by_channel.values()) == taken


def test_a_replay_counts_what_really_was_taken_on_the_same_terms(desk: DeskUnderTest) -> None:
    by = desk.principal()
    ada = desk.has_customer()
    terms: dict[str, Any] = {"total": 4, "period_months": 3, "carry_over": 1, "unlisted": "allow"}
    template = EntitlementTemplate(name="Same", **terms)
    desk._add(template)
    real = desk.has_entitlement(
        ada.account_id, starts_on=date(2025, 1, 1), ends_on=date(2025, 12, 31),
        activated=False, **terms,
    )  # fmt: skip
    with desk.transaction() as session:
        from intake import entitlements

        plan = session.get_one(entitlements.Entitlement, real.id)
        entitlements.activate(session, plan, on=date(2025, 1, 1), at=NOON)
    year(desk, by)

    with desk.db.reading() as session:
        answer = rehearsal.replay(
            session, session.get_one(EntitlementTemplate, template.id), account_id=ada.account_id,
            since=date(2025, 1, 1), until=date(2026, 1, 1), desk=desk.settings,
        )  # fmt: skip

    assert answer.left == desk.remaining(real)
    assert (answer.covered, answer.taken) == (12, 12)
