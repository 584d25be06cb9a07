"""Callbacks from PagerDuty, Slack and Twilio."""
