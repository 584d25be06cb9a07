"""GitHub's settings in ``trackers:``."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from tocsin.channels.http import check_base_url
from tocsin.conf.channels import TrackerSettings
from tocsin.conf.duration import Duration
from tocsin.conf.schema import IdForm, Text
from tocsin.conf.secrets import Secret

Label = Annotated[Text, StringConstraints(max_length=50)]
"""A label's name: GitHub takes 50 characters."""


class GitHubSettings(TrackerSettings):
    """The issues of one GitHub repository (REST API version 2022-11-28)."""

    repository: Annotated[
        str,
        IdForm(
            r"[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}",
            "a repository such as example/website",
            "in its address: the owner, a slash, the name",
        ),
    ]
    """``owner/name``."""
    token: Secret
    """A fine-grained token, or a GitHub App's, that may write issues there. Without push access GitHub drops labels
    silently.
    """
    labels: tuple[Label, ...] = ("incident",)
    """The labels of each issue; ``{severity}`` and ``{service}`` stand for the incident's. Labels that people set are
    kept.
    """
    severity_labels: dict[str, tuple[Label, ...]] = Field(default_factory=dict)
    """Further labels by severity: ``{P1: ["priority:high"]}``."""
    base_url: Annotated[Text, AfterValidator(check_base_url)] = "https://api.github.com"
    """For GitHub Enterprise: ``https://<host>/api/v3``. Plain http for loopback only."""
    timeout: Duration = 4_000_000
    """Maximum time of one API request."""
