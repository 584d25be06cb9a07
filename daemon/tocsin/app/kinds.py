"""What the configuration is handed: the kinds of channels and of trackers that there are."""

from tocsin.channels.registry import KINDS as CHANNELS
from tocsin.conf.channels import Kinds
from tocsin.trackers.registry import KINDS as TRACKERS

KINDS = Kinds(channels=CHANNELS, trackers=TRACKERS)
"""Every kind of both."""
