"""Incidents that tocsin opens about itself."""
