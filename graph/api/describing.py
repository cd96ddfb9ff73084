"""Fields with a resolver, described: strawberry's own decorator, without losing their types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

F = TypeVar("F", bound=Callable[..., Any])


def described(description: str, *, subscription: bool = False) -> Callable[[F], F]:
    """A field, mutation or subscription of that description."""
    field: Callable[[F], F] = strawberry.field(
        description=description, is_subscription=subscription
    )
    return field
