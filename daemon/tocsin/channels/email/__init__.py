"""E-mail over SMTP: one message per notification, one thread per incident."""
