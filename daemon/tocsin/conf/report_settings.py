"""``reports:`` of config/tocsin.yaml: the days of reports, and the recovery objectives of services."""

from typing import Annotated

from pydantic import Field, model_validator

from tocsin.conf.duration import AtLeastASecond, Duration
from tocsin.conf.schema import Section, Text, mistake
from tocsin.conf.wall_clock import TimeZone


class ServiceSettings(Section):
    """One of ``reports.services:`` the recovery objectives of a service."""

    rto: AtLeastASecond | None = None
    """Maximum time from the start of the first alert until the service works again."""
    rpo: Duration | None = None
    """Maximum time for which data may be lost. The loss is the fact ``data_loss``:
    ``tocsin incidents fact 12 data_loss=5m``, or ``none`` if nothing was lost. ``yes, 5 minutes of orders`` and
    ``no, nothing`` count as well; any other text is unknown.
    """

    @model_validator(mode="after")
    def _has_an_objective(self) -> "ServiceSettings":
        if self.rto is None and self.rpo is None:
            raise mistake("has no objective", "write rto:, rpo: or both")
        return self


class ReportSettings(Section):
    """``reports:``."""

    time_zone: TimeZone = "UTC"
    """The time zone in which the days and months of reports begin."""
    services: Annotated[dict[Text, ServiceSettings], Field(max_length=200)] = Field(default_factory=dict)
    """The recovery objectives of services, by the name of the service: ``{checkout: {rto: 1h, rpo: 5m}}``."""
