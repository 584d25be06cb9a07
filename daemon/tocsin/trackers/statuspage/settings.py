"""What stands under ``trackers:`` for a Statuspage."""

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
    """The incidents of one page."""

    page: Id
    """The page's id."""
    token: Secret
    """An API key of the page's owner."""
    components: dict[str, Id] = Field(default_factory=dict)
    """The id of the page's component, by service."""
    impact: dict[str, Impact] = Field(default_factory=dict)
    """By severity; without one, Statuspage works it out of the components."""
    broken: dict[str, Broken] = Field(default_factory=dict)
    """The status of an affected component, by severity; without one, ``partial_outage``."""
    notify: YesNo = False
    """Whether the page's subscribers get each update by mail and SMS."""
    base_url: Annotated[Text, AfterValidator(check_base_url)] = "https://api.statuspage.io/v1"
    timeout: Duration = 4_000_000
    """Bounds one call."""
