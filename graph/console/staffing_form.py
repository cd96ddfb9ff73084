"""The forms of a queue, a team and of how an agent works: what they ask, and what typing means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from graph.console.filling import Reader
from intake.queues import Assignment, WhenNotCovered
from intake.staffing import QueueTerms, TeamTerms, WorkTerms

QUEUE_LABELS = {
    "name": "Name",
    "address": "Mailbox that feeds it",
    "members": "Members",
    "owner": "Whose a released {noun} is",
    "owner_team": "Whose a released {noun} is",
    "assignment": "Who gets what waits",
    "absent_minutes": "{Nouns} of an absent agent go back after, minutes",
    "when_not_covered": "{A_noun} that nothing covers",
    "slack_channel": "Slack channel",
    "is_default": "Default queue",
    "move_to": "What waits here moves to",
}
TEAM_LABELS = {
    "name": "Name",
    "lead": "Lead",
    "members": "Members",
    "default_queue": "{Nouns} wait in",
}
WORK_LABELS = {
    "capacity": "Capacity, units",
    "calendar": "Working hours",
    "default_queue": "{Nouns} wait in",
    "channels": "Of a channel",
    "skills": "Skills",
}
METHODS = [
    (Assignment.NONE.value, "Whoever picks it"),
    (Assignment.ROUND_ROBIN.value, "Members in turn"),
    (Assignment.HIGHEST_CAPACITY.value, "Who has most capacity free"),
    (Assignment.SKILLS_EXACT.value, "Who has every skill it asks for"),
    (Assignment.SKILLS_CLOSEST.value, "Whose skills come closest"),
]
UNCOVERED = [
    (WhenNotCovered.ACCEPT.value, "is accepted as work to bill"),
    (WhenNotCovered.REVIEW.value, "waits for review"),
    (WhenNotCovered.OFFER.value, "is accepted with an offer to renew"),
]


def queue_in(form: Mapping[str, str]) -> QueueTerms:
    """The terms of a queue in the form. Raises Misfilled."""
    reader = Reader(form)
    whose, _, id = form.get("owner", "").partition(" ")
    terms = QueueTerms(
        name=reader.text("name", longest=120, needed=True),
        address=reader.text("address", longest=254),
        private="private" in form,
        members_only="members_only" in form,
        member_ids=frozenset(ticked(form, "member")),
        owner_id=_uuid(id) if whose == "agent" else None,
        owner_team_id=_uuid(id) if whose == "team" else None,
        is_default="is_default" in form,
        assignment=reader.one_of("assignment", Assignment, Assignment.NONE),
        absent_minutes=reader.whole_or_none("absent_minutes"),
        when_not_covered=reader.one_of("when_not_covered", WhenNotCovered, WhenNotCovered.ACCEPT),
        acknowledge="acknowledge" in form,
        slack_channel=reader.text("slack_channel", longest=64),
    )
    reader.finish()
    return terms


def of_queue(terms: QueueTerms) -> dict[str, str]:
    """The form as a queue fills it in."""
    owner = f"agent {terms.owner_id}" if terms.owner_id else ""
    values = {
        "name": terms.name,
        "address": terms.address,
        "owner": f"team {terms.owner_team_id}" if terms.owner_team_id else owner,
        "assignment": terms.assignment.value,
        "absent_minutes": "" if terms.absent_minutes is None else str(terms.absent_minutes),
        "when_not_covered": terms.when_not_covered.value,
        "slack_channel": terms.slack_channel,
        **{f"member.{id}": "on" for id in terms.member_ids},
    }
    flags = ("private", "members_only", "is_default", "acknowledge")
    return values | {name: "on" for name in flags if getattr(terms, name)}


def team_in(form: Mapping[str, str]) -> TeamTerms:
    """The terms of a team in the form. Raises Misfilled."""
    reader = Reader(form)
    terms = TeamTerms(
        name=reader.text("name", longest=120, needed=True),
        lead_id=reader.id("lead"),
        member_ids=frozenset(ticked(form, "member")),
        default_queue_id=reader.id("default_queue"),
    )
    reader.finish()
    return terms


def of_team(terms: TeamTerms) -> dict[str, str]:
    """The form as a team fills it in."""
    return {
        "name": terms.name,
        "lead": str(terms.lead_id or ""),
        "default_queue": str(terms.default_queue_id or ""),
        **{f"member.{id}": "on" for id in terms.member_ids},
    }


def work_in(form: Mapping[str, str], channels: Iterable[str]) -> WorkTerms:
    """How an agent works, in the form. Raises Misfilled."""
    reader = Reader(form)
    limits = {name: reader.whole_or_none(f"channel.{name}") for name in channels}
    levels = {
        id: reader.whole(f"skill.{id}", 0) for id in ticked(form, "skill") if form[f"skill.{id}"]
    }
    terms = WorkTerms(
        capacity=reader.whole("capacity", 0),
        channels={name: units for name, units in limits.items() if units is not None},
        calendar_id=reader.id("calendar"),
        default_queue_id=reader.id("default_queue"),
        skills={id: level for id, level in levels.items() if level},
    )
    reader.finish()
    return terms


def of_work(terms: WorkTerms) -> dict[str, str]:
    """The form as an agent's work fills it in."""
    return {
        "capacity": str(terms.capacity),
        "calendar": str(terms.calendar_id or ""),
        "default_queue": str(terms.default_queue_id or ""),
        **{f"channel.{name}": str(units) for name, units in terms.channels.items()},
        **{f"skill.{id}": str(level) for id, level in terms.skills.items()},
    }


def ticked(form: Mapping[str, str], kind: str) -> list[UUID]:
    """The ids of the fields called `kind.id` that were sent."""
    found = (_uuid(name.removeprefix(f"{kind}.")) for name in form if name.startswith(f"{kind}."))
    return [id for id in found if id is not None]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
