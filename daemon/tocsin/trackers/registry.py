"""The kinds of tracker, one line each. A new kind is a folder beside this file, and a line here."""

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tocsin.channels.console.printed import ON_STDOUT
from tocsin.conf.channels import ConfiguredTracker
from tocsin.ports.tracker import Tracker
from tocsin.trackers.console.settings import ConsoleTrackerSettings
from tocsin.trackers.console.tracker import ConsoleTracker
from tocsin.trackers.github.settings import GitHubSettings
from tocsin.trackers.github.tracker import GitHubTracker
from tocsin.trackers.jira.settings import JiraSettings
from tocsin.trackers.jira.tracker import JiraTracker
from tocsin.trackers.kind import BuildableTracker
from tocsin.trackers.statuspage.settings import StatuspageSettings
from tocsin.trackers.statuspage.tracker import StatuspageTracker
from tocsin.trackers.webhook.settings import WebhookTrackerSettings
from tocsin.trackers.webhook.tracker import WebhookTracker


def _console(name: str, settings: ConsoleTrackerSettings) -> Tracker:
    del settings
    return ConsoleTracker(name, sys.stdout, ON_STDOUT)


_ALL: tuple[BuildableTracker[Any], ...] = (
    BuildableTracker("console", ConsoleTrackerSettings, _console),
    BuildableTracker("github", GitHubSettings, GitHubTracker),
    BuildableTracker("jira", JiraSettings, JiraTracker),
    BuildableTracker("statuspage", StatuspageSettings, StatuspageTracker),
    BuildableTracker("webhook", WebhookTrackerSettings, WebhookTracker),
)

KINDS: Mapping[str, BuildableTracker[Any]] = MappingProxyType({kind.kind: kind for kind in _ALL})
"""The kinds of trackers by name, for the configuration."""


def build(configured: ConfiguredTracker) -> Tracker:
    """Return the tracker of one entry of ``trackers:``, not yet started."""
    return KINDS[configured.kind].build(configured.name, configured.settings)
