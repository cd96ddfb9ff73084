"""What can be done to many cases: of each act what it changes, and what stands in its way.

What of a case it changes, so that a change of somebody else is seen; what that is now, in words;
whether a case is so already; how it is done; the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from intake import queues, reasons
from intake.acting import must_be_open
from intake.bulk import doing as how
from intake.bulk import undoing
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

    touches: Callable[[Doing, Case, Bulk], Known]
    """What of a case it changes, as plain values."""
    now: Callable[[Doing, Case, Bulk], str]
    """The same in words, such as "owner Grace"."""
    already: Callable[[Doing, Case, Bulk], bool]
    do: Callable[[Doing, Case, Bulk], object]
    take_back: Callable[[Doing, Case, Known], object]
    """Make it what it was before."""
    may: Callable[[Doing, Case, Bulk], object] | None = None
    """Raises what `do` would, as far as that can be known without doing it."""
    keeps: Callable[[Doing, Case, Bulk], Known] | None = None
    """What else is put back with it, whether it changed since or not."""
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


def _tags(_doing: Doing, case: Case, _bulk: Bulk) -> Known:
    return {"tags": sorted(tag.name for tag in case.tags)}


def _says(_doing: Doing, case: Case, bulk: Bulk) -> Known:
    return {name: said_of(case, name) for name in bulk.fields}


def _has_it(doing: Doing, case: Case, bulk: Bulk) -> bool:
    """Whether that agent has it and works on it; it may be theirs and wait for another."""
    if case.owner_id != bulk.agent_id:
        return False
    item = queues.item_of(doing.session, case)
    return item is None or item.worked_by_id == bulk.agent_id


def _waits_there(doing: Doing, case: Case, bulk: Bulk) -> bool:
    """Whether it is in that queue; it may have left it and be nowhere."""
    return case.queue_id == bulk.queue_id and queues.item_of(doing.session, case) is not None


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
        undoing.place, _owner, _has_it, how.assign, undoing.place_back, keeps=undoing.routing,
    ),
    What.RELEASE: Kind(
        undoing.place, _owner,
        lambda _, case, _bulk: case.owner_id is None and case.team_id is None,
        how.release, undoing.place_back, keeps=undoing.routing,
    ),
    What.ROUTE: Kind(
        undoing.place, _place, _waits_there, how.route, undoing.place_back, keeps=undoing.routing,
    ),
    What.REROUTE: Kind(
        undoing.place, _place,
        lambda doing, case, _bulk: _goes(doing, case).stays,
        how.reroute, undoing.place_back, keeps=undoing.routing,
        becomes=lambda doing, case, _bulk: _goes(doing, case).routed.place,
    ),
    What.PRIORITISE: Kind(
        lambda _, case, _bulk: {"priority": case.priority.value},
        lambda _, case, _bulk: case.priority.value,
        lambda _, case, bulk: case.priority is bulk.priority,
        how.prioritise, how.prioritise_back,
    ),
    What.CHANGE: Kind(
        _says,
        lambda doing, case, bulk: fields_in_words(doing.session, _says(doing, case, bulk), verb=""),
        lambda doing, case, bulk: _says(doing, case, bulk) == dict(bulk.fields),
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
        undoing.standing, _reason,
        lambda _, case, bulk: case.status.key == str(reason_of(bulk)),
        how.hold, undoing.standing_back, _may_hold, undoing.all_of,
    ),
    What.SNOOZE: Kind(
        undoing.plans, _asleep, lambda *_: False, how.snooze, undoing.plans_back,
    ),
    What.RESOLVE: Kind(
        undoing.standing, _reason, lambda *_: False, how.resolve, undoing.standing_back,
        _may_resolve, undoing.all_of,
    ),
    What.CANCEL: Kind(
        undoing.standing, _reason, lambda *_: False, how.cancel, undoing.standing_back,
        _may_cancel, undoing.all_of,
    ),
}  # fmt: skip
