"""One operation from its JSON to its JSON: one thread, one reading session, one look at who asks.

Everything that may go wrong for a reason ends here as an error with a code; what goes wrong for
no reason of the caller's is told as a number, and written in full to the log.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import structlog
from graphql import ExecutionResult, GraphQLError, OperationType, execute_sync
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from graph.api import documents
from graph.api.asking import Asking
from graph.api.credentials import Credentials
from graph.api.documents import Query, Refused
from graph.api.limits import refuse_too_many_values
from graph.api.schema import SCHEMA
from graph.house import House
from intake.agents import Act, NotAllowed
from intake.db import Busy, new_id
from intake.errors import IntakeError

log = structlog.get_logger()

AWAY = (Busy, OperationalError, NoConnection)


class NotAQuery(Exception):
    """The request is not a query in JSON; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a client sent: the text, which operation of it, and its variables."""

    text: str
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and what goes with it."""

    status: int
    content: dict[str, Any]

    def body(self) -> bytes:
        """The answer as JSON."""
        return orjson.dumps(self.content)


def question_in(body: bytes) -> Question:
    """The question a request holds. Raises NotAQuery on anything else."""
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotAQuery("the body is not JSON") from error
    return question_of(values)


def question_of(values: Any) -> Question:
    """The question in a JSON value. Raises NotAQuery on anything else."""
    if not isinstance(values, dict):
        raise NotAQuery("the body is one JSON object with `query`, and `variables` if it has any")
    text, name = values.get("query"), values.get("operationName")
    variables = values.get("variables")
    if not isinstance(text, str) or not text:
        raise NotAQuery("`query` is the text of a query")
    if name is not None and not isinstance(name, str):
        raise NotAQuery("`operationName` is text")
    if variables is not None and not isinstance(variables, dict):
        raise NotAQuery("`variables` is an object")
    if _holds_nul(variables):
        raise NotAQuery("text may not contain NUL characters")
    return Question(text, name or None, variables or {})


def _holds_nul(value: Any) -> bool:
    # No recursion: a stranger decides how deep it goes.
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            if "\0" in one:
                return True
        elif isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list):
            left += one
    return False


def answer(house: House, credentials: Credentials, question: Question, *, at: datetime) -> Answer:
    """What the desk says to that, for whoever these credentials stand for now."""
    started = time.perf_counter()
    with closing(Asking(house, at=at)) as asking:
        try:
            given = _answer(asking, credentials, question)
        except AWAY as error:
            log.warning("database away", why=type(error).__name__)
            given = refusal(503, "busy", "the desk is busy; try again in a moment")
    log.debug(
        "graphql",
        operation=question.operation_name or "",
        by=str(asking.principal.id or ""),
        status=given.status,
        errors=len(given.content.get("errors", ())),
        ms=round((time.perf_counter() - started) * 1000, 1),
    )
    return given


def refusal(status: int, code: str, message: str) -> Answer:
    """An answer that is one error."""
    return Answer(status, {"errors": [{"message": message, "extensions": {"code": code}}]})


def _answer(asking: Asking, credentials: Credentials, question: Question) -> Answer:
    principal = credentials.principal(asking.session, at=asking.at)
    if principal is None:
        return unknown()
    asking.principal = principal
    try:
        query = read(question, open_book=principal.may(Act.MANAGE))
        if query.operation.operation is OperationType.SUBSCRIPTION:
            raise Refused([GraphQLError("subscribe over a WebSocket, graphql-transport-ws")])
        if query.operation.operation is OperationType.QUERY:
            principal.must(Act.READ)
    except Refused as refused:
        return Answer(400, {"errors": [told(error) for error in refused.errors]})
    except NotAllowed as error:
        return refusal(403, error.code, str(error))
    return _told(execute(asking, query, question))


def unknown() -> Answer:
    """The answer to nobody."""
    return refusal(401, "not-signed-in", "sign in with a token: `Authorization: Bearer dbt_…`")


def read(question: Question, *, open_book: bool) -> Query:
    """The valid and affordable query of the question. Raises Refused."""
    query = documents.read(SCHEMA, question.text, question.operation_name, open_book=open_book)
    try:
        refuse_too_many_values(SCHEMA, query.document, query.operation, question.variables)
    except GraphQLError as error:
        raise Refused([error]) from error
    return query


def execute(
    asking: Asking, query: Query, question: Question, root: object = None
) -> ExecutionResult:
    """What graphql-core makes of it."""
    return execute_sync(
        SCHEMA,
        query.document,
        root_value=root,
        context_value=asking,
        variable_values=dict(question.variables),
        operation_name=question.operation_name,
        hide_suggestions=not asking.principal.may(Act.MANAGE),
    )


def _told(result: ExecutionResult) -> Answer:
    errors = result.errors or []
    content: dict[str, Any] = {}
    if errors:
        content["errors"] = [told(error) for error in errors]
    if result.data is None and not any(error.path for error in errors):
        return Answer(400, content)  # refused before anything ran, such as by a variable
    content["data"] = result.data
    away = any(isinstance(error.original_error, AWAY) for error in errors)
    return Answer(503 if away else 200, content)


def told(error: GraphQLError) -> dict[str, Any]:
    """The error as a client may read it: a rule in words, a bug as a number."""
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return {**error.formatted, "extensions": {"code": "bad-query"}}
    if isinstance(cause, IntakeError):
        message, code = str(cause), cause.code
    elif isinstance(cause, AWAY):
        message, code = "the desk is busy; try again in a moment", "busy"
        log.warning("database away", why=type(cause).__name__)
    else:
        number = new_id().hex[-12:]
        log.error("internal error", id=number, exc_info=cause)
        message, code = f"internal error [{number}]", "internal"
    place = {key: value for key, value in error.formatted.items() if key in ("locations", "path")}
    return {"message": message, **place, "extensions": {"code": code}}
