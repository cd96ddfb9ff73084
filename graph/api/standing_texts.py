"""What goes out by itself, and the reply templates that were chosen for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.loading import Shown, by_id, together
from graph.api.problems import AnyProblem
from graph.api.queues import Queue
from graph.api.wording import ReplyTemplate
from intake import queues, wording
from intake.agents import Act, Principal

Occasion = wording.Occasion
strawberry.enum(
    Occasion,
    name="TextOccasion",
    description="What goes out by itself: the acknowledgement of a new case, or an offer to renew "
    "in its place; that a plan runs low, ends soon, has ended.",
)


@strawberry.type(description="The reply template that goes out on an occasion.")
class StandingText(Shown):
    occasion: Occasion = strawberry.field(description="When it goes out.")
    template_id: strawberry.Private[UUID]
    queue_id: strawberry.Private[UUID | None]

    @described("The template.")
    def template(self, info: Info) -> ReplyTemplate:
        return self.loaded(info, templates)[self.template_id]

    @described("The queue that chose it; null: the desk.")
    def queue(self, info: Info) -> Queue | None:
        return self.named(info, "queue_id", Queue, queues.Queue)


@strawberry.type(description="It was chosen.")
class TextsChosen:
    @described("What is chosen now.")
    def texts(self, info: Info) -> list[StandingText]:
        return together(StandingText, wording.chosen(info.context.session))


ChooseTextResult = Annotated[
    TextsChosen | AnyProblem,
    strawberry.union("ChooseTextResult", description="It was chosen, or why it was not."),
]


@strawberry.type
class StandingTextQueries:
    @described("The templates that go out by themselves; elsewhere our own words do. For managers.")
    def standing_texts(self, info: Info) -> list[StandingText]:
        info.context.principal.must(Act.MANAGE)
        return together(StandingText, wording.chosen(info.context.session))


@strawberry.type
class StandingTextMutations:
    @described(
        "Let a reply template go out on an occasion, from a queue or from the whole desk; without "
        "one, our own words. It may hold no word of a stranger. For managers."
    )
    def choose_text(
        self,
        info: Info,
        occasion: Occasion,
        template: UUID | None = None,
        queue: UUID | None = None,
    ) -> ChooseTextResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> TextsChosen:
            wording.choose(session, by, occasion, template, queue_id=queue, at=at)
            return TextsChosen()

        return done(info, act)


def templates(asking: Asking, texts: Sequence[StandingText]) -> Mapping[UUID | None, ReplyTemplate]:
    """The templates of these."""
    return by_id(asking, ReplyTemplate, wording.ReplyTemplate, (text.template_id for text in texts))
