"""Ticket trackers, each kind in a folder of its own."""
