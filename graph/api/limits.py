"""What a query may cost, known before anything is resolved.

Each rule looks at every definition once, whatever it is spread into: a fragment's share is worked
out once and remembered. graphql-core's and strawberry's own limiters walk a fragment again at
every spread, which 22 fragments of two spreads each turn into minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValidationRule,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

# Of the query itself; long texts belong into variables.
CHARACTERS = 65_536
TOKENS = 1_500
COMMENTS = 200
FRAGMENTS = 10
SPREADS = 20
ALIASES = 30
SELECTIONS = 300
DEPTH = 12
# What tools ask of a schema is deeper than any question about cases.
INTROSPECTION = ("__schema", "__type")
INTROSPECTION_DEPTH = 8
VALUES = 20_000
"""How many values an answer may hold at most: the product of what every list may hold."""

FIRST_DEFAULT = 20
FIRST_MOST = 100
SHORT_LIST = 5
"""What a list without `first` is taken to hold; those are short by their nature."""


class TooCostly(GraphQLError):
    """The query asks for more than we give at once."""


@dataclass(slots=True)
class Shape:
    """What a selection amounts to with all its fragments in place."""

    depth: int = 0
    aliases: int = 0


def refuse_odd_shapes(document: DocumentNode) -> None:
    """Raises TooCostly on a document that is expensive to validate. One pass, no schema."""
    fragments = {
        d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
    }
    _refuse("fragments", len(fragments), FRAGMENTS)
    walk = _ShapeWalk(fragments)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            shape = walk.shape(definition.selection_set)
            _refuse("levels", shape.depth, DEPTH)
            _refuse("aliases", shape.aliases, ALIASES)
    for name in fragments:
        walk.fragment(name)


class _ShapeWalk:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Shape] = {}
        self._selections = 0
        self._spreads = 0

    def shape(self, selected: SelectionSetNode, level: int = 1) -> Shape:
        _refuse("levels", level, DEPTH)
        found = Shape()
        self._selections += len(selected.selections)
        _refuse("fields", self._selections, SELECTIONS)
        for node in selected.selections:
            below, deeper = Shape(), 0
            if isinstance(node, FieldNode):
                credit = INTROSPECTION_DEPTH if node.name.value in INTROSPECTION else 0
                found.aliases += node.alias is not None
                if node.selection_set:
                    below = self.shape(node.selection_set, level + 1 - credit)
                deeper = max(1 - credit, -below.depth)
            elif isinstance(node, InlineFragmentNode):
                below = self.shape(node.selection_set, level)
            elif isinstance(node, FragmentSpreadNode):
                self._spreads += 1
                _refuse("fragment spreads", self._spreads, SPREADS)
                below = self.fragment(node.name.value)
            found.depth = max(found.depth, below.depth + deeper)
            found.aliases += below.aliases
        return found

    def fragment(self, name: str) -> Shape:
        if name not in self._known:
            # A fragment that spreads itself adds nothing here; validation says that it does.
            self._known[name] = Shape()
            definition = self._fragments.get(name)
            if definition is not None:
                self._known[name] = self.shape(definition.selection_set)
        return self._known[name]


def refuse_too_many_values(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> None:
    """Raises TooCostly where the answer could hold more than VALUES, or a `first` is not 1 to 100.

    The document must be valid for the schema.
    """
    root = schema.get_root_type(operation.operation)
    assert root is not None, "validation asks for a root type"
    walk = _ValueWalk(schema, document, _with_defaults(operation, variables))
    _refuse("values", walk.values(operation.selection_set, root), VALUES)


class _ValueWalk:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._variables = variables
        self._fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._known: dict[str, int] = {}

    def values(self, selected: SelectionSetNode, parent: Any) -> int:
        total = 0
        for node in selected.selections:
            if isinstance(node, FieldNode):
                total += self._field(node, parent)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                kind = self._schema.get_type(condition.name.value) if condition else parent
                total += self.values(node.selection_set, kind)
            elif isinstance(node, FragmentSpreadNode):
                total += self._fragment(node.name.value)
        return total

    def _fragment(self, name: str) -> int:
        if name not in self._known:
            definition = self._fragments[name]
            kind = self._schema.get_type(definition.type_condition.name.value)
            self._known[name] = self.values(definition.selection_set, kind)
        return self._known[name]

    def _field(self, node: FieldNode, parent: Any) -> int:
        field = _definition(node, parent)
        if field is None or node.selection_set is None:
            return 1
        below = self.values(node.selection_set, get_named_type(field.type))
        if "first" in field.args:
            return 1 + self._first(node, field) * below
        if is_list_type(get_nullable_type(field.type)) and not _of_a_page(parent):
            return 1 + SHORT_LIST * below
        return 1 + below

    def _first(self, node: FieldNode, field: GraphQLField) -> int:
        given = next((a.value for a in node.arguments or () if a.name.value == "first"), None)
        default = _default(field.args["first"])
        if given is None or isinstance(given, NullValueNode):
            first = default
        elif isinstance(given, VariableNode):
            first = self._variables.get(given.name.value, default)
        else:
            first = int(given.value) if isinstance(given, IntValueNode) else FIRST_MOST
        if not isinstance(first, int) or not 1 <= first <= FIRST_MOST:
            raise TooCostly(f"`first` is a number from 1 to {FIRST_MOST}", given or node)
        return first


class NoNul(ValidationRule):
    """Text may not hold NUL: no database column can."""

    def enter_string_value(self, node: StringValueNode, *_rest: object) -> None:
        if "\0" in node.value:
            self.report_error(GraphQLError("text may not contain NUL characters", node))


def _refuse(what: str, found: int, most: int) -> None:
    if found > most:
        raise TooCostly(f"too many {what}: {most} at most in one query")


def _definition(node: FieldNode, parent: Any) -> GraphQLField | None:
    fields: Mapping[str, GraphQLField] = getattr(parent, "fields", {})
    return fields.get(node.name.value)  # None for __typename and introspection


def _default(argument: GraphQLArgument) -> Any:
    return argument.default.value if argument.default else argument.default_value


def _of_a_page(parent: Any) -> bool:
    # The entries of a page were counted by the page's own `first`.
    return isinstance(parent, GraphQLObjectType) and parent.name.endswith("Connection")


def _with_defaults(
    operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> Mapping[str, Any]:
    defaults = {
        d.variable.name.value: int(d.default_value.value)
        for d in operation.variable_definitions or ()
        if isinstance(d.default_value, IntValueNode)
    }
    return {**defaults, **variables}
