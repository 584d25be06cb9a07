"""A test of rules may expect each field of what an incident is about."""

from tocsin.core.alerts.subject import FIELDS
from tocsin.testing.cases import FACTS


def test_each_field_of_the_subject_may_be_expected() -> None:
    assert {*FIELDS} <= {*FACTS}
