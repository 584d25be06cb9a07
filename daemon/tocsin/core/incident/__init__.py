"""The incident: its state, its events and the one table of transitions."""
