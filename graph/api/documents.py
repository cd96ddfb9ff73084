"""Queries as text, read once: parsed, kept within limits, validated, and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from graph.api.limits import CHARACTERS, COMMENTS, TOKENS, NoNul, refuse_odd_shapes

REMEMBERED = 256
REMEMBERED_CHARACTERS = 16_384


class Refused(Exception):
    """The request is answered with these errors; nothing was resolved."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__()
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Query:
    """A valid document, and the operation of it that was asked for."""

    document: DocumentNode
    operation: OperationDefinitionNode


def read(schema: GraphQLSchema, text: str, name: str | None, *, open_book: bool) -> Query:
    """The query in the text; `open_book` allows to ask for the schema itself. Raises Refused."""
    reader = _read if len(text) <= REMEMBERED_CHARACTERS else _read.__wrapped__
    document, errors = reader(schema, text, open_book)
    if document is None or errors:
        raise Refused(errors)
    operation = get_operation_ast(document, name)
    if operation is None:
        raise Refused([GraphQLError("say which operation to run: `operationName` names none")])
    return Query(document, operation)


@lru_cache(REMEMBERED)
def _read(
    schema: GraphQLSchema, text: str, open_book: bool
) -> tuple[DocumentNode | None, Sequence[GraphQLError]]:
    try:
        document = parse(
            text,
            max_source_length=CHARACTERS,
            max_lexical_tokens=TOKENS,
            max_comments=COMMENTS,
        )
        refuse_odd_shapes(document)
    except GraphQLError as error:
        return None, [error]
    rules = [*specified_rules, NoNul]
    if not open_book:
        rules.append(NoSchemaIntrospectionCustomRule)
    found = validate(schema, document, rules, max_errors=5, hide_suggestions=not open_book)
    return document, found
