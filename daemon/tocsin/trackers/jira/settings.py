"""Jira's settings in ``trackers:``."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tocsin.channels.http import check_base_url
from tocsin.conf.channels import TrackerSettings
from tocsin.conf.duration import Duration
from tocsin.conf.schema import IdForm, Text, mistake
from tocsin.conf.secrets import Secret

Label = Annotated[str, StringConstraints(pattern=r"^\S{1,255}$")]
"""A label's name: Jira takes none with a space."""


class JiraSettings(TrackerSettings):
    """The issues of one Jira project, in the Cloud (REST API 3) or a Data Center (REST API 2)."""

    base_url: Annotated[Text, AfterValidator(check_base_url)]
    """``https://<site>.atlassian.net``, or the URL of your Data Center."""
    deployment: Literal["cloud", "data_center"] = "cloud"
    """``cloud`` or ``data_center``."""
    email: Text | None = None
    """The e-mail address of the token's account; required in the cloud."""
    token: Secret
    """Cloud: an API token (it expires within a year). Data Center: a personal access token."""
    project: Annotated[
        str,
        IdForm(r"[A-Z][A-Z0-9_]{1,254}", "the key of a Jira project such as OPS", "before the number of its issues"),
    ]
    """The project's key."""
    issue_type: Text = "Task"
    """The name of the issue type."""
    labels: tuple[Label, ...] = ("incident",)
    """The labels of each issue, without spaces. tocsin adds one more, ``tocsin-...``, by which it finds the issue
    again.
    """
    priorities: dict[str, Text] = Field(default_factory=dict)
    """The name of Jira's priority by severity, ``{SEV-1: Highest}``; by default the project's own."""
    fields: dict[str, Any] = Field(default_factory=dict)
    """Further fields that the project requires in a new issue, in the form of Jira's API."""
    close_to: Text | None = None
    """The status of a closed ticket, or the transition that leads there; by default the first status that Jira counts
    as done.
    """
    reopen_to: Text | None = None
    """The status of a ticket whose incident fires again; by default the first that Jira does not count as done."""
    close_fields: dict[str, Any] = Field(default_factory=dict)
    """Fields that the transition to the closed status requires, in the form of Jira's API: ``{resolution: {name:
    Done}}``.
    """
    reopen_fields: dict[str, Any] = Field(default_factory=dict)
    """Fields that the transition of a reopened ticket requires, in the form of Jira's API."""
    timeout: Duration = 4_000_000
    """Maximum time of one API request."""

    @model_validator(mode="after")
    def _has_an_account(self) -> "JiraSettings":
        if (self.deployment == "cloud") != (self.email is not None):
            raise (
                mistake("does not say whose token it is", "write email:")
                if self.email is None
                else mistake("has an email:, which a Data Center does not ask for", "remove it")
            )
        return self
