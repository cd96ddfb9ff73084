"""What agents do in Slack: buttons pressed and sheets submitted become acts of the second door.

Only a Slack user who is mapped to an active agent acts, and only with that agent's rights; all
that a request says of a case is checked again. A request that is repeated changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from slack_sdk.errors import SlackApiError
from sqlalchemy.orm import Session

from channels import NotNow
from channels.slack import later, merging, presence, ready, seen, sheets
from channels.slack.calling import AWAY, client_of
from channels.slack.sheets import Sheet, Submitted
from channels.slack.words import escaped
from intake import agents, events, viewers, work
from intake.agents import SYSTEM, Act, Principal
from intake.cases import NotOpen
from intake.db import Database
from intake.desk import Desk
from intake.errors import IntakeError, NotFound
from intake.nouns import noun
from intake.settings import Settings
from intake.visibility import one_visible

log = structlog.get_logger()

# Slack waits three seconds for an answer, and a sheet must be opened within them.
AT_ONCE_SECONDS = 2
# Slack says nothing of a sheet that is left open; longer than this nobody is taken to write in it.
SHEET_LASTS = timedelta(minutes=5)
STRANGER = (
    "Nothing was changed: your Slack user {user} is not linked to an active agent of this desk. "
    "Ask an administrator to link it."
)


class SomebodyElseWrote(IntakeError):
    """The answer would go to somebody else than the sheet has shown."""

    code = "somebody-else-wrote"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who did something in Slack, as Slack says it."""

    user: str
    team: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Asker:
        """The user of a request, with the team they are at home in."""
        user = body.get("user") or {}
        team = user.get("team_id") or (body.get("team") or {}).get("id") or ""
        return cls(str(user.get("id") or ""), str(team))


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a button, and where to answer it."""

    asker: Asker
    act: str
    value: str
    pressed_at: str
    channel: str
    below: str
    trigger: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Press:
        """The press in a block_actions request."""
        action, container = body["actions"][0], body.get("container") or {}
        act, value = str(action.get("action_id") or ""), str(action.get("value") or "")
        if chosen := action.get("selected_option"):
            # One of several behind three dots says itself which act it is.
            act, _, value = str(chosen.get("value") or "").partition(" ")
        return cls(
            asker=Asker.of(body),
            act=act,
            value=value,
            pressed_at=str(action.get("action_ts") or ""),
            channel=str(container.get("channel_id") or ""),
            below=str(container.get("thread_ts") or ""),
            trigger=str(body.get("trigger_id") or ""),
        )

    @property
    def key(self) -> str:
        """What makes two requests one press."""
        parts = ("press", self.asker.team, self.asker.user, self.act, self.value, self.pressed_at)
        return "\0".join(parts)


class Acts:
    """The acts of one desk. Slack's threads call it; each call opens its own transactions."""

    def __init__(self, db: Database, desk: Desk, settings: Settings) -> None:
        self._db = db
        self._desk = desk
        self._settings = settings

    def pressed(self, body: Mapping[str, Any]) -> None:
        """Do what a button says. What stands against it is told to whoever pressed it, alone."""
        press, at = Press.of(body), datetime.now(UTC)
        if press.act not in _BUTTONS:
            return  # a link: Slack opens it and tells us
        with self._db.transaction() as session:
            if not seen.first_time(session, press.key, at=at):
                return
            answer = self._answer(session, press, at)
        if isinstance(answer, dict):
            self._open(press, answer)
        elif answer:
            self._tell(press, answer)

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
        """Do what a sheet says; why not, in words, or ''; or the sheet that asks once more."""
        asker, view, at = Asker.of(body), body.get("view") or {}, datetime.now(UTC)
        try:
            with self._db.transaction() as session:
                by = self._agent(session, asker)
                if by is None:
                    self._refuse(session, asker, f"sheet {view.get('callback_id')}", None, at)
                    return STRANGER.format(user=asker.user)
                sheet = Submitted.read(view)
                if sheet.kind == sheets.MERGE:
                    return merging.confirmation(session, by, sheet)
                if sheet.kind == sheets.TEMPLATE:
                    return ready.filled(session, by, sheet, self._desk)
                # A sheet that was refused is not done with: it is mended and comes again.
                if seen.first_time(session, f"sheet\0{view.get('id')}", at=at):
                    self._submit(session, by, sheet, at)
                return ""
        except IntakeError as error:
            # A sheet that asks for nothing has no place to say why beside.
            asks = view.get("callback_id") not in sheets.WITHOUT_WORDS
            return str(error) if asks else sheets.refused(str(error))

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
                return _BUTTONS[press.act](session, by, case_id, self._desk, at)
        except IntakeError as error:
            return str(error)

    def _submit(self, session: Session, by: Principal, sheet: Submitted, at: datetime) -> None:
        if sheet.kind == sheets.REPLY:
            self._reply(session, by, sheet, at)
        elif sheet.kind == sheets.RESOLVE:
            work.resolve(
                session, by, sheet.case_id, sheet.text, desk=self._desk, at=at,
                kind=sheet.reason, billable_minutes=sheet.minutes,
                cancel_open_activities=sheet.cancel_open,
            )  # fmt: skip
        elif sheet.kind == sheets.MERGE_NOW:
            merging.merge(session, by, sheet, self._desk, at)
        elif sheet.kind == sheets.MACRO:
            ready.apply(session, by, sheet, self._desk, at)
        else:
            raise sheets.NotASheet("this sheet is not known here; open it again from the card")

    def _reply(self, session: Session, by: Principal, sheet: Submitted, at: datetime) -> None:
        way = work.way_back(session, by, sheet.case_id)
        if way.to != sheet.to:
            raise SomebodyElseWrote(
                f"this would now go to {sheets.recipient(way)}; open the sheet again to see it"
            )
        work.reply(session, by, sheet.case_id, sheet.text, desk=self._desk, at=at)
        viewers.leave(session, by, sheet.case_id, at=at)

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

    def _open(self, press: Press, sheet: Sheet) -> None:
        self._call("views.open", {"trigger_id": press.trigger, "view": sheet})

    def _tell(self, press: Press, text: str) -> None:
        note = {"channel": press.channel, "user": press.asker.user, "text": escaped(text)}
        self._call("chat.postEphemeral", note | ({"thread_ts": press.below} if press.below else {}))

    def _call(self, method: str, arguments: dict[str, Any]) -> None:
        """Answer whoever pressed. That this fails changes nothing of what was done."""
        try:
            client = client_of(self._settings, timeout_seconds=AT_ONCE_SECONDS)
            client.api_call(method, json=arguments)
        except SlackApiError as error:
            log.warning("slack not answered", method=method, why=error.response.get("error"))
        except (*AWAY, NotNow) as error:
            log.warning("slack not answered", method=method, why=type(error).__name__)


def _take(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    work.pick(session, by, case_id, at=at)
    return ""


def _release(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    work.release(session, by, case_id, at=at)
    return ""


def _reopen(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> str:
    work.reopen(session, by, case_id, desk=desk, at=at)
    return ""


def _reply_sheet(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet:
    way = work.way_back(session, by, case_id)
    viewers.beat(session, by, case_id, at=at, writing=True, lasts=SHEET_LASTS)
    return sheets.reply(one_visible(session, by, case_id), way)


def _resolve_sheet(
    session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime
) -> Sheet:
    by.must(Act.WORK)
    case = one_visible(session, by, case_id)
    if not case.open:
        raise NotOpen(f"{noun} {case.number} is {case.state}; reopen it first")
    return sheets.resolve(case, [each.subject for each in work.open_of(session, [case.id])])


def _why_sheet(session: Session, by: Principal, case_id: UUID, desk: Desk, at: datetime) -> Sheet:
    by.must(Act.WORK)
    return sheets.why(one_visible(session, by, case_id))


_BUTTONS: dict[str, Callable[[Session, Principal, UUID, Desk, datetime], Sheet | str]] = {
    "take": _take,
    "release": _release,
    "reopen": _reopen,
    "reply": _reply_sheet,
    "resolve": _resolve_sheet,
    "merge": merging.asked,
    "why": _why_sheet,
    "template": ready.template_sheet,
    "macro": ready.macro_sheet,
    **later.ACTS,
}


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
