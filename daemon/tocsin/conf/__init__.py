"""Floor 2: from YAML and environment variables to domain objects; the only reader of configuration."""
