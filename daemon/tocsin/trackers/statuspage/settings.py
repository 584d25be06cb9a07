"""Statuspage's settings in ``trackers:``."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from tocsin.channels.http import check_base_url
from tocsin.conf.channels import TrackerSettings
from tocsin.conf.duration import Duration
from tocsin.conf.schema import IdForm, Text, YesNo
from tocsin.conf.secrets import Secret

Id = Annotated[
    str, IdForm(r"[a-z0-9]{1,64}", "an id of Statuspage such as kctbh9vrtdwd", "in the address of the page you manage")
]
Impact = Literal["none", "minor", "major", "critical"]
Broken = Literal["degraded_performance", "partial_outage", "major_outage", "under_maintenance"]


class StatuspageSettings(TrackerSettings):
    """The realtime incidents of one page of Atlassian Statuspage."""

    page: Id
    """The page's id."""
    token: Secret
    """An API key of the page's owner."""
    components: dict[str, Id] = Field(default_factory=dict)
    """The id of the page's component, by service: it has the status ``broken`` while the incident is open, then
    ``operational``.
    """
    impact: dict[str, Impact] = Field(default_factory=dict)
    """The impact by severity: ``none``, ``minor``, ``major`` or ``critical``; by default decided by Statuspage."""
    broken: dict[str, Broken] = Field(default_factory=dict)
    """The status of the broken component, by severity: ``degraded_performance``, ``partial_outage`` (the default),
    ``major_outage`` or ``under_maintenance``.
    """
    notify: YesNo = False
    """``true``: subscribers get each update by e-mail and SMS."""
    base_url: Annotated[Text, AfterValidator(check_base_url)] = "https://api.statuspage.io/v1"
    """The address of Statuspage's API. Plain http for loopback only."""
    timeout: Duration = 4_000_000
    """Maximum time of one API request."""
