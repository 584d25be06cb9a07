"""The console tracker's settings in ``trackers:``: none."""

from tocsin.conf.channels import TrackerSettings


class ConsoleTrackerSettings(TrackerSettings):
    """The daemon's standard output, where the jobs are printed."""
