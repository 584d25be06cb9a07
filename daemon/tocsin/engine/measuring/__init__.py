"""The measures of a period, read from the store in pages and computed by `core.measures`."""
