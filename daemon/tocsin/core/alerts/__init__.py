"""Alerts, heartbeats of sources and the quarantine."""
