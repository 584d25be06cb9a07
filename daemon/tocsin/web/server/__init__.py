"""The HTTP server: connections, authentication, request bodies and errors."""
