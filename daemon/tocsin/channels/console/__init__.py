"""The console: prints notifications to a terminal, and needs no provider account."""
