"""E-mail over SMTP: one message a notification, an incident a thread."""
