"""The kinds of channels and trackers that the configuration may use."""

from tocsin.channels.registry import KINDS as CHANNELS
from tocsin.conf.channels import Kinds
from tocsin.trackers.registry import KINDS as TRACKERS

KINDS = Kinds(channels=CHANNELS, trackers=TRACKERS)
"""The available kinds of channels and trackers."""
