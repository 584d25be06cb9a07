"""What can be asked about a source, beside what it tells by itself."""
