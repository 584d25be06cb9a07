"""Tickets on standard output, for a tocsin that has no tracker yet."""
