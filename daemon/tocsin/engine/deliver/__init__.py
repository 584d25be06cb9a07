"""Delivery: from an outbox row to a sent message."""
