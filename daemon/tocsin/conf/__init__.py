"""Floor 2: YAML and environment into the domain; the only reader of configuration."""
