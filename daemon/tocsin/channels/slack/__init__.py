"""Slack: a message an incident, a thread, buttons."""
