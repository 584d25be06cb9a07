"""tocsin: stands between Prometheus Alertmanager and the people on call."""

__version__ = "0.2.0"
