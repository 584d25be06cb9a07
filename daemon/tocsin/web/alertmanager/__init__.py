"""Webhooks from Alertmanager."""
