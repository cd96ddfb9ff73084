"""What each operator means: for a fact in Python, and for a column in SQL, side by side.

Both are given values as `Field.comparable` makes them, and neither is asked about what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Double, and_, literal, or_

from intake.conditions.fields import EQUAL, PRESENT, Field, Kind, Operator

Wanted = tuple[Any, ...]


def plainly(field: Field, operator: Operator, value: Any) -> tuple[Operator, Wanted]:
    """The same said with fewer operators: those of the two tables below, and "is not"."""
    if operator in PRESENT:
        return operator, ()
    values = value if isinstance(value, tuple) else (value,)
    if field.kind is Kind.CHOICE and operator not in EQUAL:
        low, high = (*values, *values)[:2]
        return Operator.ONE_OF, field.between(
            None if operator is Operator.AT_MOST else low,
            None if operator is Operator.AT_LEAST else high,
        )
    if field.kind is Kind.WORDS:
        values = tuple({word} for word in values)
    wanted = tuple(field.comparable(each) for each in values)
    match operator:
        case Operator.IS:
            return Operator.ONE_OF, wanted
        case Operator.CONTAINS:
            return Operator.CONTAINS_ANY, wanted
        case Operator.STARTS_WITH:  # With what may be the beginning of a longer word.
            return operator, (wanted[0][:-1],)
    return operator, wanted


def placed(operator: Operator, wanted: Wanted, at: datetime) -> tuple[Operator, Wanted]:
    """What is said relatively, as instants seen from `at`; the same for everything else."""
    match operator:
        case Operator.IN_LAST:
            return Operator.BETWEEN, (at - wanted[0].length, at)
        case Operator.IN_NEXT:
            return Operator.BETWEEN, (at, at + wanted[0].length)
        case Operator.LONGER_AGO:
            return Operator.BEFORE, (at - wanted[0].length,)
        case Operator.FURTHER_AHEAD:
            return Operator.AFTER, (at + wanted[0].length,)
    return operator, wanted


OF_A_FACT: dict[Operator, Callable[[Any, Wanted], bool]] = {
    Operator.ONE_OF: lambda fact, wanted: fact in wanted,
    Operator.CONTAINS_ANY: lambda fact, wanted: any(part in fact for part in wanted),
    Operator.STARTS_WITH: lambda fact, wanted: fact.startswith(wanted),
    Operator.AT_LEAST: lambda fact, wanted: fact >= wanted[0],
    Operator.AT_MOST: lambda fact, wanted: fact <= wanted[0],
    Operator.BETWEEN: lambda fact, wanted: wanted[0] <= fact <= wanted[1],
    Operator.BEFORE: lambda fact, wanted: fact < wanted[0],
    Operator.AFTER: lambda fact, wanted: fact > wanted[0],
}

OF_A_COLUMN: dict[Operator, Callable[[ColumnElement[Any], Wanted], ColumnElement[bool]]] = {
    Operator.ONE_OF: lambda column, wanted: column.in_(_of_its_type(column, wanted)),
    Operator.CONTAINS_ANY: lambda column, wanted: or_(
        *(column.contains(part, autoescape=True) for part in wanted)
    ),
    Operator.STARTS_WITH: lambda column, wanted: column.startswith(wanted[0], autoescape=True),
    Operator.AT_LEAST: lambda column, wanted: column >= _sized(wanted[0]),
    Operator.AT_MOST: lambda column, wanted: column <= _sized(wanted[0]),
    Operator.BETWEEN: lambda column, wanted: column.between(*map(_sized, wanted)),
    Operator.BEFORE: lambda column, wanted: column < wanted[0],
    Operator.AFTER: lambda column, wanted: column > wanted[0],
}


def holds(field: Field, operator: Operator, wanted: Wanted, fact: Any) -> bool:
    """Whether a fact is as wanted. A missing one is empty, is not anything, and no more."""
    if operator is Operator.WITHIN:
        return fact is not None and wanted[0] in map(field.comparable, fact)
    fact = field.comparable(fact)
    match operator:
        case Operator.IS_EMPTY:
            return fact is None
        case Operator.IS_SET:
            return fact is not None
        case Operator.IS_NOT:
            return fact is None or not OF_A_FACT[Operator.ONE_OF](fact, wanted)
    return fact is not None and OF_A_FACT[operator](fact, wanted)


def as_sql(
    field: Field, operator: Operator, wanted: Wanted, column: ColumnElement[Any]
) -> ColumnElement[bool]:
    """The same question to a column, answered true or false and never unknown, so NOT is safe."""
    missing: ColumnElement[bool] = column.is_(None)
    if field.kind in (Kind.TEXT, Kind.WORDS):
        missing = or_(missing, column == "")
    match operator:
        case Operator.IS_EMPTY:
            return missing
        case Operator.IS_SET:
            return ~missing
        case Operator.IS_NOT:
            return or_(column.is_(None), ~OF_A_COLUMN[Operator.ONE_OF](column, wanted))
        case Operator.WITHIN:
            assert field.inside is not None, "no other field may be asked so"
            ids = _of_its_type(column, wanted)
            return and_(column.is_not(None), column.in_(field.inside(ids[0]) if ids else ()))
    return and_(column.is_not(None), OF_A_COLUMN[operator](column, wanted))


def _of_its_type(column: ColumnElement[Any], wanted: Wanted) -> list[Any]:
    """Ids and choices in the type of the column, without those that no row can hold."""
    kind = column.type.python_type
    if not issubclass(kind, (UUID, int, Enum)):
        return [_sized(value) for value in wanted]
    kept: list[Any] = []
    for value in wanted:
        if not isinstance(value, str):
            kept.append(_sized(value))
            continue
        try:
            typed = kind(value)
        except ValueError:
            continue
        if str(typed) == value and (not isinstance(typed, int) or abs(typed) < 2**63):
            kept.append(_sized(typed))
    return kept


def _sized(value: Any) -> Any:
    """A number as wide as it may be; PostgreSQL refuses one that is wider than it was announced."""
    match value:
        case bool():
            return value
        case int():
            return literal(value, BigInteger())
        case float():
            return literal(value, Double())
    return value
