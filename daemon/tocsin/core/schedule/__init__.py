"""Business hours, recurrence, and times as text for people."""
