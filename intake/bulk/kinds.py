"""What can be done to many cases: of each act what it changes, and what stands in its way.

What of a case it changes, so that a change of somebody else is seen; what that is now, in words;
whether a case is so already; how it is done; the way back, if there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from intake import reasons
from intake.acting import must_be_open
from intake.bulk import doing as how
from intake.bulk.acts import Bulk, What, reason_of, status_of
from intake.bulk.doing import Doing, Known
from intake.cases import Case
from intake.errors import IntakeError
from intake.queues import Queue
from intake.work.closing import may_cancel, may_resolve
from intake.work.rerouting import Destination, destination
from intake.work.saying import fields_in_words, may_say, said_of


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that can be done to many cases."""

    touches: Callable[[Case, Bulk], Known]
    """What of a case it changes, as plain values."""
    now: Callable[[Doing, Case, Bulk], str]
    """The same in words, such as "owner Grace"."""
    already: Callable[[Doing, Case, Bulk], bool]
    do: Callable[[Doing, Case, Bulk], object]
    take_back: Callable[[Doing, Case, Known], object] | None
    """Make it what it was before; None where nothing leads back."""
    may: Callable[[Doing, Case, Bulk], object] | None = None
    """Raises what `do` would, as far as that can be known without doing it."""
    becomes: Callable[[Doing, Case, Bulk], str] | None = None
    """What comes of a case in words, where it is not the same for all of them."""

    @property
    def costly(self) -> bool:
        """Whether each case must be asked about in the database."""
        return self.may is not None or self.becomes is not None

    def why_not(self, doing: Doing, case: Case, bulk: Bulk) -> str:
        """Why a rule would refuse it of this case, or ''."""
        try:
            must_be_open(case)
            if self.may is not None:
                self.may(doing, case, bulk)
        except IntakeError as error:
            return str(error)
        return ""


def _may_change(doing: Doing, case: Case, bulk: Bulk) -> None:
    may_say(doing.session, case, bulk.fields)


def _may_hold(doing: Doing, case: Case, bulk: Bulk) -> None:
    reasons.must_follow(doing.session, case, status_of(doing.session, bulk))


def _may_resolve(doing: Doing, case: Case, bulk: Bulk) -> None:
    may_resolve(doing.session, case, status_of(doing.session, bulk), desk=doing.desk)


def _may_cancel(doing: Doing, case: Case, _bulk: Bulk) -> None:
    may_cancel(doing.session, case, desk=doing.desk)


def _whose(case: Case, _bulk: Bulk) -> Known:
    return {
        "owner": str(case.owner_id) if case.owner_id else None,
        "team": str(case.team_id) if case.team_id else None,
    }


def _where(case: Case, bulk: Bulk) -> Known:
    return {"queue": str(case.queue_id), **_whose(case, bulk)}


def _stands(case: Case, _bulk: Bulk) -> Known:
    return {"state": case.state.value, "status": case.status.key}


def _put_off(case: Case, _bulk: Bulk) -> Known:
    until = case.wakes_at.isoformat() if case.wakes_at else None
    return {"snoozed": case.snoozed_at is not None, "until": until}


def _tags(case: Case, _bulk: Bulk) -> Known:
    return {"tags": sorted(tag.name for tag in case.tags)}


def _says(case: Case, bulk: Bulk) -> Known:
    return {name: said_of(case, name) for name in bulk.fields}


def _owner(_doing: Doing, case: Case, _bulk: Bulk) -> str:
    who = case.owner or case.team
    return who.name if who is not None else "nobody"


def _place(doing: Doing, case: Case, bulk: Bulk) -> str:
    queue = doing.session.get_one(Queue, case.queue_id).name
    return f"{queue}, {_owner(doing, case, bulk)}" if case.owner or case.team else queue


def _goes(doing: Doing, case: Case) -> Destination:
    return destination(doing.session, case, at=doing.at)


def _reason(_doing: Doing, case: Case, _bulk: Bulk) -> str:
    return str(case.status)


def _tagged(_doing: Doing, case: Case, _bulk: Bulk) -> str:
    return ", ".join(tag.name for tag in case.tags) or "no tags"


def _asleep(_doing: Doing, case: Case, _bulk: Bulk) -> str:
    if case.snoozed_at is None:
        return "not snoozed"
    return f"snoozed until {case.wakes_at:%F %R %Z}" if case.wakes_at else "snoozed"


def _folded(case: Case) -> set[str]:
    return {tag.folded for tag in case.tags}


def _wanted(bulk: Bulk) -> set[str]:
    return {name.strip().casefold() for name in bulk.tags}


KINDS: Mapping[What, Kind] = {
    What.ASSIGN: Kind(
        _whose, _owner, lambda _, case, bulk: case.owner_id == bulk.agent_id,
        how.assign, how.assign_back,
    ),
    What.RELEASE: Kind(
        _whose, _owner, lambda _, case, _bulk: case.owner_id is None and case.team_id is None,
        how.release, how.assign_back,
    ),
    What.ROUTE: Kind(
        _where, _place, lambda _, case, bulk: case.queue_id == bulk.queue_id,
        how.route, how.route_back,
    ),
    What.REROUTE: Kind(
        _where, _place, lambda doing, case, _bulk: _goes(doing, case).stays,
        how.reroute, how.route_back,
        becomes=lambda doing, case, _bulk: _goes(doing, case).routed.place,
    ),
    What.PRIORITISE: Kind(
        lambda case, _bulk: {"priority": case.priority.value},
        lambda _, case, _bulk: case.priority.value,
        lambda _, case, bulk: case.priority is bulk.priority,
        how.prioritise, how.prioritise_back,
    ),
    What.CHANGE: Kind(
        _says,
        lambda doing, case, bulk: fields_in_words(doing.session, _says(case, bulk), verb=""),
        lambda _, case, bulk: _says(case, bulk) == dict(bulk.fields),
        how.change, how.change_back, _may_change,
    ),
    What.TAG: Kind(
        _tags, _tagged, lambda _, case, bulk: _wanted(bulk) <= _folded(case),
        how.tag, how.tag_back,
    ),
    What.UNTAG: Kind(
        _tags, _tagged, lambda _, case, bulk: not _wanted(bulk) & _folded(case),
        how.untag, how.untag_back,
    ),
    What.HOLD: Kind(
        _stands, _reason,
        lambda _, case, bulk: case.status.key == str(reason_of(bulk)),
        how.hold, how.hold_back, _may_hold,
    ),
    What.SNOOZE: Kind(_put_off, _asleep, lambda *_: False, how.snooze, how.snooze_back),
    What.RESOLVE: Kind(
        _stands, _reason, lambda *_: False, how.resolve, how.resolve_back, _may_resolve,
    ),
    What.CANCEL: Kind(_stands, _reason, lambda *_: False, how.cancel, None, _may_cancel),
}  # fmt: skip
