"""Floor 5: the HTTP edges."""
