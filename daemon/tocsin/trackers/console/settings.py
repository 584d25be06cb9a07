"""What stands under ``trackers:`` for the console: nothing."""

from tocsin.conf.channels import TrackerSettings


class ConsoleSettings(TrackerSettings):
    """The daemon's standard output: what a tracker would have been asked for."""
