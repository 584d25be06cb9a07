"""Floor 3: figures and logs about the daemon itself."""
