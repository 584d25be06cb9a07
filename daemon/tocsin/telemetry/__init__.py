"""Floor 3: metrics and logs about the daemon itself."""
