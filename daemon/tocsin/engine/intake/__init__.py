"""Intake: from webhooks to committed alerts."""
