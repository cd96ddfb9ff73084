"""What can be written on a case beside its story, as an administrator of the desk laid it out.

Types and topics sort cases, tags mark them, custom fields ask what only this desk needs to know.
What is no longer used is archived: old cases keep what they say.
"""

from intake.fields.case_types import CaseType
from intake.fields.custom import CustomField, FieldKind, FieldValue, Required
from intake.fields.naming import WrongField
from intake.fields.tags import CaseTag, Tag
from intake.fields.topics import Topic

__all__ = [
    "CaseTag",
    "CaseType",
    "CustomField",
    "FieldKind",
    "FieldValue",
    "Required",
    "Tag",
    "Topic",
    "WrongField",
]
