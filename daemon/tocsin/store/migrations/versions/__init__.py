"""The revisions, oldest first. Written by hand; one that was released is never changed."""
