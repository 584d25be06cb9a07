"""Commands accept an incident's name in its playbook's numbering."""

import msgspec
import pytest

from core.test_escalation_table import fresh, playbook
from tocsin.channels import wording
from tocsin.cli.client import Refused
from tocsin.cli.incident_api import incident_path
from tocsin.core.incident.naming import name_of
from tocsin.testing.content import content


@pytest.mark.parametrize(
    ("numbering", "name"), [("#{n}", "#1"), ("INC-{n}", "INC-1"), ("incident-{date}-{n:03}", "incident-19700101-001")]
)
def test_a_playbook_says_what_its_incidents_are_called(numbering: str, name: str) -> None:
    incident = msgspec.structs.replace(fresh(), plan=msgspec.structs.replace(playbook(), numbering=numbering))
    assert name_of(incident) == name


def test_a_page_calls_it_so() -> None:
    assert wording.headline(content(name="INC-12")).startswith("[SEV-1] INC-12 ")
    assert wording.headline(content()).startswith("[SEV-1] #12 ")


@pytest.mark.parametrize("called", ["12", "#12", "INC-12", "incident-20261120-012"])
def test_the_command_line_finds_it_by_what_it_is_called(called: str) -> None:
    assert incident_path(called) == "/api/v1/incidents/12"


@pytest.mark.parametrize("called", ["01KJ0000000000000000000012", "incident-1x"])
def test_an_id_is_left_as_it_is(called: str) -> None:
    assert incident_path(called) == f"/api/v1/incidents/{called}"


@pytest.mark.parametrize("called", ["", "../12", "a b"])
def test_what_is_no_name_is_refused(called: str) -> None:
    with pytest.raises(Refused):
        incident_path(called)
