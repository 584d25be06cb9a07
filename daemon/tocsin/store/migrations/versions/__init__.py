"""The schema revisions, written by hand. A released revision is never changed."""
