"""Floor 5: the HTTP interfaces."""
