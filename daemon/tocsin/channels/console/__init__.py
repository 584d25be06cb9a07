"""The console: the page that needs no account."""
