"""The SQLite file: connections, locks, the writer, and rescue of a lost database."""
