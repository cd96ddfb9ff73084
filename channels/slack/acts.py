"""What agents do in Slack: buttons pressed and sheets submitted become acts of the second door.

Only a Slack user who is mapped to an active agent acts, and only with that agent's rights; all
that a request says of a case is checked again. A request that is repeated changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from channels.slack import (
    answering,
    aside,
    closing,
    continuing,
    covering,
    forms,
    holding,
    later,
    merging,
    noting,
    planning,
    presence,
    ready,
    seen,
    steering,
    taking,
)
from channels.slack.asking import Asker, Press
from channels.slack.forms import NotASheet, Sheet, Submitted
from intake import agents, events, viewers
from intake.acting import tell_slack
from intake.agents import SYSTEM, Principal
from intake.cases import Case
from intake.db import Database
from intake.desk import Desk
from intake.errors import IntakeError, NotFound
from intake.nouns import noun
from intake.settings import Settings

log = structlog.get_logger()

# Slack may not tell us that a sheet was left; longer than this nobody is taken to be at it.
SHEET_LASTS = timedelta(minutes=5)
STRANGER = (
    "Nothing was changed: your Slack user {user} is not linked to an active agent of this desk. "
    "Ask an administrator to link it."
)

# What a button does: it says why not, or nothing; or it opens a sheet.
Button = Callable[[Session, Principal, UUID, Desk, datetime], Sheet | str]
BUTTONS: dict[str, Button] = {
    "take": taking.take,
    "release": taking.release,
    "reopen": closing.reopen,
    "reply": answering.asked,
    "resolve": closing.asked,
    "merge": merging.asked,
    "why": covering.why,
    "template": ready.template_sheet,
    "macro": ready.macro_sheet,
    "hold": holding.asked,
    "resume": holding.resume,
    "plan": planning.plan_sheet,
    "complete": planning.complete_sheet,
    "note": noting.note_sheet,
    "time": noting.time_sheet,
    "assign": taking.assign_sheet,
    "follow-up": later.follow_up_sheet,
    "priority": steering.priority_sheet,
    "escalate": steering.escalate_sheet,
    "go-on": continuing.go_on,
    "apart": continuing.keep_apart,
    **later.ACTS,
}
# The same for what stands below one message, whose id it is given.
BELOW_MESSAGES: dict[str, Button] = {"split": continuing.split_off}

# Sheets that lead to another, and those that are done with when they are submitted.
LEADING: dict[str, Callable[[Session, Principal, Submitted, Desk, datetime], Sheet]] = {
    merging.MERGE: merging.confirmation,
    ready.TEMPLATE: ready.filled,
}
LAST: dict[str, Callable[[Session, Principal, Submitted, Desk, datetime], None]] = {
    answering.REPLY: answering.reply,
    closing.RESOLVE: closing.resolve,
    merging.MERGE_NOW: merging.merge,
    ready.MACRO: ready.apply,
    holding.HOLD: holding.hold,
    planning.PLAN: planning.plan,
    planning.COMPLETE: planning.complete,
    noting.NOTE: noting.note,
    noting.TIME: noting.log_time,
    taking.ASSIGN: taking.assign,
    later.FOLLOW_UP: later.agree,
    steering.PRIORITY: steering.prioritise,
    steering.ESCALATE: steering.escalate,
}


class Acts:
    """The acts of one desk. Slack's threads call it; each call opens its own transactions."""

    def __init__(self, db: Database, desk: Desk, settings: Settings) -> None:
        self._db = db
        self._desk = desk
        self._settings = settings

    def pressed(self, body: Mapping[str, Any]) -> None:
        """Do what a button says. What stands against it is told to whoever pressed it, alone."""
        press, at = Press.of(body), datetime.now(UTC)
        if press.act not in BUTTONS | BELOW_MESSAGES:
            return  # a link: Slack opens it and tells us
        with self._db.transaction() as session:
            if not seen.first_time(session, press.key, at=at):
                return
            answer = self._answer(session, press, at)
        if isinstance(answer, dict):
            aside.open_sheet(press, answer, self._settings)
        elif answer:
            aside.tell(press, answer, self._settings)

    def commanded(self, body: Mapping[str, Any]) -> str:
        """Do what `/deskbell` says; the answer, which only whoever wrote it sees."""
        asker = Asker(str(body.get("user_id") or ""), str(body.get("team_id") or ""))
        at = datetime.now(UTC)
        try:
            with self._db.transaction() as session:
                by = self._agent(session, asker)
                if by is None:
                    self._refuse(session, asker, "command", None, at)
                    return STRANGER.format(user=asker.user)
                return presence.said(session, by, str(body.get("text") or ""), at=at)
        except IntakeError as error:
            return str(error)

    def submitted(self, body: Mapping[str, Any]) -> str | Sheet:
        """Do what a sheet says; why not, in words, or ''; or the sheet that follows this one."""
        asker, view, at = Asker.of(body), body.get("view") or {}, datetime.now(UTC)
        try:
            with self._db.transaction() as session:
                by = self._agent(session, asker)
                if by is None:
                    self._refuse(session, asker, f"sheet {view.get('callback_id')}", None, at)
                    return _refused(view, STRANGER.format(user=asker.user))
                return self._submit(session, by, view, at)
        except IntakeError as error:
            return _refused(view, str(error))

    def closed(self, body: Mapping[str, Any]) -> None:
        """Somebody left a sheet without submitting it: they are at its case no longer."""
        case_id = forms.case_of(body.get("view"))
        with self._db.transaction() as session:
            by = self._agent(session, Asker.of(body))
            if by is not None and case_id is not None:
                viewers.leave(session, by, case_id, at=datetime.now(UTC))

    def _answer(self, session: Session, press: Press, at: datetime) -> Sheet | str:
        case_id = _uuid(press.value)
        by = self._agent(session, press.asker)
        if by is None:
            self._refuse(session, press.asker, press.act, case_id, at)
            return STRANGER.format(user=press.asker.user)
        try:
            if case_id is None:
                raise NotFound(f"there is no such {noun}")
            # What an act did before its rule was broken is undone; that it was tried is kept.
            with session.begin_nested():
                if act := BELOW_MESSAGES.get(press.act):
                    return act(session, by, _uuid(press.message) or case_id, self._desk, at)
                answer = BUTTONS[press.act](session, by, case_id, self._desk, at)
                _at_sheet(session, by, case_id, answer, at)
                if press.listed:
                    # Slack shows what was chosen until the card is changed, and takes it once.
                    tell_slack(session, session.get_one(Case, case_id), "refresh", at)
                return answer
        except IntakeError as error:
            return str(error)

    def _submit(
        self, session: Session, by: Principal, view: Mapping[str, Any], at: datetime
    ) -> str | Sheet:
        sheet = Submitted.read(view)
        if lead := LEADING.get(sheet.kind):
            answer = lead(session, by, sheet, self._desk, at)
            _at_sheet(session, by, sheet.case_id, answer, at)
            return answer
        if sheet.kind not in LAST:
            raise NotASheet("this sheet is not known here; open it again from the card")
        # A sheet that was refused is not done with: it is mended and comes again.
        if seen.first_time(session, f"sheet\0{view.get('id')}", at=at):
            LAST[sheet.kind](session, by, sheet, self._desk, at)
            viewers.leave(session, by, sheet.case_id, at=at)
        return ""

    def _agent(self, session: Session, asker: Asker) -> Principal | None:
        if self._settings.slack_team and asker.team != self._settings.slack_team:
            return None
        return agents.by_slack_user(session, asker.user)

    def _refuse(
        self, session: Session, asker: Asker, act: str, case_id: UUID | None, at: datetime
    ) -> None:
        log.warning("slack refused", user=asker.user, team=asker.team, act=act)
        events.record(
            session,
            "slack.refused",
            at=at,
            actor=replace(SYSTEM, via="slack"),
            case_id=case_id,
            user=asker.user,
            team=asker.team,
            act=act,
        )


def _at_sheet(
    session: Session, by: Principal, case_id: UUID, answer: Sheet | str, at: datetime
) -> None:
    """Whoever has a sheet of a case before them is at it; who answers in it writes."""
    if isinstance(answer, dict):
        writes = answer["callback_id"] == answering.REPLY
        viewers.beat(session, by, case_id, at=at, writing=writes, lasts=SHEET_LASTS)


def _refused(view: Mapping[str, Any], why: str) -> str | Sheet:
    """Why not, in words; or as a sheet where the one submitted has no question to say it beside."""
    return why if forms.beside(view, why) else forms.refused(why)


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
