"""The content of messages, before a channel formats it."""
