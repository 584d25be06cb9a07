"""Slack: one message per incident, a thread, buttons."""
