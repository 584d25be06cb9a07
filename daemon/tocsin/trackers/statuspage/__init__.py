"""Incidents of an Atlassian Statuspage."""
