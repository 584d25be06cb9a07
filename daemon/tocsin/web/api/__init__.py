"""The JSON API: incidents, on-call, maintenance windows, and the daemon's state."""
