"""What stands under ``trackers:`` for Jira."""

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
    """The issues of one project, of Jira Cloud or of Jira Data Center."""

    base_url: Annotated[Text, AfterValidator(check_base_url)]
    """``https://<site>.atlassian.net``, or where a Data Center's is."""
    deployment: Literal["cloud", "data_center"] = "cloud"
    email: Text | None = None
    """Of the account whose API token it is; Jira Cloud only."""
    token: Secret
    """Jira Cloud: an API token. Data Center: a personal access token."""
    project: Annotated[
        str,
        IdForm(r"[A-Z][A-Z0-9_]{1,254}", "the key of a Jira project such as OPS", "before the number of its issues"),
    ]
    """The project's key."""
    issue_type: Text = "Task"
    labels: tuple[Label, ...] = ("incident",)
    priorities: dict[str, Text] = Field(default_factory=dict)
    """The name of Jira's priority by severity; without one, the project's default."""
    fields: dict[str, Any] = Field(default_factory=dict)
    """Further fields of a new issue, as Jira's API takes them: those that the project demands."""
    close_to: Text | None = None
    """The status of a closed ticket; unless given, the first that Jira counts as done."""
    reopen_to: Text | None = None
    """The status of one that fires again; unless given, the first that Jira does not count as done."""
    close_fields: dict[str, Any] = Field(default_factory=dict)
    """Fields that the transition to the closed status demands, as Jira's API takes them."""
    reopen_fields: dict[str, Any] = Field(default_factory=dict)
    """The same for the transition of a ticket that fires again."""
    timeout: Duration = 4_000_000
    """Bounds one call."""

    @model_validator(mode="after")
    def _has_an_account(self) -> "JiraSettings":
        if (self.deployment == "cloud") != (self.email is not None):
            raise (
                mistake("does not say whose token it is", "write email:")
                if self.email is None
                else mistake("has an email:, which a Data Center does not ask for", "remove it")
            )
        return self
