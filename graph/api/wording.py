"""Reply templates and signatures: what is written beforehand, and how it reads for a case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.loading import Shown, together
from graph.api.problems import AnyProblem, problem
from intake import wording
from intake.agents import Act, Principal
from intake.errors import IntakeError
from intake.visibility import by_number


@strawberry.type(description="A text in one language.")
class LocalText:
    language: str = strawberry.field(description="Its language, as in en or pt-BR.")
    text: str = strawberry.field(description="What it says, with placeholders such as {number}.")


@strawberry.type(description="What can be filled in a text.")
class Placeholder:
    name: str = strawberry.field(description="What stands between the braces.")
    words: str = strawberry.field(description="What it becomes.")


@strawberry.type(description="An answer written beforehand.")
class ReplyTemplate(Shown):
    id: UUID = strawberry.field(description="The template's id.")
    name: str = strawberry.field(description="What it is called.")
    version: int = strawberry.field(description="Goes up with each change: `expectedVersion`.")
    archived_at: datetime | None = strawberry.field(description="Since when it is not offered.")

    @described("Its texts; the first is for those whose language it lacks.")
    def texts(self) -> list[LocalText]:
        return [LocalText(language=each.language, text=each.text) for each in self.row.texts]


@strawberry.type(description="A template as it reads for a case. Nothing is sent.")
class FilledText:
    text: str = strawberry.field(description="What to send, without the queue's signature.")
    language: str = strawberry.field(description="The language it is in.")
    note: str = strawberry.field(
        description="What to look at: another language than preferred, or something unknown."
    )


@strawberry.type
class WordingQueries:
    @described("The reply templates that are offered, by name.")
    def reply_templates(self, info: Info, archived: bool = False) -> list[ReplyTemplate]:
        info.context.principal.must(Act.READ)
        return together(ReplyTemplate, wording.every(info.context.session, archived=archived))

    @described("A template as it reads for a case, in the language of its contact if not told.")
    def filled_template(
        self, info: Info, template: UUID, case_number: int, language: str = ""
    ) -> FilledText:
        asking = info.context
        case = by_number(asking.session, asking.principal, case_number)
        found = wording.by_id(asking.session, template)
        said = wording.filled(
            asking.session, found, case, asking.principal, asking.house.desk, language=language
        )
        return FilledText(text=said.text, language=said.language, note=said.note)

    @described("What can be filled in a template or a signature.")
    def placeholders(self) -> list[Placeholder]:
        return [Placeholder(name=name, words=said) for name, said in wording.PLACEHOLDERS.items()]

    @described("The signature of a queue in each language; the first is for all others.")
    def signatures(self, info: Info, queue: UUID) -> list[LocalText]:
        info.context.principal.must(Act.READ)
        found = wording.signatures_of(info.context.session, queue)
        return [LocalText(language=each.language, text=each.text) for each in found]


@strawberry.input(description="A text in one language, as it is written.")
class LocalTextInput:
    language: str = strawberry.field(description="As in en or pt-BR.")
    text: str = strawberry.field(description="With placeholders such as {number}.")


@strawberry.type(description="It was done.")
class TemplateChanged:
    template_id: strawberry.Private[UUID]

    @described("The template now.")
    def template(self, info: Info) -> ReplyTemplate:
        return ReplyTemplate.of(wording.by_id(info.context.session, self.template_id))


@strawberry.type(description="The queue's answers are signed so.")
class SignaturesChanged:
    signatures: list[LocalText] = strawberry.field(description="In each language.")


TemplateResult = Annotated[
    TemplateChanged | AnyProblem,
    strawberry.union("TemplateResult", description="It was done, or why it was not."),
]
SignaturesResult = Annotated[
    SignaturesChanged | AnyProblem,
    strawberry.union("SignaturesResult", description="It was done, or why it was not."),
]
Texts = Annotated[
    list[LocalTextInput],
    strawberry.argument(description="One for each language; the first is for all others."),
]


@strawberry.type
class WordingMutations:
    @described("Write a reply template. For managers.")
    def write_template(self, info: Info, name: str, texts: Texts) -> TemplateResult:
        at = info.context.at
        return _change(
            info, lambda session, by: wording.write(session, by, name, _said(texts), at=at)
        )

    @described("Replace what a reply template says. For managers.")
    def rewrite_template(
        self, info: Info, id: UUID, name: str, texts: Texts, expected_version: int | None = None
    ) -> TemplateResult:
        at = info.context.at
        return _change(
            info,
            lambda session, by: wording.rewrite(
                session, by, id, name, _said(texts), at=at, version=expected_version
            ),
        )

    @described("Offer a reply template no more. For managers.")
    def archive_template(self, info: Info, id: UUID) -> TemplateResult:
        at = info.context.at
        return _change(info, lambda session, by: wording.archive(session, by, id, at=at))

    @described("Sign a queue's answers with these texts; none: not at all. For managers.")
    def sign_queue(self, info: Info, queue: UUID, texts: Texts) -> SignaturesResult:
        asking = info.context
        try:
            with asking.acting() as session:
                found = wording.sign_with(
                    session, asking.principal, queue, _said(texts), at=asking.at
                )
        except IntakeError as error:
            return problem(error)
        return SignaturesChanged(
            signatures=[LocalText(language=each.language, text=each.text) for each in found]
        )


def _change(
    info: Info, act: Callable[[Session, Principal], wording.ReplyTemplate]
) -> TemplateChanged | AnyProblem:
    return done(info, lambda session, by: TemplateChanged(template_id=act(session, by).id))


def _said(texts: Sequence[LocalTextInput]) -> dict[str, str]:
    return {each.language: each.text for each in texts}
