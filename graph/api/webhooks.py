"""Webhooks: who listens to what happens here, what they were sent, and how each try went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlalchemy.orm import Session
from strawberry.scalars import JSON

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.limits import FIRST_DEFAULT
from graph.api.loading import Shown, by_id, grouped, together
from graph.api.pages import After, Connection, First, Order, page
from graph.api.problems import AnyProblem
from intake import events, webhooks
from intake.agents import Principal

DeliveryState = events.DeliveryState


@strawberry.type(description="One call that was made, or could not be.")
class WebhookTry(Shown):
    id: UUID = strawberry.field(description="The try's id.")
    at: datetime = strawberry.field(description="When.")
    took_ms: int = strawberry.field(description="How long it took, in milliseconds.")
    status: int | None = strawberry.field(
        description="The HTTP status of the answer; null when there was none."
    )
    said: str = strawberry.field(description="How the answer began, or why there was none.")


@strawberry.type(description="One promise to call an endpoint; its id is the `webhook-id`.")
class WebhookDelivery(Shown):
    id: UUID = strawberry.field(description="The id that every try carries.")
    state: DeliveryState = strawberry.field(description="due, sent or failed.")
    attempts: int = strawberry.field(description="How often it was tried, or put off.")
    promised_at: datetime = strawberry.field(description="When it was promised.")
    due_at: datetime = strawberry.field(description="When it is tried next, if it is due.")
    sent_at: datetime | None = strawberry.field(description="When it was taken.")
    error: str = strawberry.field(description="Why it was not taken, or empty.")
    forgotten_at: datetime | None = strawberry.field(
        description="When what it said was given up; null while it is kept."
    )

    @described("What it tells of: case.resolved, webhook.test …")
    def kind(self) -> str:
        kind: str = webhooks.body_of(self.row, "")["kind"]
        return kind

    @described("What it says, as it is sent.")
    def body(self, info: Info) -> JSON:
        return JSON(webhooks.body_of(self.row, info.context.house.settings.base_url))

    @described("How each try went, the newest first.")
    def tries(self, info: Info) -> list[WebhookTry]:
        return self.loaded(info, tries_of).get(self.id, [])


NEWEST = Order("webhook-deliveries", events.Delivery.promised_at, events.Delivery.id, True)


@strawberry.type(description="Where another program hears of what happens here.")
class Webhook(Shown):
    id: UUID = strawberry.field(description="The endpoint's id.")
    url: str = strawberry.field(description="What is called.")
    description: str = strawberry.field(description="What it is for.")
    kinds: list[str] = strawberry.field(
        description="The kinds of event it hears of: case.resolved, case.*, *."
    )
    active: bool = strawberry.field(description="Whether it is promised anything.")
    paused_why: str = strawberry.field(description="Why it is paused, or empty.")
    failures: int = strawberry.field(description="How many tries in a row it did not take.")
    failing_since: datetime | None = strawberry.field(
        description="Since when it is known as failing."
    )
    quiet_until: datetime | None = strawberry.field(
        description="Until when it is left alone, because it took nothing."
    )
    rotated_at: datetime | None = strawberry.field(
        description="When its secret was changed; the old one is good for a day more."
    )
    created_at: datetime = strawberry.field(description="When it was registered.")
    version: int = strawberry.field(description="Goes up with each change: `expectedVersion`.")

    @described("What was promised to it, the newest first.")
    def deliveries(
        self,
        info: Info,
        state: DeliveryState | None = None,
        first: First = FIRST_DEFAULT,
        after: After = None,
    ) -> Connection[WebhookDelivery]:
        statement = webhooks.deliveries_to(self.id)
        if state is not None:
            statement = statement.where(events.Delivery.state == state)
        return page(info.context, statement, NEWEST, WebhookDelivery, first=first, after=after)


@strawberry.type
class WebhookQueries:
    @described("All endpoints, the oldest first. For administrators.")
    def webhooks(self, info: Info) -> list[Webhook]:
        asking = info.context
        return together(Webhook, webhooks.every(asking.session, asking.principal))

    @described("The endpoint of that id, or null. For administrators.")
    def webhook(self, info: Info, id: UUID) -> Webhook | None:
        asking = info.context
        rows = webhooks.every(asking.session, asking.principal)
        return next(iter(together(Webhook, [row for row in rows if row.id == id])), None)


@strawberry.type(description="It was done.")
class WebhookChanged:
    webhook_id: strawberry.Private[UUID]
    secret: str | None = strawberry.field(
        description="The new secret, shown this once; null when there is none."
    )

    @described("The endpoint now; null when it was removed.")
    def webhook(self, info: Info) -> Webhook | None:
        found = by_id(info.context, Webhook, webhooks.Endpoint, [self.webhook_id])
        return found.get(self.webhook_id)


@strawberry.type(description="It is promised, and sent at once.")
class WebhookPromised:
    delivery_id: strawberry.Private[UUID]

    @described("The delivery now.")
    def delivery(self, info: Info) -> WebhookDelivery:
        found = by_id(info.context, WebhookDelivery, events.Delivery, [self.delivery_id])
        return found[self.delivery_id]


WebhookResult = Annotated[
    WebhookChanged | AnyProblem,
    strawberry.union("WebhookResult", description="It was done, or why it was not."),
]
WebhookSendResult = Annotated[
    WebhookPromised | AnyProblem,
    strawberry.union("WebhookSendResult", description="It is promised, or why it is not."),
]
WebhookId = Annotated[UUID, strawberry.argument(description="The id of the endpoint.")]
Version = Annotated[
    int | None,
    strawberry.argument(
        description="The `version` you read: if the endpoint changed since, nothing is done."
    ),
]


@strawberry.type
class WebhookMutations:
    @described("Promise an endpoint, from now on, every event of these kinds.")
    def register_webhook(
        self, info: Info, url: str, kinds: list[str], description: str = ""
    ) -> WebhookResult:
        asking, desk = info.context, info.context.house.desk

        def register(session: Session, by: Principal) -> WebhookChanged:
            made = webhooks.register(
                session, by, url=url, kinds=kinds, description=description,
                desk=desk, at=asking.at,
            )  # fmt: skip
            secret = webhooks.secrets_of(made, desk, at=asking.at)[0]
            return WebhookChanged(webhook_id=made.id, secret=secret)

        return done(info, register)

    @described("Say anew what is given; what waits to be sent goes to the new URL.")
    def change_webhook(
        self,
        info: Info,
        id: WebhookId,
        url: str | None = None,
        kinds: list[str] | None = None,
        description: str | None = None,
        expected_version: Version = None,
    ) -> WebhookResult:
        return change(
            info,
            id,
            webhooks.change,
            url=url,
            kinds=kinds,
            description=description,
            desk=info.context.house.desk,
            version=expected_version,
        )

    @described("Give it a new secret; the old one is good for a day more.")
    def rotate_webhook_secret(
        self, info: Info, id: WebhookId, expected_version: Version = None
    ) -> WebhookResult:
        asking = info.context

        def rotate(session: Session, by: Principal) -> WebhookChanged:
            _endpoint, secret = webhooks.rotate(
                session, by, id, desk=asking.house.desk, at=asking.at, version=expected_version
            )
            return WebhookChanged(webhook_id=id, secret=secret)

        return done(info, rotate)

    @described("Promise it nothing until it is resumed; what waits to be sent is given up.")
    def pause_webhook(
        self, info: Info, id: WebhookId, expected_version: Version = None
    ) -> WebhookResult:
        return change(info, id, webhooks.pause, version=expected_version)

    @described("Promise it events again from now on.")
    def resume_webhook(
        self, info: Info, id: WebhookId, expected_version: Version = None
    ) -> WebhookResult:
        return change(info, id, webhooks.resume, version=expected_version)

    @described("Forget an endpoint; what it was sent stays on record.")
    def delete_webhook(
        self, info: Info, id: WebhookId, expected_version: Version = None
    ) -> WebhookResult:
        return change(info, id, webhooks.remove, version=expected_version)

    @described("Send a call that says only that it is a test, also to one that is paused.")
    def test_webhook(self, info: Info, id: WebhookId) -> WebhookSendResult:
        at = info.context.at
        return done(
            info,
            lambda session, by: WebhookPromised(
                delivery_id=webhooks.send_test(session, by, id, at=at).id
            ),
        )

    @described("Send what was sent or given up once more, with the same id.")
    def send_webhook_again(self, info: Info, delivery: UUID) -> WebhookSendResult:
        at = info.context.at
        return done(
            info,
            lambda session, by: WebhookPromised(
                delivery_id=webhooks.send_again(session, by, delivery, at=at).id
            ),
        )


def change(
    info: Info, id: UUID, act: Callable[..., object], **given: Any
) -> WebhookChanged | AnyProblem:
    """Do that act to the endpoint, or say why not."""
    at = info.context.at

    def changed(session: Session, by: Principal) -> WebhookChanged:
        act(session, by, id, at=at, **given)
        return WebhookChanged(webhook_id=id, secret=None)

    return done(info, changed)


def tries_of(
    asking: Asking, deliveries: Sequence[WebhookDelivery]
) -> Mapping[UUID, list[WebhookTry]]:
    """How each try of these deliveries went, the newest first."""
    found = asking.session.scalars(
        select(webhooks.Try)
        .where(webhooks.Try.delivery_id.in_([delivery.id for delivery in deliveries]))
        .order_by(webhooks.Try.at.desc(), webhooks.Try.id.desc())
    )
    return grouped(WebhookTry, found, lambda row: row.delivery_id)
