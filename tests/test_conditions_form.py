"""Conditions built in a form without a script: what is shown is what is read back."""

from __future__ import annotations

from typing import Any

import lxml.html
import pytest

from graph.console import conditions_form, rendering
from graph.console.conditions_form import BUTTON, Group, Join, condition_in, of, pressed, typed
from graph.console.filling import Misfilled
from intake.conditions import Field, Fields, Kind

FIELDS = Fields(
    Field("channel", Kind.CHOICE),
    Field("subject", Kind.TEXT),
    Field("priority", Kind.CHOICE, choices=("low", "normal", "high")),
    Field("queue", Kind.ID),
    Field("account", Kind.ID),
    Field("minutes", Kind.NUMBER),
    Field("opened", Kind.INSTANT),
    Field("covered", Kind.YES_NO),
    Field("tags", Kind.WORDS),
)
CHOICES = {"queue": [("q1", "Support"), ("q2", "Sales")]}


def shown(group: Group) -> dict[str, str]:
    """What a browser would post of the form as it is drawn."""
    source = (
        '{% from "conditions.html" import conditions, first_button %}<form method="post">'
        '{{ first_button() }}{{ conditions(group, "When", fields, choices, "/x") }}</form>'
    )
    page = rendering.templates().from_string(source)
    html = page.render(group=group, fields=FIELDS, choices=CHOICES)
    [form] = lxml.html.document_fromstring(html).forms
    return {name: str(value) for name, value in form.form_values()}


def said(name: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": name, "op": op} | ({} if value is None else {"value": value})


@pytest.mark.parametrize(
    "condition",
    [
        {"all": [said("channel", "is", "email")]},
        {"all": [said("subject", "contains any of", ["refund, now", "invoice"])]},
        {"any": [said("subject", "contains", "one, two"), said("priority", "is at least", "high")]},
        {"all": [said("priority", "is between", ["low", "normal"]), said("covered", "is", False)]},
        {"all": [said("minutes", "is between", [1, 2.5]), said("minutes", "is", 3)]},
        {"all": [said("queue", "is one of", ["q1", "gone"]), said("account", "is set")]},
        {"all": [said("opened", "is before", "2026-03-02T09:00:00+00:00")]},
        {"not": {"any": [said("tags", "contains any of", ["vip", "gold"])]}},
        {"all": [{"any": [said("covered", "is", True),
                          {"not": {"all": [said("queue", "is", "q2")]}}]}]},
    ],
)  # fmt: skip
def test_what_the_form_shows_is_what_it_reads(condition: dict[str, Any]) -> None:
    drawn = of("when", condition, FIELDS)

    again = typed("when", shown(drawn), FIELDS)

    assert condition_in(again, FIELDS) == condition
    assert shown(again) == shown(drawn)


def test_a_condition_is_built_by_pressing_buttons_alone() -> None:
    form = shown(Group("when"))
    assert not pressed(form)
    for button, filled in (
        ("when:add", {"when.new": "subject"}),
        ("when:group", {"when.0.op": "contains", "when.0.value": "refund"}),
        ("when.1:add", {"when.1.new": "priority"}),
        ("when.1:add", {"when.1.new": "covered", "when.1.0.op": "is", "when.1.0.value.2": "high"}),
        ("when.0:remove", {"when.1.1.value": "no"}),
    ):
        posted = form | filled | {BUTTON: button}
        assert pressed(posted)
        form = shown(typed("when", posted, FIELDS))

    built = condition_in(typed("when", form, FIELDS), FIELDS)

    high, uncovered = said("priority", "is", "high"), said("covered", "is", False)
    assert built == {"all": [{"any": [high, uncovered]}]}


def test_several_ticks_under_is_are_one_of_them() -> None:
    form = shown(of("when", {"all": [said("priority", "is", "high")]}, FIELDS))

    ticked = typed("when", form | {"when.0.value.1": "normal"}, FIELDS)

    [part] = (condition_in(ticked, FIELDS) or {})["all"]
    assert part["op"] == "is one of"
    assert set(part["value"]) == {"normal", "high"}


@pytest.mark.parametrize(
    ("condition", "filled", "place", "why"),
    [
        (said("minutes", "is", 1), {"when.0.value": "soon"}, "when.0", "a number"),
        (said("subject", "is", "a"), {"when.0.value": " "}, "when.0", "compared with"),
        (said("priority", "is", "low"), {"when.0.op": "contains"}, "when.0", "what to ask"),
        (said("opened", "is set"), {"when.0.op": "is after", "when.0.value": "9:00"}, "when.0",
         "an instant"),
        (said("covered", "is", True), {"when.1.join": "any"}, "when.1", "put a condition"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_said_at_its_row(
    condition: dict[str, Any], filled: dict[str, str], place: str, why: str
) -> None:
    form = shown(of("when", condition, FIELDS)) | filled
    group = typed("when", form, FIELDS)

    with pytest.raises(Misfilled) as refused:
        condition_in(group, FIELDS)

    assert why in refused.value.wrong[place]
    marked = conditions_form.with_wrong(group, refused.value.wrong)
    assert why in str(marked)
    assert shown(marked)["when.0.field"] == condition["field"]


def test_a_condition_of_before_that_cannot_be_read_says_why() -> None:
    group = of("when", {"field": "colour", "op": "is", "value": "red"}, FIELDS)

    assert 'unknown field "colour"' in group.wrong
    assert group.join is Join.ALL
    assert condition_in(group, FIELDS) is None
