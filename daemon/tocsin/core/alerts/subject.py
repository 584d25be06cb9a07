"""The subject of an incident: what it is about, passed unchanged from the rules' verdict to messages and the API."""

from typing import Any

import msgspec


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The subject of an incident.

    The verdict, the incident and a notification's content inherit these fields, so
    that they are stored flat. The API shows them as fields of the incident.
    """

    title: str
    service: str
    team: str = ""
    summary: str = ""
    """One or two sentences on the meaning of the incident; "" if no rule sets it."""
    runbook: str = ""
    """An http or https link to the instructions; "" if there is none."""
    automation: str = ""
    """The name of the automation that can fix it."""


FIELDS = Subject.__struct_fields__
DETAILS = tuple(name for name in FIELDS if name not in ("title", "service"))
"""The fields that few rules set."""


def subject_fields(about: Subject) -> dict[str, Any]:
    """Return the subject's fields of a verdict or an incident."""
    return {name: getattr(about, name) for name in FIELDS}


def subject_of(about: Subject) -> Subject:
    """Return the subject alone of a verdict or an incident."""
    return Subject(**subject_fields(about))
