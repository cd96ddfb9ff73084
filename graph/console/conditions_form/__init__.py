"""A condition as a form: comparisons in groups that may nest, built without a script.

Every part has its place in the names of its fields: `when` is the whole, `when.0` its first part,
`when.0.1` the second part of that. A button that adds or removes a part posts the whole form; the
page that gets it asks `pressed` and shows the form again, with nothing saved.

`shape` holds the parts, `showing` fills them from a condition, `posting` from what was posted,
`meaning` makes the condition of them, `offering` says what can be chosen.
"""

from graph.console.conditions_form.meaning import condition_in
from graph.console.conditions_form.offering import Choices, case_choices, names_in
from graph.console.conditions_form.posting import pressed, typed
from graph.console.conditions_form.shape import (
    BUTTON,
    MOST_FIELDS,
    Group,
    Join,
    Row,
    labels,
    placed,
    with_wrong,
)
from graph.console.conditions_form.showing import of

__all__ = [
    "BUTTON",
    "MOST_FIELDS",
    "Choices",
    "Group",
    "Join",
    "Row",
    "case_choices",
    "condition_in",
    "labels",
    "names_in",
    "of",
    "placed",
    "pressed",
    "typed",
    "with_wrong",
]
